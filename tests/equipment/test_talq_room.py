"""What a gateway announces, as what it takes of one night: what keeps within that can be told, night after night."""

import csv
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.equipment.connections import Room, Site
from engine.equipment.talq import TalqConnection, TalqLink
from engine.equipment.talq_gateway import Library
from engine.equipment.talq_programs import Limits, limits_of, room_of
from engine.instants import noon
from engine.model import AckStatus, Command, Level, Program
from jobs.bootstrap import StoryClock
from jobs.lighting.night import Night, night_of
from jobs.lighting.tables import load_tables
from tests.equipment.peers.talq import CMS, Gateway, TalqPeer

TABLES = load_tables(Path(__file__).resolve().parents[2] / "datasets" / "reference" / "lighting.yaml")
DAYS = [date(2026, 3, 28), date(2026, 10, 24), date(2026, 11, 17)]  # the day before clocks change, and another
LAMPS = 5
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("announced", "others", "programs", "switch_points"),
    [
        ({"maximumPrograms": 32, "maxSwitchPointsPerProgram": 10, "dayOffset": 12}, (0, 0), 15, 9),
        ({"maximumPrograms": 32, "maxSwitchPointsPerProgram": 10}, (0, 0), 8, 9),
        ({"maximumPrograms": 32, "dayOffset": 12}, (4, 0), 13, None),
        ({"maximumPrograms": 32, "maximumCalendars": 12, "dayOffset": 12}, (0, 2), 5, None),
        ({"maximumPrograms": 2}, (0, 0), 1, None),  # of which not even one is certain
        ({"maxSwitchPointsPerProgram": 2}, (0, 0), None, 2),
        ({}, (3, 3), None, None),
    ],
)
def test_half_of_the_room_is_for_the_night_before(
    announced: dict[str, int], others: tuple[int, int], programs: int | None, switch_points: int | None
) -> None:
    room = room_of(limits_of({"name": "ControlService", **announced}), *others)
    assert (room.programs, room.switch_points, room.shared) == (programs, switch_points, True)
    for name, number in announced.items():
        assert f"{name} {number}" in room.said


def test_the_tighter_of_two_holds() -> None:
    announced, stated = Room(8, None, shared=True, said="maximumPrograms 32"), Room(6, 9)
    assert announced.within(stated) == Room(6, 9, shared=True, said="maximumPrograms 32")
    assert stated.within(announced) == announced.within(stated)


def test_a_gateway_is_asked(tmp_path: Path, free_port: Any) -> None:
    service = {"maximumPrograms": 20, "maxSwitchPointsPerProgram": 8}
    peer = TalqPeer(tmp_path, free_port(), **service)
    peer.gateway_.programs["of-another"] = {"id": "of-another"}
    peer.start()
    try:
        room = peer.connection.announced(Site(peer.clock, "test"))
    finally:
        peer.stop()
    assert (room.programs, room.switch_points) == ((20 - 1 - 1) // 2, 7)
    assert "programs of others 1" in room.said


class _Wire:
    """A gateway without HTTP between: the peer that enforces what it announces."""

    client = CMS

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    def read(self, *path: str) -> Any:
        held = {"control-programs": self.gateway.programs, "calendars": self.gateway.calendars}
        return self.gateway.service if path[0] == "services" else list(held[path[0]].values())

    def tell(self, method: str, path: tuple[str, ...], body: Any = None) -> str:
        why = self._done(method, path, body)
        return f"HTTP 422: {why}" if why else ""

    def _done(self, method: str, path: tuple[str, ...], body: Any) -> str:
        if method == "DELETE":
            return self.gateway.delete(*path)
        if path[0] == "assign-commands":
            if body["entity"]["address"] not in self.gateway.calendars:
                return "relatedResourceNotFound"
            self.gateway.follows |= {one["address"]: body["entity"]["address"] for one in body["addresses"]}
        kind = {"control-programs": "ControlProgram", "calendars": "Calendar"}.get(path[0])
        return self.gateway.add(kind, body[0]) if kind else ""


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> TalqConnection:
    file = tmp_path_factory.mktemp("talq") / "lamps.csv"
    with file.open("w", newline="") as text:
        rows = [(f"L-{n}", UUID(int=n + 1), "lamp") for n in range(LAMPS)]
        csv.writer(text).writerows([("asset", "device", "function"), *rows])
    return TalqConnection(
        id="talq", kind="talq", url="https://talq.example.org", gateways=("A-*",), client_address=UUID(CMS),
        devices=file,
    )  # fmt: skip


def gateways(chance: Random) -> dict[str, Any]:
    """What a gateway announces; what it does not announce is not limited."""
    offset = chance.choice([0, 12])
    most = {
        "maximumPrograms": chance.randint(4, 20),
        "maximumCalendars": chance.randint(2, 10),
        "maxProgramsPerCalendar": chance.randint(1 if offset else 2, 3),
        "maxSwitchPointsPerProgram": chance.randint(3, 9),
    }
    room = {name: number for name, number in most.items() if chance.random() < 0.7}
    return {**room, "dayOffset": offset, "programSecondsSupported": chance.random() < 0.5}


def row(chance: Random, night: Night, changes: int) -> Program:
    """A night with at most so many changes of level, on and off among them, none where no local time stands for it."""
    burning = np.flatnonzero(night.burning & ~night.repeated)[1:].tolist()
    cuts = sorted(chance.sample(burning, chance.randint(0, changes - 2)))
    levels = [chance.randint(1, 100) / 100 for _ in range(len(cuts) + 1)]
    within = [(night.slots[t], level) for t, level in zip(cuts, levels[1:], strict=True)]
    steps = ((night.start, 0.0), (max(night.on_at, night.start), levels[0]), *within, (night.off_at, 0.0))
    return Program(steps, night.until)


def told(link: TalqLink, clock: StoryClock, programs: Sequence[Program], batches: Sequence[int]) -> Iterator[str]:
    """Sends each lamp its program in batches; yields every rejection."""
    commands = [
        Command(f"c{n}", f"L-{n}/illuminanceLevel", "A-1", 1, program, clock.at, clock.at + HOUR, level=Level(14))
        for n, program in enumerate(programs)
    ]
    for begin, end in zip((0, *batches), (*batches, len(commands)), strict=True):
        link.send(commands[begin:end])
    answers = link.receive(0.0)
    link.confirm(answers)
    assert len(answers.acks) == len(commands), answers.malformed
    yield from (ack.reason for ack in answers.acks if ack.status is not AckStatus.ACCEPTED)


@pytest.fixture(scope="module")
def link(connection: TalqConnection) -> Iterator[TalqLink]:
    with TalqLink(connection, StoryClock(datetime(2026, 1, 1, tzinfo=UTC))) as opened:
        yield opened


def before(link: TalqLink, service: dict[str, Any]) -> tuple[Gateway, StoryClock]:
    """A gateway that has nothing yet, at the other end of the link."""
    clock = link._clock
    assert isinstance(clock, StoryClock)
    gateway = Gateway(clock.now, None, **service)
    link._gateway = _Wire(gateway)  # type: ignore[assignment]
    link._library = Library(link._gateway)
    link._followed, link._assigned = {}, set()
    return gateway, clock


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10**9), st.sampled_from(DAYS))
def test_whatever_keeps_within_it_can_be_told_three_nights_running(link: TalqLink, seed: int, day: date) -> None:
    chance = Random(seed)
    service = gateways(chance)
    gateway, clock = before(link, service)
    room = room_of(limits_of({"name": "ControlService", **service}))
    most, changes = min(room.programs or LAMPS, LAMPS), room.switch_points or 12
    for n in range(3):
        night = night_of(noon(day + n * DAY), TABLES)
        rows = [row(chance, night, changes) for _ in range(most)]
        plan = [chance.choice(rows) for _ in range(LAMPS)]
        clock.at = night.start - HOUR
        rest = [Program(((clock.at, 0.0), *program.steps[1:]), program.until) for program in plan]
        batches = sorted(chance.sample(range(1, LAMPS), chance.randint(0, 3)))
        assert list(told(link, clock, rest, batches)) == []
        for lamp, program in enumerate(plan):
            for at in (*night.slots, *(at for at, _ in program.steps[2:-1])):
                clock.at = at
                shown = gateway.level(f"{UUID(int=lamp + 1)}/lamp")
                assert shown == round(100 * (program.at(at) or 0.0)) or _within_a_minute(program, at), at


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10**9), st.sampled_from(DAYS))
def test_what_is_planned_again_through_the_night_can_be_told_as_well(link: TalqLink, seed: int, day: date) -> None:
    """Lamps go over to programs that others follow since noon: these are not made anew for the rest of the night."""
    chance = Random(seed)
    service = {**gateways(chance), "maximumPrograms": 2 * LAMPS + 1 if chance.random() < 0.5 else 4 * LAMPS}
    gateway, clock = before(link, service)
    room = room_of(limits_of({"name": "ControlService", **service}))
    most, changes = min(room.programs or LAMPS, LAMPS), room.switch_points or 12
    night = night_of(noon(day), TABLES)
    rows = [row(chance, night, changes) for _ in range(most)]
    clock.at = night.start - HOUR
    plan = [*rows, *(chance.choice(rows) for _ in range(LAMPS - most))]
    assert list(told(link, clock, [Program(((clock.at, 0.0), *p.steps[1:]), p.until) for p in plan], [])) == []
    held = set(gateway.programs)
    for at in (night.start + 7 * HOUR, night.start + 9 * HOUR, night.start + 13 * HOUR):
        clock.at = at
        plan = [chance.choice(rows) for _ in range(LAMPS)]
        left = [program.clip(at, program.until) for program in plan]
        assert list(told(link, clock, [program for program in left if program is not None], [])) == []
        assert set(gateway.programs) == held
        for lamp, program in enumerate(plan):
            for then in (at + timedelta(minutes=11 * k) for k in range(20)):
                clock.at = then
                shown = gateway.level(f"{UUID(int=lamp + 1)}/lamp")
                assert shown == round(100 * (program.at(then) or 0.0)) or _within_a_minute(program, then), then


def _within_a_minute(program: Program, at: datetime) -> bool:
    """A gateway that counts no seconds switches on at dusk up to a minute early, and off at dawn."""
    return any(timedelta(0) < moment - at < timedelta(minutes=1) for moment, _ in program.steps)


def test_more_than_it_announced_is_refused(link: TalqLink) -> None:
    """The bound is one: a night that is over it is told only in part."""
    _, clock = before(link, {"maximumPrograms": 3, "dayOffset": 12})
    night = night_of(noon(DAYS[2]), TABLES)
    clock.at = night.start - HOUR
    plan = [
        Program(((clock.at, 0.0), (night.on_at, level / 10), (night.off_at, 0.0)), night.until)
        for level in range(1, LAMPS + 1)
    ]
    reasons = list(told(link, clock, plan, []))
    assert len(reasons) == LAMPS - 3
    assert all("the gateway takes 3 programs" in why for why in reasons)


def test_what_is_not_known_is_no_limit() -> None:
    assert room_of(Limits()) == Room(None, None, shared=True, said="dayOffset 0")
