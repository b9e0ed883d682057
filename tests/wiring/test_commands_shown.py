"""What `consigne command` shows of what was sent, in both languages."""

import json
from datetime import timedelta

import pytest
from rich.console import Console
from typer.testing import CliRunner

from engine.instants import PARIS
from engine.model import Command, CommandState, Level, Program, sequence
from engine.store import Store
from jobs.cli.operators import commands
from tests.wiring.conftest import NOON

POINT = "L-1/illuminanceLevel"


@pytest.fixture
def shown(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """One command at a point, claimed twice."""
    monkeypatch.setattr("jobs.cli.operators.open_store", lambda _settings: store)
    program = Program.constant(0.4, NOON, NOON + timedelta(hours=1))
    with store.begin() as unit:
        seq = sequence(7, 3)
        unit.commands.enqueue(
            [Command("c-1", POINT, "A-1", seq, program, NOON, NOON + timedelta(hours=1), level=Level.CRISIS_PLAN)]
        )
        for _ in range(2):
            unit.commands.claim(1, "here:1", NOON, timedelta(seconds=30), lambda found: found)
            unit.commands.move("c-1", CommandState.QUEUED, NOON, "to be repeated", [CommandState.SENDING])
    return store


def test_level_gateway_and_sequence_tell_commands_apart(shown: Store) -> None:
    rows = json.loads(CliRunner().invoke(commands, ["show", POINT, "--json"]).output)
    facts = {(row["seq"], row["level"], row["gateway"], row["repeats"], row["not before"][:16]) for row in rows}
    assert facts == {("7.3", 10, "A-1", 0, f"{NOON.astimezone(PARIS):%Y-%m-%d} 12:00")}
    assert [row["state"] for row in rows] == ["queued", "sending", "queued", "sending", "queued"]
    assert rows[3]["detail"] == "attempt 2, here:1"


@pytest.mark.parametrize(("lang", "head"), [("fr", "passerelle"), ("en", "gateway")])
def test_heads_are_in_the_operators_language(
    shown: Store, monkeypatch: pytest.MonkeyPatch, lang: str, head: str
) -> None:
    monkeypatch.setenv("CONSIGNE_LANG", lang)
    monkeypatch.setattr("jobs.cli.common._out", Console(width=200))
    assert head in CliRunner().invoke(commands, ["list", "--state", "queued"]).output
