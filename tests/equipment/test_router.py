"""One link over several: nothing is lost, nothing is sent astray, and one that is away stops no other."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.equipment.connections import Connection, Site
from engine.equipment.inbox import Inbox
from engine.equipment.router import Router
from engine.errors import InputError, Problem, Unavailable, Undelivered
from engine.model import Ack, AckStatus, Command, Program
from engine.ports import Answers, Capabilities

NOON = datetime(2026, 11, 22, 11, tzinfo=UTC)


def order(name: str, gateway: str) -> Command:
    program = Program.constant(1.0, NOON, NOON + timedelta(hours=1))
    return Command(name, f"{name}/level", gateway, 1, program, NOON, NOON + timedelta(minutes=5))


def acknowledge(command: Command) -> Ack:
    return Ack(command.id, command.point, command.gateway, command.seq, AckStatus.ACCEPTED)


@dataclass
class Far:
    """Equipment that acknowledges what it takes, or is away; `partly` takes only the first command of a send."""

    away: bool = False
    partly: bool = False
    wrong: bool = False
    hurdle: threading.Barrier | None = None
    taken: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    tries: int = 0
    open: bool = False
    inbox: Inbox = field(default_factory=Inbox)

    def capabilities(self, _gateway: str) -> Capabilities:
        return Capabilities()

    def _reach(self) -> None:
        self.tries += 1
        if self.wrong:
            raise InputError([Problem("lamps.csv", 1, 1, "is wrong")])
        if self.away:
            raise Unavailable("nobody there")

    def send(self, commands: Sequence[Command]) -> None:
        self._reach()
        if self.hurdle:
            self.hurdle.wait(10)
        taken = commands[:1] if self.partly else commands
        self.taken += [command.id for command in taken]
        self.inbox.put(acknowledge(command) for command in taken)
        if self.partly:
            raise Undelivered("went away", [command.id for command in commands[1:]])

    def ask(self, points: Mapping[str, str]) -> None:
        self._reach()
        self.asked += points

    def receive(self, timeout_s: float) -> Answers:
        return self.inbox.receive(timeout_s)

    def confirm(self, answers: Answers) -> None:
        self.inbox.confirm(answers)


FARS: dict[str, Far] = {}


class FarConnection(Connection):
    kind: Literal["far"] = "far"
    schemes: ClassVar[tuple[str, ...]] = ("far",)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(programs=self.id != "b")

    @contextmanager
    def open(self, _site: Site) -> Iterator[Far]:
        far = FARS[self.id]
        far._reach()
        far.open = True
        yield far
        far.open = False

    def probe(self) -> str:
        return "there"


class Clock:
    def now(self) -> datetime:
        return NOON


class World:
    """A router over links a, b, c that serve the gateways a*, b*, c*."""

    def __init__(self, **fars: Far) -> None:
        FARS.clear()
        FARS.update({name: fars.get(name, Far()) for name in "abc"})
        self.time_s = 0.0
        self.told: list[tuple[str, str | None]] = []
        connections = [FarConnection(id=name, url="far://x", gateways=(f"{name}*",)) for name in FARS]
        self.router = Router(
            connections,
            Site(Clock(), "test"),
            lambda name, why: self.told.append((name, why)),
            monotonic=lambda: self.time_s,
        )

    def __enter__(self) -> "World":
        self.router.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.router.__exit__()


@given(st.lists(st.sampled_from("abcx"), max_size=20))
def test_each_command_goes_its_way_and_its_answer_comes_back_once(gateways: list[str]) -> None:
    commands = [order(str(n), f"{name}{n}") for n, name in enumerate(gateways)]
    with World() as world:
        world.router.send(commands)
        answers = world.router.receive(0.0)
        again = world.router.receive(0.0)
        world.router.confirm(answers)
        after = world.router.receive(0.0)
    assert {name: far.taken for name, far in FARS.items()} == {
        name: [command.id for command in commands if command.gateway[0] == name] for name in "abc"
    }
    assert {ack.id: ack.status for ack in answers.acks} == {
        command.id: AckStatus.REJECTED if command.gateway[0] == "x" else AckStatus.ACCEPTED for command in commands
    }
    assert set(again.acks) == set(answers.acks), "what is not confirmed is given again"
    assert after.acks == ()


def test_one_that_is_away_stops_no_other_and_is_named() -> None:
    with World(b=Far(away=True)) as world:
        with pytest.raises(Undelivered, match="b: nobody there") as error:
            world.router.send([order("1", "a"), order("2", "b"), order("3", "c"), order("4", "b")])
        assert error.value.commands == {"2", "4"}
        assert {ack.id for ack in world.router.receive(0.0).acks} == {"1", "3"}
        world.router.ask({"p": "a", "q": "b", "r": "c"})
    assert (FARS["a"].asked, FARS["b"].asked, FARS["c"].asked) == (["p"], [], ["r"])


def test_what_a_link_says_was_taken_is_believed() -> None:
    with World(b=Far(partly=True)) as world, pytest.raises(Undelivered) as error:
        world.router.send([order("1", "a"), order("2", "b"), order("3", "b"), order("4", "b")])
    assert error.value.commands == {"3", "4"}


def test_while_a_link_is_left_alone_all_that_would_go_by_it_is_lost() -> None:
    with World(b=Far(partly=True)) as world:
        for names in (("1", "2"), ("3", "4")):
            with pytest.raises(Undelivered) as error:
                world.router.send([order(name, "b") for name in names])
            assert error.value.commands == (set(names) - {"1"})
    assert FARS["b"].taken == ["1"]


def test_a_mistake_in_one_connection_closes_the_others_that_are_open() -> None:
    with pytest.raises(InputError), World(b=Far(wrong=True)):
        pass
    assert not any(far.open for far in FARS.values())
    assert not any(thread.name.startswith("equipment") for thread in threading.enumerate())


def test_one_that_is_away_is_left_alone_for_a_while_and_told_once() -> None:
    far = Far(away=True)
    with World(b=far) as world:
        for _ in range(5):
            with pytest.raises(Undelivered):
                world.router.send([order("1", "b")])
        assert far.tries == 1
        far.away = False
        world.time_s += 15.0
        world.router.send([order("2", "b")])
        assert far.taken == ["2"]
    assert world.told == [("b", "nobody there"), ("b", None)]


def test_they_are_spoken_to_side_by_side() -> None:
    hurdle = threading.Barrier(3)
    with World(**{name: Far(hurdle=hurdle) for name in "abc"}) as world:
        world.router.send([order(name, name) for name in "abc"])
    assert [far.taken for far in FARS.values()] == [["a"], ["b"], ["c"]]


def test_one_that_talks_without_end_does_not_silence_the_others() -> None:
    with World() as world:
        for n in range(50):
            FARS["a"].inbox.put([acknowledge(order(f"a{n}", "a"))])
            FARS["c"].inbox.put([acknowledge(order(f"c{n}", "c"))])
            answers = world.router.receive(1.0)
            world.router.confirm(answers)
            assert {ack.id for ack in answers.acks} == {f"a{n}", f"c{n}"}


def test_an_answer_ends_the_wait() -> None:
    with World() as world:
        FARS["c"].inbox.put([])
        threading.Timer(0.1, lambda: FARS["b"].inbox.put([acknowledge(order("1", "b"))])).start()
        world.time_s = 0.0  # the wait is over only by the answer: this time stands still
        assert [ack.id for ack in world.router.receive(30.0).acks] == ["1"]


def test_capabilities_are_those_of_the_gateways_own_connection() -> None:
    with World() as world:
        assert world.router.capabilities("a1").programs
        assert not world.router.capabilities("b1").programs
        nowhere = world.router.capabilities("x")
    assert not any((nowhere.programs, nowhere.expiry, nowhere.key, nowhere.reads_back))
    assert nowhere.acknowledges, "or its rejection would not be waited for"


def test_everything_is_closed() -> None:
    with World(b=Far(away=True)) as world:
        assert [far.open for far in FARS.values()] == [True, False, True]
        assert world.told == [("b", "nobody there")]
    assert not any(far.open for far in FARS.values())
