"""Roads: an extract read, 500 × 500 ways found, beside SciPy's bare Dijkstra on the same roads, and OSRM where it runs.

    PYTHONPATH=. .venv/bin/python tests/bench/bench_roads.py FILE.osm.pbf [--osrm URL] [--made 1000000]

Places are the middles of random pieces of the largest part that a lorry can reach everything in. Bare Dijkstra has a
node for every bend, no turns, and gives times alone: it is what the notes measured. OSRM is asked over HTTP in blocks
of 50 by 50, as the product asks it; without a server the notes' figure stands there, measured in its own process.
`--made`: also an extract of so many nodes is made, and read in a process of its own.

CPU seconds of this process, the median of three; other processes share the machine.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import TypeVar

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from engine.errors import Unavailable
from jobs.roads import osrm_matrices
from jobs.roads.reading import read_roads
from optimizers.roads import LORRY, Network, RoadGraph, Snapped, between, network, snap
from optimizers.routing import Place

T = TypeVar("T")
PLACES, RUNS, SEED = 500, 3, 1
NOTES_OSRM_S = 0.08


def timed(what: str, work: Callable[[], T], runs: int = RUNS) -> T:
    spent: list[tuple[float, float]] = []
    for _ in range(runs):
        cpu, wall = process_time(), perf_counter()
        result = work()
        spent.append((process_time() - cpu, perf_counter() - wall))
    cpu_s, wall_s = (median(column) for column in zip(*spent, strict=True))
    print(f"{what:<58} {cpu_s:8.3f} CPU s {wall_s:8.3f} s")
    return result


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def drawn(roads: Network) -> list[Place]:
    graph, random = roads.graph, np.random.default_rng(SEED)
    pieces = np.sort(random.choice(np.flatnonzero(roads.main_pieces), PLACES, replace=False))
    lon, lat = ((axis[graph.tail[pieces]] + axis[graph.head[pieces]]) / 2 for axis in (graph.lon_deg, graph.lat_deg))
    return [Place(f"p{k}", float(x), float(y)) for k, (x, y) in enumerate(zip(lon, lat, strict=True))]


def bare(roads: Network, points: Snapped) -> Callable[[], object]:
    """Dijkstra over nodes and seconds, from the node at the end of each point's piece."""
    graph = roads.graph
    used = np.flatnonzero(roads.used)
    matrix = csr_array(
        (roads.seconds[used], (graph.tail[used], graph.head[used])), shape=(len(graph.lon_deg), len(graph.lon_deg))
    )
    ends = graph.head[points.piece]
    return lambda: dijkstra(matrix, indices=ends)[:, ends]


def measure(graph: RoadGraph, osrm: str) -> None:
    cKDTree(np.zeros((1, 2)))
    roads = timed("prepared for a lorry (chains, turns, largest part)", lambda: network(graph, LORRY))
    print(f"    {roads.used.sum():,} pieces in {len(roads.chains):,} chains, {len(roads.steps.chain):,} turns")
    places = drawn(roads)
    lon, lat = (np.array([getattr(place, axis) for place in places]) for axis in "xy")
    points = timed(f"{PLACES} places put onto roads", lambda: snap(roads, lon, lat))
    found = timed(f"{PLACES} x {PLACES}, metres and seconds, turns included", lambda: between(roads, points, points))
    assert np.isfinite(found[1]).all()
    one = points.take(np.arange(1))
    timed("one more place: its row and its column", lambda: (between(roads, one, points), between(roads, points, one)))
    timed(f"bare Dijkstra of SciPy, {PLACES} x {PLACES}, seconds alone", bare(roads, points))
    if not osrm:
        print(f"OSRM (notes, in its own process, no HTTP) {NOTES_OSRM_S:26.2f} CPU s")
        return
    try:
        theirs = timed("OSRM over HTTP (CPU of this process only)", lambda: osrm_matrices(osrm, [LORRY], places), 1)
    except Unavailable as error:
        print(error)
        return
    for name, ours in zip(("distance_m", "duration_s"), found, strict=True):
        table = getattr(theirs.matrices, name)[0]
        told = np.isfinite(table) & (table > 60)
        low, middle, high = np.percentile(ours[told] / table[told], (5, 50, 95))
        print(f"    ours / OSRM's, {name}: median {middle:.3f}, 5 % below {low:.3f}, 5 % above {high:.3f}")


def make(path: Path, nodes: int) -> None:
    """A lattice of streets of ten nodes between crossings, as .osm.pbf."""
    import osmium

    side = int((nodes / 20) ** 0.5) + 1
    step = 0.0002
    with osmium.SimpleWriter(str(path)) as writer:
        ways, number = [], 0
        for turn in (False, True):
            for row in range(side):
                line = []
                for k in range(side * 10):
                    if turn and k % 10 == 0:
                        line.append(k // 10 * side * 10 + row * 10 + 1)  # the crossing is there
                        continue
                    number += 1
                    x, y = (row * 10, k) if turn else (k, row * 10)
                    writer.add_node(osmium.osm.mutable.Node(id=number, location=(5 + x * step, 45 + y * step)))
                    line.append(number)
                ways += [line[k : k + 11] for k in range(0, len(line) - 1, 10)]
        for way, line in enumerate(ways):
            writer.add_way(osmium.osm.mutable.Way(id=way + 1, nodes=line, tags={"highway": "residential"}))


def read(path: Path) -> RoadGraph:
    graph, _ = timed(f"read {path.name} ({path.stat().st_size / 1e6:.1f} MB)", lambda: read_roads(path), runs=1)
    print(f"    {len(graph.lon_deg):,} nodes, {graph.pieces:,} pieces by direction; peak {peak_mb():,.0f} MB so far")
    return graph


def main() -> None:
    folder = Path(os.environ.get("CONSIGNE_REFERENCE", Path(__file__).resolve().parents[3] / "shared" / "reference"))
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("file", type=Path, nargs="?", default=folder / "roads" / "liechtenstein.osm.pbf")
    asked.add_argument("--osrm", default="")
    asked.add_argument("--made", type=int, default=0)
    options = asked.parse_args()
    if not options.file.is_file():
        print(f"{options.file}: there is no such file; give an extract: FILE.osm.pbf")
        return
    measure(read(options.file), options.osrm)
    print(f"peak {peak_mb():,.0f} MB")
    if options.made:
        with tempfile.TemporaryDirectory() as made:
            path = Path(made) / "made.osm.pbf"
            make(path, options.made)
            subprocess.run([sys.executable, __file__, str(path)], check=True)


if __name__ == "__main__":
    main()
