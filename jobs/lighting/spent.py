"""What a plan made of its budgets, for people."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.instants import PARIS
from jobs.lighting.body import Body, open_body
from jobs.planning.domain import Note
from jobs.words import LANGUAGES, Lang, number, say

_KEPT = 1 + 1e-9


def notes(block: bytes) -> Sequence[Note]:
    """Of each budget what its lamps take of it, and how much light gives way for it."""
    found = open_body(block)
    return [
        Note({lang: _line(found, budget, lang) for lang in LANGUAGES}, gives_way=budget["gave"] > 0)
        for budget in found.head["budgets"]
    ]


def _line(found: Body, budget: Mapping[str, Any], lang: Lang) -> str:
    taken = "; ".join(_taken(found, budget, lang))
    parts = [say("budget-takes", lang, id=budget["id"], text=budget[lang], taken=taken)]
    if budget["used"] > _KEPT:
        parts.append(say("budget-passed", lang))
    if budget["gave"]:
        counts = {"gave": number(budget["gave"], lang), "lamps": number(budget["lamps"], lang)}
        saved = number(budget["saved_wh"] / 1000, lang, 1)
        parts.append(say("budget-gave", lang, classes=budget["classes"], kwh=saved, **counts))
    else:
        parts.append(say("budget-gave-nothing", lang))
    return " ".join(parts)


def _taken(found: Body, budget: Mapping[str, Any], lang: Lang) -> list[str]:
    told = []
    if budget["limit_wh"] is not None:
        kwh, limit = (number(budget[name] / 1000, lang, 1) for name in ("energy_wh", "limit_wh"))
        told.append(say("budget-energy", lang, kwh=kwh, limit=limit))
    if budget["peak_limit_w"] is not None:
        kw, limit = (number(budget[name] / 1000, lang, 2) for name in ("peak_w", "peak_limit_w"))
        at = found.slots[budget["peak_slot"]].astimezone(PARIS)
        told.append(say("budget-peak", lang, kw=kw, limit=limit, at=f"{at:%H:%M}"))
    return told
