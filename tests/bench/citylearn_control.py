"""Controllers of CityLearn's batteries, all with the same knowledge: what was measured, and the meter of the hour.

An hour of the environment stands for sixty minutes in which a local controller follows its meter: so a rule acts on
what is drawn in the hour itself, as the environment shows it to whoever acts. Prices are the published tariff; carbon
is known for the hour, and foreseen from the past for those to come. The environment's weather is not looked at.
"""

from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np

from jobs.energy.body import band_of
from optimizers.arrays import Floats
from optimizers.energy import Batteries, EnergyProblem, Horizon, Sites, Solar, solve
from optimizers.energy.control import Cell, bands, battery_power_w
from optimizers.energy.foreseeing import LIKENESS, Likeness, Past, foresee
from optimizers.energy.selfuse import SelfUse
from optimizers.energy.valuing import Futures, valued
from tests.bench.citylearn import HOURS_A_DAY, Battery, Controller, Town, driven, measured

HOUR_S = 3600.0
W = 1000.0
CELL = Cell(
    capacity_wh=6_400.0, charge_max_w=4_500.0, discharge_max_w=4_500.0, charge_efficiency=0.93,
    discharge_efficiency=0.915,
)  # fmt: skip
"""The environment's battery as a plan knows it, at the powers that houses have."""
PEAK = (16, 20)
"""Dear hours of the tariff, of every day."""


@dataclass(frozen=True)
class Settings:
    """Of our controller: hours ahead, what a kg of carbon is weighed by, likeness of days, and as `valued` has it."""

    ahead: int = 28
    carbon_eur_kg: float = 1.2
    likeness: Likeness = LIKENESS
    turning_h: float = 0.1
    least_gain: float = 0.06


SETTINGS = Settings()


@dataclass(eq=False)
class CarbonAhead:
    """Carbon of coming hours: the usual of each hour of the day, and what the last hour differed by, wearing off."""

    town: Town
    learnt: float = 0.3
    lasting: float = 0.95
    _usual: Floats = field(default_factory=lambda: np.full(HOURS_A_DAY, np.nan))
    _off: float = 0.0
    _known: int = 0

    def ahead(self, now: int, hours: int) -> Floats:
        """(hours,) from `now` on, of which the first is told."""
        for t in range(self._known, now):
            hour, told = self.town.hour[t], float(self.town.carbon[t])
            self._off = told - self._usual[hour] if np.isfinite(self._usual[hour]) else 0.0
            self._usual[hour] = told - (1 - self.learnt) * self._off
        self._known = now
        clock = (self.town.hour[now] + np.arange(hours)) % HOURS_A_DAY
        usual = np.where(np.isfinite(self._usual[clock]), self._usual[clock], self.town.carbon[now])
        found = usual + self._off * self.lasting ** np.arange(1, hours + 1)
        found[0] = self.town.carbon[now]
        return np.asarray(found)


def none(town: Town) -> Controller:
    return lambda _t, _stored: np.zeros(len(town.names))


def plain(town: Town) -> Controller:
    """Self-consumption: store what the sun leaves, cover what is drawn."""
    return lambda t, _stored: -town.net[:, t]


@dataclass(frozen=True)
class Tuned:
    """Self-consumption that keeps `reserve` kWh before dear hours, and fills up to `filled` in hours first to last."""

    reserve: float
    reserve_from: int
    filled: float
    first: int
    last: int

    def controller(self, town: Town) -> Controller:
        hours = np.arange(HOURS_A_DAY)
        keeps = np.where((hours >= self.reserve_from) & (hours < PEAK[0]), self.reserve * W, 0.0)
        rule = SelfUse(
            reserve_wh=keeps, filled_wh=np.zeros(HOURS_A_DAY), fill_w=np.full(HOURS_A_DAY, np.inf),
            kept_wh=np.full(HOURS_A_DAY, np.inf),
        )  # fmt: skip

        def act(t: int, stored: Floats) -> Floats:
            hour = int(town.hour[t])
            power = np.asarray(rule.power_w(hour, town.net[:, t] * W, stored * W, CELL, HOUR_S)) / W
            if not (self.first <= hour <= self.last and self.filled):
                return power
            wanted = np.maximum(self.filled - stored, 0.0) / CELL.charge_efficiency / (self.last - hour + 1)
            return np.where(self.filled > stored, np.maximum(power, wanted), power)

        return act


def family() -> list[Tuned]:
    """The plain rule among them."""
    keeps = [(0.0, 0), (1.6, 10), (4.8, 10), (4.8, 6)]
    fills = [(3, 5), (13, 15), (14, 15), (15, 15)]
    filled = [(level, *hours) for level, hours in product((3.2, 4.8, 6.4), fills)]
    return [Tuned(*keep, *fill) for keep, fill in product(keeps, [(0.0, 0, 0), *filled])]


def tuned(town: Town) -> tuple[Tuned, Floats]:
    """That of the family which does best, cost and emissions alike, on all that it is measured by; what it draws."""
    everything = np.ones(len(town.price), np.bool_)
    best: tuple[float, Tuned, Floats] | None = None
    for rule in family():
        drawn = driven(town, rule.controller(town))
        found = measured(town, drawn, everything)
        score = float((found.cost + found.emissions).mean())
        if best is None or score < best[0]:
            best = (score, rule, drawn)
    assert best is not None
    return best[1], best[2]


@dataclass(eq=False)
class Planning:
    """What both of our controllers know in an hour, and the rule that follows from it."""

    town: Town
    settings: Settings = SETTINGS

    def __post_init__(self) -> None:
        self._carbon = CarbonAhead(self.town)
        weekend = self.town.weekend
        week = weekend[-7 * HOURS_A_DAY :] if len(weekend) >= 7 * HOURS_A_DAY else weekend
        self._kind = np.concatenate([weekend, week])  # after the last hour, a week like the last

    def futures(self, t: int) -> Futures:
        town, ahead = self.town, self.settings.ahead
        first = max(0, t - HOURS_A_DAY * (self.settings.likeness.days + 1))
        past = Past(
            drawn_w=town.load[:, first:t] * W, sun_w=town.sun[:, first:t] * W, kind=self._kind[first : t + ahead],
            a_day=HOURS_A_DAY,
        )  # fmt: skip
        return foresee(past, ahead, self.settings.likeness)

    def paid(self, t: int) -> Floats:
        """(ahead,) EUR a kWh with carbon, as far as it is known."""
        ahead = self.settings.ahead
        price = self.town.price[np.minimum(t + np.arange(ahead), len(self.town.price) - 1)]
        return np.asarray(price + self.settings.carbon_eur_kg * self._carbon.ahead(t, ahead))

    @staticmethod
    def end_eur_kwh(paid: Floats) -> float:
        """What is left at the end saves the cheapest hour, most likely."""
        return 0.9 * float(paid.min()) * float(CELL.discharge_efficiency)

    def rule(self, t: int, futures: Futures) -> SelfUse:
        own, paid = self.settings, self.paid(t)
        buy = np.broadcast_to(paid, (len(self.town.names), len(paid)))
        return valued(
            futures, buy, np.zeros(buy.shape), CELL, np.ones(len(paid)), self.end_eur_kwh(paid),
            turning_h=own.turning_h, least_gain=own.least_gain,
        ).rule  # fmt: skip


def ours(town: Town, settings: Settings = SETTINGS) -> Controller:
    """Each hour levels by what is foreseen; in the hour the rule with these levels acts on the meter."""
    planning = Planning(town, settings)

    def act(t: int, stored: Floats) -> Floats:
        if t < 2 * HOURS_A_DAY:
            return -town.net[:, t]
        rule = planning.rule(t, planning.futures(t))
        return np.asarray(rule.power_w(0, town.net[:, t] * W, stored * W, CELL, HOUR_S)) / W

    return act


def blind(town: Town, settings: Settings = SETTINGS) -> Controller:
    """The best plan for what is expected, its power sent as it is: model-predictive control without a rule below it."""
    planning = Planning(town, settings)

    def act(t: int, stored: Floats) -> Floats:
        if t < 2 * HOURS_A_DAY:
            return -town.net[:, t]
        expected = planning.futures(t).expected_w
        rule = planning.rule(
            t, Futures(net_w=expected[:, None], weight=np.ones((len(town.names), 1, len(expected[0]))))
        )
        return np.asarray(rule.power_w(0, expected[:, 0], stored * W, CELL, HOUR_S)) / W

    return act


def banded(town: Town, settings: Settings = SETTINGS) -> Controller:
    """The linear program's plan for what is expected, obeyed not in its power but in its bands at the meter."""
    planning = Planning(town, settings)

    def act(t: int, stored: Floats) -> Floats:
        if t < 2 * HOURS_A_DAY:
            return -town.net[:, t]
        problem = _problem(town, planning, t, stored)
        found = bands(problem, solve(problem))
        least, most = found.import_least_w[:, 0], found.import_most_w[:, 0]
        power = battery_power_w(town.net[:, t] * W, least, most, stored * W, CELL, HOUR_S, found.power_w[:, 0])
        return power / W

    return act


QUARTERS, DAY_AND_A_HALF = 4, 36


def served(town: Town, settings: Settings = SETTINGS) -> Controller:
    """What the service does: `solve` plans the day and a half that comes, batteries are sent what `jobs.energy` sends,
    and their own controller acts on the meter of the hour, a quarter at a time.
    """
    planning = Planning(town, replace(settings, ahead=DAY_AND_A_HALF))

    def act(t: int, stored: Floats) -> Floats:
        if t < 2 * HOURS_A_DAY:
            return -town.net[:, t]
        problem = _service_problem(town, planning, t, stored)
        sent = band_of(problem, solve(problem))
        held, moved = np.minimum(stored * W, CELL.capacity_wh), np.zeros(len(stored))
        for q in range(QUARTERS):
            power = battery_power_w(
                town.net[:, t] * W, sent.import_least_w[:, q], sent.import_most_w[:, q], held, CELL, HOUR_S / QUARTERS
            )
            held = CELL.after_wh(held, power, HOUR_S / QUARTERS)
            moved += power / QUARTERS
        return moved / W

    return act


def _service_problem(town: Town, planning: Planning, t: int, stored: Floats) -> EnergyProblem:
    """With the load's margin and what is left at the end valued as `jobs.energy.task` does. The first hour in quarters,
    those after whole: what they are told is sent anew before they come.
    """
    hourly, futures = _problem(town, planning, t, stored), planning.futures(t)
    finer = np.concatenate([np.zeros(QUARTERS, np.int64), np.arange(1, DAY_AND_A_HALF)])
    sites, solar, batteries = hourly.sites, hourly.solar, hourly.batteries
    assert solar is not None and batteries is not None
    margin = np.maximum(futures.quantile_w(0.9) - futures.expected_w, 0.0)
    bought = sites.import_eur_kwh[:, -HOURS_A_DAY:].mean(axis=1)
    return EnergyProblem(
        horizon=Horizon(duration_s=np.where(np.arange(len(finer)) < QUARTERS, HOUR_S / QUARTERS, HOUR_S)),
        sites=Sites(
            names=town.names, base_w=sites.base_w[:, finer], margin_w=margin[:, finer],
            import_eur_kwh=sites.import_eur_kwh[:, finer], export_eur_kwh=sites.export_eur_kwh[:, finer],
        ),
        solar=Solar(names=town.names, site=solar.site, available_w=solar.available_w[:, finer]),
        batteries=replace(batteries, end_eur_kwh=bought * CELL.discharge_efficiency),
    )  # fmt: skip


def _problem(town: Town, planning: Planning, t: int, stored: Floats) -> EnergyProblem:
    net = planning.futures(t).expected_w
    buy = planning.paid(t)
    sites = np.arange(len(town.names))
    return EnergyProblem(
        horizon=Horizon(duration_s=np.full(len(buy), HOUR_S)),
        sites=Sites(
            names=town.names, base_w=np.maximum(net, 0.0),
            import_eur_kwh=np.broadcast_to(buy, net.shape), export_eur_kwh=np.zeros(net.shape),
        ),
        solar=Solar(names=town.names, site=sites, available_w=np.maximum(-net, 0.0)),
        batteries=Batteries(
            names=town.names, site=sites, capacity_wh=np.array(CELL.capacity_wh),
            initial_wh=np.minimum(stored * W, CELL.capacity_wh), charge_max_w=np.array(CELL.charge_max_w),
            discharge_max_w=np.array(CELL.discharge_max_w), charge_efficiency=np.array(CELL.charge_efficiency),
            discharge_efficiency=np.array(CELL.discharge_efficiency),
            end_eur_kwh=np.array(planning.end_eur_kwh(buy)), to_grid=np.array(False),
        ),
    )  # fmt: skip


def knowing(town: Town, parts: int = 80) -> Floats:
    """(B, H) drawn with all known and the environment's own battery: dynamic programming on a grid of what is stored.

    Cost and emissions count alike, as ratios. Wear of the battery is not known to it.
    """
    grid = np.linspace(0.0, Battery.size, parts + 1)
    moves = _moves(grid)
    drawn = np.empty(town.net.shape)
    for b, net in enumerate(town.net):
        without = np.maximum(net, 0.0)
        price = town.price / float(without @ town.price) + town.carbon / float(without @ town.carbon)
        drawn[b] = net + _best(net, price, moves)
    return drawn


def _moves(grid: Floats) -> Floats:
    """(S, S) energy in or out between two states of the grid in an hour; NaN where the battery cannot."""
    asked = np.linspace(0.0, Battery.power, 20_001)
    way = np.sqrt(np.interp(asked / Battery.power, *Battery.efficiency))
    change = grid[None, :] - grid[:, None]
    into = np.interp(change, asked * way, asked, right=np.inf)
    out = np.interp(-change, asked / way, asked, right=np.inf)
    most = Battery.power * np.interp(grid / Battery.size, *Battery.falling)[:, None]
    moved = np.where(change >= 0, into, -out)
    return np.where(np.abs(moved) <= most, moved, np.nan)


def _best(net: Floats, price: Floats, moves: Floats) -> Floats:
    """(H,) energy of the battery that costs least."""
    possible = np.where(np.isfinite(moves), moves, 0.0)
    never = np.where(np.isfinite(moves), 0.0, np.inf)
    states = np.arange(len(moves))
    after = np.zeros(len(moves))
    chosen = np.empty((len(net), len(moves)), np.int64)
    for t in range(len(net) - 1, -1, -1):
        costs = price[t] * np.maximum(net[t] + possible, 0.0) + never + after
        chosen[t] = costs.argmin(axis=1)
        after = costs[states, chosen[t]]
    state, energy = 0, np.empty(len(net))
    for t in range(len(net)):
        energy[t] = possible[state, chosen[t, state]]
        state = int(chosen[t, state])
    return energy
