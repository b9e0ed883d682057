"""Many alarms by what they have in common: a rule, and the narrowest place that several of them lie in."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
Places = Callable[[str], Sequence[str]]
"""An asset → the places it lies in, the narrowest first: its parent, zone, commune. Empty for an unknown one."""


@dataclass(frozen=True, slots=True)
class Cause:
    """`count` alarms of a rule at a place: the asset itself where it is alone."""

    rule: str
    place: str
    count: int


def by_cause(items: Iterable[tuple[str, str]], places: Places) -> list[Cause]:
    """Causes of alarms given as (rule, asset), the most frequent first.

    Of each rule, those that share a parent go together, then of the rest those that share a zone, then a commune.
    An asset that rings several times is counted as often; alone in its place, it is the place.
    """
    of_rule: dict[str, list[str]] = {}
    for rule, asset in items:
        of_rule.setdefault(rule, []).append(asset)
    causes = [Cause(rule, *found) for rule, assets in of_rule.items() for found in _grouped(assets, places)]
    return sorted(causes, key=lambda cause: (-cause.count, cause.rule, cause.place))


def _grouped(assets: Sequence[str], places: Places) -> Iterator[tuple[str, int]]:
    rings = Counter(assets)
    lies = {asset: tuple(places(asset)) for asset in rings}
    for depth in range(max(map(len, lies.values()), default=0)):
        inside: dict[str, list[str]] = defaultdict(list)
        for asset in rings:
            for place in lies[asset][depth : depth + 1]:
                inside[place].append(asset)
        for place, several in inside.items():
            if len(several) > 1:
                yield place, sum(rings.pop(asset) for asset in several)
    yield from rings.items()
