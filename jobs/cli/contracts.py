"""`consigne energy contracts`: what contracts say of a day: prices, limits, orders to draw less."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
import typer

from engine.errors import InputError, Problem
from engine.instants import PARIS, isoformat, slots
from engine.rulebook.naming import nearest
from jobs.bootstrap import Territory
from jobs.cli.common import (
    DemoFolder,
    Json,
    Language,
    OfDemo,
    brief,
    chosen_in,
    emit,
    instant,
    show_lines,
    store_and_territory,
)
from jobs.cli.nights import asked_at
from jobs.energy.contract_entries import OrderEntry
from jobs.energy.contracts import CONTRACTS, Contracts, Subscribed, Terms
from jobs.energy.contracts_read import contracts_known
from jobs.energy.signals import signals_of
from jobs.outcome import DEMO_FOLDER
from jobs.words import Lang, aligned, number, say

_HEADS = ("from", "to", "class", "kind", "buy", "sell", "limit", "beyond", "carbon")
_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)


@dataclass(frozen=True)
class _Shown:
    """A contract on a day, as its stretches: the minute each begins in, and the last one's end."""

    name: str
    terms: Terms
    edges: tuple[int, ...]


def contracts(
    names: Annotated[list[str] | None, typer.Argument(metavar="[CONTRACT]…", help="all of them by default")] = None,
    at: Annotated[str | None, typer.Option(help="the day of this instant, as known now; today by default")] = None,
    site: Annotated[str | None, typer.Option(help="the contract of this building, with its contracted power")] = None,
    of_demo: OfDemo = False,
    folder: DemoFolder = DEMO_FOLDER,
    lang: Language = "",
    as_json: Json = False,
) -> None:
    """What contracts say of a day: prices, limits and what passing them costs; and orders to draw less.

    Example: consigne energy contracts tempo --at 2026-12-03T12:00
    """
    chosen, words = chosen_in(lang, folder if of_demo else None)
    store, territory = store_and_territory(chosen)
    now = asked_at(None, folder, of_demo=of_demo)
    day = (now if at is None else instant(at)).astimezone(PARIS).date()
    starts = slots(_midnight(day), _midnight(day + _DAY), _MINUTE)
    with store.read() as unit:
        known = contracts_known(unit, chosen)
        signals = signals_of(unit, chosen, known, now, starts, [60.0] * len(starts))
    wanted = dict.fromkeys(names or known.file.contracts) if site is None else _of_site(known, territory, site)
    terms = {name: known.terms(name, starts, [60.0] * len(starts), signals, kva) for name, kva in wanted.items()}
    shown = [_Shown(name, of, _edges(of)) for name, of in terms.items()]
    orders = [one for one in known.file.orders if one.start < starts[-1] + _MINUTE and starts[0] < one.until]
    if as_json:
        emit(_as_json(day, starts, shown, orders))
    else:
        show_lines(list(_lines(day, starts, shown, known, orders, words)))


def _of_site(known: Contracts, territory: Territory, site: str) -> dict[str, Subscribed]:
    asset = territory.by_id.get(site)
    contract, kva = (None, None) if asset is None else known.of_site(asset)
    if contract is None:
        hint = nearest(site, territory.by_id) or "give it the attribute `contract`, or a line under `sites`"
        raise InputError([Problem("--site", 0, 0, f"{site!r} has no contract", hint)])
    return {contract: kva}


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), PARIS).astimezone(UTC)


def _edges(terms: Terms) -> tuple[int, ...]:
    """Where anything of it changes."""
    rows = np.stack([terms.import_eur_kwh, terms.export_eur_kwh, terms.import_limit_w, terms.over_eur_kwh])
    moved = (rows[:, 1:] != rows[:, :-1]).any(axis=0)
    named = [a != b for a, b in pairwise(zip(terms.classes, terms.kinds, strict=True))]
    return (0, *(np.flatnonzero(moved | np.array(named)) + 1).tolist(), len(terms.classes))


def _lines(
    day: date, starts: Sequence[datetime], shown: Sequence[_Shown], known: Contracts, orders: Sequence[OrderEntry],
    lang: Lang,
) -> Iterator[str]:  # fmt: skip
    if not shown:
        yield say("contracts_none", lang, file=CONTRACTS)
    for one in shown:
        entry = known.file.contracts[one.name]
        yield say("contracts_head", lang, name=one.name, text=getattr(entry.text, lang), day=day)
        heads = [say(f"contracts_{head}", lang) for head in _HEADS]
        yield from aligned([heads, *(list(_row(one, n, starts, lang)) for n in range(len(one.edges) - 1))])
        yield from (getattr(reason, lang) for reason in one.terms.reasons)
        yield say("contracts_reference", lang, reference=getattr(entry.edition(day).reference, lang))
        yield ""
    if orders:
        yield say("contracts_orders", lang)
    for order in orders:
        text, kw, sites = getattr(order.text, lang), number(order.ordered_w / 1000, lang, 1), ", ".join(order.sites)
        said = {"id": order.id, "text": text, "start": brief(order.start), "until": brief(order.until)}
        yield say("contracts_order", lang, kw=kw, sites=sites, **said)


def _row(one: _Shown, n: int, starts: Sequence[datetime], lang: Lang) -> Iterator[str]:
    terms, first, last = one.terms, one.edges[n], one.edges[n + 1]
    yield f"{starts[first].astimezone(PARIS):%H:%M}"
    yield f"{(starts[last - 1] + _MINUTE).astimezone(PARIS):%H:%M}"
    yield terms.classes[first]
    yield terms.kinds[first] or "–"
    yield number(float(terms.import_eur_kwh[first]), lang, 4)
    yield number(float(terms.export_eur_kwh[first]), lang, 4)
    limited = bool(np.isfinite(terms.import_limit_w[first]))
    yield number(float(terms.import_limit_w[first]) / 1000, lang, 1) if limited else "–"
    over = number(float(terms.over_eur_kwh[first]), lang, 3)
    beyond = say("contracts_firm", lang) if terms.firm else say("contracts_over", lang, eur=over)
    yield beyond if limited else "–"
    yield number(float(terms.carbon_g_kwh[first]), lang)


def _as_json(
    day: date, starts: Sequence[datetime], shown: Sequence[_Shown], orders: Sequence[OrderEntry]
) -> dict[str, Any]:  # fmt: skip
    return {
        "day": day,
        "contracts": {
            one.name: {
                "firm": one.terms.firm,
                "peak_eur_kw": one.terms.peak_eur_kw,
                "carbon_eur_kg": one.terms.carbon_eur_kg,
                "reasons": [reason.model_dump() for reason in one.terms.reasons],
                "stretches": [_stretch(one, n, starts) for n in range(len(one.edges) - 1)],
            }
            for one in shown
        },
        "orders": [order.model_dump(mode="json", by_alias=True) for order in orders],
    }


def _stretch(one: _Shown, n: int, starts: Sequence[datetime]) -> dict[str, Any]:
    terms, first, last = one.terms, one.edges[n], one.edges[n + 1]
    names = ("import_eur_kwh", "export_eur_kwh", "import_limit_w", "over_eur_kwh", "export_limit_w", "carbon_g_kwh")
    figures = {name: float(getattr(terms, name)[first]) for name in names}
    return {
        "from": isoformat(starts[first]),
        "until": isoformat(starts[last - 1] + _MINUTE),
        "class": terms.classes[first],
        "kind": terms.kinds[first] or None,
        **{name: value if np.isfinite(value) else None for name, value in figures.items()},
    }
