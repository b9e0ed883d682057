"""Constants of one and the same equations in which their publications differ."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """What a publication, or a program, computes Penman–Monteith with.

    pressure_exponent       of eq. 7
    slope_numerator         of eq. 13, kPa·°C
    declination_rad, phase_rad   greatest declination of the sun, and its phase in the year (eq. 24)
    solar_constant          MJ/m² an hour (eq. 21, 28)
    stefan_boltzmann        MJ/K⁴/m² a day, `…_hourly` an hour (eq. 39)
    clear_sky_by_vapour     Rso by pressure and water vapour (ASCE-EWRI 2005, appendix D) and not by eq. 37
    day, night              Cd of the hour, the factor of wind in the denominator (eq. 53)
    """

    pressure_exponent: float = 5.26
    slope_numerator: float = 4098.0 * 0.6108
    declination_rad: float = 0.409
    phase_rad: float = -1.39
    solar_constant: float = 60 * 0.0820
    stefan_boltzmann: float = 4.903e-9
    stefan_boltzmann_hourly: float = 2.043e-10
    clear_sky_by_vapour: bool = False
    day: float = 0.34
    night: float = 0.34


FAO_56 = Convention()
"""Allen et al. 1998, as printed."""
ASCE = Convention(
    slope_numerator=2503.0, stefan_boltzmann=4.901e-9, stefan_boltzmann_hourly=2.042e-10, day=0.24, night=0.96
)
"""The standardized equation of ASCE-EWRI 2005, short reference."""
REF_ET = Convention(
    pressure_exponent=9.8 / (0.0065 * 286.9),
    declination_rad=float(np.radians(23.45)),
    phase_rad=2 * np.pi * 284 / 365,
    solar_constant=1367 * 0.0036,
    stefan_boltzmann=4.901e-9,
    stefan_boltzmann_hourly=2.042e-10,
    clear_sky_by_vapour=True,
    day=0.24,
    night=0.96,
)
"""The program Ref-ET 4.1 of the University of Idaho."""
