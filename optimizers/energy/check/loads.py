"""Loads that are on or off: when, how long, how often."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from optimizers.arrays import Bools
from optimizers.energy.check.told import Constraint
from optimizers.energy.problem import EnergyPlan, EnergyProblem
from optimizers.result import Violation


def stay(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    """A load is on within its stay only."""
    if (loads := problem.loads) is None:
        return
    slots = np.arange(len(problem.horizon))
    for i, name in enumerate(loads.names):
        outside = plan.on[i].astype(np.bool_) & ((slots < loads.first[i]) | (slots >= loads.last[i]))
        if outside.any():
            wanted = f"wants slots {loads.first[i]} to before {loads.last[i]}"
            detail = f"on in slot {np.flatnonzero(outside)[0]}, {wanted}"
            yield Violation("stay", f"load {name}", float(outside.sum()), "slots", detail)


def slots(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    """And for no more slots than it is to be."""
    for i, name, on in _each(problem, plan):
        most = int(problem.loads.slots[i])  # type: ignore[union-attr]
        if (found := int(on.sum())) > most:
            yield Violation("slots", name, float(found - most), "slots", f"on for {found}, wants {most}")


def least_on(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    """Once on, on for its least time; it is off after the plan."""
    for i, name, on in _each(problem, plan):
        least = int(problem.loads.least_on[i])  # type: ignore[union-attr]
        yield from _too_short("least on", name, _runs(on), least)


def least_off(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    """Once off, off for its least time before it is on again."""
    for i, name, on in _each(problem, plan):
        runs = _runs(on)
        pauses = [(end, start) for (_, end), (start, _) in pairwise(runs)]
        yield from _too_short("least off", name, pauses, int(problem.loads.least_off[i]))  # type: ignore[union-attr]


def starts(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    """No more starts than it may have."""
    for i, name, on in _each(problem, plan):
        most, found = int(problem.loads.most_starts[i]), len(_runs(on))  # type: ignore[union-attr]
        if found > most:
            yield Violation("starts", name, float(found - most), "starts", f"{found} of them, wants {most} at most")


def _each(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[tuple[int, str, Bools]]:
    for i, name in enumerate(problem.loads.names if problem.loads is not None else ()):
        yield i, f"load {name}", plan.on[i].astype(np.bool_)


def _runs(on: Bools) -> list[tuple[int, int]]:
    """Slots from the first to before the last of each stretch that is on; off before and after the plan."""
    changes = np.flatnonzero(np.diff(np.concatenate([[False], on, [False]]).astype(np.int8)))
    return list(zip(changes[::2].tolist(), changes[1::2].tolist(), strict=True))


def _too_short(constraint: str, name: str, runs: list[tuple[int, int]], least: int) -> Iterator[Violation]:
    """The shortest of some stretches that are shorter than they may be."""
    short = [(end - start, start) for start, end in runs if end - start < least]
    if short:
        lasts, start = min(short)
        yield Violation(constraint, name, float(least - lasts), "slots", f"{lasts} from slot {start}, wants {least}")


CONSTRAINTS: tuple[Constraint, ...] = (stay, slots, least_on, least_off, starts)
