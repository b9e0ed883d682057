"""The JSON Schema of rule files: current, and saying of a file's shape what the models say."""

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalogue import Catalogue, load_catalogue
from engine.documents import read_document
from engine.errors import InputError
from engine.rulebook.definitions import RuleDefinition
from engine.rulebook.drafts import SCENARIOS, read_drafts
from engine.rulebook.schema import rules_schema, schema_text

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = sorted(path for path in (ROOT / "rules").glob("*/*.yaml") if not path.match(SCENARIOS))
BROKEN = Path(__file__).parent / "broken" / "faults"
CATALOGUE = load_catalogue(ROOT / "datasets" / "reference" / "catalogue.yaml")
SCHEMA = rules_schema(CATALOGUE)
KINDS: dict[str, Any] = {
    "object": dict, "array": list, "string": str, "boolean": bool, "null": type(None), "number": (int, float),
    "integer": int,
}  # fmt: skip
HANDLED = {
    "$ref", "anyOf", "enum", "if", "then", "else", "type", "pattern", "maxLength", "minimum", "maximum", "items",
    "minItems", "maxItems", "properties", "required", "additionalProperties", "patternProperties", "propertyNames",
    "const",
}  # fmt: skip
SAID_ONLY = {"description", "default", "examples", "title", "$schema", "$id", "$defs"}


def faults(value: Any, schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """What a value breaks of a schema: as much of draft 2020-12 as ours makes use of."""
    assert set(schema) <= HANDLED | SAID_ONLY, set(schema)
    if "$ref" in schema:
        yield from faults(value, SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")], path)
    if "anyOf" in schema and all(any(faults(value, one, path)) for one in schema["anyOf"]):
        yield f"{path}: none of {len(schema['anyOf'])}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is not in enum"
    if "if" in schema:
        branch = "else" if any(faults(value, schema["if"], path)) else "then"
        yield from faults(value, schema[branch], path)
    if "type" in schema and not any(is_kind(value, kind) for kind in always_list(schema["type"])):
        yield f"{path}: {value!r} is no {schema['type']}"
    else:
        yield from plain_faults(value, schema, path)


def plain_faults(value: Any, schema: dict[str, Any], path: str) -> Iterator[str]:
    if isinstance(value, dict):
        yield from object_faults(value, schema, path)
    elif isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            yield f"{path}: {len(value)} items"
        for number, item in enumerate(value):
            yield from faults(item, schema.get("items", {}), f"{path}.{number}")
    elif isinstance(value, str):
        if not re.search(schema.get("pattern", ""), value) or len(value) > schema.get("maxLength", len(value)):
            yield f"{path}: {value!r} is not spelled so"
    elif isinstance(value, int | float) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{path}: {value} is out of bounds"


def object_faults(value: dict[str, Any], schema: dict[str, Any], path: str) -> Iterator[str]:
    yield from (f"{path}: {key} is missing" for key in schema.get("required", ()) if key not in value)
    for key, item in value.items():
        yield from faults(key, schema.get("propertyNames", {}), f"{path}.{key}")
        patterns = [part for pattern, part in schema.get("patternProperties", {}).items() if re.search(pattern, key)]
        known = ([schema["properties"][key]] if key in schema.get("properties", {}) else []) + patterns
        if not known and schema.get("additionalProperties", True) is False:
            yield f"{path}: {key} is unknown"
        rest = schema.get("additionalProperties")
        for part in known or ([rest] if isinstance(rest, dict) else []):
            yield from faults(item, part, f"{path}.{key}")


def is_kind(value: Any, kind: str) -> bool:
    return isinstance(value, KINDS[kind]) and isinstance(value, bool) == (kind == "boolean")


def always_list(kinds: str | list[str]) -> list[str]:
    return [kinds] if isinstance(kinds, str) else kinds


def test_the_schema_in_the_folder_is_current() -> None:
    hint = "write it again: consigne rules schema > rules/schema.json"
    assert (ROOT / "rules" / "schema.json").read_text(encoding="utf-8") == schema_text(CATALOGUE), hint


def test_the_same_models_give_the_same_bytes() -> None:
    assert schema_text(CATALOGUE) == schema_text(load_catalogue(ROOT / "datasets" / "reference" / "catalogue.yaml"))
    assert json.loads(schema_text()) == rules_schema()
    assert schema_text() != schema_text(CATALOGUE)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_shipped_file_is_of_that_shape(path: Path) -> None:
    assert list(faults(read_document(path).data, SCHEMA)) == []


@pytest.mark.parametrize(
    "name",
    [
        "alarm-without-consequence", "id-shape", "key-missing", "key-unknown", "level-never-granted", "not-a-rule",
        "duration-absurd", "table-hits", "table-beside-when", "top-level", "type-unknown", "want-point",
    ],
)  # fmt: skip
def test_what_the_models_refuse_for_its_shape_the_schema_refuses(name: str) -> None:
    refused = list(faults(read_document(BROKEN / f"{name}.yaml").data, SCHEMA))
    assert bool(refused) is (name != "level-never-granted"), refused


def test_every_part_is_said_by_the_schema() -> None:
    """No key of a rule is forgotten, and each model tells what it is."""
    keys = {field.alias or name for name, field in RuleDefinition.model_fields.items()}
    assert set(SCHEMA["$defs"]["RuleDefinition"]["properties"]) == keys
    assert set(SCHEMA["$defs"]["TableRule"]["properties"]) == keys - {"when", "then"} | {"table"}
    assert set(SCHEMA["$defs"]["UsingRule"]["properties"]) == keys | {"use", "with", "table"}
    assert all("description" in part for name, part in SCHEMA["$defs"].items() if name != "Rule")
    assert SCHEMA["$defs"]["ForEach"]["properties"]["type"]["anyOf"][0]["enum"] == sorted(CATALOGUE.types)
    assert "illuminanceLevel" in SCHEMA["$defs"]["WantEffect"]["properties"]["point"]["enum"]


RULE = {
    "id": "dark",
    "about": {"fr": "a", "en": "b"},
    "owner": "tests",
    "for_each": {"type": "Streetlight", "where": {"led": True}, "tag": ["a"], "zone": "Z1"},
    "when": "powerConsumption < 2 W",
    "for": "5min",
    "clear_after": "1.5 h",
    "schedule": {"hours": "22:00-06:00", "weekdays": ["mon"], "sun": {"from": "sunset", "to": "sunrise"}},
    "on_unknown": "hold",
    "then": {
        "alarm": {
            "priority": "low",
            "consequence": {"fr": "a", "en": "b"},
            "action": {"fr": "a", "en": "b"},
            "respond_within": "1 d",
        },
        "want": {"point": "illuminanceLevel", "value": "50 %", "ttl": "15min", "level": 12, "targets": "lamps"},
        "fact": "it_is_dark",
    },
    "silenced_by": {"rule": "other", "via": "parent"},
}
VALUES = st.sampled_from(
    [None, True, 3, -1, 2.5, "", "x", "5min", "hold", "mon", [], ["mon"], {}, {"type": "Streetlight"}]
)
KEYS = st.sampled_from(["id", "when", "type", "each", "via", "level", "fact", "x", "hours", "fr"])


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


@given(st.sampled_from([path for path in places(RULE) if path]), VALUES, KEYS, st.sampled_from(["set", "drop", "add"]))
def test_the_schema_refuses_no_rule_the_models_take(path: tuple[Any, ...], value: Any, key: str, how: str) -> None:
    """It is the weaker of the two: an editor never marks what is right."""
    rule = deepcopy(RULE)
    above: Any = rule
    for part in path[:-1]:
        above = above[part]
    if how == "drop":
        del above[path[-1]]
    elif how == "add" and isinstance(above, dict):
        above[key] = value
    else:
        above[path[-1]] = value
    try:
        RuleDefinition.model_validate(rule)
    except ValueError:
        return
    refused = [fault for fault in faults({"rules": [rule]}, SCHEMA) if "is not in enum" not in fault]
    loose = {"then.want.level", "for_each.where"}  # pydantic reads "3" and true where a number is wanted
    assert not [fault for fault in refused if not any(place in fault for place in loose)], refused


def test_the_models_take_what_the_shipped_files_say() -> None:
    assert read_drafts(ROOT / "rules").problems == []


def test_a_file_without_a_catalogue_names_no_types(small: Catalogue) -> None:
    plain = rules_schema()
    assert "enum" not in plain["$defs"]["WantEffect"]["properties"]["point"]
    assert plain["$defs"]["Derived"]["properties"]["type"] == {"type": "string"}
    assert rules_schema(small)["$defs"]["Derived"]["properties"]["type"] == {"enum": ["Cabinet", "Lamp"]}
    with pytest.raises(InputError):
        read_document(ROOT / "rules" / "nowhere.yaml")
