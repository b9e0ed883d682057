"""What the readings and emptyings of the last weeks say of bins now."""

from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.fill.belief import NOISE, Belief, Noise, carried, emptied, read
from optimizers.fill.readings import LIMITS, Judged, ReadingLimits, judge


@dataclass(frozen=True, eq=False)
class History:
    """Of n bins over T slots of `slot_h` hours, oldest first (see `on_grid`).

    raw (T, n)       readings, at the end of their slot; NaN for none
    emptied (T, n)   whether a crew emptied it in the slot
    found (T, n)     level that the crew found, by sight or by weight; NaN where nobody looked
    kinds (T, n)     kind of the day that a slot lies in
    """

    raw: Floats
    emptied: Bools
    found: Floats
    kinds: Ints
    slot_h: float = 6.0


def on_grid(
    bins: Ints, at_s: Floats, level: Floats, *, emptied_bins: Ints, emptied_at_s: Floats, found: Floats,
    shape: tuple[int, int], start_s: float, slot_s: float,
) -> tuple[Floats, Bools, Floats]:  # fmt: skip
    """raw, emptied and found of a `History` of shape (T, n), from single events in any order.

    bins, at_s, level                   (m,) of readings, at_s in seconds
    emptied_bins, emptied_at_s, found   (e,) of emptyings
    start_s, slot_s                     of the grid; what lies outside it is left out

    Of several readings in a slot the last one stands; one from before an emptying in its slot is dropped, and is what
    was found where nobody looked.
    """
    raw, full = np.full(shape, np.nan), np.full(shape, np.nan)
    when = np.full(shape, -np.inf)
    times, rows, keep = _placed(emptied_at_s, start_s, slot_s, shape[0])
    for row, bin_, time, seen in zip(rows[keep], emptied_bins[keep], times[keep], found[keep], strict=True):
        when[row, bin_] = max(when[row, bin_], time)
        full[row, bin_] = seen
    order = np.argsort(at_s, kind="stable")
    times, rows, keep = _placed(at_s[order], start_s, slot_s, shape[0])
    for row, bin_, time, seen in zip(rows[keep], bins[order][keep], times[keep], level[order][keep], strict=True):
        if time > when[row, bin_]:
            raw[row, bin_] = seen
        elif not np.isfinite(full[row, bin_]):
            full[row, bin_] = seen
    return raw, when > -np.inf, full


def _placed(at_s: Floats, start_s: float, slot_s: float, slots: int) -> tuple[Floats, Ints, Bools]:
    rows = np.floor((at_s - start_s) / slot_s)
    keep = (rows >= 0) & (rows < slots)
    return at_s, np.where(keep, rows, 0).astype(np.int64), keep


def believed(
    first: Belief, history: History, *, noise: Noise = NOISE, limits: ReadingLimits = LIMITS
) -> tuple[Belief, Judged]:
    """What is believed at the end of a history that begins with `first`, and how its sensors are judged."""
    judged = judge(history.raw, history.emptied, first.rate, slot_h=history.slot_h, limits=limits)
    share = history.slot_h / 24.0
    belief = first
    for slot in range(len(history.raw)):
        belief = carried(belief, history.kinds[slot], share, noise)
        gone = history.emptied[slot] | judged.emptied[slot]
        if gone.any():
            belief = emptied(belief, gone, history.found[slot], noise)
        belief, _ = read(belief, judged.level[slot], noise=noise)
    return belief, judged


def carried_to(belief: Belief, kinds: Ints, shares: Floats, noise: Noise = NOISE) -> Belief:
    """After T stretches without news: kinds (T, n) of their days, shares (T,) of a day that each lasts."""
    for slot, share in zip(kinds, shares.tolist(), strict=True):
        belief = carried(belief, slot, share, noise)
    return belief
