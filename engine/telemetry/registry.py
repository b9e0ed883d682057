"""What normalisation looks up: the inventory's series and the catalogue, as dense tables addressed by small numbers."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import polars as pl

from engine.catalogue import Catalogue, Property
from engine.units import Conversion, convertible

SERIES: Mapping[str, pl.DataType] = {
    "series": pl.Int32(),
    "asset": pl.String(),
    "type": pl.String(),
    "property": pl.String(),
    "zone": pl.Int32(),
    "gateway": pl.String(),
}
"""Columns of the series frame: one row a series; `gateway` is the broker identity that speaks for its asset."""

_SWITCH = {"true": 1.0, "false": 0.0}
_Entry = tuple[str, str, Property]


class Registry:
    """Built once for each inventory, from the catalogue and a frame with the columns SERIES.

    An asset answers to its id with and without the NGSI-LD prefix `urn:ngsi-ld:<type>:`, a property also to the aliases
    of the catalogue. Series of a type or property the catalogue does not know are left out.
    """

    def __init__(self, catalogue: Catalogue, series: pl.DataFrame) -> None:
        entries = [
            (kind, name, entry) for kind, model in catalogue.types.items() for name, entry in model.properties.items()
        ]
        self._types = _enum(catalogue.types)
        self._names = _enum(word for _, name, entry in entries for word in (name, *entry.aliases))
        self._units = _enum(unit for _, _, entry in entries for unit in convertible(entry.unit))
        self._words = _enum(word for _, _, entry in entries for word in _meanings(entry))
        self._specs = _specs(entries, self._units)
        self._spec_of = _spec_table(entries, self._types, self._names)
        self._conversions = _conversions(entries, self._units)
        self._meanings = _table(self._words, [_meanings(entry) for _, _, entry in entries])
        known = series.select(pl.col(name).cast(dtype) for name, dtype in SERIES.items())
        spellings = _spellings(_assets(known, entries, self._types))
        # A dict: joins and casts would hash the whole inventory again for each batch, however small.
        self._rows = {asset: row for row, asset in enumerate(spellings["asset"].to_list())}
        self._assets = spellings.select("known", "type_no", "owner", "base")
        self._series = self._slots(known)

    def _slots(self, series: pl.DataFrame) -> pl.DataFrame:
        """Series and zone by slot: each asset has one slot for each property of its type."""
        placed = series.select("series", "zone").with_columns(self._place(series)["slot"])
        known = placed.drop_nulls("slot").unique("slot", keep="first")
        every = pl.select(slot=pl.int_range(0, 1 + (known.select(pl.max("slot")).item() or 0)))
        return every.join(known, on="slot", how="left", maintain_order="left").select("series", "zone")

    def look_up(self, raw: pl.DataFrame) -> pl.DataFrame:
        """Beside each RAW row, null where there is none: whether the asset is known, and its owner (the gateway that
        speaks for it); series and zone; kind, ucum, low, high and wanted of the property, and least, down to which a
        value is taken for low; the conversion from the row's unit; the meaning of its text.
        """
        place = self._place(raw)
        spec = place["spec"]
        entry = self._specs.select(pl.all().gather(spec))
        given = _code(raw["unit"], self._units)
        unit = given.zip_with(raw["unit"].is_not_null(), entry["unit_no"])
        word = _code(raw["text"], self._words)
        return pl.concat(
            [
                place.select("known", "owner"),
                self._series.select(pl.all().gather(place["slot"])),
                entry.drop("unit_no"),
                self._conversions.select(pl.all().gather(_cell(spec, unit, self._units))),
                self._meanings.gather(_cell(spec, word, self._words)).alias("meaning").to_frame(),
            ],
            how="horizontal",
        )

    def _place(self, named: pl.DataFrame) -> pl.DataFrame:
        """Of rows with asset and property: type and owner of the asset, spec of the property, slot of both."""
        row = pl.Series(map(self._rows.get, named["asset"].to_list()), dtype=pl.Int64)
        asset = self._assets.select(pl.all().gather(row))
        name = _code(named["property"], self._names)
        spec = self._spec_of.gather(_cell(asset["type_no"], name, self._names)).alias("spec")
        return asset.with_columns(spec, (asset["base"] + spec).alias("slot"))


def _enum(words: Iterable[str]) -> pl.Enum:
    return pl.Enum(list(dict.fromkeys(words)))


def _code(texts: pl.Series, words: pl.Enum) -> pl.Series:
    """The number of each text among the words; null for a text that is none of them."""
    return texts.cast(words, strict=False).to_physical().cast(pl.Int64)


def _cell(row: pl.Series, column: pl.Series, columns: pl.Enum) -> pl.Series:
    """Where a dense table with one column for each word holds (row, column)."""
    return row.cast(pl.Int64) * len(columns.categories) + column


def _table(columns: pl.Enum, rows: Sequence[Mapping[str, float]]) -> pl.Series:
    """A dense table, row after row, null where a row has nothing for a word."""
    numbers = {word: number for number, word in enumerate(columns.categories)}
    cells = np.full((len(rows), len(numbers)), np.nan)
    for index, row in enumerate(rows):
        for word, value in row.items():
            cells[index, numbers[word]] = value
    return pl.Series(cells.ravel(), nan_to_null=True)


def _meanings(entry: Property) -> Mapping[str, float]:
    """What a text says of a choice (its index) or a switch; of a number, nothing."""
    if entry.kind == "choice":
        return {choice: float(index) for index, choice in enumerate(entry.choices)}
    return _SWITCH if entry.kind == "switch" else {}


def _specs(entries: list[_Entry], units: pl.Enum) -> pl.DataFrame:
    """One row for each property of each type, as it stands in the catalogue."""
    numbers = {unit: number for number, unit in enumerate(units.categories)}
    rows = [
        (
            entry.kind,
            entry.unit,
            entry.bounds[0] if entry.trace is None else entry.trace,
            *entry.bounds,
            ", ".join(entry.choices) or "true, false, 0, 1",
            numbers.get(entry.unit_in or entry.unit),
        )
        for _, _, entry in entries
    ]
    schema: dict[str, pl.DataType] = {
        "kind": pl.Enum(["number", "counter", "choice", "switch"]), "ucum": pl.String(), "least": pl.Float64(),
        "low": pl.Float64(), "high": pl.Float64(), "wanted": pl.String(), "unit_no": pl.Int64(),
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def _spec_table(entries: list[_Entry], types: pl.Enum, names: pl.Enum) -> pl.Series:
    """Row of `_specs` by type and property; a property's own name wins over another's alias."""
    rows: dict[str, dict[str, float]] = {kind: {} for kind in types.categories}
    for spec, (kind, _, entry) in enumerate(entries):
        rows[kind] |= dict.fromkeys(entry.aliases, spec)
    for spec, (kind, name, _) in enumerate(entries):
        rows[kind][name] = spec
    return _table(names, [rows[kind] for kind in types.categories]).cast(pl.Int64)


def _conversions(entries: list[_Entry], units: pl.Enum) -> pl.DataFrame:
    """Numerator, denominator and offset by spec and unit; null where the unit is not of the property's quantity."""
    how = [convertible(entry.unit) for _, _, entry in entries]
    return pl.DataFrame(
        {
            part: _table(units, [{unit: one[index] for unit, one in row.items()} for row in how])
            for index, part in enumerate(Conversion._fields)
        }
    )


def _assets(series: pl.DataFrame, entries: list[_Entry], types: pl.Enum) -> pl.DataFrame:
    """Each asset with its type_no, owner, and base, which added to the spec of a property gives the slot of both."""
    kinds = [kind for kind, _, _ in entries]
    widths = pl.DataFrame(
        {
            "first": [kinds.index(kind) if kind in kinds else 0 for kind in types.categories],
            "width": [kinds.count(kind) for kind in types.categories],
        }
    )
    assets = series.unique("asset", keep="first", maintain_order=True)
    type_no = _code(assets["type"], types).alias("type_no")
    width = widths.select(pl.all().gather(type_no))
    base = width["width"].fill_null(0).cum_sum() - width["width"] - width["first"]
    return assets.select("asset", "type", owner="gateway", known=pl.lit(value=True)).with_columns(
        type_no, base.alias("base")
    )


def _spellings(assets: pl.DataFrame) -> pl.DataFrame:
    """Each asset under its id, and with and without the NGSI-LD prefix; an id wins over another's spelling."""
    prefix = pl.format("urn:ngsi-ld:{}:", "type")
    long = assets.with_columns(pl.concat_str(prefix, "asset").alias("asset"))
    short = assets.filter(pl.col("asset").str.starts_with(prefix)).with_columns(
        pl.col("asset").str.strip_prefix(prefix)
    )
    return pl.concat([assets, long, short]).unique("asset", keep="first", maintain_order=True)
