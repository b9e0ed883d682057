"""What is foreseen of buildings: loads by like days with their measured error, sun and temperature by what is told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from engine.calendar import SchoolCalendar
from engine.catalogue import Text
from engine.instants import days_before
from engine.settings import Settings
from engine.store import Unit
from jobs.bootstrap import Territory
from jobs.energy.contract_entries import OrderEntry
from jobs.energy.occupancy import Occupancy
from jobs.energy.past import QUARTER, Past, like_days, past_of, same_slots
from jobs.energy.signals import Told
from jobs.energy.sites import ROOF, Sites, Span
from jobs.energy.tables import EnergyTables
from jobs.energy.usual import Foreseen, usual
from optimizers.arrays import Bools, Floats, Ints, known_median
from optimizers.energy.likedays import LEVEL, Foretold, foretell, instead, nearer, usable

_DAY = timedelta(days=1)
_LATELY = 8  # quarters by which now is compared with what was expected of it
_FADES_H = 12.0  # hours in which what a forecast of temperature is off by now is taken to pass
_OFF_K = 5.0  # no more than that: a probe in the sun shows much more, and no forecast of the next hours is so wrong
_BLOCK = timedelta(hours=1)  # errors of slots within it are taken together: buildings begin and end on the hour


@dataclass(frozen=True, eq=False)
class Learned:
    """What history taught of each of n sites.

    days (n,)               like days known, of the slot that has the fewest
    coverage, pinball_w     (n,) as `Foretold` has them, of the last like days
    """

    foreseen: Foreseen
    days: Ints
    coverage: Floats
    pinball_w: Floats


def foresee(
    unit: Unit, territory: Territory, settings: Settings, sites: Sites, span: Span, at: datetime,
    occupancies: list[Occupancy], tables: EnergyTables, calendar: SchoolCalendar, past: Past | None = None,
) -> Learned:  # fmt: skip
    """What was known at an instant of the slots of a span. Where too few like days are known, a usual day stands in,
    and `reasons` say so. `past`: what `lately` says, where it was read already.
    """
    entry = tables.foresee
    past = past or lately(unit, territory, sites, tables, at)
    stand_in = usual(territory, sites, span, occupancies, tables)
    told = Told(unit, settings, at, span.starts, np.array(span.seconds))
    loads = _loads(past, span, at, calendar, tables)
    enough: Bools = np.all(usable(loads, entry.least_days), axis=0)
    solar, short = _solar(past, span, told, tables)
    on_site = np.zeros((len(sites), len(span)))
    for row, (site, _) in enumerate(sites.hung(ROOF)):
        on_site[site] += short[row]
    margin = np.sqrt(np.where(enough, loads.margin, 0.0).T ** 2 + on_site**2)
    usual_margin = np.sqrt(stand_in.margin_w**2 + on_site**2)
    usual_c = stand_in.outdoor_c[0] if len(sites) else np.zeros(len(span))
    outdoor, by = _outdoor(past, span, told, usual_c, tables, at)
    foreseen = Foreseen(
        base_w=np.where(enough[:, None], np.where(enough, loads.expected, 0.0).T, stand_in.base_w),
        margin_w=np.where(enough[:, None], margin, usual_margin),
        solar_w=solar,
        outdoor_c=np.broadcast_to(outdoor, stand_in.base_w.shape),
        reasons=(*_reasons(sites, enough, loads, solar, by, tables), *told.reasons),
    )
    return Learned(foreseen, loads.days.min(axis=0), loads.coverage, loads.pinball)


def lately(unit: Unit, territory: Territory, sites: Sites, tables: EnergyTables, at: datetime) -> Past:
    """The days before an instant from which is learnt."""
    return past_of(unit, territory, sites, tables, at - tables.foresee.days * _DAY, at)


def baselines(
    past: Past, sites: Sites, span: Span, orders: Sequence[OrderEntry], calendar: SchoolCalendar, tables: EnergyTables
) -> dict[str, Floats]:
    """(T,) by order: what its meters would draw together, the mean of as many like days before as it says.

    Of days of the same kind, with school as now where there are any. An order of which no slot's like day is known is
    left out.
    """
    days = same_slots(span.starts, tables.foresee.days)
    drawn = _drawn(past.meter_w, past, days, span.slot)
    kinds = [like_days(span.starts, len(days), calendar, school=school) for school in (True, False)]
    found = {}
    for order in orders:
        members = [i for i, name in enumerate(sites.names) if name in order.sites]
        together = drawn[:, :, members].sum(axis=2)
        usual_w, otherwise = (_mean_of_last(np.where(like, together, np.nan), order.like_days) for like in kinds)
        usual_w = np.where(np.isfinite(usual_w), usual_w, otherwise)
        inside = [order.start <= start and start + span.slot <= order.until for start in span.starts]
        if members and np.isfinite(usual_w[inside]).all():
            found[order.id] = np.where(np.isfinite(usual_w), np.maximum(usual_w, 0.0), 0.0)
    return found


def _mean_of_last(values: Floats, most: int) -> Floats:
    """(T,) of the last known of D days, so many at most; NaN where none is."""
    known = np.isfinite(values)
    kept = known & (known[::-1].cumsum(axis=0)[::-1] <= most)
    counts = kept.sum(axis=0)
    total = np.where(kept, values, 0.0).sum(axis=0)
    return np.where(counts > 0, total / np.maximum(counts, 1), np.nan)


# loads


def _loads(past: Past, span: Span, at: datetime, calendar: SchoolCalendar, tables: EnergyTables) -> Foretold:
    """By days of the same kind with school as now; of sites that have too few, by the kind alone, then by all days."""
    starts = [*(at - (n + 1) * QUARTER for n in range(_LATELY)), *span.starts]
    days = same_slots(starts, tables.foresee.days)
    drawn = _drawn(past.base_w, past, days, span.slot)
    block = max(int(_BLOCK / span.slot), 1)
    found = foretell(drawn, like_days(starts, len(days), calendar, school=True), block)
    for like in (like_days(starts, len(days), calendar, school=False), np.ones(drawn.shape[:2], np.bool_)):
        lacking = ~usable(found, tables.foresee.least_days)
        if not lacking.any():
            break
        found = instead(lacking, foretell(drawn, like, block), found)
    now = past.places(starts[:_LATELY])
    measured = np.where((now >= 0)[:, None], past.base_w[np.maximum(now, 0)], np.nan)
    more = known_median(measured - found.expected[:_LATELY])
    hours = np.array([(start + span.slot / 2 - at) / timedelta(hours=1) for start in span.starts])
    later = (found.expected[_LATELY:], found.margin[_LATELY:], found.days[_LATELY:])
    return nearer(Foretold(*later, found.coverage, found.pinball), more, hours)


def _drawn(values: Floats, past: Past, days: Sequence[Sequence[datetime]], slot: timedelta) -> Floats:
    """(D, T, n) means of slots: of longer ones over their quarters, NaN where one is not known."""
    parts = max(slot // QUARTER, 1)
    if not len(past):
        return np.full((len(days), len(days[0]), values.shape[1]), np.nan)
    found = []
    for starts in days:
        places = np.stack([past.places([start + k * QUARTER for start in starts]) for k in range(parts)])
        found.append(np.where((places >= 0)[..., None], values[np.maximum(places, 0)], np.nan).mean(axis=0))
    return np.stack(found)


# sun and temperature


def _solar(past: Past, span: Span, told: Told, tables: EnergyTables) -> tuple[Floats, Floats]:
    """(P, T) what roofs give, by the days before at the same time of the sun; where radiation is told, by that and what
    they gave of it. And by how much less it may be.
    """
    entry = tables.foresee
    days = [[start - back * _DAY for start in span.starts] for back in range(entry.days, 0, -1)]
    gave = _drawn(past.solar_w, past, days, span.slot)
    block = max(int(_BLOCK / span.slot), 1)
    found = foretell(-gave, np.ones(gave.shape[:2], np.bool_), block)
    expected = np.where(np.isfinite(found.expected), -found.expected, 0.0)
    if entry.radiation is not None:
        radiation = told.values(entry.radiation)
        before = np.stack([told.at(entry.radiation, starts) for starts in days])
        known = np.isfinite(gave) & np.isfinite(before)[:, :, None]
        total = np.where(known, before[:, :, None], 0.0).sum(axis=0)
        share = np.where(known, gave, 0.0).sum(axis=0) / np.where(total > 0, total, 1.0)
        by_radiation = np.where(total > 0, share * radiation[:, None], 0.0)
        expected = np.where(np.isfinite(radiation)[:, None] & known.any(axis=0), by_radiation, expected)
    # No roof gives less than nothing.
    short = np.minimum(np.where(np.isfinite(found.margin), found.margin, 0.0), expected)
    return np.maximum(expected, 0.0).T, np.maximum(short, 0.0).T


def _outdoor(
    past: Past, span: Span, told: Told, usual_c: Floats, tables: EnergyTables, at: datetime
) -> tuple[Floats, Text]:
    """(T,) as it is told, and measured beside that; else as it was a day or two before; else as on a usual day. And
    what most of it is by.
    """
    found = told.values(tables.foresee.temperature) + _off_c(past, span, told, tables, at)
    by = [np.isfinite(found)]
    for back in (1, 2):
        before = past.places([days_before(start, back) for start in span.starts])
        measured = np.where(before >= 0, past.outdoor_c[np.maximum(before, 0)], np.nan) if len(past) else found
        found = np.where(np.isfinite(found), found, measured)
    by.append(np.isfinite(found))
    shares = by[0].mean(), by[1].mean()
    if shares[0] > 0.5:
        said = Text(fr="température extérieure : prévision", en="outdoor temperature: forecast")
    elif shares[1] > 0.5:
        said = Text(fr="température extérieure : celle d'hier", en="outdoor temperature: yesterday's")
    else:
        said = Text(fr="température extérieure : jour habituel du mois", en="outdoor temperature: a usual day's")
    return np.where(np.isfinite(found), found, usual_c), said


def _off_c(past: Past, span: Span, told: Told, tables: EnergyTables, at: datetime) -> Floats:
    """(T,) by how much it was warmer in the last hour than the same source said, fading. 0 where nobody measured."""
    entry, slot = tables.foresee.temperature, span.slot
    if entry is None:
        return np.zeros(len(span))
    last = max(timedelta(hours=1) // slot, 1)
    back = slot * (last + max(-((at - span.start) // slot), 0))
    before = [start - back for start in span.starts]
    measured = _drawn(past.outdoor_c[:, None], past, [before[:last]], slot)[0, :, 0]
    off = float(known_median((measured - told.at(entry, before)[:last])[:, None])[0])
    hours = np.array([(start + slot / 2 - at) / timedelta(hours=1) for start in span.starts])
    fading: Floats = np.clip(1.0 - hours / _FADES_H, 0.0, 1.0)
    return min(max(off if np.isfinite(off) else 0.0, -_OFF_K), _OFF_K) * fading


def _reasons(
    sites: Sites, enough: Bools, loads: Foretold, solar: Floats, outdoor: Text, tables: EnergyTables
) -> Iterator[Text]:
    yield outdoor
    if lost := int((~enough).sum()):
        least = tables.foresee.least_days
        yield Text(
            fr=f"moins de {least} jours semblables connus, jour habituel pris : {lost} bâtiments sur {len(sites)}",
            en=f"fewer than {least} like days known, a usual day taken: {lost} of {len(sites)} buildings",
        )
    if np.isfinite(loads.coverage[enough]).any():
        met = 100 * float(np.nanmean(loads.coverage[enough]))
        yield Text(
            fr=f"marge à {LEVEL:.0%} : tenue à {met:.0f} % les derniers jours semblables",
            en=f"margin for {LEVEL:.0%}: it was kept {met:.0f} % of the last like days",
        )
    if solar.size and not solar.any():
        yield Text(fr="aucune production solaire connue", en="no solar production is known")
