"""Cabinets to measure programs on: streets whose classes fall at hours of their own, crossings, neighbours lifted."""

import numpy as np

from optimizers.lighting import Holders, LightingProblem, PowerCurve

LED = PowerCurve("led", (0.0, 0.1, 0.5, 1.0), (0.02, 0.12, 0.49, 1.0))
CLASSES = np.array([1.0, 0.75, 0.5, 0.36, 0.25])  # flux of a class and of those below it


def cabinets(seed: int, count: int, *, lamps: int = 60, programs: int = 6, switch_points: int = 8) -> LightingProblem:
    """`count` cabinets of `lamps` lamps on two to four streets, from noon to noon in quarter hours, dark from 18:00
    to 07:30. Each street has a normal class and falls by one class, then mostly by another, as its traffic does; it
    comes back in the morning. One lamp in forty lights a crossing, at full flux all night. The same seed gives the
    same problem.
    """
    rng = np.random.default_rng(seed)
    slots = 96
    burning = np.zeros(slots, np.bool_)
    burning[24:78] = True
    floor = np.concatenate([_cabinet(rng, lamps, slots, burning) for _ in range(count)])
    row = np.arange(count * lamps).reshape(count, lamps)
    return LightingProblem(
        lamps=tuple(f"C{cabinet:05d}-{lamp:02d}" for cabinet in range(count) for lamp in range(lamps)),
        floor=floor,
        burning=burning,
        power_full_w=rng.choice([38.0, 54.0, 72.0], size=count * lamps),
        ramp_per_slot=np.array(0.25),
        neighbours=np.stack([row[:, :-1].ravel(), row[:, 1:].ravel()], axis=1),
        neighbour_step=np.full(count * (lamps - 1), 0.2),
        curves=(LED,),
        holders=Holders(
            names=tuple(f"C{cabinet:05d}" for cabinet in range(count)),
            of=np.repeat(np.arange(count), lamps),
            programs=np.array(programs),
            switch_points=np.array(switch_points),
        ),
    )


def _cabinet(rng: np.random.Generator, lamps: int, slots: int, burning: np.ndarray) -> np.ndarray:
    streets = int(rng.integers(2, 5))
    cuts = np.sort(rng.choice(np.arange(5, lamps - 5), streets - 1, replace=False)) if streets > 1 else []
    floor = np.zeros((lamps, slots))
    for street in np.split(np.arange(lamps), cuts):
        floor[street] = _street(rng, slots) * burning
    floor[rng.random(lamps) < 1 / 40] = burning
    return floor


def _street(rng: np.random.Generator, slots: int) -> np.ndarray:
    normal = int(rng.integers(0, 3))
    level = np.full(slots, CLASSES[normal])
    first, last = int(rng.integers(32, 46)), int(rng.integers(66, 75))
    level[first:last] = CLASSES[normal + 1]
    if rng.random() < 0.7:
        level[first + int(rng.integers(4, 12)) : last - int(rng.integers(2, 8))] = CLASSES[normal + 2]
    return level
