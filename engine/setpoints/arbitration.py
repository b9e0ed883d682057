"""Who decides: one point's 16-level priority array resolved over a span of time (after BACnet, ISO 16484-5 §19).

Lock-outs and interlocks enter here as slots of their own level; nothing else has to change for them.
"""

from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from engine.instants import isoformat, to_us
from engine.model import Program, Slot


@dataclass(frozen=True, slots=True)
class Piece:
    """One value on [start_at, until_at), the slot behind it (None: the safe default) and those it beat, best first."""

    start_at: datetime
    until_at: datetime
    value: float
    winner: Slot | None
    losers: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class Resolution:
    """The pieces of a span, gap-free and in order of time; neighbours differ in value, winner or losers."""

    pieces: tuple[Piece, ...]

    @property
    def program(self) -> Program:
        """The values alone, equal neighbours merged."""
        steps = tuple((next(run).start_at, value) for value, run in groupby(self.pieces, key=lambda piece: piece.value))
        return Program(steps, self.pieces[-1].until_at)

    def at(self, instant: datetime) -> Piece:
        """The piece that holds at an instant. Raises ValueError outside the span that was resolved."""
        if not self.pieces[0].start_at <= instant < self.pieces[-1].until_at:
            span = f"[{isoformat(self.pieces[0].start_at)}, {isoformat(self.pieces[-1].until_at)})"
            raise ValueError(f"{isoformat(instant)} is outside {span}, which is what was resolved")
        return self.pieces[bisect_right(self.pieces, instant, key=lambda piece: piece.start_at) - 1]


def resolve(array: Sequence[Slot], now: datetime, until: datetime, safe: float) -> Resolution:
    """The array over [now, until): at every instant the valid slot of the lowest level wins, else `safe`.

    Ties go to the lower source id, then to the later writing. The order of `array` has no influence.
    O(k log k) in the k boundaries of the slots, beside the losers it names. Raises ValueError unless now < until.
    """
    if now >= until:
        raise ValueError(f"nothing to resolve from {isoformat(now)} until {isoformat(until)}: wants now < until")
    valid = [slot for slot in array if slot.program.start < until and slot.program.until > now]
    if len(valid) == 1:
        return Resolution(tuple(_alone(valid[0], now, until, safe)))
    ranked = sorted(valid, key=rank)
    pieces: list[Piece] = []
    for start_at, until_at, values in _spans(ranked, now, until):
        winner = ranked[values[0][0]] if values else None
        losers = tuple(ranked[rank] for rank, _ in values[1:])
        piece = Piece(start_at, until_at, values[0][1] if values else safe, winner, losers)
        if pieces and _same(pieces[-1], piece):
            pieces[-1] = Piece(pieces[-1].start_at, until_at, piece.value, winner, losers)
        else:
            pieces.append(piece)
    return Resolution(tuple(pieces))


def _alone(slot: Slot, now: datetime, until: datetime, safe: float) -> Iterator[Piece]:
    """The pieces of an array with one slot, which most are: the general way, without its bookkeeping."""
    part = slot.program.clip(now, until)
    if part is None:
        yield Piece(now, until, safe, None, ())
        return
    if now < part.start:
        yield Piece(now, part.start, safe, None, ())
    starts = [at for at, _ in part.steps]
    for (at, value), end in zip(part.steps, [*starts[1:], part.until], strict=True):
        yield Piece(at, end, value, slot, ())
    if part.until < until:
        yield Piece(part.until, until, safe, None, ())


def rank(slot: Slot) -> tuple[Any, ...]:
    """Sorts the slots of an array, the one that wins first."""
    # Beyond (level, source, written_at) two slots of one time cannot both stand; the rest only keeps the order total.
    content = (slot.version, slot.reason, slot.program.until, slot.program.steps)
    return slot.level, slot.source, -to_us(slot.written_at), *content


def _same(a: Piece, b: Piece) -> bool:
    return (a.value, a.winner, a.losers) == (b.value, b.winner, b.losers)


def _spans(
    ranked: Sequence[Slot], now: datetime, until: datetime
) -> Iterator[tuple[datetime, datetime, list[tuple[int, float]]]]:
    """Between two boundaries, the (rank, value) of every slot valid there, best first."""
    boundaries = sorted(_boundaries(ranked, now, until), key=lambda boundary: boundary[:2])
    valid: list[int] = []
    value: dict[int, float] = {}
    last = now
    for at, group in groupby(boundaries, key=lambda boundary: boundary[0]):
        if at > last:
            yield last, at, [(rank, value[rank]) for rank in valid]
            last = at
        for _at, rank, wanted in group:
            if wanted is None:
                valid.remove(rank)
                del value[rank]
                continue
            if rank not in value:
                insort(valid, rank)
            value[rank] = wanted
    if last < until:
        yield last, until, [(rank, value[rank]) for rank in valid]


def _boundaries(ranked: Sequence[Slot], now: datetime, until: datetime) -> Iterator[tuple[datetime, int, float | None]]:
    for rank, slot in enumerate(ranked):
        part = slot.program.clip(now, until)
        if part is not None:
            yield from ((at, rank, value) for at, value in part.steps)
            yield part.until, rank, None
