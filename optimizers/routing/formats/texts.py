"""What the readers of foreign formats have in common: lines with their number, and every problem at its line."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import isfinite

from optimizers.result import InvalidProblem

Found = tuple[int, str]
"""A line from 1 (0 for none of them), and what is wrong there."""

_SHOWN = 40  # characters of what was found


class WrongText(InvalidProblem):
    """A text that is no problem of its format: `found` holds everything wrong, each with its line."""

    def __init__(self, found: Iterable[Found]) -> None:
        self.found = tuple(sorted(set(found)))
        super().__init__(f"line {line}: {what}" if line else what for line, what in self.found)

    def __reduce__(self) -> tuple[type["WrongText"], tuple[tuple[Found, ...]]]:  # type: ignore[override]
        return type(self), (self.found,)


@dataclass
class Reader:
    """Numbers of a text, token by token: what is no number is kept with its line, and stands as 0 meanwhile."""

    wrong: list[Found] = field(default_factory=list)

    def number(self, line: int, token: str, what: str, least: float = 0.0) -> float:
        """One of at least `least`."""
        try:
            value = float(token)
        except ValueError:
            value = float("nan")
        if isfinite(value) and value >= least:
            return value
        wanted = "a number" if least == float("-inf") else f"a number of {least:g} or more"
        self.wrong.append((line, f"{what} is {_shown(token)}, wants {wanted}"))
        return max(least, 0.0)

    def whole(self, line: int, token: str, what: str, least: int = 0) -> int:
        """One without a fraction."""
        value = self.number(line, token, what, least)
        if value != int(value):
            self.wrong.append((line, f"{what} is {_shown(token)}, wants a whole number"))
        return int(value)

    def twice(self, what: str, ids: Sequence[tuple[int, str]]) -> None:
        """Complain of ids that stand more than once, at the later line."""
        first: dict[str, int] = {}
        for line, name in ids:
            if name in first:
                self.wrong.append(
                    (line, f"{what} {name!r} stands on line {first[name]} already, wants an id of its own")
                )
            first.setdefault(name, line)

    def done(self) -> None:
        """Raises WrongText where anything was wrong."""
        if self.wrong:
            raise WrongText(self.wrong)


def _shown(token: str) -> str:
    """Not all of it where it is the whole of another kind of file."""
    return repr(token if len(token) <= _SHOWN else f"{token[:_SHOWN]}…")


def decoded(text: str | bytes) -> str:
    """Files of that age are ASCII; what is not stands as a replacement character and is no number."""
    return text if isinstance(text, str) else text.decode("utf-8-sig", errors="replace")


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    """Those that say something, numbered from 1."""
    for k, line in enumerate(text.splitlines(), 1):
        if stripped := line.strip():
            yield k, stripped
