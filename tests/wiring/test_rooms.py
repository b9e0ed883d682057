"""What equipment announces of its room for programs: asked by a job, kept, shown by the doctor, given to who plans."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.equipment.connections import Holds, Room, Site
from engine.equipment.mqtt import MqttConnection
from engine.errors import InputError, Unavailable
from engine.settings import Settings
from engine.store import Store
from engine.store.ledger import RunState
from jobs.bootstrap import StoryClock, connections_in
from jobs.doctor import examine
from jobs.rooms import announced_rooms, ask_rooms, keep_rooms, room_of
from jobs.schedules.loading import built_in
from jobs.schedules.running import run_entry
from jobs.table import JobContext
from tests.equipment.peers.talq import CMS, TalqPeer

from .conftest import NOON

QUIET = MqttConnection(id="quiet", kind="mqtt", url="mqtt://localhost", gateways=("B-*",), version="5")
SERVICE = {"maximumPrograms": 21, "maxSwitchPointsPerProgram": 10}
FILE = """
connections:
  - id: talq
    kind: talq
    url: {url}
    plain: true
    private: [127.0.0.0/8]
    gateways: ["*"]
    client_address: {client}
    devices: lamps.csv
    holds: {{switch_points: 6}}
"""


@pytest.fixture
def peer(tmp_path: Path, free_port: Any) -> Iterator[TalqPeer]:
    made = TalqPeer(tmp_path, free_port(), **SERVICE)
    made.start()
    yield made
    made.stop()


def test_what_is_announced_is_kept_while_its_equipment_is_away(
    peer: TalqPeer, store: Store, service: JobContext
) -> None:
    world = replace(service, territory=replace(service.territory, connections=(peer.connection, QUIET)))
    for at, here in ((NOON, True), (NOON + timedelta(hours=1), False)):
        if not here:
            peer.stop()
        outcome = run_entry(replace(world, clock=StoryClock(at)), built_in(), "ask-equipment", at)
        assert outcome.run.state is (RunState.DONE if here else RunState.DEGRADED)
        assert outcome.run.report.counts == {"announced": int(here), "silent": int(not here)}
        with store.read() as unit:
            kept = announced_rooms(unit)
        assert list(kept) == ["talq"]
        assert (kept["talq"].room.programs, kept["talq"].room.switch_points, kept["talq"].at) == (10, 9, NOON)
    assert "talq" in str(outcome.run.report.error)


def test_what_is_no_connection_any_more_is_forgotten(store: Store) -> None:
    room = Room(4, 8, shared=True, said="maximumPrograms 9")
    with store.begin() as unit:
        assert keep_rooms(unit, {"old": room, "away": room, "quiet": None}, NOON).state is RunState.DONE
    with store.begin() as unit:
        report = keep_rooms(unit, {"away": Unavailable("no answer"), "quiet": None}, NOON)
        assert (report.state, report.error) == (RunState.DEGRADED, "away: no answer")
        assert announced_rooms(unit)["away"].room == room
        assert list(announced_rooms(unit)) == ["away"]


def test_the_equipment_file_tightens_what_is_announced(store: Store) -> None:
    stated = QUIET.model_copy(update={"holds": Holds(programs=3)})
    with store.begin() as unit:
        assert room_of(stated, announced_rooms(unit)) == Room(3)
        keep_rooms(unit, {"quiet": Room(5, 7, shared=True, said="so")}, NOON)
        assert room_of(stated, announced_rooms(unit)) == Room(3, 7, shared=True, said="so")


def test_an_answer_that_is_none_is_told_and_stops_no_other(peer: TalqPeer, tmp_path: Path) -> None:
    peer.gateway_.service = {"name": "SomethingElse"}
    other = peer.connection.model_copy(update={"id": "other"})
    site = Site(StoryClock(NOON), "test")
    answers = ask_rooms([peer.connection, other, QUIET], site)
    assert answers["quiet"] is None
    assert [type(answers[name]) for name in ("talq", "other")] == [ValueError, ValueError]
    assert "not a ControlService" in str(answers["talq"])


def test_the_doctor_says_what_each_takes_and_since_when(
    peer: TalqPeer, settings: Settings, store: Store, tmp_path: Path
) -> None:
    file = tmp_path / "equipment.yaml"
    file.write_text(FILE.format(url=peer.connection.url, client=CMS))
    settings = settings.model_copy(update={"equipment_file": file})
    answers = ask_rooms(connections_in(settings), Site(StoryClock(NOON), "test"))
    with store.begin() as unit:
        keep_rooms(unit, answers, NOON)
    (found,) = [finding for finding in examine(settings, quick=True) if finding.name == "room talq"]
    assert found.state == "ok"
    assert found.what == (
        "at most 10 programs and at most 6 changes of level a night, in all (announced 2026-11-16 12:00:00: "
        "maximumPrograms 21, maxSwitchPointsPerProgram 10, dayOffset 12)"
    )


@pytest.mark.parametrize("wrong", ["programs: 0", "switch_points: 1", "lamps: 4", "programs: many"])
def test_what_is_stated_wrongly_is_refused(settings: Settings, tmp_path: Path, wrong: str) -> None:
    file = tmp_path / "equipment.yaml"
    (tmp_path / "lamps.csv").write_text("asset,device,function\n")
    text = FILE.format(url="http://127.0.0.1", client=CMS)
    file.write_text(text.replace("switch_points: 6", wrong))
    with pytest.raises(InputError, match="holds"):
        connections_in(settings.model_copy(update={"equipment_file": file}))
