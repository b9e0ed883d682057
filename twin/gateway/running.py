"""Gateways at work: each over a session of its own, all of them with one log."""

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from engine.broker import Broker, Message
from engine.errors import Unavailable
from engine.wire import COMMAND, GET, topic
from twin.controller import Held, Wire, remembered
from twin.effects import EffectLog, read_effects
from twin.gateway.faults import Faults
from twin.gateway.gateway import Gateway, Outcome
from twin.gateway.town import Cabinet, Outlet

_BATCH = 1_000
_LONGEST_WAIT_S = 0.25
_RECONNECT_AFTER = timedelta(seconds=1)


@dataclass(slots=True)
class _Post:
    """One gateway's place: its session, and the gateway itself while it has power."""

    name: str
    broker: Broker
    outlets: Sequence[Outlet]
    cabinets: tuple[str, ...]
    gateway: Gateway | None = None
    dark_until: datetime | None = None
    told_at: datetime | None = None
    told_locked_out: bool = False


class Running:
    """Every gateway that has an outlet or a cabinet. `url` is the broker's; `{gateway}` in it becomes the name.

    State is rebuilt from the log at `path`, at the start and after each brown-out: what is in it was done, and told to
    nobody before.
    """

    def __init__(
        self, url: str, outlets: Sequence[Outlet], cabinets: Sequence[Cabinet], faults: Faults, path: Path,
        clock: Callable[[], datetime], *, telemetry_every: timedelta | None = None,
    ) -> None:  # fmt: skip
        self._faults, self._path, self._clock, self._telemetry_every = faults, path, clock, telemetry_every
        self._log = EffectLog(path)
        self._wake = threading.Event()
        self._posts = [self._post(url, *place) for place in _places(outlets, cabinets)]

    def _post(self, url: str, name: str, outlets: Sequence[Outlet], cabinets: Sequence[str]) -> _Post:
        heard = [topic(name, COMMAND), topic(name, GET)]
        broker = Broker(url.replace("{gateway}", name), name, heard, wake=self._wake)
        return _Post(name, broker, outlets, tuple(cabinets))

    @property
    def gateways(self) -> int:
        return len(self._posts)

    @property
    def sessions(self) -> list[Broker]:
        return [post.broker for post in self._posts]

    def connect(self) -> None:
        """Power for everybody. Raises Unavailable when the broker does not answer."""
        held = remembered(read_effects(self._path))
        for post in self._posts:
            self._power(post, held)

    def run(self, stop: threading.Event) -> None:
        """Serve until `stop`. Every connected gateway's session is closed then."""
        try:
            while not stop.is_set():
                self._wake.wait(self._wait_s())
                self._wake.clear()
                self.turn()
        finally:
            self.close()

    def close(self) -> None:
        for post in self._posts:
            post.broker.close()
        self._log.__exit__(None, None, None)

    def turn(self) -> None:
        """Whatever is to be done now. All gateways' effects go to the disk at once, and then the answers leave."""
        at = self._clock()
        self._restore(at)
        served = [(post, *self._serve(post, post.gateway, at)) for post in self._posts if post.gateway is not None]
        self._log.append([effect for _, _, outcome in served for effect in outcome.effects])
        for post, _, outcome in served:
            _publish(post, [*outcome.answers, *self._telemetry(post, at)])
        for post, messages, outcome in served:
            try:
                post.broker.flush()
            except Unavailable:
                # The broker went away: what it did not pass on is asked for again.
                continue
            post.broker.ack(messages[: outcome.taken])
            if outcome.dark_until is not None:
                _go_dark(post, outcome.dark_until)

    def _serve(self, post: _Post, gateway: Gateway, at: datetime) -> tuple[list[Message], Outcome]:
        messages = post.broker.take(_BATCH)
        return messages, gateway.serve([Wire(message.topic, message.payload) for message in messages], at)

    def _restore(self, at: datetime) -> None:
        back = [post for post in self._posts if post.dark_until is not None and post.dark_until <= at]
        held = remembered(read_effects(self._path)) if back else {}
        for post in back:
            try:
                self._power(post, held)
            except Unavailable:
                post.dark_until = at + _RECONNECT_AFTER

    def _power(self, post: _Post, held: Mapping[str, Held]) -> None:
        post.gateway = Gateway(post.name, post.outlets, self._faults, held)
        post.broker.connect()
        post.dark_until = post.told_at = None

    def _telemetry(self, post: _Post, at: datetime) -> list[Wire]:
        """Told every so often, and at once when somebody begins or ends to work at the cabinet."""
        if self._telemetry_every is None or post.gateway is None:
            return []
        locked_out = self._faults.locked_out(post.name, at)
        if (
            post.told_at is not None
            and at < post.told_at + self._telemetry_every
            and locked_out == post.told_locked_out
        ):
            return []
        post.told_at, post.told_locked_out = at, locked_out
        return [post.gateway.telemetry(post.cabinets, at)]

    def _wait_s(self) -> float:
        """Until something that is delayed or dark is due; never long."""
        due = [post.dark_until or (post.gateway.due_at() if post.gateway else None) for post in self._posts]
        now = self._clock()
        return min([_LONGEST_WAIT_S, *(max((at - now).total_seconds(), 0.0) for at in due if at is not None)])


def _places(outlets: Sequence[Outlet], cabinets: Sequence[Cabinet]) -> list[tuple[str, list[Outlet], list[str]]]:
    at_gateway: defaultdict[str, list[Outlet]] = defaultdict(list)
    works_at: defaultdict[str, list[str]] = defaultdict(list)
    for outlet in outlets:
        at_gateway[outlet.gateway].append(outlet)
    for cabinet in cabinets:
        works_at[cabinet.gateway].append(cabinet.id)
    return [(name, at_gateway[name], works_at[name]) for name in sorted({*at_gateway, *works_at})]


def _publish(post: _Post, messages: Sequence[Wire]) -> None:
    for message in messages:
        post.broker.publish(message.topic, message.payload)


def _go_dark(post: _Post, until: datetime) -> None:
    post.broker.close()
    post.gateway, post.dark_until = None, until
