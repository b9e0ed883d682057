"""JSON payloads: our own {"asset", "property", "value", "unit"?, "observed_at"}, and NGSI entities.

A payload holds one reading, a list of them, or {"observed_at": …, "readings": […]}, where what is said beside
"readings" holds for each that does not say otherwise.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
import polars as pl

from engine.catalogue import Catalogue
from engine.telemetry import ngsild
from engine.telemetry.raw import raw_frame


class Fault(NamedTuple):
    """Why there is no reading."""

    why: str


@dataclass(slots=True)
class _Rows:
    readings: list[dict[str, Any]] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    fault: list[str | None] = field(default_factory=list)
    origin: list[int] = field(default_factory=list)

    def add(self, reading: dict[str, Any] | Fault, raw: str, origin: int) -> None:
        fault = reading.why if isinstance(reading, Fault) else None
        self.readings.append({} if isinstance(reading, Fault) else reading)
        self.fault.append(fault)
        self.raw.append(raw)
        self.origin.append(origin)


def parse_lines(data: bytes, first_line: int = 1, catalogue: Catalogue | None = None) -> pl.DataFrame:
    """JSON lines as a RAW frame; blank lines are skipped. A bad line is one malformed row and harms no other."""
    lines: list[bytes] = data.splitlines()
    numbers: Sequence[int] = range(first_line, first_line + len(lines))
    if not all(lines) or any(map(bytes.isspace, lines)):
        numbers = [number for number, line in zip(numbers, lines, strict=True) if line.strip()]
        lines = [line for line in lines if line.strip()]
    return parse_payloads(lines, catalogue=catalogue, line=numbers)


def parse_payloads(
    payloads: Sequence[bytes], *, catalogue: Catalogue | None = None, **beside: Sequence[Any]
) -> pl.DataFrame:
    """Payloads as one RAW frame, in order. `beside` gives columns (line, gateway) with one value for each payload.

    Entities need the catalogue, which says what of them is a reading; without it they are malformed.
    """
    try:
        documents = list(map(orjson.loads, payloads))
    except orjson.JSONDecodeError:
        documents = list(map(load, payloads))
    if _plain(documents):
        return raw_frame(documents, raw=list(map(bytes.decode, payloads)), **beside)
    rows = _Rows()
    for origin, (document, payload) in enumerate(zip(documents, payloads, strict=True)):
        for reading, raw in readings_of(document, payload, catalogue):
            rows.add(reading, raw, origin)
    spread = {name: [values[origin] for origin in rows.origin] for name, values in beside.items()}
    return raw_frame(rows.readings, raw=rows.raw, fault=rows.fault, **spread)


def _plain(documents: list[Any]) -> bool:
    """Whether each is one reading of ours, which needs no taking apart."""
    if set(map(type, documents)) != {dict}:
        return False
    # A set of answers is twice as fast as all() over a generator.
    return {"asset" in document for document in documents} == {True} != {"readings" in one for one in documents}


def load(text: bytes) -> Any:
    """The JSON value, NaN and Infinity let through to be refused as numbers; a Fault for what is no JSON."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        fault = Fault(f"not JSON: {error}")
    try:
        value = json.loads(text.decode())
        orjson.dumps(value)  # refuses lone surrogates and integers beyond 64 bits, which no column can hold
    except (ValueError, TypeError, RecursionError):
        return fault
    return value


def readings_of(
    document: Any, payload: bytes, catalogue: Catalogue | None
) -> Iterator[tuple[dict[str, Any] | Fault, str]]:
    """Each reading of one payload, or a Fault in the place of one, with its own text."""
    if isinstance(document, Fault):
        yield document, _readable(payload)
    elif ngsild.is_entity(document):
        for entity in ngsild.entities_of(document):
            yield from _of_entity(entity, catalogue)
    elif isinstance(document, dict) and "readings" in document:
        yield from _of_header(document)
    elif isinstance(document, list):
        for item in document:
            yield from _of_item(item)
    else:
        yield from _of_item(document)


def _of_entity(entity: Any, catalogue: Catalogue | None) -> Iterator[tuple[dict[str, Any] | Fault, str]]:
    raw = _written(entity)
    if catalogue is None:
        yield Fault("found an NGSI entity, wanted a reading with asset, property, value and observed_at"), raw
        return
    readings = ngsild.readings_of(entity, catalogue)
    if readings is None:
        yield Fault("found an entity without id or of a type that is not in the catalogue"), raw
    else:
        yield from ((reading, raw) for reading in readings)


def _of_header(document: dict[str, Any]) -> Iterator[tuple[dict[str, Any] | Fault, str]]:
    header = {key: value for key, value in document.items() if key != "readings"}
    if not isinstance(document["readings"], list):
        yield Fault('found "readings" that is not a list'), _written(document)
        return
    for item in document["readings"]:
        yield from _of_item(header | item if isinstance(item, dict) else item)


def _of_item(item: Any) -> Iterator[tuple[dict[str, Any] | Fault, str]]:
    if isinstance(item, dict):
        yield item, _written(item)
    else:
        yield (
            Fault(f"found {type(item).__name__} {_written(item)[:80]}, wanted an object with asset and property"),
            _written(item),
        )


def _written(value: Any) -> str:
    return orjson.dumps(value).decode()


def _readable(payload: bytes) -> str:
    return payload.decode(errors="replace")
