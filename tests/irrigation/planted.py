"""A plan of one night written by hand, and the same plan with one word broken, for each word that a plan can break."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from optimizers.arrays import Floats
from optimizers.irrigation import (
    Budgets,
    Hydrozones,
    IrrigationPlan,
    IrrigationProblem,
    Networks,
    Scenarios,
    Windows,
)
from optimizers.result import Status

NAMES = ("lawn", "pitch", "roses", "hedge")
LAWN, PITCH, ROSES, HEDGE = range(4)

PROBLEM = IrrigationProblem(
    networks=Networks(names=("river", "town"), capacity_m3_h=np.array([10.0, 5.0]), price_eur_m3=np.array([0.8, 4.0])),
    hydrozones=Hydrozones(
        names=NAMES,
        network=np.array([0, 0, 1, 0]),
        flow_m3_h=np.array([6.0, 4.0, 5.0, 3.0]),
        cycle_s=np.array(600.0),
        soak_s=np.array([300.0, 0.0, 0.0, 0.0]),
        cycle_mm=np.array([2.0, 1.5, 3.0, 1.0]),
        taw_mm=np.array([60.0, 40.0, 80.0, 90.0]),
        raw_mm=np.array([24.0, 16.0, 40.0, 45.0]),
        depletion_mm=np.array([20.0, 18.0, 39.0, 2.0]),
        stress_eur_mm=np.array([10.0, 40.0, 12.0, 3.0]),
        wilting_eur_mm=np.array([20.0, 80.0, 24.0, 6.0]),
        terminal_eur_mm=np.array([0.3, 0.4, 5.0, 0.1]),
    ),
    # The lawn and the roses have an hour more, right after the first; then nobody for an hour, then all again.
    windows=Windows(
        night=np.array([0, 0, 0, 1]),
        start_s=np.array([0.0, 3600.0, 10800.0, 86400.0]),
        end_s=np.array([3600.0, 7200.0, 14400.0, 90000.0]),
        allowed=np.array([[1, 1, 1, 1], [1, 0, 1, 1], [1, 1, 1, 1], [1, 0, 1, 1]], np.bool_),
        most_cycles=np.array([[9, 9], [9, 9], [9, 9], [1, 9]]),
    ),
    scenarios=Scenarios(
        probability=np.array([0.75, 0.25]),
        etc_mm=np.array([[5.0, 6.0, 4.0, 3.0], [5.5, 6.5, 4.5, 3.5]])[None] * np.array([1.0, 0.5])[:, None, None],
        rain_mm=np.array([[0.0, 0.0], [2.0, 9.0]])[:, :, None] * np.ones(4),
    ),
    budgets=Budgets(
        names=("town water tonight", "all water"),
        limit_m3=np.array([2.0, 15.0]),
        member=np.array([[0, 0, 1, 0], [1, 1, 1, 1]], np.bool_),
        nights=np.array([[1, 0], [1, 1]], np.bool_),
    ),
)

_OPENINGS = ((PITCH, 0), (LAWN, 0), (ROSES, 0), (ROSES, 600), (HEDGE, 600), (LAWN, 900), (PITCH, 1500), (LAWN, 3300))


def honest(plan: IrrigationPlan, problem: IrrigationProblem = PROBLEM) -> IrrigationPlan:
    """The plan with the objective that its cycles have."""
    return replace(plan, objective=reckoned_eur(problem, plan))


def reckoned_eur(problem: IrrigationProblem, plan: IrrigationPlan) -> float:
    """The objective, number by number as its definition reads."""
    zones, total = problem.hydrozones, 0.0
    for s, probability in enumerate(problem.scenarios.probability.tolist()):
        for z in range(len(zones.names)):
            cycles = [float(plan.cycles[z]), *plan.later_cycles[s, :, z].tolist()]
            depletion, raw, taw = float(zones.depletion_mm[z]), float(zones.raw_mm[z]), float(zones.taw_mm[z])
            cost = 0.0
            for d, cycle in enumerate(cycles):
                depletion += float(problem.scenarios.etc_mm[s, d, z] - problem.scenarios.rain_mm[s, d, z])
                depletion = max(0.0, depletion - float(zones.cycle_mm[z]) * cycle)
                water_m3 = float(zones.flow_m3_h[z] * zones.cycle_s[z]) / 3600 * cycle
                cost += float(problem.networks.price_eur_m3[zones.network[z]]) * water_m3
                cost += float(zones.stress_eur_mm[z]) * max(0.0, depletion - raw)
                cost += float(zones.wilting_eur_mm[z]) * max(0.0, depletion - (raw + taw) / 2)
            total += probability * (cost + float(zones.terminal_eur_mm[z]) * depletion)
    return total


PLAN = honest(
    IrrigationPlan(
        status=Status.FEASIBLE,
        objective=0.0,
        bound=0.0,
        seconds=0.0,
        seed=0,
        solver="by hand",
        version="1",
        hydrozones=NAMES,
        cycles=np.array([3, 2, 2, 1]),
        opened=np.array([z for z, _ in _OPENINGS]),
        start_s=np.array([float(start) for _, start in _OPENINGS]),
        end_s=np.array([float(start + 600) for _, start in _OPENINGS]),
        later_cycles=np.array([[[2.5, 3.0, 1.0, 0.0]], [[0.0, 1.25, 0.5, 0.0]]]),
    )
)


@dataclass(frozen=True)
class Planted:
    """What is broken, in which constraint, whose, and by how much at the worst."""

    what: str
    constraint: str
    object: str
    amount: float
    plan: IrrigationPlan


def _moved(i: int, start: float, lasts: float = 600.0) -> IrrigationPlan:
    """Opening i at another time, all still in the order they begin."""
    starts, ends = PLAN.start_s.copy(), PLAN.end_s.copy()
    starts[i], ends[i] = start, start + lasts
    order = np.argsort(starts, kind="stable")
    return replace(PLAN, opened=PLAN.opened[order], start_s=starts[order], end_s=ends[order])


def _more(z: int, start: float) -> IrrigationPlan:
    """One cycle more, last of all."""
    cycles = PLAN.cycles.copy()
    cycles[z] += 1
    return honest(
        replace(
            PLAN,
            cycles=cycles,
            opened=np.append(PLAN.opened, z),
            start_s=np.append(PLAN.start_s, start),
            end_s=np.append(PLAN.end_s, start + 600.0),
        )
    )


def _later(*changes: tuple[int, float]) -> IrrigationPlan:
    """Other cycles of the wet scenario's later night."""
    cycles: Floats = PLAN.later_cycles.copy()
    for z, value in changes:
        cycles[1, 0, z] = value
    return honest(replace(PLAN, later_cycles=cycles))


def _with(field: str, change: Callable[[np.ndarray], None], *, kind: type = float) -> IrrigationPlan:
    values = np.array(getattr(PLAN, field), kind)
    change(values)
    return replace(PLAN, **{field: values})


def _put(at: int | tuple[int, ...], value: float) -> Callable[[np.ndarray], None]:
    return lambda values: values.__setitem__(at, value)


def _swap(values: np.ndarray) -> None:
    values[[3, 5]] = values[[5, 3]]


def _swapped() -> IrrigationPlan:
    found = PLAN
    for field, kind in (("opened", int), ("start_s", float), ("end_s", float)):
        found = replace(found, **{field: getattr(_with(field, _swap, kind=kind), field)})
    return found


PLANTED: tuple[Planted, ...] = (
    Planted("another problem's hydrozones", "hydrozones", "plan", 1, replace(PLAN, hydrozones=NAMES[::-1])),
    Planted("a scenario too few", "shape", "plan", 1, replace(PLAN, later_cycles=PLAN.later_cycles[:1])),
    Planted("an opening without an end", "shape", "plan", 1, replace(PLAN, end_s=PLAN.end_s[:-1])),
    Planted("a start that is no number", "finite", "opening 2", 1, _with("start_s", _put(2, np.nan))),
    Planted("a later cycle without end", "finite", "pitch", 1, _with("later_cycles", _put((0, 0, PITCH), np.inf))),
    Planted("a bound that is none", "finite", "plan", 1, replace(PLAN, bound=-np.inf)),
    Planted("a valve that is not there", "stranger", "opening 3", 1, _with("opened", _put(3, 4), kind=int)),
    Planted("half a cycle tonight", "whole cycles", "roses", 0.5, _with("cycles", _put(ROSES, 1.5))),
    Planted("cycles below none", "whole cycles", "hedge", 1, _with("cycles", _put(HEDGE, -1), kind=int)),
    Planted("a cycle that never opens", "openings", "pitch", 1, honest(_with("cycles", _put(PITCH, 3), kind=int))),
    Planted("openings out of order", "order", "opening 4", 300, _swapped()),
    Planted("a minute too long", "duration", "pitch", 60, _moved(6, 1500, 660)),
    Planted("a minute too short", "duration", "lawn", 60, _moved(5, 900, 540)),
    Planted("past the end of its window", "window", "pitch", 300, _moved(6, 3300)),
    Planted("in the hour that is nobody's", "window", "lawn", 600, _moved(7, 8000)),
    Planted("before the plan begins", "window", "roses", 100, _moved(2, -100)),
    Planted("in another night", "window", "lawn", 600, _moved(7, 86400)),
    Planted("opened while open", "overlap", "roses", 200, _moved(3, 400)),
    Planted("no time to soak in", "soak", "lawn", 100, _moved(5, 800)),
    Planted("more than the pipe carries", "flow", "river", 3, _moved(4, 300)),
    Planted("one cycle more than allowed", "most cycles", "hedge", 1, _more(HEDGE, 12000)),
    Planted("a later cycle below none", "later cycles", "hedge", 0.5, _later((HEDGE, -0.5))),
    Planted("more in a later night than its windows hold", "later room", "lawn", 0.5, _later((LAWN, 4.5))),
    Planted(
        "a later night fuller than its pipe", "later volume", "river", 1, _later((LAWN, 4), (PITCH, 6), (HEDGE, 6))
    ),
    Planted("more than the budget of a network", "budget", "town water tonight", 0.5, _more(ROSES, 11000)),
    Planted("costs told in dollars", "unit", "plan", 1, replace(PLAN, unit="USD")),
    Planted("costs told too low", "objective", "plan", 0.25, replace(PLAN, objective=PLAN.objective - 0.25)),
    Planted("a bound above the objective", "bound", "plan", 2, replace(PLAN, bound=PLAN.objective + 2)),
    Planted("optimal said with a gap", "bound", "plan", PLAN.objective, replace(PLAN, status=Status.OPTIMAL)),
)
