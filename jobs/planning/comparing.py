"""Plans beside each other: solved again from what was stored, and two plans point by point."""

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any

from engine.errors import ConsigneError, InputError, Problem
from engine.model import PlanOrigin, PlanRecord, Program
from engine.store import Store
from jobs.compute.same_code import differences
from jobs.planning.domain import Context, Domain
from jobs.planning.making import digest_of, slots_of, solve
from jobs.solving import Item
from optimizers.result import Limits


@dataclass(frozen=True, slots=True)
class PointDifference:
    """Of one point: how long the two programs differ, the largest difference, and the mean over that time, in the
    point's unit. None where one of the plans does not speak of the point."""

    point: str
    lasts: timedelta
    largest: float | None
    mean: float | None

    @property
    def weight(self) -> float:
        """By how much for how long: a dusk that has moved a minute is less than a class for an hour."""
        return float("inf") if self.mean is None else self.mean * self.lasts.total_seconds()


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two plans: the points, the most different first; and facts of the records, (name, a, b)."""

    points: tuple[PointDifference, ...]
    same: int
    facts: tuple[tuple[str, Any, Any], ...]


@dataclass(frozen=True, slots=True)
class Replayed:
    """A stored problem solved again. `equal` to the byte; `difference` of the programs where it is not. `other_code`:
    what of the code that made the plan, ours and libraries, is not as here; empty where all is.
    """

    record: PlanRecord
    equal: bool
    status: str
    objective: float
    reproducible: bool
    fault: str = ""
    difference: Difference | None = None
    other_code: str = ""


def replay(context: Context, domain: Domain, plan: str) -> Replayed:
    """Solve a plan's problem again with its limits and seed. Raises InputError for a plan without a problem.

    What a fall-back replaced is solved as well: it says what the solver makes of that problem now.
    """
    record, body, problem = stored(context.store, plan)
    if not problem:
        raise InputError(
            [Problem(plan, 0, 0, "has no problem: none could be built, or it was pruned", "see consigne plan show")]
        )
    if hashlib.sha256(zlib.decompress(problem)).hexdigest() != record.inputs_digest:
        raise ConsigneError(f"{plan}: the stored problem is not the one that was solved: its hash differs")
    detail = record.detail
    item = Item(detail["optimizer"], problem, _standing(context.store, domain, detail))
    limits = Limits(**detail["limits"])
    outcome = solve(context, item, limits, detail.get("memory_bytes"))
    again = outcome.value
    if again is None:
        return Replayed(record, False, "", float("nan"), False, str(outcome.fault))
    equal = record.origin is PlanOrigin.SOLVED and digest_of(again) == detail["plan_digest"]
    facts = (str(again.status), again.objective, again.reproducible)
    if equal:
        return Replayed(record, True, *facts)
    before = _programs(domain, record, body)
    after = _programs(domain, record, domain.with_plan(body, again))
    points, same = _differing(before, after)
    return Replayed(record, False, *facts, difference=Difference(points, same, ()), other_code=_other_code(detail))


def _other_code(detail: Mapping[str, Any]) -> str:
    return differences(detail["code"]) if "code" in detail else "the plan does not say which"


def _standing(store: Store, domain: Domain, detail: Mapping[str, Any]) -> bytes:
    """What stood while a part was planned again; nothing where the whole was."""
    if "part" not in detail:
        return b""
    _, body, _ = stored(store, detail["part"]["of"])
    return domain.standing(body, detail["part"]["named"])


def compare(store: Store, domains: Mapping[str, Domain], a: str, b: str) -> Difference:
    """Two plans of one domain. Raises InputError for others."""
    (first, first_body, _), (second, second_body, _) = stored(store, a), stored(store, b)
    if first.domain != second.domain:
        raise InputError([Problem(b, 0, 0, f"is of {second.domain}", f"name another plan of {first.domain}")])
    domain = domains[first.domain]
    points, same = _differing(_programs(domain, first, first_body), _programs(domain, second, second_body))
    return Difference(points, same, tuple(_facts(first, second)))


def stored(store: Store, plan: str) -> tuple[PlanRecord, bytes, bytes]:
    """A plan's record, body and problem. Raises InputError for what is not a plan."""
    with store.read() as unit:
        found = unit.plans.get(plan)
        problem = unit.plans.inputs(plan)
    if found is None:
        raise InputError([Problem(plan, 0, 0, "is not a plan", "see consigne plan list")])
    return *found, problem


def _programs(domain: Domain, record: PlanRecord, body: bytes) -> dict[str, Program]:
    slots = slots_of(domain, record.origin, body, record.id, record.made_at)
    return {slot.point: slot.program for slot in slots}


def _differing(a: Mapping[str, Program], b: Mapping[str, Program]) -> tuple[tuple[PointDifference, ...], int]:
    found = [_of_point(point, a.get(point), b.get(point)) for point in sorted({*a, *b})]
    differing = [one for one in found if one.lasts]
    differing.sort(key=lambda one: (-one.weight, one.point))
    return tuple(differing), len(found) - len(differing)


def _of_point(point: str, a: Program | None, b: Program | None) -> PointDifference:
    if a is None or b is None:
        one = a or b
        assert one is not None  # noqa: S101 - the point is of one of them
        return PointDifference(point, one.until - one.start, None, None)
    pieces = list(_pieces(_from_start(a), _from_start(b)))
    lasts = sum((length for length, difference in pieces if difference), timedelta(0))
    weighed = sum(length.total_seconds() * difference for length, difference in pieces)
    largest = max((difference for _, difference in pieces), default=0.0)
    return PointDifference(point, lasts, largest, weighed / lasts.total_seconds() if lasts else 0.0)


Steps = Sequence[tuple[timedelta, float | None]]


def _from_start(program: Program) -> Steps:
    """Steps counted from the program's start, so that nights of two days can be laid on each other."""
    return [*((at - program.start, value) for at, value in program.steps), (program.until - program.start, None)]


def _pieces(a: Steps, b: Steps) -> list[tuple[timedelta, float]]:
    """Lengths over which both have a value, and by how much they differ there."""
    cuts = sorted({at for at, _ in (*a, *b)})
    until = min(a[-1][0], b[-1][0])
    found = []
    for start, end in pairwise(cuts):
        if end <= until:
            values = [next(value for at, value in reversed(steps) if at <= start) for steps in (a, b)]
            found.append((end - start, abs((values[0] or 0.0) - (values[1] or 0.0))))
    return found


def _facts(a: PlanRecord, b: PlanRecord) -> list[tuple[str, Any, Any]]:
    """What differs in how the two came about."""
    names = ("start", "status", "origin", "state", "objective", "bound", "solver", "inputs_digest")
    both = [(name, getattr(a, name), getattr(b, name)) for name in names]
    both += [(name, a.detail.get(name), b.detail.get(name)) for name in ("limits", "of", "why", "orders")]
    # NaN, a bound that nobody knows, is unequal to itself.
    return [(name, one, other) for name, one, other in both if str(one) != str(other)]
