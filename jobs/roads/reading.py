"""A road network out of an OpenStreetMap extract: `.osm.pbf`, and what else libosmium reads."""

from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import InputError, Problem
from jobs.roads.tags import Road, blocks, road_of
from optimizers.arrays import Floats, Ints
from optimizers.result import InvalidProblem
from optimizers.roads import RoadGraph, great_circle_m

LICENCE = "© OpenStreetMap contributors, ODbL 1.0, https://www.openstreetmap.org/copyright"
_EVERY = 10_000


@dataclass(frozen=True, slots=True)
class Ban:
    """A turn restriction: from the end of a way over a node onto another. `only`: onto no other."""

    came: int
    via: int
    goes: int
    only: bool


@dataclass(slots=True)
class Skipped:
    """What was read and could not be used."""

    nodes_missing: int = 0
    restrictions: int = 0


@dataclass(slots=True)
class _Draft:
    """Ways as they come: pieces one after another, each once, whatever its directions."""

    roads: list[Road] = field(default_factory=list)
    ways: "array[int]" = field(default_factory=lambda: array("q"))
    road: "array[int]" = field(default_factory=lambda: array("q"))
    start: "array[int]" = field(default_factory=lambda: array("q"))
    end: "array[int]" = field(default_factory=lambda: array("q"))
    places: dict[int, int] = field(default_factory=dict)
    lon: "array[float]" = field(default_factory=lambda: array("d"))
    lat: "array[float]" = field(default_factory=lambda: array("d"))
    blocked: set[int] = field(default_factory=set)
    bans: list[Ban] = field(default_factory=list)
    skipped: Skipped = field(default_factory=Skipped)
    as_of: str = ""

    def way(self, way: Any, road: Road) -> None:
        self.roads.append(road)
        self.ways.append(way.id)
        before = -1
        for node in way.nodes:
            if not node.location.valid():
                self.skipped.nodes_missing += 1  # the extract was cut here
                before = -1
                continue
            here = self._place(node)
            if before >= 0:
                self.road.append(len(self.roads) - 1)
                self.start.append(before)
                self.end.append(here)
            before = self._place(node) if node.ref in self.blocked else here

    def _place(self, node: Any) -> int:
        """The number of a node; one that nobody passes is another place for each piece that ends there."""
        known = self.places.get(node.ref)
        if known is not None and node.ref not in self.blocked:
            return known
        self.places[node.ref] = number = len(self.lon)
        self.lon.append(node.lon)
        self.lat.append(node.lat)
        return number


def read_roads(path: Path, tell: Callable[[str], None] = lambda _: None) -> tuple[RoadGraph, Skipped]:
    """The roads of an extract, for motor vehicles. `tell` is told how far it is.

    Raises InputError for a file that is none, and for one without roads.
    """
    draft = _Draft()
    try:
        for number, thing in enumerate(_things(path, draft)):
            _take(draft, thing)
            if number % _EVERY == 0:
                tell(f"{len(draft.ways):,}")
    except (RuntimeError, OSError) as error:  # libosmium's errors are RuntimeErrors
        hint = "give an OpenStreetMap extract such as FILE.osm.pbf"
        raise InputError([Problem(str(path), 0, 0, f"cannot be read: {error}", hint)]) from None
    if not len(draft.start):
        hint = "give an extract whose ways have the tag highway, and with their nodes"
        raise InputError(
            [Problem(str(path), 0, 0, f"holds no roads for motor vehicles ({len(draft.ways)} ways)", hint)]
        )
    try:
        return _graph(draft, f"{path.name}{draft.as_of}"), draft.skipped
    except InvalidProblem as error:
        raise InputError(
            Problem(str(path), 0, 0, text, "mend or replace the extract") for text in error.problems
        ) from None


def _things(path: Path, draft: _Draft) -> Iterator[Any]:
    import osmium  # noqa: PLC0415 - only who reads an extract waits for it

    if not path.is_file():
        raise OSError("there is no such file")
    wanted = osmium.filter.KeyFilter("highway", "barrier", "restriction", "restriction:hgv")
    read = osmium.FileProcessor(str(path)).with_locations().with_filter(wanted)
    told = read.header.get("osmosis_replication_timestamp") or read.header.get("timestamp")
    draft.as_of = f" of {told[:10]}" if told else ""  # the day whose roads these are
    yield from read


def _take(draft: _Draft, thing: Any) -> None:
    tags: Mapping[str, str] = dict(thing.tags)
    if thing.is_node():
        if blocks(tags):
            draft.blocked.add(thing.id)
    elif thing.is_way():
        if (road := road_of(tags)) is not None:
            draft.way(thing, road)
    elif thing.is_relation() and tags.get("type", "").startswith("restriction"):
        if (ban := _ban(thing, tags)) is None:
            draft.skipped.restrictions += 1
        else:
            draft.bans.append(ban)


def _ban(relation: Any, tags: Mapping[str, str]) -> Ban | None:
    """None for one over a way, or that names no single way on either side."""
    kind = tags.get("restriction:hgv", tags.get("restriction", ""))
    members = [(member.role, member.type, member.ref) for member in relation.members]
    came, via, goes = ([m for m in members if m[0] == role] for role in ("from", "via", "to"))
    one_each = len(came) == len(via) == len(goes) == 1 and via[0][1] == "n"
    if not one_each or not kind.startswith(("no_", "only_")):
        return None
    return Ban(came[0][2], via[0][2], goes[0][2], kind.startswith("only_"))


def _graph(draft: _Draft, origin: str) -> RoadGraph:
    """Each piece in the directions that may be driven: first all that follow their way, then all against."""
    road = np.array(draft.road, np.int64)
    start, end = np.array(draft.start, np.int64), np.array(draft.end, np.int64)
    forward = np.array([one.forward for one in draft.roads])[road]
    backward = np.array([one.backward for one in draft.roads])[road]
    there, again = np.flatnonzero(forward), np.flatnonzero(backward)
    of = road[np.concatenate([there, again])]
    tail, head = np.concatenate([start[there], end[again]]), np.concatenate([end[there], start[again]])
    number = np.full((2, len(road)), -1)
    number[0, there], number[1, again] = np.arange(len(there)), len(there) + np.arange(len(again))
    back = np.concatenate([number[1, there], number[0, again]])
    lon, lat = np.array(draft.lon), np.array(draft.lat)
    way = np.array(draft.ways, np.int64)[of]

    def told(name: str) -> Floats:
        of_pieces: Floats = np.array([getattr(one, name) for one in draft.roads], np.float64)[of]
        return of_pieces

    return RoadGraph(
        lon_deg=lon, lat_deg=lat, tail=tail, head=head, back=back, way=way,
        length_m=great_circle_m(lon[tail], lat[tail], lon[head], lat[head]),
        road_class=told("road_class").astype(np.int64), limit_m_s=told("limit_m_s"),
        max_height_m=told("max_height_m"), max_width_m=told("max_width_m"), max_weight_kg=told("max_weight_kg"),
        access=told("access").astype(np.int64), heavy_access=told("heavy_access").astype(np.int64),
        banned=_banned(draft, tail, head, way), origin=origin, licence=LICENCE,
    )  # fmt: skip


def _banned(draft: _Draft, tail: Ints, head: Ints, way: Ints) -> Ints:
    """(B, 2) the pairs of pieces that restrictions forbid."""
    pairs: list[tuple[int, int]] = []
    for ban in draft.bans:
        via = draft.places.get(ban.via, -1)
        came = np.flatnonzero((head == via) & (way == ban.came))
        onto = np.flatnonzero((tail == via) & ((way != ban.goes) if ban.only else (way == ban.goes)))
        known = len(came) and (not ban.only or bool(((tail == via) & (way == ban.goes)).any()))
        if not known or (not ban.only and not len(onto)):
            draft.skipped.restrictions += 1
            continue
        pairs += [(int(one), int(two)) for one in came for two in onto]
    return np.array(pairs, np.int64).reshape(-1, 2)
