"""What a street light must say of itself, and the EN 13201-2 classes it may name."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

# Maintained average luminance (cd/m², M) or illuminance (lx, C and P). EN 13201-2:2015, tables 1 to 3.
# P7 states no performance.
CLASS_LEVELS = (
    {"M1": 2.00, "M2": 1.50, "M3": 1.00, "M4": 0.75, "M5": 0.50, "M6": 0.30}
    | {"C0": 50.0, "C1": 30.0, "C2": 20.0, "C3": 15.0, "C4": 10.0, "C5": 7.50}
    | {"P1": 15.0, "P2": 10.0, "P3": 7.50, "P4": 5.00, "P5": 3.00, "P6": 2.00, "P7": 0.0}
)
_OLD_FAMILIES = {"MEW": "M", "ME": "M", "CE": "C", "S": "P"}  # EN 13201-2:2003

RoadClass = Literal["main", "collector", "residential", "path"]


def known_class(name: str) -> str:
    """The name itself if it is a lighting class. Raises ValueError "what → hint", also for those of 2003."""
    if name in CLASS_LEVELS:
        return name
    for old, new in _OLD_FAMILIES.items():
        modern = new + name.removeprefix(old).rstrip("abc")
        if name.startswith(old) and modern in CLASS_LEVELS:
            raise ValueError(f"{name!r} is a lighting class of EN 13201-2:2003 → since 2015 it is {modern}")
    raise ValueError(f"{name!r} is not a lighting class → one of M1…M6, C0…C5, P1…P7")


LightingClass = Annotated[str, AfterValidator(known_class)]


class LampAttributes(BaseModel):
    """Attributes of a Streetlight. Other keys are kept and not read.

    `power_w` is the system power at full flux; `luminance_full` what full flux maintains, in cd/m² for an M class and
    lx for C and P, at least what `class_full` asks. Lamps of a `segment` follow each other by `order`.
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

    @model_validator(mode="after")
    def _bright_enough(self) -> Self:
        level = CLASS_LEVELS[self.class_full]
        if self.luminance_full < level:
            raise ValueError(
                f"luminance_full {self.luminance_full:g} is under the {level:g} of {self.class_full}"
                " → measure again, or lower class_full"
            )
        if self.class_normal[0] == self.class_full[0] and CLASS_LEVELS[self.class_normal] > level:
            raise ValueError(
                f"class_normal {self.class_normal} is brighter than class_full {self.class_full}"
                " → the lamp is too small for its street: change the lamp or the class"
            )
        return self
