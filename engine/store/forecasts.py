"""Forecasts as they were issued, read as they were known at an instant.

Two times rule: `issued_at` says which issue is newer, `received_at` which were known. What was stored is never changed:
an issue that comes again with other values is a further one, and the past goes on reading what it read.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl
from sqlalchemy import ColumnElement, Row, delete, func, insert, select

from engine.errors import Conflict, InputError, Problem
from engine.instants import from_us, in_us, isoformat, to_us
from engine.store import schema
from engine.store.bulk import Bulk, Frame, read_frame

VALUES: Mapping[str, pl.DataType] = {
    "variable": pl.String(),
    "place": pl.String(),
    "valid_at": pl.Int64(),  # µs, where the slot of the value begins
    "quantile": pl.Float64(),  # in (0, 1); null for a value without one
    "value": pl.Float64(),
}
"""A frame of foretold values. One value a variable, place, slot and quantile."""

SETBACK = timedelta(minutes=5)
"""How far the clock of a receiver may be behind that of the one before."""

_KEY = ("variable", "place", "valid_at", "quantile")
_ISSUE, _VALUE = schema.forecast_issue, schema.forecast_value
_NO_QUANTILE = -1.0
_SAVER = 0x66  # the advisory locks of whoever saves


@dataclass(frozen=True, slots=True)
class ForecastIssue:
    """One issue of a source. It speaks of [start, until): there it replaces all that older issues said."""

    id: int
    source: str
    issued_at: datetime
    received_at: datetime
    start: datetime
    until: datetime
    digest: str
    detail: Mapping[str, Any]


class Forecasts:
    """Every issue of every source, append-only."""

    def __init__(self, bulk: Bulk) -> None:
        self._bulk = bulk
        self._connection = bulk.connection

    def save(
        self, source: str, values: Frame, *, issued_at: datetime, received_at: datetime, step: timedelta,
        detail: Mapping[str, Any] | None = None,
    ) -> ForecastIssue | None:  # fmt: skip
        """Store an issue: `values` as VALUES has them, in slots of `step`. None where it is known already.

        Known is what the last issue received of that `issued_at` held; other values make a further issue, which wins
        from its receipt on. To keep true what was known before, it counts as received after all others of its source,
        if only by a microsecond. Raises Conflict where that would be more than SETBACK later than `received_at`,
        InputError for values that are no number, doubled, or none at all.
        """
        values = _checked(source, values)
        self._alone(source)
        digest = digest_of(values, step)
        if digest == self._digest(source, issued_at):
            return None
        valid = values["valid_at"]
        row = {
            "source": source,
            "issued_at": to_us(issued_at),
            "received_at": self._after_all(source, received_at),
            "start_at": valid.min(),
            "until_at": int(valid.max()) + in_us(step),  # type: ignore[arg-type] # a column of integers, not empty
            "digest": digest,
            "detail": dict(detail or {}) | {"values": values.height},
        }
        saved = self._connection.execute(insert(_ISSUE).values(**row).returning(*_ISSUE.c)).one()
        self._bulk.insert(_VALUE, values.with_columns(pl.lit(saved.id, pl.Int64).alias("issue")))
        return _issue(saved)

    def as_of(
        self, at: datetime, source: str, since: datetime, until: datetime, *,
        variables: Collection[str] | None = None, places: Collection[str] | None = None,
        quantiles: Collection[float | None] | None = None,
    ) -> Frame:  # fmt: skip
        """What was known at an instant of the slots that begin in [since, until): VALUES, issued_at (µs); by key.

        For each slot the newest issue received by then that speaks of it, all variables, places and quantiles from the
        same one: what it leaves out is not known. None: all of them; in `quantiles`, values without a quantile.
        """
        keys = self._bulk.keys(_pieces(self._known(at, source, since, until), to_us(since), to_us(until)))
        narrow = [
            *self._among(_VALUE.c.variable, variables),
            *self._among(_VALUE.c.place, places),
            *([_VALUE.c.quantile.in_([_NO_QUANTILE if q is None else q for q in quantiles])] if quantiles else ()),
        ]
        span = (_VALUE.c.valid_at >= keys.c.since, _VALUE.c.valid_at < keys.c.until)
        found, columns = self._bulk.seek(keys, _VALUE, _VALUE.c.issue == keys.c.issue, *span, *narrow)
        wanted = [*(columns[name] for name in VALUES), keys.c.issued_at]
        rows = read_frame(self._connection, select(*wanted).select_from(found))
        return rows.with_columns(pl.col("quantile").replace(_NO_QUANTILE, None)).sort(_KEY)

    def newest(self, source: str, at: datetime) -> ForecastIssue | None:
        """The newest issue of a source that was known at an instant."""
        known = select(_ISSUE).where(_ISSUE.c.source == source, _ISSUE.c.received_at <= to_us(at))
        row = self._connection.execute(known.order_by(*_NEWEST_FIRST).limit(1)).first()
        return None if row is None else _issue(row)

    def issues(self, source: str, limit: int) -> list[ForecastIssue]:
        """The issues of a source received last, the last one first."""
        statement = select(_ISSUE).where(_ISSUE.c.source == source).order_by(_ISSUE.c.received_at.desc())
        return [_issue(row) for row in self._connection.execute(statement.limit(limit))]

    def sources(self) -> list[str]:
        """Every source that has an issue."""
        return list(self._connection.execute(select(_ISSUE.c.source).distinct().order_by(_ISSUE.c.source)).scalars())

    def prune(self, before_us: int) -> int:
        """Remove the issues that speak of nothing from that instant on. Returns how many.

        What is read of the slots from then on stays as it was, at any instant.
        """
        past = _ISSUE.c.until_at <= before_us
        self._connection.execute(delete(_VALUE).where(_VALUE.c.issue.in_(select(_ISSUE.c.id).where(past))))
        return self._connection.execute(delete(_ISSUE).where(past)).rowcount

    def _known(self, at: datetime, source: str, since: datetime, until: datetime) -> Sequence[Any]:
        """What had been received by an instant and speaks of a span, the newest issue first."""
        columns = _ISSUE.c
        of_span = (columns.until_at > to_us(since), columns.start_at < to_us(until))
        statement = select(columns.id, columns.issued_at, columns.start_at, columns.until_at).where(
            columns.source == source, columns.received_at <= to_us(at), *of_span
        )
        return self._connection.execute(statement.order_by(*_NEWEST_FIRST)).all()

    def _among(self, column: Any, names: Collection[str] | None) -> Iterable[ColumnElement[bool]]:
        if names is not None:
            keys = self._bulk.keys(pl.DataFrame({"name": sorted(set(names))}, schema={"name": pl.String}))
            yield column.in_(select(keys.c.name))

    def _alone(self, source: str) -> None:
        """Wait for whoever saves an issue of the source; SQLite has one writer anyhow."""
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(select(func.pg_advisory_xact_lock(_SAVER, func.hashtext(source))))

    def _digest(self, source: str, issued_at: datetime) -> str | None:
        """Of the last issue received of that instant."""
        named = (_ISSUE.c.source == source, _ISSUE.c.issued_at == to_us(issued_at))
        statement = select(_ISSUE.c.digest).where(*named).order_by(_ISSUE.c.received_at.desc()).limit(1)
        return self._connection.execute(statement).scalar()

    def _after_all(self, source: str, received_at: datetime) -> int:
        """`received_at` in µs, or just after the last issue of the source."""
        last = self._connection.execute(
            select(func.max(_ISSUE.c.received_at)).where(_ISSUE.c.source == source)
        ).scalar()  # fmt: skip
        at = to_us(received_at)
        if last is None or at > last:
            return at
        if last - at > in_us(SETBACK):
            what = f"{source}: an issue was received at {isoformat(from_us(last))}, after {isoformat(received_at)}"
            raise Conflict(f"{what}: what was known then would change; nothing was written → check the clock")
        return int(last) + 1


_NEWEST_FIRST = (_ISSUE.c.issued_at.desc(), _ISSUE.c.received_at.desc())


def digest_of(values: Frame, step: timedelta) -> str:
    """SHA-256 of what an issue says, whatever the order of its rows."""
    values = values.select(list(VALUES)).sort(_KEY)
    total = hashlib.sha256(in_us(step).to_bytes(8, "big"))
    for name in ("variable", "place"):
        total.update(schema.to_json(values[name].unique().sort().to_list()).encode())
        total.update(values[name].rank("dense").cast(pl.Int32).to_numpy().astype("<i4").tobytes())
    for name, form in (("valid_at", "<i8"), ("quantile", "<f8"), ("value", "<f8")):
        total.update(values[name].fill_null(_NO_QUANTILE).to_numpy().astype(form).tobytes())
    return total.hexdigest()


def _checked(source: str, values: Frame) -> Frame:
    """The values in the order of the key, a number for no quantile. Raises InputError."""
    values = values.select(pl.col(name).cast(dtype) for name, dtype in VALUES.items())
    bad = {
        "holds no value": values.is_empty(),
        "holds values that are no finite number": not values["value"].is_finite().fill_null(value=False).all(),
        "holds a quantile outside (0, 1)": not values["quantile"].is_between(0, 1, closed="none").all(),
        "holds two values for one variable, place, slot and quantile": values.select(_KEY).is_duplicated().any(),
    }
    problems = [Problem(source, 0, 0, what, "nothing was stored") for what, so in bad.items() if so]
    if problems:
        raise InputError(problems)
    return values.with_columns(pl.col("quantile").fill_null(_NO_QUANTILE)).sort("valid_at", "variable", "place")


def _pieces(newest_first: Sequence[Any], since: int, until: int) -> Frame:
    """[since, until) cut up among the issues, each instant given to the newest that speaks of it."""
    left, pieces = [(since, until)], []
    for issue in newest_first:
        rest = []
        for start, end in left:
            low, high = max(start, issue.start_at), min(end, issue.until_at)
            if low >= high:
                rest.append((start, end))
                continue
            pieces.append((issue.id, issue.issued_at, low, high))
            rest += [part for part in ((start, low), (high, end)) if part[0] < part[1]]
        left = rest
        if not left:
            break
    names = ("issue", "issued_at", "since", "until")
    return pl.DataFrame(pieces, schema=dict.fromkeys(names, pl.Int64), orient="row")


def _issue(row: Row[Any]) -> ForecastIssue:
    return ForecastIssue(
        row.id, row.source, from_us(row.issued_at), from_us(row.received_at), from_us(row.start_at),
        from_us(row.until_at), row.digest, row.detail,
    )  # fmt: skip
