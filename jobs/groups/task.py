"""The cycle of one group of zones, in a worker that keeps what it needs between two cycles and depends on none of it.

State and cursor are in the database and are committed with the decisions, under the fences of whoever leads the rules.
So a worker may die at any instant, and a task be done twice or by two workers at once: what was committed is taken up
where it stands, and the second finds nothing left to do.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import polars as pl

from engine.catalogue import Catalogue
from engine.errors import Conflict, Unavailable
from engine.instants import to_us
from engine.rulebook import Decisions, Rulebook, load_rules
from engine.settings import Settings
from engine.store import Store, Unit
from engine.store.leases import Deposed, Fences
from jobs import cycle
from jobs.bootstrap import almanac_of, catalogue_of, engine_of, make_inference, read_territory
from jobs.groups.trays import CURSOR, TEXTS, Arrangement, Tray, arrangement, locked, memory_key, tray_key
from optimizers.result import Limits


@dataclass(frozen=True, slots=True)
class GroupTask:
    """Which group is to come to the tick `now`, in the arrangement of this digest; small, for it travels each cycle."""

    settings: Settings
    digest: str
    group: int
    now: datetime
    fences: Fences = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GroupReport:
    """What the cycle of a group did; `more`: readings are waiting. `newest_us` of those it took.

    `away`: why nothing was done, where trying again may help; `deposed`: why nothing ever will be under these fences.
    """

    readings: int = 0
    raised: int = 0
    cleared: int = 0
    work_orders: int = 0
    edges: Mapping[str, int] = field(default_factory=dict)
    faults: tuple[tuple[str, str], ...] = ()
    quarantined: frozenset[str] = frozenset()
    newest_us: int | None = None
    more: bool = False
    away: str = ""
    deposed: str = ""


class _Warm:
    """What a worker keeps: the store, the territory, the rules and the engines of the groups it was asked for."""

    def __init__(self, settings: Settings, digest: str) -> None:
        self.key = settings, digest  # a worker of a cluster outlives a service, and what its settings were
        self.store = Store.open(settings.database_url)
        self.catalogue, self._almanac = catalogue_of(settings), almanac_of(settings)
        self.territory = read_territory(self.store, self.catalogue)
        with self.store.read() as unit:
            self.arrangement = _expected(unit, digest)
            texts = orjson.loads(unit.state.get(TEXTS) or b"{}")
            self._zones = unit.inventory.zone_numbers()
        self.rulebook = rulebook_of(texts, self.catalogue)
        self.inference = make_inference()
        self._groups: dict[int, cycle.RulesAtWork] = {}

    def group(self, number: int) -> cycle.RulesAtWork:
        if number not in self._groups:
            share = self.arrangement.shares[number]
            engine = engine_of(self.rulebook, self.territory, self._almanac, self.inference, share)
            self._groups[number] = cycle.RulesAtWork(engine, self.territory, self.inference, memory_key(number))
        return self._groups[number]

    def zones(self, number: int) -> frozenset[int]:
        return frozenset(self._zones[zone] for zone in self.arrangement.shares[number])

    def close(self) -> None:
        self.inference.close()
        self.store.close()


_warm: list[_Warm] = []
"""The one set of engines this process has: other rules or another arrangement take its place."""


def run_group(task: GroupTask, _limits: Limits) -> GroupReport:
    """Bring one group to the tick, in one transaction or not at all. What stands in the way is a value."""
    try:
        return _cycle(_warmed(task), task)
    except Deposed as error:
        return GroupReport(deposed=str(error))
    except (Unavailable, Conflict) as error:
        return GroupReport(away=str(error))


def rulebook_of(texts: Mapping[str, str], catalogue: Catalogue) -> Rulebook:
    """The rules of some files, by their paths."""
    with TemporaryDirectory() as name:
        for path, text in texts.items():
            place = Path(name) / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
        return load_rules(Path(name), catalogue)


def _warmed(task: GroupTask) -> _Warm:
    if not _warm or _warm[0].key != (task.settings, task.digest):
        cool()
        _warm.append(_Warm(task.settings, task.digest))
    return _warm[0]


def cool() -> None:
    """Forget all that is kept."""
    while _warm:
        _warm.pop().close()


def _expected(unit: Unit, digest: str) -> Arrangement:
    found = arrangement(unit)
    if found is None or found.digest != digest:
        raise Conflict("the rules are shared out otherwise by now; nothing was written")
    return found


def _cycle(warm: _Warm, task: GroupTask) -> GroupReport:
    rules, now, number = warm.group(task.group), task.now, task.group
    with warm.store.under(task.fences).begin() as unit:
        (before,) = locked(unit, [number])
        _expected(unit, task.digest)
        if before.tick_us is not None and before.tick_us > to_us(now):
            return GroupReport()  # a later task was quicker
        rules.recall(unit)
        zones = warm.zones(number)
        cursor = unit.cursors.get(CURSOR)
        taken = unit.readings.since(cursor, cycle.BATCH, zones)
        fresh, more = cycle.whole_messages(taken), taken.height >= cycle.BATCH
        said = rules.decide(unit, fresh, now, more=more)
        raised, cleared = cycle.apply_alarms(unit, said.alarms)
        touched = cycle.apply_wants(unit, said.wants, now)
        opened = cycle.open_orders(unit, rules.rulebook, said.requests)
        cycle.record(unit, rules.rulebook, said, now)
        unit.cursors.set(CURSOR, cycle.heads(fresh))
        memory = rules.engine.snapshot()
        unit.state.put(memory_key(number), memory)
        tick = to_us(now) if not more else max(before.tick_us or 0, int(fresh["observed_at"].to_numpy().min()))
        series = frozenset(fresh["series"].unique().to_list()) & frozenset(warm.arrangement.watched)
        told = Tray(tick, (rules.engine.hand_up(),), frozenset(touched), series, cycle.replans(said.requests))
        unit.state.put(tray_key(number), before.and_then(told).dump())
    rules.keep(memory)
    return _report(rules, said, fresh, raised, cleared, opened, more=more)


def _report(
    rules: cycle.RulesAtWork, said: Decisions, fresh: pl.DataFrame, raised: int, cleared: int, opened: int, *,
    more: bool,
) -> GroupReport:  # fmt: skip
    newest = fresh["observed_at"].max()
    return GroupReport(
        readings=fresh.height,
        raised=raised,
        cleared=cleared,
        work_orders=opened,
        edges=Counter(edge.rule for edge in said.edges),
        faults=tuple((fault.rule, fault.error) for fault in said.faults),
        quarantined=frozenset(rules.engine.quarantined),
        newest_us=newest if isinstance(newest, int) else None,
        more=more,
    )
