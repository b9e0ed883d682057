"""The field's time: slot by slot, in step with the service, which says when it is done with one.

For slot k the telemetry, then {"k", "at", "until"} on TICK; the service answers {"k"} on DONE. Until it does, both are
sent again every two seconds, for ever, so a service that was killed goes on where it was; once it has answered {"k"} on
HEARD, that it has stored the telemetry, the tick alone. After the last slot the
tick is {"k": slots, "at", "end": true}, answered likewise. Meanwhile the field serves commands, its own clock at
the slot's instant and a little further with each message.
"""

import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from engine.broker import Broker, Message
from engine.errors import Unavailable
from engine.instants import isoformat
from engine.wire import COMMAND, GET, round_topic, topic
from twin.controller import Wire
from twin.effects import EffectLog
from twin.field.site import Site
from twin.field.story import Story

TICK, HEARD, DONE = topic("field", "tick"), topic("field", "heard"), topic("field", "done")
SYNC, SYNCED = topic("field", "sync"), topic("field", "synced")
SUBSCRIPTIONS = (topic("+", COMMAND), topic("+", GET), round_topic("+", "+"), HEARD, DONE, SYNC)
CLIENT_ID = "field"

_OURS = frozenset({HEARD, DONE, SYNC})
_BATCH = 1_000
_PER_MESSAGE = timedelta(milliseconds=10)


class Lockstep:
    """One story told over one session, which must be subscribed to SUBSCRIPTIONS."""

    def __init__(
        self, broker: Broker, site: Site, effects: EffectLog, story: Story, *, repeat_after_s: float = 2.0
    ) -> None:
        self._broker = broker
        self._site = site
        self._effects = effects
        self._story = story
        self._repeat_after_s = repeat_after_s
        self._now = self._last = story.start_at
        self._heard: int | None = None

    def run(self, stop: threading.Event) -> bool:
        """Tell every slot. Returns whether the end was reached; `stop` ends it before."""
        for slot in range(self._story.slots + 1):
            at = self._now = self._story.at(slot)
            self._last = self._story.at(slot + 1) - _PER_MESSAGE
            telemetry = self._site.telemetry(at) if slot < self._story.slots else []
            if not self._tell(slot, [*telemetry, Wire(TICK, self._tick(slot))], stop):
                return False
        return True

    def _tick(self, slot: int) -> bytes:
        tick: dict[str, Any] = {"k": slot, "at": isoformat(self._story.at(slot))}
        if slot == self._story.slots:
            return orjson.dumps({**tick, "end": True})
        return orjson.dumps({**tick, "until": isoformat(self._story.at(slot + 1))})

    def _tell(self, slot: int, messages: Sequence[Wire], stop: threading.Event) -> bool:
        """Publish until the service is done with the slot; the tick, last of the messages, also when it has heard the
        others. False when stopped before.
        """
        while not stop.is_set():
            try:
                self._publish(messages if self._heard != slot else messages[-1:])
                if self._serve_until_done(slot, stop):
                    return True
            except Unavailable:
                # The broker went away: commands it did not pass on come again, and so do we.
                stop.wait(self._repeat_after_s)
        return False

    def _serve_until_done(self, slot: int, stop: threading.Event) -> bool:
        deadline = time.monotonic() + self._repeat_after_s
        while not stop.is_set() and (left_s := deadline - time.monotonic()) > 0:
            messages = self._broker.take(_BATCH, min(left_s, 0.25))
            self._serve(messages)
            self._heard = next((_slot(one) for one in reversed(messages) if one.topic == HEARD), self._heard)
            if any(message.topic == DONE and _slot(message) == slot for message in messages):
                return True
        return False

    def _serve(self, messages: Sequence[Message]) -> None:
        """Do, write down, answer, and only then let the broker forget."""
        orders = [Wire(message.topic, message.payload) for message in messages if message.topic not in _OURS]
        served = self._site.serve(orders, self._instant(len(orders)))
        self._effects.append(served.effects)
        self._publish(served.answers)
        self._publish([Wire(SYNCED, message.payload) for message in messages if message.topic == SYNC])
        self._broker.ack(messages)

    def _instant(self, messages: int) -> datetime:
        """A little later with each message, and never in the next slot."""
        self._now = min(self._now + messages * _PER_MESSAGE, self._last)
        return self._now

    def _publish(self, messages: Sequence[Wire]) -> None:
        for message in messages:
            self._broker.publish(message.topic, message.payload)
        if messages:
            self._broker.flush()


def _slot(message: Message) -> int | None:
    try:
        return int(orjson.loads(message.payload)["k"])
    except (ValueError, TypeError, KeyError):
        return None
