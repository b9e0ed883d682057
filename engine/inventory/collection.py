"""What waste containers, trucks and disposal sites say of themselves (attributes of the inventory)."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from engine.inventory.attributes import read_attributes
from engine.setpoints.dated import Hours, Weekday, parse_hours


class _Attributes(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, allow_inf_nan=False)


def _as_tuple(told: Any) -> Any:
    return tuple(told) if isinstance(told, list) else told


_Names = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_as_tuple)]
_Times = Annotated[Hours, BeforeValidator(parse_hours)]


class ContainerAttributes(_Attributes):
    """Attributes of a WasteContainer.

    storedWasteKind   of waste that it is for: the first is what trucks must take
    volume_l          what it holds
    market_day        weekday of the market that it stands at
    narrow            in a street that only narrow trucks enter
    motor_lid         its lid can be locked from afar
    sensor            whether something in it tells its level; taken to be so where nothing is said
    """

    storedWasteKind: _Names = Field(min_length=1)  # noqa: N815 - Smart Data Models' spelling
    volume_l: float = Field(gt=0, le=40_000)
    market_day: Weekday | None = None
    narrow: bool = False
    motor_lid: bool = False
    sensor: bool = True

    @property
    def fraction(self) -> str:
        return self.storedWasteKind[0]


class TruckAttributes(_Attributes):
    """Attributes of a Vehicle that collects.

    fractions     kinds of waste that it may carry, one of them a day
    capacity_kg   its payload
    volume_m3     of its body, compacted waste
    narrow        it enters narrow streets
    quiet         it may drive while the night is to be quiet
    range_m       of its battery or tank, over a day
    shift         local time, from leaving the depot to being back
    """

    fractions: _Names = Field(min_length=1)
    capacity_kg: float = Field(gt=0, le=40_000)
    volume_m3: float = Field(gt=0, le=100)
    narrow: bool = False
    quiet: bool = False
    range_m: float | None = Field(None, gt=0)
    shift: _Times | None = None


class SiteAttributes(_Attributes):
    """Attributes of a DisposalSite: what it takes, when (local time), how long unloading lasts and how long the queue
    before it usually is.
    """

    fractions: _Names = Field(min_length=1)
    hours: _Times | None = None
    unload_s: float | None = Field(None, ge=0, le=4 * 3600)
    queue_s: float | None = Field(None, ge=0, le=4 * 3600)


def read_container(attributes: Mapping[str, Any]) -> tuple[ContainerAttributes | None, list[tuple[str, str]]]:
    """What a container says of itself, or everything that is wrong with it: what, and what to do."""
    return read_attributes(ContainerAttributes, attributes)


def read_truck(attributes: Mapping[str, Any]) -> tuple[TruckAttributes | None, list[tuple[str, str]]]:
    return read_attributes(TruckAttributes, attributes)


def read_site(attributes: Mapping[str, Any]) -> tuple[SiteAttributes | None, list[tuple[str, str]]]:
    return read_attributes(SiteAttributes, attributes)
