"""The field over a real broker: with a dispatcher that really dispatches, a service that dies, and as a process."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.broker import Broker
from engine.catalogue import Catalogue
from engine.equipment.mqtt import SUBSCRIPTIONS, MqttLink
from engine.errors import Unavailable
from engine.inventory.model import Territory
from engine.inventory.territory import save_territory
from engine.model import Ack, AckStatus, Asset, Command, CommandState, Commune, Level, Program, Slot, Zone
from engine.setpoints.dispatch import Dispatcher, DispatchPolicy
from engine.setpoints.outbox import settle
from engine.setpoints.points import PointInfo
from engine.wire import ACK, TELEMETRY, encode_ack, topic
from tests.setpoints.fakes import ManualClock, Memory
from tests.waiting import PATIENCE_S
from twin.broker import EmbeddedBroker
from twin.effects import EffectLog, read_effects
from twin.faults import Fault, FaultKind
from twin.field import Story
from twin.field.lockstep import DONE, HEARD, TICK, Lockstep
from twin.field.lockstep import SUBSCRIPTIONS as FIELD_SUBSCRIPTIONS
from twin.field.site import Site

NOON = datetime(2026, 11, 22, 11, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
ROOT = Path(__file__).resolve().parent.parent.parent


def lamps_and_cabinets(lamps: int, cabinets: int) -> tuple[Asset, ...]:
    made = [Asset(f"A-{n}", "StreetlightControlCabinet", "Z-1", -0.55, 47.47, None, f"A-{n}") for n in range(cabinets)]
    for n in range(lamps):
        cabinet = f"A-{n % cabinets}"
        attributes = {"power_w": 60.0, "standby_w": 0.5, "flux_curve": "led", "dimmable": True, "segment": cabinet,
                      "order": n // cabinets, "road_class": "residential", "class_full": "M5", "class_normal": "M6",
                      "luminance_full": 0.6, "counter": "T-1", "speed_kmh": 30.0, "composition": "mixed",
                      "parked_vehicles": True, "ambient": "low", "crossing": False}  # fmt: skip
        made.append(Asset(f"L-{n}", "Streetlight", "Z-1", -0.55, 47.47, cabinet, cabinet, attributes))
    return tuple(made)


def a_story(slots: int, *faults: Fault) -> Story:
    return Story(NOON, slots, ((NOON, NOON + timedelta(days=1)),), faults=faults)


@dataclass
class Core:
    """The smallest service there is: at each tick it wants another level of every lamp, and dispatches."""

    url: str
    memory: Memory
    points: dict[str, PointInfo]
    levels: Callable[[int], float] = lambda k: 0.3 + 0.1 * (k % 5)
    ticks: list[int] = field(default_factory=list)
    telemetry: list[Any] = field(default_factory=list)

    def __enter__(self) -> "Core":
        self.clock = ManualClock(NOON)
        self.line = Broker(self.url, "core", [*SUBSCRIPTIONS])
        self.ears = Broker(self.url, "ears", [topic("+", TELEMETRY), TICK])
        self.line.connect()
        self.ears.connect()
        policy = DispatchPolicy("core", ack_within=timedelta(seconds=30))
        self.dispatcher = Dispatcher(self.memory, MqttLink(self.line), self.clock, policy, self.points)
        return self

    def __exit__(self, *_: object) -> None:
        self.line.close()
        self.ears.close()

    def run(self, until_slot: int | None = None) -> bool:
        """Serve ticks until the end, or die in the middle of `until_slot`. Returns whether the end was reached."""
        while True:
            messages = self.ears.take(100, 10.0)
            assert messages, "the field fell silent"
            self.ears.ack(messages)
            self.telemetry += [(message.topic, message.payload) for message in messages if message.topic != TICK]
            for tick in (orjson.loads(message.payload) for message in messages if message.topic == TICK):
                try:
                    self.serve(tick, tick["k"] == until_slot)
                except Unavailable:
                    continue  # not done: the field says it again
                if tick["k"] == until_slot or tick.get("end"):
                    return bool(tick["k"] != until_slot)

    def serve(self, tick: dict[str, Any], dies: bool) -> None:
        self.ticks.append(tick["k"])
        self.clock.instant = max(self.clock.instant, datetime.fromisoformat(tick["at"]))
        if not tick.get("end"):
            self.decide(tick["k"])
        if dies:
            self.dispatcher.step(0.0)
            return
        self.dispatch()
        self.ears.publish(DONE, orjson.dumps({"k": tick["k"]}))
        self.ears.flush()

    def decide(self, k: int) -> None:
        now = self.clock.now()
        with self.memory() as unit:
            newest = unit.commands.newest(set(self.points))
            commands = []
            for name, point in self.points.items():
                program = Program.constant(self.levels(k), NOON + k * QUARTER, NOON + timedelta(days=1))
                slot = Slot(name, Level.DAY_AHEAD_PLAN, "plan:test", program, now, "v1", "a test")
                command = settle(point, [slot], newest.get(name), now, program.until).command
                commands += [command] if command else []
            unit.commands.enqueue(commands)

    def dispatch(self) -> None:
        """Steps until nothing is in flight, or nothing has come for a while."""
        quiet = 0
        while quiet < 3 and not self.dispatcher.settled():
            counts = self.dispatcher.step(0.1)
            quiet = 0 if counts.acked or counts.verified or counts.sent or counts.late else quiet + 1

    def states(self) -> list[CommandState]:
        return [command.state for command in self.memory.tables.commands.values()]


def points_of(assets: tuple[Asset, ...], catalogue: Catalogue) -> dict[str, PointInfo]:
    envelope = catalogue.point("Streetlight", "illuminanceLevel").envelope
    lamps = (asset for asset in assets if asset.type == "Streetlight")
    return {
        f"{lamp.id}/illuminanceLevel": PointInfo(f"{lamp.id}/illuminanceLevel", str(lamp.gateway), envelope, lamp.zone)
        for lamp in lamps
    }


@pytest.fixture
def url() -> Iterator[str]:
    with EmbeddedBroker() as broker:
        yield broker.url


@pytest.fixture
def field_in_a_thread(url: str, tmp_path: Path) -> Iterator[Callable[..., threading.Thread]]:
    """A function that tells a story about assets in a thread; the log is tmp_path/effects.jsonl."""
    stop, threads = threading.Event(), []

    def tell(assets: tuple[Asset, ...], story: Story) -> threading.Thread:
        def run() -> None:
            session = Broker(url, "field", FIELD_SUBSCRIPTIONS)
            session.connect()
            with EffectLog(tmp_path / "effects.jsonl") as effects:
                Lockstep(session, Site(assets, story), effects, story, repeat_after_s=0.5).run(stop)
            session.close()

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        return threads[-1]

    yield tell
    stop.set()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


def test_commands_of_every_slot_are_applied_once_and_verified(
    url: str, tmp_path: Path, catalogue: Catalogue, field_in_a_thread: Callable[..., threading.Thread]
) -> None:
    assets = lamps_and_cabinets(6, 2)
    with Core(url, Memory(), points_of(assets, catalogue)) as core:
        field_in_a_thread(assets, a_story(4))
        assert core.run()
    assert sorted(set(core.ticks)) == [0, 1, 2, 3, 4]
    assert core.states() == [CommandState.VERIFIED] * 24
    effects = read_effects(tmp_path / "effects.jsonl")
    assert sorted(effect["id"] for effect in effects) == sorted(core.memory.tables.commands)
    times = [effect["at"] for effect in effects]
    assert times == sorted(times)
    assert core.memory.tables.alarms == {}


def test_every_slot_brings_every_gateways_telemetry(
    url: str, catalogue: Catalogue, field_in_a_thread: Callable[..., threading.Thread]
) -> None:
    assets = lamps_and_cabinets(6, 2)
    with Core(url, Memory(), points_of(assets, catalogue)) as core:
        field_in_a_thread(assets, a_story(3))
        core.run()
    by_slot = {(name, orjson.loads(payload)["observed_at"]) for name, payload in core.telemetry}
    assert by_slot == {
        (topic(f"A-{n}", TELEMETRY), f"2026-11-22T11:{minute}:00Z") for n in (0, 1) for minute in ("00", "15", "30")
    }
    levels = [
        reading["value"]
        for name, payload in sorted(set(core.telemetry), key=lambda told: orjson.loads(told[1])["observed_at"])
        for reading in orjson.loads(payload)["readings"]
        if (reading["asset"], reading["property"]) == ("L-0", "illuminanceLevel")
    ]
    assert levels == pytest.approx([1.0, 0.3, 0.4])


@pytest.mark.parametrize(
    ("kind", "ends"),
    [
        (FaultKind.DROP_COMMAND, {"verified"}),
        (FaultKind.DROP_ACK, {"verified"}),
        (FaultKind.DOUBLE, {"verified"}),
        (FaultKind.REJECT, {"verified", "rejected"}),
        (FaultKind.LIE, {"verified", "failed"}),
        (FaultKind.STUCK, {"verified", "failed"}),
    ],
)
def test_each_fault_of_one_slot_is_overcome_or_reported(
    url: str,
    tmp_path: Path,
    catalogue: Catalogue,
    field_in_a_thread: Callable[..., threading.Thread],
    kind: FaultKind,
    ends: set[str],
) -> None:
    """One level for the whole story; the fault strikes L-0 in the first slot only, or while it is stuck."""
    assets = lamps_and_cabinets(3, 1)
    until = NOON + (9 if kind is FaultKind.STUCK else 1) * QUARTER
    story = a_story(6, Fault("L-0", kind, NOON, until))
    with Core(url, Memory(), points_of(assets, catalogue), levels=lambda _: 0.4) as core:
        field_in_a_thread(assets, story)
        assert core.run()
    of_lamp = [c for c in core.memory.tables.commands.values() if c.point.startswith("L-0/")]
    assert {c.state.value for c in of_lamp if c.state.terminal} == ends, "a stuck lamp is at its safe value"
    assert {c.state for c in core.memory.tables.commands.values() if c not in of_lamp} == {CommandState.VERIFIED}
    effects = [effect["id"] for effect in read_effects(tmp_path / "effects.jsonl")]
    assert len(effects) == len(set(effects))
    assert bool(core.memory.tables.alarms) == ("verified" not in ends or len(ends) > 1)


def test_a_service_that_dies_and_returns_loses_nothing(
    url: str, tmp_path: Path, catalogue: Catalogue, field_in_a_thread: Callable[..., threading.Thread]
) -> None:
    """It dies with commands on their way, twice; the field waits, repeats the slot, and nothing is applied twice."""
    assets, memory = lamps_and_cabinets(4, 2), Memory()
    ticks: list[int] = []
    for dies_in in (1, 3, None):
        with Core(url, memory, points_of(assets, catalogue)) as core:
            if dies_in == 1:
                field_in_a_thread(assets, a_story(5))
            core.clock.instant = max((c.issued_at for c in memory.tables.commands.values()), default=NOON)
            assert core.run(dies_in) == (dies_in is None)
            ticks += core.ticks
    assert sorted(set(ticks)) == [0, 1, 2, 3, 4, 5]
    assert ticks.count(1) > 1
    states = [command.state for command in memory.tables.commands.values()]
    assert all(state in {CommandState.VERIFIED, CommandState.SUPERSEDED} for state in states)
    newest = {c.point: c for c in sorted(memory.tables.commands.values(), key=lambda c: c.seq)}
    assert {c.state for c in newest.values()} == {CommandState.VERIFIED}
    effects = [effect["id"] for effect in read_effects(tmp_path / "effects.jsonl")]
    verified = {c.id for c in memory.tables.commands.values() if c.state is CommandState.VERIFIED}
    assert len(effects) == len(set(effects))
    assert verified <= set(effects) <= set(memory.tables.commands), "what a newer one overtook may never have left"


@pytest.mark.parametrize("heard", [True, False])
def test_telemetry_that_was_heard_is_not_told_again_while_the_service_is_busy(
    url: str, field_in_a_thread: Callable[..., threading.Thread], heard: bool
) -> None:
    ears = Broker(url, "ears", [topic("+", TELEMETRY), TICK])
    ears.connect()
    field_in_a_thread(lamps_and_cabinets(2, 2), a_story(1))
    told, ticks = 0, 0
    while ticks < 4:
        for message in ears.take(100, 10.0):
            ears.ack([message])
            told += message.topic != TICK
            if message.topic == TICK:
                ticks += 1
                if heard and ticks == 1:
                    ears.publish(HEARD, orjson.dumps({"k": 0}))
                    ears.flush()
    once = 2  # cabinets
    assert told == (once if heard else 4 * once)
    for k in (0, 1):
        ears.publish(DONE, orjson.dumps({"k": k}))
        ears.flush()
    ears.close()


def test_a_forged_acknowledgement_over_the_wire_changes_nothing(url: str, catalogue: Catalogue) -> None:
    """Another gateway acknowledges, in its own branch, what its addressee never got."""
    with Core(url, Memory(), points_of(lamps_and_cabinets(2, 2), catalogue)) as core:
        core.decide(0)
        command = next(c for c in core.memory.tables.commands.values() if c.point.startswith("L-0/"))
        assert core.dispatcher.step(0.0).sent == 2
        forger = Broker(url, "A-1")
        forger.connect()
        forger.publish(topic("A-1", ACK), encode_ack(ack_of(command)))
        forger.flush()
        forger.close()
        assert core.dispatcher.step(10.0).refused == 1
    assert core.memory.state(command) is CommandState.SENT
    assert core.memory.details(command)[-1] == "refused: A-1 sent an acknowledgement for A-0"


def ack_of(command: Command) -> Ack:
    return Ack(command.id, command.point, command.gateway, command.seq, AckStatus.ACCEPTED)


# As a process.


@pytest.fixture
def territory(tmp_path: Path) -> tuple[Path, tuple[Asset, ...]]:
    counter = Asset("T-1", "TrafficFlowObserved", "Z-1", -0.55, 47.47, None, "T-1")
    assets = (*lamps_and_cabinets(4, 2), counter)
    commune = Commune("49007", "Angers", 157_175, -0.55, 47.47, 42.7)
    folder = tmp_path / "territory"
    save_territory(Territory((commune,), (Zone("Z-1", "49007"),), assets), folder)
    return folder, assets


def start(folder: Path, story: Path, *more: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "twin.field", "--folder", str(folder), "--story", str(story), *more]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_field_is_a_process_that_ends_with_its_story(
    territory: tuple[Path, tuple[Asset, ...]], tmp_path: Path, catalogue: Catalogue
) -> None:
    folder, assets = territory
    a_story(3).save(tmp_path / "story.json")
    with start(folder, tmp_path / "story.json") as process:
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        assert line["pid"] == process.pid
        with Core(f"mqtt://127.0.0.1:{line['port']}", Memory(), points_of(assets, catalogue)) as core:
            assert core.run()
        assert process.wait(PATIENCE_S) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert core.states() == [CommandState.VERIFIED] * 12
    assert len(read_effects(tmp_path / "effects.jsonl")) == 12


def test_sigterm_ends_it_well(territory: tuple[Path, tuple[Asset, ...]], tmp_path: Path, url: str) -> None:
    a_story(3).save(tmp_path / "story.json")
    with start(territory[0], tmp_path / "story.json", "--broker", url, "--effects", str(tmp_path / "e")) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["port"] == int(url.rsplit(":", 1)[1])
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0


def test_a_wrong_story_ends_it_with_2(territory: tuple[Path, tuple[Asset, ...]], tmp_path: Path) -> None:
    (tmp_path / "story.json").write_text("{}")
    with start(territory[0], tmp_path / "story.json") as process:
        _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    assert "start_at: Field required" in said
    assert "slots: Field required" in said


def test_without_its_broker_it_ends_with_1(
    territory: tuple[Path, tuple[Asset, ...]], tmp_path: Path, free_port: Callable[[], int]
) -> None:
    a_story(3).save(tmp_path / "story.json")
    with start(territory[0], tmp_path / "story.json", "--broker", f"mqtt://127.0.0.1:{free_port()}") as process:
        _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert "MQTT broker 127.0.0.1" in said
