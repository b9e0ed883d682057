"""Calendar atoms over columns: their truth at many places and instants, by one search in a table of their changes."""

from collections.abc import Sequence

import numpy as np

from engine.rulebook.almanac import Almanac, Atom, Place, SunBetween, SunElevation
from engine.rulebook.conditions.arrays import FALSE, TRUE, UNKNOWN, Ints, Truths

_SECOND_US = 1_000_000
_DAY_US = 86_400 * _SECOND_US
_AHEAD_US, _BEHIND_US = 3 * _DAY_US, _DAY_US
_TRUTH = {None: UNKNOWN, False: FALSE, True: TRUE}


class Calendars:
    """The pieces of every atom at every place, over some days; `cover` moves them on.

    Atoms change at whole seconds: a change is found by (atom and place, second).
    """

    def __init__(self, almanac: Almanac, atoms: Sequence[Atom], places: Sequence[Place | None]) -> None:
        self._almanac = almanac
        self._atoms = tuple(atoms)
        self._places = tuple(places)
        self._local = np.array([isinstance(atom, SunBetween | SunElevation) for atom in atoms], np.bool_)
        self._from, self._until = 0, 0
        self._keys = np.empty(0, np.int64)
        self._truth = np.empty(0, np.int8)

    def cover(self, start_us: int, end_us: int) -> None:
        """Make sure that every instant of the span can be asked for."""
        if not self._atoms or (self._from <= start_us and end_us < self._until):
            return
        self._from = (start_us - _BEHIND_US) // _SECOND_US * _SECOND_US
        self._until = (end_us + _AHEAD_US) // _SECOND_US * _SECOND_US
        keys: list[int] = []
        truth: list[int] = []
        for number, atom in enumerate(self._atoms):
            for spot, place in enumerate(self._places if self._local[number] else (self._anywhere(),)):
                if place is not None:
                    base = (number * len(self._places) + spot) << 33
                    instants = [self._from, *self._almanac.changes(atom, place, self._from, self._until)]
                    keys.extend(base | (instant // _SECOND_US) for instant in instants)
                    truth.extend(_TRUTH[self._almanac.truth(atom, place, instant)] for instant in instants)
        self._keys, self._truth = np.array(keys, np.int64), np.array(truth, np.int8)

    def look(self, atom: Ints, spot: Ints, t: Ints) -> tuple[Truths, Ints]:
        """Truth at t, and the next change after it: at the latest the end of what is covered."""
        base = (atom * len(self._places) + np.where(self._local[atom], spot, 0)) << 33
        found = np.searchsorted(self._keys, base | (t // _SECOND_US), side="right") - 1
        following = np.minimum(found + 1, len(self._keys) - 1)
        changes = (self._keys[following] & ~((1 << 33) - 1)) == base
        changes &= following > found
        instant = (self._keys[following] & ((1 << 33) - 1)) * _SECOND_US
        return self._truth[found], np.where(changes, instant, self._until)

    def _anywhere(self) -> Place:
        return next((place for place in self._places if place is not None), Place(0.0, 0.0))
