"""The real clock of a route: drives, waits, services, windows, queues, opening hours, the shift."""

from collections.abc import Iterator, Sequence
from math import inf, isinf

from optimizers.result import Violation
from optimizers.routing.check.rounds import CLOCK_S, Round
from optimizers.routing.problem import Act, Site, Visit, Window


def places(round_: Round) -> Iterator[Violation]:
    """Every visit is where its stop or site is, a rest where the vehicle stands, start and end where they belong."""
    names, before = round_.problem.places, round_.vehicle.start
    for visit in round_.route.visits:
        if visit.place != (wanted := _belongs(round_, visit, before)):
            detail = f"at {names[visit.place].id!r}, wants {names[wanted].id!r}"
            yield round_.broken_at(visit, "place", 1.0, "1", detail)
        before = visit.place


def _belongs(round_: Round, visit: Visit, before: int) -> int:
    """The place where a visit should be, after one at place `before`."""
    if visit.act is Act.STOP:
        return round_.known.stops[visit.of].place
    if visit.act is Act.UNLOAD:
        return round_.known.sites[visit.of].place
    end = round_.vehicle.end
    return before if visit.act is not Act.END or end is None else end


def drives(round_: Round) -> Iterator[Violation]:
    """A drive takes the matrix's time, from the end of the visit before; there is a way."""
    names = round_.problem.places
    for before, after, distance_m, drive_s in round_.legs():
        way = f"from {names[before.place].id!r} to {names[after.place].id!r}"
        if isinf(drive_s) or isinf(distance_m):
            yield round_.broken_at(after, "no way", 1.0, "1", way)
        elif abs(off := after.arrive_s - before.end_s - drive_s) > CLOCK_S:
            detail = f"{way} takes {drive_s:g} s, left at {before.end_s:g} s, arrives at {after.arrive_s:g} s"
            yield round_.broken_at(after, "drive", abs(off), "s", detail)


def waits(round_: Round) -> Iterator[Violation]:
    """Nothing begins before the vehicle is there, and a round begins when it leaves."""
    for visit in round_.route.visits:
        early = visit.arrive_s - visit.begin_s
        if (abs(early) if visit.act is Act.START else early) > CLOCK_S:
            detail = f"begins at {visit.begin_s:g} s, arrives at {visit.arrive_s:g} s"
            yield round_.broken_at(visit, "arrival", abs(early), "s", detail)


def services(round_: Round) -> Iterator[Violation]:
    """Serving and unloading take what the problem says, start and end no time; a rest is no shorter than nothing."""
    for visit in round_.route.visits:
        lasts = visit.end_s - visit.begin_s
        wanted = _lasts_s(round_, visit)
        off = -lasts if wanted is None else abs(lasts - wanted)
        if off > CLOCK_S:
            detail = f"lasts {lasts:.9g} s, wants {wanted or 0.0:g} s" + " at least" * (wanted is None)
            yield round_.broken_at(visit, "service", off, "s", detail)


def _lasts_s(round_: Round, visit: Visit) -> float | None:
    if visit.act is Act.STOP:
        return round_.known.stops[visit.of].service_s
    if visit.act is Act.UNLOAD:
        return round_.known.sites[visit.of].unload_s
    return None if visit.act is Act.REST else 0.0


def windows(round_: Round) -> Iterator[Violation]:
    """Service begins in a window of its stop."""
    for visit, stop in round_.stops():
        if (off := outside(visit.begin_s, stop.windows)) > CLOCK_S:
            detail = f"begins at {visit.begin_s:g} s, its windows are {told(stop.windows)}"
            yield round_.broken_at(visit, "window", off, "s", detail)


def hours(round_: Round) -> Iterator[Violation]:
    """Unloading begins while the site is open."""
    for visit, site in round_.unloadings():
        if (off := outside(visit.begin_s, site.windows)) > CLOCK_S:
            detail = f"begins at {visit.begin_s:g} s, open {told(site.windows)}"
            yield round_.broken_at(visit, "site hours", off, "s", detail)


def queues(round_: Round) -> Iterator[Violation]:
    """Unloading begins no sooner than the queue of its arrival lets it; between two windows the shorter one counts."""
    for visit, site in round_.unloadings():
        if (early := queue_s(site, visit.arrive_s) - (visit.begin_s - visit.arrive_s)) > CLOCK_S:
            detail = f"arrives at {visit.arrive_s:g} s, begins at {visit.begin_s:g} s, the queue takes {early:g} s more"
            yield round_.broken_at(visit, "queue", early, "s", detail)


def shift(round_: Round) -> Iterator[Violation]:
    """The vehicle leaves no earlier than its shift begins, one that is out already no later, and is back in time."""
    (opens, closes), visits = round_.vehicle.shift, round_.route.visits
    if (early := opens - visits[0].begin_s) > CLOCK_S:
        yield round_.broken("shift", early, "s", f"leaves at {visits[0].begin_s:g} s, the shift begins at {opens:g} s")
    if round_.vehicle.out and (late := visits[0].begin_s - opens) > CLOCK_S:
        yield round_.broken("shift", late, "s", f"is out already, and goes on only at {visits[0].begin_s:g} s")
    if (late := visits[-1].end_s - closes) > CLOCK_S:
        yield round_.broken("shift", late, "s", f"is back at {visits[-1].end_s:g} s, the shift ends at {closes:g} s")


def longest(round_: Round) -> Iterator[Violation]:
    """From start to end, with what was spent before, no longer than allowed with overtime."""
    vehicle = round_.vehicle
    lasts = round_.route.duration_s + vehicle.spent.duration_s
    if (over := lasts - vehicle.longest_s - vehicle.overtime_s) > CLOCK_S:
        detail = f"out for {lasts:g} s, wants {vehicle.longest_s:g} s and {vehicle.overtime_s:g} s of overtime at most"
        yield round_.broken("longest", over, "s", detail)


def outside(at_s: float, allowed: Sequence[Window]) -> float:
    """By how many seconds an instant misses the nearest of some windows; 0 where there are none."""
    return min((max(start - at_s, at_s - end, 0.0) for start, end in allowed), default=0.0)


def queue_s(site: Site, arrive_s: float) -> float:
    """The least wait of an arrival among the windows that it lies in; 0 where it lies in none."""
    waits_s = [wait for (start, end), wait in site.queue if start - CLOCK_S <= arrive_s <= end + CLOCK_S]
    return min(waits_s, default=0.0)


def told(allowed: Sequence[Window]) -> str:
    """Windows for people."""
    return ", ".join(f"{start:g}-{'…' if end == inf else f'{end:g}'} s" for start, end in allowed) or "always"
