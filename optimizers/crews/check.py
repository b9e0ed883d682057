"""Every constraint of the crew problem as its definition says it, to judge any plan; no code of the solver."""

from collections.abc import Iterator
from itertools import combinations

from optimizers.crews.problem import CLOCK_S, Crew, CrewPlan, CrewProblem, Driven, Round, Why
from optimizers.result import Status, Violation

_MONEY = 1e-4
"""By which an objective may miss, as a share of it or of 1: costs are rounded to 360,000ths while they are summed."""


def check(problem: CrewProblem, plan: CrewPlan) -> list[Violation]:
    """Everything that is wrong with a plan, by what it breaks; empty for a plan that keeps every word.

    Names that lead nowhere and rounds told twice or never are told alone: nothing else could be judged.
    """
    if found := list(_names(problem, plan)):
        return found
    return [*_rounds(problem, plan.driven), *_crews(problem, plan.driven), *_vehicles(problem, plan.driven),
            *_uncovered(problem, plan), *_head(problem, plan)]  # fmt: skip


def _names(problem: CrewProblem, plan: CrewPlan) -> Iterator[Violation]:
    crews = {crew.id for crew in problem.crews}
    told = [one.round for one in plan.driven] + [one.round for one in plan.uncovered]
    rounds = {one.id for one in problem.rounds}
    for name in sorted({name for name in told if name not in rounds}):
        yield Violation("stranger", name, 1.0, "1", "no such round")
    for one in plan.driven:
        if one.crew not in crews:
            yield Violation("stranger", one.crew, 1.0, "1", f"no such crew, of round {one.round}")
    for one_round in problem.rounds:
        if (times := told.count(one_round.id)) != 1:
            yield Violation("told once", one_round.id, abs(times - 1.0), "times", f"told {times} times")


def _rounds(problem: CrewProblem, driven: tuple[Driven, ...]) -> Iterator[Violation]:
    """Each in one of its spans, by a crew that has what it takes and is there."""
    rounds, crews = {one.id: one for one in problem.rounds}, {crew.id: crew for crew in problem.crews}
    for one in driven:
        round_, crew = rounds[one.round], crews[one.crew]
        told = f"from {one.start_s:g} s to {one.end_s:g} s"
        off_s = min(max(abs(one.start_s - start), abs(one.end_s - end)) for start, end in round_.spans)
        if off_s > CLOCK_S:
            yield Violation("span", one.round, off_s, "s", f"{told}, which is none of its spans")
        if missing := sorted(set(round_.skills) - set(crew.skills)):
            yield Violation("skill", one.round, float(len(missing)), "1", f"{crew.id} lacks {', '.join(missing)}")
        out_s = min((max(start - one.start_s, one.end_s - end) for start, end in crew.there), default=one.end_s)
        if out_s > CLOCK_S:
            yield Violation("away", one.round, out_s, "s", f"{told}: {crew.id} is not there for the whole of it")


def _crews(problem: CrewProblem, driven: tuple[Driven, ...]) -> Iterator[Violation]:
    """One round at a time, with rest between days, and no more hours than allowed."""
    for crew in problem.crews:
        own = sorted((one for one in driven if one.crew == crew.id), key=lambda one: one.start_s)
        for one, other in combinations(own, 2):
            yield from _between(problem, crew, one, other)
        if (over := sum(one.end_s - one.start_s for one in own) - crew.most_s) > CLOCK_S:
            yield Violation("hours", crew.id, over, "s", f"wants {crew.most_s:g} s at most")
        for day in sorted({problem.day(one.start_s) for one in own}):
            today_s = sum(one.end_s - one.start_s for one in own if problem.day(one.start_s) == day)
            if (over := today_s - crew.most_day_s) > CLOCK_S:
                yield Violation("hours of a day", crew.id, over, "s", f"day {day}, wants {crew.most_day_s:g} s at most")


def _between(problem: CrewProblem, crew: Crew, one: Driven, other: Driven) -> Iterator[Violation]:
    gap_s = other.start_s - one.end_s
    if gap_s < -CLOCK_S:
        yield Violation("overlap", crew.id, -gap_s, "s", f"{one.round} and {other.round}")
    elif problem.day(one.start_s) != problem.day(other.start_s) and (short := crew.rest_s - gap_s) > CLOCK_S:
        detail = f"{gap_s:g} s between {one.round} and {other.round}, wants {crew.rest_s:g} s"
        yield Violation("rest", crew.id, short, "s", detail)


def _vehicles(problem: CrewProblem, driven: tuple[Driven, ...]) -> Iterator[Violation]:
    vehicle = {one.id: one.vehicle for one in problem.rounds}
    for one, other in combinations(sorted(driven, key=lambda one: one.start_s), 2):
        shared = vehicle[one.round] and vehicle[one.round] == vehicle[other.round]
        if shared and (twice_s := min(one.end_s, other.end_s) - other.start_s) > CLOCK_S:
            yield Violation("vehicle", vehicle[one.round], twice_s, "s", f"{one.round} and {other.round} at once")


def _uncovered(problem: CrewProblem, plan: CrewPlan) -> Iterator[Violation]:
    """Required rounds have a crew; reasons that can be judged by themselves are true."""
    rounds = {one.id: one for one in problem.rounds}
    for left in plan.uncovered:
        one = rounds[left.round]
        if one.required:
            yield Violation("required", one.id, 1.0, "1", left.detail or str(left.why))
        if left.why != (found := _alone(problem, one)) and found is not None:
            yield Violation("reason", one.id, 1.0, "1", f"{left.why} told, it is {found}")
        if found is None and left.why in {Why.SKILL, Why.AWAY, Why.HOURS}:
            yield Violation("reason", one.id, 1.0, "1", f"{left.why} told, which it is not")


def _alone(problem: CrewProblem, one: Round) -> Why | None:
    """Why no crew could take a round even if it were the only one."""
    able = [crew for crew in problem.crews if not set(one.skills) - set(crew.skills)]
    if not able:
        return Why.SKILL
    present = [
        (crew, end - start)
        for crew in able
        for start, end in one.spans
        if any(a <= start + CLOCK_S and end <= b + CLOCK_S for a, b in crew.there)
    ]
    if not present:
        return Why.AWAY
    fits = any(lasts <= min(crew.most_s, crew.most_day_s) + CLOCK_S for crew, lasts in present)
    return None if fits else Why.HOURS


def _head(problem: CrewProblem, plan: CrewPlan) -> Iterator[Violation]:
    found = _objective(problem, plan)
    if (off := abs(plan.objective - found)) > _MONEY * max(1.0, abs(found)):
        yield Violation("objective", "plan", off, problem.unit, f"{plan.objective!r} told, {found!r} found")
    if (above := plan.bound - plan.objective) > _MONEY * max(1.0, abs(found)):
        yield Violation("bound", "plan", above, problem.unit, f"{plan.bound!r} beside {plan.objective!r}")
    required = {one.id for one in problem.rounds if one.required}
    missing = [left.round for left in plan.uncovered if left.round in required]
    if missing and plan.status in {Status.OPTIMAL, Status.FEASIBLE}:
        yield Violation(
            "status", "plan", float(len(missing)), "rounds", f"{plan.status}, and required rounds are left out"
        )
    named = {one.object for one in plan.violations}
    for name in missing:
        if name not in named:
            yield Violation("told", name, 1.0, "1", "required and left out, which is not among the plan's violations")


def _objective(problem: CrewProblem, plan: CrewPlan) -> float:
    rounds, crews = {one.id: one for one in problem.rounds}, {crew.id: crew for crew in problem.crews}
    total = sum(rounds[left.round].worth for left in plan.uncovered if not rounds[left.round].required)
    fair_s = problem.fair_s()
    for one in plan.driven:
        quarter, vehicle = rounds[one.round].quarter, rounds[one.round].vehicle
        total += problem.weights.stranger * (quarter not in {"", *crews[one.crew].quarters})
        for wish in crews[one.crew].wishes:
            begins = wish.begins is None or wish.begins[0] <= one.start_s < wish.begins[1]
            if begins and wish.quarter in ("", quarter) and wish.vehicle in ("", vehicle):
                total += wish.cost
    for name in crews:
        work_s = sum(one.end_s - one.start_s for one in plan.driven if one.crew == name)
        total += problem.weights.uneven_per_h * max(0.0, work_s - fair_s[name]) / 3_600
    pairs = {(rounds[one.round].quarter, one.crew) for one in plan.driven if rounds[one.round].quarter}
    return total + problem.weights.change * (len(pairs) - len({quarter for quarter, _ in pairs}))
