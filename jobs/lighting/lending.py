"""Traffic for streets that no working counter counts: it is borrowed from counters of their road class."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from jobs.lighting.fleet import Fleet
from optimizers.arrays import Bools, Floats, Ints

Number = TypeVar("Number", np.int64, np.float64)


@dataclass(frozen=True, slots=True)
class Loan:
    """What streets of one counter (an index, -1 for none) live by: the counter itself in hours that it tells of, else
    the busiest of its `lenders`.
    """

    own: int
    lenders: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Places:
    """Where traffic is told: at each of C counters, and behind them one place for each loan.

    row (n,)  the place of each lamp, -1 for none
    """

    loans: tuple[Loan, ...]
    row: Ints

    def spread(self, share: Floats) -> Floats:
        """(R, T) of what (C, T) counters tell as shares of capacity."""
        rows = [share]
        for loan in self.loans:
            busiest = np.fmax.reduce(share[list(loan.lenders)], axis=0)
            own = share[loan.own] if loan.own >= 0 else np.full_like(busiest, np.nan)
            rows.append(np.where(np.isnan(own), busiest, own)[None])
        return np.vstack(rows)

    def least(self, column: npt.NDArray[Number]) -> npt.NDArray[Number]:
        """(R, …) of what (C, …) counters have: of a loan, the least that its lenders have."""
        return np.concatenate([column, *(column[list(loan.lenders)].min(axis=0, keepdims=True) for loan in self.loans)])


def places_of(fleet: Fleet, works: Bools, lenders: int) -> Places:
    """A lamp lives by its own counter if that works (C,); else by the `lenders` nearest ones that do, of the road
    class of its counter or, where it has none, of its street. The lamps of a street live by one and the same.
    """
    roads = fleet.roads
    row = np.where(np.append(works, False)[fleet.counter], fleet.counter, -1)
    loans: dict[Loan, int] = {}
    of_street: dict[tuple[int, int], int] = {}
    for i in np.flatnonzero(row < 0).tolist():
        own = int(fleet.counter[i])
        street = own, int(roads.street[i])
        if street not in of_street:
            road = roads.counter_class[own] if own >= 0 else roads.road_class[i]
            fit = np.flatnonzero(works & (roads.counter_class == road))
            far = np.hypot(*(roads.counter_place[fit] - roads.place[i]).T)
            chosen = tuple(sorted(fit[np.argsort(far, kind="stable")][:lenders].tolist()))
            place = len(works) + loans.setdefault(Loan(own, chosen), len(loans)) if chosen else -1
            of_street[street] = place
        row[i] = of_street[street]
    return Places(tuple(loans), row)
