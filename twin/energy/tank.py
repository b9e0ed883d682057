"""A tank of hot water in layers: cold water comes in below, hot water leaves above, and what is hotter rises."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

WATER_WH_L_K = 1.163
"""Heat that warms a litre of water by 1 K."""

LAYERS = 5
_HYSTERESIS_K = 4.0


@dataclass(frozen=True, kw_only=True)
class Tank:
    """Its volume, its heater's power, its loss for each K over where it stands, and that place's temperature.

    `probe`: the layer, from below, whose temperature its thermostat and its gateway know.
    """

    volume_l: float
    heat_max_w: float
    loss_w_k: float = 2.0
    around_c: float = 18.0
    mains_c: float = 12.0
    probe: int = 2


class Drawn(NamedTuple):
    """What a while did to a tank: bought, lost and carried off with water, in W, as means; and how hot water came out.

    Carried off is counted over mains.
    """

    bought_w: float
    lost_w: float
    carried_w: float
    out_c: float


class Heater:
    """A tank, its electric heater below and its thermostat. Layers from below."""

    def __init__(self, tank: Tank, layers_c: Sequence[float], *, heating: bool = False) -> None:
        self.tank = tank
        self.layers_c = list(layers_c)
        self._heating = heating

    @property
    def temperature_c(self) -> float:
        """Where its probe is."""
        return self.layers_c[self.tank.probe]

    @property
    def stored_wh(self) -> float:
        """Heat in it over 0 °C."""
        return sum(self.layers_c) * self._layer_wh_k

    @property
    def _layer_wh_k(self) -> float:
        return self.tank.volume_l / LAYERS * WATER_WH_L_K

    def passed(self, setpoint_c: float, drawn_l: float, seconds: float) -> Drawn:
        """After a while, short beside the time in which a layer is drawn."""
        tank, hours = self.tank, seconds / 3600.0
        if self.temperature_c <= setpoint_c - _HYSTERESIS_K:
            self._heating = True
        elif self.temperature_c >= setpoint_c:
            self._heating = False
        bought_w = tank.heat_max_w if self._heating else 0.0
        lost_wh = self._lose(hours)
        out_c, carried_wh = self._draw(drawn_l)
        self.layers_c[0] += bought_w * hours / self._layer_wh_k
        self._rise()
        return Drawn(bought_w, lost_wh / hours, carried_wh / hours, out_c)

    def _lose(self, hours: float) -> float:
        lost = 0.0
        for number, layer in enumerate(self.layers_c):
            layer_wh = self.tank.loss_w_k / LAYERS * (layer - self.tank.around_c) * hours
            self.layers_c[number] -= layer_wh / self._layer_wh_k
            lost += layer_wh
        return lost

    def _draw(self, litres: float) -> tuple[float, float]:
        """Water moves up by what is drawn, mixing within layers; returns how hot it came out, and the heat gone."""
        out_c, carried = self.layers_c[-1], 0.0
        layer_l = self.tank.volume_l / LAYERS
        while litres > 0.0:
            share = min(litres / layer_l, 0.25)
            carried += share * self._layer_wh_k * (self.layers_c[-1] - self.tank.mains_c)
            for number in range(LAYERS - 1, 0, -1):
                self.layers_c[number] += share * (self.layers_c[number - 1] - self.layers_c[number])
            self.layers_c[0] += share * (self.tank.mains_c - self.layers_c[0])
            litres -= share * layer_l
            if litres < 1e-9:
                break
        return out_c, carried

    def _rise(self) -> None:
        """What is hotter than the layer above mixes with it, until nothing is."""
        merged: list[tuple[float, int]] = []
        for layer in self.layers_c:
            heat, count = layer, 1
            while merged and merged[-1][0] / merged[-1][1] > heat / count:
                below, number = merged.pop()
                heat, count = heat + below, count + number
            merged.append((heat, count))
        self.layers_c = [heat / count for heat, count in merged for _ in range(count)]
