"""Kinds of days: what people throw away differs by weekday, on public holidays, and where there is a market."""

from collections.abc import Sequence

import numpy as np

from optimizers.arrays import Bools, Ints

HOLIDAY = 7
MARKET = 8
KINDS = 9
"""0 to 6 are Monday to Sunday, HOLIDAY a public holiday, MARKET a day on which a bin's own market is held."""


def kinds_of(weekdays: Ints | Sequence[int], holidays: Bools | Sequence[bool], markets: Ints) -> Ints:
    """(n, D) the kind of each of D days for each of n bins.

    weekdays, holidays (D,)   0 for Monday; whether it is a public holiday
    markets (n,)              weekday of the market that a bin stands at, -1 for none; a holiday's market is not held
    """
    days, free = np.asarray(weekdays, np.int64), np.asarray(holidays, np.bool_)
    kinds = np.where(free, HOLIDAY, days)
    at_market = (markets[:, None] == days[None, :]) & ~free[None, :]
    found: Ints = np.where(at_market, MARKET, kinds[None, :])
    return found
