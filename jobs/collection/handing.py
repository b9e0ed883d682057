"""From the body of a day's plan to the rounds that people and tablets get."""

from collections.abc import Iterator

from engine.rounds import Doing, Line, Round
from jobs.collection.body import Body, Numbered, open_body
from jobs.collection.day import named
from optimizers.routing import Act


def rounds_of(block: bytes, version: str) -> tuple[Round, ...]:
    """One for each truck of the fleet, in its order; one without lines for a truck that stays in."""
    found = open_body(block)
    return tuple(_round(found, truck, version) for truck in found.head["fleet"])


def _round(found: Body, truck: str, version: str) -> Round:
    lines = tuple(_lines(found, truck)) if truck in found.days else ()
    kinds = {found.head["fractions"][found.place_of[line.asset]] for line in lines if line.asset in found.place_of}
    return Round(
        vehicle=truck,
        day=named(found.start),
        plan=version,
        fractions=tuple(sorted(kinds)),
        approximate=found.head["approximate"],
        lines=lines,
    )


def _lines(found: Body, truck: str) -> Iterator[Line]:
    before = 0.0
    for one, (distance_m, drive_s) in zip(found.days[truck], found.legs(truck), strict=True):
        yield _line(found, one, distance_m, drive_s, before)
        before = one.visit.aboard[0] if one.visit.aboard else 0.0


def _line(found: Body, one: Numbered, distance_m: float, drive_s: float, before_kg: float) -> Line:
    visit = one.visit
    place = found.problem.places[visit.place]
    _, _, address = found.head["spots"].get(visit.of or place.id, (0.0, 0.0, ""))
    fill, mass_kg = (None, None) if visit.act is not Act.STOP else found.expected(visit.of)
    return Line(
        doing=Doing(visit.act.value),
        number=one.number,
        asset=visit.of,
        place=address,
        lon=place.x,
        lat=place.y,
        arrive_at=found.instant(visit.arrive_s),
        begin_at=found.instant(visit.begin_s),
        end_at=found.instant(visit.end_s),
        drive_s=drive_s,
        distance_m=distance_m,
        fill=fill,
        mass_kg=before_kg if visit.act is Act.UNLOAD else mass_kg,
    )
