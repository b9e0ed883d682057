"""Smart Data Models entities in the four shapes they come in, told apart attribute by attribute.

Key-values (`"intensity": 197`), NGSIv2 normalised (`{"type": "Number", "value": 197, "metadata": …}`), NGSI-LD
key-values and NGSI-LD normalised (`{"type": "Property", "value": 197, "unitCode": …, "observedAt": …}`).
ETSI GS CIM 009; FIWARE NGSI-v2; smartdatamodels.org.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from engine.catalogue import AssetType, Catalogue

# Where an entity says when it was observed, the most telling first: the end of its period, then an instant.
_TIMES = ("dateObservedTo", "observationDateTime", "dateObserved", "TimeInstant", "dateModified")

# The model defines these as a number of vehicles in the observation period; the catalogue keeps them per hour.
# dataModel.Transportation TrafficFlowObserved/schema.json.
_COUNTED_IN_PERIOD = frozenset({("TrafficFlowObserved", "intensity")})


def is_entity(document: Any) -> bool:
    """Whether a JSON value is an entity, a list beginning with one, or a notification about some."""
    if isinstance(document, list):
        return bool(document) and is_entity(document[0])
    if not isinstance(document, dict) or "asset" in document:
        return False
    return ("id" in document and "type" in document and "data" not in document) or _is_notification(document)


def _is_notification(document: dict[str, Any]) -> bool:
    return "subscriptionId" in document and isinstance(document.get("data"), list)


def entities_of(document: Any) -> list[Any]:
    """The entities of what `is_entity` knows."""
    if isinstance(document, list):
        return document
    return list(document["data"]) if _is_notification(document) else [document]


def readings_of(entity: Any, catalogue: Catalogue) -> list[dict[str, Any]] | None:
    """The attributes that the catalogue's type measures, in the shape of our own JSON; others are ignored.

    None for what is no entity of a type the catalogue knows.
    """
    if not isinstance(entity, dict) or not isinstance(entity.get("id"), str):
        return None
    kind = next((name for name in map(_local, _listed(entity.get("type"))) if name in catalogue.types), None)
    if kind is None:
        return None
    names = _names(catalogue.types[kind])
    attributes = {_local(key): value for key, value in entity.items()}
    hours = _period_h(attributes)
    return [
        _reading(entity["id"], instance, attributes, hours, (kind, names[key]))
        for key, attribute in attributes.items()
        if key in names
        for instance in _instances(attribute)
    ]


def _reading(
    entity_id: str, attribute: Any, attributes: Mapping[str, Any], hours: float | None, name: tuple[str, str]
) -> dict[str, Any]:
    value, unit = _value(attribute), _meta(attribute, "unitCode")
    if name in _COUNTED_IN_PERIOD and unit is None:
        # Without a period the count stays a count, whose unit normalisation refuses: a rate is never guessed.
        unit = "/h" if hours else "1"
        value = value / hours if hours and type(value) in (int, float) else value
    at = _meta(attribute, "observedAt") or _meta(attribute, "TimeInstant") or _first_time(attributes)
    return {"asset": entity_id, "property": name[1], "value": value, "unit": unit, "observed_at": _end(at)}


def _names(model: AssetType) -> dict[str, str]:
    aliases = {alias: name for name, entry in model.properties.items() for alias in entry.aliases}
    return aliases | {name: name for name in model.properties}


def _listed(value: Any) -> list[str]:
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)]


def _local(name: str) -> str:
    """The last part of an expanded name, as https://smartdatamodels.org/dataModel.Streetlighting/Streetlight."""
    return re.split(r"[/#]", name)[-1] if "://" in name else name


def _instances(attribute: Any) -> Iterator[Any]:
    """An NGSI-LD attribute may come several times, told apart by its datasetId."""
    several = isinstance(attribute, list) and attribute and all(isinstance(a, dict) and "value" in a for a in attribute)
    yield from attribute if several else [attribute]


def _value(attribute: Any) -> Any:
    """The plain value of an attribute in any shape."""
    while isinstance(attribute, dict):
        inner = next((attribute[key] for key in ("value", "@value") if key in attribute), _NOTHING)
        if inner is _NOTHING:
            break
        attribute = inner
    return attribute


_NOTHING = object()


def _meta(attribute: Any, key: str) -> Any:
    """What is said about an attribute: beside its value in NGSI-LD, under metadata in NGSIv2."""
    if not isinstance(attribute, dict):
        return None
    metadata = attribute.get("metadata")
    inside = metadata.get(key) if isinstance(metadata, dict) else None
    return _value(attribute.get(key, inside))


def _first_time(attributes: Mapping[str, Any]) -> Any:
    return next((at for at in (_value(attributes.get(key)) for key in _TIMES) if at is not None), None)


def _end(at: Any) -> Any:
    """An interval `a/b` is over at b."""
    return at.rsplit("/", 1)[-1] if isinstance(at, str) else at


def _period_h(attributes: Mapping[str, Any]) -> float | None:
    """Length of the observation period in hours; None where it is not said."""
    ends = [_value(attributes.get(key)) for key in ("dateObservedFrom", "dateObservedTo")]
    between = _value(attributes.get("dateObserved"))
    if not all(isinstance(end, str) for end in ends):
        ends = between.split("/") if isinstance(between, str) and between.count("/") == 1 else []
    try:
        start, end = (datetime.fromisoformat(end) for end in ends)
        hours = (end - start).total_seconds() / 3600
    except (ValueError, TypeError):
        return None
    return hours if hours > 0 else None
