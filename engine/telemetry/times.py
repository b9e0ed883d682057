"""Timestamps in columns: RFC 3339 and its everyday variants to microseconds since 1970."""

import polars as pl

# RFC 3339, where minutes, seconds and the colon of the offset may be left out, as in 2022-11-01T03Z.
_LOCAL = r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}(?::?\d{2}(?::?\d{2}(?:[.,]\d+)?)?)?"
_AWARE = rf"^{_LOCAL}(?:[Zz]|[+-]\d{{2}}(?::?\d{{2}})?)$"
_NAIVE = rf"^(?:{_LOCAL}|\d{{4}}-\d{{2}}-\d{{2}})$"


def microseconds(texts: pl.Series) -> pl.Series:
    """Int64 microseconds since 1970-01-01T00:00Z; null for what is no instant (no offset, 30 February, other text)."""
    aware = texts.set(~texts.str.contains(_AWARE), None)
    at = _parse(aware)
    rest = (at.is_null() & aware.is_not_null()).arg_true()
    return at if rest.is_empty() else at.scatter(rest, _parse(_written_out(aware.gather(rest))))


def naive(texts: pl.Expr) -> pl.Expr:
    """Whether a text is a date and time that lacks only the offset."""
    return texts.str.contains(_NAIVE).fill_null(value=False)


def _parse(texts: pl.Series) -> pl.Series:
    # A cache of parsed texts costs more than it saves: instants of a batch rarely repeat.
    return texts.str.to_datetime("%+", time_unit="us", strict=False, cache=False).cast(pl.Int64)


def _written_out(texts: pl.Series) -> pl.Series:
    """The same instants with minutes, seconds and both halves of the offset."""
    parts = texts.str.extract_groups(
        r"^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}):?(\d{2})?:?(\d{2})?(?:[.,](\d{1,9})\d*)?([Zz]|[+-]\d{2}):?(\d{2})?$"
    ).struct
    day, hour, minute, second, fraction, offset, minutes = (parts.field(str(n)) for n in range(1, 8))
    frame = pl.DataFrame([day, hour, minute, second, fraction, offset, minutes])
    late = (
        pl.when(pl.col("6").str.to_uppercase() == "Z")
        .then(pl.lit("+00:00"))
        .otherwise(pl.format("{}:{}", "6", pl.col("7").fill_null("00")))
    )
    return frame.select(
        pl.format(
            "{}T{}:{}:{}.{}{}", "1", "2", pl.col("3").fill_null("00"), pl.col("4").fill_null("00"),
            pl.col("5").fill_null("0"), late,
        )
    ).to_series()  # fmt: skip
