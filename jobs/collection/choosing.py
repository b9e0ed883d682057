"""Which containers a round is to empty, and what emptying each of the others is worth."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from engine.setpoints.dated import Span
from jobs.collection.day import named, next_served, spans_in
from jobs.collection.fills import Fills, silent
from jobs.collection.fleet import Fleet
from jobs.collection.tables import CollectionTables
from optimizers.arrays import Bools, Floats
from optimizers.fill import choose, costs_at_first, owed
from optimizers.roads import LORRY, crow


@dataclass(frozen=True, eq=False)
class Wanted:
    """Of n containers, what a round is worth to each.

    before (n,)              probability that it is full before this round comes
    by_next, by_after (n,)   probability of overflow by the next round after this one, and by the one after that
    level, load_level (n,)   expected at pick-up, and what loads allow for; shares of the container
    due (n,)                 nobody has heard of it for too long
    rho_eur                  what an overflow was taken to be worth avoiding
    """

    before: Floats
    by_next: Floats
    by_after: Floats
    level: Floats
    load_level: Floats
    due: Bools
    required: Bools
    candidate: Bools
    prize_eur: Floats
    rho_eur: float = 0.0


def wanted_of(fleet: Fleet, fills: Fills, tables: CollectionTables, day: Span) -> Wanted:
    """Which containers have to be in the round, which may be, and what that is worth."""
    date = named(day[0])
    visits = next_served(date, tables.service, tables.choice.visits)
    pick_up = max(_middle(day, tables), fills.at + timedelta(hours=1))
    later = [_middle(_day_after(day, (visit - date).days), tables) for visit in visits]
    by_visit = fills.overflow(pick_up, *later)
    due = silent(fills, [tables.fractions[name].unseen_days for name in fleet.fractions])
    level = fills.level(pick_up)
    terms = tables.choice.terms(fills.overflown)
    gap_d = 7.0 / len(tables.service.days)
    owes = owed(fills.belief, level, terms.detour * usual_eur(fleet, tables), terms.rho, gap_d=gap_d)
    choice = choose(by_visit[:, 1:], terms, level=level, owes=owes, due=due)
    return Wanted(
        before=by_visit[:, 0],
        by_next=by_visit[:, 1],
        by_after=by_visit[:, 2],
        level=level,
        load_level=np.minimum(fills.level(pick_up, tables.choice.load_quantile), 1.0),
        due=due,
        required=choice.required,
        candidate=choice.candidate,
        prize_eur=choice.prize,
        rho_eur=terms.rho,
    )


def usual_eur(fleet: Fleet, tables: CollectionTables) -> Floats:
    """(n,) what driving to each container usually costs, on a round that passes near it: by great circles."""
    assets = [*(asset for asset, _ in fleet.containers), *(asset for asset, _ in fleet.trucks[:1])]
    if len(assets) <= len(fleet.containers):
        return np.zeros(len(fleet.containers))
    lon, lat = (np.array([getattr(asset, axis) for asset in assets], np.float64) for axis in ("lon", "lat"))
    distance_m, duration_s = crow(lon, lat, LORRY.crow_m_s)
    costs = tables.costs
    return costs_at_first(distance_m * costs.per_km_eur / 1000.0 + duration_s * costs.per_hour_eur / 3600.0)


def _middle(day: Span, tables: CollectionTables) -> datetime:
    """Of the shift that trucks usually have."""
    start, until = next(spans_in(*day, tables.trucks.shift), day)
    return start + (until - start) / 2


def _day_after(day: Span, days: int) -> Span:
    """So many collection days later; clocks are not looked at, an hour is nothing here."""
    return day[0] + timedelta(days=days), day[1] + timedelta(days=days)
