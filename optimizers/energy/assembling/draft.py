"""What all parts of an energy model share while it is put together: the sites' balances, and what may give way."""

from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Floats, Ints
from optimizers.energy.contract import NONE
from optimizers.energy.linear import Builder, Value
from optimizers.energy.problem import EnergyProblem
from optimizers.energy.wanted import Wanted

K = 1e-3
"""W and Wh to the kW and kWh of the model."""


@dataclass(frozen=True, slots=True)
class Lack:
    """Columns (k, m) by which k objects of a kind may fall short of what is wanted, and the hours each counts for."""

    wanted: Wanted
    kind: str
    names: tuple[str, ...]
    columns: Ints
    hours: Floats


class Draft(Builder):
    """A model that grows by the parts of a problem.

    `soft`: what is wanted before cost may give way, and how far is a column. Else it holds as if it were physics: the
    same plan where everything can be reached, for a fraction of the time.
    """

    def __init__(self, problem: EnergyProblem, *, soft: bool) -> None:
        super().__init__()
        self.problem, self.soft = problem, soft
        self.hours = problem.horizon.hours
        self.lacks: list[Lack] = []
        n, slots = problem.shape
        base = problem.sites.base_w * K
        self.balance = self.rows("balance", problem.sites.names, slots, lower=base, upper=base)
        self.own = np.full((n, slots), NONE)
        if problem.batteries is not None:
            self._own(problem.batteries.site[~problem.batteries.to_grid], base)

    def _own(self, sites: Ints, base: Floats) -> None:
        """Rows of sites that keep some of their batteries' energy to themselves: given - drawn <= base."""
        held = np.unique(sites)
        names = tuple(self.problem.sites.names[i] for i in held.tolist())
        self.own[held] = self.rows("own draw", names, self.hours.size, upper=base[held])

    def draw(self, site: Ints, columns: Ints, kw: Value = 1.0) -> None:
        """Columns (k, T), each unit of which draws so many kW from the sites (k,)."""
        for rows in (self.balance, self.own):
            self.put(rows[site], columns, -np.asarray(kw, np.float64))

    def give(self, site: Ints, columns: Ints) -> None:
        """Columns (k, T) of kW that feed the sites (k,)."""
        self.put(self.balance[site], columns)

    def lack(self, wanted: Wanted, kind: str, names: tuple[str, ...], hours: Floats) -> Ints:
        """Columns (names, m) by which something falls short, each for so many hours (m,); NONE where nothing may."""
        if not self.soft:
            return np.full((len(names), hours.size), NONE)
        columns = self.columns(f"lack of {wanted.value}", names, hours.size)
        self.lacks.append(Lack(wanted, kind, names, columns, hours))
        return columns


def chosen(names: tuple[str, ...], indices: Ints) -> tuple[str, ...]:
    return tuple(names[i] for i in indices.tolist())
