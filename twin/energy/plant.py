"""What makes heat: heat pumps, boilers and substations of district heat, each bought otherwise and with its own loss.

Figures are usual ones of catalogues and field trials, ours where nothing is named: a plan knows none of them.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

_KELVIN = 273.15
GAS_WH_M3 = 11_200.0
"""Heat of a m³ of natural gas by its upper value, as bills have it: 10.8 to 11.6 kWh by where in France."""


class Source(StrEnum):
    """Of heat."""

    HEAT_PUMP = "heatPump"
    BOILER = "boiler"
    DISTRICT = "district"


@dataclass(frozen=True, kw_only=True)
class Plant:
    """A producer of heat.

    source
    heat_max_w            at 7 °C outside; of a heat pump less below, see `capacity_w`
    heat_least_w          it gives no less while it runs: below, it cycles
    start_wh              bought for each start, for nothing: purging, warming its own water
    carnot                of a heat pump: its COP over the ideal one
    efficiency            of a boiler at full load (upper value), of a substation
    flow_c                of its water at 20 °C outside, and how much hotter for each K below: the heating curve
    flow_slope
    aside_w               drawn while heat is wanted: pumps, fans, controller
    """

    source: Source
    heat_max_w: float
    heat_least_w: float = 0.0
    start_wh: float = 0.0
    carnot: float = 0.42
    efficiency: float = 0.97
    flow_c: float = 25.0
    flow_slope: float = 0.9
    aside_w: float = 0.0

    def flow_temperature_c(self, outdoor_c: float) -> float:
        """Of the water it sends out, by the heating curve: 20 to 75 °C."""
        return min(max(self.flow_c + self.flow_slope * (20.0 - outdoor_c), 20.0), 75.0)

    def capacity_w(self, outdoor_c: float) -> float:
        """Most heat it can give: a heat pump 2 % less for each K below 7 °C, 10 % less again while it defrosts."""
        if self.source is not Source.HEAT_PUMP:
            return self.heat_max_w
        share = min(max(1.0 + 0.02 * (outdoor_c - 7.0), 0.4), 1.15)
        return self.heat_max_w * share * (0.9 if _frosts(outdoor_c) else 1.0)

    def cop(self, outdoor_c: float, load: float = 1.0) -> float:
        """Heat for a unit bought, at a share of its capacity. A heat pump is best at some half, worst at full load."""
        if self.source is Source.DISTRICT:
            return self.efficiency
        if self.source is Source.BOILER:
            # Condensing needs cold returns: 1 % for 4 K of flow above 50 °C; and half load is 1 % better.
            hot = max(self.flow_temperature_c(outdoor_c) - 50.0, 0.0)
            return self.efficiency * (1.02 - 0.02 * load) - 0.0025 * hot
        flow_k = self.flow_temperature_c(outdoor_c) + _KELVIN
        ideal = flow_k / max(flow_k - (outdoor_c + _KELVIN) + 10.0, 15.0)  # 5 K over each exchanger
        return max(self.carnot * ideal * (1.08 - 0.16 * abs(load - 0.5)) * (0.9 if _frosts(outdoor_c) else 1.0), 1.0)


def _frosts(outdoor_c: float) -> bool:
    """Whether damp air freezes on the evaporator, which is then defrosted: it is coldest there a little above zero."""
    return -3.0 <= outdoor_c <= 5.0


class Made(NamedTuple):
    """Heat given, what was bought for it and what was drawn aside, in W, as means of a step; whether it still runs."""

    heat_w: float
    bought_w: float
    aside_w: float
    running: bool


OFF = Made(0.0, 0.0, 0.0, running=False)


class Producer:
    """A plant that is asked for heat step by step.

    What is asked below its least load is given in bursts: it runs at the least while what it owes is more than a
    quarter hour of it, or it runs already and owes anything.
    """

    def __init__(self, plant: Plant) -> None:
        self.plant = plant
        self.running = False
        self.starts = 0
        self._owed_wh = 0.0

    def made(self, wanted_w: float, outdoor_c: float, seconds: float) -> Made:
        """For one step in which nothing changes."""
        plant, hours = self.plant, seconds / 3600.0
        capacity = plant.capacity_w(outdoor_c)
        wanted = min(max(wanted_w, 0.0), capacity)
        if wanted <= 0.0:
            self._owed_wh, self.running = 0.0, False
            return OFF
        heat = self._given_w(wanted, hours)
        if heat <= 0.0:
            self.running = False
            return Made(0.0, 0.0, plant.aside_w, running=False)
        started_wh = 0.0 if self.running else plant.start_wh
        self.starts += not self.running
        self.running = True
        bought = heat / plant.cop(outdoor_c, heat / capacity) + started_wh / hours
        return Made(heat, bought, plant.aside_w, running=True)

    def _given_w(self, wanted_w: float, hours: float) -> float:
        least = self.plant.heat_least_w
        if wanted_w >= least:
            self._owed_wh = 0.0
            return wanted_w
        self._owed_wh += wanted_w * hours
        if self._owed_wh < (least * hours if self.running else max(0.25 * least, least * hours)):
            return 0.0
        self._owed_wh -= least * hours
        return least


class Thermostat:
    """A controller of heat by the temperature of the air, which follows its setpoint: proportional and integral.

    `band_k`: full heat so far below the setpoint. It remembers no more than full heat, and forgets above the setpoint.
    """

    def __init__(self, band_k: float = 1.5, integral_h: float = 1.5) -> None:
        self._band_k = band_k
        self._integral_h = integral_h
        self._kept = 0.0

    def wanted(self, setpoint_c: float, air_c: float, seconds: float) -> float:
        """Share of full heat, 0 to 1."""
        missing = (setpoint_c - air_c) / self._band_k
        asked = missing + self._kept
        if 0.0 <= asked <= 1.0 or asked * missing < 0.0:
            self._kept = min(max(self._kept + missing * seconds / 3600.0 / self._integral_h, 0.0), 1.0)
        return min(max(missing + self._kept, 0.0), 1.0)
