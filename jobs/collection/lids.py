"""Lids: a container that will be full before it is emptied is locked, where another one near has room."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from engine.instants import clock
from engine.model import Program
from jobs.collection.body import Body
from jobs.collection.fleet import Said
from jobs.words import LANGUAGES, number, percent, say
from optimizers.arrays import Floats
from optimizers.roads import great_circle_m

OPEN, LOCKED = 0.0, 1.0
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Lid:
    """What the lid of a container does on a day."""

    program: Program
    reason: Said


def lids_of(found: Body) -> dict[str, Lid]:
    """By container whose lid has a motor. A container that takes what another's people bring is not locked itself."""
    terms, takers = found.head["lid_terms"], set[str]()
    lids: dict[str, Lid] = {}
    ordered = sorted(found.head["lids"], key=lambda name: -_chance(found, name))
    for name in ordered:
        chance = _chance(found, name)
        other = _beside(found, name, lids) if chance >= terms["full_above"] and name not in takers else None
        until = _emptied_at(found, name)
        since = max(_full_at(found, name), found.at)
        if other is not None and since < until:
            takers.add(other[0])
            lids[name] = _locked(found, name, since, until, other)
        else:
            lids[name] = _open(found, chance, terms)
    return {name: lids[name] for name in found.head["lids"]}


def _chance(found: Body, name: str) -> float:
    """That it is full before it is emptied: in this round or, where it is not in it, by the next one."""
    return found.column("before" if name in found.served else "by_next", name)


def _emptied_at(found: Body, name: str) -> datetime:
    """When the crew has left it; the end of the day where nobody comes."""
    if name not in found.served:
        return found.until
    return min(found.instant(found.served[name][1].visit.end_s), found.until)


def _full_at(found: Body, name: str) -> datetime:
    """When it is expected to be full, by what usually comes."""
    room, rate = 1.0 - found.column("now", name), max(found.column("rate", name), 1e-6)
    return found.at + min(max(room, 0.0) / rate, 30.0) * _DAY


def _beside(found: Body, name: str, lids: Mapping[str, Lid]) -> tuple[str, float] | None:
    """The nearest of the same kind that has room and is not locked, and how far it is in metres."""
    terms, kinds = found.head["lid_terms"], found.head["fractions"]
    mine, apart_m = kinds[found.place_of[name]], _apart_m(found, name)
    near = (apart_m <= terms["beside_m"]) & (found.columns["level"] <= terms["room_below"])
    names = [found.containers[n] for n in np.flatnonzero(near).tolist() if kinds[n] == mine]
    locked = {lid for lid, what in lids.items() if any(value != OPEN for _, value in what.program.steps)}
    others = [other for other in names if other != name and other not in locked]
    within = [(other, float(apart_m[found.place_of[other]])) for other in others]
    return min(within, key=lambda one: (one[1], one[0]), default=None)


def _apart_m(found: Body, name: str) -> Floats:
    """(n,) from a container to every container."""
    spots = np.array([found.head["spots"][other][:2] for other in found.containers], np.float64)
    lon, lat, *_ = found.head["spots"][name]
    return great_circle_m(spots[:, 0], spots[:, 1], np.array([lon]), np.array([lat]))


def _locked(found: Body, name: str, since: datetime, until: datetime, other: tuple[str, float]) -> Lid:
    since = since.replace(microsecond=0)
    steps = {found.start: OPEN, max(since, found.start): LOCKED}
    if until < found.until:
        steps[until] = OPEN
    reason: dict[str, str] = {
        lang: say(
            "collect_lid_locked",
            lang,
            at=clock(since),
            chance=percent(_chance(found, name), lang, 0),
            other=other[0],
            metres=number(other[1], lang),
        )
        for lang in LANGUAGES
    }
    return Lid(Program(tuple(sorted(steps.items())), found.until), reason)


def _open(found: Body, chance: float, terms: Mapping[str, Any]) -> Lid:
    key = "collect_lid_alone" if chance >= terms["full_above"] else "collect_lid_room"
    why = {
        lang: say(key, lang, chance=percent(chance, lang, 0), metres=number(terms["beside_m"], lang))
        for lang in LANGUAGES
    }
    reason: dict[str, str] = {lang: say("collect_lid_open", lang, why=why[lang]) for lang in LANGUAGES}
    return Lid(Program.constant(OPEN, found.start, found.until), reason)
