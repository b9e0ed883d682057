"""Rounds as GPX 1.1, which navigation devices read: a waypoint for each stop, and the round as a route."""

from collections.abc import Sequence
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from engine.instants import isoformat
from engine.rounds import Doing, Line, Round
from jobs.words import Lang, say

NAMESPACE = "http://www.topografix.com/GPX/1/1"
_SCHEMA = "http://www.w3.org/2001/XMLSchema-instance"


def to_gpx(rounds: Sequence[Round], lang: Lang) -> bytes:
    """One document; elements in the order that the schema of GPX 1.1 wants: metadata, wpt, rte."""
    ET.register_namespace("", NAMESPACE)
    ET.register_namespace("xsi", _SCHEMA)
    location = {f"{{{_SCHEMA}}}schemaLocation": f"{NAMESPACE} http://www.topografix.com/GPX/1/1/gpx.xsd"}
    root = ET.Element(_tag("gpx"), {"version": "1.1", "creator": "Consigne", **location})
    filled = [found for found in rounds if found.lines]
    if filled:
        metadata = ET.SubElement(root, _tag("metadata"))
        _text(metadata, "name", say("rounds_of_day", lang, day=filled[0].day))
        _text(metadata, "time", _utc(min(found.start_at for found in filled)))
    for found in filled:
        for line in found.stops:
            _point(ET.SubElement(root, _tag("wpt"), _where(line)), line, found, lang)
    for found in filled:
        route = ET.SubElement(root, _tag("rte"))
        _text(route, "name", f"{found.vehicle} {found.day}")
        for line in found.lines:
            if line.doing is not Doing.REST:
                _point(ET.SubElement(route, _tag("rtept"), _where(line)), line, found, lang)
    content: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return content + b"\n"


def _point(element: ET.Element, line: Line, found: Round, lang: Lang) -> None:
    """Children in the order of the schema's wptType: time, name, cmt, type."""
    _text(element, "time", _utc(line.begin_at))
    name = f"{line.number} {line.asset}" if line.number else line.asset or say(f"round_{line.doing.value}", lang)
    _text(element, "name", name)
    if line.place:
        _text(element, "cmt", line.place)
    _text(element, "type", f"{found.vehicle} {line.doing.value}")


def _where(line: Line) -> dict[str, str]:
    return {"lat": f"{line.lat:.6f}", "lon": f"{line.lon:.6f}"}


def _utc(at: datetime) -> str:
    return isoformat(at.astimezone(UTC).replace(microsecond=0))


def _text(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, _tag(name)).text = text


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"
