"""What is believed of root zones: one scalar Kalman filter each, between the water balance and the soil probe.

The state is the depletion Dr of the root zone. A day of weather carries it on, and a probe corrects it. Both know how
wrong they may be, so that neither is believed alone.
"""

from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class Belief:
    """Of n hydrozones.

    depletion_mm (n,)    water the root zone lacks to field capacity, 0…TAW
    variance_mm2 (n,)    of what is believed about the truth
    """

    depletion_mm: Floats
    variance_mm2: Floats

    @property
    def sd_mm(self) -> Floats:
        return np.sqrt(self.variance_mm2)


@dataclass(frozen=True)
class Noise:
    """Standard deviations.

    etc, rain, irrigation: of a day, as a share of what the balance takes each for: the crop coefficient is a table's,
    the gauge stands elsewhere, water is spread unevenly. `model_mm`: of a day, whatever the weather.
    `sensor`: of a probe, as a share of TAW; `lasting`: that part of it which the next reading repeats, so that many
    readings do not average it away.
    """

    etc: float = 0.15
    rain: float = 0.3
    irrigation: float = 0.15
    model_mm: float = 1.0
    sensor: float = 0.05
    lasting: float = 0.03


NOISE = Noise()


def believed_at_first(taw_mm: Floats, raw_mm: Floats) -> Belief:
    """Before anything is known: half of what is readily available is gone, or anything else."""
    return Belief(raw_mm / 2.0, (taw_mm / 3.0) ** 2)


def predicted(
    belief: Belief, *, etc_mm: Floats, rain_mm: Floats, irrigation_mm: Floats, taw_mm: Floats, noise: Noise = NOISE
) -> Belief:
    """A day later: Dr + ETc - P - I within 0…TAW (FAO-56 eq. 85; what would be less than 0 percolates, eq. 88).

    `rain_mm` and `irrigation_mm` are what reaches the root zone. Soil that is filled to overflowing is known to be full
    whatever was believed of it: variance is that of a normal distribution cut off at 0 and TAW.
    """
    mean = belief.depletion_mm + etc_mm - rain_mm - irrigation_mm
    parts = (noise.etc * etc_mm, noise.rain * rain_mm, noise.irrigation * irrigation_mm)
    grown = belief.variance_mm2 + sum(part**2 for part in parts)
    kept = _variance_within(mean, grown, taw_mm)
    return Belief(np.clip(mean, 0.0, taw_mm), kept + noise.model_mm**2)


def depletion_of(vwc: Floats, field_capacity: Floats, root_depth_m: Floats, taw_mm: Floats) -> Floats:
    """mm that a probe measures: Dr = 1000 (θFC - θ) Zr, within 0…TAW; NaN where it measured nothing (eq. 86, 87)."""
    measured: Floats = np.clip(1000.0 * (field_capacity - vwc) * root_depth_m, 0.0, taw_mm)
    return measured


def assimilated(
    belief: Belief, measured_mm: Floats, sd_mm: Floats, gate: float = 3.0, *, lasting_mm: Floats | float = 0.0
) -> tuple[Belief, Bools]:
    """After a measurement of depletion with standard deviation `sd_mm` > 0; NaN for none.

    The second is which measurements were taken: those further from what was expected than `gate` standard deviations
    of both are not. Variance never grows, nor shrinks under `lasting_mm`², the error that all measurements share.
    """
    innovation = measured_mm - belief.depletion_mm
    total = belief.variance_mm2 + sd_mm**2
    taken: Bools = np.abs(innovation) <= gate * np.sqrt(total)  # false for NaN
    gain = np.where(taken, belief.variance_mm2 / total, 0.0)
    depletion = belief.depletion_mm + gain * np.where(taken, innovation, 0.0)
    least = np.minimum(belief.variance_mm2, np.square(lasting_mm))
    return Belief(depletion, np.maximum((1.0 - gain) * belief.variance_mm2, least)), taken


@dataclass(frozen=True, eq=False)
class Refusals:
    """Measurements refused one after the other that agree: how many, and how far off they were on average."""

    times: Ints
    innovation_mm: Floats

    @classmethod
    def none(cls, n: int) -> "Refusals":
        return cls(np.zeros(n, np.int64), np.zeros(n))


def reconsidered(
    belief: Belief, measured_mm: Floats, sd_mm: Floats, refusals: Refusals, gate: float = 3.0, *,
    after: int = 3, lasting_mm: Floats | float = 0.0,
) -> tuple[Belief, Bools, Refusals]:  # fmt: skip
    """As `assimilated`, but a probe that is refused and says the same again is not ignored for ever.

    When `after` measurements in a row were refused and agree with each other, within the gate of their own noise, it is
    the belief that is wrong: its variance is opened as far as they are off, and the last of them is taken.
    """
    there = np.isfinite(measured_mm)
    innovation = np.where(there, measured_mm - belief.depletion_mm, 0.0)
    out = there & (np.abs(innovation) > gate * np.sqrt(belief.variance_mm2 + sd_mm**2))
    agree = np.abs(innovation - refusals.innovation_mm) <= gate * np.sqrt(2.0) * sd_mm
    times = np.where(out, np.where(agree, refusals.times, 0) + 1, np.where(there, 0, refusals.times))
    mean = np.where(out, refusals.innovation_mm + (innovation - refusals.innovation_mm) / np.maximum(times, 1), 0.0)
    mean = np.where(there, np.where(times == 1, innovation, mean), refusals.innovation_mm)
    opened = times >= after
    variance = np.where(opened, np.maximum(belief.variance_mm2, innovation**2), belief.variance_mm2)
    after_all, taken = assimilated(
        Belief(belief.depletion_mm, variance), measured_mm, sd_mm, gate, lasting_mm=lasting_mm
    )
    return after_all, taken, Refusals(np.where(taken, 0, times), np.where(taken, 0.0, mean))


def _variance_within(mean: Floats, variance: Floats, most: Floats) -> Floats:
    """Of a normal distribution whose values below 0 and above `most` are moved there."""
    sd = np.sqrt(np.maximum(variance, 1e-12))
    low, high = -mean / sd, (most - mean) / sd
    below, above = _cumulated(low), 1.0 - _cumulated(high)
    inside = 1.0 - below - above
    first = mean * inside + sd * (_density(low) - _density(high)) + most * above
    second = (mean**2 + variance) * inside + most**2 * above
    second += sd * (mean * _density(low) - (most + mean) * _density(high))
    return np.clip(second - first**2, 0.0, variance)


def _density(z: Floats) -> Floats:
    value: Floats = np.exp(-(z**2) / 2.0) / np.sqrt(2.0 * np.pi)
    return value


def _cumulated(z: Floats) -> Floats:
    from scipy.special import erf  # noqa: PLC0415 - a quarter of a second that every command would pay

    value: Floats = (1.0 + erf(z / np.sqrt(2.0))) / 2.0
    return value
