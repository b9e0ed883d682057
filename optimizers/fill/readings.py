"""What of the readings of fill-level sensors is to be believed, and what is wrong with the others.

Series lie on a grid of equal slots, oldest first, a column a bin; NaN where nothing was heard. Levels are shares, 0…1.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from optimizers.arrays import Bools, Floats, Ints, known_median
from optimizers.fill.belief import FULL

_SAME = 1e-6


class Verdict(StrEnum):
    """Of a bin's sensor, now."""

    SOUND = "sound"
    NONE = "none"  # nothing was ever heard of it
    SILENT = "silent"
    STUCK = "stuck"
    DUPLICATED = "duplicated"  # what was heard before is heard again, as if it were new
    FOAMY = "foamy"  # high and restless: foam, a bag or a web before the sensor
    JUMPING = "jumping"
    MIS_ZEROED = "mis_zeroed"  # believed, its zero taken off
    EMPTIED = "emptied"  # believed; it was emptied, and nobody reported it

    @property
    def believed(self) -> bool:
        return self in {Verdict.SOUND, Verdict.MIS_ZEROED, Verdict.EMPTIED}


@dataclass(frozen=True)
class ReadingLimits:
    """From when on readings are not believed. Figures ours; `silent_h` is that of rules/collection/sensors.yaml.

    stuck_h, stuck_rise  one value for so long, while so much more was expected to come
    restless             most steps between readings, of a sensor that is mostly `foamy_above`, over `foamy_h`
    jump                 above or below both its neighbours, which agree
    zero, zero_seen      what a sensor reads of an empty bin from which on its zero is wrong, after so many emptyings
    drop                 by which a level falls that was emptied
    lately_h             a fault concerns a sensor now if it is as young as this
    """

    silent_h: float = 36.0
    stuck_h: float = 48.0
    stuck_rise: float = 0.15
    restless: float = 0.12
    foamy_h: float = 60.0
    foamy_above: float = 0.4
    jump: float = 0.25
    zero: float = 0.08
    zero_seen: int = 2
    drop: float = 0.3
    lately_h: float = 48.0


LIMITS = ReadingLimits()


@dataclass(frozen=True, eq=False)
class Judged:
    """Of n bins over T slots.

    verdicts (n,)    now
    level (T, n)     of the readings that are believed, their zero taken off; NaN for all others
    emptied (T, n)   slots in whose readings an emptying shows that nobody reported
    zero (n,)        what the sensor reads of an empty bin, 0 where that is right
    """

    verdicts: tuple[Verdict, ...]
    level: Floats
    emptied: Bools
    zero: Floats


def judge(
    raw: Floats, emptied: Bools, rate: Floats, *, slot_h: float = 6.0, limits: ReadingLimits = LIMITS
) -> Judged:  # fmt: skip
    """What is to be believed of readings (T, n) in slots of `slot_h` hours.

    emptied (T, n)   slots in which a bin was emptied, as crews report; a reading of the slot is from after it
    rate (n,)        level a day that usually comes
    """
    faults: dict[Verdict, Bools] = {
        Verdict.STUCK: _stuck(raw, emptied, rate, slot_h, limits),
        Verdict.DUPLICATED: _duplicated(raw, max(round(24.0 / slot_h), 2)),
        Verdict.FOAMY: _foamy(raw, emptied, max(round(limits.foamy_h / slot_h), 4), limits),
        Verdict.JUMPING: _jumping(raw, limits),
    }
    wrong = np.logical_or.reduce(list(faults.values()))
    level = np.where(wrong, np.nan, raw)
    unreported = _unreported(level, emptied, max(round(24.0 / slot_h), 1), limits)
    zero = _zero(level, emptied | unreported, rate, slot_h, limits)
    lately = max(round(limits.lately_h / slot_h), 1)
    heard = np.isfinite(raw)
    now = {Verdict.NONE: ~_ever(heard), Verdict.SILENT: ~_ever(heard[-max(round(limits.silent_h / slot_h), 1) :])}
    now |= {verdict: _ever(found[-lately:]) for verdict, found in faults.items()}
    now[Verdict.JUMPING] = faults[Verdict.JUMPING][-lately:].sum(axis=0) >= 2
    now |= {Verdict.MIS_ZEROED: zero > 0, Verdict.EMPTIED: _ever(unreported[-lately:])}
    verdicts = tuple(
        next((verdict for verdict, found in now.items() if found[bin_]), Verdict.SOUND) for bin_ in range(raw.shape[1])
    )
    corrected = np.where(level >= FULL, level, np.maximum(level - zero, 0.0))
    return Judged(verdicts, corrected, unreported, zero)


def _ever(flags: Bools) -> Bools:
    """(n,) whether it was so in any slot."""
    found: Bools = np.logical_or.reduce(flags, axis=0)
    return found


def _stuck(raw: Floats, emptied: Bools, rate: Floats, slot_h: float, limits: ReadingLimits) -> Bools:
    """(T, n) readings of one value for longer than what comes allows, or above nothing through an emptying."""
    first, last = _stretches(raw)
    rise = (last - first) * (slot_h / 24.0) * rate
    long = ((last - first) * slot_h >= limits.stuck_h) & (rise >= limits.stuck_rise)
    emptyings = np.cumsum(emptied, axis=0)
    through = np.take_along_axis(emptyings, last, 0) > np.take_along_axis(emptyings, first, 0)
    stuck: Bools = np.isfinite(raw) & (long | (through & (raw >= limits.drop)))
    return stuck


def _stretches(values: Floats) -> tuple[Ints, Ints]:
    """(T, n) first and last slot heard of the stretch of one value that each slot lies in, gaps left out."""
    slots, known = np.arange(len(values))[:, None], np.isfinite(values)
    newest: Ints = np.maximum.accumulate(np.where(known, slots, 0), axis=0)
    filled = np.take_along_axis(values, newest, 0)
    begins = np.ones(values.shape, np.bool_)
    begins[1:] = ~(np.abs(np.diff(filled, axis=0)) <= _SAME)
    first: Ints = np.maximum.accumulate(np.where(begins, slots, 0), axis=0)
    ends = np.where(np.append(begins[1:], np.ones((1, values.shape[1]), np.bool_), axis=0), slots, len(values))
    upto = np.minimum.accumulate(ends[::-1], axis=0)[::-1]
    last = np.take_along_axis(newest, np.minimum(upto, len(values) - 1), 0)
    return first, np.maximum(last, first)


def _duplicated(raw: Floats, day: int) -> Bools:
    """(T, n) readings that repeat those of the day before, one by one, and are not all the same."""
    same = np.zeros(raw.shape, np.bool_)
    same[day:] = np.abs(raw[day:] - raw[:-day]) <= _SAME
    moving = np.zeros(raw.shape, np.bool_)
    moving[1:] = np.abs(np.diff(raw, axis=0)) > _SAME
    run = _within_run(same, day, day)
    varied = _sums(moving, day)
    return run & (varied >= 2)


def _within_run(flags: Bools, length: int, least: int) -> Bools:
    """(T, n) whether a slot is among the last `length` ones before one of which `least` are true in a row."""
    full = _sums(flags, least) >= least  # at the last slot of a run
    within = np.zeros(flags.shape, np.bool_)
    for back in range(min(length, len(flags))):
        within[: len(flags) - back] |= full[back:]
    return within


def _sums(flags: Bools, length: int) -> Ints:
    """(T, n) how many of the last slots were true."""
    total = np.cumsum(flags, axis=0, dtype=np.int64)
    sums = total.copy()
    sums[length:] -= total[:-length]
    return sums


def _foamy(raw: Floats, emptied: Bools, slots: int, limits: ReadingLimits) -> Bools:
    """(T, n) readings of a sensor that was high and restless over the slots up to them."""
    steps = np.full(raw.shape, np.nan)
    steps[1:] = np.where(emptied[1:], np.nan, np.abs(np.diff(raw, axis=0)))
    restless = _most(steps > limits.restless, np.isfinite(steps), slots)
    return _within_run(restless & _most(raw > limits.foamy_above, np.isfinite(raw), slots), slots, 1) & np.isfinite(raw)


def _most(flags: Bools, known: Bools, slots: int) -> Bools:
    """(T, n) whether more than half of what is known of the last slots is true; false before there are so many."""
    most: Bools = 2 * _sums(flags, slots) > _sums(known, slots)
    most[: slots - 1] = False
    return most


def _jumping(raw: Floats, limits: ReadingLimits) -> Bools:
    """(T, n) single readings that lie off both their neighbours, which agree."""
    jumps = np.zeros(raw.shape, np.bool_)
    before, at, after = raw[:-2], raw[1:-1], raw[2:]
    off = np.minimum(np.abs(at - before), np.abs(at - after)) > limits.jump
    jumps[1:-1] = off & (np.sign(at - before) == np.sign(at - after)) & (np.abs(after - before) < limits.jump)
    return jumps


def _unreported(level: Floats, emptied: Bools, day: int, limits: ReadingLimits) -> Bools:
    """(T, n) slots whose reading and the next lie far below the two before, without an emptying a day around."""
    found = np.zeros(level.shape, np.bool_)
    if len(level) < 4:
        return found
    high, low = np.minimum(level[:-3], level[1:-2]), np.maximum(level[2:-1], level[3:])
    fell = (high - low >= limits.drop) & (low < high / 2.0)
    near = emptied.copy()
    for off in range(1, day + 1):
        near[off:] |= emptied[:-off]
        near[:-off] |= emptied[off:]
    found[2:-1] = fell & ~near[2:-1]
    return found


def _zero(level: Floats, emptied: Bools, rate: Floats, slot_h: float, limits: ReadingLimits) -> Floats:
    """(n,) the median of the first readings after emptyings, less what had come by then; 0 unless it is far off."""
    slots, bins = np.nonzero(emptied)
    first = level[slots, bins] - rate[bins] * slot_h / 48.0
    firsts = np.full(level.shape, np.nan)
    firsts[slots, bins] = first
    seen = np.isfinite(firsts).sum(axis=0)
    median = known_median(firsts)
    zero: Floats = np.where((seen >= limits.zero_seen) & (median > limits.zero), median, 0.0)
    return zero
