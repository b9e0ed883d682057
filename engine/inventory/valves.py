"""What valves, gardens and irrigation networks say of themselves, and what is taken where they say nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from engine.inventory.attributes import Day, read_attributes
from engine.model import Asset

Method = Literal["sprinkler", "drip"]
Planting = Literal["turf", "sports_turf", "shrubs", "flowerbed", "trees", "young_trees"]
Source = Literal["drinking", "river", "groundwater", "reused"]

METHODS: tuple[Method, ...] = get_args(Method)
PLANTINGS: tuple[Planting, ...] = get_args(Planting)
SOURCES: tuple[Source, ...] = get_args(Source)
USE_OF: Mapping[str, str] = {
    "turf": "lawn",
    "sports_turf": "sports",
    "shrubs": "shrubs",
    "flowerbed": "flowerbed",
    "trees": "trees",
    "young_trees": "trees",
}
"""By planting, the use that drought orders speak of, where a valve states none."""
_PLANTING_OF: Mapping[str, Planting] = {
    "lawn": "turf",
    "shrubs": "shrubs",
    "flowerbed": "flowerbed",
    "trees": "trees",
}
_PROBE_DEPTH_M = 0.2  # where most are put in lawns
_ASSUMED: tuple[Method, Planting, Source] = ("sprinkler", "turf", "drinking")  # those that orders bind most


def _content(value: float) -> float:
    if not 0 < value < 0.9:
        hint = "in m³/m³, more than 0 and less than 0.9" + (": divide per cent by 100" if 1 < value < 90 else "")
        raise ValueError(f"{value:g} is no water content of soil → {hint}")
    return value


WaterContent = Annotated[float, AfterValidator(_content)]


class _Attributes(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, allow_inf_nan=False)


class _Ground(_Attributes):
    """What a valve may say of what it waters, and a garden for all its valves.

    planting    what grows; soil its texture (a name of irrigation.yaml); slope_pct how steep it lies
    planted     the day it was planted: drought orders spare young plants
    source      of the water; use what orders call it, as lawn or sports
    field_capacity, wilting_point   m³/m³, where they were measured: instead of those of the texture
    """

    planting: Planting | None = None
    soil: str | None = Field(None, min_length=1)
    planted: Day | None = None
    source: Source | None = None
    slope_pct: float | None = Field(None, ge=0, le=100)
    use: str | None = Field(None, min_length=1)
    field_capacity: WaterContent | None = None
    wilting_point: WaterContent | None = None


class GardenAttributes(_Ground):
    """Attributes of a Garden. `plants` is the shorter word for its planting."""

    plants: Literal["lawn", "shrubs", "flowerbed", "trees"] | None = None


class ValveAttributes(_Ground):
    """Attributes of an IrrigationValve: what it waters is one hydrozone. Other keys are kept and not read.

    flow_m3_h of the open valve; area_m2 of what it waters; probe the GreenspaceRecord in its ground.
    """

    flow_m3_h: float = Field(gt=0, le=200)
    area_m2: float | None = Field(None, gt=0, le=1e6)
    garden: str | None = Field(None, min_length=1)
    method: Method | None = None
    probe: str | None = Field(None, min_length=1)


class NetworkAttributes(_Attributes):
    """Attributes of an IrrigationNetwork: what its pipe carries, what its water costs, pumping included, and whence."""

    capacity_m3_h: float = Field(gt=0, le=1000)
    price_eur_m3: float | None = Field(None, ge=0, le=100)
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Watered:
    """What a valve waters, how, and with which water: its own word, else its garden's, else its network's, else what
    orders bind most. `assumed` names what nobody stated. `soil` is None, and `slope_pct` 0, where nobody did.
    `measured` holds field_capacity and wilting_point where they were.
    """

    method: Method
    planting: Planting
    use: str
    source: Source
    planted: date | None
    soil: str | None
    slope_pct: float
    assumed: tuple[str, ...]
    measured: Mapping[str, float] = field(default_factory=dict)


def read_valve(attributes: Mapping[str, Any]) -> tuple[ValveAttributes | None, list[tuple[str, str]]]:
    """What a valve says of itself, or everything that is wrong with it: what, and what to do."""
    return read_attributes(ValveAttributes, attributes)


def read_garden(attributes: Mapping[str, Any]) -> tuple[GardenAttributes | None, list[tuple[str, str]]]:
    return read_attributes(GardenAttributes, attributes)


def read_network(attributes: Mapping[str, Any]) -> tuple[NetworkAttributes | None, list[tuple[str, str]]]:
    return read_attributes(NetworkAttributes, attributes)


def read_probe_depth_m(attributes: Mapping[str, Any]) -> float:
    """How deep a GreenspaceRecord says it sits (`depth_cm`), 2 cm to 2 m; 20 cm where it says nothing of use."""
    stated = attributes.get("depth_cm")
    fits = isinstance(stated, int | float) and not isinstance(stated, bool) and 2 <= stated <= 200
    return float(stated) / 100.0 if fits else _PROBE_DEPTH_M  # type: ignore[arg-type] # fits


def watered(
    valve: ValveAttributes, garden: GardenAttributes | None = None, network: NetworkAttributes | None = None
) -> Watered:  # fmt: skip
    """What is taken of a valve, see `Watered`."""
    around = garden or GardenAttributes()
    planting = valve.planting or around.planting or _PLANTING_OF.get(around.plants or "")
    source = valve.source or around.source or (network.source if network else None)
    soil, planted = valve.soil or around.soil, valve.planted or around.planted
    stated = {"method": valve.method, "planting": planting, "source": source, "soil": soil}
    method, kind, water = valve.method or _ASSUMED[0], planting or _ASSUMED[1], source or _ASSUMED[2]
    contents = {name: getattr(valve, name) or getattr(around, name) for name in ("field_capacity", "wilting_point")}
    slope = valve.slope_pct if valve.slope_pct is not None else around.slope_pct
    return Watered(
        method=method,
        planting=kind,
        use=valve.use or around.use or USE_OF[kind],
        source=water,
        planted=date.fromisoformat(planted) if planted else None,
        soil=soil,
        slope_pct=slope or 0.0,
        assumed=tuple(name for name, value in stated.items() if value is None),
        measured={name: value for name, value in contents.items() if value is not None},
    )


def watered_by(valve: Asset, assets: Mapping[str, Asset]) -> Watered | None:
    """What a valve of the inventory waters; None for one that cannot be read. A garden or network that cannot be read
    says nothing.
    """
    row, _ = read_valve(valve.attributes)
    if row is None:
        return None
    garden, network = assets.get(row.garden or ""), assets.get(valve.parent or "")
    return watered(
        row,
        read_garden(garden.attributes)[0] if garden else None,
        read_network(network.attributes)[0] if network else None,
    )
