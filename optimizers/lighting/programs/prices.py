"""What profiles pay in a group, by the height of the group: a bound that needs no program for each group.

Each member pays for the cheapest program above the highest need of all members, as if it were for lamps of its kind
alone. Where all are of one kind that is what the group costs, else a little less.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.lighting.programs.draws import Draws
from optimizers.lighting.programs.envelopes import pieces
from optimizers.lighting.programs.profiles import Profiles
from optimizers.lighting.programs.staircase import Needs, costs

_KINDS = 4  # of lamps in one holder whose programs are sought; where there are more, heights alone are priced


@dataclass(slots=True, eq=False)
class Prices:
    """What n profiles of one holder pay at least in a group of some height, over P pieces and V levels of flux.

    need (n, P)      index of the level that each needs
    table (n, P, V)  cost of each level in each piece
    own (n,)         cost of each one's cheapest program
    """

    need: Ints
    table: Floats
    own: Floats
    _levels: Floats
    _length: Ints
    _kind: Ints
    _needs: Needs
    _draws: Draws
    _part: Floats
    _known: dict[bytes, Floats] = field(default_factory=dict)

    @classmethod
    def of(cls, profiles: Profiles, start: int, own: Floats) -> "Prices":
        rows = np.arange(start, start + own.size)
        draws, needs = profiles.draws.take(rows), profiles.needs.take(rows)
        first, length = pieces(needs.least, draws.turns())
        levels, need = np.unique(needs.least[:, first], return_inverse=True)
        need = need.reshape(own.size, -1)
        table = draws.table(
            np.broadcast_to(levels, (own.size, levels.size)),
            np.broadcast_to(first, (own.size, first.size)),
            np.broadcast_to(length, (own.size, first.size)),
        )
        _, lead, kind = np.unique(profiles.kind[rows], return_index=True, return_inverse=True)
        loosest = Needs(
            needs.least[lead],
            np.repeat(needs.ramp.max(axis=0)[None], lead.size, axis=0),
            np.repeat(needs.whole.all(), lead.size),
            needs.changes[lead],
            needs.burning,
        )
        weight = draws.full_wh.sum(axis=1)
        part = weight / weight[lead][kind]
        return cls(need, table, own, levels, length.astype(np.int64), kind, loosest, draws.take(lead), part)

    def paid(self, height: Ints) -> Floats:
        """(M, n) what each profile pays at least in groups of `height` (M, P), or of its own need where that is higher
        somewhere.
        """
        n, count, levels = self.table.shape
        at = np.maximum(height[:, None, :], self.need)
        at += np.arange(n * count).reshape(n, count) * levels
        paid: Floats = np.maximum(self.table.ravel().take(at).sum(axis=2), self.own)
        if self._needs.least.shape[0] <= _KINDS:
            np.maximum(paid, self._programs(height)[:, self._kind] * self._part, out=paid)
        return paid

    def _programs(self, height: Ints) -> Floats:
        """(M, k) cost of the cheapest program above each height for the lead of each kind."""
        keys = [row.tobytes() for row in height]
        new = {key: row for key, row in zip(keys, height, strict=True) if key not in self._known}
        if new:
            kinds = len(self._needs.least)
            rows = np.repeat(self._levels[np.stack(list(new.values()))], self._length, axis=1)
            lead = np.tile(np.arange(kinds), len(rows))
            needs = replace(self._needs.take(lead), least=np.repeat(rows, kinds, axis=0))
            draws = self._draws.repeated(len(rows))
            self._known |= zip(new, costs(needs, draws).reshape(-1, kinds), strict=True)
        return np.stack([self._known[key] for key in keys])

    def height(self, members: Bools) -> Ints:
        highest: Ints = self.need[members].max(axis=0)
        return highest

    def costs(self, groups: Bools) -> Floats:
        """(g,) what groups (g, n) cost at least."""
        paid = self.paid(np.stack([self.height(members) for members in groups]))
        costs: Floats = np.where(groups, paid, 0.0).sum(axis=1)
        return costs
