"""The shipped Mosquitto configuration does what its comments say."""

import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.broker import Broker, Message
from engine.errors import Unavailable
from engine.wire import ACK, COMMAND, GET, STATE, TELEMETRY, topic

Connect = Callable[..., Broker]
Gather = Callable[[Broker, int], list[Message]]
pytestmark = pytest.mark.mosquitto
version = pytest.mark.parametrize("version", ["3", "5"])

PACKET_LIMIT = 262_144
QUEUE_LIMIT = 100_000
EVERYTHING = ("#", "consigne/v1/#", "consigne/v1/+/command", "consigne/v1/gw-a/command", "consigne/v1/+/+", "$SYS/#")


def heard(service: Broker) -> list[tuple[str, bytes]]:
    """All that the service was sent before its own word came back."""
    service.publish(topic("consigne", COMMAND), b"end")
    service.flush()
    found: list[tuple[str, bytes]] = []
    while (message := service.take(1, timeout_s=20)[0]).payload != b"end":
        found.append((message.topic, message.payload))
    return found


@pytest.fixture
def service(server: Any, connect: Connect) -> Broker:
    return connect(server.url(), "service", "consigne/v1/#")


@version
@pytest.mark.parametrize("user", ["", "nobody:x@", "gw-a:wrong@", "gw-a:@", "GW-A:secret%20of%20gw-a@"])
def test_nobody_enters_without_a_name_and_its_password(server: Any, version: str, user: str) -> None:
    broker = Broker(f"mqtt://{user}127.0.0.1:{server.port}?version={version}", "stranger")
    with pytest.raises(Unavailable, match="Not authorized"):
        broker.connect(timeout_s=60)


@version
def test_a_gateway_writes_in_its_own_branch_only(server: Any, connect: Connect, service: Broker, version: str) -> None:
    gateway = connect(server.url("gw-a", version), "gw-a")
    allowed = [topic("gw-a", channel) for channel in (TELEMETRY, ACK, STATE)]
    forged = [
        *(topic("gw-b", channel) for channel in (TELEMETRY, ACK, STATE, COMMAND, GET)),
        *(topic("gw-a", channel) for channel in (COMMAND, GET, "other", "telemetry/x")),
        "consigne/v1/gw-a", "consigne/v1/telemetry", "consigne/v2/gw-a/telemetry", "telemetry", "$SYS/broker/uptime",
    ]  # fmt: skip
    for name in [*forged, *allowed]:
        gateway.publish(name, b"mine")
    gateway.flush()
    assert heard(service) == [(name, b"mine") for name in allowed]


@version
def test_a_forged_acknowledgement_is_refused(server: Any, connect: Connect, service: Broker, version: str) -> None:
    forger, honest = connect(server.url("gw-b", version), "gw-b"), connect(server.url("gw-a", version), "gw-a")
    for channel in (ACK, STATE, TELEMETRY):
        forger.publish(topic("gw-a", channel), b"forged")
    forger.flush()
    honest.publish(topic("gw-a", ACK), b"honest")
    honest.flush()
    assert heard(service) == [(topic("gw-a", ACK), b"honest")]


@version
def test_a_gateway_hears_its_own_commands_only(
    server: Any, connect: Connect, gather: Gather, service: Broker, version: str
) -> None:
    spy = connect(server.url("gw-b", version), "gw-b", *EVERYTHING)
    other = connect(server.url("gw-a", version), "gw-a")
    for channel in (TELEMETRY, ACK, STATE):
        other.publish(topic("gw-a", channel), b"of gw-a")
        spy.publish(topic("gw-b", channel), b"own")
    other.flush()
    spy.flush()
    for gateway in ("gw-a", "gw-b"):
        for channel in (COMMAND, GET):
            service.publish(topic(gateway, channel), gateway.encode())
    service.publish(topic("gw-b", GET), b"end")
    service.flush()
    found = gather(spy, 1)
    while found[-1].payload != b"end":
        found += gather(spy, 1)
    assert {(message.topic, message.payload) for message in found[:-1]} <= {
        (topic("gw-b", COMMAND), b"gw-b"), (topic("gw-b", GET), b"gw-b"), (topic("gw-b", GET), b"end"),
    }  # fmt: skip
    assert (topic("gw-b", COMMAND), b"gw-b") in {(message.topic, message.payload) for message in found}


@pytest.mark.parametrize("user", ["+", "gw-+"])
def test_a_wildcard_for_a_name_opens_nothing(
    server: Any, connect: Connect, service: Broker, tmp_path: Path, password_line: Any, user: str
) -> None:
    with (tmp_path / "passwords").open("a") as passwords:
        passwords.write(password_line(user, f"secret of {user}"))
    server.reload(user)
    joker = connect(server.url(user), "joker")
    for name in (topic("gw-a", TELEMETRY), topic("gw-a", ACK)):
        joker.publish(name, b"forged")
    joker.flush()
    assert heard(service) == []


def test_only_this_machine_is_let_in(server: Any, reachable: Callable[..., bool]) -> None:
    assert reachable(server.port, "127.0.0.1")
    assert not reachable(server.port, "127.0.0.2")  # loopback too, but not the address the listener names
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing: only asks which address this machine would speak from
        own = probe.getsockname()[0]
    if not own.startswith("127."):
        assert not reachable(server.port, own)


@version
def test_a_message_has_a_largest_size(server: Any, connect: Connect, service: Broker, version: str) -> None:
    gateway = connect(server.url("gw-a", version), "gw-a")
    name = topic("gw-a", TELEMETRY)
    overhead = len(publish_packet(name, b"", 1)) + 3  # a longer length field, and none or one byte of properties
    gateway.publish(name, b"x" * (PACKET_LIMIT - overhead))
    gateway.flush()
    gateway.publish(name, b"x" * PACKET_LIMIT)
    with pytest.raises(Unavailable):
        gateway.flush(1)
    gateway.close()
    assert [len(payload) for _, payload in heard(service)] == [PACKET_LIMIT - overhead]


def publish_packet(name: str, payload: bytes, mid: int) -> bytes:
    """MQTT 3.1.1 §3.3, QoS 1, shorter than 128 bytes."""
    body = len(name).to_bytes(2, "big") + name.encode() + mid.to_bytes(2, "big") + payload
    return bytes([0x32, len(body)]) + body


def connect_packet(client_id: str, user: str, password: str) -> bytes:
    """MQTT 3.1.1 §3.1 with a clean session."""
    fields = b"".join(len(text).to_bytes(2, "big") + text.encode() for text in (client_id, user, password))
    body = b"\x00\x04MQTT\x04\xc2\x00\x3c" + fields
    return bytes([0x10, len(body)]) + body


def test_a_queue_has_an_end_and_what_falls_off_is_counted(
    server: Any, connect: Connect, until: Callable[..., None]
) -> None:
    sent = QUEUE_LIMIT + 3_000
    connect(server.url(), "away", topic("gw-a", TELEMETRY)).close()
    packets = b"".join(publish_packet(topic("gw-a", TELEMETRY), b"%d" % n, 1 + n % 65_535) for n in range(sent))
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        raw.sendall(connect_packet("gw-a", "gw-a", "secret of gw-a"))
        assert raw.recv(4, socket.MSG_WAITALL) == b"\x20\x02\x00\x00"
        answered = 0
        for start in range(0, len(packets), 1 << 16):
            raw.sendall(packets[start : start + (1 << 16)])
            answered += len(raw.recv(1 << 20))
        while answered < 4 * sent:  # a PUBACK has four bytes
            answered += len(raw.recv(1 << 20))
    watcher = connect(server.url(), "watch", "$SYS/broker/publish/messages/dropped")
    counts: list[int] = []

    def counted() -> bool:
        counts.extend(int(message.payload) for message in watcher.take(10))
        return counts[-1:] >= [sent - QUEUE_LIMIT - 1_000]  # it tells every second, also half-way

    until(counted)
    # Mosquitto counts those in flight (1,000) within or beside the queue, as the version has it.
    assert counts[-1] <= sent - QUEUE_LIMIT


def test_what_waits_survives_a_restart(server: Any, connect: Connect, gather: Gather) -> None:
    connect(server.url(), "away", topic("gw-a", TELEMETRY)).close()
    gateway = connect(server.url("gw-a"), "gw-a")
    gateway.publish(topic("gw-a", TELEMETRY), b"kept")
    gateway.flush()
    server.stop()
    server.start()
    (message,) = gather(connect(server.url(), "away", topic("gw-a", TELEMETRY)), 1)
    assert message.payload == b"kept"


def test_a_client_needs_an_id(server: Any) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        raw.sendall(connect_packet("", "gw-a", "secret of gw-a"))
        assert raw.recv(4, socket.MSG_WAITALL) == b"\x20\x02\x00\x02"  # identifier rejected


def test_on_a_listener_for_gateways_nobody_takes_the_service_s_session(
    server: Any,
    connect: Connect,
    gather: Gather,
    tmp_path: Path,
    free_port: Callable[[], int],
    until: Callable[..., None],
) -> None:
    port = free_port()
    server.stop()
    with (tmp_path / "mosquitto.conf").open("a") as config:
        config.write(f"\nlistener {port} 127.0.0.1\nuse_username_as_clientid true\n")
    server.start()
    service = connect(server.url(), "service", "consigne/v1/#")
    thief = connect(server.url("gw-b").replace(str(server.port), str(port)), "service", "consigne/v1/#")
    thief.publish(topic("gw-b", TELEMETRY), b"still there")
    thief.flush()
    assert [message.payload for message in gather(service, 1)] == [b"still there"]
    assert service.connected


def test_a_password_file_as_the_program_makes_it(server: Any, tmp_path: Path) -> None:
    program = shutil.which("mosquitto_passwd")
    if program is None:
        pytest.skip("mosquitto_passwd is not there")
    subprocess.run([program, "-b", str(tmp_path / "passwords"), "gw-new", "secret of gw-new"], check=True)
    server.reload("gw-new")


def test_the_configuration_is_whole(server: Any) -> None:
    server.stop(signal.SIGTERM)
    assert server.complaints() == []
