"""Downlinks to LoRaWAN devices of class A, which listen only after they have spoken: one newest value a point.

What a gateway has sent is on air and no more; the device's own confirmation is the acknowledgement. What waits at the
server is replaced by what is newer, and taken back when its life is over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum

from engine.broker import Broker, Message
from engine.equipment.inbox import Inbox
from engine.equipment.queues import Queues
from engine.equipment.single import Refused, answer, value_now
from engine.errors import Unavailable
from engine.lorawan.devices import Device, Devices
from engine.lorawan.words import Downlink, Fate, Words
from engine.model import AckStatus, Command
from engine.ports import Answers, Capabilities, Clock

_BATCH = 1_000
_PAUSE = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Network:
    """One application at a network server: how it speaks, its devices, how long its broker may take to answer."""

    words: Words
    devices: Devices
    capabilities: Capabilities
    timeout_s: float


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

    def give_back(self, tokens: int) -> None:
        self._level = min(self._burst, self._level + tokens)


class _At(Enum):
    """Where a downlink is."""

    HERE = "waits for its turn in the duty cycle"
    SERVER = "waits at the server for the device to speak"
    AIR = "was sent by a gateway"


@dataclass(slots=True)
class _Open:
    """A command on its way, until the device confirms it. `since` it was last taken."""

    command: Command
    downlink: Downlink
    since: datetime
    at: _At = _At.HERE


@dataclass(slots=True)
class _Box:
    """What is on its way to one device, by the key the server knows. It speaks every `wait` at least.

    `stale`: something waits at the server that must be taken back, as what a process before us may have left there.
    """

    device: Device
    wait: timedelta
    items: dict[str, _Open] = field(default_factory=dict)
    stale: bool = True

    def at(self, where: _At) -> list[_Open]:
        return [item for item in self.items.values() if item.at is where]

    @property
    def urgent(self) -> bool:
        return any(item.downlink.urgent for item in self.items.values())


class LorawanLink:
    """The `Link` to the devices of one application. It cannot read back; telemetry says what became of a value."""

    def __init__(self, network: Network, broker: Broker, queues: Queues, clock: Clock, bucket: Bucket) -> None:
        self._network, self._words = network, network.words
        self._broker, self._queues, self._clock, self._bucket = broker, queues, clock, bucket
        self._inbox = Inbox()
        self._again_at = clock.now()
        self._messages: list[Message] = []  # heard, and not confirmed
        self._boxes: dict[str, _Box] = {}  # by DevEUI
        self._due: dict[str, _Box] = {}  # those with something to tell the server
        self._told: dict[str, set[str]] = {}  # keys by DevEUI, since the server last took everything

    def capabilities(self, gateway: str) -> Capabilities:  # noqa: ARG002 - all are devices of class A
        return self._network.capabilities

    def send(self, commands: Sequence[Command]) -> None:
        if not self._broker.connected:
            raise Unavailable("the broker of the network server is away → see whether it is on and reachable")
        now = self._clock.now()
        for command in commands:
            try:
                self._take(command, now)
            except Refused as refused:
                self._inbox.put([refused.ack])
        try:
            self._publish(now)
            self._broker.flush(self._network.timeout_s)
        except Unavailable:
            self._undo(commands)
            raise
        self._told.clear()

    def _undo(self, commands: Sequence[Command]) -> None:
        """None of it may have left. Whoever wants it repeats it; meanwhile it must not leave behind our back."""
        unsent = {self._words.key(command.id) for command in commands}
        for dev_eui, keys in self._told.items():
            self._take_back(self._boxes[dev_eui])
            self._bucket.give_back(len(keys))
            unsent |= keys
        self._told.clear()
        for box in self._boxes.values():
            for key in unsent & set(box.items):
                del box.items[key]

    def ask(self, points: Mapping[str, str]) -> None:
        """Nothing: a device of class A cannot be asked."""

    def receive(self, timeout_s: float) -> Answers:
        now = self._clock.now()
        self._forget_the_dead(now)
        self._go_on(now)
        waiting = self._inbox.receive(0.0)
        messages = self._broker.take(_BATCH, 0.0 if waiting.acks or waiting.malformed else timeout_s)
        for message in messages:
            self._hear(message)
        self._messages += messages
        answers = self._inbox.receive(0.0)
        return replace(answers, receipt=(answers.receipt, tuple(self._messages)))

    def _go_on(self, now: datetime) -> None:
        """Tell the server what is due without a command's being sent."""
        if not self._broker.connected or now < self._again_at:
            return
        try:
            self._publish(now)
        except Unavailable as error:
            self._inbox.put([str(error)])
            self._again_at = now + _PAUSE

    def confirm(self, answers: Answers) -> None:
        if isinstance(answers.receipt, tuple) and answers.receipt:
            held, messages = answers.receipt
            self._inbox.confirm(replace(answers, receipt=held))
            self._broker.ack(messages)
            self._messages = self._messages[len(messages) :]

    def _take(self, command: Command, now: datetime) -> None:
        """Raises Refused."""
        found = self._network.devices.setting(command.point, now)
        if found is None:
            raise Refused(command, AckStatus.REJECTED, "no device of the file sets this point now")
        device, frame = found
        wait = self._network.devices.profile(device).uplink_every
        box = self._boxes.setdefault(device.dev_eui, _Box(device, wait))
        known = box.items.get(self._words.key(command.id))
        if known is not None and now < known.since + wait:
            return  # repeated before the device can have answered: one frame is enough
        value, left = value_now(command, now), command.expires_at - now
        if left < wait:
            why = f"it lives {_told(left)} more, and the device listens every {_told(wait)}"
            raise Refused(command, AckStatus.EXPIRED, why)
        try:
            payload = frame.frame_of(value)
        except ValueError as error:
            raise Refused(command, AckStatus.REJECTED, str(error)) from None
        self._replace(box, command)
        key = self._words.key(command.id)
        box.items[key] = _Open(command, Downlink(key, frame.f_port, payload, command.expires_at, command.urgent), now)
        self._due[device.dev_eui] = box

    def _replace(self, box: _Box, newer: Command) -> None:
        """What waits for the same point gives way, where it can be taken back."""
        for key, item in list(box.items.items()):
            if item.command.point != newer.point or item.at is _At.AIR:
                continue
            if item.at is _At.SERVER:
                if not self._queues.takes_back:
                    continue
                box.stale = True
            del box.items[key]
            if item.command.id != newer.id:
                self._inbox.put([answer(item.command, AckStatus.SUPERSEDED, "a newer one left in its stead")])

    def _forget_the_dead(self, now: datetime) -> None:
        """Take back what waits and must not be applied any more."""
        for box in self._boxes.values():
            for key, item in list(box.items.items()):
                over = now - item.command.expires_at
                if over < timedelta(0) or (item.at is _At.AIR and over < 2 * box.wait):
                    continue  # of what is on air the confirmation may still come
                if item.at is _At.HERE:
                    why = "its life was over before the duty cycle let it leave"
                    self._inbox.put([answer(item.command, AckStatus.EXPIRED, why)])
                elif item.at is _At.SERVER:
                    self._take_back(box)  # unanswered: it may be leaving at this very moment
                del box.items[key]

    def _take_back(self, box: _Box) -> None:
        box.stale = True
        self._due[box.device.dev_eui] = box

    def _publish(self, now: datetime) -> None:
        """Tell the server of each device that is due, urgent ones first, as far as the duty cycle goes."""
        for box in sorted(self._due.values(), key=lambda box: not box.urgent):
            here = box.at(_At.HERE)
            leaving = [item for item in here if self._bucket.take(now)]
            if leaving or box.stale:
                self._tell(box, leaving)
            if len(leaving) == len(here):
                del self._due[box.device.dev_eui]

    def _tell(self, box: _Box, leaving: Sequence[_Open]) -> None:
        there = [item.downlink for item in box.at(_At.SERVER)]
        new = [item.downlink for item in leaving]
        try:
            self._queues.tell(box.device, there, new, stale=box.stale)
        except Unavailable:
            box.stale = True
            self._bucket.give_back(len(new))
            raise
        box.stale = False
        self._told.setdefault(box.device.dev_eui, set()).update(downlink.key for downlink in new)
        for item in leaving:
            item.at = _At.SERVER

    def _hear(self, message: Message) -> None:
        try:
            report = self._words.report(message.topic, message.payload)
        except ValueError as error:
            self._inbox.put([f"{message.topic}: {error}"])
            return
        for key in map(self._queues.key, report.keys if report else ()):
            for box in self._boxes.values():
                # Downlinks of others, and of a process before us, are reported too.
                if report is not None and key in box.items:
                    self._end(box, key, report.fate, report.reason)

    def _end(self, box: _Box, key: str, fate: Fate, reason: str) -> None:
        if fate is Fate.ON_AIR:
            box.items[key].at = _At.AIR
            return
        command = box.items.pop(key).command
        if fate is Fate.CONFIRMED:
            self._inbox.put([answer(command, AckStatus.ACCEPTED, fate.value)])
            return
        self._take_back(box)  # or a server that tries again would apply what was answered as rejected
        self._inbox.put([answer(command, AckStatus.REJECTED, ": ".join(filter(None, (fate.value, reason))))])


def _told(duration: timedelta) -> str:
    return f"{duration.total_seconds() / 60:g} min"
