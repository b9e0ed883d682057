"""Settings → adapters: the only place that builds them, and the only one that asks the wall for the time."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import structlog

from engine.broker import Broker
from engine.calendar import load_school_calendar
from engine.catalogue import Catalogue, load_catalogue
from engine.equipment.connections import Connection, Directory, Site, first_line, tls_context
from engine.equipment.file import load_equipment
from engine.equipment.mqtt import SUBSCRIPTIONS, MqttLink
from engine.equipment.router import Router
from engine.errors import ConsigneError
from engine.model import Asset
from engine.ports import Capabilities, Clock, Link
from engine.rulebook import (
    Almanac,
    DurableInference,
    Inference,
    ReferenceInference,
    Rulebook,
    RuleEngine,
    durable_available,
    load_rules,
)
from engine.setpoints.drought import Drought, load_drought
from engine.setpoints.events import EventEntry, load_events
from engine.setpoints.limits import Blast, load_blast
from engine.setpoints.orders import LAMP, Order, OrderEntry, load_orders
from engine.setpoints.points import PointInfo
from engine.settings import Settings
from engine.store import Store
from engine.telemetry.batch import Registry
from jobs.points import points_of

if TYPE_CHECKING:
    from jobs.lighting.tables import LightingTables

ORDERS, DROUGHT, EVENTS, BLAST = "orders.yaml", "drought.yaml", "events.yaml", "blast.yaml"
"""Files beside the rules: what the law bounds, what a drought leaves of watering, when streets are brighter, how much
may move at once."""


class WallClock:
    """The time on the wall."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class StoryClock:
    """The time a story says it is: the demo's night, a replay."""

    at: datetime

    def now(self) -> datetime:
        return self.at


@dataclass(frozen=True)
class Law:
    """What bounds points, as the files say it: orders, drought orders, and events that lift orders."""

    orders: tuple[OrderEntry, ...] = ()
    drought: Drought = field(default_factory=Drought)
    events: tuple[EventEntry, ...] = ()

    @property
    def dims_lamps(self) -> bool:
        return any(entry.dims_lamps for entry in self.orders)


@dataclass(frozen=True)
class Territory:
    """What a process knows by heart of its inventory, as it was when it began, and the law as it is (see `enact`).
    `communes`: zone → INSEE code.

    `jitter`: over this many switches at once of one gateway are spread. `tables`: by which lamps are planned; without
    them no lamp keeps anything from an order.
    """

    catalogue: Catalogue
    assets: tuple[Asset, ...]
    registry: Registry
    series_names: dict[int, tuple[str, str]]
    communes: Mapping[str, str]
    orders: tuple[OrderEntry, ...] = ()
    connections: tuple[Connection, ...] = ()
    blast: Blast | None = None
    jitter: timedelta = timedelta(0)
    events: tuple[EventEntry, ...] = ()
    tables: "LightingTables | None" = None
    drought: Drought = field(default_factory=Drought)

    @property
    def law(self) -> Law:
        return Law(self.orders, self.drought, self.events)

    def under(self, law: Law, tables: "LightingTables | None") -> "Territory":
        """The same territory under another law, its points made ready."""
        other = replace(self, orders=law.orders, drought=law.drought, events=law.events, tables=tables)
        _ = other.points
        return other

    def enact(self, other: "Territory") -> None:
        """Be under another's law from now on, for everybody who holds this territory: all else of it stays."""
        for name in ("orders", "drought", "events", "tables", "points"):
            self.__dict__[name] = getattr(other, name)

    @cached_property
    def by_id(self) -> dict[str, Asset]:
        return {asset.id: asset for asset in self.assets}

    @cached_property
    def points(self) -> dict[str, PointInfo]:
        """Every point of the territory that a gateway can reach."""
        able = Directory(self.connections).capabilities if self.connections else _able_of_all
        return points_of(
            self.catalogue, self.assets, self.communes, self.orders, able, self.events, self._keeps(), self.drought
        )

    def _keeps(self) -> Callable[[Asset, Order], float]:
        """The level that an order leaves a point: what crossings need, where it dims lamps."""
        if self.tables is None or not self.law.dims_lamps:
            return lambda _asset, order: order.keeps
        from jobs.lighting.keeping import levels_left  # noqa: PLC0415

        lamps = self.of_type(LAMP[0])
        dimming = {
            entry.order: {lamp.id for lamp in lamps if entry.points.holds(lamp, self.communes.get(lamp.zone, ""))}
            for entry in self.orders
            if entry.dims_lamps
        }
        left = levels_left(lamps, self.tables, dimming)
        return lambda asset, order: left.get(order.id, {}).get(asset.id, order.keeps)

    @cached_property
    def domain_sizes(self) -> Counter[str]:
        """How many points each domain has."""
        return Counter(point.domain for point in self.points.values())

    def of_type(self, asset_type: str) -> list[Asset]:
        return [asset for asset in self.assets if asset.type == asset_type]


def _able_of_all(_gateway: str) -> Capabilities:
    return Capabilities()


def catalogue_of(settings: Settings) -> Catalogue:
    return load_catalogue(settings.datasets_dir / "reference" / "catalogue.yaml")


def almanac_of(settings: Settings) -> Almanac:
    return Almanac(load_school_calendar(settings.datasets_dir / "reference" / "school_holidays.yaml"))


def open_store(settings: Settings) -> Store:
    """The database, its schema at head. Raises Unavailable, or ConsigneError when it wants `consigne db upgrade`."""
    store = Store.open(settings.database_url)
    problems = store.check_schema()
    if problems:
        raise ConsigneError("\n".join(map(str, problems)))
    return store


def orders_in(settings: Settings, catalogue: Catalogue) -> tuple[OrderEntry, ...]:
    return load_orders(settings.rules_dir / ORDERS, catalogue)


def drought_in(settings: Settings, orders: Collection[OrderEntry] = ()) -> Drought:
    return load_drought(settings.rules_dir / DROUGHT, [entry.id for entry in orders])


def events_in(settings: Settings, orders: Collection[OrderEntry]) -> tuple[EventEntry, ...]:
    return load_events(settings.rules_dir / EVENTS, [entry.id for entry in orders])


def law_in(settings: Settings, catalogue: Catalogue) -> Law:
    """Raises InputError with every problem of the first file that has some."""
    orders = orders_in(settings, catalogue)
    return Law(orders, drought_in(settings, orders), events_in(settings, orders))


def lighting_in(settings: Settings) -> "LightingTables":
    # Half a tenth of a second that every command would pay.
    from jobs.lighting.tables import tables_of  # noqa: PLC0415

    return tables_of(settings)


def connections_in(settings: Settings) -> tuple[Connection, ...]:
    """The equipment file's; none without one. Raises InputError with every problem of it."""
    return load_equipment(settings.equipment_file) if settings.equipment_file else ()


def blast_in(settings: Settings, catalogue: Catalogue) -> Blast | None:
    return load_blast(settings.rules_dir / BLAST, catalogue)


def read_territory(
    store: Store,
    catalogue: Catalogue,
    orders: tuple[OrderEntry, ...] = (),
    connections: tuple[Connection, ...] = (),
    blast: Blast | None = None,
    jitter: timedelta = timedelta(0),
    events: tuple[EventEntry, ...] = (),
    tables: "LightingTables | None" = None,
    drought: Drought | None = None,
) -> Territory:
    with store.read() as unit:
        series = unit.inventory.series()
        assets = tuple(unit.inventory.assets())
        communes = {zone.id: zone.commune for zone in unit.inventory.zones()}
    names = dict(zip(series["series"], zip(series["asset"], series["property"], strict=True), strict=True))
    registry = Registry(catalogue, series)
    return Territory(
        catalogue, assets, registry, names, communes, orders, connections, blast, jitter, events, tables,
        drought or Drought(),
    )  # fmt: skip


def open_territory(settings: Settings) -> tuple[Store, Territory]:
    """The database and the inventory in it, with the files that bound what is sent. Raises what `open_store` does."""
    store = open_store(settings)
    catalogue = catalogue_of(settings)
    law, blast = law_in(settings, catalogue), blast_in(settings, catalogue)
    jitter = timedelta(seconds=settings.jitter_s)
    tables = lighting_in(settings) if law.dims_lamps else None
    connections = connections_in(settings)
    return store, read_territory(
        store, catalogue, law.orders, connections, blast, jitter, law.events, tables, law.drought
    )


def open_broker(settings: Settings, client_id: str, *topics: str) -> Broker:
    """A connected session. Raises Unavailable when the broker does not answer."""
    broker = broker_of(settings, client_id, *topics)
    broker.connect()
    return broker


def broker_of(settings: Settings, client_id: str, *topics: str) -> Broker:
    """A session that is not connected yet. Raises ConsigneError for a certificate or key that is none."""
    try:
        tls = tls_context(settings.broker_ca, settings.broker_certificate, settings.broker_key)
    except OSError as error:
        raise ConsigneError(f"CONSIGNE_BROKER_CA, _CERTIFICATE or _KEY: {error} → name PEM files") from None
    file, user = settings.broker_password_file, urlsplit(settings.broker_url).username
    login = (unquote(user), first_line(file)) if file and user else None
    maximum = settings.receive_maximum
    return Broker(settings.broker_url, client_id, topics, receive_maximum=maximum, tls=tls, login=login)


@contextmanager
def open_link(settings: Settings, clock: Clock, owner: str = "consigne-dispatch") -> Iterator[Link]:
    """The way to equipment: the connections of the equipment file or, without one, all of it over the broker.

    Raises Unavailable when the broker does not answer; connections are opened when they do.
    """
    connections = connections_in(settings)
    if connections:
        with Router(connections, Site(clock, owner), _tell) as router:
            yield router
    else:
        with closing(open_broker(settings, owner, *SUBSCRIPTIONS)) as line:
            yield MqttLink(line)


def _tell(connection: str, why: str | None) -> None:
    log = structlog.get_logger()
    if why is None:
        log.info("equipment back", connection=connection)
    else:
        log.warning("equipment away", connection=connection, why=why)


def make_inference() -> Inference:
    """durable-rules in a process of its own, where it is installed; else the reference. The caller closes it."""
    return DurableInference() if durable_available() else ReferenceInference()


def rule_engine(settings: Settings, territory: Territory, inference: Inference) -> RuleEngine:
    """Compile the rule files. Raises InputError with every problem of every file."""
    return engine_of(load_rules(settings.rules_dir, territory.catalogue), territory, almanac_of(settings), inference)


def engine_of(
    rulebook: Rulebook, territory: Territory, almanac: Almanac, inference: Inference,
    share: Collection[str] | None = None,
) -> RuleEngine:  # fmt: skip
    """Compiled rules over the whole territory, or a share of it."""
    catalogue, assets, communes = territory.catalogue, territory.assets, territory.communes
    return RuleEngine(rulebook, catalogue, assets, inference, almanac=almanac, communes=communes, share=share)


def private_settings(settings: Settings, folder: Path) -> Settings:
    """The settings with data and, unless one was chosen, a database in a folder of their own."""
    changes: dict[str, object] = {"data_dir": folder}
    if "database_url" not in settings.model_fields_set:
        changes["database_url"] = f"sqlite:///{folder.resolve() / 'consigne.db'}"
    return settings.model_copy(update=changes)
