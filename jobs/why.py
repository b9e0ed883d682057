"""Why a point had the value it had: winner, losers, envelope, what was behind it, and what became of the command."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from engine.instants import PARIS, from_us, isoformat, to_us
from engine.model import Command, CommandState, Hold, PlanOrigin, PlanRecord, Slot, Transition, spell_sequence
from engine.setpoints.arbitration import Piece, resolve
from engine.setpoints.batches import Batch
from engine.setpoints.conditions import Conditions
from engine.setpoints.points import PointInfo
from engine.store import Store, Unit
from engine.store.audit import digest_of
from jobs.bootstrap import Territory
from jobs.domains import DOMAINS
from jobs.setpoints import ACT, counts, shown, unit_of
from jobs.words import Lang, fact_name, happened, labelled, labelled_as, say

_ROUND_A_READING = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything known of one point at one instant. `command` is the one in force then, with every transition.

    `hold`: the one that stopped levels 10 to 15 of the point then. `locked_out`: the reading by which somebody worked
    on it then, None where nobody did. `counts`: its values are numbers of something, not shares.
    """

    point: str
    unit: str
    counts: bool
    at: datetime
    piece: Piece | None
    behind: Mapping[str, Any]
    envelope: Mapping[str, Any]
    hold: Hold | None
    locked_out: Mapping[str, Any] | None
    command: Command | None
    batch: Batch | None
    transitions: Sequence[Transition]


def explain(store: Store, territory: Territory, point: str, at: datetime) -> Explanation:
    """Read the explanation from the store; nothing is recomputed but the resolution of the array as it stood."""
    info = territory.points[point]
    with store.read() as unit:
        array = unit.slots.arrays([point], at).get(point, [])
        until = max((slot.program.until for slot in array), default=at)
        piece = resolve(array, at, until, info.envelope.safe).at(at) if until > at else None
        command = _in_force(unit.commands.of_point(point), at, keeps=not info.programs)
        return Explanation(
            point=point,
            unit=unit_of(territory, point),
            counts=counts(info),
            at=at,
            piece=piece,
            behind=_behind(unit, territory, piece.winner, point, at) if piece and piece.winner else {},
            envelope=dict(command.explanation.get("verdict", {})) if command else {},
            hold=Conditions(holds=tuple(unit.holds.active(at))).held(info, at),
            locked_out=_locked_out(unit, territory, info, at),
            command=command,
            batch=unit.batches.get(command.batch) if command and command.batch else None,
            transitions=unit.commands.history(command.id) if command else [],
        )


def _locked_out(unit: Unit, territory: Territory, point: PointInfo, at: datetime) -> dict[str, Any] | None:
    """The last word of the lock-out's reading before an instant, where it locked the point out."""
    if point.lockout is None:
        return None
    watch = point.lockout.watch
    series = [number for number, name in territory.series_names.items() if name == (watch.asset, watch.property)]
    last = unit.readings.history(series, 0, to_us(at) + 1).tail(1)
    if last.is_empty() or last["value"].item() != point.lockout.value:
        return None
    since = isoformat(from_us(last["observed_at"].item()))
    return {"asset": watch.asset, "property": watch.property, "observed_at": since}


def _in_force(commands: Sequence[Command], at: datetime, *, keeps: bool) -> Command | None:
    """The newest before an instant; none where its program was over then, unless equipment keeps its last value."""
    before = [command for command in commands if command.issued_at <= at]
    newest = max(before, key=lambda command: command.seq, default=None)
    return newest if newest is None or keeps or newest.program.until > at else None


def _behind(unit: Unit, territory: Territory, winner: Slot, point: str, at: datetime) -> dict[str, Any]:
    kind, _, rest = winner.source.partition(":")
    if kind == "plan":
        return _behind_plan(unit, winner, point, at)
    if kind == "rule":
        return _behind_rule(unit, territory, winner, rest)
    if winner.version.startswith(ACT):
        return _behind_person(unit, winner)
    return {}


def _behind_person(unit: Unit, winner: Slot) -> dict[str, Any]:
    """The act's line in the audit, which knows the words of the reason by their digest."""
    line = unit.audit.line(int(winner.version.removeprefix(ACT)))
    if line is None:
        return {}
    sealed = "not sealed yet" if line.seq is None else f"sealed as {line.seq}"
    same = line.body.get("reason") == digest_of(winner.reason)
    return {
        "by": line.actor,
        "asked_at": isoformat(line.at),
        "reason": winner.reason,
        "audit": f"line {line.id}, {sealed}" + ("" if same else "; the reason is not the one that was written then"),
    }


def _behind_plan(unit: Unit, winner: Slot, point: str, at: datetime) -> dict[str, Any]:
    found = unit.plans.get(winner.version)
    if found is None:
        return {}
    record, body = found
    domain = DOMAINS[record.domain]
    made = {"plan": record.id, "status": record.status, "solver": record.solver, "made_at": isoformat(record.made_at)}
    return made | origin_of(record) | domain.explain(body, point, at)


def origin_of(record: PlanRecord) -> dict[str, str]:
    """Where a fall-back comes from, and why it was needed; empty for a plan that a solver made."""
    if record.origin is PlanOrigin.SOLVED:
        return {}
    why = "; ".join(f"{step}: {what}" for step, what in record.detail.get("why", []))
    of = {"of": record.detail["of"]} if "of" in record.detail else {}
    return {"origin": record.origin.value, **of, "why": why}


def _behind_rule(unit: Unit, territory: Territory, winner: Slot, rest: str) -> dict[str, Any]:
    """The readings of the asset whose condition wanted this, just before the want was written."""
    rule, _, asset = rest.partition(":")
    series = [number for number, (name, _) in territory.series_names.items() if name == asset]
    start = to_us(winner.written_at - _ROUND_A_READING)
    found = unit.readings.history(series, start, to_us(winner.written_at) + 1)
    return {"rule": rule, "asset": asset, "readings": _readings(found, territory)}


def _readings(frame: pl.DataFrame, territory: Territory) -> list[dict[str, Any]]:
    rows = frame.sort("observed_at").tail(5).iter_rows(named=True)
    return [
        {
            "property": territory.series_names[row["series"]][1],
            "value": row["value"],
            "observed_at": isoformat(from_us(row["observed_at"])),
        }
        for row in rows
    ]


def to_json(explanation: Explanation) -> dict[str, Any]:
    """For machines. Instants in RFC 3339."""
    piece = explanation.piece
    return {
        "point": explanation.point,
        "at": isoformat(explanation.at),
        "value": piece.value if piece else None,
        "winner": _slot_json(piece.winner) if piece and piece.winner else None,
        "losers": [_slot_json(slot) for slot in piece.losers] if piece else [],
        "envelope": dict(explanation.envelope),
        "behind": dict(explanation.behind),
        "hold": _hold_json(explanation.hold) if explanation.hold else None,
        "locked_out": explanation.locked_out,
        "batch": _batch_json(explanation.batch) if explanation.batch else None,
        "command": _command_json(explanation.command, explanation.transitions) if explanation.command else None,
    }


def _slot_json(slot: Slot) -> dict[str, Any]:
    return {
        "level": int(slot.level),
        "name": slot.level.name.lower(),
        "source": slot.source,
        "version": slot.version,
        "reason": slot.reason,
        "from": isoformat(slot.program.start),
        "until": isoformat(slot.program.until),
    }


def _hold_json(hold: Hold) -> dict[str, Any]:
    span = {"from": isoformat(hold.from_at), "until": isoformat(hold.ended_at or hold.until_at)}
    return {"scope": hold.scope.value, "subject": hold.subject, "by": hold.by, "reason": hold.reason} | span


def _batch_json(batch: Batch) -> dict[str, Any]:
    return {
        "id": batch.id,
        "state": batch.state.value,
        "made_by": batch.made_by,
        "decided_by": batch.decided_by,
        "decided_at": isoformat(batch.decided_at) if batch.decided_at else None,
    }


def _command_json(command: Command, transitions: Sequence[Transition]) -> dict[str, Any]:
    return {
        "id": command.id,
        "seq": command.seq,
        "level": int(command.level),
        "urgent": command.urgent,
        "supersedes": command.supersedes,
        "batch": command.batch,
        "state": command.state.value,
        "issued_at": isoformat(command.issued_at),
        "expires_at": isoformat(command.expires_at),
        "transitions": [[isoformat(t.at), t.state.value, t.detail] for t in transitions],
    }


def to_lines(explanation: Explanation, lang: Lang) -> list[str]:
    """For people: short lines, times in Paris."""
    return [
        *_decision(explanation, lang),
        *_fall_back(explanation, lang),
        *_stops(explanation, lang),
        *_indented("envelope", explanation.envelope, lang),
        *(_spoken(explanation, lang) or _indented("behind", _unsaid(explanation.behind), lang)),
        *_sent(explanation, lang),
    ]


def _decision(explanation: Explanation, lang: Lang) -> list[str]:
    local, piece = _local(explanation.at), explanation.piece
    if piece is None:
        return [say("why_none", lang, point=explanation.point, at=local)]
    value = shown(piece.value, explanation.unit, counts=explanation.counts)
    lines = [say("why_head", lang, point=explanation.point, at=local, value=value)]
    if piece.winner is None:
        lines.append(labelled("winner", lang, say("why_default", lang)))
    else:
        reason = _told(explanation.behind.get("reason", piece.winner.reason), lang)
        lines += [labelled("winner", lang, _slot_line(piece.winner, lang)), f"  {reason}"]
    return lines + [labelled("losers", lang, _slot_line(slot, lang)) for slot in piece.losers]


def _fall_back(explanation: Explanation, lang: Lang) -> list[str]:
    """Says so where the plan that decided is no plan of a solver."""
    origin = explanation.behind.get("origin")
    if origin is None or "plan" not in explanation.behind:
        return []
    return [say(f"plan_{origin}", lang, of=explanation.behind.get("of", ""))]


def _stops(explanation: Explanation, lang: Lang) -> list[str]:
    """What kept the decision, or part of it, from being sent."""
    lines = []
    if explanation.locked_out is not None:
        since = _local(datetime.fromisoformat(explanation.locked_out["observed_at"]))
        lines.append(say("why_locked", lang, asset=explanation.locked_out["asset"], since=since))
    hold = explanation.hold
    if hold is not None:
        scope, until = say(hold.scope.value, lang), _local(hold.ended_at or hold.until_at)
        facts = {"scope": scope, "subject": hold.subject, "by": hold.by, "reason": hold.reason}
        lines.append(say("why_held", lang, until=until, **facts))
    return lines


def _spoken(explanation: Explanation, lang: Lang) -> list[str]:
    """What stands behind a plan's word, in its domain's words; empty where it has none."""
    behind, winner = explanation.behind, explanation.piece.winner if explanation.piece else None
    domain = DOMAINS.get(winner.source.removeprefix("plan:")) if winner is not None and "plan" in behind else None
    facts = domain.facts(behind, lang) if domain is not None else ()
    if not facts:
        return []
    made = _local(datetime.fromisoformat(behind["made_at"]))
    lines = [say("why_plan", lang, plan=behind["plan"], made=made)]
    lines += [labelled("plan_status", lang, f"{status_said(behind['status'], lang)}, {behind['solver']}"), *facts]
    return [labelled("behind", lang, "").rstrip(), *(f"  {line}" for line in lines)]


def status_said(status: str, lang: Lang) -> str:
    """How a solve ended, in words; as it stands where there are none."""
    try:
        return say(f"status_{status}", lang)
    except KeyError:
        return status


def _sent(explanation: Explanation, lang: Lang) -> list[str]:
    command = explanation.command
    if command is None:
        return [labelled("command", lang, say("no_command", lang))] if explanation.piece else []
    name = f"{say('command', lang)} {command.id[:12]}, seq {spell_sequence(command.seq)}"
    lines = [labelled_as(f"{name}, {say('level', lang)} {int(command.level)}", lang, _state(command.state, lang))]
    if explanation.batch is not None:
        lines += _indented("batch", _batch_json(explanation.batch), lang)
    told = [(_local(t.at), _state(t.state, lang), happened(t.detail, lang)) for t in explanation.transitions]
    width = max((len(state) for _, state, _ in told), default=0)
    return lines + [f"  {at}  {state:<{width}}  {detail}".rstrip() for at, state, detail in told]


def _state(state: CommandState, lang: Lang) -> str:
    return say(f"one_{state.value}", lang)


def _slot_line(slot: Slot, lang: Lang) -> str:
    name = say(f"level_{slot.level.name.lower()}", lang)
    return f"{say('level', lang)} {int(slot.level)} ({name}), {slot.source}, {say('version', lang)} {slot.version}"


def _indented(head: str, facts: Mapping[str, Any], lang: Lang) -> list[str]:
    told = {name: _told(value, lang) for name, value in facts.items() if value != []}
    lines = [f"  {labelled_as(fact_name(name, lang), lang, text)}" for name, text in told.items()]
    return [labelled(head, lang, "").rstrip(), *lines] if facts else []


def _told(value: Any, lang: Lang) -> Any:
    """What is told in both languages, in one of them; a list, as a chain."""
    if isinstance(value, Mapping) and value.keys() == {"en", "fr"}:
        return value[lang]
    if isinstance(value, str) and value in {"accepted", "clamped", "refused"}:
        return say(f"outcome_{value}", lang)
    return " ← ".join(value) if isinstance(value, list) and all(isinstance(one, str) for one in value) else value


def _unsaid(behind: Mapping[str, Any]) -> Mapping[str, Any]:
    """What stands behind a decision, but for its reason in both languages, which was told with it."""
    return {name: value for name, value in behind.items() if name != "reason" or not isinstance(value, Mapping)}


def _local(at: datetime) -> str:
    return at.astimezone(PARIS).strftime("%Y-%m-%d %H:%M:%S %z")
