"""Small problems by constraint programming: a bound that is proved, and often the tours that reach it.

A second solver, which shares nothing with PyVRP, for tests to hold our answers against. `solve` does not call it: alike
vehicles that stand for one another make it too slow to be worth the wait from some eight stops on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, inf, isfinite
from typing import Any

import numpy as np
from ortools.sat.python import cp_model

from optimizers.routing.problem import Loads, RoutingProblem, Vehicle, Window
from optimizers.routing.tours import Tour, Tours, holders, sites_of

MOST_STOPS, MOST_VEHICLES = 12, 6
"""What is small: beyond, even a bound that is any use takes minutes."""

EFFORT = 4.0
"""Deterministic seconds of CP-SAT, which end the search at the same place on every machine."""

_COSTS = 1e9  # units in what all drives and prizes together cost
_TIMES = 1e6  # units in the horizon, if seconds are no whole numbers
_HORIZON_S = 1e7

_OUT, _BACK = -1, -2  # nodes of a vehicle: where it starts, where it ends


@dataclass(frozen=True, slots=True)
class Proof:
    """`bound`: no plan that serves all required stops costs less. `tours` are those of the relaxation, to be timed:
    what it leaves out of the problem they may break. None where time was over without any.
    """

    tours: Tours | None
    bound: float


def proof(problem: RoutingProblem, lost: Sequence[int] = (), effort: float = EFFORT) -> Proof | None:
    """The least cost of a relaxation of a problem, without stops that are `lost`; None for one too large to try, or
    whose required stops cannot all be served.

    Left out are rests, work rules, queues, range, overtime and balance; the rest is as it is: who may serve what,
    windows, loads, unloading on the way and before the end, caps of a day, prizes, zones, former vehicles. Amounts are
    rounded to where less is asked, so that the bound is one.
    """
    stops = [s for s in range(len(problem.stops)) if s not in set(lost)]
    if not 0 < len(stops) <= MOST_STOPS or len(problem.vehicles) > MOST_VEHICLES:
        return None
    model = _Model(problem, stops)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    solver.parameters.linearization_level = 2  # circuits are proved by their linear relaxation
    solver.parameters.max_deterministic_time = effort
    answer = solver.solve(model.model)
    if answer in {cp_model.INFEASIBLE, cp_model.MODEL_INVALID}:
        return None
    bound = max(0.0, solver.best_objective_bound / model.cost_units)
    found = answer in {cp_model.OPTIMAL, cp_model.FEASIBLE}
    return Proof(model.tours(solver) if found else None, bound)


class _Model:
    """Of each vehicle a circuit through its start, stops and end; on each drive it may unload at a site.

    at        by stop, when its service begins, in whole units
    drives    by vehicle, node and node: whether it drives so
    through   by vehicle, node, node and site: whether it unloads there on that drive
    """

    def __init__(self, problem: RoutingProblem, stops: Sequence[int]) -> None:
        self.problem, self.stops, self.model = problem, list(stops), cp_model.CpModel()
        self.may = holders(problem)
        self.time_units = 1.0 if self._whole() else _TIMES / max(1.0, self._latest())
        dearest = max((v.per_m for v in problem.vehicles), default=0.0) * self._longest_m()
        self.cost_units = _COSTS / max(1e-6, (dearest + 1) * (len(stops) + 1) + sum(one.prize for one in problem.stops))
        self.at = {s: self._begins(s) for s in self.stops}
        self.drives: dict[tuple[int, int, int], Any] = {}
        self.through: dict[tuple[int, int, int, int], Any] = {}
        self.costs: list[Any] = []
        served: dict[tuple[int, int], Any] = {}
        for v, vehicle in enumerate(problem.vehicles):
            served |= self._circuit(v, vehicle)
            self._clock(v, vehicle)
            self._day(v, vehicle, served)
            for dimension in range(len(problem.dimensions)):
                self._loads(v, vehicle, dimension)
        self._serve(served)
        self.model.minimize(sum(self.costs))

    def _whole(self) -> bool:
        duration_s = self.problem.matrices.duration_s
        service_s = np.array([stop.service_s for stop in self.problem.stops], np.float64)
        times = (duration_s[np.isfinite(duration_s)], service_s)
        return all(bool((one == np.round(one)).all()) for one in times) and self._latest() < _HORIZON_S

    def _latest(self) -> float:
        return max((v.shift[1] - v.shift[0] + abs(v.shift[0]) for v in self.problem.vehicles), default=1.0)

    def _longest_m(self) -> float:
        distance_m = self.problem.matrices.distance_m
        return float(distance_m[np.isfinite(distance_m)].max(initial=0.0))

    def _down(self, seconds: float) -> int:
        return floor(max(-_HORIZON_S, min(seconds, _HORIZON_S)) * self.time_units + 1e-6)

    def _up(self, seconds: float) -> int:
        return ceil(max(-_HORIZON_S, min(seconds, _HORIZON_S)) * self.time_units - 1e-6)

    def _cost(self, amount: float) -> int:
        return floor(amount * self.cost_units + 1e-6)

    def _begins(self, s: int) -> Any:
        windows: tuple[Window, ...] = self.problem.stops[s].windows or ((-inf, inf),)
        spans = [[self._down(first), self._up(last)] for first, last in windows]
        return self.model.new_int_var_from_domain(cp_model.Domain.from_intervals(spans), "")

    def _place(self, v: int, node: int) -> int | None:
        vehicle = self.problem.vehicles[v]
        return vehicle.start if node == _OUT else vehicle.end if node == _BACK else self.problem.stops[node].place

    def _leg(self, v: int, one: int | None, other: int | None) -> tuple[float, float]:
        """Metres and seconds; nothing to an end that is anywhere."""
        if one is None or other is None:
            return 0.0, 0.0
        leg = (self.problem.vehicles[v].profile, one, other)
        return float(self.problem.matrices.distance_m[leg]), float(self.problem.matrices.duration_s[leg])

    def _circuit(self, v: int, vehicle: Vehicle) -> dict[tuple[int, int], Any]:
        """A way from start to end through the stops it serves, or none; by vehicle and stop, whether it serves it."""
        own = [s for s in self.stops if self.may[v, s]]
        used = self.model.new_bool_var("")
        number = {_OUT: 0, _BACK: 1} | {s: i + 2 for i, s in enumerate(own)}
        arcs = [(0, 1, used.negated()), (1, 0, True)]
        served = {(v, s): self.model.new_bool_var("") for s in own}
        arcs += [(number[s], number[s], served[v, s].negated()) for s in own]
        for i in (_OUT, *own):
            for j in (*own, _BACK):
                if i != j and (i, j) != (_OUT, _BACK) and self._possible(v, i, j):
                    self.drives[v, i, j] = self.model.new_bool_var("")
                    arcs.append((number[i], number[j], self.drives[v, i, j]))
        self.model.add_circuit(arcs)
        self.costs.append(self._cost(0.0 if vehicle.out else vehicle.fixed) * used)
        for (w, i, j), drive in list(self.drives.items()):
            if w == v:
                self._price(vehicle, (v, i, j), drive)
        return served

    def _possible(self, v: int, i: int, j: int) -> bool:
        straight = isfinite(sum(self._leg(v, self._place(v, i), self._place(v, j))))
        return straight or any(
            self._detour(v, i, j, k) is not None for k in sites_of(self.problem, self.problem.vehicles[v])
        )

    def _detour(self, v: int, i: int, j: int, k: int) -> tuple[float, float, float] | None:
        """Metres by a site, seconds to it, seconds from its gate."""
        site = self.problem.sites[k].place
        there, on = self._leg(v, self._place(v, i), site), self._leg(v, site, self._place(v, j))
        return (there[0] + on[0], there[1], on[1]) if isfinite(sum(there) + sum(on)) else None

    def _price(self, vehicle: Vehicle, arc: tuple[int, int, int], drive: Any) -> None:
        """Metres, straight or by a site, borders, and stops that another vehicle had."""
        v, i, j = arc
        metres, _ = self._leg(v, self._place(v, i), self._place(v, j))
        by_site = []
        for k in sites_of(self.problem, vehicle):
            if (detour := self._detour(v, i, j, k)) is not None:
                unloads = self.through[v, i, j, k] = self.model.new_bool_var("")
                by_site.append(unloads)
                self.costs.append(self._cost(vehicle.per_m * detour[0]) * unloads)
        straight = drive - sum(by_site)
        self.model.add(straight >= 0)
        if vehicle.empties and j == _BACK and self.problem.dimensions:
            self.model.add(straight == 0)
        if isfinite(metres):
            self.costs.append((self._cost(vehicle.per_m * metres) + self._cost(self._border(i, j))) * straight)
        else:
            self.model.add(straight == 0)
        if j >= 0 and self.problem.stops[j].former not in {"", vehicle.id}:
            self.costs.append(self._cost(self.problem.weights.moved) * drive)

    def _border(self, i: int, j: int) -> float:
        zones = [self.problem.stops[one].zone if one >= 0 else "" for one in (i, j)]
        return self.problem.weights.border if all(zones) and zones[0] != zones[1] else 0.0

    def _clock(self, v: int, vehicle: Vehicle) -> None:
        """Each drive takes its time; from start to end no longer than allowed, and paid by the second."""
        first, last = self._down(vehicle.shift[0]), self._up(vehicle.shift[1])
        out = self.model.new_int_var(first, first if vehicle.out else last, "")
        back = self.model.new_int_var(first, last, "")
        at = {_OUT: out, _BACK: back} | self.at
        for (w, i, j), drive in self.drives.items():
            if w != v:
                continue
            service_s = self.problem.stops[i].service_s if i >= 0 else 0.0
            unloading = []
            for k in sites_of(self.problem, vehicle):
                if (v, i, j, k) in self.through:
                    unloading.append(self.through[v, i, j, k])
                    self._unloads(at, (v, i, j, k), service_s)
            _, seconds = self._leg(v, self._place(v, i), self._place(v, j))
            if isfinite(seconds):
                lits = [drive, *(one.negated() for one in unloading)]
                self.model.add(at[j] >= at[i] + self._down(service_s + seconds)).only_enforce_if(lits)
        lasts = self.model.new_int_var(0, max(0, last - first), "")
        self.model.add(lasts >= back - out)
        most_s = vehicle.longest_s + vehicle.overtime_s - vehicle.spent.duration_s
        if isfinite(most_s):
            self.model.add(lasts <= max(0, self._up(most_s)))
        self.costs.append(self._cost(vehicle.per_s / self.time_units) * lasts)

    def _unloads(self, at: dict[int, Any], arc: tuple[int, int, int, int], service_s: float) -> None:
        v, i, j, k = arc
        site, unloads = self.problem.sites[k], self.through[arc]
        _, there_s, on_s = self._detour(v, i, j, k) or (0.0, 0.0, 0.0)
        windows: tuple[Window, ...] = site.windows or ((-inf, inf),)
        spans = [[self._down(first), self._up(last)] for first, last in windows]
        begins = self.model.new_int_var_from_domain(cp_model.Domain.from_intervals(spans), "")
        self.model.add(begins >= at[i] + self._down(service_s + there_s)).only_enforce_if(unloads)
        self.model.add(at[j] >= begins + self._down(site.unload_s + on_s)).only_enforce_if(unloads)

    def _day(self, v: int, vehicle: Vehicle, served: dict[tuple[int, int], Any]) -> None:
        """Stops, trips and loads of the whole day."""
        own = {s: taken for (w, s), taken in served.items() if w == v}
        if vehicle.most_stops is not None:
            self.model.add(sum(own.values()) <= max(0, vehicle.most_stops - vehicle.spent.stops))
        if vehicle.most_trips is not None and vehicle.empties:
            unloads = [one for (w, *_), one in self.through.items() if w == v]
            self.model.add(sum(unloads) <= max(0, vehicle.most_trips - vehicle.spent.trips))
        for dimension in range(len(vehicle.daily)):
            spent = vehicle.spent.loads[dimension] if vehicle.spent.loads else 0.0
            most = ceil((vehicle.daily[dimension] - spent) * 1_000 - 1e-6)
            loads = [floor(self.problem.stops[s].load[dimension] * 1_000 + 1e-6) * taken for s, taken in own.items()]
            self.model.add(sum(loads) <= max(0, most))

    def _loads(self, v: int, vehicle: Vehicle, dimension: int) -> None:
        """What is aboard after each stop, in thousandths; nothing after an unloading."""

        def of(loads: Loads) -> int:
            return floor(loads[dimension] * 1_000 + 1e-6) if loads else 0

        if not vehicle.capacity:
            return
        most = ceil(vehicle.capacity[dimension] * 1_000 - 1e-6)
        aboard = {s: self.model.new_int_var(0, max(0, most), "") for s in self.stops}
        for (w, i, j), drive in self.drives.items():
            if w == v and j >= 0:
                own = of(self.problem.stops[j].load)
                unloading = [
                    self.through[v, i, j, k] for k in range(len(self.problem.sites)) if (v, i, j, k) in self.through
                ]
                before = aboard[i] if i >= 0 else of(vehicle.aboard)
                lits = [drive, *(one.negated() for one in unloading)]
                self.model.add(aboard[j] >= before + own).only_enforce_if(lits)
                self.model.add(aboard[j] >= own).only_enforce_if(drive)

    def _serve(self, served: dict[tuple[int, int], Any]) -> None:
        """Required stops by one vehicle, others by one or for their prize; joined ones by the same or by none."""
        companions: dict[str, list[int]] = {}
        for s in self.stops:
            stop = self.problem.stops[s]
            times = sum(self._of(served, s))
            if stop.together:
                companions.setdefault(stop.together, []).append(s)
            if stop.required:
                self.model.add(times == 1)
            else:
                self.model.add(times <= 1)
                self.costs.append(self._cost(stop.prize) * (1 - times))
        for members in companions.values():
            for v in range(len(self.problem.vehicles)):
                first, *others = ([served[v, s]] if (v, s) in served else [] for s in members)
                for other in others:
                    self.model.add(sum(first) == sum(other))

    def _of(self, served: dict[tuple[int, int], Any], s: int) -> Iterator[Any]:
        return (taken for (_, one), taken in served.items() if one == s)

    def tours(self, solver: Any) -> Tours:
        """What the vehicles do in the solution."""
        follows = {(v, i): j for (v, i, j), drive in self.drives.items() if solver.value(drive)}
        by = {(v, i): k for (v, i, _, k), unloads in self.through.items() if solver.value(unloads)}
        tours: list[Tour] = []
        for v in range(len(self.problem.vehicles)):
            codes, node = list[int](), _OUT
            while (v, node) in follows:
                if (v, node) in by:
                    codes.append(~by[v, node])
                node = follows[v, node]
                if node >= 0:
                    codes.append(node)
            tours.append(tuple(codes))
        return tuple(tours)
