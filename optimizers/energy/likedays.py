"""What a load will be, by like days before: smoothed from one like day to the next, with its error as it was measured.

Each like day is foretold by those before it, and what it then was teaches both the next forecast and how far to trust
it (simple exponential smoothing; split conformal prediction: Vovk, Gammerman, Shafer 2005). Nothing of a day is used
for that day.

This is what a plan goes by: one course of each load, and a margin with which limits still hold. `foreseeing` has many
courses, each with its weight, for a value of what is stored under all of them (`valuing`).
"""

from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Bools, Floats, Ints

SMOOTHING = 0.3
"""Of how much the last like day was off, so much is learnt: five or six days count."""
LEVEL = 0.9
"""How often no more than expected and margin is to be drawn."""
_WIDEST = 3.0
"""What measured error widens a margin by, at most: beyond, the forecast is of no use and is told by its coverage."""


@dataclass(frozen=True, eq=False)
class Foretold:
    """Of n series over T slots.

    expected, margin (T, n)   NaN where no like day is known; no more than both is drawn `LEVEL` of the time
    days (T, n)               like days that are known
    coverage (n,)             share of the last like days' slots that were no more than both, as foretold then
    pinball (n,)              mean loss at `LEVEL` of the same (Koenker and Bassett 1978): lower is better
    """

    expected: Floats
    margin: Floats
    days: Ints
    coverage: Floats
    pinball: Floats


def foretell(past: Floats, like: Bools, block: int, tested: int = 7) -> Foretold:
    """What comes after D days.

    past (D, T, n)   what was drawn in the same slots of those days, the last one last; NaN where it is not known
    like (D, T)      which of them are like the day of the slot
    block            slots whose errors are taken together
    tested           of the last like days: by these, coverage and pinball are measured, and the margin is widened
    """
    known = np.isfinite(past) & like[:, :, None]
    expected, errors = _smoothed(past, known)
    days: Ints = known.sum(axis=0)
    margin = _margin(errors, block)
    seen, off = _tested(errors, block, tested)
    met = np.where(np.isfinite(off), off <= 0, False)
    counts = np.maximum(np.isfinite(off).sum(axis=(0, 1)), 1)
    coverage = np.where(np.isfinite(off).any(axis=(0, 1)), met.sum(axis=(0, 1)) / counts, np.nan)
    loss = np.where(off > 0, LEVEL * off, (LEVEL - 1) * off)
    pinball = np.where(np.isfinite(coverage), np.nansum(loss, axis=(0, 1)) / counts, np.nan)
    return Foretold(expected, margin * _wider(seen, off), days, coverage, pinball)


def _smoothed(past: Floats, known: Bools) -> tuple[Floats, Floats]:
    """(T, n) what is expected next; (D, T, n) by how much more than expected each like day had."""
    expected = np.full(past.shape[1:], np.nan)
    errors = np.full(past.shape, np.nan)
    for day in range(past.shape[0]):
        told, counts = past[day], known[day]
        first = counts & ~np.isfinite(expected)
        errors[day] = np.where(counts & ~first, told - expected, np.nan)
        learnt = expected + SMOOTHING * np.where(counts & ~first, told - expected, 0.0)
        expected = np.where(first, told, learnt)
    return expected, errors


def _margin(errors: Floats, block: int) -> Floats:
    """(T, n) so much more than expected `LEVEL` of the like days had at most, of slots of a block.

    Of m days, the ceil((m + 1) LEVEL)-th of the errors sorted; the greatest where there are fewer: few days widen it.
    """
    slots, n = errors.shape[1:]
    found = np.full((slots, n), np.nan)
    for first in range(0, slots, block):
        of = errors[:, first : first + block]
        days = np.isfinite(of).any(axis=1).sum(axis=0)
        pooled = np.sort(of.reshape(of.shape[0] * of.shape[1], n), axis=0)  # NaN goes last
        counts = np.isfinite(pooled).sum(axis=0)
        level = np.minimum(np.ceil((days + 1) * LEVEL) / np.maximum(days, 1), 1.0)
        rank = np.clip(np.ceil(level * counts).astype(np.int64) - 1, 0, max(pooled.shape[0] - 1, 0))
        value = pooled[rank, np.arange(n)] if pooled.shape[0] else np.full(n, np.nan)
        found[first : first + block] = np.where(counts > 0, np.maximum(value, 0.0), np.nan)
    return found


def _tested(errors: Floats, block: int, tested: int) -> tuple[Floats, Floats]:
    """Of each of the last days, (N, T, n): its margin by the days before; by how much its error passed that."""
    days = [day for day in range(1, errors.shape[0]) if np.isfinite(errors[day]).any()][-tested:]
    if not days:
        none = np.full((1, *errors.shape[1:]), np.nan)
        return none, none
    margins = np.stack([_margin(errors[:day], block) for day in days])
    return margins, errors[days] - margins


def _wider(margins: Floats, off: Floats) -> Floats:
    """(n,) by how much wider margins had to be for `LEVEL` of the last days' slots; 1 where they were wide enough."""
    ratio = np.where(margins > 0, (off + margins) / np.where(margins > 0, margins, 1.0), np.nan)
    flat = np.sort(ratio.reshape(ratio.shape[0] * ratio.shape[1], ratio.shape[2]), axis=0)
    counts = np.isfinite(flat).sum(axis=0)
    rank = np.clip(np.ceil(LEVEL * counts).astype(np.int64) - 1, 0, None)
    needed = np.where(counts > 0, flat[rank, np.arange(flat.shape[1])], 1.0)
    wider: Floats = np.clip(needed, 1.0, _WIDEST)
    return wider


def nearer(foretold: Foretold, lately_w: Floats, hours: Floats, half_life_h: float = 2.0) -> Foretold:
    """With what was drawn lately more than expected (n,), NaN for not known, less of it the later: half in so long.

    hours (T,)   from now to the middle of each slot
    """
    more = np.where(np.isfinite(lately_w), lately_w, 0.0)
    left = 0.5 ** (np.maximum(hours, 0.0) / half_life_h)
    expected = np.maximum(foretold.expected + left[:, None] * more, 0.0)
    return Foretold(expected, foretold.margin, foretold.days, foretold.coverage, foretold.pinball)


def usable(foretold: Foretold, least_days: int) -> Bools:
    """(T, n) whether enough is known of a series to go by it in a slot."""
    whole = np.isfinite(foretold.expected) & np.isfinite(foretold.margin)
    found: Bools = whole & (foretold.days >= max(least_days, 1))
    return found


def instead(chosen: Bools, one: Foretold, other: Foretold) -> Foretold:
    """Of two forecasts of the same the one where it is chosen (T, n), else the other, whose measures stay."""
    return Foretold(
        np.where(chosen, one.expected, other.expected),
        np.where(chosen, one.margin, other.margin),
        np.where(chosen, one.days, other.days),
        np.where(np.isfinite(other.coverage), other.coverage, one.coverage),
        np.where(np.isfinite(other.pinball), other.pinball, one.pinball),
    )
