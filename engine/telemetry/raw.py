"""RAW frames: readings as they came, one row each, before anything is believed."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

RAW: Mapping[str, pl.DataType] = {
    "asset": pl.String(),
    "property": pl.String(),
    "number": pl.Float64(),
    "text": pl.String(),
    "unit": pl.String(),
    "observed_at": pl.String(),
    "gateway": pl.String(),
    "raw": pl.String(),
    "line": pl.Int64(),
    "fault": pl.String(),
}
"""Columns of a RAW frame. `number` or `text` holds the value, true and false are text. `gateway` is who sent it, null
for a trusted file. `raw` is the original text, kept for what gets refused. `fault` says why a row is malformed."""


_NUMBERS = frozenset({int, float})


def empty() -> pl.DataFrame:
    return pl.DataFrame(schema=dict(RAW))


def complete(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with every RAW column in order, absent ones null."""
    return frame.select(
        pl.col(name).cast(dtype) if name in frame.columns else pl.lit(None, dtype).alias(name)
        for name, dtype in RAW.items()
    )


def raw_frame(readings: Sequence[Mapping[str, Any]], **beside: Sequence[Any]) -> pl.DataFrame:
    """A RAW frame of parsed objects with the keys asset, property, value, unit, observed_at; `beside` adds columns.

    An asset or property that is not text counts as absent. Any other value of a wrong type becomes text, which
    normalisation refuses with the reason that fits.
    """
    if not readings:
        return empty()
    number, text = _split([reading.get("value") for reading in readings])
    frame = pl.DataFrame(
        {
            **{key: _names([reading.get(key) for reading in readings]) for key in ("asset", "property")},
            "number": number,
            "text": text,
            **{key: _texts([reading.get(key) for reading in readings]) for key in ("unit", "observed_at")},
            **{key: pl.Series(key, values, dtype=RAW[key]) for key, values in beside.items()},
        }
    )
    return complete(frame)


def _split(values: list[Any]) -> tuple[pl.Series, pl.Series]:
    """Numbers to one side, everything else as text to the other. A JSON true is no number, though Python says so."""
    kinds = set(map(type, values))
    if kinds <= _NUMBERS:
        return pl.Series(values, dtype=pl.Float64), pl.Series([None], dtype=pl.String).new_from_index(0, len(values))
    numbers = [value if type(value) in _NUMBERS else None for value in values]
    texts = _texts([None if type(value) in _NUMBERS else value for value in values])
    return pl.Series(numbers, dtype=pl.Float64), texts


def _names(values: list[Any]) -> pl.Series:
    if not set(map(type, values)) <= {str}:
        values = [value if isinstance(value, str) else None for value in values]
    return pl.Series(values, dtype=pl.String)


def _texts(values: list[Any]) -> pl.Series:
    if not set(map(type, values)) <= {str, type(None)}:
        values = [_text(value) for value in values]
    return pl.Series(values, dtype=pl.String)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else repr(value)
