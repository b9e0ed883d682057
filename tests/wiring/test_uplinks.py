"""LoRaWAN uplinks from a network server's broker into the store."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine import wire
from engine.errors import InputError, Unavailable
from engine.model import Reason
from engine.store import Store
from jobs.bootstrap import StoryClock, Territory
from jobs.cycle import RulesAtWork
from jobs.service import Service, serve
from jobs.table import JobContext
from jobs.uplinks import UplinkSource, uplink_sources
from tests.conftest import BOTH
from tests.equipment.peers.lorawan import ChirpStackPeer, NetworkServer, TtsPeer
from tests.equipment.peers.mqtt import connected
from tests.telemetry.test_lorawan import chirp
from tests.waiting import PATIENCE_S
from tests.wiring.conftest import NOON

pytestmark = pytest.mark.mosquitto
LAMP = "L-49028-00001"


@pytest.fixture(params=[TtsPeer, ChirpStackPeer])
def server(
    request: pytest.FixtureRequest, mosquitto: str, tmp_path: Path, free_port: Callable[[], int], territory: Territory
) -> Iterator[NetworkServer]:
    """Its lamp stands at a lamp of the sample territory."""
    assert LAMP in territory.by_id
    made: NetworkServer = request.param(mosquitto, tmp_path, free_port())
    file = tmp_path / "devices.yaml"
    file.write_text(file.read_text().replace("asset: L-1,", f"asset: {LAMP},"))
    made.clock.at = NOON
    made.start()
    yield made
    made.stop()


@pytest.fixture
def source(server: NetworkServer, service: JobContext) -> Iterator[UplinkSource]:
    with closing(UplinkSource(server.connection)) as made:  # type: ignore[arg-type]
        assert made.step(service) is None
        yield made


def stepped(source: UplinkSource, context: JobContext, received: int) -> dict[str, Any]:
    """Steps until so many rows have come. What became of them."""
    deadline, stored, refused = time.monotonic() + PATIENCE_S, 0, dict[Reason, int]()
    while stored + sum(refused.values()) < received:
        assert time.monotonic() < deadline
        intake = source.step(context)
        if intake is None:
            time.sleep(0.02)
            continue
        stored += intake.stored
        refused |= {reason: refused.get(reason, 0) + count for reason, count in intake.refused.items()}
    return {"stored": stored, **refused}


def exchange(source: UplinkSource) -> None:
    """There and back on its connection: the broker has heard what it acknowledged, and sent it what waited for it."""
    source._broker.publish("echo", b"")
    source._broker.flush()


def levels(store: Store, territory: Territory) -> list[float]:
    names = {value: key for key, value in territory.series_names.items()}
    with store.read() as unit:
        history = unit.readings.history([names[LAMP, "illuminanceLevel"]], 0, 2**62)
    return list(history["value"])


@BOTH
def test_an_uplink_becomes_a_reading_of_its_asset(
    server: NetworkServer, source: UplinkSource, service: JobContext
) -> None:
    server.pass_time()
    server.clock.forward(minutes=4)
    server._level = 0.25
    server.pass_time()
    late = replace(service, clock=StoryClock(server.clock.at))
    assert stepped(source, late, 2) == {"stored": 2}
    assert levels(service.store, service.territory) == [1.0, 0.25]


@pytest.mark.parametrize("server", [ChirpStackPeer], indirect=True)
def test_what_is_refused_is_kept_with_its_reason(
    server: NetworkServer, source: UplinkSource, service: JobContext
) -> None:
    server.pass_time()
    stranger = "0909090909090909"
    for topic, payload in (
        (server._topic("event/up").replace("a84041ffff16c2d7", stranger), chirp(stranger, NOON, b"\1").payload),  # type: ignore[attr-defined]
        (server._topic("event/up"), b"{"),  # type: ignore[attr-defined]
    ):
        server._line.publish(topic, payload)
    assert stepped(source, service, 3) == {"stored": 1, Reason.UNKNOWN_ASSET: 1, Reason.MALFORMED: 1}
    with service.store.read() as unit:
        kept = unit.readings.refusals(10)
    assert set(kept["source"]) == {"lorawan:lora"}
    assert set(kept["asset"]) == {f"LoRaWAN device {stranger}", None}


@pytest.mark.parametrize("server", [TtsPeer], indirect=True)
def test_a_database_that_is_away_loses_no_uplink(
    server: NetworkServer, source: UplinkSource, service: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.pass_time()

    def away() -> None:
        raise Unavailable("database away")

    with monkeypatch.context() as patched:
        patched.setattr(service.store, "begin", away)
        deadline = time.monotonic() + PATIENCE_S
        with pytest.raises(Unavailable, match="database away"):
            while time.monotonic() < deadline:
                source.step(service)
                time.sleep(0.02)
    assert stepped(source, service, 1) == {"stored": 1}


@pytest.mark.parametrize("server", [TtsPeer], indirect=True)
def test_a_session_that_was_away_misses_nothing(server: NetworkServer, service: JobContext) -> None:
    connection: Any = server.connection
    with closing(UplinkSource(connection)) as first:
        first.step(service)
    server.pass_time()
    with closing(UplinkSource(connection)) as second:
        assert stepped(second, service, 1) == {"stored": 1}
        exchange(second)
    with closing(UplinkSource(connection)) as third:
        third.step(service)
        exchange(third)
        assert third.step(service) is None, "what was stored does not come again"


@pytest.mark.parametrize("server", [ChirpStackPeer], indirect=True)
def test_the_service_listens_beside_its_loop(server: NetworkServer, service: JobContext, rules: RulesAtWork) -> None:
    link = server.connection.open(server.site)
    sources = uplink_sources([server.connection], 1_000)
    stop, settings = threading.Event(), service.settings
    telemetry = connected(server.connection.session("telemetry", wire.topic("+", wire.TELEMETRY)))  # type: ignore[attr-defined]
    with closing(telemetry), link as opened, closing(sources[0]):
        whole = Service(settings, service.store, service.territory, rules, service.clock, opened, uplinks=sources)
        loop = threading.Thread(target=serve, args=(whole, telemetry, stop))
        loop.start()
        deadline = time.monotonic() + PATIENCE_S
        while not levels(service.store, service.territory):
            assert time.monotonic() < deadline
            server.pass_time()
            time.sleep(0.1)
        stop.set()
        loop.join(60)
    assert set(levels(service.store, service.territory)) == {1.0}


@pytest.mark.parametrize("server", [TtsPeer], indirect=True)
def test_a_file_of_devices_that_is_wrong_stops_the_start(server: NetworkServer, tmp_path: Path) -> None:
    connection = server.connection
    (tmp_path / "devices.yaml").write_text("profiles: {}\n")
    fresh = type(connection).model_validate(connection.model_dump())
    with pytest.raises(InputError, match="at least 1"):
        uplink_sources([fresh], 1_000)
