"""`consigne alarm`, `consigne workorder`: what is wrong, who has seen it, and what has been done about it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from engine.alarms import Acknowledge, Event, Reset, ReturnToService, Shelve, Unshelve
from engine.errors import InputError, Problem
from engine.instants import isoformat
from engine.model import Alarm, AlarmState
from engine.notify.messages import Notification
from engine.notify.recipients import NOTIFY, load_recipients
from engine.notify.texts import said_of
from engine.rulebook import Rulebook, load_rules
from engine.rulebook.naming import nearest
from engine.rulebook.scenarios.story import span
from engine.settings import language
from engine.store.workorders import WorkOrder
from jobs import alarms, figures
from jobs.bootstrap import catalogue_of, open_store
from jobs.cli.common import (
    Json,
    emit,
    instant,
    local,
    sealing,
    settings,
    show_lines,
    show_rows,
    store_and_territory,
    who,
)
from jobs.words import Lang, labelled, say

app = typer.Typer(help="Alarms: what is wrong, and who has seen it.", no_args_is_help=True)
workorders = typer.Typer(help="Work orders that rules have opened.", no_args_is_help=True)

Ids = Annotated[list[int], typer.Argument(help="as alarm list shows them")]
Reason = Annotated[str, typer.Option("--reason", help="why; it stays with the alarm")]
_SECOND = timedelta(seconds=1)


@app.command("list")
def list_alarms(
    state: Annotated[AlarmState | None, typer.Option(help="only those in this state")] = None, as_json: Json = False
) -> None:
    """Alarms that are not normal, the most urgent first; those put aside are counted below.

    Example: consigne alarm list --state shelved
    """
    chosen, now = settings(), instant(None)
    with open_store(chosen).read() as unit:
        active = alarms.by_urgency(unit.alarms.active())
    found = [alarm for alarm in active if state in {None, alarm.state}]
    if as_json:
        emit([_as_json(alarm) for alarm in found])
        return
    words = language(chosen)
    shown = [alarm for alarm in found if state is not None or alarm.state in alarms.WANTS_EYES]
    heads = [say(f"alarm_{name}", words) for name in ("id", "priority", "rule", "asset", "state", "since", "answer")]
    show_rows([_row(alarm, now, words) for alarm in shown], as_json=False, heads=heads)
    aside = Counter(alarm.state for alarm in found if alarm not in shown)
    if aside:
        what = ", ".join(f"{count} × {say(of.value, words)}" for of, count in sorted(aside.items()))
        show_lines([say("alarm_aside", words, what=what)])
    elif not shown:
        show_lines([say("alarm_none", words)])


@app.command("show")
def show_alarm(number: Annotated[int, typer.Argument(metavar="ID")], as_json: Json = False) -> None:
    """One alarm: what it means, what to do and by when, and everything that became of it.

    Example: consigne alarm show 12
    """
    chosen, now = settings(), instant(None)
    with open_store(chosen).read() as unit:
        alarm, history = unit.alarms.get(number), unit.alarms.history(number)
        told = unit.notifications.of([number]).get(number, [])
    if alarm is None:
        raise InputError([Problem(str(number), 0, 0, "is not an alarm", "see consigne alarm list")])
    if as_json:
        steps = [{"at": isoformat(step.changed_at), "state": step.state.value} for step in history]
        messages = [{"recipient": m.recipient, "channel": m.channel.value, "state": m.state.value} for m in told]
        emit(_as_json(alarm) | {"detail": dict(alarm.detail), "history": steps, "messages": messages})
    else:
        show_lines([*_told(alarm, history, now, language(chosen)), *_heard(told, language(chosen))])


@app.command("recipients")
def show_recipients(
    at: Annotated[str | None, typer.Option(help="an instant; now by default")] = None, as_json: Json = False
) -> None:
    """Who is told of alarms, step by step, and who of them is on duty; every mistake of the file at its place.

    Example: consigne alarm recipients --at 2026-11-22T03:00
    """
    chosen, moment = settings(), instant(at)
    book = load_rules(chosen.rules_dir, catalogue_of(chosen))
    people = load_recipients(chosen.rules_dir / NOTIFY, book.owners)
    words = language(chosen)
    rows = [
        {
            "service": service or say("told_otherwise", words),
            "step": number,
            "recipients": ", ".join(step.to),
            "on duty": say("told_on" if step.on_duty(moment) else "told_off", words),
        }
        for service, chain in (*people.services.items(), ("", people.otherwise))
        for number, step in enumerate(chain, start=1)
    ]
    heads = [say(f"told_{name}", words) for name in ("service", "step", "who", "duty")]
    show_rows(rows, as_json=as_json, heads=heads)


@app.command("ack")
def acknowledge(
    numbers: Annotated[list[int] | None, typer.Argument(metavar="[ID]…")] = None,
    rule: Annotated[str | None, typer.Option(help="all of this rule that want it")] = None,
) -> None:
    """Say that you have seen them.

    Example: consigne alarm ack 12 13
    """
    event, store, at = Acknowledge(who()), sealing(open_store(settings())), instant(None)
    if (rule is None) == (not numbers):
        raise InputError([Problem("consigne alarm ack", 0, 0, "wants ids, or one --rule")])
    if rule is not None:
        _say_done(alarms.act_on_rule(store, rule, event, event.by, at))
    else:
        _say_done(alarms.act(store, numbers or [], event, event.by, at))


@app.command("reset")
def reset(numbers: Ids) -> None:
    """Let go of latched alarms whose condition is gone.

    Example: consigne alarm reset 12
    """
    _act(numbers, Reset(who()))


@app.command("shelve")
def shelve(
    numbers: Ids, until: Annotated[str, typer.Option(help="when it comes back, at most 7 days away")], reason: Reason
) -> None:
    """Put aside for a time.

    Example: consigne alarm shelve 12 --until 2026-11-23T08:00 --reason "works in the street"
    """
    _act(numbers, Shelve(instant(until), reason, who()))


@app.command("unshelve")
def unshelve(numbers: Ids) -> None:
    """Take back before its time what was shelved.

    Example: consigne alarm unshelve 12
    """
    _act(numbers, Unshelve(who()))


@app.command("out-of-service")
def out_of_service(rule: str, asset: str, reason: Reason) -> None:
    """Hear nothing of a rule and an asset until it is returned: for maintenance.

    Example: consigne alarm out-of-service lamp-failure L-49028-00012 --reason "pole taken away"
    """
    chosen = settings()
    store, ground = store_and_territory(chosen)
    book = load_rules(chosen.rules_dir, ground.catalogue)
    _say_done([alarms.take_out_of_service(sealing(store), book, ground, rule, asset, reason, who(), instant(None))])


@app.command("return")
def return_to_service(rule: str, asset: str) -> None:
    """Maintenance is over: hear it again.

    Example: consigne alarm return lamp-failure L-49028-00012
    """
    event = ReturnToService(who())
    _say_done([alarms.act_on_subject(sealing(open_store(settings())), rule, asset, event, event.by, instant(None))])


@app.command("figures")
def show_figures(
    days: Annotated[float, typer.Option(min=0.01, max=3_660, help="up to now")] = 7,
    service: Annotated[str | None, typer.Option(help="only the rules this service answers for")] = None,
    as_json: Json = False,
) -> None:
    """How many alarms people had to live with, beside what EEMUA 191 and ISA-18.2 recommend for one operator.

    Example: consigne alarm figures --days 30 --service street-lighting
    """
    chosen, now = settings(), instant(None)
    store, ground = store_and_territory(chosen)
    rules = None if service is None else _rules_of(service, load_rules(chosen.rules_dir, ground.catalogue))
    with store.read() as unit:
        found = figures.gather(unit, ground, rules, now - timedelta(days=days), now)
    if as_json:
        emit(figures.to_json(found))
    else:
        show_lines(list(figures.to_lines(found, language(chosen))))


def _rules_of(service: str, book: Rulebook) -> frozenset[str]:
    if service not in book.owners:
        raise InputError([Problem(service, 0, 0, "is no service", nearest(service, book.owners))])
    return frozenset(rule.id for rule in book.rules if rule.definition.owner == service)


@workorders.command("list")
def list_orders(
    closed: Annotated[bool, typer.Option("--closed", help="those that are over")] = False, as_json: Json = False
) -> None:
    """Work orders that are open, newest first.

    Example: consigne workorder list
    """
    chosen = settings()
    with open_store(chosen).read() as unit:
        orders = unit.workorders.list(closed=closed)
    words = language(chosen)
    heads = ["alarm_id", "order_title", "alarm_rule", "alarm_asset", "alarm_since", "order_within"]
    heads += ["order_by", "order_note"] if closed else []
    rows = [_order_json(order) if as_json else _order_row(order, words, closed=closed) for order in orders]
    show_rows(rows, as_json=as_json, heads=[say(head, words) for head in heads])


@workorders.command("close")
def close_order(
    number: Annotated[int, typer.Argument(metavar="ID")],
    note: Annotated[str, typer.Option(help="what was done")],
) -> None:
    """The work is done.

    Example: consigne workorder close 3 --note "valve replaced"
    """
    chosen = settings()
    order = alarms.close_order(sealing(open_store(chosen)), number, note, who(), instant(None))
    show_lines([say("order_closed", language(chosen), id=number, rule=order.rule, asset=order.asset)])


def _act(numbers: Sequence[int], event: Event) -> None:
    _say_done(alarms.act(sealing(open_store(settings())), numbers, event, who(), instant(None)))


def _say_done(done: Iterable[Alarm]) -> None:
    words = language(settings())
    show_lines(
        [say("alarm_acted", words, id=a.id, rule=a.rule, asset=a.asset, state=_state(a, words)) for a in done]
        or [say("alarm_none", words)]
    )


def _state(alarm: Alarm, words: Lang) -> str:
    latched = alarm.state is AlarmState.ACKNOWLEDGED and alarm.cleared_at is not None
    return say(alarm.state.value, words) + (f", {say('latched', words)}" if latched else "")


def _row(alarm: Alarm, now: datetime, words: Lang) -> dict[str, Any]:
    return {
        "id": alarm.id,
        "priority": say(alarm.priority.value, words),
        "rule": alarm.rule,
        "asset": alarm.asset,
        "state": _state(alarm, words),
        "since": local(alarm.raised_at),
        "to respond": _left(alarm, now, words),
    }


def _left(alarm: Alarm, now: datetime, words: Lang) -> str:
    """How much time there is left to answer."""
    by = alarms.respond_by(alarm)
    if by is None:
        return ""
    left = timedelta(seconds=round((by - now) / _SECOND))
    return (
        say("alarm_left", words, left=span(left))
        if left >= timedelta(0)
        else say("alarm_late", words, late=span(-left))
    )


def _as_json(alarm: Alarm) -> dict[str, Any]:
    by = alarms.respond_by(alarm)
    return {
        "id": alarm.id,
        "priority": alarm.priority.value,
        "rule": alarm.rule,
        "asset": alarm.asset,
        "zone": alarm.zone,
        "state": alarm.state.value,
        "latched": bool(alarm.detail.get("latched")),
        "since": isoformat(alarm.raised_at),
        "cleared_at": None if alarm.cleared_at is None else isoformat(alarm.cleared_at),
        "respond_by": None if by is None else isoformat(by),
    }


def _told(alarm: Alarm, history: Sequence[Alarm], now: datetime, words: Lang) -> Iterable[str]:
    yield say("alarm_head", words, id=alarm.id, rule=alarm.rule, asset=alarm.asset)
    yield f"{say(alarm.priority.value, words)}, {_state(alarm, words)}, {local(alarm.raised_at)}"
    for key in ("about", "consequence", "action"):
        if text := said_of(alarm, key, words):
            yield _line(key, text, words)
    by = alarms.respond_by(alarm)
    if by is not None:
        yield _line("respond", f"{local(by)} ({_left(alarm, now, words)})", words)
    for key in ("cause", "why"):
        if key in alarm.detail:
            yield _line("cause", _plain(alarm.detail[key]), words)
    if "chain" in alarm.detail:
        yield _line("cause", " ← ".join(alarm.detail["chain"]), words)
    yield _line("history", "", words)
    for step in history:
        yield f"  {local(step.changed_at)}  {_state(step, words)}  {_by(step)}".rstrip()


def _line(key: str, text: str, words: Lang) -> str:
    return labelled(f"alarm_{key}", words, text).rstrip()


def _heard(told: Sequence[Notification], words: Lang) -> Iterable[str]:
    if told:
        yield _line("told", "", words)
    for one in told:
        state = say(f"told_{one.state.value}", words)
        yield f"  {local(one.changed_at)}  {one.recipient} ({one.channel.value})  {state}"


def _by(step: Alarm) -> str:
    """Who brought it into this state, and why."""
    kept = {AlarmState.ACKNOWLEDGED: "acknowledged", AlarmState.SHELVED: "shelved"}
    fact = step.detail.get(kept.get(step.state, step.state.value), {})
    return " : ".join(filter(None, (fact.get("by", ""), fact.get("reason", "")))) if isinstance(fact, dict) else ""


def _plain(fact: object) -> str:
    if not isinstance(fact, dict):
        return str(fact)
    return ", ".join(f"{name} {_plain(value)}" for name, value in fact.items())


def _order_json(order: WorkOrder) -> dict[str, Any]:
    ended = None if order.closed_at is None else isoformat(order.closed_at)
    facts = {name: getattr(order, name) for name in ("id", "rule", "asset", "zone", "within_s", "closed_by", "note")}
    return facts | {"title": dict(order.title), "opened_at": isoformat(order.opened_at), "closed_at": ended}


def _order_row(order: WorkOrder, words: Lang, *, closed: bool) -> dict[str, Any]:
    row = {
        "id": order.id,
        "title": order.title[words],
        "rule": order.rule,
        "asset": order.asset,
        "since": local(order.opened_at),
        "within": span(timedelta(seconds=order.within_s)),
    }
    return row | ({"by": order.closed_by, "note": order.note} if closed else {})
