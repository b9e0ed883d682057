"""The `schedule` of a rule, as a condition."""

from collections.abc import Callable, Iterable

from engine.errors import Problem
from engine.rulebook.almanac import Atom, PublicHoliday, SchoolHoliday
from engine.rulebook.calls import dates, hours, sun_between, weekdays
from engine.rulebook.definitions import ScheduleEntry
from engine.rulebook.drafts import Draft
from engine.rulebook.language import And, Calendar, Not, Or, Truth


def at_work(draft: Draft, entry: ScheduleEntry, problems: list[Problem]) -> Truth:
    """When a rule is at work: every key of its schedule holds. What cannot be read is added to `problems`."""

    def atoms(key: str, texts: Iterable[str], read: Callable[[str], Atom]) -> Truth | None:
        found: list[Truth] = []
        for number, text in enumerate(texts):
            try:
                found.append(Calendar(read(text)))
            except (ValueError, OverflowError) as error:
                what = f"{text}: {error}"
                problems.append(draft.problem(("schedule", key, number), what, "see docs/rules.md", "argument"))
        return _either(found)

    sun = entry.sun
    holidays: tuple[tuple[str | None, Atom], ...] = (
        (entry.public_holidays, PublicHoliday()),
        (entry.school_holidays, SchoolHoliday()),
    )
    parts = [
        atoms("hours", entry.hours, hours),
        atoms("dates", entry.dates, dates),
        Calendar(weekdays(list(entry.weekdays))) if entry.weekdays else None,
        *(Calendar(atom) if said == "only" else Not(Calendar(atom)) for said, atom in holidays if said),
        atoms("sun", (f"{sun.since} to {sun.until}",), lambda _: sun_between(sun.since, sun.until)) if sun else None,
    ]
    return And(tuple(part for part in parts if part is not None))


def _either(atoms: list[Truth]) -> Truth | None:
    if not atoms:
        return None
    return atoms[0] if len(atoms) == 1 else Or(tuple(atoms))
