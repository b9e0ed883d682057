"""Downlinks to LoRaWAN devices of class A, which listen only after they have spoken: one newest value a point.

What a gateway has sent is on air and no more; the device's own confirmation is the acknowledgement. What waits at the
server is replaced by what is newer, and taken back when its life is over.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, IPvAnyNetwork, model_validator

from engine.broker import Broker, Message
from engine.equipment.connections import File, Site
from engine.equipment.inbox import Inbox
from engine.equipment.mqtt import BrokerConnection
from engine.equipment.single import Refused, answer, value_now
from engine.errors import Unavailable
from engine.lorawan.chirpstack import ChirpStack
from engine.lorawan.devices import Device, Devices, load_devices
from engine.lorawan.ttn import TheThingsStack
from engine.lorawan.words import Downlink, Fate, Words
from engine.model import AckStatus, Command
from engine.ports import Answers, Capabilities, Clock
from engine.web import Allow, SafeClient

_BATCH = 1_000


class LorawanConnection(BrokerConnection):
    """An application at a network server, through its MQTT broker.

    `devices`: the file of its devices. `clock`: whose time readings have, the server's or the gateways'. At most
    `downlinks_per_hour` leave, `downlink_burst` at once: what the duty cycle of the gateways allows.
    """

    application: str = Field(min_length=1, pattern=r"^[^/+#\s]+$")
    devices: File
    clock: Literal["server", "gateway"] = "server"
    downlinks_per_hour: int = Field(60, ge=1, le=100_000)
    downlink_burst: int = Field(10, ge=1, le=1_000)

    @property
    def words(self) -> Words:
        raise NotImplementedError

    @cached_property
    def known(self) -> Devices:
        """Raises InputError with every problem of the file."""
        return load_devices(self.devices)

    @property
    def capabilities(self) -> Capabilities:
        """Its round trip is that of the device that speaks most often; `LorawanLink` knows each one's own."""
        return Capabilities(
            programs=False, expiry=False, key=False, reads_back=False, newest_only=True,
            round_trip=self.known.shortest_wait,
        )  # fmt: skip

    def probe(self) -> str:
        known = len(self.known)
        return f"{super().probe()}; {known} devices"

    @contextmanager
    def open(self, site: Site) -> Iterator["LorawanLink"]:
        with ExitStack() as stack:
            broker = self.session(f"{site.owner}-{self.id}", *self.words.report_topics())
            broker.connect(self.timeout_s)
            stack.callback(broker.close)
            bucket = Bucket(self.downlinks_per_hour, self.downlink_burst)
            yield LorawanLink(self, broker, site.clock, bucket, self._flush(stack))

    def _flush(self, stack: ExitStack) -> "Flush | None":  # noqa: ARG002 - for those that have one
        return None


class ChirpStackConnection(LorawanConnection):
    """ChirpStack v4; `application` is its UUID.

    Only its REST API (`api`, with the key in `api_key_file`) takes back what waits for a device. Without it a newer
    value waits behind an older one, and a value whose life is over may still leave.
    """

    kind: Literal["chirpstack"]
    api: str | None = None
    api_key_file: File | None = None
    private: tuple[IPvAnyNetwork, ...] = ()
    plain: bool = False

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if (self.api is None) != (self.api_key_file is None):
            raise ValueError("api and api_key_file go together")
        if self.api is not None and urlsplit(self.api).scheme != "https" and not self.plain:
            raise ValueError("api: http is readable by everybody on the way: use https, or say plain: true")
        return self

    @property
    def words(self) -> Words:
        return ChirpStack(self.application)

    def _flush(self, stack: ExitStack) -> "Flush | None":
        if self.api is None or self.api_key_file is None:
            return None
        networks: tuple[IPv4Network | IPv6Network, ...] = self.private
        allow = Allow(frozenset({str(urlsplit(self.api).hostname)}), networks, self.plain)
        web = stack.enter_context(SafeClient(allow, timeout_s=self.timeout_s, tls=self.tls.context()))
        key = self.api_key_file.read_text().partition("\n")[0].strip()
        base = self.api.rstrip("/")

        def flush(device: Device) -> None:
            url = f"{base}/api/devices/{device.dev_eui}/queue"
            reply = web.request("DELETE", url, headers={"Grpc-Metadata-Authorization": f"Bearer {key}"})
            if not reply.ok:
                raise Unavailable(f"{url}: HTTP {reply.status}")

        return flush


class TtnConnection(LorawanConnection):
    """The Things Stack v3; `application` is NAME@TENANT, or NAME where there are no tenants."""

    kind: Literal["ttn"]

    @property
    def words(self) -> Words:
        return TheThingsStack(self.application)


Flush = Callable[[Device], None]
"""Takes back everything that waits for a device. Raises Unavailable."""


class Bucket:
    """Tokens that come at a pace, at most `burst` of them kept. It begins full."""

    def __init__(self, per_hour: int, burst: int) -> None:
        self._pace = per_hour / 3600
        self._burst = burst
        self._level = float(burst)
        self._since: datetime | None = None

    def take(self, now: datetime) -> bool:
        passed = (now - self._since).total_seconds() if self._since else 0.0
        self._level = min(self._burst, self._level + self._pace * max(passed, 0.0))
        self._since = now
        granted = self._level >= 1
        self._level -= granted
        return granted


class _At(Enum):
    """Where a downlink is."""

    HERE = "waits for its turn in the duty cycle"
    SERVER = "waits at the server for the device to speak"
    AIR = "was sent by a gateway"


@dataclass(slots=True)
class _Open:
    """A command on its way, until the device confirms it. `since` it was last taken."""

    command: Command
    device: Device
    downlink: Downlink
    wait: timedelta
    since: datetime
    at: _At = _At.HERE


class LorawanLink:
    """The `Link` to the devices of one application. It cannot read back; telemetry says what became of a value."""

    def __init__(
        self, connection: LorawanConnection, broker: Broker, clock: Clock, bucket: Bucket, flush: Flush | None
    ) -> None:
        self._connection = connection
        self._words, self._devices = connection.words, connection.known
        self._broker, self._clock, self._bucket, self._flush = broker, clock, bucket, flush
        self._inbox = Inbox()
        self._messages: list[Message] = []
        self._open: dict[str, _Open] = {}  # by the key the server knows
        self._told: dict[Device, list[_Open]] = {}  # since the broker last took everything
        self._due: dict[Device, bool] = {}  # devices to be told something; True: what waits there must be taken back

    def capabilities(self, gateway: str) -> Capabilities:  # noqa: ARG002 - all are devices of class A
        return self._connection.capabilities

    def send(self, commands: Sequence[Command]) -> None:
        now = self._clock.now()
        for command in commands:
            self._take(command, now)
        self._publish(now)
        told, self._told = self._told, {}
        try:
            self._broker.flush(self._connection.timeout_s)
        except Unavailable:
            self._undo(told)
            raise

    def _undo(self, told: Mapping[Device, Sequence[_Open]]) -> None:
        """None of it may have left. Whoever wants it repeats it; meanwhile it must not leave behind our back."""
        for device, items in told.items():
            self._due[device] = True
            for item in items:
                self._open.pop(item.downlink.key, None)

    def ask(self, points: Mapping[str, str]) -> None:
        """Nothing: a device of class A cannot be asked."""

    def receive(self, timeout_s: float) -> Answers:
        now = self._clock.now()
        self._forget_the_dead(now)
        if self._broker.connected:
            self._publish(now)
        answers = self._inbox.receive(0.0)
        messages = self._broker.take(_BATCH, 0.0 if answers.acks or answers.malformed else timeout_s)
        for message in messages:
            self._hear(message)
        self._messages += messages
        answers = self._inbox.receive(0.0)
        return replace(answers, receipt=(answers.receipt, tuple(self._messages)))

    def confirm(self, answers: Answers) -> None:
        if isinstance(answers.receipt, tuple) and answers.receipt:
            held, messages = answers.receipt
            self._inbox.confirm(replace(answers, receipt=held))
            self._broker.ack(messages)
            self._messages = self._messages[len(messages) :]

    def _take(self, command: Command, now: datetime) -> None:
        known = self._open.get(self._words.key(command.id))
        if known is not None and now < known.since + known.wait:
            return  # repeated before the device can have answered: one frame is enough
        try:
            item = self._prepared(command, now)
        except Refused as refused:
            self._inbox.put([refused.ack])
            return
        self._replace(command)
        self._open[item.downlink.key] = item
        self._due.setdefault(item.device, False)

    def _replace(self, newer: Command) -> None:
        """What waits for the same point gives way, where it can be taken back."""
        for key, item in list(self._open.items()):
            if item.command.point != newer.point or item.at is _At.AIR:
                continue
            if item.at is _At.SERVER:
                if not self._takes_back:
                    continue
                self._due[item.device] = True
            del self._open[key]
            if item.command.id != newer.id:
                self._inbox.put([answer(item.command, AckStatus.SUPERSEDED, "a newer one left in its stead")])

    @property
    def _takes_back(self) -> bool:
        return self._words.replaces or self._flush is not None

    def _prepared(self, command: Command, now: datetime) -> _Open:
        found = self._devices.setting(command.point, now)
        if found is None:
            raise Refused(command, AckStatus.REJECTED, "no device of the file sets this point now")
        device, frame = found
        value, left = value_now(command, now), command.expires_at - now
        wait = self._devices.profile(device).uplink_every
        if left < wait:
            why = f"it lives {_told(left)} more, and the device listens every {_told(wait)}"
            raise Refused(command, AckStatus.EXPIRED, why)
        try:
            payload = frame.frame_of(value)
        except ValueError as error:
            raise Refused(command, AckStatus.REJECTED, str(error)) from None
        key = self._words.key(command.id)
        return _Open(command, device, Downlink(key, frame.f_port, payload, command.urgent), wait, now)

    def _forget_the_dead(self, now: datetime) -> None:
        """Take back what waits and must not be applied any more."""
        for key, item in list(self._open.items()):
            over = now - item.command.expires_at
            if over < timedelta(0) or (item.at is _At.AIR and over < 2 * item.wait):
                continue  # of what is on air the confirmation may still come
            if item.at is _At.HERE:
                why = "its life was over before the duty cycle let it leave"
                self._inbox.put([answer(item.command, AckStatus.EXPIRED, why)])
            elif item.at is _At.SERVER:
                self._due[item.device] = True  # unanswered: it may be leaving at this very moment
            del self._open[key]

    def _publish(self, now: datetime) -> None:
        """Tell each device that is due, urgent ones first, as far as the duty cycle goes."""
        waiting = sorted(self._due, key=lambda device: not any(item.downlink.urgent for item in self._of(device)))
        for device in waiting:
            here = [item for item in self._of(device) if item.at is _At.HERE]
            leaving = [item for item in here if self._bucket.take(now)]
            if leaving or self._due[device]:
                self._tell(device, leaving)
            if len(leaving) == len(here):
                del self._due[device]
            else:
                self._due[device] = False

    def _tell(self, device: Device, leaving: Sequence[_Open]) -> None:
        there = [item for item in self._of(device) if item.at is _At.SERVER]
        whole = self._words.replaces or (self._due[device] and self._flushed(device))
        told = [item.downlink for item in (*(there if whole else ()), *leaving)]
        for topic, payload in self._words.tell(device, told):
            self._broker.publish(topic, payload)
        self._told.setdefault(device, []).extend(leaving)
        for item in leaving:
            item.at = _At.SERVER

    def _flushed(self, device: Device) -> bool:
        """Whether nothing waits at the server any more."""
        if self._flush is None:
            return False
        try:
            self._flush(device)
        except Unavailable as error:
            self._inbox.put([f"what waits for {device.dev_eui} was not taken back: {error}"])
            return False
        return True

    def _of(self, device: Device) -> list[_Open]:
        return [item for item in self._open.values() if item.device == device]

    def _hear(self, message: Message) -> None:
        try:
            report = self._words.report(message.topic, message.payload)
        except ValueError as error:
            self._inbox.put([f"{message.topic}: {error}"])
            return
        # Downlinks of others, and of a process before us, are reported too.
        key = next((key for key in report.keys if key in self._open), None) if report else None
        if report is None or key is None:
            return
        if report.fate is Fate.ON_AIR:
            self._open[key].at = _At.AIR
            return
        item = self._open.pop(key)
        if report.fate is Fate.CONFIRMED:
            self._inbox.put([answer(item.command, AckStatus.ACCEPTED, report.fate.value)])
            return
        self._due[item.device] = True  # or a server that tries again would apply what was answered as rejected
        self._inbox.put(
            [answer(item.command, AckStatus.REJECTED, ": ".join(filter(None, (report.fate.value, report.reason))))]
        )


def _told(duration: timedelta) -> str:
    return f"{duration.total_seconds() / 60:g} min"
