"""What is asked of PyVRP, which knows less than our problem: see `Ask`."""

from dataclasses import dataclass

from optimizers.arrays import Bools
from optimizers.routing.problem import RoutingProblem, Vehicle
from optimizers.routing.tours import sites_of


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What is asked of PyVRP.

    holders       (vehicles, stops): who may serve what
    stops         those that take part
    prized        required stops may be left out at a price above all others
    vehicles      as PyVRP is to see them: shorter shifts, fewer trips
    pauses        when and for how long everybody stops, in order; PyVRP's clock stands still meanwhile
    daily         caps over trips stand in place of distances, which drives' durations then pay for
    """

    holders: Bools
    stops: tuple[int, ...]
    vehicles: tuple[Vehicle, ...]
    prized: bool = False
    pauses: tuple[tuple[float, float], ...] = ()
    daily: bool = False

    def compressed(self, at_s: float) -> float:
        """An instant on the clock that stands still while everybody pauses."""
        passed_s = 0.0
        for stops_s, lasts_s in self.pauses:
            if at_s < stops_s + lasts_s:
                return min(at_s, stops_s) - passed_s
            passed_s += lasts_s
        return at_s - passed_s


def single(problem: RoutingProblem, vehicle: Vehicle) -> bool:
    """Whether a vehicle makes one trip at most."""
    one = vehicle.most_trips is not None and vehicle.most_trips - vehicle.spent.trips <= 1
    return one or not sites_of(problem, vehicle)
