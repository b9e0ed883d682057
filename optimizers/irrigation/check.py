"""Every constraint of the irrigation problem as its definition says it, to judge any plan; no code of the solver."""

from collections.abc import Callable, Iterator
from itertools import zip_longest

import numpy as np

from optimizers.arrays import Floats, Ints
from optimizers.irrigation.problem import EUR, TOLERANCE, IrrigationPlan, IrrigationProblem
from optimizers.irrigation.reckoning import every_cycle, reckoned, water_m3
from optimizers.result import Status, Violation

CLOCK_S = 1e-6
"""By which an instant may miss: no valve is that punctual, and sums of seconds are not exact."""

NIGHT = 0  # the one that is decided

Span = tuple[float, float]


def check(problem: IrrigationProblem, plan: IrrigationPlan) -> list[Violation]:
    """Everything that is wrong with a plan, by what it breaks; empty for a plan that keeps every word.

    Amounts of water may miss a constraint by TOLERANCE, those of a budget and euros by TOLERANCE of it, instants by
    CLOCK_S. What stands in the way of judging at all (shape, numbers that are none, whole cycles) is told alone.
    """
    for basic in (shape, finite, strangers, whole):
        if found := list(basic(problem, plan)):
            return found
    return [violation for constraint in CONSTRAINTS for violation in constraint(problem, plan)]


def shape(problem: IrrigationProblem, plan: IrrigationPlan) -> Iterator[Violation]:
    """The plan speaks of the problem's hydrozones in their order, of its scenarios and days."""
    n, days, scenarios = problem.shape
    opened = np.shape(plan.opened)
    wanted = {
        "cycles": (n,),
        "opened": opened[:1],
        "start_s": opened,
        "end_s": opened,
        "later_cycles": (scenarios, days - 1, n),
    }
    for i, (told, meant) in enumerate(zip_longest(plan.hydrozones, problem.hydrozones.names)):
        if told != meant:
            detail = f"{i} is {told!r}, wants {meant!r}: the problem's {n} in their order"
            yield Violation("hydrozones", "plan", 1.0, "1", detail)
            break
    for name, expected in wanted.items():
        if (found := np.shape(getattr(plan, name))) != expected:
            yield Violation("shape", "plan", 1.0, "1", f"{name} is {found}, wants {expected}")


def finite(problem: IrrigationProblem, plan: IrrigationPlan) -> Iterator[Violation]:
    """No figure is infinite or no number."""
    for name in ("objective", "bound"):
        if not np.isfinite(value := getattr(plan, name)):
            yield Violation("finite", "plan", 1.0, "1", f"{name} is {value}")
    for name in ("cycles", "later_cycles"):
        unfit = ~np.isfinite(getattr(plan, name))
        for z in np.flatnonzero(unfit.reshape(-1, unfit.shape[-1]).any(axis=0)).tolist():
            yield Violation("finite", problem.hydrozones.names[z], 1.0, "1", name)
    for i in np.flatnonzero(~(np.isfinite(plan.start_s) & np.isfinite(plan.end_s))).tolist():
        yield Violation("finite", f"opening {i}", 1.0, "1", f"from {plan.start_s[i]} s to {plan.end_s[i]} s")


def strangers(problem: IrrigationProblem, plan: IrrigationPlan) -> Iterator[Violation]:
    """Every opening is that of a hydrozone."""
    n = problem.shape[0]
    for i, z in enumerate(plan.opened.tolist()):
        if z not in range(n):
            yield Violation("stranger", f"opening {i}", 1.0, "1", f"hydrozone {z}, wants an index below {n}")


def whole(problem: IrrigationProblem, plan: IrrigationPlan) -> Iterator[Violation]:
    """Cycles of the coming night are whole and not negative."""
    for z, found in enumerate(plan.cycles.tolist()):
        missing = max(abs(found - round(found)), -found)
        if missing > 0:
            yield Violation("whole cycles", problem.hydrozones.names[z], float(missing), "cycles", f"{found}")


def openings(problem: IrrigationProblem, plan: IrrigationPlan) -> Iterator[Violation]:
    """Each valve opens as often as the plan says."""
    found = np.bincount(plan.opened, minlength=problem.shape[0])
    for z in np.flatnonzero(found != plan.cycles).tolist():
        detail = f"opens {found[z]} times, the plan says {plan.cycles[z]:g}"
        yield Violation(
            "openings", problem.hydrozones.names[z], float(abs(found[z] - plan.cycles[z])), "cycles", detail
        )


def order(_: IrrigationProblem, plan: IrrigationPlan) -> Iterator[Violation]:
    """Openings stand in the order they begin."""
    for i in np.flatnonzero(np.diff(plan.start_s) < -CLOCK_S).tolist():
        detail = f"begins at {plan.start_s[i + 1]:g} s, the one before it at {plan.start_s[i]:g} s"
        yield Violation("order", f"opening {i + 1}", float(plan.start_s[i] - plan.start_s[i + 1]), "s", detail)


def duration(problem: IrrigationProblem, plan: IrrigationPlan) -> Iterator[Violation]:
    """An opening lasts exactly one cycle."""
    lasts, wanted = plan.end_s - plan.start_s, problem.hydrozones.cycle_s[plan.opened]
    for i in np.flatnonzero(np.abs(lasts - wanted) > CLOCK_S).tolist():
        detail = f"lasts {lasts[i]:.9g} s, wants {wanted[i]:g} s"
        yield _opening(problem, plan, i, "duration", abs(float(lasts[i] - wanted[i])), detail)


def windows(problem: IrrigationProblem, plan: IrrigationPlan) -> Iterator[Violation]:
    """An opening lies within one allowed stretch of the coming night, or several that touch."""
    allowed = [allowed_spans(problem, z, NIGHT) for z in range(problem.shape[0])]
    for i, z in enumerate(plan.opened.tolist()):
        start, end = float(plan.start_s[i]), float(plan.end_s[i])
        inside = max((min(end, b) - max(start, a) for a, b in allowed[z]), default=0.0)
        if (outside := end - start - max(inside, 0.0)) > CLOCK_S:
            yield _opening(problem, plan, i, "window", outside, f"from {start:g} s to {end:g} s")


def overlap(problem: IrrigationProblem, plan: IrrigationPlan) -> Iterator[Violation]:
    """A valve opens only when it is closed."""
    for i, pause in _pauses(plan):
        if pause < -CLOCK_S:
            yield _opening(problem, plan, i, "overlap", -pause, "opens before it has closed")


def soak(problem: IrrigationProblem, plan: IrrigationPlan) -> Iterator[Violation]:
    """Between two openings of a valve the soil takes the water in."""
    for i, pause in _pauses(plan):
        least = float(problem.hydrozones.soak_s[plan.opened[i]])
        if -CLOCK_S <= pause < least - CLOCK_S:
            yield _opening(problem, plan, i, "soak", least - pause, f"pauses {pause:g} s, wants {least:g} s")


def flow(problem: IrrigationProblem, plan: IrrigationPlan) -> Iterator[Violation]:
    """At every instant the open valves of a network take no more than it carries."""
    supply = problem.hydrozones.network[plan.opened]
    for k, name in enumerate(problem.networks.names):
        mine = np.flatnonzero(supply == k)
        capacity, worst, at, together = float(problem.networks.capacity_m3_h[k]), 0.0, 0.0, frozenset[int]()
        for instant, valves in _together(plan, mine):
            taken = float(sum(problem.hydrozones.flow_m3_h[list(valves)]))
            if taken > worst:
                worst, at, together = taken, instant, valves
        if worst > capacity + TOLERANCE:
            who = ", ".join(problem.hydrozones.names[z] for z in sorted(together))
            detail = f"{worst:g} m3/h at {at:g} s, it carries {capacity:g}: {who}"
            yield Violation("flow", name, worst - capacity, "m3/h", detail)


def most_cycles(problem: IrrigationProblem, plan: IrrigationPlan) -> Iterator[Violation]:
    """No night has more cycles of a hydrozone than are allowed, in any scenario."""
    excess = every_cycle(plan).max(axis=0) - problem.windows.most_cycles.T
    for d, z in np.argwhere(excess > TOLERANCE).tolist():
        detail = f"night {d}, wants {problem.windows.most_cycles[z, d]} at most"
        yield Violation("most cycles", problem.hydrozones.names[z], float(excess[d, z]), "cycles", detail)


def later(problem: IrrigationProblem, plan: IrrigationPlan) -> Iterator[Violation]:
    """Cycles of later nights are not negative."""
    least = plan.later_cycles.min(axis=(0, 1), initial=0.0)
    for z in np.flatnonzero(least < -TOLERANCE).tolist():
        detail = f"{least[z]:g} of a later night"
        yield Violation("later cycles", problem.hydrozones.names[z], float(-least[z]), "cycles", detail)


def later_room(problem: IrrigationProblem, plan: IrrigationPlan) -> Iterator[Violation]:
    """Cycles of a later night are no more, in any scenario, than fit into the hydrozone's windows with their soaks."""
    for night, cycles in enumerate(plan.later_cycles.max(axis=0), NIGHT + 1):
        for z, found in enumerate(cycles.tolist()):
            if found > TOLERANCE and (excess := found - most_alone(problem, z, night)) > TOLERANCE:
                detail = f"night {night}: {found:g}, its windows leave room for {found - excess:g}"
                yield Violation("later room", problem.hydrozones.names[z], excess, "cycles", detail)


def later_volume(problem: IrrigationProblem, plan: IrrigationPlan) -> Iterator[Violation]:
    """Valves of a network that have only some of its time, or all of it, take in a later night no more than it carries
    in that time.
    """
    for night in range(NIGHT + 1, problem.scenarios.days):
        volume = (plan.later_cycles[:, night - 1 - NIGHT] * problem.hydrozones.cycle_m3).T
        for k, name in enumerate(problem.networks.names):
            worst, detail = 0.0, ""
            for sharing, seconds in _sharers(problem, k, night):
                room = float(problem.networks.capacity_m3_h[k]) * seconds / 3600.0
                found = float(volume[sharing].sum(axis=0).max())
                if found - room > max(worst, TOLERANCE * max(1.0, room)):
                    worst, detail = found - room, f"night {night}: {found:g} m3, it carries {room:g} m3 in their time"
            if worst > 0:
                yield Violation("later volume", name, worst, "m3", detail)


def budgets(problem: IrrigationProblem, plan: IrrigationPlan) -> Iterator[Violation]:
    """Water expected of its hydrozones over its nights stays within each budget."""
    if (asked := problem.budgets) is None:
        return
    water = water_m3(problem, every_cycle(plan))
    for b, name in enumerate(asked.names):
        found = float(water[asked.nights[b]][:, asked.member[b]].sum())
        limit = float(asked.limit_m3[b])
        if found - limit > TOLERANCE * max(1.0, limit):
            yield Violation("budget", name, found - limit, "m3", f"{found:.9g} m3, wants {limit:.9g} m3")


def objective(problem: IrrigationProblem, plan: IrrigationPlan) -> Iterator[Violation]:
    """The objective claimed is that of the cycles, in euros."""
    if plan.unit != EUR:
        yield Violation("unit", "plan", 1.0, "1", f"{plan.unit!r}, wants {EUR!r}")
    found = reckoned(problem, every_cycle(plan)).total_eur
    if (missing := abs(plan.objective - found)) > _euros(found):
        yield Violation("objective", "plan", missing, EUR, f"{plan.objective!r} claimed, {found!r} found")


def bound(_: IrrigationProblem, plan: IrrigationPlan) -> Iterator[Violation]:
    """A bound is not above the objective, and equals it where the plan says optimal."""
    excess = plan.bound - plan.objective
    if plan.status == Status.OPTIMAL:
        excess = abs(excess)
    if excess > _euros(plan.objective):
        detail = f"{plan.bound!r} beside an objective of {plan.objective!r}"
        yield Violation("bound", "plan", excess, EUR, detail)


Constraint = Callable[[IrrigationProblem, IrrigationPlan], Iterator[Violation]]

CONSTRAINTS: tuple[Constraint, ...] = (
    openings, order, duration, windows, overlap, soak, flow, most_cycles, later, later_room, later_volume, budgets,
    objective, bound,
)  # fmt: skip


def allowed_spans(problem: IrrigationProblem, z: int, night: int) -> list[Span]:
    """When hydrozone z may be watered in a night, in seconds since the start of the plan: stretches that touch are
    one.
    """
    stretches = problem.windows
    spans: list[Span] = []
    for k in np.flatnonzero(stretches.allowed[z] & (stretches.night == night)).tolist():
        start, end = float(stretches.start_s[k]), float(stretches.end_s[k])
        if spans and start - spans[-1][1] <= CLOCK_S:
            start = spans.pop()[0]
        spans.append((start, end))
    return spans


def most_alone(problem: IrrigationProblem, z: int, night: int) -> int:
    """Cycles that fit into windows one after the other, each as early as can be: no timing fits more."""
    cycle_s, soak_s = float(problem.hydrozones.cycle_s[z]), float(problem.hydrozones.soak_s[z])
    found, ready = 0, 0.0
    for start, end in allowed_spans(problem, z, night):
        first = max(start, ready)
        fits = int((end - first + soak_s + CLOCK_S) // (cycle_s + soak_s)) if end > first else 0
        if fits > 0:
            found += fits
            ready = first + fits * (cycle_s + soak_s)
    return found


def _pauses(plan: IrrigationPlan) -> Iterator[tuple[int, float]]:
    """Each opening of a valve after its first, and the seconds that it has been closed before."""
    closed: dict[int, float] = {}
    for i in np.argsort(plan.start_s, kind="stable").tolist():
        z, end = int(plan.opened[i]), float(plan.end_s[i])
        if z in closed:
            yield i, float(plan.start_s[i]) - closed[z]
        closed[z] = max(end, closed.get(z, end))


def _together(plan: IrrigationPlan, mine: Ints) -> Iterator[tuple[float, frozenset[int]]]:
    """At the beginning of each of these openings, the valves among them that are open then."""
    for instant in plan.start_s[mine].tolist():
        running = mine[(plan.start_s[mine] <= instant) & (plan.end_s[mine] > instant + CLOCK_S)]
        yield instant, frozenset(plan.opened[running].tolist())


def _sharers(problem: IrrigationProblem, network: int, night: int) -> Iterator[tuple[Ints, float]]:
    """Of each different choice of a network's stretches that a valve has in a night: the valves that have no other
    stretches than these, and how long these are.
    """
    mine = np.flatnonzero(problem.hydrozones.network == network)
    stretches = np.flatnonzero(problem.windows.night == night)
    allowed = problem.windows.allowed[np.ix_(mine, stretches)]
    lasts: Floats = (problem.windows.end_s - problem.windows.start_s)[stretches]
    for choice in np.unique(np.vstack([allowed, allowed.any(axis=0)]), axis=0):
        yield mine[~(allowed & ~choice).any(axis=1)], float(lasts[choice].sum())


def _opening(
    problem: IrrigationProblem, plan: IrrigationPlan, i: int, constraint: str, seconds: float, detail: str
) -> Violation:
    return Violation(constraint, problem.hydrozones.names[int(plan.opened[i])], seconds, "s", f"opening {i} {detail}")


def _euros(amount: float) -> float:
    return TOLERANCE * max(1.0, abs(amount))
