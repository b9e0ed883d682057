"""The guard: whether what a plan asks may be asked at all of the territory as it is now."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.instants import isoformat
from engine.model import Level, Program, Slot
from engine.setpoints.envelope import check_value
from engine.setpoints.orders import Order
from engine.setpoints.points import PointInfo
from jobs.tracing import traced

_TOLD = 5
_LEVELS = {Level.OPTIMISER, Level.DAY_AHEAD_PLAN}


@dataclass(frozen=True, slots=True)
class Guarded:
    """Why a plan may not be used, empty where it may; and the points of which each order forbids what it asks."""

    problems: tuple[str, ...]
    orders: Mapping[str, tuple[str, ...]]

    def __str__(self) -> str:
        more = len(self.problems) - _TOLD
        return "; ".join(self.problems[:_TOLD]) + (f"; and {more} more" if more > 0 else "")


@traced("guard")
def guard(
    slots: Sequence[Slot], points: Mapping[str, PointInfo], span: tuple[datetime, datetime], domain: str,
    known_orders: Collection[str] | None = None,
) -> Guarded:  # fmt: skip
    """Judge the slots of a whole plan.

    Refused as a whole: one that asks nothing, or of another domain's points; at a level or over a time that are not
    its own; or a value that its point can never take: whoever computes that may be wrong about the rest.
    Not refused: one that orders contradict. They bound each point when it is settled, and would bound a fall-back as
    well; they are told. But a plan that was made before (`known_orders`: those it met then) is refused where an
    order bounds it that has come since: what it weighed is not so any more.
    """
    problems = list(_wrong(slots, points, span, domain))
    orders: dict[str, list[str]] = {}
    for slot in slots:
        for order in _contradicted(slot, points.get(slot.point)):
            orders.setdefault(order, []).append(slot.point)
    if known_orders is not None:
        late = sorted(set(orders) - set(known_orders))
        problems += [f"order {order} bounds {len(orders[order])} of its points and has come since" for order in late]
    return Guarded(tuple(problems), {order: tuple(orders[order]) for order in sorted(orders)})


def _wrong(
    slots: Sequence[Slot], points: Mapping[str, PointInfo], span: tuple[datetime, datetime], domain: str
) -> Iterator[str]:
    if not slots:
        yield "it asks nothing of anything"
    for name, times in Counter(slot.point for slot in slots).items():
        if times > 1:
            yield f"{name}: {times} slots, wants one"
    for slot in slots:
        point = points.get(slot.point)
        if point is None:
            continue  # no gateway reaches it, and settling passes it over
        if point.domain != domain:
            yield f"{slot.point}: a point of {point.domain}, wants one of {domain}"
        elif slot.level not in _LEVELS or slot.source != f"plan:{domain}":
            yield f"{slot.point}: level {int(slot.level)} of {slot.source!r}, wants 13 or 14 of 'plan:{domain}'"
        elif (slot.program.start, slot.program.until) != span:
            yield f"{slot.point}: {_shown(slot.program.start, slot.program.until)}, wants {_shown(*span)}"
        else:
            yield from _out_of_range(slot, point)


def _out_of_range(slot: Slot, point: PointInfo) -> Iterator[str]:
    """The first value that the point can never take."""
    changes = (check_value(value, point.envelope, at) for at, value in slot.program.steps)
    first = next((change for change in changes if change is not None), None)
    if first is not None:
        yield f"{slot.point}: {first} at {isoformat(first.at)}"


def _contradicted(slot: Slot, point: PointInfo | None) -> list[str]:
    """The orders that what is asked breaks at some instant."""
    return [order.id for order in point.orders if _breaks(slot.program, order)] if point is not None else []


def _breaks(program: Program, order: Order) -> bool:
    for start, until in order.spans(program.start, program.until):
        part = program.clip(start, until)
        if part is not None and any(not order.at_least <= value <= order.ceiling for _, value in part.steps):
            return True
    return False


def _shown(start: datetime, until: datetime) -> str:
    return f"{isoformat(start)} to {isoformat(until)}"
