"""What Prometheus reads: counts of what came in, what was decided and what was sent."""

from collections.abc import Mapping, Sequence
from typing import Literal

from prometheus_client import Counter, Gauge, start_http_server

from engine.model import CommandState, Hold, Scope
from engine.store import Intake

_READINGS = Counter("consigne_readings", "Readings received, by outcome", ["outcome"])
_REFUSED = Counter("consigne_readings_refused", "Readings refused, by reason", ["reason"])
_EDGES = Counter("consigne_rule_edges", "Rule conditions that changed truth", ["rule"])
_FAULTS = Counter("consigne_rule_faults", "Rules that failed to run", ["rule"])
_RULES = Gauge("consigne_rules", "Rules in service, and those of them that failed and decide nothing", ["state"])
_RELOADS = Counter("consigne_rule_reloads", "Changed rule files, by outcome", ["outcome"])
_COMMANDS = Gauge("consigne_commands", "Commands of the outbox, by state", ["state"])
_MESSAGES = Counter("consigne_messages", "Messages to people, by what became of an attempt", ["state"])
_HOLDS = Gauge("consigne_holds", "Holds in force, by scope", ["scope"])
_CYCLE = Gauge("consigne_cycle_behind_seconds", "Age of the newest reading the last rule cycle saw")
_PLAN = Gauge("consigne_plan_made_timestamp_seconds", "When the plan in force was made", ["domain"])


def count_intake(intake: Intake) -> None:
    _READINGS.labels("stored").inc(intake.stored)
    _READINGS.labels("late").inc(intake.late)
    for reason, count in intake.refused.items():
        _REFUSED.labels(str(reason)).inc(count)


def count_edges(rules: Mapping[str, int], faults: Mapping[str, int]) -> None:
    for rule, count in rules.items():
        _EDGES.labels(rule).inc(count)
    for rule, count in faults.items():
        _FAULTS.labels(rule).inc(count)


def show_rules(in_service: int, quarantined: int) -> None:
    _RULES.labels("in_service").set(in_service)
    _RULES.labels("quarantined").set(quarantined)


def count_reload(outcome: Literal["taken", "refused"]) -> None:
    _RELOADS.labels(outcome).inc()


def show_commands(states: Mapping[CommandState, int]) -> None:
    for state, count in states.items():
        _COMMANDS.labels(state.value).set(count)


def count_messages(states: Mapping[str, int]) -> None:
    for state, count in states.items():
        _MESSAGES.labels(state).inc(count)


def show_holds(holds: Sequence[Hold]) -> None:
    for scope in Scope:
        _HOLDS.labels(scope.value).set(sum(hold.scope is scope for hold in holds))


def show_cycle(behind_s: float) -> None:
    _CYCLE.set(behind_s)


def show_plan(domain: str, made_at_s: float) -> None:
    _PLAN.labels(domain).set(made_at_s)


def serve(port: int) -> None:
    """Expose the metrics on loopback."""
    start_http_server(port, addr="127.0.0.1")
