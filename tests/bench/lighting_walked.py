"""What earlier months choose: each month, of all ways to light it, the one that held the aim at the least energy before
it. Nothing is chosen with hindsight: neither the price of a forecast nor the program of a street.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optimizers.forecast import cheapest
from optimizers.forecast.hours import Floats, Ints
from tests.bench.lighting_policies import PRICES, Curve, envelope
from tests.bench.lighting_year import Year, level_powers, outcome

FIRST_PRICE = 30.0
AIMS = np.geomspace(0.0001, 0.02, 30)
"""Shares of lamp-time under-lit that are aimed at: each gives one point of a curve."""


@dataclass(frozen=True, eq=False)
class Ways:
    """W ways to light every quarter, by rows of `PRICES` over and over, and what each came to in each of M months.

    told (W, S, N)  levels
    below (W, M)    quarters under-lit
    energy (W, M)   that of full being 1 a quarter
    said (W, M)     quarters under-lit, by the forecast's own word; nothing where there is none
    counted (M,)    quarters with a count
    """

    year: Year
    told: Ints
    below: Floats
    energy: Floats
    said: Floats
    counted: Floats

    def walked(self, aim: float) -> Ints:
        """(S, N) levels: each month by the way of least energy among those that in the months before it were under-lit
        no longer than the aim, by what came true and by their own word; else by the one that was least. The first month
        by the first way at `FIRST_PRICE`.
        """
        chosen = self.told[int(np.argmin(np.abs(PRICES - FIRST_PRICE)))].copy()
        for m, (places, _) in enumerate(self.year.months()[1:], start=1):
            before = np.maximum(self.below[:, :m].sum(axis=1), self.said[:, :m].sum(axis=1))
            beyond = np.maximum(before - aim * self.counted[:m].sum(), 0.0)
            best = int(np.lexsort((self.energy[:, :m].sum(axis=1), beyond))[0])
            chosen[:, places] = self.told[best][:, places]
        return chosen

    def curve(self, name: str) -> Curve:
        return envelope(name, [outcome(self.year, name, self.walked(aim)) for aim in AIMS])


def by_forecast(year: Year, exceeds: Floats) -> Ways:
    """A forecast at each price."""
    told = np.stack([cheapest(exceeds, level_powers(), price) for price in PRICES])
    beyond = np.concatenate([exceeds, np.zeros((*exceeds.shape[:2], 1))], axis=-1)
    dry = year.counted & ~year.wet_now
    short = (np.take_along_axis(beyond, level[..., None], axis=-1)[..., 0] for level in told)
    return _ways(year, told, np.stack([_by_month(year, np.where(dry, chance, 0.0)) for chance in short]))


def by_program(year: Year, tried: Sequence[Ints]) -> Ways:
    """Fixed programs, all that were tried."""
    told = np.concatenate(tried)
    return _ways(year, told, np.zeros((len(told), len(year.months()))))


def _ways(year: Year, told: Ints, said: Floats) -> Ways:
    below, energy = np.stack([_came_to(year, level) for level in told]).transpose(1, 0, 2)
    return Ways(year, told, below, energy, said, _by_month(year, year.counted.astype(np.float64)))


def _came_to(year: Year, told: Ints) -> Floats:
    """(2, M) quarters under-lit, and their energy, of those that were counted."""
    level = np.where(year.wet_now & ~year.surprised, 2, told)
    late = np.where(year.surprised & (level >= year.called_for), year.reaction, 1.0)
    below = np.where((level < year.need) & year.counted, late, 0.0)
    return np.stack([_by_month(year, below), _by_month(year, np.where(year.counted, level_powers()[level], 0.0))])


def _by_month(year: Year, figure: Floats) -> Floats:
    """(M,) sums of (S, N)."""
    return np.array([figure[:, places].sum() for places, _ in year.months()])
