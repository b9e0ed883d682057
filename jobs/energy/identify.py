"""What a building loses and holds, learnt from how warm it was, how cold outside, and how much heat it was given.

C (T1 - T0) = loss * sum h (outdoor - T) + sum h heat + gain * hours + more * sum h present: least squares, twice. What
it loses is asked of spans of two days, over which walls have come as far as they went: within hours they take and give
more than goes outside, and a fit of hours takes that for a tight building. What it holds, as a plan of quarter hours
meets it, is asked of spans of six hours, with that loss. Not believed where it contradicts physics, or where a season
was too even to tell.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from engine.calendar import SchoolCalendar
from engine.instants import from_us, to_us
from engine.store import Unit
from jobs.bootstrap import Territory
from jobs.energy.occupancy import occupancy
from jobs.energy.past import held, quarters_of
from jobs.energy.sites import Site, Sites, Span
from jobs.energy.tables import EnergyTables
from optimizers.arrays import Floats

_QUARTER = timedelta(minutes=15)
_SLOW, _QUICK = 192, 24
"""Quarters in a span: two days, six hours."""
_LEAST_SPANS = 12
"""Of two days: some four weeks, a few gaps allowed."""
_SURE = 0.25
"""Relative standard deviation above which nothing was learnt."""
LOSS_W_K_M2 = (0.1, 8.0)
CAPACITY_WH_K_M2 = (10.0, 400.0)
"""Of each m² of floor: passive houses to greenhouses, sheds to bunkers."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """Of a building: what it loses and holds, each with its standard deviation, of so many spans.

    `why_not`: why that is not believed, '' where it is; figures are NaN where there are none.
    """

    loss_w_k: float
    loss_sd_w_k: float
    capacity_wh_k: float
    capacity_sd_wh_k: float
    spans: int
    why_not: str = ""

    @property
    def believed(self) -> bool:
        return not self.why_not

    @property
    def attributes(self) -> dict[str, float]:
        """As an inventory has it of its building."""
        return {"heat_loss_w_k": round(self.loss_w_k, 1), "heat_capacity_wh_k": round(self.capacity_wh_k, 1)}


def identify(room_c: Floats, outdoor_c: Floats, heat_w: Floats, present: Floats, floor_m2: float) -> Learnt:
    """Of (Q,) quarter hours in order; NaN where something is not known: a span with one is left out."""
    slow, quick = (_spans(room_c, outdoor_c, heat_w, present, length) for length in (_SLOW, _QUICK))
    count = len(slow)
    if count < _LEAST_SPANS:
        return _nothing(count, f"{count} spans of two days are known, wants {_LEAST_SPANS}")
    if np.ptp(slow[:, 2]) == 0:
        return _nothing(count, "it was given the same heat all the time: nothing tells loss from gains")
    found = _fitted(slow[:, 0], slow[:, 1:])
    if found is None:
        return _nothing(count, "heat and cold came and went together: nothing tells them apart")
    (a, b, *_), spread = found
    if a <= 0 or b <= 0:
        return _nothing(count, "it would warm up by itself, or cool down when it is heated")
    loss = float(a / b)
    slopes = np.array([1 / b, -a / b**2])
    loss_sd = float(np.sqrt(slopes @ spread[:2, :2] @ slopes))
    holds = _fitted(quick[:, 0], np.column_stack([loss * quick[:, 1] + quick[:, 2], quick[:, 3:]]))
    if holds is None or holds[0][0] <= 0:
        return _nothing(count, "it would cool down when it is heated")
    inverse, error = float(holds[0][0]), float(np.sqrt(holds[1][0, 0]))
    told = Learnt(loss, loss_sd, 1 / inverse, error / inverse**2, count)
    return replace(told, why_not=next(_doubts(told, floor_m2), ""))


def _spans(room_c: Floats, outdoor_c: Floats, heat_w: Floats, present: Floats, length: int) -> Floats:
    """(S, 5): by how much it rose, and sums over the hours of: colder outside, heat, hours, presence."""
    whole = (room_c.size - 1) // length
    rows = []
    for s in range(whole):
        at = slice(s * length + 1, (s + 1) * length + 1)
        sums = [(outdoor_c[at] - room_c[at]).sum(), heat_w[at].sum(), float(length), present[at].sum()]
        row = [room_c[(s + 1) * length] - room_c[s * length], *(0.25 * np.array(sums))]
        if np.isfinite(row).all():
            rows.append(row)
    return np.array(rows) if rows else np.zeros((0, 5))


def _fitted(rose: Floats, columns: Floats) -> tuple[Floats, Floats] | None:
    """Least squares, and the covariance; the last column, presence, is left out where it is as even as hours are. None
    where columns do not tell themselves apart.
    """
    kept = columns[:, :-1] if np.ptp(columns[:, -1]) == 0 else columns
    scale = np.abs(kept).max(axis=0)
    if not scale.all():
        return None
    design = kept / scale
    found, _, rank, _ = np.linalg.lstsq(design, rose, rcond=None)
    if rank < kept.shape[1]:
        return None
    left = rose - design @ found
    variance = float(left @ left) / max(len(rose) - kept.shape[1], 1)
    return found / scale, variance * np.linalg.inv(design.T @ design) / np.outer(scale, scale)


def _doubts(told: Learnt, floor_m2: float) -> Iterator[str]:
    for what, value, (least, most) in (
        ("loses", told.loss_w_k / floor_m2, LOSS_W_K_M2), ("holds", told.capacity_wh_k / floor_m2, CAPACITY_WH_K_M2)
    ):  # fmt: skip
        if not least <= value <= most:
            yield f"each m² {what} {value:.3g}, wants {least:g} to {most:g}"
    for what, value, sd in (
        ("loss", told.loss_w_k, told.loss_sd_w_k), ("capacity", told.capacity_wh_k, told.capacity_sd_wh_k)
    ):  # fmt: skip
        if sd > _SURE * value:
            yield f"its {what} is known to {sd / value:.0%} only, wants {_SURE:.0%}"


def _nothing(count: int, why: str) -> Learnt:
    nan = float("nan")
    return Learnt(nan, nan, nan, nan, count, why)


def learn(
    unit: Unit, territory: Territory, sites: Sites, since: datetime, until: datetime, tables: EnergyTables,
    calendar: SchoolCalendar,
) -> dict[str, Learnt]:  # fmt: skip
    """Of each building that is heated, by what its probes, its heat meters and its outdoor probe told in a while."""
    start = from_us(-(-to_us(since) // 900_000_000) * 900_000_000)
    span = Span.between(start, until, _QUARTER)
    return {
        site.name: _learn(unit, territory, site, span, tables, calendar)
        for site in sites
        if site.heat and site.heat_meters and site.probes
    }


def _learn(
    unit: Unit, territory: Territory, site: Site, span: Span, tables: EnergyTables, calendar: SchoolCalendar
) -> Learnt:
    keys = [(site.name, "outdoorTemperature"), *((meter, "power") for meter in site.heat_meters)]
    keys += [(probe, "temperature") for probe in site.probes]
    told = [held(column) for column in quarters_of(unit, territory, keys, span.start, len(span)).T]
    meters = len(site.heat_meters)
    rooms = np.stack(told[1 + meters :])
    known = np.isfinite(rooms)
    mean = np.where(known, rooms, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    room_c = np.where(known.any(axis=0), mean, np.nan)
    present = occupancy(site.use, span, tables, calendar).present
    return identify(room_c, told[0], np.sum(told[1 : 1 + meters], axis=0), present, site.floor_m2)
