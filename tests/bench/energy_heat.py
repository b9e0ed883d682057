"""Heating seasons of public buildings in the twin: what a policy asks its thermostat, and what came of it.

The building is the twin's (three temperatures, ventilation, cycling, people who vary); a policy sees what meters and
probes told, the calendar, and a forecast that errs.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np

from engine.calendar import SchoolCalendar, load_school_calendar, public_holidays, school_holiday
from engine.instants import PARIS
from jobs.energy.occupancy import occupancy
from jobs.energy.setpoints import to_come_to
from jobs.energy.sites import Span
from jobs.energy.tables import EnergyTables, load_tables
from optimizers.arrays import Floats
from optimizers.energy import EnergyProblem, Horizon, Sites, Thermal, solve
from tests.bench.energy_learnt import QUARTER_H, Heard, Learnt, learn
from twin.energy.kinds import TIMETABLES, Age, made_fabric, made_plant
from twin.energy.outside import QUARTER, Outside, between, made_outside, quarters
from twin.energy.people import HABITS, hours_of, made_quarters, share_in
from twin.energy.plant import Source
from twin.energy.premises import ANGERS, House, Premises, Timetable
from twin.energy.sun import clear_sky_w_m2, sine_of_elevation
from twin.irrigation.weather import BRUSSELS

REFERENCE = Path("datasets/reference")
SLOT = timedelta(minutes=30)
AHEAD = timedelta(hours=36)
LEARNS_FROM = 21 * 96
"""Quarters from which a building is learnt, each Sunday anew."""
LEARNING = timedelta(days=21)
"""Weeks before the season that all policies spend under the fixed timetable."""
CLOSE_K = 0.5
"""A room half a kelvin below what is wanted is warm: no thermostat holds better."""
PRICES = {Source.HEAT_PUMP: 0.18, Source.BOILER: 0.085, Source.DISTRICT: 0.095}
"""EUR/kWh bought, one price at all hours: so what is saved in energy is saved in cost."""
_SKILL_C, _SKILL_SUN = 1.2, 0.35
"""Standard deviation of what is foreseen for a day ahead: of temperature in K, of the logarithm of sun. Ours."""


@dataclass(frozen=True)
class Case:
    """A building and its season. `weather`: a folder of measurements of 2023, None for made weather."""

    use: str
    age: Age
    source: Source
    floor_m2: float = 2_000.0
    seed: int = 1
    first: date = date(2025, 10, 13)
    days: int = 182
    weather: Path | None = None

    @property
    def name(self) -> str:
        return f"{self.use}, {self.age}, {self.source}"


@cache
def tables() -> EnergyTables:
    return load_tables(REFERENCE / "energy.yaml")


@cache
def school() -> SchoolCalendar:
    return load_school_calendar(REFERENCE / "school_holidays.yaml")


def closed(use: str, day: date) -> bool:
    return day in public_holidays(day.year) or (HABITS[use].closes and bool(school_holiday(day, school())))


def sky(case: Case) -> list[Outside]:
    first = case.first - LEARNING
    if case.weather is not None:
        return list(_measured(case.weather, first, case.days + LEARNING.days + 2))
    random = np.random.default_rng([case.seed, 11])
    return made_outside(BRUSSELS, ANGERS.longitude_deg, first, case.days + LEARNING.days + 2, random)


def _measured(folder: Path, first: date, days: int) -> Iterator[Outside]:
    """By the three hours; sun of a clear sky through as much as clouds leave (Kasten and Czeplak 1980)."""
    with (folder / "orly_07149_2023_3h.csv").open(encoding="utf-8") as file:
        rows = [(datetime.fromisoformat(row["time"].replace("Z", "+00:00")), row) for row in csv.DictReader(file)]
    rows = [(at, row) for at, row in rows if row["t_c"]]
    hours = [at for at, _ in rows]
    air = np.array([float(row["t_c"]) for _, row in rows])
    through = np.array([1 - 0.75 * (float(row["cloud_pct"] or 50) / 100) ** 3.4 for _, row in rows])
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    for one in between(hours, air, through, quarters(start, start + timedelta(days=days))):
        sine = sine_of_elevation(one.at - QUARTER / 2, *ANGERS)
        yield Outside(one.at, one.air_c, one.sun_w_m2 * clear_sky_w_m2(sine))


def premises(case: Case, outside: Sequence[Outside]) -> Premises:
    random = np.random.default_rng([case.seed, *case.name.encode()])
    fabric = made_fabric(case.use, case.floor_m2, case.age, random)
    return Premises(
        building=case.name,
        fabric=fabric,
        warmth=fabric.settled(outside[0].air_c, 18.0),
        plant=made_plant(case.source, fabric),
        quarters=made_quarters(
            case.use, case.floor_m2, [one.at for one in outside], lambda day: closed(case.use, day), random
        ),
        timetable=TIMETABLES[case.use],
    )


@dataclass
class Told:
    """What a building told until now, quarter by quarter, and what may be known of it."""

    case: Case
    start_at: datetime
    room_c: list[float] = field(default_factory=list)
    outdoor_c: list[float] = field(default_factory=list)
    heat_w: list[float] = field(default_factory=list)
    sun_w_m2: list[float] = field(default_factory=list)
    present: list[float] = field(default_factory=list)
    heat_max_w: float = 0.0

    def most_w(self) -> float:
        """Most heat that may be counted on: what its meter showed of full heat on a cold day, where it showed that; a
        heat pump gives less than is written on it."""
        heat = np.array(self.heat_w[-LEARNS_FROM:])
        full = heat[heat > 0.6 * self.heat_max_w]
        return float(np.quantile(full, 0.25)) if full.size >= 8 else 0.9 * self.heat_max_w

    def most_at_w(self, outdoor_c: Floats) -> Floats:
        """(T,) most heat by the temperature outside: a line through the highest quarter of each day on which it came
        near what is written on it. Where it seldom did, nine tenths of that."""
        days = len(self.heat_w[-2 * LEARNS_FROM :]) // 96
        heat, cold = (np.array(v[-96 * days :]).reshape(days, 96) for v in (self.heat_w, self.outdoor_c))
        rows, top = np.arange(days), heat.argmax(axis=1)
        highest, outdoor = heat[rows, top], cold[rows, top]
        near = highest > 0.5 * self.heat_max_w
        if near.sum() < 8 or np.ptp(outdoor[near]) < 2.0:
            return np.full(outdoor_c.shape, 0.9 * self.heat_max_w)
        slope, level = np.polyfit(outdoor[near], highest[near], 1)
        return np.clip(level + max(slope, 0.0) * outdoor_c, 0.4 * self.heat_max_w, 0.95 * self.heat_max_w)

    def heard(self) -> Heard:
        names = ("room_c", "outdoor_c", "heat_w", "sun_w_m2", "present")
        return Heard(**{name: np.array(getattr(self, name)[-LEARNS_FROM:]) for name in names})


class Policy(Protocol):
    """Asks for setpoints."""

    def plan(self, at: datetime, told: Told, ahead: Sequence[Outside]) -> None:
        """At each full hour. `ahead`: the coming quarters as they are foreseen."""

    def setpoint_c(self, at: datetime, told: Told) -> float:
        """Asked at each quarter."""


@dataclass(frozen=True)
class Lived:
    """Energy in kWh, money, hours with people in, those in which it was warm enough, and what was lacking in K·h."""

    case: Case
    policy: str
    bought_kwh: float
    heat_kwh: float
    eur: float
    occupied_h: float
    comfort_h: float
    lacking_kh: float
    starts: int


class _Asked:
    def __init__(self) -> None:
        self.value: float | None = None

    def asked(self, asset: str, point: str, at: datetime) -> float | None:  # noqa: ARG002 - it has one point
        return self.value if point == "heatingSetpoint" else None


def live(case: Case, name: str, policy: Policy, outside: Sequence[Outside] | None = None) -> Lived:
    """A season. Weeks under the fixed timetable come before, in which nothing is counted."""
    outside = sky(case) if outside is None else outside
    what, asked = premises(case, outside), _Asked()
    start = outside[0].at
    begins = start + LEARNING + 3 * QUARTER  # on the hour: the first quarter ends a quarter past midnight
    house = House(what, outside, start, orders=asked, step=timedelta(minutes=5), seed=case.seed)
    told = Told(case, start, heat_max_w=what.plant.heat_max_w)
    fixed = TIMETABLES[case.use]
    random = np.random.default_rng([case.seed, 12])
    before, warm = None, [0.0, 0.0, 0.0]
    for number in range(1, (case.days + LEARNING.days) * 96):
        at = outside[number - 1].at
        if at < begins:
            asked.value = fixed.setpoint_c(at)
        else:
            before = before or house.counted
            if not at.minute:
                policy.plan(at, told, foreseen(outside[number : number + 160], outside[number - 1], random))
            asked.value = policy.setpoint_c(at, told)
        heat_wh = house.counted.heat_wh
        house.advance(outside[number].at)
        _hear(told, house, house.counted.heat_wh - heat_wh)
        if at >= begins:
            _count(warm, house, case.use)
    assert before is not None
    counted = house.counted
    bought = (counted.bought_wh - before.bought_wh) / 1e3
    return Lived(
        case, name, bought, (counted.heat_wh - before.heat_wh) / 1e3, bought * PRICES[case.source], *warm,
        house.producer.starts,
    )  # fmt: skip


def _hear(told: Told, house: House, heat_wh: float) -> None:
    """A probe on an inner wall feels some of it; it says tenths of a kelvin."""
    now, use = house.outside(house.at), told.case.use
    told.room_c.append(round(0.85 * house.warmth.air_c + 0.15 * house.warmth.inner_c, 1))
    told.outdoor_c.append(now.air_c)
    told.sun_w_m2.append(now.sun_w_m2)
    told.heat_w.append(heat_wh / QUARTER_H)
    told.present.append(scheduled(use, house.at - QUARTER / 2))


def scheduled(use: str, at: datetime) -> float:
    """What the calendar says of people, as a share."""
    local = at.astimezone(PARIS)
    return share_in(hours_of(use, local.date(), lambda day: closed(use, day)), local.hour + local.minute / 60)


def _count(warm: list[float], house: House, use: str) -> None:
    if house.quarter(house.at).people <= 0:
        return
    lacking = tables().of_use(use).present - house.warmth.air_c
    warm[0] += QUARTER_H
    warm[1] += QUARTER_H * (lacking <= CLOSE_K)
    warm[2] += QUARTER_H * max(lacking, 0.0)


def foreseen(truth: Sequence[Outside], now: Outside, random: np.random.Generator) -> list[Outside]:
    """What a forecast says of the coming quarters: right now, and off by more the further ahead."""
    off, brighter = _SKILL_C * random.standard_normal(), _SKILL_SUN * random.standard_normal()
    told = []
    for one in truth:
        share = min((one.at - now.at) / timedelta(days=1), 1.0) ** 0.5
        told.append(Outside(one.at, one.air_c + share * off, one.sun_w_m2 * float(np.exp(share * brighter))))
    return told


# --- policies -------------------------------------------------------------------------------------------------------


class Fixed:
    """The timetable that controllers have."""

    def __init__(self, table: Timetable, *, holidays: bool = False) -> None:
        self._table, self._holidays = table, holidays

    def plan(self, at: datetime, told: Told, ahead: Sequence[Outside]) -> None:
        """It plans nothing."""

    def setpoint_c(self, at: datetime, told: Told) -> float:
        if self._holidays and closed(told.case.use, at.astimezone(PARIS).date()):
            return self._table.back_c
        return self._table.setpoint_c(at)


class OptimumStart:
    """A good energy manager's controller: knows the calendar, sets back as the law asks, stops when people leave, and
    starts as late as the slowest warming of its first weeks allows, in proportion to what is missing."""

    def __init__(self) -> None:
        self._k_per_h = 0.0

    def plan(self, at: datetime, told: Told, ahead: Sequence[Outside]) -> None:  # noqa: ARG002 - a policy's
        if not self._k_per_h:
            heard = told.heard()
            full = heard.heat_w[1:] > 0.6 * told.heat_max_w
            rates = np.diff(heard.room_c)[full] / QUARTER_H
            self._k_per_h = max(float(np.quantile(rates, 0.35)), 0.3) if rates.size > 8 else 0.7

    def setpoint_c(self, at: datetime, told: Told) -> float:
        wanted = _wanted(told.case.use, at, timedelta(hours=12), QUARTER)
        present = tables().of_use(told.case.use).present
        if wanted[0] >= present:
            return present
        coming = np.flatnonzero(wanted >= present)
        if coming.size and (present - told.room_c[-1]) / self._k_per_h >= coming[0] * QUARTER_H - 0.25:
            return present
        return float(wanted[0])


def _wanted(use: str, at: datetime, ahead: timedelta, slot: timedelta) -> Floats:
    return occupancy(use, Span.between(at, at + ahead, slot), tables(), school()).low_c


class Planned:
    """Ours: each hour an energy problem of the coming day and a half with the room as it is learnt; what goes out is
    where the plan heats to, and elsewhere what the room may fall to."""

    def __init__(self) -> None:
        self._learnt: Learnt | None = None
        self._asked: dict[datetime, float] = {}
        self.solved: list[tuple[EnergyProblem, Learnt]] = []

    def plan(self, at: datetime, told: Told, ahead: Sequence[Outside]) -> None:
        if self._learnt is None or (at.weekday() == 6 and at.hour == 3):
            self._learnt = learn(told.heard(), self._learnt or guess(told.case, told.heat_max_w))
        problem = problem_of(at, told, ahead, self._learnt)
        made = solve(problem)
        assert problem.rooms is not None
        heats = made.room_heat_w[0] > 1.0
        comes_to = to_come_to(made.room_c, made.room_heat_w > 1.0)[0]
        asked = np.where(heats, comes_to, np.minimum(problem.rooms.low_c[0], made.room_c[0]))
        self._asked = {at + k * SLOT: float(value) for k, value in enumerate(asked)}

    def setpoint_c(self, at: datetime, told: Told) -> float:  # noqa: ARG002 - a policy's
        slot = at - (at - datetime.min.replace(tzinfo=UTC)) % SLOT
        return float(np.clip(np.ceil(self._asked[slot] / 0.2 - 1e-3) * 0.2, 8.0, 24.0))


def guess(case: Case, heat_max_w: float) -> Learnt:
    """What the inventory believes, by floor area alone: not the twin's values."""
    entry = tables().building
    loss = entry.loss_w_k_m2 * case.floor_m2
    return Learnt(
        capacity_wh_k=0.15 * entry.capacity_wh_k_m2 * case.floor_m2, mass_wh_k=entry.capacity_wh_k_m2 * case.floor_m2,
        coupling_w_k=4 * loss, loss_w_k=min(loss, heat_max_w / 20.0),
    )  # fmt: skip


def problem_of(at: datetime, told: Told, ahead: Sequence[Outside], learnt: Learnt) -> EnergyProblem:
    """Room and heat as an energy problem: one site, one room, 36 hours of half hours."""
    span, heard = Span.between(at, at + AHEAD, SLOT), told.heard()
    each = len(ahead[: 2 * len(span)]) // 2
    outdoor = np.array([one.air_c for one in ahead[: 2 * each]]).reshape(each, 2).mean(axis=1)
    sun = np.array([one.sun_w_m2 for one in ahead[: 2 * each]]).reshape(each, 2).mean(axis=1)
    span = Span(span.starts[:each], SLOT)
    wanted = occupancy(told.case.use, span, tables(), school())
    present = np.array([scheduled(told.case.use, start + SLOT / 2) for start in span.starts])
    electric = told.case.source is Source.HEAT_PUMP
    cop = tables().heat[told.case.source.value].cop_at(outdoor)
    price = PRICES[told.case.source]
    recent = heard.room_c[-3 * 96 :]
    return EnergyProblem(
        horizon=Horizon(duration_s=np.array(span.seconds)),
        sites=Sites(names=("site",), base_w=np.zeros((1, each)), import_eur_kwh=np.full((1, each), price)),
        rooms=Thermal(
            names=("room",), site=np.array([0]), capacity_wh_k=np.array([learnt.capacity_wh_k]),
            loss_w_k=np.array([learnt.loss_w_k]), mass_wh_k=np.array([learnt.mass_wh_k]),
            coupling_w_k=np.array([learnt.coupling_w_k]), outdoor_c=outdoor[None],
            gain_w=learnt.gain_w(sun, present)[None], initial_c=recent[-1:],
            mass_initial_c=np.array([learnt.mass_c(recent)]), low_c=wanted.low_c[None], high_c=np.array(np.inf),
            floor_c=np.array([tables().frost_c]), heat_max_w=told.most_at_w(outdoor)[None], cop=cop[None],
            electric=np.array([electric]), fuel_eur_kwh=np.array(0.0 if electric else price),
        ),
    )  # fmt: skip
