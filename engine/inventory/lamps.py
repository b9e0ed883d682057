"""What a street light must say of itself, and the EN 13201-2 classes it may name."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from engine.dali import Scale, flux_of
from engine.inventory.attributes import Day, read_attributes

# Maintained average luminance (cd/m², M) or illuminance (lx, C and P). EN 13201-2:2015, tables 1 to 3.
# P7 states no performance.
CLASS_LEVELS = (
    {"M1": 2.00, "M2": 1.50, "M3": 1.00, "M4": 0.75, "M5": 0.50, "M6": 0.30}
    | {"C0": 50.0, "C1": 30.0, "C2": 20.0, "C3": 15.0, "C4": 10.0, "C5": 7.50}
    | {"P1": 15.0, "P2": 10.0, "P3": 7.50, "P4": 5.00, "P5": 3.00, "P6": 2.00, "P7": 0.0}
)
_OLD_FAMILIES = {"MEW": "M", "ME": "M", "CE": "C", "S": "P"}  # EN 13201-2:2003
_UNPLANNED = (
    {f"A{n}": "hemispherical illuminance of 2003, HS since 2015" for n in range(1, 7)}
    | {f"HS{n}": "hemispherical illuminance" for n in range(1, 5)}
    | {f"ES{n}": "semi-cylindrical illuminance of 2003, SC since 2015" for n in range(1, 10)}
    | {f"SC{n}": "semi-cylindrical illuminance" for n in range(1, 10)}
    | {f"EV{n}": "vertical illuminance" for n in range(1, 7)}
)
_DIMMEST_BOOST = 0.05

RoadClass = Literal["main", "collector", "residential", "path"]


def known_class(name: str) -> str:
    """The name itself if it is a lighting class. Raises ValueError "what → hint", also for those of 2003."""
    if name in CLASS_LEVELS:
        return name
    for old, new in _OLD_FAMILIES.items():
        modern = new + name.removeprefix(old).rstrip("abc")
        if name.startswith(old) and modern in CLASS_LEVELS:
            raise ValueError(f"{name!r} is a lighting class of EN 13201-2:2003 → since 2015 it is {modern}")
    if name in _UNPLANNED:
        raise ValueError(f"{name!r} is a class of {_UNPLANNED[name]}, by which nothing is planned → give the M, C or P")
    raise ValueError(f"{name!r} is not a lighting class → one of M1…M6, C0…C5, P1…P7")


LightingClass = Annotated[str, AfterValidator(known_class)]


Share = Annotated[float, Field(ge=0, le=1)]


class LampAttributes(BaseModel):
    """Attributes of a Streetlight. Other keys are kept and not read.

    `power_w` is the system power at full flux; `luminance_full` what full flux maintains to the end of the lamp's life,
    in cd/m² for an M class and lx for C and P, at least what `class_full` asks. Lamps of a `segment` follow each other
    by `order`. A `class_normal` beyond `class_full` is a lamp too small for its street: it is planned full, and told.

    What may be said beside:

    address             of the lamp at its gateway, no two alike
    area_m2             of the surface it lights; `flux_lm` what leaves the luminaire at full when new
    cct_k, ulr          colour temperature; share of the flux that goes up as it is installed
    agglomeration       whether it stands within one (arrêté of 27 December 2018)
    maintenance_factor  `luminance_full` over the level when new: light lost to age and dirt at the end of life
    burning_h           hours it has burned; or `installed`, the day it was hung, which gives them
    clo                 constant light output: the driver holds `luminance_full` by itself and draws `power_w` at the
                        end of life only
    detector            the PresenceDetector at which it brightens by itself to `boost`, for `hold_s` after the last
                        one seen. Without `boost`: to the flux of its normal class
    level_scale         how `boost` is written: share of full flux, per cent, or arc power levels of a DALI bus
    """

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, allow_inf_nan=False)

    segment: str = Field(min_length=1)
    order: int = Field(ge=0)
    road_class: RoadClass
    dimmable: bool
    power_w: float = Field(gt=0, le=2000)
    standby_w: float = Field(ge=0, le=50)
    flux_curve: str = Field(min_length=1)
    class_full: LightingClass
    luminance_full: float = Field(gt=0)
    class_normal: LightingClass
    counter: str = Field(min_length=1)
    speed_kmh: float = Field(gt=0, le=130)
    composition: Literal[
        "motorised_only",
        "mixed",
        "mixed_high_nonmotorised",
        "pedestrians_cyclists_motorised",
        "pedestrians_motorised",
        "pedestrians_cyclists",
        "pedestrians",
        "cyclists",
    ]
    parked_vehicles: bool
    ambient: Literal["high", "moderate", "low"]
    crossing: bool

    address: str | int | None = None
    area_m2: float | None = Field(None, gt=0)
    flux_lm: float | None = Field(None, gt=0)
    cct_k: float | None = Field(None, ge=1000, le=20000)
    ulr: Share | None = None
    agglomeration: bool = True
    maintenance_factor: float | None = Field(None, ge=0.5, le=1)
    burning_h: float | None = Field(None, ge=0)
    installed: Day | None = None
    clo: bool = False
    detector: str | None = Field(None, min_length=1)
    boost: float | None = None
    hold_s: float | None = Field(None, gt=0, le=3600)
    level_scale: Scale = "share"

    @property
    def boost_flux(self) -> float | None:
        """`boost` as a share of full flux."""
        return None if self.boost is None else flux_of(self.boost, self.level_scale)

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if wrong := list(self._contradictions()):
            raise ValueError("\n".join(wrong))
        return self

    def _contradictions(self) -> Iterator[str]:
        """Each as "what → hint"."""
        level = CLASS_LEVELS[self.class_full]
        if self.luminance_full < level:
            under = f"luminance_full {self.luminance_full:g} is under the {level:g} of {self.class_full}"
            yield f"{under} → measure again, or lower class_full"
        if self.standby_w >= self.power_w:
            yield f"standby_w {self.standby_w:g} is not under power_w {self.power_w:g} → measure again"
        if self.burning_h is not None and self.installed is not None:
            yield "burning_h and installed say the same twice → keep burning_h, which was counted"
        if self.detector is None and (self.boost is not None or self.hold_s is not None):
            yield "boost and hold_s belong to a lamp with a detector → name its detector"
        if self.detector is not None and not self.dimmable:
            yield "a lamp that cannot dim cannot brighten → take its detector away"
        try:
            boost = self.boost_flux
        except ValueError as error:
            yield f"boost {error}"
        else:
            if boost is not None and boost < _DIMMEST_BOOST:
                yield (
                    f"boost {self.boost:g} is {100 * boost:.2g} % of full by the scale {self.level_scale!r}"
                    " → a boost is bright: another scale was meant"
                )


def read_lamp(attributes: Mapping[str, Any]) -> tuple[LampAttributes | None, list[tuple[str, str]]]:
    """What a lamp says of itself, or everything that is wrong with it: what, and what to do."""
    return read_attributes(LampAttributes, attributes)
