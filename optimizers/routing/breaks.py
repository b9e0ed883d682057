"""Which breaks of its work rules a crew may want before it drives on: see `breaks`."""

from collections.abc import Iterator, Sequence
from math import isfinite
from typing import NamedTuple

from optimizers.routing.problem import WorkRules


class Ahead(NamedTuple):
    """What is ahead of a vehicle, in seconds: the next drive with what follows it, and all of them.

    opens_s   when what the next drive leads to opens first; -inf for always
    open      nothing ahead has windows, so that nothing ahead can wait
    """

    drive_s: float
    work_s: float
    drives_s: float
    works_s: float
    opens_s: float
    open: bool


def ahead_of(drives: Sequence[float], lasts: Sequence[float], opens: Sequence[float]) -> list[Ahead]:
    """Of each drive of a tour, what is ahead before it; `opens`: when what it leads to opens first, -inf for always."""
    answer: list[Ahead] = []
    drives_s = works_s = 0.0
    free = True
    for drive_s, lasts_s, opens_s in zip(reversed(drives), reversed(lasts), reversed(opens), strict=True):
        drives_s += drive_s
        works_s += drive_s + lasts_s
        free = free and not isfinite(opens_s)
        answer.append(Ahead(drive_s, drive_s + lasts_s, drives_s, works_s, opens_s, free))
    return answer[::-1]


def breaks(rules: WorkRules, at_s: float, drive_s: float, work_s: float, parts: int, ahead: Ahead) -> Iterator[float]:
    """Lengths of breaks that may be wanted, of a crew that has driven and worked so long since its last one.

    One that is not needed before the end is none, nor is one in the first half of what is allowed without, a quarter
    for parts of a split one, unless the next drive leaves no choice or a wait is coming. So the search for breaks is
    short, and not exhaustive.
    """
    idle = at_s + ahead.drive_s < ahead.opens_s
    longest_s = rules.longest_drive_s
    if isfinite(longest_s) and drive_s > 0 and not (ahead.open and drive_s + ahead.drives_s <= longest_s):
        forced = idle or drive_s + ahead.drive_s > longest_s
        if forced or drive_s >= longest_s / 2:
            yield rules.drive_break_s
        if parts < len(rules.split_s) and (forced or drive_s >= longest_s / 4):
            yield rules.split_s[parts]
    longest_s = rules.longest_work_s
    due = idle or work_s + ahead.work_s > longest_s or work_s >= longest_s / 2
    if due and isfinite(longest_s) and work_s > 0 and not (ahead.open and work_s + ahead.works_s <= longest_s):
        yield rules.work_break_s
