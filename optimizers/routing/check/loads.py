"""What a route carries, and how much of it, of stops, trips and metres a day allows."""

from collections.abc import Iterator

from optimizers.result import Violation
from optimizers.routing.check.rounds import Round
from optimizers.routing.problem import TOLERANCE, Act, Loads, Visit


def aboard(round_: Round) -> Iterator[Violation]:
    """The load told after each visit is the one there is: what is left at the end counts as carried to the end."""
    for visit, carried in carried_loads(round_):
        for name, found, wanted in zip(round_.problem.dimensions, visit.aboard, carried, strict=False):
            if (off := abs(found - wanted)) > _some(wanted):
                detail = f"{found:g} {name} told, {wanted:g} carried"
                yield round_.broken_at(visit, "aboard", off, _unit(name), detail)


def capacity(round_: Round) -> Iterator[Violation]:
    """Never more on board than the vehicle holds, in any dimension: its worst trip is told."""
    worst = Worst(round_.vehicle.capacity)
    for visit, carried in carried_loads(round_):
        worst.see(carried, f"after {visit.act} {visit.of}".rstrip())
    yield from worst.told(round_, "capacity")


def daily(round_: Round) -> Iterator[Violation]:
    """Over all trips of the day, with those before, no more than the vehicle may take."""
    total = list(_whole(round_.vehicle.spent.loads, round_))
    for _, stop in round_.stops():
        total = [have + load for have, load in zip(total, stop.load, strict=True)]
    worst = Worst(round_.vehicle.daily)
    worst.see(tuple(total), "over all trips")
    yield from worst.told(round_, "daily")


def counts(round_: Round) -> Iterator[Violation]:
    """No more stops and trips in the day than allowed."""
    vehicle = round_.vehicle
    stops = len(round_.route.stops) + vehicle.spent.stops
    if vehicle.most_stops is not None and stops > vehicle.most_stops:
        detail = f"{stops} stops, wants {vehicle.most_stops} at most"
        yield round_.broken("most stops", float(stops - vehicle.most_stops), "stops", detail)
    made = trips(round_) + vehicle.spent.trips
    if vehicle.most_trips is not None and made > vehicle.most_trips:
        detail = f"{made} trips, wants {vehicle.most_trips} at most"
        yield round_.broken("most trips", float(made - vehicle.most_trips), "trips", detail)


def reach(round_: Round) -> Iterator[Violation]:
    """No more metres in the day than battery or tank allow."""
    driven = sum(distance for *_, distance, _ in round_.legs()) + round_.vehicle.spent.distance_m
    if (over := driven - round_.vehicle.most_m) > _some(driven):
        yield round_.broken("range", over, "m", f"{driven:g} m, wants {round_.vehicle.most_m:g} m at most")


def empties(round_: Round) -> Iterator[Violation]:
    """A vehicle that has to be empty at the end is; where nothing is counted as load, nothing is aboard."""
    *_, (_, left) = carried_loads(round_)
    if round_.vehicle.empties and any(load > _some(load) for load in left):
        said = ", ".join(f"{load:g} {name}" for name, load in zip(round_.problem.dimensions, left, strict=True))
        yield round_.broken("empties", max(left), "1", f"ends with {said} aboard")


def trips(round_: Round) -> int:
    """Unloadings, and one more where a stop is served after the last of them."""
    unloadings = sum(1 for _ in round_.unloadings())
    after = round_.route.visits[_last_unloading(round_) :]
    return unloadings + any(visit.act is Act.STOP for visit in after)


def carried_loads(round_: Round) -> Iterator[tuple[Visit, Loads]]:
    """Each visit and what is aboard when it is over."""
    carried = _whole(round_.vehicle.aboard, round_)
    for visit in round_.route.visits:
        if visit.act is Act.STOP:
            load = round_.known.stops[visit.of].load
            carried = tuple(have + more for have, more in zip(carried, load, strict=True))
        elif visit.act is Act.UNLOAD:
            carried = (0.0,) * len(carried)
        yield visit, carried


class Worst:
    """By how much loads pass a limit at the worst, in each dimension."""

    def __init__(self, limit: Loads) -> None:
        self._limit = limit
        self._over = [0.0] * len(limit)
        self._where = [""] * len(limit)

    def see(self, loads: Loads, where: str) -> None:
        for i, (load, limit) in enumerate(zip(loads, self._limit, strict=False)):
            if load - limit > max(self._over[i], _some(limit)):
                self._over[i], self._where[i] = load - limit, f"{load:g} {where}, wants {limit:g} at most"

    def told(self, round_: Round, constraint: str) -> Iterator[Violation]:
        for name, over, where in zip(round_.problem.dimensions, self._over, self._where, strict=False):
            if over > 0:
                yield round_.broken(constraint, over, _unit(name), f"{name}: {where}")


def _last_unloading(round_: Round) -> int:
    """Index of the visit after the last unloading; 0 without one."""
    at = [i for i, visit in enumerate(round_.route.visits, 1) if visit.act is Act.UNLOAD]
    return at[-1] if at else 0


def _whole(loads: Loads, round_: Round) -> Loads:
    return loads or (0.0,) * len(round_.problem.dimensions)


def _some(amount: float) -> float:
    return TOLERANCE * max(1.0, abs(amount))


def _unit(dimension: str) -> str:
    """Of a dimension whose name ends in its unit, such as mass_kg."""
    return dimension.rpartition("_")[2] if "_" in dimension else "1"
