"""Dispatch over the router, with real peers at both ends: a webhook and a TALQ gateway, one of which dies."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from engine.equipment.connections import Site
from engine.equipment.router import Router
from engine.model import Command, CommandState, Program
from engine.setpoints.dispatch import Dispatcher
from engine.setpoints.points import PointInfo
from engine.setpoints.policy import DispatchPolicy
from tests.equipment.peers.peer import Base, Mood, StoryClock
from tests.equipment.peers.talq import TalqPeer
from tests.equipment.peers.webhook import WebhookPeer
from tests.setpoints.fakes import Memory, an_envelope

S = CommandState


class World:
    """Gateway P- behind the webhook, T- behind TALQ; one point each."""

    def __init__(self, folder: Path, free_port: Callable[[], int]) -> None:
        self.clock = StoryClock()
        self.peers: dict[str, Base] = {"P": WebhookPeer(folder, free_port()), "T": TalqPeer(folder, free_port())}
        for name, peer in self.peers.items():
            peer.clock = self.clock
            peer.connection = peer.connection.model_copy(update={"gateways": (f"{name}-*",)})
        talq, hook = self.peers["T"], self.peers["P"]
        assert isinstance(talq, TalqPeer) and isinstance(hook, WebhookPeer)
        talq.gateway_.now = self.clock.now
        hook._device.clock = self.clock
        self.names = {"P": "P-1/level", "T": "L-1/illuminanceLevel"}
        self.points = {point: PointInfo(point, f"{way}-1", an_envelope(), "Z-1") for way, point in self.names.items()}
        self.memory = Memory()
        self.told: list[tuple[str, str | None]] = []
        connections = [peer.connection for peer in self.peers.values()]
        tell = lambda name, why: self.told.append((name, why))
        self.router = Router(connections, Site(self.clock, "test"), tell, pause_s=0.0)
        self.dispatcher = Dispatcher(self.memory, self.router, self.clock, DispatchPolicy("here"), self.points)

    def order(self, way: str, value: float, seq: int) -> Command:
        now, point = self.clock.now(), self.names[way]
        program = Program.constant(value, now, now + timedelta(hours=6))
        command = Command(f"{way}{seq}", point, f"{way}-1", seq, program, now, now + timedelta(minutes=30))
        self.memory.enqueue(command)
        return command

    def run(self, *commands: Command, minutes: float = 20) -> list[CommandState]:
        """Steps of ten seconds until these are over."""
        for _ in range(int(minutes * 6)):
            if all(self.memory.state(command).terminal for command in commands):
                break
            self.dispatcher.step(0.0)
            self.clock.forward(seconds=10)
        return [self.memory.state(command) for command in commands]


@pytest.fixture
def world(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[World]:
    made = World(tmp_path, free_port)
    for peer in made.peers.values():
        peer.start()
    with made.router:
        yield made
    for peer in made.peers.values():
        peer.stop()


def test_both_are_verified_by_what_their_equipment_shows(world: World) -> None:
    assert world.run(world.order("P", 0.4, 1), world.order("T", 0.7, 1)) == [S.VERIFIED, S.VERIFIED]
    assert [peer.value() for peer in world.peers.values()] == [0.4, 0.7]


def test_one_that_dies_stops_no_other_and_is_reached_when_it_is_back(world: World) -> None:
    talq = world.peers["T"]
    talq.stop()
    near, far = world.order("P", 0.4, 1), world.order("T", 0.7, 1)
    world.dispatcher.step(0.0)
    assert (world.memory.state(near), world.memory.state(far)) == (S.VERIFIED, S.UNKNOWN)
    assert [name for name, why in world.told if why] == ["talq"]
    talq.start()
    assert world.run(far) == [S.VERIFIED]
    assert world.told[-1] == ("talq", None)
    assert talq.applied == [0.7]


def test_an_answer_that_is_lost_is_found_by_a_read_back(world: World) -> None:
    world.peers["T"].mood = Mood.HANGS
    command = world.order("T", 0.7, 1)
    world.dispatcher.step(0.0)
    assert world.memory.state(command) is S.SENT
    world.peers["T"].mood = Mood.WELL
    assert world.run(command) == [S.VERIFIED]


def test_a_gateway_that_nobody_serves_is_told_at_once(world: World) -> None:
    point = "N-1/level"
    world.points[point] = replace(world.points["P-1/level"], id=point, gateway="N-1")
    world.names["N"] = point
    command = world.order("N", 0.4, 1)
    assert world.run(command) == [S.REJECTED]
    assert "no connection of the equipment file serves the gateway N-1" in world.memory.details(command)[-1]
