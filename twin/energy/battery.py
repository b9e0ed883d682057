"""A battery in software: what its inverter and cells lose by power, and limits that taper when full or empty."""

from dataclasses import dataclass
from typing import NamedTuple

_TAPER = 0.05  # of its capacity: within that of full or empty, power falls off


@dataclass(frozen=True, kw_only=True)
class Cells:
    """A battery with its inverter.

    standby_w      drawn by its electronics at all times, from the cells
    inverter       share of what passes the inverter that is lost
    resistance     share that is lost again in the cells at full power; it falls with power
    """

    capacity_wh: float
    charge_max_w: float
    discharge_max_w: float
    standby_w: float = 15.0
    inverter: float = 0.025
    resistance: float = 0.04


class Moved(NamedTuple):
    """What passed at its terminals in W (positive is charging), and what was lost on the way, as means."""

    power_w: float
    lost_w: float


class Battery:
    """Cells and what is in them."""

    def __init__(self, cells: Cells, stored_wh: float) -> None:
        self.cells = cells
        self.stored_wh = stored_wh

    @property
    def state_of_charge(self) -> float:
        return self.stored_wh / self.cells.capacity_wh

    @property
    def most_w(self) -> tuple[float, float]:
        """Most it can be charged, and discharged, now."""
        full = 1.0 - self.state_of_charge
        return (
            self.cells.charge_max_w * min(full / _TAPER, 1.0),
            self.cells.discharge_max_w * min(self.state_of_charge / _TAPER, 1.0),
        )

    def moved(self, wanted_w: float, seconds: float) -> Moved:
        """A step in which it is asked for a power, and gives what it can."""
        hours, (charge, discharge) = seconds / 3600.0, self.most_w
        power = min(max(wanted_w, -discharge), charge)
        into = self._into_cells_w(power)
        room_wh = self.cells.capacity_wh - self.stored_wh
        if into * hours > room_wh:
            power, into = self._within(power, into, room_wh / hours)
        elif -into * hours > self.stored_wh:
            power, into = self._within(power, into, -self.stored_wh / hours)
        self.stored_wh = min(max(self.stored_wh + into * hours, 0.0), self.cells.capacity_wh)
        return Moved(power, power - into)

    def _into_cells_w(self, power_w: float) -> float:
        cells = self.cells
        largest = cells.charge_max_w if power_w > 0 else cells.discharge_max_w
        share = cells.inverter + cells.resistance * abs(power_w) / max(largest, 1.0)
        standby = cells.standby_w if self.stored_wh > 0 or power_w > 0 else 0.0
        return power_w - abs(power_w) * share - standby

    def _within(self, power_w: float, into_w: float, limit_w: float) -> tuple[float, float]:
        """A power at which the cells take or give just so much: what is short of a full step is scaled."""
        scale = limit_w / into_w
        return power_w * scale, limit_w
