"""Limits that buildings share: feeders of the tables, and orders to draw less by the contracts' file."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np

from engine.catalogue import Text
from jobs.energy.contract_entries import OrderEntry
from jobs.energy.sites import Sites, Span
from jobs.energy.tables import EnergyTables
from jobs.energy.task import Shared
from optimizers.arrays import Floats
from optimizers.energy import Groups, Orders

NONE = -1


def shared_of(
    sites: Sites, slots: Span, tables: EnergyTables, orders: Sequence[OrderEntry], usual_w: Mapping[str, Floats]
) -> Shared:
    """Feeders, and below them a group for the meters of each order. `usual_w` (T,) by order: what these would draw.

    An order whose meters are of several feeders, or of another order beside others, cannot be counted: it is left out,
    and said.
    """
    making = _Making(sites, slots, tables)
    for order in orders:
        making.order(order, usual_w.get(order.id))
    return making.shared()


class _Making:
    def __init__(self, sites: Sites, slots: Span, tables: EnergyTables) -> None:
        self._sites, self._slots, self._tables = sites, slots, tables
        used = {site.feeder for site in sites if site.feeder}
        self._feeders = [name for name in tables.feeders if name in used]
        self._group = [self._feeders.index(site.feeder) if site.feeder else NONE for site in sites]
        self._parents = [NONE] * len(self._feeders)
        self._names = list(self._feeders)
        self._members: dict[frozenset[int], int] = {}
        self._orders: list[tuple[OrderEntry, int, int, int, Floats]] = []
        self._reasons: list[Text] = []

    def order(self, order: OrderEntry, usual_w: Floats | None) -> None:
        first, last = self._slots_of(order.start, order.until)
        members = frozenset(i for i, name in enumerate(self._sites.names) if name in order.sites)
        if first >= last or not members:
            return
        if usual_w is None:
            self._leave(order, "rien ne dit ce qui serait tiré", "nothing tells what would be drawn")
            return
        group = self._group_of(order.id, members)
        if group is None:
            self._leave(order, "ses compteurs sont aussi d'un autre ordre", "its meters are of another order too")
            return
        self._orders.append((order, group, first, last, usual_w))

    def _slots_of(self, start: datetime, until: datetime) -> tuple[int, int]:
        """The slots that lie within an order, from the first to before the last."""
        inside = [t for t, at in enumerate(self._slots.starts) if start <= at and at + self._slots.slot <= until]
        return (inside[0], inside[-1] + 1) if inside else (0, 0)

    def _group_of(self, name: str, members: frozenset[int]) -> int | None:
        if members in self._members:
            return self._members[members]
        above = {self._group[i] for i in members}
        if len(above) > 1 or not above <= {NONE, *range(len(self._feeders))}:
            return None
        self._names.append(f"order {name}")
        self._parents.append(above.pop())
        self._members[members] = group = len(self._names) - 1
        for i in members:
            self._group[i] = group
        return group

    def _leave(self, order: OrderEntry, fr: str, en: str) -> None:
        said = Text(fr=f"ordre {order.id} laissé de côté : {fr}", en=f"order {order.id} is left out: {en}")
        self._reasons.append(said)

    def shared(self) -> Shared:
        if not self._names:
            return Shared(tuple(self._group), reasons=tuple(self._reasons))
        entries = [self._tables.feeders[name] for name in self._feeders]
        free = len(self._names) - len(entries)
        limits = [entry.import_limit_w for entry in entries] + [np.inf] * free
        over = [entry.over_eur_kwh for entry in entries] + [0.0] * free
        groups = Groups(
            names=tuple(self._names),
            import_limit_w=np.array(limits)[:, None],
            parent=np.array(self._parents, np.int64),
            firm=np.array([entry.firm for entry in entries] + [False] * free),
            over_eur_kwh=np.array(over)[:, None],
        )
        return Shared(tuple(self._group), groups, self._ordered(), tuple(self._reasons))

    def _ordered(self) -> Orders | None:
        if not self._orders:
            return None
        return Orders(
            names=tuple(order.id for order, *_ in self._orders),
            group=np.array([group for _, group, *_ in self._orders], np.int64),
            first=np.array([first for _, _, first, *_ in self._orders], np.int64),
            last=np.array([last for *_, last, _ in self._orders], np.int64),
            baseline_w=np.maximum(np.stack([usual for *_, usual in self._orders]), 0.0),
            ordered_w=np.array([order.ordered_w for order, *_ in self._orders]),
            paid_eur_kwh=np.array([order.paid_eur_kwh for order, *_ in self._orders]),
            short_eur_kwh=np.array([order.short_eur_kwh for order, *_ in self._orders]),
        )
