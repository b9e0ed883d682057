"""What zones tell the places above them, where these are decided by another engine: plain data, for a queue between."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from engine.rulebook.crossing import Turn


@dataclass(frozen=True, slots=True)
class Heard:
    """The turns of one transaction of a zone. `origin` as in `Key`: where among all that is told it belongs."""

    decided: int
    origin: tuple[int, str, int, Any]
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Handed:
    """What the zones of one engine told in a step. `earliest_us`: the first instant the step spoke of in any of them.

    A place above that is new is born at the earliest that the first steps it hears of speak of; None for later ones.
    """

    earliest_us: int | None
    heard: tuple[Heard, ...]

    def later(self) -> "Handed":
        """As told after another step that was not heard yet."""
        return Handed(None, self.heard)

    def dump(self) -> bytes:
        heard = [[one.decided, one.origin, [list(turn) for turn in one.turns]] for one in self.heard]
        return orjson.dumps([self.earliest_us, heard])


def load_handed(body: bytes) -> Handed:
    """What `Handed.dump` wrote."""
    earliest, heard = orjson.loads(body)
    return Handed(earliest, tuple(Heard(at, _tuples(origin), _turns(turns)) for at, origin, turns in heard))


def _turns(rows: Sequence[Sequence[Any]]) -> tuple[Turn, ...]:
    return tuple(Turn(*row) for row in rows)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
