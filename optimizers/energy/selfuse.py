"""Plain self-consumption: what the sun leaves is stored, what is drawn is covered. The rule that a plan has to beat."""

from dataclasses import dataclass, replace

import numpy as np

from optimizers.arrays import Floats
from optimizers.energy.control import Cell, Number, battery_power_w


@dataclass(frozen=True, kw_only=True, eq=False)
class SelfUse:
    """A self-consumption rule with levels of what is stored, in Wh; plain by default. Of T slots, for one battery (T,)
    or (B, T) for several:

    reserve_wh   it covers what is drawn only from what is stored above this: the rest is kept for dearer hours
    filled_wh    up to this it charges from the grid as well
    fill_w       power at the meter up to which it does so
    kept_wh      up to this it stores what the sun leaves; inf for all that it can
    """

    reserve_wh: Floats
    filled_wh: Floats
    fill_w: Floats
    kept_wh: Floats

    @classmethod
    def plain(cls, slots: int) -> "SelfUse":
        none = np.zeros(slots)
        return cls(reserve_wh=none, filled_wh=none, fill_w=none, kept_wh=none + np.inf)

    def power_w(self, slot: int, net_w: Number, stored_wh: Number, cell: Cell, seconds: Number) -> Floats:
        """Power of the battery, positive when it charges; `net_w` is what is drawn without it."""
        reserve, kept = self.reserve_wh[..., slot], self.kept_wh[..., slot]
        keeps = replace(
            cell,
            floor_wh=np.maximum(cell.floor_wh, reserve),
            capacity_wh=np.minimum(cell.capacity_wh, np.maximum(kept, stored_wh)),
        )
        power = battery_power_w(net_w, 0.0, 0.0, stored_wh, keeps, seconds)
        filled = self.filled_wh[..., slot]
        upto = replace(cell, capacity_wh=np.minimum(cell.capacity_wh, filled))
        filling = battery_power_w(net_w, self.fill_w[..., slot], np.inf, stored_wh, upto, seconds)
        chosen: Floats = np.where(filled > stored_wh, np.maximum(power, filling), power)
        return chosen


def simulate(
    rule: SelfUse, net_w: Floats, seconds: Floats, cell: Cell, initial_wh: Number = 0.0
) -> tuple[Floats, Floats]:
    """What a rule would have done about a net load (..., T): power, and what is stored after each slot."""
    stored = np.broadcast_to(np.asarray(initial_wh, np.float64), net_w.shape[:-1]).copy()
    power, held = np.empty(net_w.shape), np.empty(net_w.shape)
    for t in range(net_w.shape[-1]):
        power[..., t] = rule.power_w(t, net_w[..., t], stored, cell, seconds[t])
        stored = cell.after_wh(stored, power[..., t], seconds[t])
        held[..., t] = stored
    return power, held
