"""The JSON Schema of a rule file, for editors: the shape alone, from the models that read the files."""

import json
from collections.abc import Iterable
from typing import Any

from pydantic.json_schema import models_json_schema

from engine.catalogue import Catalogue
from engine.rulebook.definitions import Blueprint, Derived, RuleDefinition, RuleFile, Table

_ID = "https://consigne.example/rules/schema.json"
_MODELS = (RuleFile, RuleDefinition, Table, Derived, Blueprint)
_NEVER = "PT0S"  # as pydantic writes a duration of nothing


def rules_schema(catalogue: Catalogue | None = None) -> dict[str, Any]:
    """JSON Schema, draft 2020-12, of `rules/<domain>/*.yaml`; with a catalogue, its asset types and points by name.

    A rule is plain, or has a table, or uses a blueprint. What expressions mean, `consigne rules check` tells.
    """
    _, schema = models_json_schema([(model, "validation") for model in _MODELS], by_alias=True)
    parts: dict[str, Any] = _plain(schema["$defs"])
    file: dict[str, Any] = parts.pop("RuleFile")
    plain = parts["RuleDefinition"]
    parts["TableRule"] = _without(plain, {"when", "then"}, {"table": _of("Table")}, required=["table"])
    parts["UsingRule"] = _without(plain, {*plain["required"]}, _USE | plain["properties"], required=["use"])
    parts["UsingRule"]["properties"]["table"] = _of("Table")
    parts["Rule"] = {
        "if": {"type": "object", "required": ["use"]},
        "then": _of("UsingRule"),
        "else": {
            "if": {"type": "object", "required": ["table"]},
            "then": _of("TableRule"),
            "else": _of("RuleDefinition"),
        },
    }
    file["properties"]["rules"]["items"] = _of("Rule")
    file["properties"]["derive"]["additionalProperties"] = _of("Derived")
    file["properties"]["blueprints"]["additionalProperties"] = _of("Blueprint")
    if catalogue is not None:
        _name(parts, catalogue)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": _ID, "title": "Rules of Consigne"}
    return {**head, **file, "$defs": parts}


def schema_text(catalogue: Catalogue | None = None) -> str:
    """The schema as a file holds it: the same models give the same bytes."""
    return json.dumps(rules_schema(catalogue), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


_USE: dict[str, Any] = {
    "use": {"type": "string", "description": "the blueprint whose rule this is; what stands here goes before it"},
    "with": {
        "type": "object",
        "description": "a word, or a number with its unit, for each parameter of the blueprint",
        "additionalProperties": {"type": ["string", "number", "boolean"]},
    },
}


def _of(part: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{part}"}


def _without(
    rule: dict[str, Any], dropped: set[str], added: dict[str, Any], *, required: Iterable[str]
) -> dict[str, Any]:  # fmt: skip
    """A rule of which something need not be said, and something else must."""
    properties = {key: value for key, value in rule["properties"].items() if key not in dropped} | added
    wanted = [key for key in rule["required"] if key not in dropped]
    return rule | {"properties": properties, "required": [*wanted, *required]}


def _plain(schema: Any) -> Any:
    """Without titles, which repeat the names of keys, and with durations written as ours are."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if not (key == "title" and isinstance(value, str))}
    return {key: "0 s" if value == _NEVER and key == "default" else _plain(value) for key, value in kept.items()}


def _name(parts: dict[str, Any], catalogue: Catalogue) -> None:
    types = sorted(catalogue.types)
    points = sorted({point for entry in catalogue.types.values() for point in entry.points})
    parts["ForEach"]["properties"]["type"] = {"anyOf": [{"enum": types}, {"type": "null"}], "default": None}
    parts["Derived"]["properties"]["type"] = {"enum": types}
    parts["TypedTargets"]["properties"]["type"] = {"enum": types}
    parts["WantEffect"]["properties"]["point"] = {"enum": points}
