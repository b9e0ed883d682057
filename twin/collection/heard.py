"""What level sensors of a year say of bins: noise, and the faults that such sensors have had in the field.

Faults are drawn beforehand, so that every policy meets the same ones; what a stuck sensor says depends on what it saw.
"""

from dataclasses import dataclass, field

import numpy as np

from optimizers.arrays import Bools, Floats


@dataclass(frozen=True)
class Faults:
    """Spells a bin and year, and how long each lasts in days. Figures ours; kinds after what field data showed.

    doubled   the gateway sends the day before once more, as if it were new
    zero      share of sensors that were mounted or set wrongly, `zero_level` what they say of an empty bin
    missed    share of emptyings that nobody reports
    """

    stuck: float = 0.3
    stuck_d: int = 8
    silent: float = 1.0
    silent_d: int = 3
    foam: float = 0.3
    foam_d: int = 5
    doubled: float = 1.0
    jumps: float = 6.0
    lost: float = 0.03
    zero: float = 0.05
    zero_level: float = 0.15
    missed: float = 0.02


FAULTS = Faults()
NO_FAULTS = Faults(
    stuck=0.0, silent=0.0, foam=0.0, doubled=0.0, jumps=0.0, lost=0.0, zero=0.0, missed=0.0
)  # fmt: skip


@dataclass(eq=False)
class Sensors:
    """n sensors that read S times a day over D days, with noise `sd` and a resolution of one hundredth."""

    days: int
    n: int
    seed: int
    faults: Faults = FAULTS
    sd: float = 0.04
    per_day: int = 4
    _before: Floats = field(init=False)
    _spells: dict[str, Bools] = field(init=False)
    _zero: Floats = field(init=False)

    def __post_init__(self) -> None:
        of, rng = self.faults, np.random.default_rng([self.seed, 3])
        self._before = np.full((self.per_day, self.n), np.nan)
        spells = (("stuck", of.stuck, of.stuck_d), ("silent", of.silent, of.silent_d), ("foam", of.foam, of.foam_d),
                  ("doubled", of.doubled, 1))  # fmt: skip
        self._spells = {name: self._drawn(rng, often, lasts) for name, often, lasts in spells}
        self._zero = np.where(rng.random(self.n) < of.zero, of.zero_level, 0.0)

    def _drawn(self, rng: np.random.Generator, often: float, lasts: int) -> Bools:
        """(D, n) whether a spell is on."""
        begins = rng.random((self.days, self.n)) < often / 365.0
        on = begins.copy()
        for later in range(1, lasts):
            on[later:] |= begins[:-later]
        return on

    def say(self, day: int, levels: Floats) -> Floats:
        """(S, n) readings of a day whose true levels at the ends of its S slots are these; NaN where none comes.

        To be asked for every day in order: what is stuck or sent again is what was said before.
        """
        rng = np.random.default_rng([self.seed, 4, day])
        noise, spike, lost, up = rng.normal(size=levels.shape), *(rng.random(levels.shape) for _ in range(3))
        foam = self._spells["foam"][day]
        seen = levels * (1 - self._zero) + self._zero + self.sd * noise
        seen = np.where(foam, 0.75 + 0.18 * noise, seen)
        jumps = spike < self.faults.jumps / 365.0 / self.per_day
        said = np.round(np.clip(np.where(jumps, up, seen), 0.0, 1.0), 2)
        said = np.where(self._spells["doubled"][day], self._before, said)
        said = np.where(self._spells["stuck"][day], self._before[-1], said)
        self._before = np.where(np.isfinite(said), said, self._before)
        return np.where(self._spells["silent"][day] | (lost < self.faults.lost), np.nan, said)
