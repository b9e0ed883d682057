"""Normalisation: RAW rows to readings of known series in the catalogue's unit, every other row with its reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from engine.instants import isoformat, to_us
from engine.model import Reason
from engine.telemetry.raw import RAW, complete
from engine.telemetry.registry import Registry
from engine.telemetry.times import microseconds, naive

__all__ = ["ACCEPTED", "RAW", "REFUSED", "Normalised", "Registry", "normalise"]

ACCEPTED: Mapping[str, pl.DataType] = {
    "series": pl.Int32(), "zone": pl.Int32(), "observed_at": pl.Int64(), "value": pl.Float64(),
}  # fmt: skip
REFUSED: Mapping[str, pl.DataType] = {
    "asset": pl.String(), "property": pl.String(), "reason": pl.String(), "detail": pl.String(), "raw": pl.String(),
}  # fmt: skip

_TEXT_LIMIT = 1_000
_TOLERANCE = 1e-9  # of the range: what conversion may round away at a bound


@dataclass(frozen=True, slots=True)
class Normalised:
    """Columns ACCEPTED (observed_at in µs since 1970) and REFUSED (reason one of `Reason`), each in order of arrival.

    Their heights add up to that of the RAW frame. Duplicates are the store's to find.
    """

    accepted: pl.DataFrame
    refused: pl.DataFrame


def normalise(raw: pl.DataFrame, registry: Registry, *, received_at: datetime, skew: timedelta) -> Normalised:
    """Judge each row; of several things wrong with it the first in this order is its reason.

    malformed, unknown_asset, wrong_gateway, unknown_property, no_time, naive_time, future (after received_at + skew),
    unknown_unit, not_a_number, unknown_choice, out_of_range (after conversion).
    """
    frame = complete(raw)
    latest = received_at + skew
    rows = pl.concat([frame, registry.look_up(frame)], how="horizontal").with_columns(
        microseconds(frame["observed_at"]).alias("at"), _VALUE
    )
    rows = rows.with_columns(_reason(to_us(latest)))
    good = rows["reason"].is_null()
    if good.all():
        return Normalised(rows.select(_ACCEPTED), pl.DataFrame(schema=dict(REFUSED)))
    return Normalised(rows.filter(good).select(_ACCEPTED), _explain(rows.filter(~good), latest))


_NUMERIC = pl.col("kind").is_in(["number", "counter"])
_CONVERTED = pl.col("number") * pl.col("numerator") / pl.col("denominator") + pl.col("offset")
_VALUE = (
    pl.when(_NUMERIC)
    .then(_CONVERTED)
    .when(pl.col("kind") == "switch")
    .then(pl.coalesce("meaning", "number"))
    .otherwise("meaning")
    .alias("value")
)
_REASONS = pl.Enum([reason.value for reason in Reason])
_ACCEPTED = (
    pl.col("series"),
    pl.col("zone"),
    pl.col("at").alias("observed_at"),
    pl.col("value").clip("low", "high"),
)


def _reason(latest_us: int) -> pl.Expr:
    """The first reason whose test holds; null for a good row."""
    future = _said(Reason.FUTURE, pl.col("at") > latest_us)
    return pl.coalesce(*_BEFORE_FUTURE, future, *_AFTER_FUTURE).alias("reason")


def _said(reason: Reason, test: pl.Expr) -> pl.Expr:
    return pl.when(test).then(pl.lit(reason.value, _REASONS))


_SLACK = (pl.col("high") - pl.col("low")) * _TOLERANCE
_NO_NUMBER = pl.col("number").is_null() | ~pl.col("number").is_finite()
_NO_SWITCH = (pl.col("kind") == "switch") & ~pl.col("value").is_in([0.0, 1.0])
# Built once: an expression costs more to write down than to work out over a small batch.
_BEFORE_FUTURE = (
    _said(
        Reason.MALFORMED,
        pl.col("fault").is_not_null() | pl.col("asset").is_null() | pl.col("property").is_null(),
    ),
    _said(Reason.UNKNOWN_ASSET, pl.col("known").is_null()),
    _said(Reason.WRONG_GATEWAY, pl.col("gateway").is_not_null() & pl.col("gateway").ne_missing(pl.col("owner"))),
    _said(Reason.UNKNOWN_PROPERTY, pl.col("series").is_null()),
    _said(Reason.NO_TIME, pl.col("at").is_null()),  # `_explain` tells naive ones apart, where few rows are left
)
_AFTER_FUTURE = (
    _said(Reason.UNKNOWN_UNIT, pl.col("numerator").is_null()),
    _said(
        Reason.NOT_A_NUMBER,
        _NO_NUMBER & (_NUMERIC | ((pl.col("kind") == "switch") & pl.col("text").is_null())),
    ),
    _said(Reason.UNKNOWN_CHOICE, ~_NUMERIC & (pl.col("value").is_null() | _NO_SWITCH)),
    _said(Reason.OUT_OF_RANGE, ~pl.col("value").is_between(pl.col("least") - _SLACK, pl.col("high") + _SLACK)),
)


def _explain(rows: pl.DataFrame, latest: datetime) -> pl.DataFrame:
    """The refused rows as they are stored, each with the value found and the value wanted."""
    told = rows.with_columns(
        pl.when((pl.col("reason") == Reason.NO_TIME.value) & naive(pl.col("observed_at")))
        .then(pl.lit(Reason.NAIVE_TIME.value, _REASONS))
        .otherwise("reason")
        .alias("reason")
    ).with_columns(_detail(latest))
    fields = ("asset", "property", pl.coalesce("text", _shown("number")), "unit", "observed_at")
    return told.select(
        _storable("asset"),
        _storable("property"),
        pl.col("reason").cast(pl.String),
        _storable("detail"),
        _storable(pl.coalesce("raw", pl.concat_str(fields, separator=",", ignore_nulls=True)).alias("raw")),
    )


def _detail(latest: datetime) -> pl.Expr:
    asset, name = _quoted("asset"), _quoted("property")
    value = pl.coalesce(_quoted("text", missing=None), _shown("number"), pl.lit("null"))
    unit, at = _quoted("unit"), _quoted("observed_at")
    said = {
        Reason.MALFORMED: pl.coalesce(
            "fault", pl.format("found asset {} and property {}, wanted text for both", asset, name)
        ),
        Reason.UNKNOWN_ASSET: pl.format("found asset {}, wanted one of the inventory", asset),
        Reason.WRONG_GATEWAY: pl.format(
            "found gateway {}, wanted {}",
            _quoted("gateway"),
            _quoted("owner", missing="none, as no gateway speaks for it"),
        ),
        Reason.UNKNOWN_PROPERTY: pl.format("found property {}, wanted one the catalogue gives the asset's type", name),
        Reason.NO_TIME: pl.format("found time {}, wanted RFC 3339 as 2026-11-22T22:40:00Z", at),
        Reason.NAIVE_TIME: pl.format("found time {}, wanted an offset after it, as Z or +01:00", at),
        Reason.FUTURE: pl.format("found time {}, wanted {} at the latest", at, pl.lit(isoformat(latest))),
        Reason.UNKNOWN_UNIT: pl.format("found unit {}, wanted {} or one of the same quantity", unit, _quoted("ucum")),
        Reason.NOT_A_NUMBER: pl.format("found {}, wanted a finite number", value),
        Reason.UNKNOWN_CHOICE: pl.format("found {}, wanted one of: {}", value, pl.col("wanted")),
        Reason.OUT_OF_RANGE: pl.format(
            "found {} (unit '{}'), wanted {} to {}", _shown("value"), pl.col("ucum"), _shown("low"), _shown("high")
        ),
    }
    texts = (pl.when(pl.col("reason") == reason.value).then(text) for reason, text in said.items())
    line = pl.when(pl.col("line").is_not_null()).then(pl.format("line {}: ", "line")).otherwise(pl.lit(""))
    return pl.concat_str(line, pl.coalesce(texts)).alias("detail")


def _quoted(column: str, missing: str | None = "null") -> pl.Expr:
    return pl.when(pl.col(column).is_not_null()).then(pl.format("'{}'", column)).otherwise(pl.lit(missing, pl.String))


def _shown(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String)


def _storable(text: str | pl.Expr) -> pl.Expr:
    """Cut to size and without NUL, which PostgreSQL cannot hold: a refused text must not refuse its own storing."""
    column = pl.col(text) if isinstance(text, str) else text
    return column.str.slice(0, _TEXT_LIMIT).str.replace_all("\0", "\ufffd", literal=True)
