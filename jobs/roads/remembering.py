"""Matrices kept by what they were made of, so that one more place costs one row and one column."""

import zipfile
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np

from engine.settings import Settings
from optimizers.arrays import Bools, Floats, Ints
from optimizers.roads import Network, Profile, RoadGraph, Snapped, between, network, snap
from optimizers.routing import Place

_KEPT = 8
_SEARCH = 1  # whoever changes what ways or snaps come to gives it the next number: older matrices are not taken then


@dataclass(frozen=True, eq=False)
class Points:
    """Places (P,) on earth, and whether a vehicle is to stop with them on its right."""

    lon_deg: Floats
    lat_deg: Floats
    kerb: Bools

    @classmethod
    def of(cls, places: Sequence[Place], kerb: Collection[str] = ()) -> "Points":
        lon, lat = (np.array([getattr(place, axis) for place in places], np.float64) for axis in ("x", "y"))
        return cls(lon, lat, np.array([place.id in kerb for place in places], bool))

    def __len__(self) -> int:
        return len(self.lon_deg)

    @property
    def keys(self) -> list[tuple[float, float, bool]]:
        return list(zip(self.lon_deg.tolist(), self.lat_deg.tolist(), self.kerb.tolist(), strict=True))


@dataclass(frozen=True, eq=False)
class Reach:
    """Between points, (P, P), and how far each is from its road, (P,)."""

    distance_m: Floats
    duration_s: Floats
    off_m: Floats

    def at_pace(self, pace: float) -> "Reach":
        """The same, with durations multiplied."""
        return Reach(self.distance_m, pace * self.duration_s, self.off_m)


class Memory:
    """The last matrices of each network and profile, the eight newest, in a folder; processes may share it.

    A file that cannot be read is as good as none.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def recall(self, key: str) -> tuple[Points, Reach] | None:
        try:
            with np.load(self._folder / f"{key}.npz", allow_pickle=False) as file:
                points = Points(file["lon_deg"], file["lat_deg"], file["kerb"])
                return points, Reach(file["distance_m"], file["duration_s"], file["off_m"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def remember(self, key: str, points: Points, found: Reach) -> None:
        """A disk that is full or may not be written costs time at the next run, and nothing else."""
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=self._folder, prefix=".", suffix=".draft", delete=False) as file:
                draft = Path(file.name)
                try:
                    np.savez(file, allow_pickle=False, **vars(points), **vars(found))
                    file.close()
                    draft.replace(self._folder / f"{key}.npz")
                finally:
                    draft.unlink(missing_ok=True)
            newest = sorted(self._folder.glob("*.npz"), key=lambda path: (path.stat().st_mtime_ns, path.name))
            for old in newest[:-_KEPT]:
                old.unlink(missing_ok=True)


def memory_of(settings: Settings) -> Memory:
    return Memory(settings.data_dir / "roads" / "matrices")


def reach(graph: RoadGraph, profile: Profile, points: Points, memory: Memory | None = None) -> Reach:
    """Between points on a network, out of memory as far as they are in it; what is new is remembered with the rest."""
    key = f"{_SEARCH}-{graph.digest[:32]}-{profile.digest[:16]}"
    held = memory.recall(key) if memory is not None else None
    place = {point: k for k, point in enumerate(held[0].keys)} if held is not None else {}
    at = np.array([place.get(point, -1) for point in points.keys], np.int64)
    if held is not None and (at >= 0).all():
        return _taken(held[1], at)
    roads = network(graph, profile)
    snapped = snap(roads, points.lon_deg, points.lat_deg, points.kerb)
    found = _reckoned(roads, snapped) if held is None else _extended(roads, snapped, held[1], at)
    if memory is not None:
        memory.remember(key, points, found)
    return found


def _taken(held: Reach, at: Ints) -> Reach:
    square = np.ix_(at, at)
    return Reach(held.distance_m[square], held.duration_s[square], held.off_m[at])


def _reckoned(roads: Network, snapped: Snapped) -> Reach:
    distance_m, duration_s = between(roads, snapped, snapped)
    for one in (distance_m, duration_s):
        np.fill_diagonal(one, 0.0)
    return Reach(distance_m, duration_s, snapped.off_m)


def _extended(roads: Network, snapped: Snapped, held: Reach, at: Ints) -> Reach:
    """The rows and columns of what is new beside what is held."""
    old, new = np.flatnonzero(at >= 0), np.flatnonzero(at < 0)
    distance_m, duration_s = np.empty((2, len(at), len(at)))
    known = _taken(held, at[old])
    distance_m[np.ix_(old, old)], duration_s[np.ix_(old, old)] = known.distance_m, known.duration_s
    distance_m[new], duration_s[new] = between(roads, snapped.take(new), snapped)
    columns = between(roads, snapped.take(old), snapped.take(new))
    distance_m[np.ix_(old, new)], duration_s[np.ix_(old, new)] = columns
    for one in (distance_m, duration_s):
        np.fill_diagonal(one, 0.0)
    return Reach(distance_m, duration_s, snapped.off_m)
