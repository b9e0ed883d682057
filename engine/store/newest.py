"""What this process knows of the newest instant of every series, so that most appends look nothing up."""

import threading
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

NEVER = -(2**63)
"""The newest instant of a series without readings."""

Series = npt.NDArray[np.int32]
Instants = npt.NDArray[np.int64]


class Version(NamedTuple):
    """What changes when a zone's readings or its set of series do."""

    last_seq: int
    epoch: int


class Newest:
    """The newest instant and the zone of each series, for zones at a known version. Shared by threads.

    It holds for a zone only while the zone's row, which an append locks, says the version known here: whatever
    another process appended has moved it on. 12 bytes for each series number.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._observed_at: Instants = np.empty(0, np.int64)
        self._zone: Series = np.empty(0, np.int32)
        self._versions: dict[int, Version] = {}

    def unknown(self, zones: Mapping[int, Version]) -> list[int]:
        """Those of the zones that are to be loaded first."""
        with self._lock:
            return [zone for zone, version in zones.items() if self._versions.get(zone) != version]

    def load(self, zones: Mapping[int, Version], series: Series, zone: Series, observed_at: Instants) -> None:
        """Everything the database holds of these zones: their series, in any order, NEVER where there is no reading."""
        with self._lock:
            self._grow(int(series.max(initial=-1)) + 1)
            self._zone[np.isin(self._zone, list(zones))] = -1
            self._zone[series] = zone
            self._observed_at[series] = observed_at
            self._versions.update(zones)

    def of(self, series: Series) -> tuple[Series, Instants]:
        """Zone and newest instant of each series; zone -1 for one the inventory does not have."""
        with self._lock:
            known = (series >= 0) & (series < len(self._zone))
            places = np.where(known, series, 0)
            if not len(self._zone):
                return np.full(len(series), -1, np.int32), np.full(len(series), NEVER, np.int64)
            return np.where(known, self._zone[places], np.int32(-1)), self._observed_at[places]

    def advance(self, series: Series, observed_at: Instants) -> None:
        """Enter what was appended; the zones have been forgotten before, and are trusted again at the commit."""
        with self._lock:
            self._observed_at[series] = observed_at

    def forget(self, zones: Mapping[int, Version]) -> None:
        """What is known of these zones is not sure any more."""
        with self._lock:
            for zone in zones:
                self._versions.pop(zone, None)

    def trust(self, zones: Mapping[int, Version]) -> None:
        """Call just before the commit, while the rows are locked: afterwards another process may be at work."""
        with self._lock:
            self._versions.update(zones)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._versions.clear()

    def _grow(self, size: int) -> None:
        more = size - len(self._zone)
        if more > 0:
            self._zone = np.append(self._zone, np.full(more, -1, np.int32))
            self._observed_at = np.append(self._observed_at, np.full(more, NEVER, np.int64))
