"""Equipment behind an MQTT broker, spoken to in the words of `engine.wire`."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import ClassVar, Literal, TypeVar

from engine.broker import Broker, Message
from engine.equipment.connections import Connection, Site
from engine.model import Command
from engine.ports import Answers, Capabilities
from engine.wire import (
    ACK,
    COMMAND,
    GET,
    STATE,
    decode_ack,
    decode_readback,
    encode_command,
    encode_get,
    gateway_of,
    topic,
)

SUBSCRIPTIONS = (topic("+", ACK), topic("+", STATE))
"""What the session of an `MqttLink` must be subscribed to."""

CAPABILITIES = Capabilities(selects=True)
_BATCH = 1_000
_T = TypeVar("_T")


class MqttLink:
    """The `Link` over one session. Nothing is retained: an old command must not meet equipment that comes back."""

    def __init__(self, broker: Broker, timeout_s: float = 10.0) -> None:
        self._broker, self._timeout_s = broker, timeout_s
        self._unconfirmed: list[Message] = []

    def capabilities(self, gateway: str) -> Capabilities:  # noqa: ARG002 - all of them speak `engine.wire`
        return CAPABILITIES

    def send(self, commands: Sequence[Command]) -> None:
        for command in commands:
            self._broker.publish(topic(command.gateway, COMMAND), encode_command(command))
        self._broker.flush(self._timeout_s)

    def ask(self, points: Mapping[str, str]) -> None:
        of_gateway: defaultdict[str, list[str]] = defaultdict(list)
        for point, gateway in points.items():
            of_gateway[gateway].append(point)
        for gateway, named in of_gateway.items():
            self._broker.publish(topic(gateway, GET), encode_get(named))
        self._broker.flush(self._timeout_s)

    def receive(self, timeout_s: float) -> Answers:
        # What a transaction that failed did not keep is given again: the broker itself would wait for a reconnection.
        held = self._unconfirmed
        messages = [*held, *self._broker.take(_BATCH - len(held), 0.0 if held else timeout_s)]
        self._unconfirmed = messages
        malformed: list[str] = []
        return Answers(
            acks=tuple(_read(messages, ACK, decode_ack, malformed)),
            readbacks=tuple(_read(messages, STATE, decode_readback, malformed)),
            malformed=tuple(malformed),
            receipt=tuple(messages),
        )

    def confirm(self, answers: Answers) -> None:
        if isinstance(answers.receipt, tuple):
            self._broker.ack(answers.receipt)
            done = set(answers.receipt)
            self._unconfirmed = [message for message in self._unconfirmed if message not in done]


def _read(
    messages: Sequence[Message], channel: str, decode: Callable[[bytes, str], _T], malformed: list[str]
) -> list[_T]:
    """The messages of one channel, decoded; what cannot be is described in `malformed`."""
    decoded: list[_T] = []
    for message in messages:
        if message.topic.endswith(f"/{channel}"):
            try:
                decoded.append(decode(message.payload, gateway_of(message.topic)))
            except ValueError as error:
                malformed.append(f"{message.topic}: {error}")
    return decoded


class BrokerConnection(Connection):
    """What the kinds behind an MQTT broker share."""

    version: Literal["3.1.1", "5"] = "3.1.1"

    schemes: ClassVar[tuple[str, ...]] = ("mqtt", "mqtts")

    def session(self, client_id: str, *topics: str) -> Broker:
        """A session with the broker, not connected yet."""
        url = f"{self.url.partition('?')[0]}?version={self.version}"
        login = (self.user, self.secret() or "") if self.user else None
        return Broker(url, client_id, topics, tls=self.tls.context(), login=login)

    def probe(self) -> str:
        broker = self.session(f"probe-{self.id}")
        broker.connect(self.timeout_s)
        broker.close()
        return "the broker answers"


class MqttConnection(BrokerConnection):
    """A broker whose gateways speak `engine.wire`."""

    kind: Literal["mqtt"]

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    @contextmanager
    def open(self, site: Site) -> Iterator[MqttLink]:
        broker = self.session(f"{site.owner}-{self.id}", *SUBSCRIPTIONS)
        broker.connect(self.timeout_s)
        try:
            yield MqttLink(broker, self.timeout_s)
        finally:
            broker.close()
