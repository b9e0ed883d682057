"""How many of what a territory holds, and what its roads are: `inventory.yaml` and `roads.yaml`."""

from collections.abc import Mapping
from math import floor
from pathlib import Path
from typing import Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.documents import read_document
from engine.inventory.lamps import CLASS_LEVELS, LightingClass, RoadClass

_STREET_TYPES = frozenset(
    {"StreetlightControlCabinet", "PresenceDetector", "TrafficFlowObserved", "PedestrianCrossing"}
)
_NEEDED = _STREET_TYPES | {"Streetlight", "StreetlightFeeder"}

# First letters of the names of what stands beside the streets; the lighting has L, A, F, D, T and X.
PREFIXES = {
    "ParkingSpot": "P",
    "IrrigationNetwork": "N",
    "Garden": "G",
    "GreenspaceRecord": "S",
    "IrrigationValve": "V",
    "Building": "B",
    "ACMeasurement": "M",
    "HeatMeter": "H",
    "IndoorEnvironmentObserved": "I",
    "WasteContainer": "R",
    "PumpingStation": "E",
    "Camera": "C",
    "WeatherObserved": "W",
    "WaterNetwork": "Q",
    "WaterConsumptionObserved": "U",
    "AirHandlingUnit": "K",
    "MistingFountain": "Y",
    "VehicleDepot": "DP",
    "Vehicle": "VH",
    "DisposalSite": "DS",
    "PhotovoltaicDevice": "PV",
    "StorageBatteryDevice": "BT",
    "EVChargingStation": "EV",
    "WaterHeater": "WH",
}


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Quantity(_Entry):
    """How many of a type at scale 1, and how they are shared out. `more` of them came later: they move nothing else."""

    count: int = Field(ge=1, le=1_000_000)
    more: int = Field(0, ge=0, le=1_000_000)
    by: Literal["population", "area", "streets"] | None = None
    over: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.by is None) == (self.over is None):
            raise ValueError("a type is shared either by (population, area, streets) or over another type")
        return self


class Variant(_Entry):
    """One way a kind of road is: what CEN/TR 13201-1 asks, the class that follows, the lamps it has."""

    share: int = Field(gt=0)
    speed_kmh: float = Field(gt=0)
    composition: str
    parked_vehicles: bool
    ambient: Literal["high", "moderate", "low"]
    class_normal: LightingClass
    class_full: LightingClass
    led_w: float = Field(gt=0)
    old_w: float = Field(gt=0)

    @model_validator(mode="after")
    def _bright_enough(self) -> Self:
        if CLASS_LEVELS[self.class_full] < CLASS_LEVELS[self.class_normal]:
            raise ValueError(f"class_full {self.class_full} is dimmer than class_normal {self.class_normal}")
        return self


class Road(_Entry):
    """A kind of road: what its counting loops may count at most, the width its lamps light, and its variants."""

    capacity_veh_h: float = Field(gt=0)
    width_m: float = Field(gt=0)
    variants: tuple[Variant, ...] = Field(min_length=1)


class Roads(_Entry):
    """Kinds of road, and the class of a lamp at a crossing by the class of its street."""

    roads: Mapping[RoadClass, Road]
    crossing_classes: Mapping[LightingClass, LightingClass]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if missing := sorted(set(get_args(RoadClass)) - set(self.roads)):
            raise ValueError(f"roads wants {', '.join(missing)}")
        classes = {
            name for road in self.roads.values() for v in road.variants for name in (v.class_normal, v.class_full)
        }
        if missing := sorted(classes - set(self.crossing_classes)):
            raise ValueError(f"crossing_classes wants {', '.join(missing)}")
        return self


class Inventory(_Entry):
    """Counts at scale 1."""

    zones: int = Field(ge=1, le=1_000)
    dimmable: int = Field(ge=0)
    types: Mapping[str, Quantity]

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if missing := sorted(_NEEDED - set(self.types)):
            raise ValueError(f"types wants {', '.join(missing)}")
        for name, quantity in self.types.items():
            if (quantity.by == "streets") != (name in _STREET_TYPES):
                raise ValueError(f"{name}: by streets is for {', '.join(sorted(_STREET_TYPES))}")
            if quantity.over is not None and quantity.over not in list(self.types)[: list(self.types).index(name)]:
                raise ValueError(f"{name}: {quantity.over} wants to stand before it")
        return self

    @model_validator(mode="after")
    def _possible(self) -> Self:
        count = {name: quantity.count for name, quantity in self.types.items()}
        lamps, cabinets = count["Streetlight"], count["StreetlightControlCabinet"]
        if not self.zones <= cabinets <= lamps // 16:
            raise ValueError(
                f"{self.zones} zones, {cabinets} cabinets and {lamps} lamps:"
                " a zone wants a cabinet, a cabinet 16 lamps or more"
            )
        if not count["PresenceDetector"] <= self.dimmable <= lamps:
            raise ValueError(f"dimmable {self.dimmable} wants to lie from the number of detectors to that of lamps")
        if count["PedestrianCrossing"] > lamps:
            raise ValueError("PedestrianCrossing: each one wants a lamp of its own")
        if unknown := sorted(set(count) - _NEEDED - set(PREFIXES)):
            raise ValueError(f"nobody knows how to place {', '.join(unknown)}")
        return self

    def scaled(self, scale: float) -> dict[str, int]:
        """Counts at a scale, rounded half up; at least one of each type."""
        return {name: scaled(quantity.count, scale) for name, quantity in self.types.items()}


def scaled(count: int, scale: float) -> int:
    """A count at a scale, rounded half up, at least one."""
    return max(1, floor(count * scale + 0.5))


def load_inventory(path: Path) -> Inventory:
    """Read and check an inventory. Raises InputError with every problem and its place."""
    return read_document(path).validate(Inventory)


def load_roads(path: Path) -> Roads:
    """Read and check the kinds of road. Raises InputError with every problem and its place."""
    return read_document(path).validate(Roads)
