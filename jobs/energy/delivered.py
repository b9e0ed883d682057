"""Whether orders to draw less were kept, once they are over: what their meters drew beside what like days drew."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from engine.alarms import Clear, Raise, Subject, current, move
from engine.model import Priority
from engine.settings import Settings
from engine.store import Unit
from jobs.bootstrap import Territory
from jobs.energy.calendar import calendar_of
from jobs.energy.contracts_read import contracts_known
from jobs.energy.foreseen import baselines, lately
from jobs.energy.past import QUARTER, past_of
from jobs.energy.sites import Span, read_sites
from jobs.energy.tables import tables_of

RULE = "energy-order-not-kept"
_LOOKED_BACK = timedelta(days=2)
_KEPT = 0.8
"""Share of what was ordered from which an order counts as kept: meters and like days are not sure of more. Ours."""


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """Of an order that is over: by how much less was drawn than like days drew, W as a mean, and what was ordered."""

    order: str
    delivered_w: float
    ordered_w: float

    @property
    def kept(self) -> bool:
        return self.delivered_w >= _KEPT * self.ordered_w


def delivered(unit: Unit, territory: Territory, settings: Settings, at: datetime) -> list[Delivered]:
    """Of orders that ended in the two days before an instant; none of one whose meters or like days are not
    known, or that begins within a quarter of an hour."""
    tables, contracts = tables_of(settings), contracts_known(unit, settings)
    sites, calendar = read_sites(territory, contracts, tables), calendar_of(settings)
    found = []
    for order in contracts.file.orders:
        members = [i for i, name in enumerate(sites.names) if name in order.sites]
        if not members or not at - _LOOKED_BACK <= order.until <= at:
            continue
        span = Span.between(order.start, order.until, QUARTER)
        before = lately(unit, territory, sites, tables, order.start)
        usual = baselines(before, sites, span, [order], calendar, tables).get(order.id)
        drawn = past_of(unit, territory, sites, tables, order.start, order.until).meter_w[:, members].sum(axis=1)
        if usual is None or drawn.size != len(span) or not np.isfinite(drawn).all():
            continue
        less_w = float(np.maximum(usual - drawn, 0.0).mean())
        found.append(Delivered(order=order.id, delivered_w=less_w, ordered_w=order.ordered_w))
    return found


def tell_orders(unit: Unit, found: Sequence[Delivered], now: datetime) -> int:
    """Raise the alarm of each that was not kept, once; end those of orders that are over for long. Returns how many."""
    short = {one.order: one for one in found if not one.kept}
    for name, one in short.items():
        standing = current(unit.alarms, RULE, name)
        if standing is None:
            detail = {"delivered_w": round(one.delivered_w), "ordered_w": round(one.ordered_w)}
            move(unit.alarms, RULE, name, [Raise(Subject(RULE, name, "", Priority.MEDIUM), detail)], now, None)
    for alarm in unit.alarms.of_rule(RULE):
        if alarm.cleared_at is None and alarm.asset not in short:
            move(unit.alarms, RULE, alarm.asset, [Clear()], now, alarm)
    return len(short)
