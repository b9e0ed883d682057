"""What is known of containers at an instant: how full, how likely to overflow by when, and who empties them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from engine.settings import Settings
from engine.store import Unit
from jobs.bootstrap import Territory
from jobs.collection.choosing import wanted_of
from jobs.collection.day import collection_day
from jobs.collection.fills import fills_of
from jobs.collection.fleet import fleet_of
from jobs.collection.rounds.in_force import DayRounds, places_of, rounds_ahead
from jobs.collection.saying import reason_of
from jobs.collection.tables import tables_of
from jobs.words import LANGUAGES


@dataclass(frozen=True)
class ContainerState:
    """One container. All but its names are empty of one that is left out of planning.

    level, sd    believed to be full, a share, and how sure that is (standard deviation)
    verdict      what is thought of its sensor
    heard_days   since a believed reading or an emptying; None where there was none in the time looked at
    by_next      probability that it overflows by the next round after the one that is planned
    truck, number, at   who empties it in the plan in force, as which stop, and when
    reason       why it is in the round or is not, by language; empty without a plan
    left_out     why nothing is known of it, by language
    """

    container: str
    place: str
    fraction: str = ""
    level: float | None = None
    sd: float | None = None
    verdict: str = ""
    heard_days: float | None = None
    by_next: float | None = None
    truck: str = ""
    number: int = 0
    at: datetime | None = None
    reason: Mapping[str, str] | None = None
    left_out: Mapping[str, str] | None = None


def container_states(unit: Unit, territory: Territory, settings: Settings, at: datetime) -> list[ContainerState]:
    """Every container, as it was known at an instant; those left out of planning last."""
    tables = tables_of(settings)
    fleet, places = fleet_of(territory, tables), places_of(unit, territory)
    fills = fills_of(unit, territory, fleet, at, tables)
    ahead = rounds_ahead(unit, territory, at, known_at=at)
    day = (ahead.body.start, ahead.body.until) if ahead is not None else collection_day(at)
    by_next = wanted_of(fleet, fills, tables, day).by_next
    found = [
        ContainerState(
            container=name,
            place=places.get(name, ""),
            fraction=fleet.fractions[n],
            level=float(fills.belief.level[n]),
            sd=float(fills.belief.level_sd[n]),
            verdict=fills.verdicts[n].value,
            heard_days=float(fills.heard_days[n]) if np.isfinite(fills.heard_days[n]) else None,
            by_next=float(by_next[n]),
        )
        for n, name in enumerate(fleet.names)
    ]
    containers = {asset.id for asset in territory.of_type("WasteContainer")}
    left = [(name, why) for name, why in sorted(fleet.left_out.items()) if name in containers]
    out = [ContainerState(name, places.get(name, ""), left_out=dict(why)) for name, why in left]
    return [*(_planned(ahead, one) for one in found), *out]


def _planned(ahead: DayRounds | None, state: ContainerState) -> ContainerState:
    """With what the plan in force says of it."""
    if ahead is None or state.container not in ahead.body.place_of:
        return state
    state = replace(state, reason={lang: reason_of(ahead.body, state.container, lang) for lang in LANGUAGES})
    if state.container not in ahead.body.served:
        return state
    truck, one = ahead.body.served[state.container]
    return replace(state, truck=truck, number=one.number, at=ahead.body.instant(one.visit.begin_s))
