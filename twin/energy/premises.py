"""A building with all that it has, on one meter: what it draws, makes, stores and keeps warm, minute by minute.

What it is asked comes from an `Orders`; without one each device does what it does by itself: the heating controller
follows its own timetable, a battery rests, a station gives 16 A on one phase or its least, a heater keeps 60 °C. Behind
a meter that trips, stations shed by themselves: nobody builds them otherwise there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import inf
from typing import NamedTuple, Protocol

import numpy as np

from engine.instants import PARIS
from optimizers.energy.control import Cell, battery_power_w
from twin.energy.battery import Battery, Cells
from twin.energy.breaker import Breaker
from twin.energy.charging import Station, Stay
from twin.energy.fabric import Fabric, Given, Warmth
from twin.energy.outside import QUARTER, Outside
from twin.energy.people import HEAT_W, KEPT, Quarter
from twin.energy.plant import GAS_WH_M3, Made, Plant, Producer, Source, Thermostat
from twin.energy.sun import Roof, sine_of_elevation
from twin.energy.tank import Heater, Tank

REST_TANK_C = 60.0
UNTOLD = timedelta(minutes=5)
"""Without its meter for so long a battery follows its planned power."""
_CONVECTED = 0.6  # share of heat and people's warmth that goes to the air; the rest goes to floors and furniture


class Orders(Protocol):
    """What a device was told, as its controller holds it."""

    def asked(self, asset: str, point: str, at: datetime) -> float | None:
        """The value that a point is asked for at an instant; None where nothing is."""


@dataclass(frozen=True, kw_only=True)
class Timetable:
    """What a heating controller does by itself: warm between two hours of some days, Monday 0, set back otherwise."""

    days: tuple[int, ...] = (0, 1, 2, 3, 4)
    from_h: float = 5.0
    until_h: float = 20.0
    warm_c: float = 19.0
    back_c: float = 16.0

    def setpoint_c(self, at: datetime) -> float:
        local = at.astimezone(PARIS)
        warm = local.weekday() in self.days and self.from_h <= local.hour + local.minute / 60 < self.until_h
        return self.warm_c if warm else self.back_c


@dataclass(frozen=True, kw_only=True)
class Store:
    """A battery of a building. `told`: as its controller knows it."""

    cells: Cells
    stored_wh: float
    charge_efficiency: float = 0.95
    discharge_efficiency: float = 0.95
    reserve: float = 0.1

    @property
    def told(self) -> Cell:
        cells = self.cells
        return Cell(
            capacity_wh=cells.capacity_wh, charge_max_w=cells.charge_max_w, discharge_max_w=cells.discharge_max_w,
            charge_efficiency=self.charge_efficiency, discharge_efficiency=self.discharge_efficiency,
            floor_wh=self.reserve * cells.capacity_wh,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Premises:
    """A building of the field at the start, and what happens in it. Its devices by asset.

    quarters     who is in and what is drawn, which must reach as far as anybody asks
    limit_w      at which its breaker is set; None where passing the contract trips nothing
    meters       what its meters show: imported, fed in and heat in Wh, gas in m³, by `Counted`
    """

    building: str
    fabric: Fabric
    warmth: Warmth
    plant: Plant
    quarters: tuple[Quarter, ...]
    timetable: Timetable = field(default_factory=Timetable)
    batteries: Mapping[str, Store] = field(default_factory=dict)
    roofs: Mapping[str, Roof] = field(default_factory=dict)
    stations: Mapping[str, tuple[float, int]] = field(default_factory=dict)  # most W, and phases
    tanks: Mapping[str, tuple[Tank, tuple[float, ...]]] = field(default_factory=dict)
    stays: tuple[Stay, ...] = ()
    limit_w: float | None = None
    meters: Mapping[str, float] = field(default_factory=dict)


class Place(NamedTuple):
    """Where the sun is looked at from."""

    latitude_deg: float
    longitude_deg: float


ANGERS = Place(47.4, -0.6)


class Powers(NamedTuple):
    """A step in W, as means: at the meter, and by what. Positive is drawn; a battery's when it charges."""

    meter_w: float
    base_w: float
    heat_w: float
    heating_w: float
    bought_w: float
    tanks: Mapping[str, float]
    stations: Mapping[str, float]
    roofs: Mapping[str, float]
    batteries: Mapping[str, float]


class Counted(NamedTuple):
    """Sums since the start of the meters."""

    import_wh: float = 0.0
    export_wh: float = 0.0
    heat_wh: float = 0.0
    bought_wh: float = 0.0  # for heat: electricity, gas or heat
    gas_m3: float = 0.0


class House:
    """Premises that live, in whole steps that end no later than they are asked to: controllers look at what they were
    told once a step, so what comes of a command does not hang on the millisecond it arrives. Instants given must not
    go back.

    `unmetered`: spans in which its batteries do not hear from the meter.
    """

    def __init__(
        self, what: Premises, outside: Sequence[Outside], start_at: datetime, *, orders: Orders | None = None,
        place: Place = ANGERS, step: timedelta = timedelta(minutes=1), seed: int = 0,
        unmetered: Iterable[tuple[datetime, datetime]] = (),
    ) -> None:  # fmt: skip
        self.what = what
        self.warmth = what.warmth
        self.counted = Counted(**what.meters)
        self.producer, self._thermostat = Producer(what.plant), Thermostat()
        self.batteries = {name: Battery(one.cells, one.stored_wh) for name, one in what.batteries.items()}
        self.heaters = {name: Heater(tank, layers) for name, (tank, layers) in what.tanks.items()}
        self.stations = {
            name: Station(name, what.stays, charge_max_w=most, phases=phases)
            for name, (most, phases) in what.stations.items()
        }
        self.breaker = None if what.limit_w is None else Breaker(what.limit_w)
        self.powers = _still(what)
        self.setpoint_c = what.timetable.setpoint_c(start_at)
        self._orders = orders
        self._outside = {one.at: one for one in outside}
        self._quarters = {one.at: one for one in what.quarters}
        self._crowd = max((one.people for one in what.quarters), default=0.0)
        self._place, self._step, self._at = place, step, start_at
        self._random = np.random.default_rng([seed, *what.building.encode()])
        self._unmetered = tuple(unmetered)
        self._metered_at, self._told_w = start_at, np.nan

    @property
    def at(self) -> datetime:
        return self._at

    def obey(self, orders: Orders) -> None:
        """From now on."""
        self._orders = orders

    def _asked(self, asset: str, point: str, at: datetime) -> float | None:
        return None if self._orders is None else self._orders.asked(asset, point, at)

    def as_it_is(self) -> Premises:
        """Its state as premises of their own: a house of them goes on from here."""
        return replace(
            self.what,
            warmth=self.warmth,
            batteries={
                name: replace(self.what.batteries[name], stored_wh=battery.stored_wh)
                for name, battery in self.batteries.items()
            },
            tanks={name: (heater.tank, tuple(heater.layers_c)) for name, heater in self.heaters.items()},
            stays=tuple(self._to_come()),
            quarters=tuple(one for one in self.what.quarters if one.at >= self._at),
            meters=self.counted._asdict(),
        )

    def _to_come(self) -> Iterator[Stay]:
        for station in self.stations.values():
            station.at(self._at)
            yield from (station.rest(self._at),) if station.stay is not None else ()
        yield from (stay for stay in self.what.stays if stay.arrives_at > self._at)

    def outside(self, at: datetime) -> Outside:
        """The quarter in which an instant lies, or which it ends. Raises KeyError past what is known."""
        return self._outside[_ends(at)]

    def quarter(self, at: datetime) -> Quarter:
        return self._quarters[_ends(at)]

    def advance(self, to: datetime) -> None:
        """Let time pass."""
        for _ in self.steps(to):
            pass

    def steps(self, to: datetime) -> Iterator[Powers]:
        """Let time pass, and be told of each step."""
        while (until := min(self._at + self._step, _ends(self._at + timedelta(microseconds=1)))) <= to:
            self._pass(until)
            yield self.powers

    def _pass(self, until: datetime) -> None:
        at, seconds = self._at, (until - self._at).total_seconds()
        sky, quarter = self.outside(until), self.quarter(until)
        dead = self.breaker is not None and self.breaker.open_at(at)
        made = self._heat(sky, seconds, at, dead=dead)
        base_w = 0.0 if dead else quarter.base_w * (1 + 0.05 * float(self._random.standard_normal()))
        self._warm(made, quarter, sky, base_w, seconds)
        tanks = {name: self._tank(name, quarter, at, seconds, dead=dead) for name in self.heaters}
        roofs = {name: self._shine(name, sky, at, until, dead=dead) for name in self.what.roofs}
        heating_w = made.aside_w + (made.bought_w if self.what.plant.source is Source.HEAT_PUMP else 0.0)
        rest_w, stations = base_w + heating_w + sum(tanks.values()) - sum(roofs.values()), {}
        for name in self.stations:
            stations[name] = self._charge(name, rest_w, at, seconds, dead=dead)
            rest_w += stations[name]
        batteries = self._balance(rest_w, at, seconds, dead=dead)
        meter_w = rest_w + sum(batteries.values())
        self.powers = Powers(
            meter_w, base_w, made.heat_w, heating_w, made.bought_w, tanks, stations, roofs, batteries
        )  # fmt: skip
        self._count(seconds)
        if self.breaker is not None and not dead:
            self.breaker.passed(meter_w, until, seconds)
        self._at = until

    def _heat(self, sky: Outside, seconds: float, at: datetime, *, dead: bool) -> Made:
        asked = self._asked(self.what.building, "heatingSetpoint", at)
        self.setpoint_c = self.what.timetable.setpoint_c(at) if asked is None else asked
        share = self._thermostat.wanted(self.setpoint_c, self.warmth.air_c, seconds)
        return self.producer.made(0.0 if dead else share * self.what.plant.heat_max_w, sky.air_c, seconds)

    def _warm(self, made: Made, quarter: Quarter, sky: Outside, base_w: float, seconds: float) -> None:
        within_w = made.heat_w + HEAT_W * quarter.people + KEPT * base_w
        self.warmth = self.what.fabric.passed(
            self.warmth,
            Given(_CONVECTED * within_w, (1 - _CONVECTED) * within_w),
            outdoor_c=sky.air_c,
            sun_w_m2=sky.sun_w_m2,
            ventilated=min(quarter.people / self._crowd, 1.0) if self._crowd else 0.0,
            seconds=seconds,
        ).warmth

    def _tank(self, name: str, quarter: Quarter, at: datetime, seconds: float, *, dead: bool) -> float:
        asked = self._asked(name, "temperatureSetpoint", at)
        setpoint = REST_TANK_C if asked is None else asked
        litres = quarter.drawn_l / len(self.heaters) * seconds / QUARTER.total_seconds()
        return self.heaters[name].passed(-1.0 if dead else setpoint, litres, seconds).bought_w

    def _charge(self, name: str, rest_w: float, at: datetime, seconds: float, *, dead: bool) -> float:
        station = self.stations[name]
        station.at(at)
        asked = self._asked(name, "powerLimit", at)
        allowed = station.rest_w if asked is None else asked
        return station.passed(0.0 if dead else min(allowed, self._left_w(rest_w)), seconds)

    def _left_w(self, rest_w: float) -> float:
        """What the breaker leaves a station: behind one that trips they shed by themselves."""
        return inf if self.what.limit_w is None else self.what.limit_w - rest_w

    def _shine(self, name: str, sky: Outside, at: datetime, until: datetime, *, dead: bool) -> float:
        """A roof feeds nothing into a site that is dead: its inverter follows the grid."""
        asked = self._asked(name, "powerLimit", at)
        sine = sine_of_elevation(at + (until - at) / 2, *self._place)
        available = self.what.roofs[name].available_w(sky.sun_w_m2, sky.air_c, sine)
        return 0.0 if dead else available if asked is None else min(available, max(asked, 0.0))

    def _balance(self, rest_w: float, at: datetime, seconds: float, *, dead: bool) -> dict[str, float]:
        """Each battery by what the meter shows: inverters follow it within seconds, so a step's mean is known in it."""
        meter_w, moved = self._known_w(rest_w, at), {}
        for name, battery in self.batteries.items():
            store = self.what.batteries[name]
            planned, least, most = (self._asked(name, p, at) for p in ("power", "importLeast", "importMost"))
            wanted = battery_power_w(
                meter_w, -np.inf if least is None else least, np.inf if most is None else most, battery.stored_wh,
                store.told, seconds, planned or 0.0,
            )  # fmt: skip
            moved[name] = battery.moved(0.0 if dead else float(wanted), seconds).power_w
            meter_w += moved[name]
        return moved

    def _known_w(self, rest_w: float, at: datetime) -> float:
        """What batteries take the meter to show: while it is silent what it showed last, then nothing they know."""
        if not any(first <= at < last for first, last in self._unmetered):
            self._metered_at, self._told_w = at, rest_w
        return self._told_w if at - self._metered_at < UNTOLD else np.nan

    def _count(self, seconds: float) -> None:
        hours, now, counted = seconds / 3600.0, self.powers, self.counted
        fuel_wh = now.bought_w * hours if self.what.plant.source is Source.BOILER else 0.0
        self.counted = Counted(
            counted.import_wh + max(now.meter_w, 0.0) * hours,
            counted.export_wh + max(-now.meter_w, 0.0) * hours,
            counted.heat_wh + now.heat_w * hours,
            counted.bought_wh + now.bought_w * hours,
            counted.gas_m3 + fuel_wh / GAS_WH_M3,
        )


def _still(what: Premises) -> Powers:
    none: dict[str, float] = {}
    return Powers(0.0, 0.0, 0.0, 0.0, 0.0, none, none, none, dict.fromkeys(what.batteries, 0.0))


def _ends(at: datetime) -> datetime:
    """The end of the quarter in which an instant lies; of an end itself that one."""
    seconds = at.timestamp()
    over = seconds % QUARTER.total_seconds()
    return at if not over else at + timedelta(seconds=QUARTER.total_seconds() - over)
