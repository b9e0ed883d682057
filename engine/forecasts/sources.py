"""Where forecasts come from and how their files are read: the models of `rules/forecasts.yaml`."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, model_validator

from engine.documents import Document, Key, read_document
from engine.errors import InputError, Problem
from engine.forecasts.paths import EACH, parse_path
from engine.instants import in_us
from engine.rulebook.fields import Fact, Identifier, Positive
from engine.rulebook.naming import nearest
from engine.units import Conversion, alternatives, convertible, is_unit, spelled

FORECASTS = "forecasts.yaml"
RECEIPT = "receipt"
_DAY = timedelta(days=1)


def _network(text: str) -> str:
    ip_network(text)
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ValueError, OSError, LookupError):
        raise ValueError("wants a zone of the IANA data base, as Europe/Paris or UTC") from None
    return text


def _step(step: timedelta) -> timedelta:
    if in_us(_DAY) % in_us(step) or step % timedelta(minutes=1):
        raise ValueError("wants whole minutes that divide a day, as 15min, 1h or 3h")
    return step


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Quantile = Annotated[float, Field(gt=0, lt=1)]
Where = Annotated[str, Field(min_length=1, max_length=400)]
"""Where something stands: the head of a column (CSV), or a path from the root (JSON)."""


class Secret(_Entry):
    """A header that says who we are; its value is the first line of `file`."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")]
    file: Path


class Variable(_Entry):
    """What is foretold, in `unit` (UCUM). A value outside `range` refuses its issue.

    `unit_in` is the unit of the data, the same unless given; `code` what the data call it. `stamp: end` where the data
    name a slot by its end, as sums over the hour before.
    """

    unit: str
    unit_in: str | None = None
    range: tuple[float, float]
    code: str | None = None
    stamp: Literal["start", "end"] = "start"

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if not is_unit(self.unit):
            raise ValueError(f"unit: {self.unit} is no unit known here")
        if self.range[0] >= self.range[1]:
            raise ValueError("range wants the lower bound first")
        if self.unit_in is not None and self.unit_in not in convertible(self.unit):
            wanted = ", ".join(alternatives(self.unit))
            raise ValueError(f"unit_in: {self.unit_in} cannot be turned into {spelled(self.unit)} → one of {wanted}")
        return self

    @property
    def conversion(self) -> Conversion:
        return convertible(self.unit)[self.unit_in or self.unit]


class Reading(_Entry):
    """Where the values of one table stand. `rows` (JSON) is the list that has an item a row. A value holds until
    `until`, or so long as it `lasts`: one slot unless given.

    Wide: `values`, variable → where; or `members`, variable → where with a *, whose quantiles are taken. Long: `value`,
    with `variable` unless there is one only, and `quantile` if there is one.
    """

    rows: Where | None = None
    valid_at: Where
    until: Where | None = None
    lasts: Positive | None = None
    place: Where | None = None
    variable: Where | None = None
    quantile: Where | None = None
    value: Where | None = None
    values: Mapping[Fact, Where] = {}
    members: Mapping[Fact, Where] = {}

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        wide = bool(self.values or self.members)
        if wide == (self.value is not None):
            raise ValueError("wants value, or values and members")
        if wide and (self.variable or self.quantile):
            raise ValueError("variable and quantile go with value")
        if self.until is not None and self.lasts is not None:
            raise ValueError("wants until or lasts")
        return self

    @property
    def named(self) -> dict[str, str]:
        """What → where it stands, of all that stands somewhere once a row."""
        ones = ("valid_at", "until", "place", "variable", "quantile", "value")
        told = {name: getattr(self, name) for name in ones if getattr(self, name) is not None}
        return told | {f"values.{name}": where for name, where in self.values.items()}


class Source(_Entry):
    """One source of forecasts. An issue is stale when it was issued longer than `max_age` ago.

    step: width of the slots. horizon: how far beyond its issue every series must reach. issued_at: where it stands in
    the data, or `receipt`. place: of all values, where the data name none; places: their name → ours, of those wanted.
    time_zone: of times without an offset. time_format: of strptime, or `unix` (s); RFC 3339 unless given.
    overlap: `highest` lets periods overlap and end within a slot, the highest value counts. quantiles: of the members.
    """

    format: Literal["json", "csv"]
    file: Path | None = None
    url: str | None = None
    networks: tuple[Annotated[str, AfterValidator(_network)], ...] = ()
    plain: StrictBool = False
    header: Secret | None = None
    max_age: Positive
    step: Annotated[Positive, AfterValidator(_step)]
    horizon: Positive
    issued_at: Where = RECEIPT
    time_zone: Annotated[str, AfterValidator(_zone)] | None = None
    time_format: Annotated[str, Field(min_length=1, max_length=60)] | None = None
    place: Identifier | None = None
    places: Mapping[str, Identifier] = {}
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    decimal: Literal[".", ","] = "."
    overlap: Literal["refused", "highest"] = "refused"
    quantiles: Annotated[tuple[Quantile, ...], Field(max_length=99)] = ()
    read: Annotated[tuple[Reading, ...], Field(min_length=1, max_length=8)]
    variables: Mapping[Fact, Variable] = Field(min_length=1)

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if (self.file is None) == (self.url is None):
            raise ValueError("wants file or url")
        parts = urlsplit(self.url or "")
        if self.url is not None and parts.scheme != "https" and not (self.plain and parts.scheme == "http"):
            raise ValueError("url wants https://HOST/…, or plain: true for http")
        if not all("!" <= letter <= "~" for letter in self.url or ""):
            raise ValueError("url wants plain letters: write others, and blanks, as %C3%A9 or %20")
        if parts.port == 0:  # one that is no port at all raises here
            raise ValueError("url wants another port")
        if self.url is not None and (not parts.hostname or parts.username is not None):
            raise ValueError("url wants a host, and no name or password before it")
        return self

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if any(reading.place is None for reading in self.read) and self.place is None:
            raise ValueError("wants a place: of all values, or where it stands in the data")
        if any(reading.members for reading in self.read) != bool(self.quantiles):
            raise ValueError("members and quantiles go together")
        if self.delimiter == self.decimal:
            raise ValueError("delimiter and decimal want to be two characters")
        return self


class Sources(_Entry):
    """Every source of a site, by name."""

    sources: Mapping[Identifier, Source] = {}


def site_sources(rules_dir: Path) -> dict[str, Source]:
    """The sources of a site; none without a file of them. Raises InputError with every problem of it."""
    path = rules_dir / FORECASTS
    return load_sources(path) if path.exists() else {}


def load_sources(path: Path) -> dict[str, Source]:
    """Read and check a file of sources. Raises InputError with every problem and its place."""
    document = read_document(path)
    found = document.validate(Sources)
    problems = list(_problems(document, found, path.parent))
    if problems:
        raise InputError(problems)
    return dict(found.sources)


def _problems(document: Document, found: Sources, folder: Path) -> Iterator[Problem]:
    for name, source in found.sources.items():
        at = ("sources", name)
        if source.header is not None and not (folder / source.header.file).is_file():
            what = f"there is no file {folder / source.header.file}"
            yield document.problem((*at, "header", "file"), what, "write the key into it")
        yield from _codes(document, at, source)
        for number, reading in enumerate(source.read):
            yield from _reading(document, (*at, "read", number), source, reading)


def _codes(document: Document, at: tuple[Key, ...], source: Source) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for name, variable in source.variables.items():
        first = seen.setdefault(variable.code or name, name)
        if first != name:
            where = (*at, "variables", name, "code")
            yield document.problem(where, f"the data call {first} by the same code", "keep one of the two")


def _reading(document: Document, at: tuple[Key, ...], source: Source, reading: Reading) -> Iterator[Problem]:
    for key, told in (("values", reading.values), ("members", reading.members)):
        for name in told:
            if name not in source.variables:
                hint = nearest(name, source.variables)
                yield document.problem((*at, key, name), f"{name} is no variable of this source", hint)
    if reading.value and not reading.variable and len(source.variables) > 1:
        yield document.problem((*at, "value"), "does not say of which variable", "give variable: where it stands")
    if source.format == "csv":
        if reading.rows or reading.members:
            key = "rows" if reading.rows else "members"
            yield document.problem((*at, key), f"{key} is for JSON", "take it away: each line is a row")
        return
    yield from _paths(document, at, reading)


def _paths(document: Document, at: tuple[Key, ...], reading: Reading) -> Iterator[Problem]:
    if reading.rows is None:
        yield document.problem(at, "'rows' is missing", "the list with an item a row, as hourly.time[]")
        return
    if not reading.rows.endswith("[]"):
        yield document.problem((*at, "rows"), "does not end with []", "name the list itself")
        return
    told = {("rows",): reading.rows} | {tuple(name.split(".")): where for name, where in reading.named.items()}
    told |= {("members", name): where for name, where in reading.members.items()}
    depth = reading.rows.count("[]")
    for key, where in told.items():
        try:
            keys = parse_path(where)
        except ValueError as error:
            yield document.problem((*at, *key), str(error), "write it as hourly.temperature_2m[]")
            continue
        if keys.count(EACH) > depth:
            yield document.problem((*at, *key), f"has more [] than rows, {reading.rows}", "go no deeper than rows")
        elif (key[0] == "members") != any("*" in name for name in keys if name):
            yield document.problem((*at, *key), "a * is for members, and they want one", "as hourly.rain_member*[]")
