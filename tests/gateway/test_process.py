"""The gateway as a process, over Mosquitto and the embedded broker: killed, browned out, and served what waited."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from engine.broker import Broker
from engine.equipment.mqtt import SUBSCRIPTIONS, MqttLink
from engine.model import AckStatus, Command, Program
from engine.wire import TELEMETRY, topic
from tests.broker.conftest import Mosquitto
from tests.waiting import PATIENCE_S
from twin.broker import EmbeddedBroker
from twin.effects import read_effects
from twin.gateway.faults import Fault, Faults, Kind, save_faults

ROOT = Path(__file__).resolve().parents[2]
POINT = "L-A-1-0001/illuminanceLevel"


@contextmanager
def running(folder: Path, url: str, *faults: Fault, more: tuple[str, ...] = ()) -> "Iterator[subprocess.Popen[str]]":
    save_faults(faults, folder / "faults.json")
    words = [sys.executable, "-m", "twin.gateway", "--broker", url, "--gateways", "A-1..A-2", "--points-per", "3"]
    words += ["--faults", str(folder / "faults.json"), "--effects", str(folder / "effects.jsonl"), *more]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        assert line, process.stderr.read()
        assert {"gateways": 2, "points": 6, "pid": process.pid} == json.loads(line)
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def link(server_url: str) -> Iterator[MqttLink]:
    broker = Broker(server_url, "core", SUBSCRIPTIONS)
    broker.connect()
    yield MqttLink(broker)
    broker.close()


@pytest.fixture
def server_url(mosquitto: str, tmp_path: Path, free_port: Callable[[], int]) -> Iterator[str]:
    (tmp_path / "broker").mkdir()
    server = Mosquitto(mosquitto, tmp_path / "broker", free_port())
    server.start()
    yield server.url()
    server.stop()


def order(seq: int, life_s: float = 60) -> Command:
    now = datetime.now(UTC)
    program = Program.constant(0.1 * seq, now, now + timedelta(hours=1))
    return Command(f"c{seq}", POINT, "A-1", seq, program, now, now + timedelta(seconds=life_s))


def answered(link: MqttLink, seq: int) -> list[tuple[int, AckStatus]]:
    """Sequence and status of every answer up to the one that speaks of a sequence, each but once."""
    said: dict[tuple[int, AckStatus], None] = {}
    while not any(spoken == seq for spoken, _ in said):
        found = link.receive(20.0)
        assert found.receipt, f"only {said}"
        said |= dict.fromkeys((ack.seq, ack.status) for ack in found.acks)
        link.confirm(found)
    return list(said)


@pytest.mark.mosquitto
def test_killed_it_goes_on_from_its_log(link: MqttLink, server_url: str, tmp_path: Path) -> None:
    """What is sent while it is dead waits at the broker; what it has done it does not do again."""
    with running(tmp_path, server_url) as process:
        link.send([order(1)])
        assert answered(link, 1) == [(1, AckStatus.ACCEPTED)]
        process.send_signal(signal.SIGKILL)
        process.wait()
    link.send([order(1), order(2)])
    with running(tmp_path, server_url):
        assert answered(link, 2) == [(1, AckStatus.DUPLICATE), (2, AckStatus.ACCEPTED)]
    assert [effect["seq"] for effect in read_effects(tmp_path / "effects.jsonl")] == [1, 2]


@pytest.mark.mosquitto
def test_after_a_brown_out_comes_at_once_what_waited(link: MqttLink, server_url: str, tmp_path: Path) -> None:
    """Sequence 2 is in action and unanswered when the power fails; after it, it is recognised, and 3 is too late."""
    cut = Fault(Kind.BROWN_OUT, 0.5, seconds=1.5)
    seed = next(seed for seed in range(100) if _strikes(cut, seed) == [True, False, False])
    with running(tmp_path, server_url, cut, more=("--seed", str(seed))):
        link.send([order(2), order(3, life_s=0.5)])
        assert answered(link, 3) == [(2, AckStatus.DUPLICATE), (3, AckStatus.EXPIRED)]
    assert [effect["seq"] for effect in read_effects(tmp_path / "effects.jsonl")] == [2]


def _strikes(fault: Fault, seed: int) -> list[bool]:
    """Whether it strikes sequence 2, then 2 once more, then 3."""
    faults = Faults([fault], seed, datetime.now(UTC))
    return [bool(faults.strike("A-1", POINT, seq, datetime.now(UTC))) for seq in (2, 2, 3)]


def test_over_the_embedded_broker_it_tells_and_ends_well(tmp_path: Path) -> None:
    with EmbeddedBroker() as broker:
        ears = Broker(broker.url, "ears", [topic("+", TELEMETRY)])
        ears.connect()
        try:
            locked = Fault(Kind.LOCK_OUT, on=("A-2",))
            with running(tmp_path, broker.url, locked, more=("--telemetry-s", "0.2")) as process:
                heard: dict[str, str] = {}
                while len(heard) < 2:
                    for message in ears.take(10, 20.0):
                        readings = orjson.loads(message.payload)["readings"]
                        heard[message.topic] = readings[0]["value"]
                process.send_signal(signal.SIGTERM)
                assert process.wait(PATIENCE_S) == 0
        finally:
            ears.close()
    assert heard == {topic("A-1", TELEMETRY): "automatic", topic("A-2", TELEMETRY): "manual"}


def test_what_is_wrong_with_its_input_ends_it(tmp_path: Path) -> None:
    (tmp_path / "faults.json").write_text('[{"kind": "dorp"}]')
    for words, code, what in (
        (["--faults", str(tmp_path / "faults.json")], 2, "0.kind"),
        (["--broker", "mqtt://127.0.0.1:1"], 1, "MQTT broker 127.0.0.1:1"),
    ):
        command = [sys.executable, "-m", "twin.gateway", "--effects", str(tmp_path / "log"), *words]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert (done.returncode, what in done.stderr) == (code, True), done.stderr


def test_a_made_town_is_written_down(tmp_path: Path) -> None:
    words = ["--gateways", "A-1..A-2", "--points-per", "3", "--save", str(tmp_path / "town")]
    subprocess.run([sys.executable, "-m", "twin.gateway", *words], cwd=ROOT, check=True, timeout=PATIENCE_S)
    assert len((tmp_path / "town" / "assets.csv").read_text().splitlines()) == 1 + 2 * (1 + 1 + 3)
