"""What the figures of alarms say to people, and what the doctor says of alarms and of those who hear them."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from engine.alarms import Raise, Subject, move
from engine.model import Priority
from engine.notify.messages import Channel, Kind, MessageState, Notification
from engine.settings import Settings
from engine.store import Store
from jobs import figures
from jobs.bootstrap import Territory, WallClock
from jobs.doctor import Finding, examine

from .conftest import NOON, ROOT

MINUTE = timedelta(minutes=1)


def flood(store: Store, territory: Territory) -> str:
    """Twenty lamps of one cabinet within two minutes, and one leak."""
    lamps = territory.of_type("Streetlight")
    cabinet = lamps[0].parent or ""
    under = [lamp for lamp in lamps if lamp.parent == cabinet][:20]
    with store.begin() as unit:
        for number, lamp in enumerate(under):
            raised = Raise(Subject("lamp-failure", lamp.id, lamp.zone, Priority.LOW))
            move(unit.alarms, "lamp-failure", lamp.id, [raised], NOON + number * MINUTE / 10, None)
        leak = Raise(Subject("valve-leaking", "V-1", "z", Priority.CRITICAL))
        move(unit.alarms, "valve-leaking", "V-1", [leak], NOON + 60 * MINUTE, None)
    return cabinet


def test_figures_stand_beside_what_is_recommended(store: Store, territory: Territory) -> None:
    cabinet = flood(store, territory)
    with store.read() as unit:
        found = figures.gather(unit, territory, None, NOON, NOON + timedelta(days=2))
        leaks = figures.gather(unit, territory, frozenset({"valve-leaking"}), NOON, NOON + timedelta(days=2))
    told = figures.to_json(found)
    assert (told["alarms"], leaks.count) == (21, 1)
    assert told["figures"]["peak"] == {"found": 20, "recommended": 10, "met": False}
    assert told["figures"]["average"]["met"]
    assert told["figures"]["stale"] == {"found": 21, "recommended": 5, "met": False}
    assert told["floods"][0]["causes"] == [{"rule": "lamp-failure", "place": cabinet, "alarms": 20}]
    for words, flooded, share in (
        ("en", f"20 × lamp-failure : {cabinet}", "95.2 %"),
        ("fr", "avalanche : 20", "95,2 %"),
    ):
        lines = list(figures.to_lines(found, words))  # type: ignore[arg-type]
        assert any(flooded in line for line in lines)
        assert any(share in line for line in lines)
        assert sum(line.startswith("✗") for line in lines) == 3


def finding(settings: Settings, name: str) -> Finding:
    (found,) = [one for one in examine(settings, quick=True) if one.name == name]
    return found


@pytest.mark.parametrize(
    ("content", "mail", "state", "what"),
    [
        (None, "", "ok", "nobody is told of alarms → write"),
        ({"recipients": {"desk": {"email": "d@example.org"}}}, "smtp://127.0.0.1", "ok", "1 of alarms"),
        ({"recipients": {"desk": {"email": "d@example.org"}}}, "", "degraded", "no mail server is named for desk"),
        ({"recipients": {"desk": {"email": "d"}}, "otherwise": [{"to": "x"}]}, "", "degraded", "wants one address"),
    ],
)
def test_the_doctor_looks_at_recipients(
    settings: Settings, store: Store, tmp_path: Path, content: object, mail: str, state: str, what: str
) -> None:
    folder = tmp_path / "rules"
    folder.symlink_to(ROOT / "rules") if content is None else folder.mkdir()
    if content is not None:
        for file in (ROOT / "rules").glob("*"):
            (folder / file.name).symlink_to(file)
        (folder / "notify.yaml").write_text(json.dumps(content))
    changes = {"rules_dir": folder, "smtp_url": mail, "smtp_from": "c@example.org"}
    found = finding(settings.model_copy(update=changes), "recipients")
    assert (found.state, what in found.what) == (state, True), found


def test_the_doctor_counts_what_nobody_has_heard(settings: Settings, store: Store, territory: Territory) -> None:
    assert finding(settings, "alarms") == Finding(
        "alarms", "ok", "0 want to be acknowledged, 0 stand for more than a day"
    )
    flood(store, territory)
    now = WallClock().now()
    lost = Notification(
        "1/a/email", 1, "a", Channel.EMAIL, Kind.ALARM, 0, Priority.LOW, "s", "b", now - MINUTE, now, now + MINUTE,
        MessageState.FAILED, 1, now,
    )  # fmt: skip
    with store.begin() as unit:
        unit.notifications.add([lost, replace(lost, key="2/a/email", state=MessageState.SENT)])
    found = finding(settings, "alarms")
    assert (found.state, found.what.startswith("21 want to be acknowledged")) == ("degraded", True)
    assert "1 messages of the last day reached nobody" in found.what
