"""`consigne lighting budgets`: the budgets that experts wrote, whose they are, and which hold on a night."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from engine.settings import language
from jobs.cli.common import Json, Language, asked, emit, instant, settings, show_lines, show_rows, store_and_territory
from jobs.lighting.budget_entries import BudgetEntry
from jobs.lighting.budgets import lamps_of
from jobs.lighting.domain import lighting_day
from jobs.lighting.night import night_of
from jobs.lighting.tables import tables_of
from jobs.words import Lang, number, say

_HEADS = ("budget", "holds", "lamps", "kwh", "kw", "gives_way", "from", "until")


def budgets(
    at: Annotated[str | None, typer.Option(help="the night that holds this instant; now by default")] = None,
    lang: Language = "",
    as_json: Json = False,
) -> None:
    """The budgets of lighting.yaml, all of it checked: whose, how much, how far light gives way, who decided.

    Example: consigne lighting budgets --at 2026-12-21T18:00
    """
    chosen = asked(settings(), lang)
    tables, words = tables_of(chosen), language(chosen)
    _, territory = store_and_territory(chosen)
    night = night_of(lighting_day(instant(at))[0], tables).local[0].date()
    lamps = lamps_of(territory, tables.budgets)
    found = [_facts(entry, len(lamps[entry.id]), holds=entry.on(night)) for entry in tables.budgets]
    if as_json:
        emit({"night": night.isoformat(), "fleet_programs": tables.fleet_programs, "budgets": found})
        return
    show_lines([say("budgets_head", words, night=night, count=len(found))])
    heads = [say(f"budgets_{head}", words) for head in _HEADS]
    rows = [
        dict(zip(_HEADS, _row(one, entry, words), strict=True))
        for one, entry in zip(found, tables.budgets, strict=True)
    ]
    show_rows(rows, as_json=False, heads=heads)
    show_lines([f"{one['id']}: {one['decided'][words]}" for one in found])


def _facts(entry: BudgetEntry, lamps: int, *, holds: bool) -> dict[str, Any]:
    return {
        "id": entry.id,
        "holds": holds,
        "lamps": lamps,
        "energy_kwh": entry.energy_kwh,
        "peaks": [peak.model_dump(mode="json") for peak in entry.peaks],
        "gives_way": entry.gives_way,
        "from": entry.start.isoformat(),
        "until": entry.until.isoformat(),
        "decided": {"en": entry.english, "fr": entry.french},
    }


def _row(found: dict[str, Any], entry: BudgetEntry, lang: Lang) -> Iterator[str]:
    yield entry.id
    yield say("budgets_yes" if found["holds"] else "budgets_no", lang)
    yield number(found["lamps"], lang)
    yield "–" if entry.energy_kwh is None else number(entry.energy_kwh, lang, 1)
    yield ", ".join(_peak(peak.kw, peak.hours, lang) for peak in entry.peaks) or "–"
    yield str(entry.gives_way)
    yield entry.start.isoformat()
    yield entry.until.isoformat()


def _peak(kw: float, hours: Any, lang: Lang) -> str:
    span = f" {hours[0]:%H:%M}-{hours[1]:%H:%M}" if hours else ""
    return number(kw, lang, 1) + span
