"""The sun over a roof: how high it stands, what a clear sky lets through, what a roof of modules gives of it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from math import cos, exp, pi, radians, sin, sqrt

HOT_PER_SUN_K = 0.03
"""By so much a module is warmer than the air for each W/m² (NOCT 44 °C)."""


def sine_of_elevation(at: datetime, latitude_deg: float, longitude_deg: float) -> float:
    """Of the sun's middle over the horizon; 0 at night. Spencer's declination and equation of time, within 0.3°."""
    moment = at.astimezone(UTC)
    hours = moment.hour + moment.minute / 60 + moment.second / 3600
    angle = 2 * pi * (moment.timetuple().tm_yday - 1 + hours / 24) / 365
    declination = (
        0.006918 - 0.399912 * cos(angle) + 0.070257 * sin(angle)
        - 0.006758 * cos(2 * angle) + 0.000907 * sin(2 * angle)
        - 0.002697 * cos(3 * angle) + 0.00148 * sin(3 * angle)
    )  # fmt: skip
    equation_min = 229.18 * (
        0.000075 + 0.001868 * cos(angle) - 0.032077 * sin(angle)
        - 0.014615 * cos(2 * angle) - 0.040849 * sin(2 * angle)
    )  # fmt: skip
    hour_angle = radians(15 * (hours + longitude_deg / 15 + equation_min / 60 - 12))
    latitude = radians(latitude_deg)
    return max(sin(latitude) * sin(declination) + cos(latitude) * cos(declination) * cos(hour_angle), 0.0)


def clear_sky_w_m2(sine: float) -> float:
    """Of a clear sky on the horizontal: Haurwitz (1945), 1098 cos z exp(-0.057 / cos z)."""
    return 1098.0 * sine * exp(-0.057 / sine) if sine > 0.01 else 0.0


@dataclass(frozen=True, kw_only=True)
class Roof:
    """Modules on a roof.

    peak_w      at 1,000 W/m² and 25 °C
    tilted      what falls on them over what falls on the horizontal, when the sun is high; more when it is low
    losses      inverter, cables, dirt
    """

    peak_w: float
    tilted: float = 1.08
    losses: float = 0.14

    def available_w(self, sun_w_m2: float, air_c: float, sine: float) -> float:
        """At the inverter's terminals: 0.4 % less for each K its modules are over 25 °C."""
        if sun_w_m2 <= 0.0:
            return 0.0
        low = 0.25 * sqrt(max(1.0 - sine * sine, 0.0)) if sine > 0.05 else 0.0
        on_it = sun_w_m2 * (self.tilted + low)
        module_c = air_c + HOT_PER_SUN_K * on_it
        given = self.peak_w * on_it / 1000.0 * (1.0 - 0.004 * (module_c - 25.0)) * (1.0 - self.losses)
        return min(max(given, 0.0), self.peak_w)
