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
    raw, full, when = np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape, -np.inf)
    order, at = _placed(emptied_at_s, emptied_bins, start_s, slot_s, shape[0])
    when[at] = emptied_at_s[order]  # in order of time: the last one stays
    full[at] = found[order]
    gone = when > -np.inf
    order, (rows, columns) = _placed(at_s, bins, start_s, slot_s, shape[0])
    after = at_s[order] > when[rows, columns]
    raw[rows[after], columns[after]] = level[order][after]
    seen = np.full(shape, np.nan)
    seen[rows[~after], columns[~after]] = level[order][~after]
    return raw, gone, np.where(gone & np.isnan(full), seen, full)


def _placed(at_s: Floats, bins: Ints, start_s: float, slot_s: float, slots: int) -> tuple[Ints, tuple[Ints, Ints]]:
    """Which events lie on the grid, in order of time, and their rows and columns."""
    rows = np.floor((at_s - start_s) / slot_s)
    order = np.argsort(at_s, kind="stable")
    order = order[(rows[order] >= 0) & (rows[order] < slots)]
    return order, (rows[order].astype(np.int64), bins[order])


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
