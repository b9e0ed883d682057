"""When valves may be open over the coming nights: usual hours, less what orders forbid and what is over already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from engine.instants import PARIS, noon, to_us
from engine.setpoints.dated import Hours, Span, stretches, without
from engine.setpoints.orders import Order
from engine.setpoints.points import PointInfo
from jobs.words import LANGUAGES, Lang, say
from optimizers.arrays import Bools
from optimizers.irrigation import Budgets, Windows

POINT = "opening"
HEAD_START = timedelta(minutes=5)
"""A plan is solved, checked and sent in this time: nothing opens sooner."""
_OPEN = 1.0
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
    found = [
        spans.of(tuple(tables.methods[method].hours), _orders(territory, valve))
        for valve, method in zip(zones.valves, zones.method, strict=True)
    ]
    windows = _windows(found, spans.noons)
    why = tuple(
        _why(tuple(tables.methods[method].hours), _orders(territory, valve))
        for valve, method in zip(zones.valves, zones.method, strict=True)
    )
    return Watering(windows, None, why)


def _orders(territory: Territory, valve: str) -> tuple[Order, ...] | None:
    """The orders under which the valve may not be open; None where nothing reaches it."""
    point = territory.points.get(f"{valve}/{POINT}")
    return None if point is None else tuple(order for order in point.orders if order.ceiling < _OPEN)


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
        closed += [span for order in orders for span in order.spans(start, end)]
        return list(without((start, end), closed))


def _windows(found: Sequence[list[list[Span]]], noons: Sequence[datetime]) -> Windows:
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
        most_cycles=np.array(1_000),
    )  # fmt: skip


def _why(hours: Sequence[Hours], orders: Sequence[Order] | None) -> Mapping[Lang, str]:
    return {lang: _said(hours, orders, lang) for lang in LANGUAGES}


def _said(hours: Sequence[Hours], orders: Sequence[Order] | None, lang: Lang) -> str:
    if orders is None:
        return say("window_unreached", lang)
    usual = say("window_hours", lang, hours=", ".join(f"{a:%H:%M}–{b:%H:%M}" for a, b in hours))
    law = [order.text_fr if lang == "fr" and order.text_fr else order.text for order in orders]
    return "; ".join([usual, *(say("window_order", lang, order=text) for text in dict.fromkeys(law))])
