"""Levels of a lamp as equipment writes them: shares, per cent, and the arc power levels of a DALI bus.

Arc power level 0 is off and 254 is full. By the logarithmic curve of IEC 62386-102 level n gives 10^((n-1)/(253/3) - 1)
per cent of full flux, 0.1 % at level 1; by the linear one, which IEC 62386-207 lets a LED driver take, n of 254. 255 is
no level (MASK: leave as it is). Flux is a share of full flux, 0…1.
"""

import math
from typing import Literal

Scale = Literal["share", "percent", "dali-log", "dali-linear"]
FULL = 254
_DECADES = 3  # from level 1 to level 254
_SLACK = 1e-9  # of a level: a flux that came from a level gives that level again


def flux_of(value: float, scale: Scale = "dali-log") -> float:
    """Share of full flux that a value of a scale means. Raises ValueError "what → hint" for one outside it."""
    top = {"share": 1, "percent": 100}.get(scale, FULL)
    if not 0 <= value <= top:
        raise ValueError(f"{value:g} is outside 0 to {top}, the scale {scale!r} → {_guess(value)}")
    if scale != "dali-log":
        return value / top
    if value != int(value):
        raise ValueError(f"{value:g} lies between two levels of a DALI bus → give a whole number")
    return 10 ** ((value - FULL) * _DECADES / (FULL - 1)) if value else 0.0


def level_of(flux: float, scale: Scale = "dali-log") -> int:
    """The lowest level of a DALI bus that is not dimmer than a flux. Raises ValueError for a flux outside 0…1."""
    if not 0 <= flux <= 1:
        raise ValueError(f"{flux:g} is no flux: a share of full, 0 to 1")
    if scale not in {"dali-log", "dali-linear"}:
        raise ValueError(f"{scale!r} has no levels → dali-log or dali-linear")
    if flux == 0:
        return 0
    exact = FULL + (FULL - 1) / _DECADES * math.log10(flux) if scale == "dali-log" else FULL * flux
    return min(max(math.ceil(exact - _SLACK), 1), FULL)


def _guess(value: float) -> str:
    if 1 < value <= 100:
        return "it looks like per cent: say so in its scale, or divide by 100"
    if 100 < value <= FULL:
        return "it looks like a level of a DALI bus: say so in its scale"
    return "write a number of the scale"
