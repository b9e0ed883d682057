"""`consigne demo`: one night of the sample territory through the whole loop, against a field in another process."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from engine import wire
from engine.broker import Broker, Message
from engine.equipment.mqtt import SUBSCRIPTIONS, MqttLink
from engine.errors import Conflict, ConsigneError, InputError, Problem
from engine.instants import noon
from engine.inventory.territory import load_territory
from engine.settings import Settings, language
from engine.store import Store
from jobs.bootstrap import (
    StoryClock,
    Territory,
    WallClock,
    blast_in,
    catalogue_of,
    events_in,
    make_inference,
    open_broker,
    orders_in,
    private_settings,
    read_territory,
    rule_engine,
)
from jobs.cycle import RulesAtWork
from jobs.domains import DOMAINS
from jobs.ingest import store_raw, store_territory
from jobs.irrigation import tables as irrigation
from jobs.lighting.domain import dark_hours
from jobs.lighting.tables import tables_of
from jobs.outcome import NightOutcome, measure_night, show_outcome
from jobs.progress import Bar, progress
from jobs.roads.keeping import keep, kept_file
from jobs.schedules.loading import built_in
from jobs.schedules.occurrences import Schedule
from jobs.schedules.running import SCHEDULE, Runner, occasion_at, run_entry
from jobs.service import Service
from jobs.story import (
    DEFAULT_NIGHT,
    Traffic,
    made_buildings,
    made_greens,
    made_traffic,
    made_waste,
    make_story,
    real_traffic,
    seen_before,
)
from jobs.table import PlanArguments
from jobs.words import Lang, say
from twin.field.lockstep import DONE, HEARD, SYNC, SYNCED, TICK
from twin.territory.roads import made_roads

_MARK = ".consigne-demo"
_PATIENCE_S = 5.0
_QUIET_S = 0.02
_QUARTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the newcomer asked for. `attach` goes on with the field and database the folder speaks of."""

    folder: Path
    counts: tuple[Path, ...] = ()
    night: date | None = None
    seed: int = 1
    attach: bool = False
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class _Scene:
    """What `demo.json` remembers, so that a killed demo can be attached to and `why --demo` finds its database."""

    database_url: str
    broker_url: str
    field_pid: int
    counts: list[str]
    seed: int
    night: str

    def origin(self, lang: Lang) -> str:
        """Where the night's traffic is from."""
        if self.counts:
            return say("counts_real", lang, files=", ".join(self.counts))
        return say("counts_made", lang, seed=self.seed)

    def save(self, folder: Path) -> None:
        draft = folder / "demo.part"
        draft.touch(mode=0o600)  # the URLs may hold passwords
        draft.write_text(json.dumps({name: getattr(self, name) for name in self.__slots__}))
        draft.replace(folder / "demo.json")

    @classmethod
    def load(cls, folder: Path) -> "_Scene":
        try:
            return cls(**json.loads((folder / "demo.json").read_text()))
        except (OSError, ValueError, TypeError):
            raise InputError([Problem(str(folder), 0, 0, "holds no demo", "run consigne demo first")]) from None


def demo_settings(settings: Settings, folder: Path) -> Settings:
    """The settings under which the demo of that folder ran. Raises InputError if there is none."""
    scene = _Scene.load(folder)
    return settings.model_copy(update={"database_url": scene.database_url, "broker_url": scene.broker_url})


def demo_night(folder: Path) -> date:
    """The day whose noon the night of the demo of that folder began at. Raises InputError if there is none."""
    return date.fromisoformat(_Scene.load(folder).night)


def run_demo(settings: Settings, options: DemoOptions) -> NightOutcome:
    """Play the night to its end and show what came of it. Raises Conflict for a database that is not the demo's."""
    began = time.monotonic()
    scene = _Scene.load(options.folder) if options.attach else _set_scene(settings, options)
    chosen = settings.model_copy(
        update={
            "database_url": scene.database_url,
            "broker_url": scene.broker_url,
            "data_dir": options.folder,
            "settle_s": 0.0,
        }
    )
    store = Store.open(chosen.database_url)
    catalogue = catalogue_of(chosen)
    orders = orders_in(chosen, catalogue)
    territory = read_territory(
        store, catalogue, orders, blast=blast_in(chosen, catalogue), events=events_in(chosen, orders),
        tables=tables_of(chosen),
    )  # fmt: skip
    start = noon(date.fromisoformat(scene.night))
    try:
        with _service(chosen, store, territory, start) as (service, line), _bar(options, chosen) as bar:
            if not options.attach:
                service.cycle()  # puts the rules in service at the story's first instant
            _follow(service, line, bar, start)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.kill(scene.field_pid, signal.SIGTERM)
        raise
    outcome = measure_night(
        store, territory, chosen, start, origin=scene.origin(language(chosen)), folder=options.folder
    )
    if not options.quiet:
        show_outcome(outcome, language(chosen), seconds=time.monotonic() - began)
    return outcome


def _set_scene(settings: Settings, options: DemoOptions) -> _Scene:
    """Empty folder, database with territory and history, story, field running: everything before the night."""
    folder = options.folder
    _clear(folder)
    chosen = private_settings(settings, folder)
    if "broker_url" in settings.model_fields_set:
        open_broker(chosen, "consigne-demo").close()
    store = _fresh_store(chosen)
    catalogue = catalogue_of(chosen)
    sample = load_territory(chosen.datasets_dir / "sample", catalogue)
    store_territory(store, sample, catalogue, "demo", WallClock().now())
    keep(made_roads(sample.assets), kept_file(chosen.model_copy(update={"data_dir": folder})))
    territory = read_territory(store, catalogue)
    traffic = _traffic(territory, options)
    start = noon(traffic.night)
    store.ensure_partitions(start + timedelta(days=62))
    dark = dark_hours(start, chosen)
    greens = made_greens(sample.assets, dark, irrigation.tables_of(chosen), options.seed)
    waste = made_waste(sample.assets, dark, options.seed)
    buildings = made_buildings(sample.assets, dark, irrigation.tables_of(chosen), options.seed)
    told = (traffic.history, seen_before(sample.assets, dark, options.seed))
    for known in (*told, greens.history, waste.history, buildings.history):
        store_raw(store, territory, known, source="history", received_at=start, skew=timedelta(0))
    story = make_story(sample.assets, traffic, greens, waste, buildings, dark, tables_of(chosen), options.seed)
    story.save(folder / "story.json")
    broker_url, pid = _start_field(chosen, folder)
    scene = _Scene(
        chosen.database_url,
        broker_url,
        pid,
        [path.name for path in options.counts],
        options.seed,
        traffic.night.isoformat(),
    )
    scene.save(folder)
    return scene


def _clear(folder: Path) -> None:
    """Remove an earlier demo, and nothing else."""
    if (folder / _MARK).exists():
        shutil.rmtree(folder)
    elif folder.exists() and any(folder.iterdir()):
        raise Conflict(f"{folder} is not empty and holds no demo → name another folder with --folder")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).touch()


def _fresh_store(chosen: Settings) -> Store:
    store = Store.open(chosen.database_url, create=True)
    store.upgrade()
    with store.read() as unit:
        if unit.inventory.zones():
            raise Conflict("the configured database holds a territory already → the demo wants an empty one")
    return store


def _traffic(territory: Territory, options: DemoOptions) -> Traffic:
    if options.counts:
        return real_traffic(options.counts, territory, options.night)
    return made_traffic(territory.of_type("TrafficFlowObserved"), options.night or DEFAULT_NIGHT, options.seed)


def _start_field(chosen: Settings, folder: Path) -> tuple[str, int]:
    """Start the field in a session of its own, so that it outlives us. Returns its broker's URL and its pid."""
    command = [sys.executable, "-m", "twin.field"]
    command += ["--folder", str(chosen.datasets_dir / "sample"), "--story", str(folder / "story.json")]
    command += [
        "--catalogue",
        str(chosen.datasets_dir / "reference/catalogue.yaml"),
    ]
    configured = "broker_url" in chosen.model_fields_set
    command += ["--broker", chosen.broker_url] if configured else ["--port", "0"]
    with (folder / "field.log").open("wb") as log:
        field = subprocess.Popen(  # noqa: S603 - our own module
            command, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
        )
    assert field.stdout is not None  # noqa: S101
    line = field.stdout.readline()
    field.stdout.close()
    if not line:
        raise ConsigneError(f"the simulated field did not start → read {folder / 'field.log'}")
    port = orjson.loads(line)["port"]
    return (chosen.broker_url if configured else f"mqtt://127.0.0.1:{port}"), field.pid


@contextlib.contextmanager
def _service(chosen: Settings, store: Store, territory: Territory, start: datetime) -> Iterator[tuple[Service, Broker]]:
    """The service under the story's clock. The field is stopped with us, unless we are killed."""
    line = Broker(chosen.broker_url, "consigne-telemetry", [wire.topic("+", wire.TELEMETRY), TICK, SYNCED])
    line.connect()
    orders = Broker(chosen.broker_url, "consigne-dispatch", SUBSCRIPTIONS)
    orders.connect()
    inference = make_inference()
    rules = RulesAtWork(rule_engine(chosen, territory, inference), territory, inference)
    service = Service(chosen, store, territory, rules, StoryClock(start), MqttLink(orders), crews=line)
    try:
        yield service, line
    finally:
        service.close()
        orders.close()
        line.close()


def _bar(options: DemoOptions, chosen: Settings) -> contextlib.AbstractContextManager[Bar]:
    return progress(say("step_night", language(chosen)), 96, quiet=options.quiet)


def _follow(service: Service, line: Broker, bar: Bar, start: datetime) -> None:
    """Answer every tick of the field with one whole round of the service, until the field says the story ends."""
    waiting: list[Message] = []
    runner, done = Runner(service.context, built_in()), -1
    while True:
        for message in line.take(10_000, 1.0):
            waiting.append(message)
            if message.topic != TICK:
                continue
            tick = orjson.loads(message.payload)
            telemetry = [m for m in waiting if m.topic != TICK]
            waiting.clear()
            if tick["k"] > done:
                _round(service, runner, line, telemetry, tick, start)
            else:  # a field that waits says a slot again: a second round of it would look at what the first one sent
                service.ingest(telemetry, line)
            done = tick["k"]
            line.ack([message])
            line.publish(DONE, orjson.dumps({"k": tick["k"]}))
            line.flush()
            bar.reach(tick["k"], tick["at"][11:16] + "Z")
            if tick.get("end"):
                return


def _round(
    service: Service, runner: Runner, line: Broker, telemetry: list[Message], tick: dict[str, Any], start: datetime
) -> None:  # fmt: skip
    """Everything the service does in one quarter hour. Doing it twice, after a kill, changes nothing."""
    clock = service.clock
    assert isinstance(clock, StoryClock)  # noqa: S101
    clock.at = max(clock.at, datetime.fromisoformat(tick["at"]))
    service.ingest(telemetry, line)
    line.publish(HEARD, orjson.dumps({"k": tick["k"]}))  # or it is told again every two seconds while a plan is made
    if not tick.get("end"):
        _plan(service, runner.schedule, clock.at, start)
    service.cycle()
    runner.look_at_events()
    service.tell_rounds()
    _dispatch(service, line)
    while service.tend_batches():
        _dispatch(service, line)
    if tick["k"] % 4 == 0 or tick.get("end"):
        run_entry(service.context, runner.schedule, "roll-up", clock.at, SCHEDULE)
    if tick.get("end"):
        _wait_out(service, clock, line)
    service.store.seal()


def _plan(service: Service, schedule: Schedule, at: datetime, start: datetime) -> None:
    """Whatever is to be planned of the story by now. What was planned of the night before is not its."""
    for name in (f"plan-{domain}" for domain in DOMAINS):
        if name in schedule.entries:
            _, occasion = occasion_at(schedule, name, at, SCHEDULE)
            ahead = PlanArguments.model_validate(dict(occasion.arguments)).ahead
            if occasion.due_at + ahead >= start:
                run_entry(service.context, schedule, name, at, SCHEDULE)


def _dispatch(service: Service, line: Broker) -> None:
    """Send and take answers until the field has no more to say: what it has not answered now, it will not this time."""
    answered = False
    while not service.dispatcher.settled():
        if any(astuple(service.dispatcher.step(_QUIET_S))):
            answered = False
        elif answered:
            return
        else:
            _sync(line)
            answered = True


def _sync(line: Broker) -> None:
    """Wait until the field has read and answered everything that was sent before this call."""
    line.publish(SYNC, b"")
    line.flush()
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        messages = line.take(10_000, 0.2)
        line.ack(messages)
        if any(message.topic == SYNCED for message in messages):
            return


def _wait_out(service: Service, clock: StoryClock, line: Broker) -> None:
    """Let the story's clock run on until every command that is still under way has come to its end."""
    for _ in range(8):
        if service.dispatcher.settled():
            return
        clock.at += _QUARTER
        _dispatch(service, line)
