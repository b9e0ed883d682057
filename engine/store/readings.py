"""Readings: appended, followed by cursor, looked up, rolled up."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl
from sqlalchemy import Table, and_, func, select

from engine.instants import from_us
from engine.model import Reason
from engine.setpoints.points import Sample, Watch
from engine.store import schema
from engine.store.bulk import Bulk, Frame, read_frame
from engine.store.intake import Appender, Intake
from engine.store.newest import Newest
from engine.store.rollups import RollUp

_SPAN: dict[str, Any] = {"zone": pl.Int32, "after": pl.Int64, "upto": pl.Int64}
_FOLLOWED = ("zone", "seq", "series", "observed_at", "value", "quality")


class Readings:
    """What was measured, append-only, and what was refused."""

    def __init__(self, bulk: Bulk, newest: Newest) -> None:
        self._bulk = bulk
        self._connection = bulk.connection
        self.appender = Appender(bulk, newest)

    def append(
        self, accepted: pl.DataFrame, refused: pl.DataFrame, *, source: str, received_at: datetime, received: int
    ) -> Intake:
        """Store a batch and what was refused of it.

        accepted: series i32, zone i32, observed_at i64 (µs), value f64, in order of arrival.
        refused: asset, property, reason, detail, raw (text; asset, property and raw may be null).
        A reading whose series, instant and value are known is refused as a duplicate; another value at a known
        instant is a correction and is kept. One older than the newest of its series is kept as LATE. Sequences have
        no gap within a zone, and are given while the zone is locked. How a stream is cut into batches makes no
        difference. Raises InputError unless accepted + refused = received, and Outdated when the inventory has
        moved a series to another zone.
        """
        return self.appender.append(accepted, refused, source=source, received_at=received_at, received=received)

    def heads(self) -> dict[int, int]:
        """Zone number → sequence of its newest reading, 0 for none."""
        columns = schema.zone.c
        return dict(self._connection.execute(select(columns.no, columns.last_seq)).all())

    def since(
        self, cursor: Mapping[int, int], limit: int, zones: Collection[int] | None = None
    ) -> pl.DataFrame:  # fmt: skip
        """The next readings after a cursor: zone, seq, series, observed_at, value, quality; by zone, then seq.

        Of all zones, or of these. At most `limit`; empty only when there is nothing more. None is ever skipped: within
        a zone sequences have no gap and become visible in order.
        """
        waiting = {zone: (cursor.get(zone, 0), head) for zone, head in sorted(self.heads().items())}
        if zones is not None:
            waiting = {zone: span for zone, span in waiting.items() if zone in zones}
        taken = [self._between({})]
        while limit > 0 and (spans := _next_spans(waiting, limit)):
            taken.append(self._between(spans))
            limit -= taken[-1].height
            waiting |= {zone: (upto, waiting[zone][1]) for zone, (_, upto) in spans.items()}
        return pl.concat(taken).sort("zone", "seq")

    def _between(self, spans: Mapping[int, tuple[int, int]]) -> Frame:
        """The readings of each zone in (after, upto]."""
        table = schema.reading
        rows = [(zone, *span) for zone, span in spans.items()]
        keys = self._bulk.keys(pl.DataFrame(rows, schema=_SPAN, orient="row"))
        found, columns = self._bulk.seek(
            keys, table, table.c.zone == keys.c.zone, table.c.seq > keys.c.after, table.c.seq <= keys.c.upto
        )
        return read_frame(self._connection, select(*(columns[name] for name in _FOLLOWED)).select_from(found))

    def latest(self, series: Collection[int] | None = None) -> pl.DataFrame:
        """The reading with the greatest instant of each series that has one: series, observed_at, value; by series.

        Of several at that instant, the last to arrive.
        """
        columns = schema.latest.c
        statement = select(columns.series, columns.observed_at, columns.value).order_by(columns.series)
        if series is not None:
            keys = self._bulk.keys(_numbers(series))
            statement = statement.join(keys, keys.c.series == columns.series)
        return read_frame(self._connection, statement)

    def samples(self, watches: Collection[Watch]) -> dict[Watch, Sample]:
        """The newest reading of each watch that has one, as `latest` has it."""
        names = {(watch.asset, watch.property): watch for watch in watches}
        if not names:
            return {}
        series, newest = schema.series.c, schema.latest.c
        named = sorted(names)
        keys = self._bulk.keys(pl.DataFrame(named, schema={"asset": pl.String, "property": pl.String}, orient="row"))
        statement = (
            select(series.asset, series.property, newest.value, newest.observed_at)
            .join_from(keys, schema.series, and_(series.asset == keys.c.asset, series.property == keys.c.property))
            .join(schema.latest, newest.series == series.no)
        )
        rows = self._connection.execute(statement)
        return {names[asset, name]: Sample(value, from_us(at)) for asset, name, value, at in rows}

    def history(self, series: Collection[int], start_at: int, until_at: int) -> pl.DataFrame:
        """Readings observed in [start_at, until_at), µs: series, observed_at, value; by series, then instant.

        Of several at one instant only the last to arrive, which corrects the others.
        """
        names = ("series", "observed_at", "value", "seq")
        rows = self._within(schema.reading, names, series, start_at, until_at)
        return (
            rows.sort("series", "observed_at", "seq")
            .unique(["series", "observed_at"], keep="last", maintain_order=True)
            .drop("seq")
        )

    def quarters(self, series: Collection[int], start_at: int, until_at: int) -> pl.DataFrame:
        """Roll-ups of the quarter hours that begin in [start_at, until_at), µs: series, bucket_start, mean."""
        names = ("series", "bucket_start", "n", "sum")
        rows = self._within(schema.rollup_15min, names, series, start_at, until_at)
        rows = rows.cast({"series": pl.Int32, "bucket_start": pl.Int64, "n": pl.Int64, "sum": pl.Float64})
        return rows.select("series", "bucket_start", mean=pl.col("sum") / pl.col("n")).sort("series", "bucket_start")

    def _within(
        self, table: Table, names: Sequence[str], series: Collection[int], start_at: int, until_at: int
    ) -> pl.DataFrame:
        """Columns of a table of series, of rows whose instant, the second column, lies in [start_at, until_at)."""
        keys, at = self._bulk.keys(_numbers(series)), table.c[names[1]]
        found, columns = self._bulk.seek(keys, table, table.c.series == keys.c.series, at >= start_at, at < until_at)
        return read_frame(self._connection, select(*(columns[name] for name in names)).select_from(found))

    def totals(self) -> Intake:
        """All batches ever appended, as one."""
        columns = schema.intake.c
        sums = [func.coalesce(func.sum(columns[name]), 0) for name in ("received", "stored", "late")]
        received, stored, late = map(int, self._connection.execute(select(*sums)).one())
        refused: Counter[Reason] = Counter()
        for (reasons,) in self._connection.execute(select(columns.refused).where(columns.received > columns.stored)):
            refused.update({Reason(reason): count for reason, count in reasons.items()})
        return Intake(received, stored, late, dict(refused))

    def refusals(self, limit: int) -> pl.DataFrame:
        """The newest refusals: received_at, source, asset, property, reason, detail, raw; newest first."""
        columns = schema.refusal.c
        kept = [column for column in columns if column.name != "id"]
        return read_frame(self._connection, select(*kept).order_by(columns.id.desc()).limit(limit))

    def roll_up(self) -> int:
        """Bring the 15-minute and daily roll-ups up to date. Returns how many readings were taken in.

        Daily buckets are days of Europe/Paris. Safe to repeat; late readings and corrections change their bucket.
        """
        return RollUp(self._bulk, self.since).run()


def _next_spans(waiting: Mapping[int, tuple[int, int]], limit: int) -> dict[int, tuple[int, int]]:
    """Zone → (after, upto] of the first `limit` sequences that wait."""
    spans = {}
    for zone, (after, head) in waiting.items():
        if limit <= 0:
            break
        if after < head:
            spans[zone] = (after, min(head, after + limit))
            limit -= spans[zone][1] - after
    return spans


def _numbers(series: Collection[int]) -> Frame:
    return pl.DataFrame({"series": sorted(set(series))}, schema={"series": pl.Int32})
