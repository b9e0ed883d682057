"""What an energy problem and its plan look like as JSON: ids as the user wrote them, units in the field names."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from math import inf, isfinite
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, PlainValidator, WithJsonSchema

from optimizers.documents import Document, PlanHead
from optimizers.energy.problem import EUR

LARGEST_INDEX = 1_000_000


@dataclass(frozen=True)
class Row:
    """What marks a field with a value for each slot, and what null stands for in it: None where it is a mistake."""

    null: float | None


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300 and isfinite(value)


def _row(null: float | None, value: object) -> list[float] | float:
    """Raises ValueError, which pydantic tells with the field's place."""
    if not isinstance(value, list):
        return _once(null, value)
    wrong = [t for t, one in enumerate(value) if not _number(one) and (one is not None or null is None)]
    if wrong:
        raise ValueError(_gap(value[wrong[0]], f"slot {wrong[0]}", len(wrong) - 1))
    return [float(null if one is None and null is not None else one) for one in value]


def _once(null: float | None, value: object) -> float:
    if value is None and null is not None:
        return null
    if not _number(value):
        raise ValueError(_gap(value, "it", 0))
    return float(value)  # type: ignore[arg-type]


def _gap(value: object, where: str, more: int) -> str:
    found = {"None": "null", "nan": "NaN"}.get(str(value), repr(value)) if not isinstance(value, dict) else "an object"
    others = f" and {more} more are none either" if more else ""
    hint = ": a gap in prices or a forecast is filled by who asks, never guessed" if where != "it" else ""
    return f"{where} is {found}{others}, wants a finite number{hint}"


def _schema(null: float | None, *, row: bool) -> WithJsonSchema:
    kinds = [{"type": "number"}, *([{"type": "null"}] if null is not None else [])]
    one: dict[str, Any] = {"anyOf": kinds} if null is not None else {"type": "number"}
    return WithJsonSchema({"anyOf": [*kinds, {"type": "array", "items": one}]} if row else one)


def _rows(null: float | None) -> Any:
    return PlainValidator(partial(_row, null)), Row(null), _schema(null, row=True)


Slots = Annotated[list[float] | float, *_rows(None)]
"""A value for each slot, or one for all of them."""

Most = Annotated[list[float] | float, *_rows(inf)]
"""Likewise; null for no limit."""

Least = Annotated[list[float] | float, *_rows(-inf)]

OneMost = Annotated[float, PlainValidator(partial(_once, inf)), _schema(inf, row=False)]
OneLeast = Annotated[float, PlainValidator(partial(_once, -inf)), _schema(-inf, row=False)]
Index = Annotated[int, Field(ge=-LARGEST_INDEX, le=LARGEST_INDEX)]
Id = Annotated[str, Field(min_length=1)]


class Member(Document):
    """One of a part, with the id that the user gave it."""

    id: Id


class GroupDocument(Member):
    parent: str | None = Field(None, description="id of a group before it, through which it draws")
    import_limit_w: Most = Field(description="most that it may draw; null for no limit")
    export_limit_w: Most = Field(None, validate_default=True, description="most that it may feed in")
    firm: bool = Field(False, description="whether passing its limits trips something: else each kWh beyond costs")
    over_eur_kwh: Slots = Field(0.0, description="what a kWh beyond limits that are not firm costs")
    peak_eur_kw: float = Field(0.0, description="of each kW by which its highest power passes peak_so_far_w")
    peak_so_far_w: float = 0.0


class SiteDocument(Member):
    group: str | None = Field(None, description="id of the group that it draws through")
    base_w: Slots = Field(description="what it draws whatever is planned, as expected; 0 or more")
    margin_w: Slots = Field(0.0, description="with so much more drawn than expected its limits still hold")
    import_eur_kwh: Slots = Field(description="price of energy bought; may be negative")
    export_eur_kwh: Slots = Field(0.0, description="paid for energy fed in")
    import_limit_w: Most = Field(None, validate_default=True, description="contracted power; null for none")
    firm: bool = Field(False, description="whether passing its limits trips the supply: else each kWh beyond costs")
    over_eur_kwh: Slots = Field(0.0, description="what a kWh beyond limits that are not firm costs, besides its price")
    export_limit_w: Most = Field(None, validate_default=True, description="most that may be fed in; null for no limit")
    peak_eur_kw: float = Field(0.0, description="of each kW by which the highest power bought passes peak_so_far_w")
    peak_so_far_w: float = Field(0.0, description="the highest of the billing period until now")
    carbon_g_kwh: Slots = Field(0.0, description="of energy bought")
    carbon_eur_kg: float = Field(0.0, description="what a kg of it is weighed by")


class OrderDocument(Member):
    group: str = Field(description="id of the group that is to draw less")
    first: Index = Field(description="slot from which, 0 is the first of the plan")
    last: Index = Field(description="slot before which")
    baseline_w: Slots = Field(description="what the group would have drawn: what it is certified by")
    ordered_w: float = Field(description="by how much less")
    paid_eur_kwh: float = Field(description="for each kWh less, up to what is ordered")
    short_eur_kwh: float = Field(0.0, description="for each kWh of what is ordered that is not delivered")


class SolarDocument(Member):
    site: str
    available_w: Slots = Field(description="what the sun would give")
    curtailable: bool = Field(False, description="whether it can be told to give less")


class BatteryDocument(Member):
    site: str
    capacity_wh: float = Field(description="most it holds")
    floor_wh: float = Field(0.0, description="least it keeps as a reserve")
    initial_wh: float = Field(description="what it holds now")
    charge_max_w: float = Field(description="at its terminals")
    charge_least_w: float = Field(0.0, description="when it charges at all, at least so much")
    discharge_max_w: float = Field(description="at its terminals")
    charge_efficiency: float = Field(description="of what goes in, what is stored; a fraction")
    discharge_efficiency: float = Field(description="of what is stored, what comes out; a fraction")
    loss_h: float = Field(0.0, description="fraction of what it holds that is lost in an hour")
    wear_eur_kwh: float = Field(0.0, description="of each kWh that comes out")
    end_eur_kwh: float = Field(0.0, description="what a kWh that is stored after the last slot is worth")
    from_grid: bool = Field(True, description="whether it may be charged with energy bought")
    to_grid: bool = Field(True, description="whether it may be emptied into the grid")


class VehicleDocument(Member):
    site: str
    arrive: Index = Field(description="slot from which it is there, 0 is the first of the plan")
    depart: Index = Field(description="slot before which it leaves, within the plan")
    capacity_wh: float = Field(description="most it holds")
    initial_wh: float = Field(description="what it holds on arrival")
    target_wh: float = Field(description="what it is to hold at departure")
    charge_max_w: float = Field(description="at the charging point")
    charge_least_w: float = Field(0.0, description="when it charges at all, at least so much: 6 A")
    discharge_max_w: float = Field(0.0, description="at the charging point")
    charge_efficiency: float = Field(description="of what goes in, what is stored; a fraction")
    discharge_efficiency: float = Field(1.0, description="of what is stored, what comes out; a fraction")
    wear_eur_kwh: float = Field(0.0, description="of each kWh that comes out")


class ThermalDocument(Member):
    """A room, or a tank of hot water."""

    site: str
    capacity_wh_k: float = Field(description="heat that warms its air and what follows at once, or its water, by 1 K")
    loss_w_k: float = Field(description="to outside, for each K it is warmer")
    outdoor_c: Slots = Field(description="outside; where a tank stands")
    gain_w: Slots = Field(0.0, description="heat from sun and people; hot water drawn is negative")
    mass_wh_k: float = Field(0.0, description="of its walls; 0 for a room without")
    coupling_w_k: float = Field(0.0, description="to its walls")
    initial_c: float = Field(description="now")
    mass_initial_c: float | None = Field(None, description="of its walls, now; initial_c by default")
    low_c: Least = Field(None, validate_default=True, description="comfort after each slot; null for none")
    high_c: Most = Field(None, validate_default=True, description="comfort after each slot; null for none")
    floor_c: OneLeast = Field(
        None, validate_default=True, description="safety after each slot: frost, legionella; null for none"
    )
    ceiling_c: OneMost = Field(
        None, validate_default=True, description="safety after each slot: scalding; null for none"
    )
    boost_c: float | None = Field(None, description="to have been that hot once, by boost_slot")
    boost_slot: Index | None = Field(None, description="slot after which at the latest it has been that hot")
    heat_max_w: Slots = Field(description="most heat it can be given")
    heat_least_w: float = Field(0.0, description="when it is heated at all, at least so much")
    cop: Slots = Field(description="heat of a unit of energy bought")
    electric: bool = Field(True, description="whether that is the site's electricity")
    fuel_eur_kwh: Slots = Field(0.0, description="price of the gas or heat bought otherwise")
    fuel_g_kwh: float = Field(0.0, description="its carbon")
    cool_max_w: Slots = Field(0.0, description="most that it can be cooled")
    cool_cop: Slots = Field(1.0, description="cooling of a unit of electricity")


class LoadDocument(Member):
    site: str
    power_w: float = Field(description="when it is on")
    first: Index = Field(description="slot from which it may be on")
    last: Index = Field(description="slot before which")
    slots: Index = Field(description="for how many it is to be on")
    least_on: Index = Field(1, description="slots: once on, on for as many")
    least_off: Index = Field(1, description="slots: once off, off for as many")
    most_starts: Index = Field(1, description="1: in one piece")


class SheddableDocument(Member):
    site: str
    wanted_w: Slots = Field(description="what it would draw")
    shed_eur_kwh: float = Field(description="what each kWh that it is not given costs")
    most_wh: OneMost = Field(
        None, validate_default=True, description="most that it may be given less in all; null for no limit"
    )


class ProblemDocument(Document):
    """An energy problem: sites over slots of time, and what goes through them, see optimizers.energy. Power is in W,
    positive for consumption; a series has a value for each slot, or is one number for all of them.
    """

    start: AwareDatetime | None = Field(
        None, description="when the first slot begins; told for people, not reckoned by"
    )
    slots: Index | None = Field(
        None, description="how many there are; a day has 96 quarters, 92 or 100 with the clocks"
    )
    duration_s: Slots = Field(description="of each slot, or of all where `slots` tells how many there are")
    groups: list[GroupDocument] = Field([], description="limits that sites share, the outermost first")
    sites: list[SiteDocument]
    orders: list[OrderDocument] = Field([], description="to draw less for a while")
    solar: list[SolarDocument] = Field([])
    batteries: list[BatteryDocument] = Field([])
    vehicles: list[VehicleDocument] = Field([])
    rooms: list[ThermalDocument] = Field([])
    tanks: list[ThermalDocument] = Field([])
    loads: list[LoadDocument] = Field([], description="that are on or off")
    sheddable: list[SheddableDocument] = Field([], description="loads that can be given less for a while")


Powers = list[float]


class SitePlanDocument(Member):
    import_w: Powers
    export_w: Powers
    value_eur_kwh: list[float] | None = Field(None, description="what a kWh more drawn would cost")


class SolarPlanDocument(Member):
    solar_w: Powers


class BatteryPlanDocument(Member):
    charge_w: Powers
    discharge_w: Powers
    stored_wh: list[float] = Field(description="after each slot")
    stored_eur_kwh: list[float] | None = Field(None, description="what a kWh more stored after a slot would be worth")


class VehiclePlanDocument(Member):
    vehicle_charge_w: Powers
    vehicle_discharge_w: Powers
    vehicle_stored_wh: list[float] = Field(description="after each slot; what it arrives with, before its stay")


class RoomPlanDocument(Member):
    room_heat_w: Powers
    room_cool_w: Powers
    room_c: list[float] = Field(description="after each slot")
    room_mass_c: list[float] = Field(description="of its walls")


class TankPlanDocument(Member):
    tank_heat_w: Powers
    tank_c: list[float] = Field(description="after each slot")


class LoadPlanDocument(Member):
    on: list[bool]


class SheddablePlanDocument(Member):
    given_w: Powers


class ShortfallDocument(Document):
    safety: float
    comfort: float


class PlanDocument(PlanHead):
    """An energy plan: what each device does in each slot. Objective and bound are the cost, given the shortfall."""

    bound: float | None = Field(description="null where nothing was proved")  # type: ignore[assignment]
    gap: float | None = Field(description="likewise")  # type: ignore[assignment]
    unit: str = EUR
    reproducible: bool = Field(True, description="false where the clock cut the solve short")
    shortfall: ShortfallDocument = Field(description="what it had to leave of what comes before cost")
    sites: list[SitePlanDocument]
    solar: list[SolarPlanDocument] = Field([])
    batteries: list[BatteryPlanDocument] = Field([])
    vehicles: list[VehiclePlanDocument] = Field([])
    rooms: list[RoomPlanDocument] = Field([])
    tanks: list[TankPlanDocument] = Field([])
    loads: list[LoadPlanDocument] = Field([])
    sheddable: list[SheddablePlanDocument] = Field([])


def rows_of(form: type[Document]) -> dict[str, float | None]:
    """Fields of a form with a value for each slot, and what null stands for in each."""
    return dict(_marked(form))


def _marked(form: type[Document]) -> Iterator[tuple[str, float | None]]:
    for name, told in form.model_fields.items():
        for mark in told.metadata:
            if isinstance(mark, Row):
                yield name, mark.null
