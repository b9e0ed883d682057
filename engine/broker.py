"""One MQTT session (3.1.1 or 5): QoS 1 both ways, inbound messages acknowledged by hand, reconnection with back-off.

Beside this file nothing imports an MQTT client; `telemetry` and `equipment` both speak through it.
"""

import queue
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from engine.errors import Unavailable

_KEEPALIVE_S = 30
_SESSION_EXPIRY_S = 7 * 86_400
_MAX_QUEUED = 100_000  # outbound; beyond it `flush` fails rather than memory growing


@dataclass(frozen=True, slots=True)
class Message:
    """An inbound message. It stays with the broker until `Broker.ack`; after a reconnect `link` tells old from new."""

    topic: str
    payload: bytes
    mid: int
    qos: int
    link: int


class Broker:
    """A persistent session with one broker, under a fixed client id, so that nothing sent while we are away is lost.

    `url` is mqtt[s]://user:password@host:port?version=5; `login` stands for user and password where they are kept
    apart. `tls` says whom to trust and who we are over mqtts, by default the system's authorities and nobody.

    An MQTT 5 broker is asked to leave at most `receive_maximum` messages unacknowledged; with 3.1.1 its own limit holds
    (Mosquitto: max_inflight_messages). Mosquitto 2.0.11 keeps to either only until the first acknowledgement: then a
    backlog may come whole, bounded by its max_queued limits.

    `wake` is set whenever a message comes in, so that one thread may wait for several sessions.
    """

    def __init__(
        self,
        url: str,
        client_id: str,
        subscriptions: Sequence[str] = (),
        *,
        receive_maximum: int = 1_000,
        tls: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
        wake: threading.Event | None = None,
    ) -> None:
        parts = urlsplit(url)
        in_url = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
        self._login, self._tls = login or in_url, tls
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or (8883 if parts.scheme == "mqtts" else 1883)
        self._five = parse_qs(parts.query).get("version", ["3"])[0].startswith("5")
        self._subscriptions = [(topic, 1) for topic in subscriptions]
        self._receive_maximum = receive_maximum
        self._wake = wake
        self._inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._pending: deque[mqtt.MQTTMessageInfo] = deque()
        self._unsent = 0  # published while there was no connection, or no room, since the last flush
        self._ready = threading.Event()
        self._settled = threading.Event()  # ready, or refused
        self._refused = ""
        self._link_change = threading.Lock()
        self._link = 0
        self._secure = parts.scheme == "mqtts"
        self._client_id = client_id
        self._client = self._make_client()

    def _make_client(self) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            self._client_id,
            clean_session=None if self._five else False,
            protocol=MQTTProtocolVersion.MQTTv5 if self._five else MQTTProtocolVersion.MQTTv311,
            manual_ack=True,
        )
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_socket_open = _without_delay
        client.max_inflight_messages_set(self._receive_maximum)
        client.max_queued_messages_set(_MAX_QUEUED)
        client.reconnect_delay_set(min_delay=1, max_delay=10)
        if self._login is not None:
            client.username_pw_set(*self._login)
        if self._secure:
            client.tls_set_context(self._tls)
        return client

    def connect(self, timeout_s: float = 10.0) -> None:
        """Connect and subscribe; from then on a lost connection is taken up again, 1 s to 10 s apart.

        Raises Unavailable, naming the broker, at once when it refuses, or when that takes longer than `timeout_s`.
        """
        self._refused = ""
        self._settled.clear()
        try:
            self._dial(self._client.connect)
        except OSError as error:
            raise self._unavailable(str(error)) from None
        self._client.loop_start()
        settled = self._settled.wait(timeout_s)
        if not settled or self._refused:
            self.close()
            raise self._unavailable(self._refused or f"no answer within {timeout_s:g} s")

    def _unavailable(self, why: str) -> Unavailable:
        return Unavailable(f"{self.name}: {why} → start it, or point CONSIGNE_BROKER_URL at the right one")

    @property
    def name(self) -> str:
        """As messages call it."""
        return f"MQTT broker {self._host}:{self._port}"

    @property
    def connected(self) -> bool:
        return self._ready.is_set()

    def take(self, limit: int, timeout_s: float = 0.0) -> list[Message]:
        """Up to `limit` inbound messages in order of arrival; waits up to `timeout_s` for the first."""
        messages: list[Message] = []
        try:
            if limit > 0 and timeout_s > 0:
                messages.append(self._inbox.get(timeout=timeout_s))
            while len(messages) < limit:
                messages.append(self._inbox.get_nowait())
        except queue.Empty:
            pass
        return messages

    def ack(self, messages: Iterable[Message]) -> None:
        """Tell the broker these are safe with us. It sends those of a lost connection again, so they are left out."""
        with self._link_change:
            for message in messages:
                if message.qos and message.link == self._link:
                    self._client.ack(message.mid, message.qos)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Hand a QoS 1 message to the session; `flush` waits for the broker's word. Never retain a command.

        While the connection is away it goes nowhere, now or later, and `flush` says so.
        """
        while self._pending and self._pending[0].is_published():
            self._pending.popleft()
        if not self.connected:
            self._unsent += 1
            return
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        if info.rc == mqtt.MQTT_ERR_SUCCESS:
            self._pending.append(info)
        else:
            self._unsent += 1

    def flush(self, timeout_s: float = 10.0) -> None:
        """Wait until the broker has acknowledged everything published. Raises Unavailable when it has not in time.

        What it has not acknowledged then may have left, and is not sent again by us: not in ten minutes, when the
        broker is back and it would be too late.
        """
        deadline = time.monotonic() + timeout_s
        while self._pending and not self._unsent:
            self._pending[0].wait_for_publish(max(0.0, deadline - time.monotonic()))
            if not self._pending[0].is_published():
                break
            self._pending.popleft()
        unsure, on_their_way = len(self._pending) + self._unsent, bool(self._pending)
        self._pending.clear()
        self._unsent = 0
        if on_their_way:
            self._begin_again()
        if unsure:
            raise self._unavailable(f"{unsure} messages not acknowledged within {timeout_s:g} s")

    def close(self) -> None:
        """End the connection; the session, with what waits in it, stays at the broker. Harmless when there is none.

        What was published and not flushed may be lost.
        """
        self._client.disconnect()
        self._client.loop_stop()
        self._ready.clear()
        self._client = self._make_client()  # paho leaves sockets open when a stopped client is started again
        self._change_link(forget=True)

    def _begin_again(self) -> None:
        """Take the session up with a client that remembers nothing of what was published."""
        self.close()
        self._dial(self._client.connect_async)
        self._client.loop_start()

    def _dial(self, connect: Callable[..., object]) -> None:
        if not self._five:
            connect(self._host, self._port, _KEEPALIVE_S)
            return
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = _SESSION_EXPIRY_S
        properties.ReceiveMaximum = self._receive_maximum
        connect(self._host, self._port, _KEEPALIVE_S, clean_start=False, properties=properties)

    def _on_connect(
        self, client: mqtt.Client, _data: object, flags: mqtt.ConnectFlags, code: ReasonCode, _properties: object
    ) -> None:
        if code.is_failure:
            self._settle(f"refused the connection: {code}")
            return
        self._change_link(forget=flags.session_present)
        if self._subscriptions:
            client.subscribe(self._subscriptions)
        else:
            self._settle()

    def _on_subscribe(
        self, _client: mqtt.Client, _data: object, _mid: int, codes: list[ReasonCode], _properties: object
    ) -> None:
        denied = [topic for (topic, _), code in zip(self._subscriptions, codes, strict=False) if code.is_failure]
        self._settle(f"refused the subscription to {', '.join(denied)}" if denied else "")

    def _on_disconnect(
        self, _client: mqtt.Client, _data: object, _flags: object, _code: object, _properties: object
    ) -> None:
        self._ready.clear()
        self._change_link(forget=False)

    def _settle(self, refused: str = "") -> None:
        self._refused = refused
        if not refused:
            self._ready.set()
        self._settled.set()

    def _change_link(self, *, forget: bool) -> None:
        """From here on older messages are not acknowledged. Those a session will send again are forgotten, so that
        however often the connection breaks no more than `receive_maximum` wait here."""
        with self._link_change:
            self._link += 1
        if forget:
            for message in self.take(self._inbox.qsize()):
                if not message.qos:
                    self._inbox.put(message)

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        self._inbox.put(Message(message.topic, bytes(message.payload), message.mid, message.qos, self._link))
        if self._wake is not None:
            self._wake.set()


def _without_delay(_client: mqtt.Client, _data: object, line: object) -> None:
    # Nagle's algorithm and delayed acknowledgement together cost 40 ms at every flush.
    if isinstance(line, socket.socket):
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
