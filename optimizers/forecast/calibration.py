"""Holding a forecast to what came true. Split conformal prediction (Vovk, Gammerman, Shafer 2005) on ranks."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from optimizers.forecast.hours import Floats, Ints
from optimizers.result import InvalidProblem


@dataclass(frozen=True, eq=False)
class Calibration:
    """`ranks` (S, N): the probability that forecasts gave to counts up to the one that came, of N past hours that the
    forecasts had not seen; NaN where not known. A forecast that holds what it promises has ranks evenly over 0…1.
    """

    ranks: Floats

    @cached_property
    def samples(self) -> Ints:
        """(S,) how many past hours each series is held to."""
        return np.asarray(np.isfinite(self.ranks).sum(axis=1))

    def covered(self, level: float) -> Floats:
        """(S,) share of past hours whose count the quantile of that level covered; NaN without any."""
        hits = (self.ranks <= level).sum(axis=1)
        return np.asarray(np.divide(hits, self.samples, out=np.full(len(hits), np.nan), where=self.samples > 0))

    def level(self, wanted: float) -> Floats:
        """(S,) the level to ask for so that a share `wanted` of counts is covered.

        The rank below which ⌈wanted (n + 1)⌉ of the past lie: then the next one lies below it with probability
        `wanted` or more, if it is drawn as they were. Never below `wanted`, so that luck does not loosen it; 1 where
        the past is too short to promise it. Raises InvalidProblem outside (0, 1].
        """
        if not 0 < wanted <= 1:
            raise InvalidProblem([f"level {wanted} wants (0, 1]"])
        ordered = np.sort(self.ranks, axis=1)
        place = np.ceil(wanted * (self.samples + 1) - 1e-9).astype(np.int64) - 1
        reached = place < self.samples
        padded = np.hstack([ordered, np.ones((len(ordered), 1))])
        found = np.take_along_axis(padded, np.where(reached, place, padded.shape[1] - 1)[:, None], axis=1)[:, 0]
        return np.asarray(np.clip(found, wanted, 1.0))
