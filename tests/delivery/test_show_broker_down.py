"""The broker is down for ten minutes of the story's time, then back: nothing is sent expired, and nothing floods."""

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.broker import Broker
from engine.equipment.mqtt import SUBSCRIPTIONS, MqttLink
from engine.errors import Unavailable
from engine.model import Command, CommandState
from engine.setpoints.dispatch import Dispatcher, DispatchPolicy
from engine.wire import COMMAND, decode_command, gateway_of, topic
from jobs.bootstrap import StoryClock
from tests.broker.conftest import Mosquitto
from tests.conftest import BOTH
from tests.delivery.stage import Stage
from tests.waiting import wait_for
from twin.effects import read_effects
from twin.gateway.faults import Faults
from twin.gateway.running import Running
from twin.gateway.town import outlets_of

NOON = datetime(2026, 11, 22, 11, tzinfo=UTC)
RATE = 5
LIFE_S, VERIFY_S = 240, 60
DOWN_AT, BACK_AT, OVER_AT = 70, 670, 850
WANTED_AT = (0, 60, 120, 180, 240, 600)
"""Seconds of the story. What is wanted at 60 is half sent when the broker goes, and that of 240 expires meanwhile."""


@dataclass
class Scene:
    """Dispatcher, gateways and an eavesdropper, all by the story's clock."""

    stage: Stage
    clock: StoryClock
    dispatcher: Dispatcher
    line: Broker
    gateways: Running
    ears: Broker
    heard: list[tuple[datetime, Command]] = field(default_factory=list)
    away: int = 0

    def step(self, seconds: int) -> None:
        self.clock.at += timedelta(seconds=seconds)
        try:
            self.dispatcher.step(0.0)
        except Unavailable:
            self.away += 1
        if self.ears.connected:
            self.exchange()

    def exchange(self) -> None:
        """Let the real line carry all that was sent."""
        self.ears.publish(topic("echo", "get"), b"echo")
        self.ears.flush()
        done = False
        while not done:
            for message in self.ears.take(1_000, 5.0):
                self.ears.ack([message])
                if message.topic.endswith(COMMAND):
                    command = decode_command(message.payload, gateway_of(message.topic))
                    self.heard.append((self.clock.at, command))
                done = done or message.payload == b"echo"
        # What follows them has come, so our acknowledgements have: the broker, back again, repeats nothing to us.
        self.ears.publish(topic("heard", "get"), b"")
        self.ears.flush()
        self.gateways.turn()

    def sessions(self) -> list[Broker]:
        return [self.line, self.ears, *self.gateways.sessions]


@contextmanager
def playing(stage: Stage, url: str) -> Iterator[Scene]:
    clock = StoryClock(NOON)
    line = Broker(url, "core", SUBSCRIPTIONS)
    ears = Broker(url, "ears", [topic("+", COMMAND), topic("echo", "get")])
    outlets = outlets_of(stage.territory.assets, stage.territory.catalogue)
    gateways = Running(url, outlets, (), Faults((), 1, NOON), stage.effects, clock.now)
    policy = DispatchPolicy(
        "core", ack_within=timedelta(seconds=10), grace=timedelta(seconds=30), rate_per_gateway=RATE
    )
    dispatcher = Dispatcher(stage.store.begin, MqttLink(line), clock, policy, stage.territory.points)
    line.connect()
    ears.connect()
    gateways.connect()
    try:
        yield Scene(stage, clock, dispatcher, line, gateways, ears)
    finally:
        line.close()
        ears.close()
        gateways.close()


def play(scene: Scene, server: Mosquitto) -> None:
    points, rng = sorted(scene.stage.territory.points), random.Random(1)
    second = 0
    while second < OVER_AT:
        if second == DOWN_AT:
            server.stop()
            wait_for(lambda: not any(session.connected for session in scene.sessions()))
        if second == BACK_AT:
            server.start()
            wait_for(lambda: all(session.connected for session in scene.sessions()))
        if second in WANTED_AT:
            scene.stage.want(points, rng, scene.clock.at)
        width = 5 if DOWN_AT <= second < BACK_AT else 1
        scene.step(width)
        second += width


@pytest.mark.mosquitto
@BOTH
def test_ten_minutes_without_a_broker(tmp_path: Path, database_url: str, server: Mosquitto) -> None:
    stage = Stage(tmp_path, database_url, server.url(), "A-1..A-2", 100, LIFE_S, VERIFY_S)
    with playing(stage, server.url()) as scene:
        play(scene, server)
        heard, away = scene.heard, scene.away
    commands = stage.commands()
    effects = read_effects(stage.effects)
    stage.store.close()
    back = NOON + timedelta(seconds=BACK_AT)
    paces = Counter((command.gateway, at) for at, command in heard)
    told = {
        "commands": len(commands),
        "states": dict(Counter(command.state.value for command in commands)),
        "sent": len(heard),
        "sent after it was back": sum(at > back for at, _ in heard),
        "fastest in a second": max(paces.values()),
        "steps without a broker": away,
    }
    print(f"\n{database_url.partition(':')[0]}: {json.dumps(told)}")
    assert away > 0
    assert [command.id for at, command in heard if at >= command.expires_at] == []
    assert max(paces.values()) <= RATE
    assert all(command.state.terminal for command in commands)
    gone = {command.id for command in commands if command.state is CommandState.EXPIRED}
    assert len(gone) == len(stage.territory.points)
    assert gone.isdisjoint({command.id for _, command in heard})
    assert {command.issued_at for at, command in heard if at > back} == {NOON + timedelta(seconds=WANTED_AT[-1])}
    newest: defaultdict[str, int] = defaultdict(int)
    for command in commands:
        newest[command.point] = max(newest[command.point], command.seq)
    assert {effect["point"]: effect["seq"] for effect in effects} == newest
    assert len(effects) == len({effect["id"] for effect in effects})
