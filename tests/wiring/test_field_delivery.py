"""Commands by way of outbox and dispatch to equipment that keeps one value: the unknown is read back, not repeated."""

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Unavailable
from engine.model import Command, CommandState, Program
from engine.ports import Link
from engine.setpoints.dispatch import Dispatcher
from jobs.bootstrap import read_territory
from jobs.sending import dispatcher_of
from jobs.table import JobContext
from jobs.uplinks import UplinkSource
from tests.equipment.peers.lorawan import ChirpStackPeer, NetworkServer, TtsPeer
from tests.equipment.peers.modbus import ModbusLamp
from tests.equipment.peers.peer import Base, Mood
from tests.wiring.conftest import NOON

LAMP = "L-49028-00001"
POINT = f"{LAMP}/illuminanceLevel"


def at_the_lamp(peer: Base, file: Path, said: str) -> None:
    file.write_text(file.read_text().replace(said, said.replace("L-1", LAMP)))


class Delivery:
    """Dispatch to one peer, in a story's time."""

    def __init__(self, context: JobContext, peer: Any, link: Link) -> None:
        peer.connection = peer.connection.model_copy(update={"gateways": ("*",)})
        told = read_territory(context.store, context.territory.catalogue, (), (peer.connection,))
        self.context = replace(context, clock=peer.clock, territory=told)
        self.peer, self.clock = peer, peer.clock
        self.dispatcher: Dispatcher = dispatcher_of(
            context.settings, context.store, link, peer.clock, told.points, "test"
        )

    def enqueue(self, value: float, seq: int = 1) -> Command:
        now = self.clock.now()
        command = Command(
            f"c-{seq}", POINT, self.context.territory.points[POINT].gateway, seq,
            Program.constant(value, now, now + timedelta(hours=2)), now, now + timedelta(minutes=30),
        )  # fmt: skip
        with self.context.store.begin() as unit:
            unit.commands.enqueue([command])
        return command

    def history(self, command: Command) -> list[CommandState]:
        with self.context.store.read() as unit:
            return [step.state for step in unit.commands.history(command.id)]

    def run(self, command: Command, step: Callable[[int], None], until: int = 400) -> list[CommandState]:
        """Step after step of fifteen seconds, until the command is over."""
        for n in range(until):
            step(n)
            with suppress(Unavailable):
                self.dispatcher.step(0.0)
            states = self.history(command)
            if states[-1].terminal:
                return states
            self.clock.forward(seconds=15)
        raise AssertionError(states)


@pytest.fixture
def plc(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[ModbusLamp]:
    peer = ModbusLamp(tmp_path, free_port())
    at_the_lamp(peer, tmp_path / "map.yaml", "L-1/illuminanceLevel")
    peer.clock.at = NOON
    peer.start()
    yield peer
    peer.stop()


@pytest.fixture
def by_modbus(plc: ModbusLamp, service: JobContext) -> Iterator[Delivery]:
    with plc.connection.open(plc.site) as link:
        yield Delivery(service, plc, link)


def test_a_write_is_verified_by_its_read_back(by_modbus: Delivery, plc: ModbusLamp) -> None:
    states = by_modbus.run(by_modbus.enqueue(0.4), lambda _: None)
    assert states[-2:] == [CommandState.ACKED, CommandState.VERIFIED]
    assert plc.applied == [0.4]


def test_a_write_that_was_carried_out_in_silence_is_read_back_and_not_repeated(
    by_modbus: Delivery, plc: ModbusLamp
) -> None:
    def step(n: int) -> None:
        plc.mood = Mood.HANGS if n == 0 else Mood.WELL

    states = by_modbus.run(by_modbus.enqueue(0.4), step)
    assert states[-2:] == [CommandState.UNKNOWN, CommandState.VERIFIED]
    assert plc.applied == [0.4]


def test_a_write_that_was_lost_is_repeated_once_the_read_back_shows_it(by_modbus: Delivery, plc: ModbusLamp) -> None:
    def step(n: int) -> None:
        plc.lose(everything=n == 0)

    states = by_modbus.run(by_modbus.enqueue(0.4), step)
    assert states.count(CommandState.SENT) == 2
    assert states[-1] is CommandState.VERIFIED
    assert plc.applied == [0.4]


def test_a_peer_that_is_away_for_the_life_of_a_command_never_gets_it(by_modbus: Delivery, plc: ModbusLamp) -> None:
    plc.stop()
    states = by_modbus.run(by_modbus.enqueue(0.4), lambda _: None)
    assert states[-1] is CommandState.EXPIRED
    plc.start()
    for _ in range(20):
        by_modbus.dispatcher.step(0.0)
        plc.clock.forward(seconds=15)
    assert plc.applied == []
    assert plc.value() == plc.rest


@pytest.fixture(params=[TtsPeer, ChirpStackPeer])
def radio(
    request: pytest.FixtureRequest, mosquitto: str, tmp_path: Path, free_port: Callable[[], int]
) -> Iterator[NetworkServer]:
    peer: NetworkServer = request.param(mosquitto, tmp_path, free_port())
    at_the_lamp(peer, tmp_path / "devices.yaml", "asset: L-1,")
    peer.clock.at = NOON
    peer.start()
    yield peer
    peer.stop()


@pytest.fixture
def by_radio(radio: NetworkServer, service: JobContext) -> Iterator[Delivery]:
    with radio.connection.open(radio.site) as link:
        yield Delivery(service, radio, link)


@pytest.mark.mosquitto
@pytest.mark.parametrize("silent", [False, True])
def test_a_downlink_is_verified_by_what_the_device_reports(
    by_radio: Delivery, radio: NetworkServer, silent: bool
) -> None:
    """Confirmed or not: with no read-back only its own uplinks say that the value is in action."""
    radio.mood = Mood.HANGS if silent else Mood.WELL
    with closing(UplinkSource(radio.connection)) as source:  # type: ignore[arg-type]
        source.step(by_radio.context)

        def step(n: int) -> None:
            if n % 16 == 8:
                radio.pass_time()
            source.step(by_radio.context)

        states = by_radio.run(by_radio.enqueue(0.4), step)
    assert states[-1] is CommandState.VERIFIED
    assert (CommandState.ACKED in states) is not silent
    assert radio.applied == [0.4]
