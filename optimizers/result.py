"""What every optimiser says of its outcome, in one set of words."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.metadata import PackageNotFoundError, version


class Status(StrEnum):
    """How a solve ended. Only OPTIMAL claims that nothing better exists."""

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"
    BEST_EFFORT = "best_effort"  # some constraint had to give way: it is among the violations
    INFEASIBLE = "infeasible"
    TIME_LIMIT = "time_limit"


class InvalidProblem(ValueError):
    """A problem that contradicts itself or physics. `problems` holds everything found wrong, in order."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))

    def __reduce__(self) -> tuple[type["InvalidProblem"], tuple[tuple[str, ...]]]:
        return type(self), (self.problems,)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a solve may spend: wall seconds; `work` in the solver's own unit (sweeps, nodes), None for no bound;
    the relative gap, 0…1, at which it may stop; threads; the seed of whatever is random in it.
    """

    seconds: float = 60.0
    work: int | None = None
    gap: float = 0.0
    threads: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        wrong = [
            (not self.seconds > 0, f"seconds is {self.seconds}, wants more than 0"),
            (self.work is not None and self.work < 1, f"work is {self.work}, wants at least 1"),
            (not 0 <= self.gap <= 1, f"gap is {self.gap}, wants a fraction 0 to 1"),
            (self.threads < 1, f"threads is {self.threads}, wants at least 1"),
            (self.seed < 0, f"seed is {self.seed}, wants 0 or more"),
        ]
        if problems := [text for bad, text in wrong if bad]:
            raise InvalidProblem(problems)


@dataclass(frozen=True, slots=True)
class Violation:
    """A constraint that a plan breaks: its name, whose it is, by how much at the worst, where and why."""

    constraint: str
    object: str
    amount: float
    unit: str
    detail: str = ""

    def __str__(self) -> str:
        unit = "" if self.unit == "1" else f" {self.unit}"
        return f"{self.constraint} of {self.object} by {self.amount:.6g}{unit}" + (
            f": {self.detail}" * bool(self.detail)
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """What every plan carries. `bound` is proved: no feasible plan has an objective below it.

    `seconds` is wall time, a measure of the run and no part of the result. `reasons` tell what was left out and why.
    `reproducible`: it ended by gap, work or proof, so that the same problem and limits give the same plan to the byte;
    false where the clock cut it short.
    """

    status: Status
    objective: float
    bound: float
    seconds: float
    seed: int
    solver: str
    version: str
    violations: tuple[Violation, ...] = ()
    reasons: tuple[str, ...] = ()
    reproducible: bool = True

    @property
    def gap(self) -> float:
        """(objective - bound) / |objective|; 0 where both are 0."""
        return (self.objective - self.bound) / abs(self.objective) if self.objective else 0.0


PLAIN_RULES = "plain rules"
"""Solver of a plan that none made in its time: what devices do by themselves, to look at rather than to go by."""


@cache
def our_version() -> str:
    """Of what is installed: which code made a plan. Looked up once a process."""
    try:
        return version("consigne")
    except PackageNotFoundError:
        return "unknown"
