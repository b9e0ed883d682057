"""From routes, in seconds and indices of places, to rounds, in instants and degrees."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise

from engine.rounds import Doing, Line, Round
from optimizers.routing import Act, Matrices, Place, Route, Visit

_DOING = {act: Doing(act.value) for act in Act}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a round says beside where and when.

    place      of an asset, as people know it
    fill       expected of a container when it is emptied (0…1)
    mass_kg    expected of it
    """

    place: Mapping[str, str] = field(default_factory=dict)
    fill: Mapping[str, float] = field(default_factory=dict)
    mass_kg: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Day:
    """What all rounds of a plan share. Seconds of visits count from `start_at`."""

    start_at: datetime
    date: date
    plan: str
    places: Sequence[Place]
    matrices: Matrices


def visits_of_day(done: Sequence[Visit], route: Route | None) -> tuple[Visit, ...]:
    """What a vehicle did before its plan was made again, and what it goes on with: one START, stops in their order.

    A stop's number is its place among these, from 1.
    """
    rest = route.visits if route is not None else ()
    return (*done, *rest[1:]) if done else tuple(rest)


def made_round(
    vehicle: str, visits: Sequence[Visit], day: Day, told: Told, *, fractions: Sequence[str] = (), profile: int = 0
) -> Round:  # fmt: skip
    """A vehicle's round of a day, from what it does in it."""
    return Round(
        vehicle=vehicle,
        day=day.date,
        plan=day.plan,
        fractions=tuple(fractions),
        approximate=day.matrices.approximate,
        lines=tuple(_lines(visits, day, told, profile)),
    )


def _lines(visits: Sequence[Visit], day: Day, told: Told, profile: int) -> Iterator[Line]:
    number = 0
    for before, visit in pairwise((None, *visits)):
        assert visit is not None  # noqa: S101 - only the one before the first is
        number += visit.act is Act.STOP
        place, leg = day.places[visit.place], (profile, before.place if before else visit.place, visit.place)
        asset = visit.of or (place.id if visit.act in {Act.START, Act.END} else "")
        yield Line(
            doing=_DOING[visit.act],
            number=number if visit.act is Act.STOP else 0,
            asset=asset,
            place=told.place.get(asset, ""),
            lon=place.x,
            lat=place.y,
            arrive_at=_at(day, visit.arrive_s),
            begin_at=_at(day, visit.begin_s),
            end_at=_at(day, visit.end_s),
            drive_s=float(day.matrices.duration_s[leg]),
            distance_m=float(day.matrices.distance_m[leg]),
            fill=told.fill.get(asset) if visit.act is Act.STOP else None,
            mass_kg=_mass(before, visit, told),
        )


def _mass(before: Visit | None, visit: Visit, told: Told) -> float | None:
    if visit.act is Act.UNLOAD and before is not None and before.aboard:
        return before.aboard[0]
    return told.mass_kg.get(visit.of) if visit.act is Act.STOP else None


def _at(day: Day, seconds: float) -> datetime:
    return day.start_at + timedelta(seconds=round(seconds))
