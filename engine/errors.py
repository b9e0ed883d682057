"""The faults Consigne raises. Outcomes (stale, clamped, expired) are values and live in `engine.model`."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong with an input: where, what was found, what to do about it. Lines and columns from 1.

    `code` is a word for its kind, where a language names kinds of mistakes.
    """

    source: str
    line: int
    column: int
    what: str
    hint: str = ""
    code: str = ""

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}:{self.column}" if self.line else self.source
        return " ".join(filter(None, (place, self.code, self.what))) + (f" → {self.hint}" if self.hint else "")


class ConsigneError(Exception):
    """Base of every fault; `exit_code` is what the command line returns for it."""

    exit_code = 1


class InputError(ConsigneError):
    """What was given is wrong: carries every problem found, in order; nothing of the input was applied."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))

    def __reduce__(self) -> tuple[type["InputError"], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


class Unavailable(ConsigneError):
    """A service Consigne needs (database, broker) does not answer. The message names it and says what to do."""


class Undelivered(Unavailable):
    """A carrier, or one of several, was away: the commands named in `commands` may not have left, all others have.

    With none named, something that left was not answered in time: it may be well to leave that carrier alone a while.
    """

    def __init__(self, why: str, commands: Iterable[str]) -> None:
        self.commands = frozenset(commands)
        super().__init__(why)


class Conflict(ConsigneError):
    """Somebody else holds or changed what this operation needs; nothing was written."""


class Outdated(Conflict):
    """What this process knows by heart is not so any more: trying again is of no use, beginning again is."""
