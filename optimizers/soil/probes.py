"""What is believed of soil moisture probes: their faults, their offset, and what field capacity is in their own terms.

Series lie on a grid of hours, oldest first, one column a probe; NaN where nothing was measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from optimizers.arrays import Bools, Floats, Ints, known_median

_HOURS = 24
_SAME = 1e-6


class Verdict(StrEnum):
    """Of a probe, now."""

    SOUND = "sound"
    BIASED = "biased"  # believed, its offset taken off as far as it is known
    UNIT_MIXED = "unit_mixed"  # its readings are percent, fractions or counts, and which is which cannot be told
    SILENT = "silent"
    STUCK = "stuck"
    SATURATED = "saturated"
    OUT_OF_SOIL = "out_of_soil"

    @property
    def believed(self) -> bool:
        return self in {Verdict.SOUND, Verdict.BIASED}


@dataclass(frozen=True)
class ProbeLimits:
    """From when on a probe is not believed.

    silent_h           without a reading
    stuck_h, stuck_mm  one value for so long, while plants took so much from the soil: a sound probe would have moved
    saturated_h        at saturation for so long, but for `pores` (m³/m³): soil that plants live in drains in a day
    undrained_h        without water for so long, and still `undrained_above` (m³/m³) above field capacity
    watered_mm         in a day, what counts as water there
    dry_vwc, swing_c   less water than any soil holds, with a daily swing of temperature that no soil has at depth
    lately_h           a fault concerns the probe now if it is as young as this
    """

    silent_h: int = 24
    stuck_h: int = 48
    stuck_mm: float = 5.0
    saturated_h: int = 24
    pores: float = 0.02
    undrained_h: int = 72
    undrained_above: float = 0.05
    watered_mm: float = 1.0
    dry_vwc: float = 0.03
    swing_c: float = 15.0
    lately_h: int = 24


LIMITS = ProbeLimits()


@dataclass(frozen=True, eq=False)
class Judged:
    """Of P probes over H hours.

    verdicts (P,)    now
    vwc (H, P)       m³/m³ of the readings that are believed, NaN for all others
    converted (P,)   whether some readings were in percent, and are now fractions
    """

    verdicts: tuple[Verdict, ...]
    vwc: Floats
    converted: Bools


def judge(
    raw: Floats, temperature_c: Floats, etc_mm: Floats, water_mm: Floats, *, field_capacity: Floats, saturation: Floats,
    limits: ProbeLimits = LIMITS,
) -> Judged:  # fmt: skip
    """What of the series of P probes over D days of 24 hours, H = 24 D, is to be believed.

    raw (H, P)            as read: m³/m³, or what else a probe was set to
    temperature_c (H, P)  of the soil, where the probe tells it
    etc_mm (D, P)         what plants and sun took from the soil, water_mm (D, P) what rain and valves brought
    field_capacity, saturation (P,)   m³/m³
    """
    vwc, converted, mixed = in_fractions(raw)
    faults = {
        Verdict.SATURATED: _saturated(vwc, water_mm, field_capacity, saturation, limits),
        Verdict.STUCK: _stuck(vwc, etc_mm, limits),
        Verdict.OUT_OF_SOIL: _out_of_soil(vwc, temperature_c, limits),
    }
    wrong = np.logical_or.reduce([*faults.values(), np.broadcast_to(mixed, vwc.shape)])
    silent = ~_ever(np.isfinite(raw[-limits.silent_h :]))
    lately: dict[Verdict, Bools] = {verdict: _ever(at[-limits.lately_h :]) for verdict, at in faults.items()}
    now: dict[Verdict, Bools] = {Verdict.SILENT: silent, Verdict.UNIT_MIXED: mixed, **lately}
    verdicts = tuple(
        next((verdict for verdict, found in now.items() if found[p]), Verdict.SOUND) for p in range(raw.shape[1])
    )
    return Judged(verdicts, np.where(wrong, np.nan, vwc), converted)


def in_fractions(raw: Floats) -> tuple[Floats, Bools, Bools]:
    """Readings (H, P) in m³/m³; which probes (P,) told percent; and which are not to be understood.

    No soil holds more than 0.7 m³/m³, none that plants live in less than 1 %: up to 0.7 is a fraction, from 1 to 70
    percent. What lies between, beyond or below 0 is a raw count or nonsense: unknown. Where a probe told both fractions
    and percent, or most of what it told is unknown, it is understood only if both say nearly the same.
    """
    fraction, percent = (raw >= 0.0) & (raw <= 0.7), (raw >= 1.0) & (raw <= 70.0)
    vwc = np.where(fraction, raw, np.where(percent, raw / 100.0, np.nan))
    heard, known = np.isfinite(raw).sum(axis=0), np.isfinite(vwc).sum(axis=0)
    told = _ever(percent)
    medians = [known_median(np.where(kind, vwc, np.nan)) for kind in (fraction, percent)]
    apart = told & _ever(fraction) & (np.abs(medians[0] - medians[1]) > 0.15)
    return vwc, told, apart | np.asarray(known * 2 < heard)


def _ever(flags: Bools) -> Bools:
    """(P,) whether it was so in any hour."""
    found: Bools = np.logical_or.reduce(flags, axis=0)
    return found


def _stuck(vwc: Floats, etc_mm: Floats, limits: ProbeLimits) -> Bools:
    """(H, P) readings within a stretch of one value that is too long for what the plants took meanwhile."""
    first, last = _stretches(vwc)
    taken = np.cumsum(np.repeat(etc_mm / _HOURS, _HOURS, axis=0), axis=0)
    meanwhile = np.take_along_axis(taken, last, 0) - np.take_along_axis(taken, first, 0)
    return np.isfinite(vwc) & (last - first >= limits.stuck_h) & (meanwhile > limits.stuck_mm)


def _saturated(
    vwc: Floats, water_mm: Floats, field_capacity: Floats, saturation: Floats, limits: ProbeLimits
) -> Bools:  # fmt: skip
    """(H, P) readings of soil that would have to drown: long at saturation, or wet long after the last water."""
    full = vwc >= saturation - limits.pores
    first, last = _stretches(np.where(np.isfinite(vwc), full, np.nan))
    long = full & (last - first >= limits.saturated_h)
    watered = np.repeat(water_mm >= limits.watered_mm, _HOURS, axis=0)
    return long | ((vwc > field_capacity + limits.undrained_above) & (_hours_since(watered) > limits.undrained_h))


def _out_of_soil(vwc: Floats, temperature_c: Floats, limits: ProbeLimits) -> Bools:
    """(H, P) readings of a probe that lies in the air: dry, and warm and cold as the air is."""
    daily = temperature_c.reshape(len(vwc) // _HOURS, _HOURS, vwc.shape[1])
    high = np.where(np.isfinite(daily), daily, -np.inf).max(axis=1)
    low = np.where(np.isfinite(daily), daily, np.inf).min(axis=1)
    swings = np.where(high >= low, high, 0.0) - np.where(high >= low, low, 0.0) > limits.swing_c
    return (vwc < limits.dry_vwc) & np.repeat(swings, _HOURS, axis=0)


def _stretches(values: Floats) -> tuple[Ints, Ints]:
    """(H, P) the first and the last hour known of the stretch of one value that each hour lies in, gaps left out."""
    hours, known = np.arange(len(values))[:, None], np.isfinite(values)
    newest: Ints = np.maximum.accumulate(np.where(known, hours, 0), axis=0)
    filled = np.take_along_axis(values, newest, 0)
    begins = np.ones(values.shape, np.bool_)
    begins[1:] = ~(np.abs(np.diff(filled, axis=0)) <= _SAME)
    first: Ints = np.maximum.accumulate(np.where(begins, hours, 0), axis=0)
    ends = np.where(np.append(begins[1:], np.ones((1, values.shape[1]), np.bool_), axis=0), hours, len(values))
    last = np.take_along_axis(newest, np.minimum.accumulate(ends[::-1], axis=0)[::-1], 0)
    return first, np.maximum(last, first)


def _hours_since(true: Bools) -> Ints:
    """(H, P) hours since it was last true; since the beginning where it never was: a grid as long as that is dry."""
    hour = np.arange(len(true))[:, None]
    last: Ints = np.maximum.accumulate(np.where(true, hour, 0), axis=0)
    return hour - last


def at_day_end(vwc: Floats, hours: int = 6) -> Floats:
    """(D, P) of readings (24 D, P): the median of the last hours of each day."""
    return known_median(vwc.reshape(len(vwc) // _HOURS, _HOURS, vwc.shape[1])[:, -hours:], axis=1)


@dataclass(frozen=True, eq=False)
class OwnCapacity:
    """Field capacity as P probes measure it.

    vwc (P,)      m³/m³, that of the table where there is no telling
    events (P,)   plateaus it stands on, 0 for the table's
    spread (P,)   m³/m³ between them
    """

    vwc: Floats
    events: Ints
    spread: Floats

    def sd(self, table_sd: float) -> Floats:
        """(P,) m³/m³, how far off it may be: by what plateaus differ, and no surer than their number and the table."""
        sd: Floats = np.maximum(self.spread, table_sd / np.sqrt(self.events + 1.0))
        return sd


def calibrated_field_capacity(
    daily_vwc: Floats, taken_vwc: Floats, filled: Bools, dry: Bools, table: Floats, *,
    after_days: int = 2, events: int = 2, most: float = 0.08,
) -> OwnCapacity:  # fmt: skip
    """Field capacity is what soil keeps when it was filled and has drained: the median of such plateaus.

    daily_vwc (D, P)   at the end of each day
    taken_vwc (D, P)   what plants and sun took in each, m³/m³ of the root zone
    filled (D, P)      days on which more water came than the root zone could hold
    dry (D, P)         days without water worth mentioning

    A plateau is the value `after_days` dry days after a filled one, what was taken meanwhile added. Fewer than `events`
    tell nothing; of more the median counts as much as their number over one, the table's (P,) as one. It is never
    further than `most` from the table's: beyond that it is the probe that is wrong, or the soil. Depletion is counted
    from here, so that the offset of a probe goes.
    """
    days = len(daily_vwc) - after_days
    later = [slice(after, after + max(days, 0)) for after in range(1, after_days + 1)]
    drained = np.logical_and.reduce([filled[: max(days, 0)], *(dry[day] for day in later)])
    kept = daily_vwc[later[-1]] + sum(taken_vwc[day] for day in later)
    plateau = np.where(drained, kept, np.nan)
    count: Ints = np.isfinite(plateau).sum(axis=0)
    count = np.where(count >= events, count, 0)
    off = np.where(count > 0, known_median(plateau) - table, 0.0)
    spread = np.where(count > 0, known_median(np.abs(plateau - known_median(plateau))), 0.0)
    return OwnCapacity(table + np.clip(off * count / (count + 1), -most, most), count, spread)


@dataclass(frozen=True, eq=False)
class Offset:
    """How far off P probes are: `depletion_mm` (P,) too dry where above 0, `sd_mm` (P,), and `seen` (P,) whether it is
    more than chance.
    """

    depletion_mm: Floats
    sd_mm: Floats
    seen: Bools


def offset_of(
    innovation_mm: Floats, variance_mm2: Floats, prior_sd_mm: Floats, *, days: int = 3, one_sign: float = 0.8
) -> Offset:  # fmt: skip
    """The offset that D daily innovations (D, P) of P probes against a balance no probe has corrected speak for.

    variance_mm2 (D, P)   of each innovation: the probe's noise and what the balance may be wrong by
    prior_sd_mm (P,)      how far off a probe may be at all

    Their mean, weighted by variance, and drawn towards 0 by what probes are off usually. An error of the balance lasts
    from day to day, so that many days are no surer than the best of them. Seen is an offset of twice its deviation,
    from `days` days at least of which a share of `one_sign` has its sign.
    """
    there = np.isfinite(innovation_mm)
    value, weight = np.where(there, innovation_mm, 0.0), np.where(there, 1.0 / variance_mm2, 0.0)
    total = weight.sum(axis=0)
    mean = np.divide((weight * value).sum(axis=0), total, out=np.zeros(total.shape), where=total > 0)
    best = np.where(there, variance_mm2, np.inf).min(axis=0, initial=np.inf)
    prior = prior_sd_mm**2
    share = np.where(np.isfinite(best), prior / (prior + best), 0.0)
    sd = np.sqrt(prior * (1.0 - share))
    count = there.sum(axis=0)
    same = (there & (np.sign(value) == np.sign(mean))).sum(axis=0)
    seen = (count >= days) & (same >= one_sign * count) & (np.abs(share * mean) > 2.0 * sd)
    return Offset(share * mean, sd, seen)


def corrected(
    offset_mm: Floats, offset: Offset, most_mm: Floats, *, a_day: float = 0.1
) -> Floats:  # fmt: skip
    """The offset (P,) to take off a probe's depletion a day later: nearer to what is seen by `a_day` of `most_mm` at
    most, and never more than `most_mm`.
    """
    wanted = np.where(offset.seen, np.clip(offset.depletion_mm, -most_mm, most_mm), 0.0)
    step = a_day * most_mm
    moved: Floats = offset_mm + np.clip(wanted - offset_mm, -step, step)
    return moved


@dataclass(frozen=True)
class Lending:
    """What a probe elsewhere is worth, in standard deviations as a share of TAW: of another place with like planting,
    soil and method, and more for a kilometre, another planting, soil or method. Beyond `most_km` it tells nothing.
    """

    alike: float = 0.15
    a_km: float = 0.02
    planting: float = 0.12
    soil: float = 0.08
    method: float = 0.04
    most_km: float = 20.0


LENDING = Lending()


@dataclass(frozen=True, eq=False)
class Loans:
    """From whom each of n hydrozones borrows: `donor` (n,) its index, -1 for nobody; `sd` (n,) as a share of TAW."""

    donor: Ints
    sd: Floats


def borrowed(
    own: Bools, east_km: Floats, north_km: Floats, *, planting: Sequence[str], soil: Sequence[str],
    method: Sequence[str], lending: Lending = LENDING,
) -> Loans:  # fmt: skip
    """Each hydrozone without a sound probe of its `own` (n,) borrows from the one whose probe is worth most to it.

    Of several worth the same, from the nearest, then from the first.
    """
    lenders, needy = np.flatnonzero(own), np.flatnonzero(~own)
    donor, sd = np.full(own.shape, -1, np.int64), np.full(own.shape, np.inf)
    if not lenders.size:
        return Loans(donor, sd)
    kinds = [(np.array(kind, dtype=np.str_), worth) for kind, worth in (
        (planting, lending.planting), (soil, lending.soil), (method, lending.method)
    )]  # fmt: skip
    for z in needy:
        km = np.hypot(east_km[lenders] - east_km[z], north_km[lenders] - north_km[z])
        worse = lending.alike + lending.a_km * km
        for kind, worth in kinds:
            worse = worse + np.where(kind[lenders] == kind[z], 0.0, worth)
        best = int(np.lexsort((km, np.where(km <= lending.most_km, worse, np.inf)))[0])
        if km[best] <= lending.most_km:
            donor[z], sd[z] = lenders[best], worse[best]
    return Loans(donor, sd)


def lent(
    loans: Loans, measured_mm: Floats, open_mm: Floats, taw_mm: Floats
) -> Floats:  # fmt: skip
    """(n,) the depletion that borrowers would have measured; NaN for all others, and where the lender measured nothing.

    open_mm (n,)   by a balance that no probe has corrected

    What is borrowed is not the state of the soil, which was watered otherwise, but how far a probe finds the balance
    wrong there, as a share of TAW: weather and the coefficients of a planting are wrong alike in both places.
    """
    of = np.maximum(loans.donor, 0)
    error = (measured_mm - open_mm)[of] / taw_mm[of]
    return np.where(loans.donor >= 0, np.clip(open_mm + error * taw_mm, 0.0, taw_mm), np.nan)
