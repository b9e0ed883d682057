"""Groups of one holder weighed together with what their programs lift: a brighter one lifts those beside it."""

from collections.abc import Iterator

import numpy as np

from optimizers.arrays import Floats, Ints
from optimizers.lighting.problem import TOLERANCE
from optimizers.lighting.programs.profiles import Profiles
from optimizers.lighting.programs.staircase import staircases

_ROUNDS = 20  # of moves
_LIFTS = 200  # times that groups lift each other
_SAVES = 1e-9  # of the cost: a move that saves less is none
_JOINED = 1000  # moves by which two groups are joined, at most; none where there are more
_CELLS = 2**21  # (trial, group, group, slot) weighed at a time, 16 MB

Groups = tuple[int, ...]
"""Groups of classes, each the bits of a number, in descending order; 0 for none."""

Settled = tuple[Groups, Floats, float]
"""Groups, the program of each class, and what they cost."""


class Beside:
    """One holder's lamps in n classes, each of lamps alike in what they need, what they cost and whom they stand
    beside.

    step (n, n)    the smallest step between lamps of two classes, inf where none stand beside each other
    most (n, T)    flux that a class may not be above
    """

    def __init__(self, classes: Profiles, step: Floats, programs: int, most: Floats) -> None:
        self._classes, self._step, self._programs, self._most = classes, step, programs, most
        self._members = np.arange(len(step))
        self._known: dict[tuple[int, bytes], tuple[Floats, float]] = {}

    def groups_of(self, flux: Floats) -> Groups:
        """Those that follow the same row of flux (n, T)."""
        together: dict[bytes, int] = {}
        for member, row in enumerate(flux):
            together[row.tobytes()] = together.get(row.tobytes(), 0) | 1 << member
        return self._ordered(list(together.values()))

    def _ordered(self, groups: list[int]) -> Groups:
        filled = sorted((group for group in groups if group), reverse=True)
        return tuple(filled + [0] * (self._programs - len(filled)))

    def settled(self, trials: list[Groups], below: float) -> Settled | None:
        """Of some partitions the one that costs least once its groups have lifted each other: its groups, the program
        of each class (n, T), and the cost. None where no cost is less than `below`, or a class above its most.
        """
        masks, found = np.array(trials), None
        need, between = self._highest(masks), self._between(masks)
        flux, cost = self._followed(masks, need)
        for _ in range(_LIFTS):
            lifted = (flux[:, :, None] - between[:, :, :, None]).max(axis=1)
            rises = (lifted > flux + TOLERANCE).any(axis=2)
            total = cost.sum(axis=1)
            for k in np.flatnonzero(~rises.any(axis=1) & (total < below)).tolist():
                rows = self._rows(masks[k], flux[k])
                if total[k] < below and (rows <= self._most + TOLERANCE).all():
                    below = float(total[k])
                    found = self._ordered(masks[k].tolist()), rows, below
            left = rises.any(axis=1) & (total < below)
            if not left.any():
                break
            masks, need, flux, cost = masks[left], need[left], flux[left], cost[left]
            between, lifted, rises = between[left], lifted[left], rises[left]
            need = np.where(rises[:, :, None], np.maximum(need, lifted), need)
            flux[rises], cost[rises] = self._followed(masks[rises], need[rises])
        return found

    def improved(self, found: Settled) -> Settled:
        """Bettered by moves of single classes until none helps."""
        seen = {found[0]}
        for _ in range(_ROUNDS):
            trials = sorted(set(self._moves(found[0])) - seen)
            seen.update(trials)
            better = self._best(trials, found)
            if better is found:
                break
            found = better
        return found

    def _best(self, trials: list[Groups], found: Settled) -> Settled:
        block = max(1, _CELLS // (self._programs**2 * max(self._most.shape[1], len(self._step))))
        for start in range(0, len(trials), block):
            found = self.settled(trials[start : start + block], found[2] * (1 - _SAVES)) or found
        return found

    def _moves(self, groups: Groups) -> Iterator[Groups]:
        """A class goes to another group or by itself, for which two groups are joined where there are as many as may
        be; or two classes change places.
        """
        bits = [1 << member for member in self._members.tolist()]
        used = [group for group in groups if group]
        home = {bit: group for bit in bits for group in used if group & bit}
        joined = [used]
        if len(used) == self._programs:
            pairs = [(a, b) for k, a in enumerate(used) for b in used[:k]]
            pairs = pairs if len(pairs) * len(bits) <= _JOINED else []
            joined = [[*(g for g in used if g not in (a, b)), a | b] for a, b in pairs]
        for fewer in joined:
            for bit in bits:
                yield self._ordered([*(group & ~bit for group in fewer), bit])
        for bit in bits:
            for group in used:
                if group != home[bit]:
                    yield self._ordered([g & ~bit | (bit if g == group else 0) for g in used])
            for other in bits:
                if other < bit and home[other] != home[bit]:
                    both = bit | other
                    yield self._ordered([g ^ both if g & both else g for g in used])

    def _highest(self, masks: Ints) -> Floats:
        """(c, k, T) the highest need in each of the groups (c, k)."""
        inside = masks[:, :, None] >> self._members & 1
        least = self._classes.needs.least
        highest: Floats = np.zeros((*masks.shape, least.shape[1]))
        for member, row in enumerate(least):
            np.maximum(highest, np.where(inside[:, :, member, None] > 0, row, 0.0), out=highest)
        return highest

    def _between(self, masks: Ints) -> Floats:
        """(c, k, k) the smallest step from a group to another."""
        inside = masks[:, :, None] >> self._members & 1 > 0
        reach = np.where(inside[:, :, :, None], self._step, np.inf).min(axis=2)
        between: Floats = np.where(inside[:, None], reach[:, :, None], np.inf).min(axis=3)
        return between

    def _rows(self, masks: Ints, flux: Floats) -> Floats:
        rows: Floats = flux[(masks[:, None] >> self._members & 1).argmax(axis=0)]
        return rows

    def _followed(self, masks: Ints, need: Floats) -> tuple[Floats, Floats]:
        """The cheapest program of groups `masks` (…) above `need` (…, T), and its cost (…); nothing for none."""
        slots = need.shape[-1]
        flat, rows = masks.ravel().tolist(), need.reshape(-1, slots)
        keys = [(mask, row.tobytes()) for mask, row in zip(flat, rows, strict=True)]
        self._known |= {key: (np.zeros(slots), 0.0) for key in keys if not key[0]}
        new = {key: k for k, key in enumerate(keys) if key not in self._known}
        if new:
            self._seek(list(new), rows[list(new.values())])
        found = [self._known[key] for key in keys]
        flux = np.stack([row for row, _ in found]).reshape(need.shape)
        return flux, np.array([cost for _, cost in found]).reshape(masks.shape)

    def _seek(self, keys: list[tuple[int, bytes]], least: Floats) -> None:
        inside = np.array([key[0] for key in keys])[:, None] >> self._members & 1
        group, members = np.nonzero(inside)
        needs, draws = self._classes.together(members, group)
        flux, cost = staircases(needs.above(least), draws)
        self._known |= zip(keys, zip(flux, cost.tolist(), strict=True), strict=True)
