"""A small problem to try the optimiser on."""

import numpy as np

from optimizers.lighting.problem import Floats, LightingProblem, PowerCurve

_LED = PowerCurve("led", (0.0, 0.1, 0.5, 1.0), (0.02, 0.12, 0.49, 1.0))
_SODIUM = PowerCurve("sodium", (0.0, 1.0), (0.0, 1.0))


def example(seed: int = 0, *, streets: int = 3, lamps_per_street: int = 8, slots: int = 96) -> LightingProblem:
    """Streets of lamps in a row from noon to noon, dark for six tenths of it, with classes that fall toward the small
    hours at an instant of each street's own. The middle lamp lights a crossing, full all night. The last street's last
    lamp is sodium and cannot dim. The same seed gives the same problem.
    """
    rng = np.random.default_rng(seed)
    n = streets * lamps_per_street
    row = np.arange(n).reshape(streets, lamps_per_street)
    dusk, dawn = slots // 4, slots // 4 + 6 * slots // 10
    burning = np.zeros(slots, np.bool_)
    burning[dusk:dawn] = True
    floor = np.repeat(_street_floors(rng, streets, slots, burning), lamps_per_street, axis=0)
    floor[row[:, lamps_per_street // 2]] = np.where(burning, 1.0, 0.0)
    pairs = np.stack([row[:, :-1].ravel(), row[:, 1:].ravel()], axis=1)
    dimmable = np.ones(n, np.bool_)
    dimmable[-1] = False
    return LightingProblem(
        lamps=tuple(
            f"L-{street + 1:03d}-{place + 1:02d}" for street in range(streets) for place in range(lamps_per_street)
        ),
        floor=floor,
        burning=burning,
        power_full_w=rng.choice([38.0, 54.0, 72.0], size=n),
        ramp_per_slot=np.array(0.25),
        neighbours=pairs,
        neighbour_step=np.full(len(pairs), 0.2),
        dimmable=dimmable,
        curves=(_LED, _SODIUM),
        curve=np.where(dimmable, 0, 1),
    )


def _street_floors(rng: np.random.Generator, streets: int, slots: int, burning: np.ndarray) -> Floats:
    """Levels 1, 0.75, 0.5 in the evening, one class lower for a while around the middle of the night."""
    normal = rng.choice([1.0, 0.75, 0.5], size=(streets, 1))
    night = np.flatnonzero(burning)
    quiet_from = rng.choice(night[: night.size // 2], size=(streets, 1))
    quiet_until = rng.choice(night[night.size // 2 :], size=(streets, 1))
    slot = np.arange(slots)
    quiet = (slot >= quiet_from) & (slot < quiet_until)
    return np.where(burning, np.where(quiet, normal * 0.6, normal), 0.0)
