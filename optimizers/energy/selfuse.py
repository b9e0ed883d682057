"""Plain self-consumption: what the sun leaves is stored, what is drawn is covered. The rule that a plan has to beat."""

from dataclasses import dataclass, replace

import numpy as np

from optimizers.arrays import Floats
from optimizers.energy.control import Cell, Number, battery_power_w


@dataclass(frozen=True, kw_only=True, eq=False)
class SelfUse:
    """A self-consumption rule; the plain one by default. Of T slots:

    reserve_wh (T,)   it covers what is drawn only from what is stored above this: kept for dearer hours
    filled_wh (T,)    up to this it charges from the grid as well, with `fill_w` at most at the meter
    fill_w (T,)       power at the meter up to which it does so
    """

    reserve_wh: Floats
    filled_wh: Floats
    fill_w: Floats

    @classmethod
    def plain(cls, slots: int) -> "SelfUse":
        none = np.zeros(slots)
        return cls(reserve_wh=none, filled_wh=none, fill_w=none)

    def power_w(self, slot: int, net_w: Number, stored_wh: Number, cell: Cell, seconds: Number) -> Floats:
        """Power of the battery, positive when it charges; `net_w` is what is drawn without it."""
        keeps = replace(cell, floor_wh=np.maximum(cell.floor_wh, self.reserve_wh[slot]))
        power = battery_power_w(net_w, 0.0, 0.0, stored_wh, keeps, seconds)
        upto = replace(cell, capacity_wh=np.minimum(cell.capacity_wh, self.filled_wh[slot]))
        filling = battery_power_w(net_w, self.fill_w[slot], np.inf, stored_wh, upto, seconds)
        filled: Floats = np.where(self.filled_wh[slot] > stored_wh, np.maximum(power, filling), power)
        return filled


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
