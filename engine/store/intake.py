"""Appending a batch: what is a duplicate, what is late, which sequence each reading gets."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import polars as pl
from sqlalchemy import insert, select, update

from engine.errors import InputError, Outdated, Problem
from engine.instants import to_us
from engine.model import Quality, Reason
from engine.store import schema
from engine.store.bulk import Bulk, Frame, read_frame
from engine.store.newest import NEVER, Newest, Version

ACCEPTED = pl.Schema({"series": pl.Int32, "zone": pl.Int32, "observed_at": pl.Int64, "value": pl.Float64})
REFUSED = pl.Schema(dict.fromkeys(("asset", "property", "reason", "detail", "raw"), pl.String))
_SAME = ("series", "observed_at", "value")


@dataclass(frozen=True, slots=True)
class Intake:
    """What became of readings received: stored (some of them late) + refused, by reason, = received."""

    received: int
    stored: int
    late: int
    refused: dict[Reason, int] = field(default_factory=dict)


class Appender:
    """Appends batches inside one transaction. `touched` are the zones it has locked, with what their rows say now."""

    def __init__(self, bulk: Bulk, newest: Newest) -> None:
        self._bulk = bulk
        self._connection = bulk.connection
        self._newest = newest
        self.touched: dict[int, Version] = {}

    def append(self, accepted: Frame, refused: Frame, *, source: str, received_at: datetime, received: int) -> Intake:
        """See `Readings.append`."""
        refused = refused.select(pl.col(name).cast(dtype) for name, dtype in REFUSED.items())
        accepted = _checked(accepted, refused, source, received)
        versions = self._lock(accepted)
        accepted = self._with_newest(accepted, versions)
        first = _first_of_each(accepted)
        stored_before = self._stored(accepted.filter(first & (pl.col("observed_at") <= pl.col("newest"))))
        again = accepted.filter(~first)
        if not stored_before.is_empty():
            again = pl.concat([again, accepted.filter(first).join(stored_before, on=_SAME, how="semi")])
            first = first & ~_is_in(accepted, stored_before)
        fresh = _judged(accepted.filter(first))
        self._store(fresh, versions)
        refused = pl.concat([refused, self._refusals(again)])
        return self._record(fresh, refused, source, received_at, received)

    def _lock(self, accepted: Frame) -> dict[int, Version]:
        """Lock the zones' rows, in the order of their numbers so that no two appends wait for each other."""
        zones = accepted["zone"].unique().sort().to_list()
        columns = schema.zone.c
        statement = select(columns.no, columns.last_seq, columns.epoch).where(columns.no.in_(zones))
        rows = self._connection.execute(statement.order_by(columns.no).with_for_update())
        versions = {no: Version(last_seq, epoch) for no, last_seq, epoch in rows}
        self.touched |= versions
        return versions

    def _with_newest(self, accepted: Frame, versions: Mapping[int, Version]) -> Frame:
        """Add `newest`, the newest instant of each reading's series. Raises Conflict for a series not in its zone."""
        unknown = {zone: versions[zone] for zone in self._newest.unknown(versions)}
        if unknown:
            self._load(unknown)
        series = accepted["series"].to_numpy()
        zone, newest = self._newest.of(series)
        strange = np.flatnonzero(zone != accepted["zone"].to_numpy())
        if len(strange):
            number, found = accepted.row(int(strange[0]))[:2]
            raise Outdated(
                f"series {number} is not one of zone {found} any more ({len(strange)} readings); nothing was written"
                " → the inventory has changed: read its series again"
            )
        return accepted.with_columns(pl.Series("newest", newest, pl.Int64))

    def _load(self, zones: Mapping[int, Version]) -> None:
        series, latest = schema.series.c, schema.latest.c
        statement = (
            select(series.no, series.zone, latest.observed_at)
            .outerjoin(schema.latest, latest.series == series.no)
            .where(series.zone.in_(list(zones)))
        )
        frame = read_frame(self._connection, statement)
        instants = frame["observed_at"].fill_null(NEVER).to_numpy()
        self._newest.load(zones, frame["no"].to_numpy(), frame["zone"].to_numpy(), instants)

    def _stored(self, suspects: Frame) -> Frame:
        """Which of the readings, none newer than its series' newest, the table holds: series, observed_at, value."""
        if suspects.is_empty():
            return suspects.select(_SAME)
        table = schema.reading
        keys = self._bulk.keys(suspects.select("series", "observed_at").unique())
        found, columns = self._bulk.seek(
            keys, table, table.c.series == keys.c.series, table.c.observed_at == keys.c.observed_at
        )
        return read_frame(self._connection, select(*(columns[name] for name in _SAME)).select_from(found))

    def _store(self, fresh: Frame, versions: Mapping[int, Version]) -> None:
        if fresh.is_empty():
            return
        heads = {zone: version.last_seq for zone, version in versions.items()}
        fresh = fresh.with_columns(
            seq=pl.col("zone").replace_strict(heads, return_dtype=pl.Int64) + pl.int_range(1, pl.len() + 1).over("zone")
        )
        # In the order of the tables' keys, neighbours share a page.
        self._bulk.insert(schema.reading, fresh.sort("zone", "series"))
        latest = fresh.filter(pl.col("quality") == Quality.GOOD).unique("series", keep="last").sort("series")
        self._bulk.upsert(schema.latest, latest)
        self._newest.forget(self.touched)
        self._newest.advance(latest["series"].to_numpy(), latest["observed_at"].to_numpy())
        self._move_heads(fresh.group_by("zone").agg(pl.col("seq").max()), versions)

    def _move_heads(self, heads: Frame, versions: Mapping[int, Version]) -> None:
        keys = self._bulk.keys(heads)
        moved = update(schema.zone).where(schema.zone.c.no == keys.c.zone).values(last_seq=keys.c.seq)
        self._connection.execute(moved)
        self.touched |= {zone: Version(seq, versions[zone].epoch) for zone, seq in heads.iter_rows()}

    def _refusals(self, again: Frame) -> Frame:
        """The duplicates, as they are refused."""
        if again.is_empty():
            return REFUSED.to_frame()
        columns = schema.series.c
        keys = self._bulk.keys(again.select("series").unique())
        names = select(columns.no.label("series"), columns.asset, columns.property).join(
            keys, keys.c.series == columns.no
        )
        at = pl.from_epoch("observed_at", time_unit="us").dt.to_string("iso:strict")
        return again.join(read_frame(self._connection, names), on="series", how="left").select(
            "asset",
            "property",
            reason=pl.lit(Reason.DUPLICATE.value),
            detail=pl.format("{} at {}Z is stored already", "value", at),
            raw=pl.lit(None, pl.String),
        )

    def _record(self, fresh: Frame, refused: Frame, source: str, received_at: datetime, received: int) -> Intake:
        # PostgreSQL keeps no NUL in a text, and a malformed payload may hold one.
        texts = pl.col(pl.String).str.replace_all("\0", "\ufffd", literal=True)
        arrived = {"received_at": pl.lit(to_us(received_at)), "source": pl.lit(source)}
        self._bulk.insert(schema.refusal, refused.with_columns(texts, **arrived))
        reasons = Counter(refused["reason"].to_list())
        late = int((fresh["quality"] == Quality.LATE).sum())
        counts = {"received": received, "stored": fresh.height, "late": late}
        if received:
            row = {"source": source, "received_at": to_us(received_at), **counts, "refused": dict(reasons)}
            self._connection.execute(insert(schema.intake).values(row))
        return Intake(**counts, refused={Reason(reason): n for reason, n in reasons.items()})


def _checked(accepted: Frame, refused: Frame, source: str, received: int) -> Frame:
    """The accepted readings with the types and columns of ACCEPTED. Raises InputError, the batch as its source."""
    accepted = accepted.select(pl.col(name).cast(dtype) for name, dtype in ACCEPTED.items())
    problems = []
    if accepted.height + refused.height != received:
        what = f"{received} received, but {accepted.height} accepted + {refused.height} refused"
        problems.append((what, "everything received is either accepted or refused, with a reason"))
    if any(accepted.null_count().row(0)) or not accepted["value"].is_finite().all():
        problems.append(("holds an accepted reading that is null or not finite", "refuse it: not_a_number"))
    strange = sorted(set(refused["reason"].unique().to_list()) - set(Reason))
    if strange:
        problems.append((f"refuses for the unknown reasons {strange}", f"one of: {', '.join(Reason)}"))
    if problems:
        raise InputError(Problem(f"batch of {source}", 0, 0, what, hint) for what, hint in problems)
    # -0.0 equals 0.0 to a database and must have one form.
    return accepted.with_columns(pl.col("value") + 0.0)


def _first_of_each(accepted: Frame) -> pl.Series:
    """Whether each reading is the first of its series, instant and value in the batch."""
    if accepted["series"].n_unique() == accepted.height:
        return pl.repeat(True, accepted.height, eager=True)
    return accepted.select(pl.struct(_SAME).is_first_distinct()).to_series()


def _is_in(frame: Frame, others: Frame) -> pl.Series:
    marked = frame.join(others.with_columns(there=True), on=_SAME, how="left", maintain_order="left")
    return marked["there"].fill_null(value=False)


def _judged(fresh: Frame) -> Frame:
    """Add `quality`: LATE where an earlier arrival, stored or of this batch, was observed later."""
    late = fresh["observed_at"] < fresh["newest"]
    if fresh["series"].n_unique() < fresh.height:
        late = late | _overtaken(fresh)
    good, behind = pl.lit(Quality.GOOD.value, pl.Int16), pl.lit(Quality.LATE.value, pl.Int16)
    return fresh.with_columns(quality=pl.when(late).then(behind).otherwise(good)).drop("newest")


def _overtaken(fresh: Frame) -> pl.Series:
    """Whether an earlier row of the same series has a later instant: a running maximum in each group at once.

    Rows are ordered by series, then arrival, and numbered (group, rank of the instant) as one integer: it restarts
    above everything before it at each group, so that one running maximum over all rows is one in each group.
    """
    series, instants = fresh["series"].to_numpy(), fresh["observed_at"].to_numpy()
    order = np.argsort(series, kind="stable")
    groups = np.cumsum(np.diff(series[order], prepend=series[order[0]]) != 0)
    ranks = np.unique(instants, return_inverse=True)[1][order]
    number = groups.astype(np.int64) * len(order) + ranks
    late = np.empty(len(order), np.bool_)
    late[order] = number < np.maximum.accumulate(number)
    return pl.Series(late)
