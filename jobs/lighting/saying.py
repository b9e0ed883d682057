"""What a plan's body says of a lamp, in words."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import numpy as np

from engine.instants import clock
from jobs.words import Lang, say
from optimizers.lighting import Link


def reason_of(head: Mapping[str, Any], columns: Mapping[str, np.ndarray], lamp: int, lang: Lang) -> str:
    """Why a lamp burns as it does over the night, and for which budgets it is below that."""
    key, facts = _reason(head, columns, lamp)
    where = facts.pop("where", "") or say("reason_like_streets", lang)
    followed = say(f"reason_{key}", lang, **facts, where=where)
    named = [head["budgets"][k - 1]["id"] for k in np.unique(columns["budget_by"][lamp]).tolist() if k]
    return say("reason_gives_way", lang, followed=followed, budgets=", ".join(named)) if named else followed


def _reason(head: Mapping[str, Any], columns: Mapping[str, np.ndarray], lamp: int) -> tuple[str, dict[str, str]]:
    burning = columns["burning"]
    family, number = str(columns["family"][lamp]), int(columns["number"][lamp])
    lowest = int(columns["class_number"][lamp][burning].max())
    facts = {"normal": f"{family}{number}", "lowest": f"{family}{lowest}"}
    if not columns["dimmable"][lamp]:
        return "cannot_dim", facts
    if columns["constant"][lamp]:
        return "conflict_area", facts
    detector = int(columns["detector"][lamp])
    if detector >= 0:
        return "detector", facts | {"detector": head["detectors"][detector]}
    place, counters = int(columns["place"][lamp]), head["counters"]
    if place < 0 or np.isnan(columns["veh_h"][place][burning]).all():
        return "no_history", facts
    where = counters[place] if place < len(counters) else ""
    facts |= {"quantile": f"{head['quantile'] * 100:g}", "where": where}
    return ("lowered" if lowest > number else "normal"), facts


def told_links(links: Iterable[Link], slots: list[datetime]) -> list[str]:
    """A chain as people read it: what holds which lamp, at which time in Paris, at what flux."""
    return [f"{link.by} {link.lamp} at {clock(slots[link.slot])}: {link.flux:.6g}" for link in links]
