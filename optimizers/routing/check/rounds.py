"""A route beside what it speaks of, so that each constraint can be read as its definition says it."""

from collections.abc import Iterator
from dataclasses import dataclass

from optimizers.result import Violation
from optimizers.routing.problem import TOLERANCE as CLOCK_S
from optimizers.routing.problem import Act, Route, RoutingPlan, RoutingProblem, Site, Stop, Vehicle, Visit


@dataclass(frozen=True, slots=True)
class Known:
    """What a problem names, by its ids."""

    problem: RoutingProblem
    stops: dict[str, Stop]
    sites: dict[str, Site]
    vehicles: dict[str, Vehicle]

    @staticmethod
    def of(problem: RoutingProblem) -> "Known":
        return Known(
            problem,
            {stop.id: stop for stop in problem.stops},
            {site.id: site for site in problem.sites},
            {vehicle.id: vehicle for vehicle in problem.vehicles},
        )


@dataclass(frozen=True, slots=True)
class Round:
    """One route, its vehicle, and what the problem says of each of its visits."""

    known: Known
    vehicle: Vehicle
    route: Route

    @property
    def problem(self) -> RoutingProblem:
        return self.known.problem

    def stops(self) -> Iterator[tuple[Visit, Stop]]:
        """Its visits of stops, in their order."""
        for visit in self.route.visits:
            if visit.act is Act.STOP:
                yield visit, self.known.stops[visit.of]

    def unloadings(self) -> Iterator[tuple[Visit, Site]]:
        """Its visits of sites, in their order."""
        for visit in self.route.visits:
            if visit.act is Act.UNLOAD:
                yield visit, self.known.sites[visit.of]

    def legs(self) -> Iterator[tuple[Visit, Visit, float, float]]:
        """From each visit to the next one: both, the metres and the seconds that the matrices tell."""
        matrices, p = self.problem.matrices, self.vehicle.profile
        for before, after in zip(self.route.visits, self.route.visits[1:], strict=False):
            a, b = before.place, after.place
            yield before, after, float(matrices.distance_m[p, a, b]), float(matrices.duration_s[p, a, b])

    def broken(self, constraint: str, amount: float, unit: str, detail: str) -> Violation:
        """A constraint of the vehicle."""
        return Violation(constraint, self.vehicle.id, amount, unit, detail)

    def broken_at(self, visit: Visit, constraint: str, amount: float, unit: str, detail: str) -> Violation:
        """A constraint of one visit: of its stop; of its vehicle, where it is none of a stop."""
        if visit.act is Act.STOP:
            return Violation(constraint, visit.of, amount, unit, f"vehicle {self.vehicle.id}: {detail}")
        what = f"{visit.act} {visit.of}".strip()
        return Violation(constraint, self.vehicle.id, amount, unit, f"{what}: {detail}")


def rounds(known: Known, plan: RoutingPlan) -> Iterator[Round]:
    """Every route of a plan whose vehicles the problem knows."""
    for route in plan.routes:
        yield Round(known, known.vehicles[route.vehicle], route)


__all__ = ["CLOCK_S", "Known", "Round", "rounds"]
