"""What a TALQ body must look like: a part of the standard typed by hand, and the whole of it where it is at hand.

TALQ Smart City Protocol 2.7.1, OpenAPI data model (github.com/TALQ-consortium/TALQ_specification, BSD-3-Clause).
"""

from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema
import orjson
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_TIME = {"type": "string", "format": "time"}
_DATE = {"type": "string", "format": "date"}
_INSTANT = {"type": "string", "format": "date-time"}


def _object(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    properties = {**required, **optional}
    return {"type": "object", "required": list(required), "properties": properties, "additionalProperties": False}


_STATE = _object({"name": {"const": "LevelState"}, "value": {"type": "integer", "minimum": 0, "maximum": 100}})
_REFERENCE = _object({"resource": {"enum": ["devices", "groups", "calendars"]}, "address": {"type": "string"}})
_PERIOD = _object({"name": {"const": "AbsoluteActivePeriod"}, "startTime": _TIME, "endTime": _TIME})
_CONTROL = _object({"startTime": _TIME, "command": _object({"state": _STATE})})
_COMMAND = _object(
    {"state": _STATE},
    reason={"enum": ["default", "override", "sensor", "program"]},
    cmsRefId=_TEXT, refAddress=_TEXT, start=_INSTANT, expiration=_INSTANT,
)  # fmt: skip

SUBSET: dict[str, dict[str, Any]] = {
    "OverrideCommand": _object(
        {"addresses": {"type": "array", "minItems": 1, "items": _REFERENCE}}, targetCommand=_COMMAND
    ),
    "AssignCommand": _object(
        {"addresses": {"type": "array", "minItems": 1, "items": _REFERENCE}, "entity": _REFERENCE}, cmsRefId=_TEXT
    ),
    "ControlProgram": _object(
        {
            "type": {"const": "ControlProgramOne"}, "id": _TEXT, "ownerCMS": _TEXT,
            "activePeriods": {"type": "array", "items": _PERIOD},
            "fixedTimeControls": {"type": "array", "minItems": 1, "items": _CONTROL},
        }
    ),
    "Calendar": _object(
        {"id": _TEXT, "ownerCMS": _TEXT},
        rules={"type": "array", "items": _object({"program": _TEXT}, startDate=_DATE, endDate=_DATE)},
        defaultProgram=_TEXT,
    ),
}  # fmt: skip


def _aware(text: str) -> datetime:
    if (at := datetime.fromisoformat(text)).tzinfo is None:
        raise ValueError(f"{text} has no offset")
    return at


_FORMATS = jsonschema.FormatChecker(())
_READS = {"date-time": _aware, "date": date.fromisoformat, "time": time.fromisoformat, "uuid": UUID}
for _name, _read in _READS.items():
    _FORMATS.checks(_name, raises=ValueError)(lambda text, read=_read: not isinstance(text, str) or read(text) != "")


class Standard:
    """The whole data model; what a discriminator names is checked as what it names."""

    def __init__(self, reference: Path) -> None:
        model = orjson.loads((reference / "payloads" / "talq" / "talq-data-model-2-7-1.json").read_bytes())
        self._names = set(model["components"]["schemas"])
        self._registry = Registry().with_resource("urn:talq", Resource(model, DRAFT7))

    def check(self, kind: str, body: Any) -> None:
        schema = {"$ref": f"urn:talq#/components/schemas/{kind}"}
        jsonschema.Draft7Validator(schema, registry=self._registry, format_checker=_FORMATS).validate(body)
        parts = body.values() if isinstance(body, dict) else body if isinstance(body, list) else ()
        for part in parts:
            for name in self._named(part):
                self.check(name, part)
            if isinstance(part, dict | list):
                self._descend(part)

    def _descend(self, part: Any) -> None:
        for inner in part.values() if isinstance(part, dict) else part:
            for name in self._named(inner):
                self.check(name, inner)
            if isinstance(inner, dict | list):
                self._descend(inner)

    def _named(self, part: Any) -> list[str]:
        return [str(part[key]) for key in ("name", "type") if isinstance(part, dict) and part.get(key) in self._names]


def check(kind: str, body: Any, standard: Standard | None) -> None:
    """Raises jsonschema.ValidationError."""
    jsonschema.Draft7Validator(SUBSET[kind], format_checker=_FORMATS).validate(body)
    if standard is not None:
        standard.check(kind, body)
        if kind == "ControlProgram":
            standard.check(body["type"], body)
