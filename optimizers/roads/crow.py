"""Distances without a map: great circles, lengthened by what streets add."""

import numpy as np

from optimizers.arrays import Floats
from optimizers.result import InvalidProblem

EARTH_M = 6_371_008.8
"""Mean radius of the earth (IUGG): the sphere's distances are within 0.5 % of the ellipsoid's."""

DETOUR = 1.3
"""Road distance over straight distance in towns; of one extract `consigne roads check` tells the true one."""

_ROWS = 64  # reckoned together: on the way there are several arrays as large as what is reckoned


def great_circle_m(lon_deg: Floats, lat_deg: Floats, to_lon_deg: Floats, to_lat_deg: Floats) -> Floats:
    """Between points on a sphere, in metres; the arrays are broadcast."""
    lat, to_lat = np.radians(lat_deg), np.radians(to_lat_deg)
    half = np.sin((to_lat - lat) / 2) ** 2
    half = half + np.cos(lat) * np.cos(to_lat) * np.sin(np.radians(to_lon_deg - lon_deg) / 2) ** 2
    metres: Floats = 2 * EARTH_M * np.arcsin(np.sqrt(np.minimum(half, 1.0)))
    return metres


def crow(
    lon_deg: Floats,
    lat_deg: Floats,
    speed_m_s: float,
    detour: float = DETOUR,
    into: tuple[Floats, Floats] | None = None,
) -> tuple[Floats, Floats]:
    """(distance_m, duration_s) from every point to every other, (L, L), symmetric: great circle times `detour`. They
    are written `into` arrays that are given, in as many bits as these have.

    What is made of it is approximate, and says so. Raises InvalidProblem for coordinates that are none on earth, and
    for a speed or detour that cannot be.
    """
    lon, lat = np.array(lon_deg, np.float64), np.array(lat_deg, np.float64)
    if problems := [*off_earth(lon, lat), *_impossible(speed_m_s, detour)]:
        raise InvalidProblem(problems)
    distance_m, duration_s = into or (np.empty((len(lon), len(lon))), np.empty((len(lon), len(lon))))
    for top in range(0, len(lon), _ROWS):
        rows = slice(top, top + _ROWS)
        metres = detour * great_circle_m(lon[rows, None], lat[rows, None], lon, lat)
        distance_m[rows], duration_s[rows] = metres, metres / speed_m_s
    np.fill_diagonal(distance_m, 0.0)
    np.fill_diagonal(duration_s, 0.0)
    return distance_m, duration_s


def off_earth(lon_deg: Floats, lat_deg: Floats) -> list[str]:
    """What is wrong with coordinates: each point that lies nowhere."""
    if lon_deg.shape != lat_deg.shape or lon_deg.ndim != 1:
        return [f"longitudes have shape {lon_deg.shape}, latitudes {lat_deg.shape}; wants one of each for each point"]
    bad = ~((np.abs(lon_deg) <= 180) & (np.abs(lat_deg) <= 90))  # NaN is bad too
    return [
        f"point {k} is at longitude {lon_deg[k]}, latitude {lat_deg[k]}; wants -180 to 180 and -90 to 90"
        for k in np.flatnonzero(bad)
    ]


def _impossible(speed_m_s: float, detour: float) -> list[str]:
    wrong = [
        (not 0 < speed_m_s < np.inf, f"speed_m_s is {speed_m_s}, wants more than 0"),
        (not 1 <= detour < np.inf, f"detour is {detour}, wants at least 1: no way is shorter than the straight one"),
    ]
    return [text for bad, text in wrong if bad]
