"""A season of watered parks in closed loop: what a policy opens each evening is given to the true ground.

The truth is that of `twin/irrigation`: hour by hour, with parameters of each hydrozone that differ from what the town
believes, rain that is not quite the station's, and probes that are wrong. All policies live through the same weather,
the same ground, and the same errors of probes and forecasts. Nights begin at noon; a policy is asked at 18:00.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from typing import Protocol

import numpy as np

from engine.instants import noon
from jobs.irrigation.replay import Past, replay_core
from jobs.irrigation.windows import Watering, windows_of
from optimizers.arrays import Bools, Floats
from tests.bench.irrigation_town import ANNOUNCED, LOOKED_AHEAD, NIGHTS, SPIN_UP, Sky, Town
from twin.irrigation.ground import Ground, depletion_mm, drawn, filled, passed, stressed
from twin.irrigation.probes import Probes, biased
from twin.irrigation.timers import Openings, most_at_once_m3_h
from twin.irrigation.weather import foreseen

ASKED = timedelta(hours=6)
"""After noon."""
ASKED_H = int(ASKED / timedelta(hours=1))
RAIN_SD = 0.2  # of the logarithm of a day's rain on a hydrozone over that of the station


@dataclass(frozen=True, eq=False)
class Season:
    """Hours count from the midnight SPIN_UP days before the first night, local time."""

    town: Town
    sky: Sky
    truth: Ground
    probes: Probes
    nights: int
    seed: int

    @property
    def zones(self) -> int:
        return self.truth.kc.size

    def noon_h(self, night: int) -> int:
        return 24 * (SPIN_UP + night) + 12

    def asked_h(self, night: int) -> int:
        return self.noon_h(night) + ASKED_H

    def day(self, night: int) -> date:
        return self.sky.first + timedelta(days=night)

    @cached_property
    def rain_mm(self) -> Floats:
        """(H, n) that falls on each hydrozone."""
        random = np.random.default_rng([self.seed, 3])
        off = np.exp(RAIN_SD * random.standard_normal((self.sky.days, self.zones)) - RAIN_SD**2 / 2)
        rain: Floats = self.sky.rain_mm[:, None] * np.repeat(off, 24, axis=0)
        return rain

    @cached_property
    def demand_mm_day(self) -> Floats:
        """(H, n) that plants would transpire in the whole day."""
        day = np.repeat(self.sky.et0_mm.reshape(-1, 24).sum(axis=1), 24)
        demand: Floats = day[:, None] * self.truth.kc
        return demand

    @cached_property
    def waterings(self) -> list[Watering]:
        """Of each night, as they are known in its evening: by the code that is deployed."""
        days = self.town.tables.plan.days
        noons = [noon(self.day(night)) for night in range(self.nights)]
        return [windows_of(self.town.zones, self.town, at, days, at + ASKED, self.town.tables) for at in noons]

    @cached_property
    def forecasts(self) -> list[tuple[Floats, Floats]]:
        """Of each evening, rain and ET0 (LOOKED_AHEAD,) as they are told of the days of 24 hours from then on."""
        random = np.random.default_rng([self.seed, 4])
        told = []
        for night in range(self.nights):
            hours = slice(self.asked_h(night), self.asked_h(night + LOOKED_AHEAD))
            rain, et0 = (of[hours].reshape(-1, 24).sum(axis=1) for of in (self.sky.rain_mm, self.sky.et0_mm))
            told.append(foreseen(rain, et0, random))
        return told

    @cached_property
    def forbidden(self) -> Bools:
        """(nights, n, 1440) minutes of each night in which an order binds the valve: by the orders, not by windows."""
        found = np.zeros((self.nights, self.zones, 1440), bool)
        points = [self.town.points[f"{valve}/opening"] for valve in self.town.zones.valves]
        for orders in {point.orders for point in points}:
            mine = [z for z, point in enumerate(points) if point.orders == orders]
            for night in range(self.nights):
                start = noon(self.day(night))
                for order in orders:
                    for a, b in order.spans(start, start + timedelta(days=1)):
                        first, last = ((at - start) / timedelta(minutes=1) for at in (a, b))
                        found[night, mine, int(np.floor(first)) : int(np.ceil(last))] = True
        return found


@dataclass(frozen=True, eq=False)
class Evening:
    """What may be known at 18:00 of a night: nothing of it is the truth.

    vwc (h, n)         what probes said in each hour since the season's first
    given_mm (h, n)    net depth that the town believes to have given
    """

    season: Season
    night: int
    vwc: Floats
    given_mm: Floats

    @property
    def hour(self) -> int:
        return self.season.asked_h(self.night)

    def past(self, days: int | None = None) -> Past:
        """The last days, those that are replayed by default, as the town's station, valves and probes told of them."""
        days = min(days or self.season.town.tables.plan.replay // timedelta(days=1), self.hour // 24)
        last = slice(self.hour - 24 * days, self.hour)

        def by_day(series: Floats) -> Floats:
            summed: Floats = series[last].reshape(days, 24, -1).sum(axis=1)
            return summed

        sky = self.season.sky
        rain = np.broadcast_to(by_day(sky.rain_mm), (days, self.season.zones))
        return Past(
            et0_mm=by_day(sky.told_mm)[:, 0], rain_mm=rain, irrigation_mm=by_day(self.given_mm), raw_vwc=self.vwc[last]
        )


class Policy(Protocol):
    def opened(self, evening: Evening) -> Openings: ...


@dataclass(frozen=True, eq=False)
class Lived:
    """What became of a policy, (nights, n) from noon to noon but for networks.

    water_m3              that flowed
    stress                whether the day's mean depletion was beyond RAW
    transpired_mm, wanted_mm, percolated_mm
    forbidden_min         valve-minutes in which an order bound the valve
    over_m3_h (nights, N)        flow beyond capacity at the worst instant, by the flows that the town knows
    truly_over_m3_h (nights, N)  beyond what the pipe carries, by what truly flowed
    """

    name: str
    water_m3: Floats
    stress: Bools
    transpired_mm: Floats
    wanted_mm: Floats
    percolated_mm: Floats
    forbidden_min: Floats
    over_m3_h: Floats
    truly_over_m3_h: Floats


def live(season: Season, name: str, policy: Policy) -> Lived:
    """Let a policy water the season."""
    ground, nights = _Underground(season), []
    for night in range(season.nights):
        ground.until(season.asked_h(night))
        openings = policy.opened(ground.evening(night))
        ground.give(night, openings)
        nights.append(openings)
    ground.until(season.noon_h(season.nights))
    return _told(season, name, ground, nights)


class _Underground:
    """The true ground through the hours of a season, and what probes say of it. Rows are hours, columns hydrozones."""

    def __init__(self, season: Season) -> None:
        self._season, self._hour = season, 0
        self._water = filled(season.truth)  # by winter
        self._random = np.random.default_rng([season.seed, 6])
        shape = (season.noon_h(season.nights), season.zones)
        self.valve_mm, self.given_mm, self.missing_mm = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.transpired_mm, self.wanted_mm, self.percolated_mm = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.vwc = np.full(shape, np.nan)

    def until(self, hour: int) -> None:
        season, truth = self._season, self._season.truth
        for h in range(self._hour, hour):
            self._water, out = passed(
                truth, self._water, et0_mm=season.sky.et0_mm[h], rain_mm=season.rain_mm[h], valve_mm=self.valve_mm[h],
                demand_mm_day=season.demand_mm_day[h],
            )  # fmt: skip
            self.missing_mm[h] = depletion_mm(truth, self._water)
            self.transpired_mm[h], self.wanted_mm[h] = out.transpired_mm, out.wanted_mm
            self.percolated_mm[h] = out.percolated_mm
            before = self.vwc[h - 1] if h else self.vwc[h]
            self.vwc[h] = season.probes.says(truth, self._water, h, before, self._random)
        self._hour = hour

    def evening(self, night: int) -> Evening:
        return Evening(self._season, night, self.vwc[: self._hour], self.given_mm[: self._hour])

    def give(self, night: int, openings: Openings) -> None:
        """What valves bring in each hour, truly and as the town believes."""
        town, noon_h = self._season.town, self._season.noon_h(night)
        for z, start_s, end_s in zip(openings.opened.tolist(), openings.start_s, openings.end_s, strict=True):
            for h in range(int(start_s // 3600), int(-(-end_s // 3600))):
                hours = (min(end_s, 3600.0 * (h + 1)) - max(start_s, 3600.0 * h)) / 3600
                self.valve_mm[noon_h + h, z] += hours * self._season.truth.rate_mm_h[z]
                self.given_mm[noon_h + h, z] += hours * town.zones.rate_mm_h[z] * town.uniformity[z]


def season_of(town: Town, sky: Sky, seed: int, nights: int = NIGHTS) -> Season:
    """A town under a sky, with ground and probes of a seed.

    In spring the town takes over what winter and its probes say of field capacity, as `field_capacity` of its valves,
    where they say anything: of a clock's garden as of a plan's.
    """
    random = np.random.default_rng([seed, 5])
    truth = drawn(town.ground, random)
    unlearnt = Season(town, sky, truth, biased(truth, random), nights, seed)
    ground = _Underground(unlearnt)
    ground.until(unlearnt.asked_h(0))
    winter = ground.evening(0).past(days=unlearnt.asked_h(0) // 24)
    learnt = replay_core(town.zones, winter, town.tables).capacity
    root = town.zones.root_zone
    known = replace(
        root, field_capacity=learnt.vwc, wilting_point=root.wilting_point + learnt.vwc - root.field_capacity
    )
    return replace(unlearnt, town=replace(town, zones=replace(town.zones, root_zone=known)))


def _told(season: Season, name: str, ground: _Underground, nights: Sequence[Openings]) -> Lived:
    first = season.noon_h(0)

    def of_days(series: Floats) -> Floats:
        days: Floats = series[first:].reshape(season.nights, 24, season.zones)
        return days

    missing = of_days(ground.missing_mm).mean(axis=1)
    demand = of_days(ground.wanted_mm).sum(axis=1)
    known, true = season.town.zones.flow_m3_h, season.truth.flow_m3_h
    return Lived(
        name=name,
        water_m3=of_days(ground.valve_mm).sum(axis=1) * season.truth.area_m2 / 1000,
        stress=np.array([stressed(season.truth, *day) for day in zip(missing, demand, strict=True)]),
        transpired_mm=of_days(ground.transpired_mm).sum(axis=1),
        wanted_mm=demand,
        percolated_mm=of_days(ground.percolated_mm).sum(axis=1),
        forbidden_min=np.array([_forbidden_min(season, night, one) for night, one in enumerate(nights)]),
        over_m3_h=np.array([_over(season, one, known, 1.0) for one in nights]),
        truly_over_m3_h=np.array([_over(season, one, true, ANNOUNCED) for one in nights]),
    )


def _forbidden_min(season: Season, night: int, openings: Openings) -> Floats:
    minutes = np.zeros(season.zones)
    for z, start_s, end_s in zip(openings.opened.tolist(), openings.start_s, openings.end_s, strict=True):
        minute = np.arange(int(start_s // 60), int(-(-end_s // 60)))
        inside = np.minimum(end_s / 60, minute + 1) - np.maximum(start_s / 60, minute)
        minutes[z] += (inside * season.forbidden[night, z, minute]).sum()
    return minutes


def _over(season: Season, openings: Openings, flow_m3_h: Floats, share: float) -> Floats:
    """Flow beyond the capacity that is `share` of what may be."""
    zones = season.town.zones
    most = most_at_once_m3_h(openings, flow_m3_h, zones.network, len(zones.networks))
    over: Floats = np.maximum(most - zones.capacity_m3_h / share, 0.0)
    return over
