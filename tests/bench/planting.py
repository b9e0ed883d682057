"""How Shows tell what a checker finds in a good plan, and in the same plan with one word broken at a time."""

import sys
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from optimizers.result import Violation


class Told(Protocol):
    @property
    def what(self) -> str: ...


P = TypeVar("P", bound=Told)


def show(
    good: Sequence[Violation],
    planted: Sequence[P],
    found_in: Callable[[P], Sequence[Violation]],
    as_planted: Callable[[P, Sequence[Violation]], bool],
) -> None:
    """A line for each. Raises SystemExit(1) where `good` holds anything, or anything but what was planted is found."""
    say(f"the plan as it is: {'; '.join(map(str, good)) or 'nothing violated'}")
    say("")
    width = max(len(one.what) for one in planted)
    say(f"{'planted'.ljust(width)}  found")
    right = 0
    for one in planted:
        found = found_in(one)
        say(f"{one.what.ljust(width)}  {'; '.join(map(str, found)) or 'NOTHING'}")
        right += as_planted(one, found)
    say("")
    say(f"{len(planted)} planted, {right} found as they are and nothing else")
    if good or right < len(planted):
        raise SystemExit(1)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
