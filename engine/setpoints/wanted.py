"""What a point is to do over a span, once holds, law, interlocks and the dead man have had their word."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby, pairwise, takewhile

from engine.instants import isoformat
from engine.model import Level, Program, Slot
from engine.setpoints.arbitration import Piece, Resolution, resolve
from engine.setpoints.conditions import Conditions
from engine.setpoints.envelope import Change, Span
from engine.setpoints.orders import Order
from engine.setpoints.points import PointInfo

STOPPED = frozenset(range(Level.CRISIS_PLAN, Level.SAFE_DEFAULT))
"""Levels 10 to 15, which a hold stops."""
UNBOUND = frozenset(range(Level.LIFE_SAFETY_MANUAL, Level.MINIMUM_ON_OFF))
"""Levels 1 to 5, which obey minimum, maximum and interlocks only."""
OVERRIDES = frozenset(range(Level.LIFE_SAFETY_MANUAL, Level.OPTIMISER))
"""Levels 1 to 12, which equipment follows without hearing from us for `held_for` only."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who decides over the span (`resolution`), and what is asked of the equipment: empty where nothing may be.

    `changes`: what law and interlocks made of it. `renew_from`: where equipment is to be back on its plan without us,
    although an override goes on; None where none does. `blocked`: why nothing is asked. `forced`: an interlock decides.
    """

    resolution: Resolution
    pieces: tuple[Piece, ...]
    changes: tuple[Change, ...] = ()
    renew_from: datetime | None = None
    blocked: str = ""
    forced: bool = False

    @property
    def program(self) -> Program | None:
        return Resolution(self.pieces).program if self.pieces else None

    @property
    def unbound(self) -> list[Span]:
        """Where levels 1 to 5 decide, or an interlock does: protection waits for no shortest time."""
        return [(piece.start_at, piece.until_at) for piece in self.pieces if self.forced or _level(piece) in UNBOUND]


def want(
    point: PointInfo,
    array: Sequence[Slot],
    now: datetime,
    until: datetime,
    conditions: Conditions,
    renew_from: datetime | None = None,
) -> Wanted:
    """What is asked of a point over [now, until).

    While the point is locked out nothing is, whoever wants it. While it is held levels 10 to 15 take no part, and
    where nothing of 1 to 9 decides nothing is asked: equipment keeps its program. Orders bound levels 8 to 16; a broken
    interlock forces its own value over the whole span, until it holds again. From `renew_from` on (now + `held_for`
    unless given) overrides take no part: a point that does not hear from us is back on its plan then.
    """
    safe = point.envelope.safe
    resolution = resolve(array, now, until, safe)
    if conditions.locked_out(point):
        return Wanted(resolution, (), blocked="locked out in the field")
    hold = conditions.held(point, now)
    if hold is not None:
        resolution = resolve([slot for slot in array if slot.level not in STOPPED], now, until, safe)
    cut_at = renew_from or now + point.envelope.held_for
    renewed = any(_level(piece) in OVERRIDES and piece.until_at > cut_at for piece in resolution.pieces)
    pieces = tuple(_dead_man(resolution, array, cut_at, until, safe)) if renewed else resolution.pieces
    if hold is not None:
        pieces = tuple(takewhile(lambda piece: _level(piece) < min(STOPPED), pieces))
    if not pieces:
        return Wanted(resolution, (), blocked=f"held until {isoformat(hold.until_at)}: {hold.reason}" if hold else "")
    changes: list[Change] = []
    bounded = [part for piece in pieces for part in _lawful(piece, point, conditions, changes)]
    asked = tuple(_forced(bounded, point, conditions, now, changes))
    forced = bool(conditions.broken(point, now))
    return Wanted(resolution, asked, tuple(changes), cut_at if renewed else None, forced=forced)


def kept(
    point: PointInfo, program: Program, held: Wanted, now: datetime, until: datetime, conditions: Conditions
) -> Wanted:  # fmt: skip
    """What a held point goes on with: the program in action, then its safe value, within what orders have come to say.

    Equipment that follows programs does so unasked, but for such orders; what holds one value is told each step.
    """
    safe, rest = point.envelope.safe, program.clip(now, until)
    steps = [*rest.steps, (rest.until, safe)] if rest is not None else [(now, safe)]
    pieces = [Piece(a, b, value, None, ()) for (a, value), (b, _) in pairwise([*steps, (until, safe)]) if a < b]
    changes: list[Change] = []
    lawful = tuple(part for piece in pieces for part in _lawful(piece, point, conditions, changes))
    return replace(held, pieces=lawful, changes=tuple(changes)) if changes or not point.programs else held


def _level(piece: Piece) -> int:
    return Level.SAFE_DEFAULT if piece.winner is None else piece.winner.level


def _dead_man(
    resolution: Resolution, array: Sequence[Slot], cut_at: datetime, until: datetime, safe: float
) -> Iterator[Piece]:
    """The resolution until `cut_at`, and from there on what it would be without overrides."""
    for piece in resolution.pieces:
        if piece.start_at < cut_at:
            yield replace(piece, until_at=min(piece.until_at, cut_at))
    if cut_at < until:
        yield from resolve([slot for slot in array if slot.level not in OVERRIDES], cut_at, until, safe).pieces


def _lawful(piece: Piece, point: PointInfo, conditions: Conditions, changes: list[Change]) -> Iterator[Piece]:
    """The piece, cut and bounded by the orders of its point."""
    if not point.orders or _level(piece) < Level.OPERATOR:
        yield piece
        return
    unkept = conditions.unkept.get((piece.winner.version, point.id), ()) if piece.winner else ()
    binding = [order for order in point.orders if order.id not in unkept]
    spans = [(*span, order) for order in binding for span in order.spans(piece.start_at, piece.until_at)]
    cuts = sorted({piece.start_at, *(at for start, end, _ in spans for at in (start, end))} - {piece.until_at})
    for start, end in zip(cuts, [*cuts[1:], piece.until_at], strict=True):
        orders = [order for begins, ends, order in spans if begins <= start < ends]
        yield replace(piece, start_at=start, until_at=end, value=_bounded(piece.value, start, orders, changes))


def _bounded(value: float, at: datetime, orders: Sequence[Order], changes: list[Change]) -> float:
    """Ceilings first: where one contradicts a floor, the floor holds, and both are named."""
    ceilings = [(order, min, order.ceiling) for order in orders]
    floors = [(order, max, order.at_least) for order in orders]
    for order, bound, limit in (*ceilings, *floors):
        limited = bound(value, limit)
        if limited != value:
            text = f"{value:g} at {isoformat(at)} is bounded by {order.text}: {limited:g} is asked"
            changes.append(Change(f"order:{order.id}", at, value, limited, text))
            value = limited
    return value


def _forced(
    pieces: Sequence[Piece], point: PointInfo, conditions: Conditions, now: datetime, changes: list[Change]
) -> Iterator[Piece]:
    """The pieces, or what the first broken interlock leaves of them."""
    broken = conditions.broken(point, now)
    if not broken:
        yield from pieces
        return
    lock = broken[0]
    if any(piece.value != lock.otherwise for piece in pieces):
        text = f"interlock {lock.id} does not hold ({lock.text}): {lock.otherwise:g} is asked until it does"
        changes.append(Change(f"interlock:{lock.id}", now, pieces[0].value, lock.otherwise, text))
    for _, run in groupby(pieces, key=lambda piece: (piece.winner, piece.losers)):
        parts = list(run)
        yield replace(parts[0], until_at=parts[-1].until_at, value=lock.otherwise)
