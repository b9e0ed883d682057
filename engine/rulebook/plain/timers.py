"""When a condition may change by time alone: instants of the lane, in µs, past ones among them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from engine.rulebook import language as lang
from engine.rulebook.plain.truths import Moment


def timers(moment: Moment, node: lang.Node) -> Iterator[int]:
    """The instants of a node and of everything below it."""
    for found in lang.walk(node):
        if type(found) in _TIMERS:
            yield from _TIMERS[type(found)](moment, found)


def _stale(moment: Moment, node: lang.Value) -> Iterator[int]:
    newest, stale_after = moment.series(node.property).newest_at, moment.kinds[node.property].stale_after
    if newest is not None and stale_after is not None:
        yield newest + stale_after


def _departures(moment: Moment, node: lang.Window) -> Iterator[int]:
    yield from (at + node.width for at in moment.series(node.property).samples)


def _ages(moment: Moment, node: lang.Threshold) -> Iterator[int]:
    """`==` and `<=` change one step after the age itself."""
    newest = moment.series(node.left.property).newest_at
    if isinstance(node.left, lang.Age) and newest is not None:
        yield from (newest + node.constant, newest + node.constant + 1)


def _absences(moment: Moment, node: lang.Absent) -> Iterator[int]:
    newest = moment.series(node.property).newest_at
    yield (moment.born if newest is None else newest) + node.after


def _calm(moment: Moment, node: lang.Changed) -> Iterator[int]:
    if node.within is None:
        yield from _stale(moment, lang.Value(node.property))
        return
    changed_at = moment.series(node.property).changed_at
    if changed_at is not None:
        yield changed_at + node.within


def _echoes(moment: Moment, node: lang.Was) -> Iterator[int]:
    stale_after = moment.kinds[node.property].stale_after
    for at in moment.series(node.property).samples:
        yield at + node.ago
        if stale_after is not None:
            yield at + stale_after + node.ago


def _turns_of_calendar(moment: Moment, node: lang.Calendar) -> Iterator[int]:
    change = moment.almanac.next_change(node.atom, moment.roster.place_of(moment.subject), moment.at)
    if change is not None:
        yield change


_TIMERS: Mapping[type, Callable[[Moment, Any], Iterator[int]]] = {
    lang.Value: _stale,
    lang.Window: _departures,
    lang.Threshold: _ages,
    lang.Absent: _absences,
    lang.Changed: _calm,
    lang.Was: _echoes,
    lang.Calendar: _turns_of_calendar,
}
