"""Why a hydrozone gets what it gets in the coming night: what it lacks, what a cycle is worth, what leaves no more."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from optimizers.arrays import Floats
from optimizers.irrigation.check import CLOCK_S, NIGHT, Span, allowed_spans, most_alone
from optimizers.irrigation.problem import TOLERANCE, IrrigationPlan, IrrigationProblem
from optimizers.irrigation.reckoning import depletion_mm, every_cycle, reckoned, water_m3


class Held(StrEnum):
    """What leaves no room for one cycle more in the coming night."""

    FORBIDDEN = "forbidden"  # no window at all
    MOST_CYCLES = "most_cycles"
    WINDOW = "window"  # its windows, cycles and soaks, even were it alone
    NETWORK = "network"  # beside the openings of others
    BUDGET = "budget"


@dataclass(frozen=True, slots=True)
class Explanation:
    """One hydrozone of a plan. What depends on the weather is expected over scenarios, by day from noon to noon.

    depletion_mm                     before the plan, of taw_mm, of which raw_mm are readily available
    etc_mm, rain_mm                  of each day
    left_mm, dry_mm                  depletion after each day with this plan, and were it never watered
    cycles, water_mm, water_m3       of the coming night
    fewer_eur                        what one cycle less tonight would add to the objective; None where there is none
    more_eur                         what one cycle more would, room or not: below 0 it would be worth it. It spares up
                                     to a cycle of the hydrozone's own next nights
    held                             what leaves no room for one more, with the name of each network or budget
    """

    hydrozone: str
    depletion_mm: float
    raw_mm: float
    taw_mm: float
    etc_mm: tuple[float, ...]
    rain_mm: tuple[float, ...]
    left_mm: tuple[float, ...]
    dry_mm: tuple[float, ...]
    cycles: int
    water_mm: float
    water_m3: float
    fewer_eur: float | None
    more_eur: float
    held: tuple[tuple[Held, str], ...]


def explain(problem: IrrigationProblem, plan: IrrigationPlan) -> tuple[Explanation, ...]:
    """Of each hydrozone, in the order of the problem. The plan is one that `check` lets pass."""
    scenarios, zones = problem.scenarios, problem.hydrozones
    cycles = every_cycle(plan)
    etc, rain, left, dry = (
        np.tensordot(scenarios.probability, amount, 1).T
        for amount in (
            scenarios.etc_mm, scenarios.rain_mm, depletion_mm(problem, cycles), depletion_mm(problem, 0 * cycles),
        )
    )  # fmt: skip
    fewer, more = _one_less_eur(problem, cycles), _one_more_eur(problem, cycles)
    budgets = list(_full_budgets(problem, cycles))
    return tuple(
        Explanation(
            hydrozone=name,
            depletion_mm=float(zones.depletion_mm[z]),
            raw_mm=float(zones.raw_mm[z]),
            taw_mm=float(zones.taw_mm[z]),
            etc_mm=tuple(etc[z].tolist()),
            rain_mm=tuple(rain[z].tolist()),
            left_mm=tuple(left[z].tolist()),
            dry_mm=tuple(dry[z].tolist()),
            cycles=int(plan.cycles[z]),
            water_mm=float(plan.cycles[z] * zones.cycle_mm[z]),
            water_m3=float(plan.cycles[z] * zones.cycle_m3[z]),
            fewer_eur=float(fewer[z]) if plan.cycles[z] else None,
            more_eur=float(more[z]),
            held=(*_held(problem, plan, z), *((Held.BUDGET, one) for one, full in budgets if full[z])),
        )
        for z, name in enumerate(zones.names)
    )


def _one_less_eur(problem: IrrigationProblem, cycles: Floats) -> Floats:
    """(n,) change of the objective with a cycle less in the coming night. Hydrozones cost each for itself, so that all
    may change at once.
    """
    fewer = cycles.copy()
    fewer[:, NIGHT] -= 1
    return reckoned(problem, np.maximum(fewer, 0.0)).each_eur - reckoned(problem, cycles).each_eur


def _one_more_eur(problem: IrrigationProblem, cycles: Floats) -> Floats:
    """(n,) likewise with a cycle more, which takes the place of up to one later, the next ones first, if that is
    cheaper.
    """
    more = cycles.copy()
    more[:, NIGHT] += 1
    spared = more.copy()
    left = np.ones_like(cycles[:, NIGHT])
    for night in range(NIGHT + 1, problem.scenarios.days):
        taken = np.minimum(left, spared[:, night])
        spared[:, night] -= taken
        left = left - taken
    cheapest: Floats = np.minimum(reckoned(problem, more).each_eur, reckoned(problem, spared).each_eur)
    return cheapest - reckoned(problem, cycles).each_eur


def _held(problem: IrrigationProblem, plan: IrrigationPlan, z: int) -> Iterator[tuple[Held, str]]:
    spans = allowed_spans(problem, z, NIGHT)
    if not spans:
        yield Held.FORBIDDEN, ""
        return
    if plan.cycles[z] >= problem.windows.most_cycles[z, NIGHT]:
        yield Held.MOST_CYCLES, ""
    if plan.cycles[z] >= most_alone(problem, z, NIGHT):
        yield Held.WINDOW, ""
    elif not _has_place(problem, plan, z, spans):
        yield Held.NETWORK, problem.networks.names[int(problem.hydrozones.network[z])]


def _has_place(problem: IrrigationProblem, plan: IrrigationPlan, z: int, spans: list[Span]) -> bool:
    """Whether one more opening fits beside all others as they are timed: if any time does, so does the earliest of a
    window, or one at which what stood in the way is over.
    """
    cycle_s, soak_s = float(problem.hydrozones.cycle_s[z]), float(problem.hydrozones.soak_s[z])
    mine = plan.opened == z
    own = zip(plan.start_s[mine] - soak_s, plan.end_s[mine] + soak_s, strict=True)
    busy = [(float(a), float(b)) for a, b in own] + list(_too_full(problem, plan, z))
    candidates = [start for start, _ in spans] + [end for _, end in busy]
    return any(
        start - CLOCK_S <= at and at + cycle_s <= end + CLOCK_S
        for at in candidates
        if not any(at < b - CLOCK_S and at + cycle_s > a + CLOCK_S for a, b in busy)
        for start, end in spans
    )


def _too_full(problem: IrrigationProblem, plan: IrrigationPlan, z: int) -> Iterator[Span]:
    """While the other valves of its network leave less than hydrozone z takes."""
    zones, network = problem.hydrozones, int(problem.hydrozones.network[z])
    others = np.flatnonzero((zones.network[plan.opened] == network) & (plan.opened != z))
    starts, ends, flow = plan.start_s[others], plan.end_s[others], zones.flow_m3_h[plan.opened[others]]
    room = float(problem.networks.capacity_m3_h[network] - zones.flow_m3_h[z])
    instants = np.unique(np.concatenate([starts, ends]))
    for begin, end in zip(instants[:-1].tolist(), instants[1:].tolist(), strict=True):
        open_then = (starts <= begin + CLOCK_S) & (ends >= end - CLOCK_S)
        if end - begin > CLOCK_S and float(flow[open_then].sum()) > room + TOLERANCE:
            yield begin, end


def _full_budgets(problem: IrrigationProblem, cycles: Floats) -> Iterator[tuple[str, list[bool]]]:
    """Each budget that counts the coming night, and of which hydrozones it has no water for one more cycle."""
    if (budgets := problem.budgets) is None:
        return
    water = water_m3(problem, cycles)
    for b, name in enumerate(budgets.names):
        if budgets.nights[b, NIGHT]:
            spent = float(water[budgets.nights[b]][:, budgets.member[b]].sum())
            too_much = spent + problem.hydrozones.cycle_m3 > budgets.limit_m3[b] + TOLERANCE
            yield name, (budgets.member[b] & too_much).tolist()
