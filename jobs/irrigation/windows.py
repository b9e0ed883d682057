"""When valves may be open over the coming nights: usual hours, less what orders forbid and what is over already."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from engine.instants import PARIS, noon, to_us
from engine.setpoints.dated import Hours, Span, stretches, without
from engine.setpoints.orders import Order
from engine.setpoints.points import PointInfo
from jobs.words import LANGUAGES, Lang, number, say
from optimizers.arrays import Bools, Floats, Ints
from optimizers.irrigation import Budgets, Windows

POINT = "opening"
HEAD_START = timedelta(minutes=5)
"""A plan is solved, checked and sent in this time: nothing opens sooner."""
_OPEN = 1.0
_TONIGHT, _LATER = "tonight", "later"
_NAMED = 5
_MANY = 1_000
_DAY = timedelta(days=1)


@dataclass(frozen=True, eq=False)
class Watering:
    """Where a plan may water, and with how much water.

    why      of each hydrozone and by language: the hours it has, and the orders that leave it less
    reasons  by language: what people should know of windows and budgets of tonight
    """

    windows: Windows
    budgets: Budgets | None
    why: tuple[Mapping[Lang, str], ...]
    reasons: tuple[Mapping[Lang, str], ...] = ()


class Watered(Protocol):
    """Of the hydrozones (see `jobs.irrigation.zones.Zones`) what matters here."""

    @property
    def valves(self) -> Sequence[str]: ...
    @property
    def method(self) -> Sequence[str]: ...
    @property
    def cycle_s(self) -> Floats: ...
    def usual_m3_day(self, tables: Any, month: int) -> Floats: ...


class _Method(Protocol):
    @property
    def hours(self) -> Sequence[Hours]: ...


class Tables(Protocol):
    """Of the tables (see `jobs.irrigation.tables.IrrigationTables`) what matters here."""

    @property
    def methods(self) -> Mapping[Any, _Method]: ...


class Territory(Protocol):
    @property
    def points(self) -> Mapping[str, PointInfo]: ...


def windows_of(
    zones: Watered, territory: Territory, day_start: datetime, days: int, at: datetime, tables: Tables
) -> Watering:
    """Where valves may be open in the `days` nights from `day_start` on, a local noon, as is known at `at`.

    A valve may be open in the usual hours of its method, outside those in which an order binds its point below open.
    Tonight nothing opens before `at` and HEAD_START. A valve that no gateway reaches is never open. A window that
    is empty is no error: `reasons` tells it.
    """
    spans = _Spans(_noons(day_start, days), max(at + HEAD_START, day_start))
    hours = [tuple(tables.methods[method].hours) for method in zones.method]
    first, last = (at.astimezone(PARIS).date() for at in (spans.noons[0], spans.noons[-1]))
    orders = [_orders(territory, valve, first, last) for valve in zones.valves]
    lawful = [spans.of(*of_valve) for of_valve in zip(hours, orders, strict=True)]
    windows = _windows(lawful, spans.noons, _most_cycles(zones, territory))
    budgets = _budgets(zones, orders, spans.noons, tables)
    why = tuple(_why(*of_valve) for of_valve in zip(hours, orders, strict=True))
    return Watering(windows, budgets, why, (*_closed(zones, orders, windows), *_shares(budgets)))


def soaked(windows: Windows, ready_s: Floats) -> Windows:
    """The same, but that tonight no hydrozone opens before its `ready_s` (n,): until then its last cycle soaks in."""
    night: list[int] = []
    bounds: list[tuple[float, float]] = []
    columns: list[Bools] = []
    for k, of in enumerate(windows.night.tolist()):
        start, end = float(windows.start_s[k]), float(windows.end_s[k])
        cuts = sorted({at for at in ready_s.tolist() if start < at < end}) if of == 0 else []
        for a, b in pairwise([start, *cuts, end]):
            allowed = windows.allowed[:, k] & ((ready_s <= a) | (of > 0))
            if allowed.any():
                night.append(of)
                bounds.append((a, b))
                columns.append(allowed)
    edges = np.array(bounds, np.float64).reshape(-1, 2)
    return replace(
        windows, night=np.array(night, np.int64), start_s=edges[:, 0], end_s=edges[:, 1],
        allowed=np.array(columns, np.bool_).reshape(len(columns), ready_s.size).T,
    )  # fmt: skip


def _orders(territory: Territory, valve: str, first: date, last: date) -> tuple[Order, ...] | None:
    """The orders that leave a valve less than it may else have in those days; None where nothing reaches it."""
    point = territory.points.get(f"{valve}/{POINT}")
    if point is None:
        return None
    near = (order for order in point.orders if order.start <= last and first <= order.until)
    return tuple(order for order in near if order.ceiling < _OPEN or order.share < 1)


def _noons(day_start: datetime, days: int) -> tuple[datetime, ...]:
    """Where nights begin, and where the last one ends: 23 or 25 h apart where the clock changes."""
    first = day_start.astimezone(PARIS).date()
    return tuple(noon(first + day * _DAY) for day in range(days + 1))


class _Spans:
    """The lawful spans of each night. Valves of one method under one order share theirs, which is worked out once."""

    def __init__(self, noons: tuple[datetime, ...], earliest: datetime) -> None:
        self.noons, self._earliest = noons, earliest
        self._known: dict[tuple[tuple[Hours, ...], tuple[Order, ...]], list[list[Span]]] = {}

    def of(self, hours: tuple[Hours, ...], orders: tuple[Order, ...] | None) -> list[list[Span]]:
        """Night by night, in order and apart."""
        if orders is None:
            return [[] for _ in self.noons[1:]]
        if (hours, orders) not in self._known:
            self._known[hours, orders] = [self._night(*night, hours, orders) for night in pairwise(self.noons)]
        return self._known[hours, orders]

    def _night(
        self, start: datetime, end: datetime, hours: tuple[Hours, ...], orders: tuple[Order, ...]
    ) -> list[Span]:  # fmt: skip
        start = max(start, self._earliest)
        if start >= end:
            return []
        usual = [span for one in hours for span in stretches(start, end, one)]
        closed = list(without((start, end), usual))
        closed += [span for order in orders if order.ceiling < _OPEN for span in order.spans(start, end)]
        return list(without((start, end), closed))


def _most_cycles(zones: Watered, territory: Territory) -> Ints:
    """(n, 1) cycles on end that take no longer than the valve's command leaves it open (`longest_on`)."""
    points = [territory.points.get(f"{valve}/{POINT}") for valve in zones.valves]
    longest = [point.envelope.longest_on if point else None for point in points]
    return np.array(
        [[_MANY if most is None else int(most.total_seconds() // cycle)] for most, cycle in
         zip(longest, zones.cycle_s.tolist(), strict=True)], np.int64,
    ).reshape(-1, 1)  # fmt: skip


def _windows(found: Sequence[list[list[Span]]], noons: Sequence[datetime], most_cycles: Ints) -> Windows:
    """The stretches between any two instants at which some valve's right to be open changes."""
    night: list[int] = []
    bounds: list[tuple[datetime, datetime]] = []
    columns: list[Bools] = []
    for d in range(len(noons) - 1):
        cuts = sorted({at for spans in found for span in spans[d] for at in span})
        for start, end in pairwise(cuts):
            allowed = np.array([any(a <= start and end <= b for a, b in spans[d]) for spans in found], np.bool_)
            if allowed.any():
                night.append(d)
                bounds.append((start, end))
                columns.append(allowed)
    zero = to_us(noons[0])
    edges = np.array([[to_us(at) - zero for at in span] for span in bounds], np.float64).reshape(-1, 2) / 1e6
    allowed = np.array(columns, np.bool_).reshape(len(columns), len(found)).T
    return Windows(
        night=np.array(night, np.int64), start_s=edges[:, 0], end_s=edges[:, 1], allowed=allowed,
        most_cycles=np.broadcast_to(most_cycles, (len(found), len(noons) - 1)),
    )  # fmt: skip


def _budgets(
    zones: Watered, orders: Sequence[tuple[Order, ...] | None], noons: Sequence[datetime], tables: Tables
) -> Budgets | None:  # fmt: skip
    """One for tonight and one for the nights after it, for each share of usual water that an order leaves its valves.

    Usual is what the monthly timer gives on a mean day. No night may use more than its share of that, or plans that
    are made anew every evening would use tomorrow's each time.
    """
    members: dict[Order, list[int]] = {}
    for z, found in enumerate(orders):
        for order in found or ():
            if order.share < 1:
                members.setdefault(order, []).append(z)
    evenings = [at.astimezone(PARIS).date() for at in noons[:-1]]
    usual = np.array([zones.usual_m3_day(tables, day.month) for day in evenings], np.float64)
    names, limits, member, nights = [], [], [], []
    for order, bound in _grouped(members):
        in_force = np.array([order.start <= day <= order.until for day in evenings])
        counted = np.isin(np.arange(len(zones.valves)), bound)
        for name, of in ((_TONIGHT, slice(0, 1)), (_LATER, slice(1, None))):
            covered = np.zeros_like(in_force)
            covered[of] = in_force[of]
            if covered.any():
                names.append(f"{order.id} {order.share:.0%} {name}")
                limits.append(order.share * float(usual[covered][:, counted].sum()))
                member.append(counted)
                nights.append(covered)
    if not names:
        return None
    return Budgets(names=tuple(names), limit_m3=np.array(limits), member=np.array(member), nights=np.array(nights))


def _grouped(members: Mapping[Order, Sequence[int]]) -> Iterator[tuple[Order, list[int]]]:
    """The hydrozones of each order, share and dates: lines for several uses count as one."""
    groups: dict[tuple[str, float, date, date], tuple[Order, list[int]]] = {}
    for order, found in members.items():
        groups.setdefault((order.id, order.share, order.start, order.until), (order, []))[1].extend(found)
    yield from groups.values()


def _closed(
    zones: Watered, orders: Sequence[tuple[Order, ...] | None], windows: Windows
) -> Iterator[Mapping[Lang, str]]:  # fmt: skip
    """Whom orders leave no hour of tonight."""
    tonight = [bool(row.any()) for row in windows.allowed[:, windows.night == 0]]
    shut: dict[str, list[str]] = {}
    for valve, found, some in zip(zones.valves, orders, tonight, strict=True):
        for name in () if some or found is None else dict.fromkeys(o.id for o in found if o.ceiling < _OPEN):
            shut.setdefault(name, []).append(valve)
    for name, valves in sorted(shut.items()):
        more = f" +{len(valves) - _NAMED}" if len(valves) > _NAMED else ""
        told = {"order": name, "count": len(valves), "valves": ", ".join(valves[:_NAMED]) + more}
        yield {lang: say("window_closed", lang, **told) for lang in LANGUAGES}


def _shares(budgets: Budgets | None) -> Iterator[Mapping[Lang, str]]:
    if budgets is None:
        return
    for name, limit, counted in zip(budgets.names, budgets.limit_m3, budgets.member.sum(axis=1), strict=True):
        if name.endswith(_TONIGHT):
            what = name.removesuffix(f" {_TONIGHT}")
            yield {
                lang: say("window_share", lang, order=what, m3=number(float(limit), lang, 1), count=int(counted))
                for lang in LANGUAGES
            }


def _why(hours: Sequence[Hours], orders: Sequence[Order] | None) -> Mapping[Lang, str]:
    return {lang: _said(hours, orders, lang) for lang in LANGUAGES}


def _said(hours: Sequence[Hours], orders: Sequence[Order] | None, lang: Lang) -> str:
    if orders is None:
        return say("window_unreached", lang)
    usual = say("window_hours", lang, hours=", ".join(f"{a:%H:%M}–{b:%H:%M}" for a, b in hours))
    law = [order.text_fr if lang == "fr" and order.text_fr else order.text for order in orders]
    return "; ".join([usual, *(say("window_order", lang, order=text) for text in dict.fromkeys(law))])
