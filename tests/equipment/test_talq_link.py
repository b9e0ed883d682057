"""What a TALQ gateway is told: bodies as the standard has them, nothing twice, and never more than it can hold."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest

from engine.equipment.talq import TalqLink, read_devices
from engine.errors import InputError, Undelivered
from engine.model import AckStatus, Command, Level, Program
from tests.equipment.peers.peer import NOON, Mood
from tests.equipment.peers.talq import CMS, LAMPS, TalqPeer
from tests.equipment.peers.talq_schema import Standard, check

HOUR = timedelta(hours=1)


class World:
    """A gateway with its lamps, and our link to it, which may be opened anew."""

    def __init__(self, peer: TalqPeer) -> None:
        self.peer, self.gateway = peer, peer.gateway_
        self._stack = ExitStack()
        self._seq = 0
        self.open()

    def open(self) -> None:
        self._stack.close()
        self.link: TalqLink = self._stack.enter_context(self.peer.connection.open(self.peer.site))

    def close(self) -> None:
        self._stack.close()

    def order(
        self, lamp: str, *steps: tuple[float, float], level: Level = Level.DAY_AHEAD_PLAN, hours: float = 24
    ) -> Command:
        """Steps are (hours from now, value)."""
        self._seq += 1
        now = self.peer.clock.now()
        program = Program(tuple((now + h * HOUR, value) for h, value in steps), now + hours * HOUR)
        name, expires = f"{lamp}-{self._seq}", now + timedelta(minutes=5)
        return Command(name, f"{lamp}/illuminanceLevel", "A-1", self._seq, program, now, expires, level=level)

    def send(self, *commands: Command) -> dict[str, tuple[AckStatus, str]]:
        """Lamp → answer. Clears the gateway's log first."""
        self.peer.log.clear()
        self.link.send(commands)
        answers = self.link.receive(0.0)
        self.link.confirm(answers)
        assert answers.malformed == ()
        return {ack.point.split("/")[0]: (ack.status, ack.reason) for ack in answers.acks}

    def said(self) -> list[str]:
        return [what for what, _ in self.peer.log]

    def level(self, lamp: str, hours: float = 0) -> float:
        """What a lamp does so many hours from now."""
        at = self.peer.clock.at
        self.peer.clock.at = at + hours * HOUR
        overrides = dict(self.gateway.overrides)
        found = self.gateway.level(LAMPS[lamp]) / 100
        self.gateway.overrides, self.peer.clock.at = overrides, at
        return found


@pytest.fixture(params=["typed subset", pytest.param("whole standard", marks=pytest.mark.reference)])
def standard(request: pytest.FixtureRequest) -> Standard | None:
    return None if request.param == "typed subset" else Standard(request.getfixturevalue("reference"))


@pytest.fixture
def world(tmp_path: Path, free_port: Callable[[], int], standard: Standard | None) -> Iterator[Callable[..., World]]:
    made: list[World] = []

    def make(**service: object) -> World:
        peer = TalqPeer(tmp_path, free_port(), standard, **service)
        peer.start()
        made.append(World(peer))
        return made[-1]

    yield make
    for one in made:
        one.close()
        one.peer.stop()


NIGHT = ((0.0, 0.0), (5.0, 1.0), (11.0, 0.4), (17.0, 1.0), (20.0, 0.0))


def accepted(answers: dict[str, tuple[AckStatus, str]]) -> bool:
    return all(status is AckStatus.ACCEPTED for status, _ in answers.values())


def test_a_plan_is_told_once_for_all_lamps_that_share_it(world: Callable[..., World]) -> None:
    town = world()
    other = ((0.0, 0.0), (5.0, 0.8))
    assert accepted(town.send(*(town.order(f"L-{n}", *NIGHT) for n in (1, 2, 3)), town.order("L-4", *other)))
    assert sorted(town.said()) == [
        "POST /assign-commands", "POST /assign-commands", "POST /calendars", "POST /calendars",
        "POST /control-programs", "POST /control-programs", "POST /override-commands", "POST /override-commands",
    ]  # fmt: skip
    for hours, value in ((1, 0.0), (6, 1.0), (12, 0.4), (18, 1.0), (21, 0.0), (25, 1.0)):
        assert {town.level(f"L-{n}", hours) for n in (1, 2, 3)} == {value}
    assert town.level("L-4", 6) == 0.8


def test_only_what_differs_from_yesterday_is_sent(world: Callable[..., World]) -> None:
    town = world()
    town.send(*(town.order(lamp, *NIGHT) for lamp in LAMPS))
    town.peer.clock.forward(days=1)
    changed = (*NIGHT[:2], (11.0, 0.5), *NIGHT[3:])
    assert accepted(
        town.send(*(town.order(lamp, *NIGHT) for lamp in ("L-1", "L-2", "L-3")), town.order("L-4", *changed))
    )
    assert town.said().count("POST /control-programs") == 1
    assert len(town.gateway.programs) == 2
    assert (town.level("L-1", 12), town.level("L-4", 12)) == (0.4, 0.5)


def test_another_process_finds_what_is_there(world: Callable[..., World]) -> None:
    town = world()
    town.send(town.order("L-1", *NIGHT))
    town.open()
    assert accepted(town.send(town.order("L-2", *NIGHT)))
    assert town.said() == ["POST /assign-commands", "POST /override-commands"]


def test_an_override_ends_by_itself_and_the_plan_goes_on(world: Callable[..., World]) -> None:
    town = world()
    town.send(town.order("L-1", *NIGHT))
    town.peer.clock.forward(hours=12)
    rest = ((0.0, 1.0), (1.0, 0.4), (5.0, 1.0), (8.0, 0.0))
    command = town.order("L-1", *rest, level=Level.RULE, hours=12)
    assert accepted(town.send(command))
    assert town.said() == ["POST /override-commands"], "what follows is the plan it has"
    ((_, told),) = town.peer.log
    assert told == {
        "addresses": [{"resource": "devices", "address": LAMPS["L-1"]}],
        "targetCommand": {
            "state": {"name": "LevelState", "value": 100}, "reason": "override", "cmsRefId": command.id,
            "expiration": "2026-11-23T00:00:00Z",
        },
    }  # fmt: skip
    assert [town.level("L-1", h) for h in (0, 0.9, 1, 4.9, 5, 9)] == [1.0, 1.0, 0.4, 0.4, 1.0, 0.0]


def test_what_follows_an_override_is_told_where_it_is_not_known(world: Callable[..., World]) -> None:
    town = world()
    assert accepted(town.send(town.order("L-1", (0.0, 0.2), (1.0, 0.6), (3.0, 0.0), level=Level.OPERATOR, hours=6)))
    assert [town.level("L-1", h) for h in (0, 0.5, 1, 2.9, 3, 5.9, 6)] == [0.2, 0.2, 0.6, 0.6, 0.0, 0.0, 1.0]


def test_a_plan_lets_go_of_an_override(world: Callable[..., World]) -> None:
    town = world()
    town.send(town.order("L-1", (0.0, 0.2), level=Level.RULE, hours=2))
    assert town.level("L-1") == 0.2
    town.open()
    assert accepted(town.send(town.order("L-1", *NIGHT)))
    assert town.level("L-1") == 0.0
    assert "targetCommand" not in next(told for what, told in town.peer.log if what.endswith("override-commands"))


def test_the_newest_override_stands_and_one_of_tomorrow_waits(world: Callable[..., World]) -> None:
    town = world()
    town.send(town.order("L-1", (0.0, 0.2), level=Level.RULE, hours=2))
    town.send(town.order("L-1", (0.0, 0.3), level=Level.OPERATOR, hours=4))
    assert [town.level("L-1", h) for h in (0, 3)] == [0.3, 0.3]
    town.send(town.order("L-2", (2.0, 0.5), level=Level.RULE, hours=4))
    assert [town.level("L-2", h) for h in (1.9, 2, 3.9, 4)] == [1.0, 0.5, 0.5, 1.0]


def test_a_program_that_does_not_fit_is_rejected_and_the_others_are_not(world: Callable[..., World]) -> None:
    town = world(maxSwitchPointsPerProgram=3)
    answers = town.send(town.order("L-1", *NIGHT), town.order("L-2", *NIGHT[:3]))
    assert answers["L-1"] == (AckStatus.REJECTED, "a day of the program has 5 switching points, the gateway takes 3")
    assert answers["L-2"][0] is AckStatus.ACCEPTED
    assert (town.level("L-1", 6), town.level("L-2", 12)) == (1.0, 0.4)


def test_room_is_made_of_what_is_replaced_or_over_and_then_it_is_full(world: Callable[..., World]) -> None:
    town = world(maximumPrograms=3, maximumCalendars=3)
    levels = iter(range(1, 100))

    def plan(*lamps: str) -> dict[str, tuple[AckStatus, str]]:
        return town.send(*(town.order(lamp, (0.0, next(levels) / 100)) for lamp in lamps))

    assert accepted(plan("L-1", "L-2"))
    for _ in range(5):
        assert accepted(plan("L-1")), "each plan that is replaced makes room for the next but one"
    answers = plan("L-3", "L-4")
    assert sorted(status for status, _ in answers.values()) == [AckStatus.ACCEPTED, AckStatus.REJECTED]
    assert "takes 3 programs and 3 calendars, and has 3 and 3" in max(reason for _, reason in answers.values())
    for _ in range(3):
        town.peer.clock.forward(days=2)
        town.open()  # nothing is remembered: the days of the calendars tell
        town.gateway.follows.clear()
        assert accepted(plan("L-1", "L-2", "L-3"))
    assert (len(town.gateway.programs), len(town.gateway.calendars)) == (3, 3)


def test_others_programs_are_left_alone_and_count(world: Callable[..., World]) -> None:
    town = world(maximumPrograms=2)
    theirs = {"id": "theirs", "ownerCMS": "another", "type": "ControlProgramOne"}
    town.gateway.programs["theirs"] = theirs
    assert accepted(town.send(town.order("L-1", (0.0, 0.1))))
    assert town.send(town.order("L-2", (0.0, 0.2)))["L-2"][0] is AckStatus.REJECTED
    assert town.gateway.programs["theirs"] == theirs


def test_a_lamp_it_does_not_know_is_rejected(world: Callable[..., World]) -> None:
    town = world()
    answers = town.send(town.order("L-9", (0.0, 0.5)), town.order("L-1", (0.0, 1.5)), town.order("L-2", (0.0, 0.5)))
    assert {lamp: status for lamp, (status, _) in answers.items()} == {
        "L-9": AckStatus.REJECTED, "L-1": AckStatus.REJECTED, "L-2": AckStatus.ACCEPTED,
    }  # fmt: skip


def test_one_lamp_that_the_gateway_does_not_know_spoils_no_other(world: Callable[..., World]) -> None:
    town = world()
    answers = town.send(*(town.order(lamp, *NIGHT) for lamp in ("L-1", "L-2", "L-8", "L-3")))
    assert answers.pop("L-8") == (AckStatus.REJECTED, "HTTP 422: assignmentAddressNotValid")
    assert (len(answers), accepted(answers)) == (3, True)
    assert {town.level(lamp, 12) for lamp in answers} == {0.4}


def test_what_follows_a_refused_override_is_not_told(world: Callable[..., World]) -> None:
    town = world()
    town.peer.refused = {"override-commands"}
    answers = town.send(town.order("L-1", (0.0, 0.2), (1.0, 0.6), level=Level.RULE, hours=6))
    assert answers == {"L-1": (AckStatus.REJECTED, "HTTP 422: overrideCommandNotValid")}
    assert town.said() == ["POST /override-commands"]


def test_a_lamp_that_measures_nothing_is_read_back_by_the_command_in_effect(world: Callable[..., World]) -> None:
    town = world()
    town.send(town.order("L-1", (0.0, 0.2), level=Level.RULE, hours=2))
    for town.peer.measures in (True, False):
        town.link.ask({"L-1/illuminanceLevel": "A-1", "L-9/illuminanceLevel": "A-1", "L-1/other": "A-1"})
        answers = town.link.receive(0.0)
        town.link.confirm(answers)
        assert [(state.point, state.value, state.observed_at) for state in answers.readbacks] == [
            ("L-1/illuminanceLevel", 0.2, NOON)
        ]


def test_a_lost_answer_is_told_again_without_harm(world: Callable[..., World]) -> None:
    town = world()
    town.peer.mood = Mood.HANGS
    with pytest.raises(Undelivered) as error:
        town.send(town.order("L-1", *NIGHT))
    assert (error.value.commands, town.link.receive(0.0).acks) == (set(), ())
    assert len(town.gateway.programs) == 1
    town.peer.mood = Mood.WELL
    assert accepted(town.send(town.order("L-1", *NIGHT)))
    assert len(town.gateway.programs) == 1
    assert town.level("L-1", 12) == 0.4


def test_the_table_of_lamps_is_checked_line_by_line(tmp_path: Path) -> None:
    table = tmp_path / "lamps.csv"
    good = "4eb333b9-53c7-4cdc-bf9a-36fa7c6d53e1"
    table.write_text(f"asset,device,function\nL-1,{good},lamp\nL-1,{good},lamp\nL-2,nothing,lamp\nL-3,{good},\nL-4\n")
    with pytest.raises(InputError) as error:
        read_devices(table)
    assert [problem.line for problem in error.value.problems] == [3, 4, 5, 6]
    table.write_text("lamp,uuid\n")
    with pytest.raises(InputError, match="write asset,device,function"):
        read_devices(table)


def test_we_are_who_we_say(world: Callable[..., World]) -> None:
    town = world()
    town.send(town.order("L-1", *NIGHT))
    assert {program["ownerCMS"] for program in town.gateway.programs.values()} == {CMS}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("OverrideCommand", {"addresses": [{"resource": "devices"}]}),
        ("OverrideCommand", {"addresses": [], "targetCommand": {"state": {"name": "LevelState", "value": 101}}}),
        ("AssignCommand", {"addresses": []}),
        ("Calendar", {"id": "c", "ownerCMS": CMS, "rules": [{"startDate": "2026-13-01", "program": "p"}]}),
        ("ControlProgram", {"id": "p", "ownerCMS": CMS, "type": "ControlProgramOne", "activePeriods": []}),
    ],
)
def test_the_gateway_of_these_tests_refuses_what_is_wrong(standard: Standard | None, kind: str, body: object) -> None:
    with pytest.raises(jsonschema.ValidationError):
        check(kind, body, None)
    if standard is not None:
        with pytest.raises(jsonschema.ValidationError):
            standard.check(kind if kind != "ControlProgram" else "ControlProgramOne", body)
