"""`consigne plan`: plans made, solved again, compared, and decided on by a person."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Annotated, Any

import typer

from engine.instants import isoformat
from engine.model import PlanOrigin, PlanRecord, PlanState
from engine.settings import language
from jobs.bootstrap import WallClock, open_store
from jobs.cli.common import (
    DEGRADED,
    DemoFolder,
    Json,
    Language,
    OfDemo,
    asked,
    brief,
    emit,
    instant,
    local,
    person,
    sealing,
    settings,
    show_lines,
    show_rows,
    store_and_territory,
    underway,
)
from jobs.compute import compute_of
from jobs.domains import DOMAINS
from jobs.outcome import DEMO_FOLDER
from jobs.planning import Difference, Replayed, approve, compare, refuse, replay, stored
from jobs.table import JobContext
from jobs.why import status_said
from jobs.words import Lang, labelled, number, say
from optimizers.result import Violation

app = typer.Typer(
    help="Plans made: what they are, the same again, two beside each other; proposed ones.", no_args_is_help=True
)

Id = Annotated[str, typer.Argument(metavar="PLAN", help="as plan list shows it")]
_SHOWN = 20


@app.command("list")
def list_plans(
    domain: str = "lighting",
    limit: int = 20,
    state: Annotated[PlanState | None, typer.Option(help="only those in this state")] = None,
    of_demo: OfDemo = False,
    folder: DemoFolder = DEMO_FOLDER,
    lang: Language = "",
    as_json: Json = False,
) -> None:
    """The latest plans of a domain; with --state proposed those that wait for a person.

    Example: consigne plan list
    """
    chosen = asked(settings(), lang, folder if of_demo else None)
    with open_store(chosen).read() as unit:
        records = unit.plans.list(domain, limit if state is None else 10 * limit)
    found = [r for r in records if state in {None, r.state}][:limit]
    if as_json:
        rows: list[dict[str, Any]] = [
            {"id": r.id, "made at": local(r.made_at), "from": local(r.start), "status": r.status}
            | {"origin": r.origin.value, "state": r.state.value, "objective": r.objective}
            for r in found
        ]
        show_rows(rows, as_json=True)
    else:
        # Lines, not a table: an id that a narrow terminal breaks cannot be copied.
        show_lines([_line(record, language(chosen)) for record in found])


@app.command("show")
def show_plan(
    plan: Id, of_demo: OfDemo = False, folder: DemoFolder = DEMO_FOLDER, lang: Language = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """One plan: outcome, bound, violations, where it comes from and why.

    Example: consigne plan show lighting-2026-11-22T11:00:00Z-0a1b2c3d
    """
    chosen = asked(settings(), lang, folder if of_demo else None)
    record, body, problem = stored(open_store(chosen), plan)
    words = language(chosen)
    if as_json:
        emit({name: getattr(record, name) for name in record.__slots__} | {"inputs_bytes": len(problem)})
    else:
        show_lines([*_told(record, len(problem), words), *_left_out(record, body, words)])


@app.command("replay")
def replay_plan(
    plan: Id, of_demo: OfDemo = False, folder: DemoFolder = DEMO_FOLDER, lang: Language = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Solve the stored problem again, with the same limits and seed, and compare to the byte. Changes nothing.

    Exit 1 where a reproducible plan comes out different, or the solver fails; 3 where the clock had cut it, or it was
    made by other code than is here.

    Example: consigne plan replay lighting-2026-11-22T11:00:00Z-0a1b2c3d
    """
    chosen = asked(settings(), lang, folder if of_demo else None)
    store, ground = store_and_territory(chosen)
    record, _, _ = stored(store, plan)
    with closing(compute_of(chosen)) as compute, underway("solve"):
        context = JobContext(chosen, store, ground, WallClock(), compute)
        again = replay(context, DOMAINS[record.domain], plan)
    words = language(chosen)
    if as_json:
        emit(_replayed_json(again))
    else:
        show_lines([_verdict(again, words), *(_differences(again.difference, words) if again.difference else [])])
    raise typer.Exit(_code(again))


@app.command("diff")
def diff(
    a: Id, b: Id, of_demo: OfDemo = False, folder: DemoFolder = DEMO_FOLDER, lang: Language = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """What differs between two plans: each point by how much, counted from the start of each plan, and why.

    Example: consigne plan diff PLAN-OF-MONDAY PLAN-OF-TUESDAY
    """
    chosen = asked(settings(), lang, folder if of_demo else None)
    found = compare(open_store(chosen), DOMAINS, a, b)
    if as_json:
        emit(_difference_json(found))
    else:
        show_lines(_differences(found, language(chosen)))


@app.command("approve")
def approve_plan(plan: Id) -> None:
    """Put a proposed plan in force, if nothing stands against it as things are now.

    Example: consigne plan approve lighting-2026-11-22T11:00:00Z-0a1b2c3d
    """
    chosen = settings()
    store, ground = store_and_territory(chosen)
    record, _, _ = stored(sealing(store), plan)
    with store.begin() as unit:
        points, commands = approve(unit, ground, DOMAINS[record.domain], plan, person(), instant(None))
    show_lines([say("plan_approved", language(chosen), plan=plan, points=points, commands=commands)])


@app.command("refuse")
def refuse_plan(plan: Id, reason: Annotated[str, typer.Option(help="why, for those who planned it")]) -> None:
    """Nothing of a proposed plan is asked.

    Example: consigne plan refuse lighting-2026-11-22T11:00:00Z-0a1b2c3d --reason "a market tonight"
    """
    chosen = settings()
    with sealing(open_store(chosen)).begin() as unit:
        refuse(unit, plan, reason, person(), instant(None))
    show_lines([say("plan_refused", language(chosen), plan=plan)])


def _line(record: PlanRecord, lang: Lang) -> str:
    origin = say(f"plan_origin_{record.origin.value}", lang)
    state = say(f"plan_state_{record.state.value}", lang)
    span = say("plan_span", lang, start=brief(record.start), until=brief(record.until))
    return f"{record.id}  {span}  {record.status}  {_amount(record.objective, _unit(record), lang)}  {origin}  {state}"


def _unit(record: PlanRecord) -> str:
    known = DOMAINS[record.domain].unit if record.domain in DOMAINS else ""
    return str(record.detail.get("unit", known))


def _told(record: PlanRecord, problem_bytes: int, lang: Lang) -> Iterator[str]:
    detail, unit = record.detail, _unit(record)
    span = {"start": brief(record.start), "until": brief(record.until), "made": brief(record.made_at)}
    yield say("plan_head", lang, id=record.id, **span)
    state = say(f"plan_state_{record.state.value}", lang)
    yield labelled("plan_state", lang, state) + (f" ({record.decided_by})" if record.decided_by else "")
    yield labelled("plan_origin", lang, say(f"plan_origin_{record.origin.value}", lang))
    if "asked" in detail:
        yield labelled("plan_asked", lang, detail["asked"])
    if record.origin is not PlanOrigin.SOLVED:
        yield "  " + say(f"plan_{record.origin.value}", lang, of=detail.get("of", ""))
    for step, what in detail.get("why", []):
        yield f"  {say(f'plan_step_{step}', lang)}: {what}"
    yield labelled("plan_status", lang, f"{status_said(record.status, lang)}, {record.solver}")
    yield labelled("plan_objective", lang, _amount(record.objective, unit, lang))
    yield labelled("plan_bound", lang, _amount(record.bound, unit, lang))
    if "limits" in detail:
        given = ((name, detail["limits"].get(name)) for name in ("seconds", "work", "gap", "threads", "seed"))
        limits = ", ".join(f"{say(f'plan_{name}', lang)} {value:g}" for name, value in given if value is not None)
        yield labelled("plan_limits", lang, limits)
        yield say("plan_same_again" if detail["reproducible"] else "plan_not_again", lang)
    if problem_bytes:
        yield labelled(
            "plan_inputs", lang, f"{number(problem_bytes / 1024, lang, 1)} KiB, SHA-256 {record.inputs_digest}"
        )
    for order, points in detail.get("orders", {}).items():
        yield say("plan_order", lang, order=order, points=points)
    yield from (f"  {note[lang]}" for note in detail.get("notes", []))
    broken = [Violation(*found) for found in detail["violations"]]
    yield from (f"  {violation}" for violation in broken[:_SHOWN])
    if len(broken) > _SHOWN:
        yield "  " + say("plan_more_broken", lang, count=len(broken) - _SHOWN)


def _left_out(record: PlanRecord, body: bytes, lang: Lang) -> list[str]:
    """In the domain's words where it has some, else as the solver says it."""
    told = DOMAINS[record.domain].left_out if record.domain in DOMAINS else None
    return [f"  {line}" for line in (told(body, lang) if told is not None else record.detail.get("reasons", []))]


def _amount(value: float, unit: str, lang: Lang) -> str:
    return "–" if value != value else f"{number(value, lang)} {unit}".strip()  # noqa: PLR0124 - NaN: nobody knows


def _code(again: Replayed) -> int:
    if again.equal:
        return 0
    if again.fault:
        return 1
    if again.record.origin is not PlanOrigin.SOLVED:
        return 0  # there was no plan to be equal to: what the solver makes of the problem now is told
    cut = not (again.record.detail["reproducible"] and again.reproducible)
    return DEGRADED if cut or again.other_code else 1


def _verdict(again: Replayed, lang: Lang) -> str:
    if again.fault:
        return say("replay_fault", lang, what=again.fault)
    unit = _unit(again.record)
    facts = {"status": again.status, "objective": _amount(again.objective, unit, lang)}
    if again.equal:
        return say("replay_equal", lang, **facts)
    if again.record.origin is not PlanOrigin.SOLVED:
        return say("replay_of_fall_back", lang, **facts)
    if again.other_code:
        return say("replay_other_code", lang, code=again.other_code, **facts)
    return say("replay_cut" if _code(again) == DEGRADED else "replay_differs", lang, **facts)


def _differences(found: Difference, lang: Lang) -> list[str]:
    lines = [f"{say(f'plan_{name}', lang)}: {_fact(one)} → {_fact(other)}" for name, one, other in found.facts]
    lines.append(say("diff_points", lang, differ=len(found.points), same=found.same))
    for one in found.points[:_SHOWN]:
        lasts = _lasting(one.lasts, lang)
        if one.largest is None or one.mean is None:
            lines.append(f"  {one.point}  " + say("diff_one_only", lang, lasts=lasts))
        else:
            largest, mean = number(one.largest, lang, 3), number(one.mean, lang, 3)
            lines.append(f"  {one.point}  " + say("diff_point", lang, largest=largest, mean=mean, lasts=lasts))
    more = len(found.points) - _SHOWN
    return [*lines, say("diff_more", lang, count=more)] if more > 0 else lines


def _lasting(duration: timedelta, lang: Lang) -> str:
    """In hours, or in minutes where it is less than one."""
    minutes = duration.total_seconds() / 60
    return f"{number(minutes / 60, lang, 1)} h" if minutes >= 60 else f"{number(minutes, lang, 1)} min"


def _fact(value: Any) -> str:
    return isoformat(value) if hasattr(value, "tzinfo") else "–" if value is None else str(value)


def _difference_json(found: Difference) -> dict[str, Any]:
    return {
        "differing": len(found.points),
        "same": found.same,
        "facts": {name: [_fact(one), _fact(other)] for name, one, other in found.facts},
        "points": [
            {"point": p.point, "seconds": p.lasts.total_seconds(), "largest": p.largest, "mean": p.mean}
            for p in found.points
        ],
    }


def _replayed_json(again: Replayed) -> dict[str, Any]:
    return {
        "plan": again.record.id,
        "equal": again.equal,
        "status": again.status,
        "objective": again.objective,
        "reproducible": again.reproducible,
        "fault": again.fault or None,
        "other_code": again.other_code or None,
        "difference": _difference_json(again.difference) if again.difference else None,
    }
