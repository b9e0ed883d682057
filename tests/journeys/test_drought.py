"""Show 5: a drought level raised while valves are open, in a service and gateways that are processes of their own."""

from pathlib import Path

from engine.model import CommandState
from tests.bench.show_drought import WITHIN_S, raised


def test_open_valves_are_told_closed_and_verified_and_why_names_the_order(tmp_path: Path) -> None:
    found = raised(tmp_path, networks=2, valves=5)
    assert len(found.closed_s) == len(found.verified_s) == 10
    assert max(found.closed_s) <= WITHIN_S * 3  # on a busy machine; the bench holds it to WITHIN_S
    command = found.command
    assert (command.state, command.urgent, command.batch) == (CommandState.VERIFIED, True, None)
    assert command.explanation["verdict"]["clauses"] == ["order:drought-crisis"]
    assert "prefect of Maine-et-Loire, order 2026-214 of" in found.why["envelope"]["reasons"][0]
    assert found.why["command"]["state"] == "verified"
    assert found.replan["rule"] == "orders.yaml"
