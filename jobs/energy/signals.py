"""What contracts go by that is told from one day to the next: the exchange's prices, carbon, colours of days."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import polars as pl

from engine.catalogue import Text
from engine.errors import InputError
from engine.forecasts.sources import Source
from engine.instants import PARIS, days_before, in_us, to_us
from engine.settings import Settings
from engine.store import Unit
from jobs.energy.contract_entries import DaysEntry, SourceEntry
from jobs.energy.contracts import Contracts, Signals
from jobs.forecasts import known, sources_in
from optimizers.arrays import Floats, Ints

_DAY = timedelta(days=1)
_BACK = 7
"""Days before, of which the nearest that is known stands in for an hour that is not: after a week, nothing does."""


def signals_of(
    unit: Unit, settings: Settings, contracts: Contracts, at: datetime, starts: Sequence[datetime],
    seconds: Sequence[float],
) -> Signals:  # fmt: skip
    """What was known at an instant of slots to come. Where a source is not there or cannot be read, nothing is."""
    reader = Told(unit, settings, at, starts, np.asarray(seconds, np.float64))
    spot = reader.prices(contracts.file.spot)
    carbon = reader.values(contracts.file.carbon.forecast)
    first, last = (one.astimezone(PARIS).date() for one in (starts[0], starts[-1]))
    days = [first + k * _DAY for k in range(-1, (last - first).days + 1)]
    kinds = {name: reader.kinds(entry, days) for name, entry in contracts.file.days.items()}
    return Signals(spot, carbon, kinds, tuple(reader.reasons))


class Told:
    """What sources of forecasts had told by an instant of slots to come. `reasons` gathers what stood in for what."""

    def __init__(
        self, unit: Unit, settings: Settings, at: datetime, starts: Sequence[datetime], seconds: Floats
    ) -> None:  # fmt: skip
        self._unit, self._at = unit, at
        self._starts, self._seconds = tuple(starts), seconds
        self.reasons: list[Text] = []
        try:
            self._sources = sources_in(settings)
        except InputError as error:  # no reason to leave buildings without a plan
            self._sources = {}
            said = error.problems[0]
            self.reasons.append(Text(fr=f"prévisions illisibles : {said}", en=f"forecasts cannot be read: {said}"))

    def values(self, entry: SourceEntry | None) -> Floats:
        """(T,) the mean of each slot; NaN where less than all of it is known."""
        nothing = np.full(len(self._starts), np.nan)
        if entry is None or (source := self._sources.get(entry.source)) is None:
            return nothing
        return self._means(entry, source, self._starts)

    def at(self, entry: SourceEntry, starts: Sequence[datetime]) -> Floats:
        """The same of slots as long as those to come, at other instants: as it was told last."""
        source = self._sources.get(entry.source)
        return np.full(len(starts), np.nan) if source is None else self._means(entry, source, starts)

    def prices(self, entry: SourceEntry | None) -> Floats:
        """The same; where it is not known that of the same hour by the clock one to seven days before."""
        found = self.values(entry)
        source = self._sources.get(entry.source) if entry is not None else None
        if entry is None or source is None:
            return found
        for back in range(1, _BACK + 1):
            lost = np.isnan(found)
            if not lost.any():
                break
            before = self._means(entry, source, [days_before(start, back) for start in self._starts])
            found = np.where(lost, before, found)
            stood_in = self._seconds[lost & np.isfinite(before)].sum() / 3600.0
            self.reasons.extend(_stood_in(float(stood_in), back))
        return found

    def kinds(self, entry: DaysEntry, days: Sequence[date]) -> dict[date, str]:
        """By what its source says of each day's noon."""
        told = entry.forecast
        if told is None or (source := self._sources.get(told.source)) is None:
            return {}
        noons = [datetime.combine(day, time(12), PARIS).astimezone(UTC) for day in days]
        edges, values = self._series(told, source, noons[0], noons[-1] + _DAY)
        found = [_holding(edges, values, in_us(source.step), to_us(noon)) for noon in noons]
        named = {day: told.kinds.get(f"{value:g}") for day, value in zip(days, found, strict=True)}
        return {day: kind for day, kind in named.items() if kind is not None}

    def _means(self, entry: SourceEntry, source: Source, starts: Sequence[datetime]) -> Floats:
        until = max(starts) + timedelta(seconds=float(self._seconds.max()))
        edges, values = self._series(entry, source, min(starts), until)
        begins = np.array([to_us(start) for start in starts])[:, None]
        ends = begins + (self._seconds * 1e6).astype(np.int64)[:, None]
        overlap = np.minimum(ends, edges + in_us(source.step)) - np.maximum(begins, edges)
        overlap = np.maximum(overlap, 0)
        whole = overlap.sum(axis=1) == (ends - begins)[:, 0]
        shares = overlap / (ends - begins)
        found: Floats = np.where(whole, shares @ values, np.nan)
        return found

    def _series(
        self, entry: SourceEntry, source: Source, since: datetime, until: datetime
    ) -> tuple[Ints, Floats]:  # fmt: skip
        """Where slots of a source begin (µs), and the value of each: the middle one where it tells quantiles."""
        places = None if entry.place is None else [entry.place]
        asked = known(
            self._unit, entry.source, source, self._at, since - source.step, until,
            variables=[entry.variable], places=places,
        ).values  # fmt: skip
        middle = (pl.col("quantile").fill_null(0.5) - 0.5).abs()
        rows = asked.sort(middle, "place").unique("valid_at", keep="first", maintain_order=True).sort("valid_at")
        return rows["valid_at"].to_numpy(), rows["value"].to_numpy()


def _holding(edges: Ints, values: Floats, step: int, at: int) -> float:
    n = int(np.searchsorted(edges, at, "right")) - 1
    return float(values[n]) if n >= 0 and at < edges[n] + step else float("nan")


def _stood_in(hours: float, back: int) -> Iterator[Text]:
    if hours:
        yield Text(
            fr=f"prix de marché inconnu pendant {hours:g} h : celui de la même heure {back} jour(s) avant",
            en=f"the exchange's price is not known for {hours:g} h: that of the same hour {back} day(s) before",
        )
