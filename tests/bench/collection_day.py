"""A town's collection day through the whole service, against a field in the same process.

Nothing here is told to the planner but what sensors, trucks and people tell: telemetry goes into the store, rules ask
for plans, plans become programs and rounds, and trucks do what these say.
"""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from tempfile import TemporaryDirectory

from engine.broker import Message
from engine.instants import PARIS, noon
from engine.rounds import Round
from engine.settings import Settings
from engine.store import Store
from jobs.asking import askings
from jobs.bootstrap import StoryClock, catalogue_of, make_inference, orders_in, read_territory, rule_engine
from jobs.collection.rounds.in_force import DayRounds, rounds_on
from jobs.collection.tablets import Tablets
from jobs.cycle import RulesAtWork
from jobs.ingest import store_messages, store_raw, store_territory
from jobs.lighting.domain import dark_hours
from jobs.schedules.loading import built_in
from jobs.schedules.running import Runner, run_entry
from jobs.service import Service
from jobs.story import made_waste
from optimizers.routing import Stability, stability
from tests.bench.collection_town import FieldLink, Town
from twin.collection.containers import Containers, Dumped
from twin.collection.trucks import Truck
from twin.controller import Wire
from twin.faults import Fault, FaultKind
from twin.field.site import Site
from twin.field.story import Story

ROOT = Path(__file__).parents[2]
_PLANNED_AT = clock_time(20, 30)
_DELAY = timedelta(hours=1)
_NIGHT_SLOT = timedelta(minutes=30)
_DAY_BEGINS = "05:00"
"""Local. Before, nobody plans again: what the day itself changes is to be seen."""
_TURNS = 50  # of dispatch in one slot
_CLOSURE = """
closures:
  - id: show
    text: {{fr: rue barrée, en: street closed}}
    place: {{around: {{lat: {lat}, lon: {lon}, radius_m: {radius_m}}}}}
    through: true
    from: {day}
    until: {day}
"""


@dataclass(frozen=True)
class Change:
    """One plan of the day. `cause`: what asked for it; `seconds`: from asking to the tablets."""

    at: datetime
    cause: str
    found: DayRounds
    seconds: float
    before: DayRounds | None

    @property
    def kept(self) -> Stability | None:
        """Of the rounds before, as far as they were still to be driven."""
        if self.before is None:
            return None
        return stability(self.before.body.routes, self.found.body.routes)

    @property
    def same(self) -> list[str]:
        """Trucks that go on with the very stops they had, in their order."""
        return [name for name, was, now in self._trucks() if was == now]

    @property
    def changed(self) -> list[str]:
        return [name for name, was, now in self._trucks() if was != now]

    def _trucks(self) -> Iterator[tuple[str, list[str], list[str]]]:
        if self.before is not None:
            was = {one.vehicle: one.stops for one in self.before.rounds}
            for one in self.found.rounds:
                if was.get(one.vehicle) or one.stops:
                    yield one.vehicle, [s.asset for s in was.get(one.vehicle, ())], [s.asset for s in one.stops]


@dataclass
class Replay:
    """What came of a day: what happened, plans, and the field as it truly is."""

    events: list[tuple[datetime, str]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    trucks: list[Truck] = field(default_factory=list)
    containers: Containers | None = None

    @property
    def driven_km(self) -> float:
        return sum(truck.driven_m for truck in self.trucks) / 1000

    @property
    def emptied(self) -> dict[str, datetime]:
        return {name: at for truck in self.trucks for name, at, _ in truck.served}

    @property
    def kg(self) -> float:
        return sum(kg for truck in self.trucks for _, _, kg in truck.served)

    @property
    def full(self) -> int:
        """Containers that are full at the end, 95 % or more."""
        assert self.containers is not None
        return int((self.containers.fill >= 0.95).sum())

    @property
    def beside_l(self) -> float:
        assert self.containers is not None
        return float(self.containers.beside_l.sum())


@dataclass(frozen=True, kw_only=True)
class Script:
    """What happens on the day, by local time.

    breaks    a truck breaks down, the one with most to do then
    dumps     so many containers that no round empties are filled up at once
    closes    a street is closed at that time, a circle of `radius_m` around the next stop of a truck that is out
    """

    breaks: str | None = "09:40"
    dumps: str | None = "11:00"
    closes: str | None = "13:00"
    many: int = 3
    radius_m: float = 400.0


class Played:
    """One day, slot by slot. `replans`: whether anybody plans again; without, the first plan is driven as it is."""

    def __init__(
        self, folder: Path, town: Town, script: Script, day: date, *, replans: bool = True, slot_s: int = 300
    ) -> None:
        self._script, self._replans, self._slot = script, replans, timedelta(seconds=slot_s)
        self.start_at = noon(day - timedelta(days=1))
        self._day = day
        shutil.copytree(ROOT / "rules", folder / "rules")
        self.settings = Settings(
            database_url=f"sqlite:///{folder / 'day.db'}",
            rules_dir=folder / "rules",
            datasets_dir=ROOT / "datasets",
            data_dir=folder,
            settle_s=0.0,
            jitter_s=0.0,
            lang="en",
        )
        self._store = Store.open(self.settings.database_url, create=True)
        self._store.upgrade()
        self._store.ensure_partitions(self.start_at + timedelta(days=62))
        catalogue = catalogue_of(self.settings)
        inventory = town.inventory()
        store_territory(self._store, inventory, catalogue, "show", self.start_at)
        orders = orders_in(self.settings, catalogue)
        self.territory = read_territory(self._store, catalogue, orders)
        waste = made_waste(inventory.assets, dark_hours(self.start_at, self.settings), town.seed)
        store_raw(
            self._store, self.territory, waste.history, source="history", received_at=self.start_at, skew=timedelta(0)
        )
        self._assets, self._waste, self._seed = inventory.assets, waste, town.seed
        self._clock = StoryClock(self.start_at)
        self.result = Replay()
        self._tablets, self._over, self._causes = Tablets(), set[str](), list[str]()

    def run(self) -> Replay:
        """From noon before to late in the afternoon of the day: rounds are over by then."""
        inference = make_inference()
        rules = RulesAtWork(rule_engine(self.settings, self.territory, inference), self.territory, inference)
        site = Site(self._assets, self._story())
        self.result.trucks = [one for one in site.devices if isinstance(one, Truck)]
        self.result.containers = next(one for one in site.devices if isinstance(one, Containers))
        service = Service(self.settings, self._store, self.territory, rules, self._clock, FieldLink(site, self._clock))
        try:
            runner = Runner(service.context, built_in())
            while self._clock.at < self._local(_DAY_BEGINS) or not self._home():
                self._turn(service, runner, site)
                self._clock.at += self._slot if self._clock.at >= self._local(_DAY_BEGINS) else _NIGHT_SLOT
        finally:
            service.close()
            self._store.close()
        return self.result

    def _home(self) -> bool:
        """Whether no round goes on for longer, late ones included."""
        ends = [one.end_at for one in self._rounds if one.lines] if self.result.changes else []
        return self._clock.at > max(ends, default=self._clock.at - _DELAY) + _DELAY

    def _story(self) -> Story:
        waste = self._waste
        faults = [fault for fault in waste.faults if fault.kind is not FaultKind.FAILURE]
        return Story(
            self.start_at,
            slots=10_000,
            nights=(),
            bins=waste.bins,
            pace=waste.pace,
            faults=tuple(faults),
            seed=self._seed,
        )

    def _turn(self, service: Service, runner: Runner, site: Site) -> None:
        now = self._clock.at
        for what in self._happens(site):
            self.result.events.append((now, what))
            self._causes.append(what)
        self._hear(site, now)
        if now.astimezone(PARIS).time() == _PLANNED_AT and not self.result.changes:
            run_entry(service.context, runner.schedule, "plan-collection", now)
            self._note("plan-collection", site, 0.0)
        service.cycle()
        if self._replans and self.result.changes and now >= self._local(_DAY_BEGINS):
            self._plan_again(service, runner, site)
        _dispatch(service)
        service.store.seal()

    def _hear(self, site: Site, now: datetime) -> None:
        wires = site.telemetry(now)
        messages = [Message(one.topic, one.payload, 0, 0, 0) for one in wires]
        store_messages(self._store, self.territory, messages, received_at=now, skew=timedelta(0))

    def _plan_again(self, service: Service, runner: Runner, site: Site) -> None:
        with self._store.read() as unit:
            asked = max(askings(unit, "collection"), key=lambda one: one.at, default=None)
        began = time.monotonic()
        if any(cause.startswith("closed") for cause in self._causes):
            run_entry(service.context, runner.schedule, "replan-collection", self._clock.at)
        runner.look_at_events()
        by = [asked.by] if asked else []
        self._note("; ".join([*self._causes, *by]), site, time.monotonic() - began)

    def _note(self, cause: str, site: Site, seconds: float) -> None:
        """A plan that was put in force is told to the tablets."""
        with self._store.read() as unit:
            found = rounds_on(unit, self.territory, self._day)
            news = self._tablets.news(unit, self.territory, self._clock.at)
        changes = self.result.changes
        if found is None or (changes and changes[-1].found.record.id == found.record.id):
            return
        site.serve([Wire(topic, payload) for topic, payload in news.items()], self._clock.at)
        self._tablets.remember(news)
        before = changes[-1].found if changes else None
        self._causes.clear()
        changes.append(Change(self._clock.at, cause, found, seconds, before))

    def _happens(self, site: Site) -> Iterator[str]:
        """What the script has happen by now, each thing once; what it was, in a few words."""
        for name in ("breaks", "dumps", "closes"):
            at = getattr(self._script, name)
            if at is not None and name not in self._over and self._local(at) <= self._clock.at and self.result.changes:
                self._over.add(name)
                yield getattr(self, f"_{name}")(site)

    def _local(self, clock: str) -> datetime:
        return datetime.combine(self._day, clock_time.fromisoformat(clock), PARIS)

    def _breaks(self, site: Site) -> str:
        truck = self._busiest()
        site.faults.add(Fault(truck, FaultKind.FAILURE, self._clock.at, self._clock.at + timedelta(days=1)))
        return f"{truck} breaks down"

    def _busiest(self) -> str:
        """The truck with most stops to come."""
        left = {one.vehicle: [line for line in one.stops if line.begin_at > self._clock.at] for one in self._rounds}
        return max(left, key=lambda name: (len(left[name]), name))

    def _dumps(self, _site: Site) -> str:
        assert self.result.containers is not None
        served = {line.asset for one in self._rounds for line in one.stops}
        emptiest = sorted((one.asset for one in self._waste.bins if one.asset not in served), key=self._fill)
        chosen = emptiest[-self._script.many :]
        self.result.containers.bring(
            [Dumped(name, self._clock.at, 1.2 * (1 - self._fill(name)) * 4000.0) for name in chosen]
        )
        return f"{', '.join(chosen)} overflow"

    def _fill(self, name: str) -> float:
        assert self.result.containers is not None
        return self.result.containers.fill_of(name)

    def _closes(self, _site: Site) -> str:
        coming = [line for one in self._rounds for line in one.stops if line.begin_at > self._clock.at]
        if not coming:
            return "closed: a street where nobody is to stop any more"
        line = coming[len(coming) // 2]
        text = _CLOSURE.format(lat=line.lat, lon=line.lon, radius_m=self._script.radius_m, day=self._day)
        (self.settings.rules_dir / "closures.yaml").write_text(text)
        return f"closed: the street of {line.asset}"

    @property
    def _rounds(self) -> Sequence[Round]:
        return self.result.changes[-1].found.rounds


def _dispatch(service: Service) -> None:
    for _ in range(_TURNS):
        if service.dispatcher.settled() and not service.tend_batches():
            return
        service.dispatcher.step(0.0)


@contextmanager
def played(town: Town, script: Script, day: date, *, replans: bool = True, slot_s: int = 300) -> Iterator[Replay]:
    """The day of a town in a folder of its own."""
    with TemporaryDirectory() as folder:
        yield Played(Path(folder), town, script, day, replans=replans, slot_s=slot_s).run()
