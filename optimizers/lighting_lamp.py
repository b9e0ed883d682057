"""What a lamp gives and draws at its age: light lost, and constant light output. Each correction is made once.

A luminaire's light falls with age and dirt. Its maintenance factor is the share of its light when new that is left at
the end of its life (CIE 154, EN 12464-1); the levels that EN 13201-2 requires are maintained ones, so that until then
a lamp gives more than it must. Here light falls on a straight line over the rated life.

Without constant light output that surplus is the plan's: it may dim by as much. With it (CLO) the driver holds the
maintained level by itself, so that the plan has nothing more to take, and the power is what grows instead.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from optimizers.lighting import PowerCurve

Floats = npt.NDArray[np.float64]
_DRIVE_GRID = 100  # shares of full drive are rounded up to hundredths, so that lamps of one model share curves


def light_left(burning_h: Floats, life_h: Floats, maintenance: Floats) -> Floats:
    """Share of the light when new, from 1 down to `maintenance` at `life_h` hours and there ever after.

    NaN hours, an age that nobody knows, are those at the end of life: what is maintained is then all one may count on.
    Raises nothing; 0 < maintenance <= 1, life_h > 0.
    """
    aged = np.clip(np.nan_to_num(np.asarray(burning_h) / life_h, nan=1.0), 0.0, 1.0)
    left: Floats = 1 - (1 - maintenance) * aged
    return left


def level_now(level_maintained: Floats, maintenance: Floats, left: Floats, clo: npt.NDArray[Any]) -> Floats:
    """Level at full flux today, in the unit of `level_maintained`, which a lamp with CLO keeps from its first night."""
    level: Floats = np.where(clo, level_maintained, level_maintained * (left / maintenance))
    return level


def drive_now(maintenance: Floats, left: Floats, clo: npt.NDArray[Any]) -> Floats:
    """Share of its own full output at which a driver holds the maintained level; 1 without CLO. In hundredths, up."""
    drive = np.ceil(maintenance / left * _DRIVE_GRID - 1e-9) / _DRIVE_GRID
    return np.where(clo, drive, 1.0)


def held_back(curve: PowerCurve, drive: float) -> tuple[PowerCurve, float]:
    """The curve of a driver that CLO holds back to a share of its output, and its power at full by that of `curve`.

    Flux 1 is the level it holds, power 1 what that takes today.
    """
    if drive == 1:
        return curve, 1.0
    full = float(np.interp(drive, curve.flux, curve.power))
    below = [(f, p) for f, p in zip(curve.flux, curve.power, strict=True) if f < drive]
    flux = (*(f / drive for f, _ in below), 1.0)
    power = (*(p / full for _, p in below), 1.0)
    return PowerCurve(f"{curve.name} held to {drive:g}", flux, power), full
