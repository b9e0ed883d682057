"""The points of a territory: what the catalogue says of each type, applied to each asset."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from engine import catalogue as kinds
from engine.catalogue import Catalogue
from engine.inventory.valves import watered_by
from engine.model import Asset
from engine.ports import Capabilities
from engine.setpoints.drought import VALVE, Drought, drought_orders
from engine.setpoints.events import EventEntry, events_of
from engine.setpoints.orders import Order, OrderEntry, orders_of
from engine.setpoints.points import Interlock, Lockout, Meter, PointInfo, Watch


def points_of(
    catalogue: Catalogue,
    assets: Sequence[Asset],
    communes: Mapping[str, str],
    orders: Collection[OrderEntry] = (),
    able: Callable[[str], Capabilities] = lambda _gateway: Capabilities(),
    events: Collection[EventEntry] = (),
    keeps: Callable[[Asset, Order], float] = lambda _asset, order: order.keeps,
    drought: Drought | None = None,
) -> dict[str, PointInfo]:
    """Every point that a gateway can reach, by its id `<asset>/<name>`. `communes`: zone → INSEE code; `able`: what the
    equipment behind a gateway can do, by default all; `keeps`: the level that an order leaves an asset's point."""
    maker = _Maker(catalogue, {asset.id: asset for asset in assets}, communes, orders, able, events, keeps, drought)
    return {
        f"{asset.id}/{name}": maker.point(asset, asset.gateway, name, point)
        for asset in assets
        if asset.gateway is not None
        for name, point in catalogue.types[asset.type].points.items()
        if point.stands_at(asset.attributes)
    }


class _Maker:
    def __init__(
        self,
        catalogue: Catalogue,
        assets: Mapping[str, Asset],
        communes: Mapping[str, str],
        orders: Collection[OrderEntry],
        able: Callable[[str], Capabilities],
        events: Collection[EventEntry],
        keeps: Callable[[Asset, Order], float],
        drought: Drought | None,
    ) -> None:
        self._catalogue, self._assets, self._communes, self._orders = catalogue, assets, communes, orders
        self._able, self._keeps = able, keeps
        self._events = [event for event in events if event.lifts]
        self._drought = drought if drought is not None and drought.levels else None

    def point(self, asset: Asset, gateway: str, name: str, kind: kinds.PointType) -> PointInfo:
        return PointInfo(
            id=f"{asset.id}/{name}",
            gateway=gateway,
            envelope=kind.envelope_of(asset.attributes),
            zone=asset.zone,
            domain=kind.domain_of(asset.attributes),
            load=float(asset.attributes.get(kind.load, 0.0)) if kind.load else 0.0,
            programs=self._able(gateway).programs,
            lockout=self._lockout(asset, kind.lockout) if kind.lockout else None,
            interlocks=tuple(self._interlocks(asset, kind)),
            orders=tuple(self._bounds(asset, name)),
            meter=self._meter(asset, kind.verify),
            rises=kind.verify.rises_with is not None and asset.attributes.get(kind.verify.rises_with) is not None,
        )

    def _bounds(self, asset: Asset, name: str) -> Iterator[Order]:
        if self._drought is not None and (asset.type, name) == VALVE:
            commune = self._communes.get(asset.zone, "")
            yield from drought_orders(self._drought, asset, commune, watered_by(asset, self._assets))
        if not self._orders:
            return
        events = events_of(self._events, asset, self._communes)
        for order in orders_of(self._orders, asset, name, self._communes, events):
            yield replace(order, keeps=self._keeps(asset, order))

    def _lockout(self, asset: Asset, kind: kinds.Lockout) -> Lockout | None:
        found = self._watch(asset, kind.of, kind.property)
        if found is None:
            return None
        watch, measured = found
        return Lockout(watch, float(measured.choices.index(kind.value) if isinstance(kind.value, str) else kind.value))

    def _interlocks(self, asset: Asset, point: kinds.PointType) -> Iterator[Interlock]:
        for kind in point.interlocks:
            found = self._watch(asset, kind.of, kind.property)
            if found is not None and all(asset.attributes.get(key) == value for key, value in kind.where.items()):
                safe = point.envelope_of(asset.attributes).safe
                otherwise = safe if kind.otherwise is None else kind.otherwise
                yield Interlock(kind.id, found[0], otherwise, kind.text.en, kind.at_least, kind.at_most)

    def _meter(self, asset: Asset, kind: kinds.Verify) -> Meter | None:
        found = self._watch(asset, kind.of, kind.property) if kind.property else None
        if found is None:
            return None
        shown = kind.consequence
        return Meter(found[0], shown.on, shown.off) if shown else Meter(found[0])

    def _watch(self, asset: Asset, of: kinds.Whose, name: str) -> tuple[Watch, kinds.Property] | None:
        """The series that speaks of a point, and its property; None where the asset has no such parent."""
        whose = asset if of == "self" else self._assets.get(asset.parent or "")
        measured = self._catalogue.types[whose.type].properties.get(name) if whose else None
        if whose is None or measured is None:
            return None
        return Watch(whose.id, name, measured.stale_after), measured
