"""Extracts made for tests, as OpenStreetMap XML: libosmium reads them as it does `.osm.pbf`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np

from tests.roads.ground import degrees

Tags = Mapping[str, str]
Members = Sequence[tuple[str, str, int]]


def extract(
    path: Path,
    nodes: Mapping[int, tuple[float, float]],
    ways: Mapping[int, tuple[Sequence[int], Tags]],
    relations: Sequence[tuple[Members, Tags]] = (),
    of_nodes: Mapping[int, Tags] | None = None,
) -> Path:
    """Nodes in metres east and north; ways as their nodes and tags; relations as (role, type, ref) and tags."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<osm version="0.6" generator="tests">']
    for node, (x, y) in nodes.items():
        lon, lat = (float(one[0]) for one in degrees(np.array([x]), np.array([y])))
        lines.append(f'<node id="{node}" version="1" lon="{lon:.7f}" lat="{lat:.7f}">')
        lines += [*_tags((of_nodes or {}).get(node, {})), "</node>"]
    for way, (refs, tags) in ways.items():
        lines += [f'<way id="{way}" version="1">', *(f'<nd ref="{ref}"/>' for ref in refs), *_tags(tags), "</way>"]
    for k, (members, tags) in enumerate(relations):
        lines.append(f'<relation id="{k + 1}" version="1">')
        lines += [f'<member type="{kind}" ref="{ref}" role="{role}"/>' for role, kind, ref in members]
        lines += [*_tags(tags), "</relation>"]
    path.write_text("\n".join([*lines, "</osm>"]), encoding="utf-8")
    return path


def _tags(tags: Tags) -> list[str]:
    return [f"<tag k={quoteattr(key)} v={quoteattr(value)}/>" for key, value in tags.items()]
