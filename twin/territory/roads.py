"""Roads of a territory without a map: along its lamps, and from each group of streets to the next and to every site."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from engine.errors import InputError, Problem
from engine.model import Asset
from optimizers.roads import CLASSES, Access, RoadGraph, great_circle_m
from twin.territory.streets import SPACING_M

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

_CLASS = {"main": "secondary", "collector": "tertiary", "residential": "residential", "path": "service"}
_BETWEEN = "unclassified"
_CORNER_M = 18.0  # ends of streets this near to each other are one crossing: half a spacing, and both kerbs
_ALONG_M = 60.0  # a place this near to a road needs none of its own
_SITES = ("DisposalSite", "VehicleDepot", "WasteContainer")
_FEW = 30
_M_PER_DEGREE = 111_180.0
_SOURCE = "made of the territory's lamps: no map"


def made_roads(assets: Sequence[Asset]) -> RoadGraph:
    """A connected network of two-way roads: each street from half a spacing before its first lamp to as much behind its
    last, country roads (a minimum spanning tree over what is near) between streets that do not meet, and a road to each
    depot, disposal site and container that lies on none.

    It is approximate, and says so. Raises InputError where no lamp knows its street.
    """
    streets = list(_streets(assets))
    if not streets:
        what, hint = "no lamp has a segment and an order", "import a map: consigne roads import FILE.osm.pbf"
        raise InputError([Problem("territory", 0, 0, f"{what}: there is nothing to make roads of", hint)])
    scale = np.array([np.cos(np.radians(streets[0][0][0, 1])), 1.0]) * _M_PER_DEGREE
    ends = np.concatenate([_lengthened(line * scale) for line, _ in streets])
    number, corners = _merged(ends)
    pairs = number.reshape(-1, 2)
    names = [_CLASS.get(name, "residential") for _, name in streets]
    sites = np.array([[asset.lon, asset.lat] for asset in assets if asset.type in _SITES]).reshape(-1, 2) * scale
    places = np.concatenate([corners, sites[_off_road(sites, corners, pairs)]])
    links = _links(places, pairs)
    return _graph(places / scale, np.concatenate([pairs, links]), [*names, *[_BETWEEN] * len(links)])


def _streets(assets: Sequence[Asset]) -> Iterator[tuple[Array, str]]:
    """The lamps of each street in order, (lamps, 2) degrees, and its class; in the order of streets' names."""
    lamps = [asset for asset in assets if asset.type == "Streetlight" and {"segment", "order"} <= set(asset.attributes)]
    lamps.sort(key=lambda lamp: (str(lamp.attributes["segment"]), int(lamp.attributes["order"])))
    for _, group in groupby(lamps, key=lambda lamp: str(lamp.attributes["segment"])):
        row = list(group)
        about: Mapping[str, object] = row[0].attributes
        yield np.array([[lamp.lon, lamp.lat] for lamp in row]), str(about.get("road_class", ""))


def _lengthened(line: Array) -> Array:
    """Both ends of a street, (2, 2) metres."""
    along = line[-1] - line[0]
    length = float(np.hypot(*along))
    half = along / length * SPACING_M / 2 if length else np.array([SPACING_M / 2, 0.0])
    return np.stack([line[0] - half, line[-1] + half])


def _merged(ends: Array) -> tuple[Ints, Array]:
    """The crossing of each end, and where crossings are."""
    from scipy.sparse import coo_array  # noqa: PLC0415 - half a second to import
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415
    from scipy.spatial import cKDTree  # noqa: PLC0415

    near = cKDTree(ends).query_pairs(_CORNER_M, output_type="ndarray")
    links = coo_array((np.ones(len(near)), (near[:, 0], near[:, 1])), shape=(len(ends), len(ends)))
    count, label = connected_components(links, directed=False)
    held = np.bincount(label, minlength=count)
    middle = np.stack([np.bincount(label, ends[:, axis], count) / held for axis in (0, 1)], axis=1)
    return label.astype(np.int64), middle


def _off_road(sites: Array, corners: Array, pairs: Ints) -> NDArray[np.bool_]:
    """Whether each site lies on no street."""
    start, along = corners[pairs[:, 0]], corners[pairs[:, 1]] - corners[pairs[:, 0]]
    squared = np.maximum((along**2).sum(axis=1), 1e-9)
    off = np.ones(len(sites), bool)
    for k, site in enumerate(sites):
        share = np.clip(((site - start) * along).sum(axis=1) / squared, 0, 1)
        off[k] = np.hypot(*(site - start - share[:, None] * along).T).min() > _ALONG_M
    return off


def _links(places: Array, pairs: Ints) -> Ints:
    """Pairs of places to be joined so that all hang together, in all as short as can be."""
    from scipy.sparse import coo_array  # noqa: PLC0415
    from scipy.sparse.csgraph import minimum_spanning_tree  # noqa: PLC0415

    sides = np.concatenate([pairs, _neighbours(places)])
    low, high = sides.min(axis=1), sides.max(axis=1)
    known = len(places)
    number, first = np.unique(low * known + high, return_index=True)
    built = first < len(pairs)  # of equals the first: a street
    low, high = number // known, number % known
    length = np.where(built, 1e-6, np.hypot(*(places[low] - places[high]).T) + 1e-3)
    apart = low != high
    graph = coo_array((length[apart], (low[apart], high[apart])), shape=(known, known))
    tree = minimum_spanning_tree(graph.tocsr()).tocoo()
    new = tree.data > 1e-5
    links = np.stack([tree.row[new], tree.col[new]], axis=1).astype(np.int64)
    return links[np.lexsort((links[:, 1], links[:, 0]))]


def _neighbours(places: Array) -> Ints:
    """Pairs of places that a shortest network may join: sides of their Delaunay triangles, or of a few places all."""
    from scipy.spatial import Delaunay  # noqa: PLC0415 - half a second to import

    if len(places) <= _FEW:
        return np.argwhere(np.triu(np.ones((len(places), len(places)), bool), 1))
    corners = Delaunay(places, qhull_options="QJ Pp").simplices.astype(np.int64)
    return np.concatenate([np.stack([corners[:, k], corners[:, k - 1]], axis=1) for k in range(3)])


def _graph(degrees: Array, pairs: Ints, names: Sequence[str]) -> RoadGraph:
    pieces = len(pairs)
    tail, head = np.concatenate([pairs, pairs[:, ::-1]]).T
    lon, lat = degrees.T
    return RoadGraph(
        lon_deg=lon, lat_deg=lat, tail=tail, head=head,
        back=np.concatenate([np.arange(pieces) + pieces, np.arange(pieces)]),
        length_m=great_circle_m(lon[tail], lat[tail], lon[head], lat[head]),
        road_class=np.tile([CLASSES.index(name) for name in names], 2), limit_m_s=np.full(2 * pieces, np.inf),
        max_height_m=np.full(2 * pieces, np.inf), max_width_m=np.full(2 * pieces, np.inf),
        max_weight_kg=np.full(2 * pieces, np.inf), access=np.full(2 * pieces, int(Access.OPEN)),
        heavy_access=np.full(2 * pieces, int(Access.OPEN)), way=np.tile(np.arange(pieces) + 1, 2),
        banned=np.zeros((0, 2), np.int64), origin=_SOURCE, approximate=True,
    )  # fmt: skip
