"""The model of an energy problem: assembled from its parts, each by functions of its own, without a loop over slots."""

from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Floats
from optimizers.energy.assembling.contracts import add_groups, add_meters
from optimizers.energy.assembling.draft import Draft, Lack
from optimizers.energy.assembling.layout import Layout
from optimizers.energy.assembling.loads import add_sheddable, add_solar
from optimizers.energy.assembling.stores import add_batteries, add_sunlight, add_vehicles
from optimizers.energy.assembling.switching import add_loads
from optimizers.energy.assembling.thermal import add_thermal
from optimizers.energy.assembling.wasting import Wasteful, wasteful
from optimizers.energy.assembling.whole import add_whole
from optimizers.energy.linear import Linear
from optimizers.energy.problem import EnergyProblem

__all__ = ["Assembled", "Layout", "assemble"]


@dataclass(frozen=True, slots=True, eq=False)
class Assembled:
    """A model whose objective is the cost, where its parts stand in it, and what may give way."""

    linear: Linear
    layout: Layout
    lacks: tuple[Lack, ...]

    def shortfall(self, *, safety: bool) -> Floats:
        """(columns,) what each unit of a column adds to the shortfall of safety, else to that of comfort."""
        weight = np.zeros(self.linear.cost.size)
        for lack in self.lacks:
            if lack.wanted.safety == safety:
                weight[lack.columns] = lack.hours
        return weight


def assemble(problem: EnergyProblem, *, soft: bool = False, waste: Wasteful | None = None) -> Assembled:
    """`soft`: what is wanted before cost may give way; else no plan falls short of it, and there may be none.

    `waste`: where energy is worth wasting, of a site whose neighbours are not in the problem.
    """
    draft = Draft(problem, soft=soft)
    meters = add_meters(draft)
    solar = add_solar(draft)
    batteries = add_batteries(draft)
    add_sunlight(draft, solar, batteries)
    vehicles = add_vehicles(draft)
    rooms = add_thermal(draft, "room", problem.rooms)
    tanks = add_thermal(draft, "tank", problem.tanks)
    given = add_sheddable(draft)
    add_groups(draft, meters)
    on = add_loads(draft)
    waste = wasteful(problem) if waste is None else waste
    add_whole(draft, waste, meters, batteries, vehicles, rooms, tanks)
    layout = Layout(meters, solar, batteries, vehicles, rooms, tanks, on, given)
    return Assembled(draft.linear(), layout, tuple(draft.lacks))
