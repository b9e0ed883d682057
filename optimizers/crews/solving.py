"""Crews for rounds by CP-SAT: see `solve`."""

from bisect import bisect_left
from collections.abc import Iterator
from math import ceil, floor, inf, isfinite
from time import monotonic
from typing import Any, NamedTuple

from ortools.sat.python import cp_model

from optimizers.crews.problem import (
    CLOCK_S,
    Crew,
    CrewPlan,
    CrewProblem,
    Driven,
    Round,
    Span,
    Uncovered,
    Why,
)
from optimizers.result import Limits, Status, Violation, our_version

SOLVER = "OR-Tools CP-SAT"
_FIRST = 0.4  # share of time and work that goes to finding; the rest proves
_UNITS = 360_000
"""Of the problem's unit, so that cents are whole numbers, and so is a cent an hour of each second."""


class _Choice(NamedTuple):
    """A round in one of its spans by one crew, by index."""

    round: int
    span: int
    crew: int


def solve(problem: CrewProblem, limits: Limits | None = None) -> CrewPlan:
    """As many required rounds as can be have a crew, then the objective is least.

    Costs are counted in 360,000ths of the unit, seconds whole: work is rounded up and what is allowed down, so that
    nothing is broken. OPTIMAL is proved to that. `work` is in deterministic seconds of CP-SAT; with it, or where
    the proof ends the search, the same problem and limits give the same plan on one thread.
    """
    limits = limits or Limits()
    started_s = monotonic()
    found = _searched(_Model(problem), limits)
    driven = tuple(_driven(problem, choice) for choice in sorted(found.chosen or ()))
    uncovered = tuple(_uncovered(problem, driven))
    required = {one.id for one in problem.rounds if one.required}
    missing = [one for one in uncovered if one.round in required]
    objective = objective_of(problem, driven)
    proved = found.proved and not limits.gap
    bound = objective if proved else 0.0 if missing else min(objective, max(0.0, found.bound))
    in_time = monotonic() - started_s < limits.seconds * 0.98
    return CrewPlan(
        status=_status(found.chosen is not None, proved, bool(missing)),
        objective=objective,
        bound=bound,
        seconds=monotonic() - started_s,
        seed=limits.seed,
        solver=SOLVER,
        version=our_version(),
        violations=tuple(Violation("required", one.round, 1.0, "1", one.detail) for one in missing),
        reproducible=limits.threads == 1 and (proved or in_time),
        driven=driven,
        uncovered=uncovered,
        unit=problem.unit,
    )


class _Found(NamedTuple):
    """None chosen: none found in time. `bound` in the problem's unit."""

    chosen: list[_Choice] | None
    value: float
    bound: float
    proved: bool


def _searched(model: "_Model", limits: Limits) -> _Found:
    """By turns first, which finds; then, from what was found, by one search over the whole tree, which proves."""
    first = _one_search(model, limits, _FIRST, by_turns=True)
    if first.proved or (first.chosen is not None and first.value - first.bound <= limits.gap * abs(first.value)):
        return first
    for choice in first.chosen or ():
        model.model.add_hint(model.taken[choice], 1)
    second = _one_search(model, limits, 1 - _FIRST, by_turns=False)
    best = min((first, second), key=lambda one: (one.chosen is None, one.value))
    return best._replace(bound=max(first.bound, second.bound), proved=second.proved)


def _one_search(model: "_Model", limits: Limits, share: float, *, by_turns: bool) -> _Found:
    solver = cp_model.CpSolver()
    parameters = solver.parameters
    parameters.num_workers, parameters.random_seed = limits.threads, limits.seed
    parameters.interleave_search = by_turns  # all its ways, the same ones for any number of workers
    parameters.max_time_in_seconds, parameters.relative_gap_limit = limits.seconds * share, limits.gap
    if limits.work is not None:
        parameters.max_deterministic_time = limits.work * share
    answer = solver.solve(model.model)
    if answer not in {cp_model.OPTIMAL, cp_model.FEASIBLE}:
        return _Found(None, inf, 0.0, proved=False)
    chosen = [choice for choice, var in model.taken.items() if solver.value(var)]
    bound = solver.best_objective_bound / _UNITS
    return _Found(chosen, solver.objective_value / _UNITS, bound, proved=answer == cp_model.OPTIMAL)


def _status(found: bool, proved: bool, missing: bool) -> Status:
    if not found:
        return Status.TIME_LIMIT
    if missing:
        return Status.BEST_EFFORT
    return Status.OPTIMAL if proved else Status.FEASIBLE


class _Model:
    """The constraint program. `taken`: whether a crew does a round in one of its spans."""

    def __init__(self, problem: CrewProblem) -> None:
        self.problem, self.model = problem, cp_model.CpModel()
        self.taken = {choice: self.model.new_bool_var("") for choice in _choices(problem)}
        self.costs: list[Any] = []
        self._rounds()
        self._vehicles()
        for c, crew in enumerate(problem.crews):
            self._crew(c, crew)
        self._continuity()
        missing = sum(self._left(r) for r, one in enumerate(problem.rounds) if one.required)
        # Whatever else a plan costs, it is less than one required round that is left out.
        self.model.minimize(sum(self.costs) + (self._most_cost() + 1) * missing)

    def _of_round(self, r: int) -> list[Any]:
        return [var for choice, var in self.taken.items() if choice.round == r]

    def _left(self, r: int) -> Any:
        return 1 - sum(self._of_round(r))

    def _rounds(self) -> None:
        for r, one in enumerate(self.problem.rounds):
            self.model.add_at_most_one(self._of_round(r))
            if not one.required:
                self.costs.append(_whole(one.worth) * self._left(r))
        for choice, var in self.taken.items():
            self.costs.append(_whole(_cost(self.problem, choice)) * var)

    def _vehicles(self) -> None:
        for name in sorted({one.vehicle for one in self.problem.rounds} - {""}):
            self._one_at_a_time([c for c in self.taken if self.problem.rounds[c.round].vehicle == name])

    def _one_at_a_time(self, choices: list[_Choice]) -> None:
        """Told by the order of beginnings, so that what overlaps by less than a second does so as well."""
        begins = sorted({self._span(choice)[0] for choice in choices})
        intervals = []
        for choice in choices:
            start, end = self._span(choice)
            first, last = bisect_left(begins, start), bisect_left(begins, end - CLOCK_S)
            size = max(1, last - first)
            intervals.append(self.model.new_optional_fixed_size_interval_var(first, size, self.taken[choice], ""))
        self.model.add_no_overlap(intervals)

    def _span(self, choice: _Choice) -> Span:
        return self.problem.rounds[choice.round].spans[choice.span]

    def _crew(self, c: int, crew: Crew) -> None:
        own = [choice for choice in self.taken if choice.crew == c]
        self._one_at_a_time(own)
        for one, other in _too_near(self.problem, crew, [(choice, self._span(choice)) for choice in own]):
            self.model.add_at_most_one([self.taken[one], self.taken[other]])
        lasts = {choice: ceil(self._span(choice)[1] - self._span(choice)[0] - CLOCK_S) for choice in own}
        work = sum(seconds * self.taken[choice] for choice, seconds in lasts.items())
        if own and isfinite(crew.most_s):
            self.model.add(work <= floor(crew.most_s + CLOCK_S))
        if isfinite(crew.most_day_s):
            for day in {self.problem.day(self._span(choice)[0]) for choice in own}:
                today = [choice for choice in own if self.problem.day(self._span(choice)[0]) == day]
                self.model.add(
                    sum(lasts[choice] * self.taken[choice] for choice in today) <= floor(crew.most_day_s + CLOCK_S)
                )
        if own and self.problem.weights.uneven_per_h:
            fair_s = floor(self.problem.fair_s()[crew.id])
            over = self.model.new_int_var(0, sum(lasts.values()), "")
            self.model.add(over >= work - fair_s)
            self.costs.append(_whole(self.problem.weights.uneven_per_h / 3_600) * over)

    def _continuity(self) -> None:
        if not self.problem.weights.change:
            return
        for quarter in sorted({one.quarter for one in self.problem.rounds} - {""}):
            inside = [choice for choice in self.taken if self.problem.rounds[choice.round].quarter == quarter]
            crews = sorted({choice.crew for choice in inside})
            works = {c: self.model.new_bool_var("") for c in crews}
            for choice in inside:
                self.model.add_implication(self.taken[choice], works[choice.crew])
            more = self.model.new_int_var(0, max(0, len(crews) - 1), "")
            self.model.add(more >= sum(works.values()) - 1)
            self.costs.append(_whole(self.problem.weights.change) * more)

    def _most_cost(self) -> int:
        """No plan costs more."""
        problem, weights = self.problem, self.problem.weights
        worst = sum(max(one.worth, self._dearest(r)) for r, one in enumerate(problem.rounds))
        longest_h = sum(max(end - start for start, end in one.spans) for one in problem.rounds) / 3_600
        quarters = len({one.quarter for one in problem.rounds} - {""})
        return _whole(worst + weights.uneven_per_h * longest_h + weights.change * quarters * len(problem.crews)) + 1_000

    def _dearest(self, r: int) -> float:
        return max((_cost(self.problem, choice) for choice in self.taken if choice.round == r), default=0.0)


def _whole(cost: float) -> int:
    return round(cost * _UNITS)


def _choices(problem: CrewProblem) -> Iterator[_Choice]:
    for r, one in enumerate(problem.rounds):
        for c, crew in enumerate(problem.crews):
            if set(one.skills) <= set(crew.skills):
                for k, span in enumerate(one.spans):
                    if _there(crew, span) and span[1] - span[0] <= min(crew.most_s, crew.most_day_s) + CLOCK_S:
                        yield _Choice(r, k, c)


def _there(crew: Crew, span: Span) -> bool:
    return any(start <= span[0] + CLOCK_S and span[1] <= end + CLOCK_S for start, end in crew.there)


def _too_near(problem: CrewProblem, crew: Crew, spans: list[tuple[_Choice, Span]]) -> Iterator[tuple[_Choice, _Choice]]:
    """Pairs of different days with less than the rest between them."""
    ordered = sorted(spans, key=lambda one: one[1])
    for i, (one, (_, end)) in enumerate(ordered):
        for other, (start, _) in ordered[i + 1 :]:
            if start - end >= crew.rest_s - CLOCK_S:
                break
            if one.round != other.round and problem.day(start) != problem.day(ordered[i][1][0]):
                yield one, other


def _cost(problem: CrewProblem, choice: _Choice) -> float:
    """What a crew's doing a round costs by itself."""
    one, crew = problem.rounds[choice.round], problem.crews[choice.crew]
    stranger = problem.weights.stranger if one.quarter and one.quarter not in crew.quarters else 0.0
    start = one.spans[choice.span][0]
    return stranger + sum(
        wish.cost
        for wish in crew.wishes
        if wish.quarter in {"", one.quarter}
        and wish.vehicle in {"", one.vehicle}
        and (wish.begins is None or wish.begins[0] <= start < wish.begins[1])
    )


def _driven(problem: CrewProblem, choice: _Choice) -> Driven:
    one = problem.rounds[choice.round]
    return Driven(one.id, problem.crews[choice.crew].id, *one.spans[choice.span])


def objective_of(problem: CrewProblem, driven: tuple[Driven, ...]) -> float:
    """In the problem's unit, unrounded."""
    rounds = {one.id: (r, one) for r, one in enumerate(problem.rounds)}
    crews = {crew.id: c for c, crew in enumerate(problem.crews)}
    done = {one.round for one in driven}
    total = sum(one.worth for one in problem.rounds if not one.required and one.id not in done)
    works, work_s = dict[str, set[str]](), dict.fromkeys(crews, 0.0)
    for one in driven:
        r, round_ = rounds[one.round]
        total += _cost(problem, _Choice(r, round_.spans.index((one.start_s, one.end_s)), crews[one.crew]))
        work_s[one.crew] += one.end_s - one.start_s
        if round_.quarter:
            works.setdefault(round_.quarter, set()).add(one.crew)
    fair_s, weights = problem.fair_s(), problem.weights
    over_s = sum(max(0.0, seconds - fair_s[name]) for name, seconds in work_s.items())
    changes = sum(len(names) - 1 for names in works.values())
    return total + weights.change * changes + weights.uneven_per_h * over_s / 3_600


def _uncovered(problem: CrewProblem, driven: tuple[Driven, ...]) -> Iterator[Uncovered]:
    done = {one.round for one in driven}
    for one in problem.rounds:
        if one.id not in done:
            yield _reason(problem, one, driven)


def _reason(problem: CrewProblem, one: Round, driven: tuple[Driven, ...]) -> Uncovered:
    able = [crew for crew in problem.crews if set(one.skills) <= set(crew.skills)]
    if not able:
        return Uncovered(one.id, Why.SKILL, f"wants {', '.join(one.skills) or 'a crew'}, which no crew has")
    there = [(crew, span) for crew in able for span in one.spans if _there(crew, span)]
    if not there:
        return Uncovered(one.id, Why.AWAY, f"of {len(able)} crews that could, none is there for the whole of it")
    short = [crew for crew, (start, end) in there if end - start <= min(crew.most_s, crew.most_day_s) + CLOCK_S]
    if not short:
        longest_h = max(min(crew.most_s, crew.most_day_s) for crew, _ in there) / 3_600
        least_h = min(end - start for _, (start, end) in there) / 3_600
        return Uncovered(one.id, Why.HOURS, f"lasts {least_h:.2f} h, a crew may work {longest_h:.2f} h")
    if not one.required and (cost := _cheapest(problem, one, driven)) is not None:
        detail = f"a crew could, for {cost:.2f} {problem.unit}; it is worth {one.worth:.2f} {problem.unit}"
        return Uncovered(one.id, Why.WORTH, detail)
    return Uncovered(one.id, Why.FULL, f"{len({crew.id for crew in short})} crews could, were it not for other rounds")


def _cheapest(problem: CrewProblem, one: Round, driven: tuple[Driven, ...]) -> float | None:
    """What the plan would cost more with this round, given to a crew that is free for it; None where none is."""
    now = objective_of(problem, driven) - one.worth
    costs = [
        objective_of(problem, with_it) - now
        for crew in problem.crews
        for span in one.spans
        if _fits(problem, one, crew, span, driven) and (with_it := (*driven, Driven(one.id, crew.id, *span)))
    ]
    return min(costs, default=None)


def _fits(problem: CrewProblem, one: Round, crew: Crew, span: Span, driven: tuple[Driven, ...]) -> bool:
    """Whether a crew, and the vehicle, are free for one more round beside those that are driven."""
    start, end = span
    if not (set(one.skills) <= set(crew.skills) and _there(crew, span)):
        return False
    vehicle = {other.id: other.vehicle for other in problem.rounds}
    today_s = work_s = end - start
    for other in driven:
        apart_s = max(start - other.end_s, other.start_s - end)
        same_day = problem.day(start) == problem.day(other.start_s)
        if one.vehicle and vehicle[other.round] == one.vehicle and apart_s < -CLOCK_S:
            return False
        if other.crew == crew.id:
            if apart_s < (0.0 if same_day else crew.rest_s) - CLOCK_S:
                return False
            work_s += other.end_s - other.start_s
            today_s += (other.end_s - other.start_s) * same_day
    return today_s <= crew.most_day_s + CLOCK_S and work_s <= crew.most_s + CLOCK_S
