"""A day of an office in the twin whose plans are made of a forecast that is wrong: what it costs, and what it does not.

One meter of 36 kVA that trips, a battery, a roof, a heat pump, two vehicles. Plans are made anew each hour, and each
time the forecast is as wrong. It is held against now alone: what was drawn more than foreseen in two hours is expected
of the next two, what is colder outside than foreseen is so less and less for twelve. What goes out is what the service
sends: bands, limits and setpoints.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache

import numpy as np

from engine.instants import PARIS
from jobs.energy.occupancy import occupancy
from jobs.energy.sites import Span
from optimizers.arrays import Floats
from optimizers.energy import (
    Batteries,
    EnergyProblem,
    Horizon,
    Sites,
    Solar,
    Thermal,
    Vehicles,
    bands,
    solve,
)  # fmt: skip
from optimizers.result import Limits
from tests.bench.energy_heat import CLOSE_K, Case, Told, scheduled, school, tables
from tests.bench.energy_learnt import QUARTER_H, Heard, Learnt, learn
from twin.energy.battery import Cells
from twin.energy.charging import Stay
from twin.energy.kinds import TIMETABLES, Age, made_fabric, made_plant
from twin.energy.outside import QUARTER, Outside, made_outside
from twin.energy.people import made_quarters
from twin.energy.plant import Source
from twin.energy.premises import ANGERS, House, Premises, Store
from twin.energy.sun import Roof, sine_of_elevation
from twin.irrigation.weather import BRUSSELS

USE, FLOOR_M2 = "office", 600.0
LIMIT_W = 36_000 * 0.93
"""Of a meter of 36 kVA, which trips (Enedis: W of a VA)."""
FED_IN_EUR = 0.04
LEARNING = timedelta(days=21)
AHEAD = timedelta(hours=30)
_MARGIN = 0.15
_LATELY, _FADES = 8, 48  # quarters
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Wrong:
    """By what a forecast is off: load and sun by a factor, the outdoor temperature by a factor of what is missing to
    20 °C; and whether prices come in the reverse order of what they are."""

    name: str
    load: float = 1.0
    sun: float = 1.0
    degrees: float = 1.0
    reversed_prices: bool = False


RIGHT = Wrong("right")
ALL = Wrong("all of it, for the worse", load=0.5, sun=1.5, degrees=0.5, reversed_prices=True)
WRONGS = (
    RIGHT, Wrong("load half of what comes", load=0.5), Wrong("load half as much again", load=1.5),
    Wrong("sun half of what comes", sun=0.5), Wrong("sun half as much again", sun=1.5),
    Wrong("half as cold as it is", degrees=0.5), Wrong("half as cold again", degrees=1.5),
    Wrong("prices in reverse order", reversed_prices=True), ALL,
)  # fmt: skip


@dataclass(frozen=True)
class Came:
    """Of a day: EUR, with what is stored at its end at the day's mean price; hours with people in and those that were
    warm; kWh that vehicles lacked; how often the meter tripped, and the highest minute over its limit."""

    eur: float
    occupied_h: float
    warm_h: float
    lacking_kwh: float
    trips: int
    highest: float


@dataclass(frozen=True, eq=False)
class Day:
    """A day and what came before it: what the office is, the sky, true prices by quarter, and what was learnt of it."""

    what: Premises
    outside: Sequence[Outside]
    start: datetime
    eur_kwh: Mapping[datetime, float]
    learnt: Learnt
    told: Told
    seed: int


@cache
def made_day(seed: int, first: date = date(2026, 1, 12)) -> Day:
    """A working day after weeks in which the office followed its timetable, and was learnt."""
    random = np.random.default_rng([seed, 31])
    day = first + 7 * (seed % 4) * _DAY
    outside = made_outside(BRUSSELS, ANGERS.longitude_deg, day - LEARNING, LEARNING.days + 3, random)
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    what = _office(outside, start, random)
    house = House(what, outside, outside[0].at, step=timedelta(minutes=5), seed=seed)
    told = _weeks(house, outside, start)
    prices = _prices([one.at for one in outside if one.at > start], random)
    first_guess = Learnt(capacity_wh_k=5_000, mass_wh_k=33_000, coupling_w_k=4_500, loss_w_k=1_000)
    heard = Heard(**{name: np.array(getattr(told, name)) for name in Heard.__dataclass_fields__})
    return Day(house.as_it_is(), outside, start, prices, learn(heard, first_guess), told, seed)


def _office(outside: Sequence[Outside], start: datetime, random: np.random.Generator) -> Premises:
    fabric = made_fabric(USE, FLOOR_M2, Age.MIDDLE, random)
    cells = Cells(capacity_wh=30_000, charge_max_w=12_000, discharge_max_w=12_000)
    stays = [
        Stay(station="EV-1", arrives_at=start + timedelta(hours=7.25), departs_at=start + timedelta(hours=15.5),
             capacity_wh=52_000, stored_wh=20_000, wanted_wh=18_000, charge_max_w=11_000),
        Stay(station="EV-2", arrives_at=start + timedelta(hours=16.5), departs_at=start + timedelta(hours=23.75),
             capacity_wh=52_000, stored_wh=15_000, wanted_wh=22_000, charge_max_w=11_000),
    ]  # fmt: skip
    return Premises(
        building="office",
        fabric=fabric,
        warmth=fabric.settled(outside[0].air_c, 18.0),
        plant=made_plant(Source.HEAT_PUMP, fabric),
        quarters=made_quarters(USE, FLOOR_M2, [one.at for one in outside], lambda _: False, random),
        timetable=TIMETABLES[USE],
        batteries={"BT": Store(cells=cells, stored_wh=12_000)},
        roofs={"PV": Roof(peak_w=12_000)},
        stations={"EV-1": (11_040.0, 3), "EV-2": (11_040.0, 3)},
        stays=tuple(stays),
    )


def _weeks(house: House, outside: Sequence[Outside], start: datetime) -> Told:
    told = Told(Case(USE, Age.MIDDLE, Source.HEAT_PUMP), outside[0].at, heat_max_w=house.what.plant.heat_max_w)
    for one in outside[1:]:
        if one.at > start:
            break
        before = house.counted.heat_wh
        house.advance(one.at)
        _hear(told, house, house.counted.heat_wh - before)
    return told


def _hear(told: Told, house: House, heat_wh: float) -> None:
    now = house.outside(house.at)
    told.room_c.append(round(0.85 * house.warmth.air_c + 0.15 * house.warmth.inner_c, 1))
    told.outdoor_c.append(now.air_c)
    told.sun_w_m2.append(now.sun_w_m2)
    told.heat_w.append(heat_wh / QUARTER_H)
    told.present.append(scheduled(USE, house.at - QUARTER / 2))


def _prices(ends: Sequence[datetime], random: np.random.Generator) -> dict[datetime, float]:
    """Two peaks, cheap at night and at noon, every day a little other; EUR/kWh of all that a kWh costs."""
    level = 0.16 * (1 + 0.1 * random.standard_normal())
    local = [(end - QUARTER / 2).astimezone(PARIS) for end in ends]
    hour = np.array([at.hour + at.minute / 60 for at in local])
    peaks = np.exp(-(((hour - 8.5) / 2) ** 2)) + 1.3 * np.exp(-(((hour - 19) / 2) ** 2))
    dips = np.exp(-(((hour - 3.5) / 3) ** 2)) + 0.7 * np.exp(-(((hour - 13.5) / 2) ** 2))
    eur = level * (1 + 0.6 * peaks - 0.45 * dips)
    return dict(zip(ends, eur.tolist(), strict=True))


# --- what is foreseen, and planned ----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Seen:
    """(T,) of the coming quarters, as a forecast has them."""

    base_w: Floats
    solar_w: Floats
    outdoor_c: Floats
    sun_w_m2: Floats
    eur_kwh: Floats


def seen(day: Day, at: datetime, wrong: Wrong) -> Seen:
    coming = [one for one in day.outside if at < one.at <= at + AHEAD]
    quarters = {one.at: one for one in day.what.quarters}
    (roof,) = day.what.roofs.values()
    sun = np.array([one.sun_w_m2 for one in coming])
    solar = [
        roof.available_w(one.sun_w_m2, one.air_c, sine_of_elevation(one.at - QUARTER / 2, *ANGERS)) for one in coming
    ]
    air = np.array([one.air_c for one in coming])
    base = np.array([quarters[one.at].base_w for one in coming])
    now_c = next(one.air_c for one in day.outside if one.at >= at)
    fading = np.clip(1.0 - np.arange(air.size) / _FADES, 0.0, 1.0)
    return Seen(
        base_w=np.maximum(wrong.load * base + _lately(day, at, wrong, base.size), 0.0),
        solar_w=wrong.sun * np.array(solar),
        outdoor_c=20.0 - wrong.degrees * (20.0 - air) + fading * (1 - wrong.degrees) * (now_c - 20.0),
        sun_w_m2=wrong.sun * sun,
        eur_kwh=_as_foreseen(day, [one.at for one in coming], wrong),
    )


def _lately(day: Day, at: datetime, wrong: Wrong, slots: int) -> Floats:
    """W more than was foreseen of the last two hours, expected of the next two: as the service has it."""
    past = [one.base_w for one in day.what.quarters if at - _LATELY * QUARTER < one.at <= at]
    more = (1 - wrong.load) * float(np.median(past)) if past else 0.0
    return np.where(np.arange(slots) < _LATELY, more, 0.0)


def _as_foreseen(day: Day, ends: Sequence[datetime], wrong: Wrong) -> Floats:
    """In reverse order: of each day the dearest quarter has the price of the cheapest, and so on."""
    true = np.array([day.eur_kwh[end] for end in ends])
    if not wrong.reversed_prices:
        return true
    turned = np.empty_like(true)
    days = np.array([(end - QUARTER / 2).date().toordinal() for end in ends])
    for one in np.unique(days):
        order = np.flatnonzero(days == one)[np.argsort(true[days == one], kind="stable")]
        turned[order] = np.sort(true[days == one])[::-1]
    return turned


def problem_of(day: Day, house: House, told: Told, at: datetime, wrong: Wrong) -> EnergyProblem:
    found = seen(day, at, wrong)
    slots = found.base_w.size
    span = Span.between(at, at + slots * QUARTER, QUARTER)
    store = day.what.batteries["BT"]
    mean = float(found.eur_kwh.mean())
    return EnergyProblem(
        horizon=Horizon(duration_s=np.full(slots, 900.0)),
        sites=Sites(
            names=("office",), base_w=found.base_w[None], margin_w=_MARGIN * found.base_w[None],
            import_eur_kwh=found.eur_kwh[None], export_eur_kwh=np.array(FED_IN_EUR),
            import_limit_w=np.array(LIMIT_W), firm=np.array([True]),
        ),
        solar=Solar(names=("PV",), site=np.array([0]), available_w=found.solar_w[None]),
        batteries=Batteries(
            names=("BT",), site=np.array([0]), capacity_wh=np.array([store.cells.capacity_wh]),
            floor_wh=np.array([store.reserve * store.cells.capacity_wh]),
            initial_wh=np.array([house.batteries["BT"].stored_wh]), charge_max_w=np.array([store.cells.charge_max_w]),
            discharge_max_w=np.array([store.cells.discharge_max_w]),
            charge_efficiency=np.array([store.charge_efficiency]),
            discharge_efficiency=np.array([store.discharge_efficiency]), wear_eur_kwh=np.array([0.02]),
            end_eur_kwh=np.array([0.9 * mean]),
        ),
        vehicles=_vehicles(house, at, slots),
        rooms=_room(day, told, found, span),
    )  # fmt: skip


def _vehicles(house: House, at: datetime, slots: int) -> Vehicles | None:
    """Those that are connected: nobody knows of others."""
    there = [(name, one, stay) for name, one in house.stations.items() if (stay := one.at(at)) is not None]
    if not there:
        return None
    wanted = np.array([one.still_wanted_wh for _, one, _ in there])
    return Vehicles(
        names=tuple(name for name, _, _ in there), site=np.zeros(len(there), np.int64),
        arrive=np.zeros(len(there), np.int64),
        depart=np.array([min(max((stay.departs_at - at) // QUARTER, 1), slots) for _, _, stay in there]),
        capacity_wh=np.maximum(0.9 * wanted, 1.0), initial_wh=np.zeros(len(there)), target_wh=0.9 * wanted,
        charge_max_w=np.full(len(there), 11_000.0), charge_efficiency=np.full(len(there), 0.9),
        charge_least_w=np.full(len(there), 4_140.0),
    )  # fmt: skip


def _room(day: Day, told: Told, found: Seen, span: Span) -> Thermal:
    learnt = day.learnt
    wanted = occupancy(USE, span, tables(), school())
    recent = np.array(told.room_c[-3 * 96 :])
    present = np.array([scheduled(USE, start + QUARTER / 2) for start in span.starts])
    return Thermal(
        names=("office",), site=np.array([0]), capacity_wh_k=np.array([learnt.capacity_wh_k]),
        loss_w_k=np.array([learnt.loss_w_k]), mass_wh_k=np.array([learnt.mass_wh_k]),
        coupling_w_k=np.array([learnt.coupling_w_k]), outdoor_c=found.outdoor_c[None],
        gain_w=learnt.gain_w(found.sun_w_m2, present)[None], initial_c=recent[-1:],
        mass_initial_c=np.array([learnt.mass_c(recent)]), low_c=wanted.low_c[None],
        floor_c=np.array([tables().frost_c]), heat_max_w=np.array(told.most_w()),
        cop=tables().heat["heatPump"].cop_at(found.outdoor_c)[None],
    )  # fmt: skip


# --- who runs it ----------------------------------------------------------------------------------------------------


class Sent:
    """What was sent last: by point, a value for each quarter."""

    def __init__(self) -> None:
        self._asked: dict[tuple[str, str, datetime], float] = {}

    def send(self, asset: str, point: str, starts: Sequence[datetime], values: Floats) -> None:
        self._asked |= {(asset, point, at): value for at, value in zip(starts, values.tolist(), strict=True)}

    def asked(self, asset: str, point: str, at: datetime) -> float | None:
        quarter = at - timedelta(minutes=at.minute % 15, seconds=at.second, microseconds=at.microsecond)
        return self._asked.get((asset, point, quarter))


class Rule:
    """What stands without plans: self-consumption, the timetable, vehicles at once with what the contract leaves."""

    def asked(self, asset: str, point: str, at: datetime) -> float | None:  # noqa: ARG002 - at all times alike
        if point in {"importLeast", "importMost"}:
            return 0.0
        return LIMIT_W if point == "powerLimit" and asset.startswith("EV") else None


def plan(day: Day, house: House, told: Told, at: datetime, wrong: Wrong, sent: Sent) -> None:
    """Solve, and send what the service would."""
    problem = problem_of(day, house, told, at, wrong)
    made = solve(problem, Limits(seconds=20.0, gap=0.005))
    if not made.room_c.size:
        return
    starts = [at + k * QUARTER for k in range(len(problem.horizon))]
    band = bands(problem, made)
    sent.send("BT", "power", starts, band.power_w[0])
    sent.send("BT", "importLeast", starts, band.import_least_w[0])
    sent.send("BT", "importMost", starts, band.import_most_w[0])
    assert problem.rooms is not None
    heats = made.room_heat_w[0] > 1.0
    sent.send(
        "office", "heatingSetpoint", starts,
        np.where(heats, made.room_c[0], np.minimum(problem.rooms.low_c[0], made.room_c[0])),
    )  # fmt: skip
    for name in house.stations:
        row = problem.vehicles.names.index(name) if problem.vehicles and name in problem.vehicles.names else None
        sent.send(name, "powerLimit", starts, np.zeros(len(starts)) if row is None else made.vehicle_charge_w[row])


def ran(day: Day, wrong: Wrong | None) -> Came:
    """The day under plans of a forecast; under the rule where there is none."""
    sent = Sent()
    told = replace(day.told, **{name: list(getattr(day.told, name)) for name in Heard.__dataclass_fields__})
    what = replace(day.what, limit_w=LIMIT_W)
    house = House(what, day.outside, day.start, orders=Rule() if wrong is None else sent, seed=day.seed)
    eur, warm, highest = 0.0, np.zeros(2), 0.0
    for number in range(96):
        at = day.start + number * QUARTER
        if wrong is not None and (not at.minute or _came(house, day, at)):
            plan(day, house, told, at, wrong, sent)
        before = house.counted
        highest = max(highest, *(now.meter_w / LIMIT_W for now in house.steps(at + QUARTER)))
        now = house.counted
        _hear(told, house, now.heat_wh - before.heat_wh)
        price = day.eur_kwh[at + QUARTER]
        eur += (price * (now.import_wh - before.import_wh) - FED_IN_EUR * (now.export_wh - before.export_wh)) / 1e3
        warm += _warm(house)
    house.advance(day.start + _DAY)
    mean = float(np.mean([day.eur_kwh[day.start + k * QUARTER] for k in range(1, 97)]))
    stored = house.batteries["BT"].stored_wh - day.what.batteries["BT"].stored_wh
    assert house.breaker is not None
    return Came(
        eur - 0.9 * mean * stored / 1e3, *warm.tolist(), _lacking(house, day), len(house.breaker.trips), highest
    )


def _came(house: House, day: Day, at: datetime) -> bool:
    """Whether a vehicle has come in the quarter before: that is planned for at once."""
    return any(at - QUARTER < stay.arrives_at <= at for stay in day.what.stays) and bool(house.stations)


def _warm(house: House) -> Floats:
    if house.quarter(house.at).people <= 0:
        return np.zeros(2)
    return QUARTER_H * np.array([1.0, house.warmth.air_c >= tables().of_use(USE).present - CLOSE_K])


def _lacking(house: House, day: Day) -> float:
    for station in house.stations.values():
        station.at(day.start + _DAY)
    return sum(
        max(stay.wanted_wh - got, 0.0) / 1e3 for station in house.stations.values() for stay, got in station.charged_wh
    )
