"""Which crew drives which round on which day: the problem and its plan, plain frozen values."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf, isfinite

from optimizers.result import InvalidProblem, Plan

EUR = "EUR"
REST_S = 11 * 3_600.0
"""Between the last round of a day and the first of the next: article L3131-1 of the French labour code."""

CLOCK_S = 1e-6
"""By which an instant or a sum of hours may miss: what adding up floats leaves."""

Span = tuple[float, float]
"""From when to when, in seconds since the start of the horizon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Work for one crew at one stretch.

    spans      when it may be done, from its beginning to its end, one of them: of several days, which
    skills     the crew has them all
    quarter    that it is in; '' for none
    vehicle    that it takes, one round at a time; '' for none
    required   to be done wherever possible; else it is left out where it costs more than `worth`
    worth      in the problem's unit, what leaving it out costs; of a required one it is no part of the objective
    """

    id: str
    spans: tuple[Span, ...]
    skills: tuple[str, ...] = ()
    quarter: str = ""
    vehicle: str = ""
    required: bool = True
    worth: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a crew would rather not do: `cost`, in the problem's unit, of each round that is all that is named."""

    cost: float
    quarter: str = ""
    vehicle: str = ""
    begins: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """People who work together.

    there       a round lies within one of these spans
    most_s      of work over the horizon, a week for instance; most_day_s of one day
    rest_s      between a round and the next one of another day
    quarters    that it knows
    """

    id: str
    there: tuple[Span, ...]
    skills: tuple[str, ...] = ()
    most_s: float = inf
    most_day_s: float = inf
    rest_s: float = REST_S
    quarters: tuple[str, ...] = ()
    wishes: tuple[Wish, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CrewWeights:
    """What is wanted beside cover, in the problem's unit.

    stranger       for each round in a quarter that its crew does not know
    change         for each crew beyond the first in one quarter over the horizon: continuity
    uneven_per_h   for each hour that a crew works beyond its fair share: of the work of all rounds, at the shortest of
                   their spans, as its `most_s` is of that of all crews; each as much where one has no bound
    """

    stranger: float = 0.0
    change: float = 0.0
    uneven_per_h: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class CrewProblem:
    """Least is wanted, in `unit`, of worth of rounds left out + wishes + what `weights` ask for. Required rounds that
    no crew can take are left out with a reason: the plan is then a best effort, and each is a violation.

    `day_starts_s`: where days begin, in order; a round is of the day in which it begins. Seconds are those that pass,
    so that a day on which clocks change has 23 or 25 hours of them.

    Raises InvalidProblem with everything that is wrong.
    """

    rounds: tuple[Round, ...]
    crews: tuple[Crew, ...]
    day_starts_s: tuple[float, ...] = (0.0,)
    weights: CrewWeights = field(default_factory=CrewWeights)
    unit: str = EUR

    def __post_init__(self) -> None:
        if problems := list(_problems(self)):
            raise InvalidProblem(problems)

    def day(self, at_s: float) -> int:
        return bisect_right(self.day_starts_s, at_s + CLOCK_S) - 1

    def fair_s(self) -> dict[str, float]:
        """By crew, its share of all work: see `CrewWeights`."""
        work_s = sum(min((end - start for start, end in one.spans), default=0.0) for one in self.rounds)
        bounded = all(isfinite(crew.most_s) for crew in self.crews) and sum(crew.most_s for crew in self.crews) > 0
        total = sum(crew.most_s for crew in self.crews) if bounded else float(len(self.crews))
        return {crew.id: work_s * (crew.most_s if bounded else 1.0) / total for crew in self.crews}


class Why(StrEnum):
    """Why a round has no crew: the first of these that explains it."""

    SKILL = "skill"  # no crew has what it takes
    AWAY = "away"  # those that have are not there for the whole of it
    HOURS = "hours"  # it alone is longer than they may work
    WORTH = "worth"  # a crew could take it, for more than it is worth
    FULL = "full"  # beside the other rounds nobody, or no vehicle, has the time


@dataclass(frozen=True, slots=True)
class Driven:
    """A round with its crew, and the span that it has of those it might have."""

    round: str
    crew: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Uncovered:
    round: str
    why: Why
    detail: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class CrewPlan(Plan):
    """Every round, in the problem's order, either driven or not."""

    driven: tuple[Driven, ...]
    uncovered: tuple[Uncovered, ...] = ()
    unit: str = EUR


def _problems(problem: CrewProblem) -> Iterator[str]:
    yield from _twice("round", [one.id for one in problem.rounds])
    yield from _twice("crew", [one.id for one in problem.crews])
    starts = problem.day_starts_s
    if list(starts) != sorted(set(starts)) or not all(map(isfinite, starts)) or not starts:
        yield f"day_starts_s are {list(starts)}, want one instant at least, each after the one before"
    for one in problem.rounds:
        where = f"round {one.id!r}"
        yield from _spans(where, "spans", one.spans)
        yield from _amount(where, "worth", one.worth)
        if not one.spans:
            yield f"{where}: has no spans, wants one at least, in which it may be done"
    for crew in problem.crews:
        where = f"crew {crew.id!r}"
        yield from _spans(where, "there", crew.there)
        for name in ("most_s", "most_day_s", "rest_s"):
            if not getattr(crew, name) >= 0:
                yield f"{where}: {name} is {getattr(crew, name)}, wants 0 or more"
        for wish in crew.wishes:
            yield from _amount(where, "cost of a wish", wish.cost)
    for name in ("stranger", "change", "uneven_per_h"):
        yield from _amount("weights", name, getattr(problem.weights, name))


def _twice(kind: str, names: list[str]) -> Iterator[str]:
    for name, times in Counter(names).items():
        if times > 1:
            yield f"{kind} {name!r} stands {times} times, wants once"


def _spans(where: str, name: str, spans: tuple[Span, ...]) -> Iterator[str]:
    for start, end in spans:
        if not (isfinite(start) and isfinite(end) and start < end):
            yield f"{where}: {name} has one from {start:g} s to {end:g} s, wants one that ends after it begins"


def _amount(where: str, name: str, value: float) -> Iterator[str]:
    if not 0 <= value <= 1e6:
        yield f"{where}: {name} is {value}, wants 0 to 1e6"
