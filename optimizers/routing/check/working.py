"""What a crew may do: its rests, and driving and work by the rules it is under."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from optimizers.result import Violation
from optimizers.routing.check.rounds import CLOCK_S, Round
from optimizers.routing.problem import Act, Rest, Visit, WorkRules


class Doing(StrEnum):
    DRIVE = "drive"
    WORK = "work"  # serving, unloading
    WAIT = "wait"
    REST = "rest"


@dataclass(frozen=True, slots=True)
class Spell:
    """What is done from one instant to another."""

    doing: Doing
    start_s: float
    lasts_s: float


def rests(round_: Round) -> Iterator[Violation]:
    """Every rest that is due is begun in its window and taken whole, each in a pause of its own."""
    taken = [visit for visit in round_.route.visits if visit.act is Act.REST]
    due = [rest for rest in round_.vehicle.rests if _is_due(rest, round_)]
    if not due or _matched(due, taken):
        return
    for rest in due:
        if not any(_fits(rest, visit) for visit in taken):
            missing = rest.duration_s - max((_within_s(rest, visit) for visit in taken), default=0.0)
            detail = f"{rest.duration_s:g} s begun from {rest.earliest_s:g} s to {rest.latest_s:g} s"
            yield round_.broken("rest", max(missing, 0.0), "s", f"does not rest for {detail}")
            return
    yield round_.broken("rest", min(rest.duration_s for rest in due), "s", "two rests due are taken in one pause")


def longest_drive(round_: Round) -> Iterator[Violation]:
    """Driving without a break, or two in the order of the split, no longer than allowed: the worst is told."""
    if (rules := _rules(round_)) is None:
        return
    spent = round_.vehicle.spent
    since, parts, worst, at = spent.drive_since_s, spent.split_taken, 0.0, 0.0
    for stretch in stretches(round_):
        if isinstance(stretch, Spell):
            if stretch.doing is Doing.DRIVE:
                since += stretch.lasts_s
                if since > worst:
                    worst, at = since, stretch.start_s
            continue
        if stretch.lasts_s >= rules.drive_break_s - CLOCK_S:
            since, parts = 0.0, 0
        elif parts < len(rules.split_s) and stretch.lasts_s >= rules.split_s[parts] - CLOCK_S:
            parts += 1
            if parts == len(rules.split_s):
                since, parts = 0.0, 0
    if worst > rules.longest_drive_s + CLOCK_S:
        detail = f"{worst:g} s without a break at {at:g} s, rules {rules.id} want {rules.longest_drive_s:g} s at most"
        yield round_.broken("longest drive", worst - rules.longest_drive_s, "s", detail)


def most_drive(round_: Round) -> Iterator[Violation]:
    """Driving in the day no longer than allowed."""
    if (rules := _rules(round_)) is None:
        return
    driven = round_.vehicle.spent.drive_s + sum(spell.lasts_s for spell in spells(round_) if spell.doing is Doing.DRIVE)
    if (over := driven - rules.most_drive_s) > CLOCK_S:
        detail = f"{driven:g} s in the day, rules {rules.id} want {rules.most_drive_s:g} s at most"
        yield round_.broken("most drive", over, "s", detail)


def longest_work(round_: Round) -> Iterator[Violation]:
    """Driving, serving, unloading and waiting without a break no longer than allowed: the worst is told."""
    if (rules := _rules(round_)) is None:
        return
    since, worst, at = round_.vehicle.spent.work_since_s, 0.0, 0.0
    for stretch in stretches(round_):
        if isinstance(stretch, Pause) and _frees(stretch, rules):
            since = 0.0
            continue
        since += stretch.worked_s if isinstance(stretch, Pause) else stretch.lasts_s
        if since > worst:
            worst, at = since, stretch.start_s
    if worst > rules.longest_work_s + CLOCK_S:
        detail = f"{worst:g} s without a break at {at:g} s, rules {rules.id} want {rules.longest_work_s:g} s at most"
        yield round_.broken("longest work", worst - rules.longest_work_s, "s", detail)


def most_work(round_: Round) -> Iterator[Violation]:
    """Driving, serving, unloading and waiting in the day no longer than allowed."""
    if (rules := _rules(round_)) is None:
        return
    worked = round_.vehicle.spent.work_s
    for stretch in stretches(round_):
        if isinstance(stretch, Spell):
            worked += stretch.lasts_s
        elif not _frees(stretch, rules):
            worked += stretch.worked_s
    if (over := worked - rules.most_work_s) > CLOCK_S:
        detail = f"{worked:g} s in the day, rules {rules.id} want {rules.most_work_s:g} s at most"
        yield round_.broken("most work", over, "s", detail)


@dataclass(frozen=True, slots=True)
class Pause:
    """Waits and rests that follow each other without anything in between; `worked_s` of it are waits."""

    start_s: float
    lasts_s: float
    worked_s: float


def spells(round_: Round) -> Iterator[Spell]:
    """What the crew does, one thing after the other; what takes no time is left out."""
    before: Visit | None = None
    for visit in round_.route.visits:
        doing = {Act.STOP: Doing.WORK, Act.UNLOAD: Doing.WORK, Act.REST: Doing.REST}.get(visit.act, Doing.WAIT)
        if before is not None:
            yield from _spell(Doing.DRIVE, before.end_s, visit.arrive_s)
        yield from _spell(Doing.WAIT, visit.arrive_s, visit.begin_s)
        yield from _spell(doing, visit.begin_s, visit.end_s)
        before = visit


def stretches(round_: Round) -> Iterator[Spell | Pause]:
    """The spells, with waits and rests that follow each other put together."""
    idle: list[Spell] = []
    for spell in spells(round_):
        if spell.doing in (Doing.WAIT, Doing.REST):
            idle.append(spell)
            continue
        if idle:
            yield _pause(idle)
            idle = []
        yield spell
    if idle:
        yield _pause(idle)


def _pause(idle: list[Spell]) -> Pause:
    waited = sum(spell.lasts_s for spell in idle if spell.doing is Doing.WAIT)
    return Pause(idle[0].start_s, sum(spell.lasts_s for spell in idle), waited)


def _spell(doing: Doing, start_s: float, end_s: float) -> Iterator[Spell]:
    if end_s > start_s:
        yield Spell(doing, start_s, end_s - start_s)


def _frees(pause: Pause, rules: WorkRules) -> bool:
    """Whether a pause is a break from work: without a break among the rules, only rest is none."""
    return rules.work_break_s > 0 and pause.lasts_s >= rules.work_break_s - CLOCK_S


def _rules(round_: Round) -> WorkRules | None:
    return next((rules for rules in round_.problem.rules if rules.id == round_.vehicle.rules), None)


def _is_due(rest: Rest, round_: Round) -> bool:
    visits = round_.route.visits
    return visits[0].begin_s <= rest.earliest_s + CLOCK_S and visits[-1].end_s > rest.latest_s + CLOCK_S


def _within_s(rest: Rest, visit: Visit) -> float:
    """How long a pause that begins in the rest's window lasts."""
    inside = rest.earliest_s - CLOCK_S <= visit.begin_s <= rest.latest_s + CLOCK_S
    return visit.end_s - visit.begin_s if inside else 0.0


def _fits(rest: Rest, visit: Visit) -> bool:
    inside = rest.earliest_s - CLOCK_S <= visit.begin_s <= rest.latest_s + CLOCK_S
    return inside and visit.end_s - visit.begin_s >= rest.duration_s - CLOCK_S


def _matched(due: list[Rest], taken: list[Visit]) -> bool:
    """Whether each rest due finds a pause of its own."""
    if not due:
        return True
    first, *others = due
    return any(_fits(first, visit) and _matched(others, taken[:i] + taken[i + 1 :]) for i, visit in enumerate(taken))
