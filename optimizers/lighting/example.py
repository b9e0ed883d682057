"""Small problems to try the optimiser on."""

import numpy as np

from optimizers.arrays import Floats
from optimizers.lighting.parts import Budget, Holders, Lanes, Yesterday
from optimizers.lighting.power import energy_wh, power_w
from optimizers.lighting.problem import LightingProblem, PowerCurve
from optimizers.lighting.solve import solve

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


def full_example(
    seed: int = 0,
    *,
    cabinets: int = 2,
    streets_per_cabinet: int = 3,
    lamps_per_street: int = 6,
    slots: int = 96,
    programs: int = 6,
    switch_points: int = 8,
) -> LightingProblem:
    """The example with every part. Each cabinet feeds a few streets, of which the last runs on into the next cabinet's
    first. Streets fall by a class or two at an instant of their own and rise again; every third is a path with
    detectors. Yesterday each fell at another instant. Energy is to be 94 % of what programs alone would take and the
    peak 97 %, for which all light but that of crossings may give way by two fifths; at most four lamps in five may be
    told another program, for 2 Wh saved at least.
    """
    streets = cabinets * streets_per_cabinet
    plain = example(seed, streets=streets, lamps_per_street=lamps_per_street, slots=slots)
    rng = np.random.default_rng([seed, 1])
    n = len(plain.lamps)
    street = np.arange(n) // lamps_per_street
    crossing = np.arange(n) % lamps_per_street == lamps_per_street // 2
    today, before = (_fallen(rng, plain, street, crossing) for _ in range(2))
    before = np.where(rng.random(streets)[street, None] < 0.6, today, before)
    last = np.arange(streets_per_cabinet, streets, streets_per_cabinet) * lamps_per_street
    path = street % 3 == 2
    whole = {
        **vars(plain),
        "neighbours": np.concatenate([plain.neighbours, np.stack([last - 1, last], axis=1)]),
        "neighbour_step": np.full(len(plain.neighbours) + last.size, 0.3),
        "holders": Holders(
            names=tuple(f"K-{k + 1:03d}" for k in range(cabinets)),
            of=street // streets_per_cabinet,
            programs=np.array(programs),
            switch_points=np.array(switch_points),
        ),
        "lanes": Lanes(
            boost=np.where(path & plain.dimmable, 0.9, 0.0),
            detection=np.where(path[:, None] & plain.burning, 0.15, 0.0),
        ),
    }
    old = solve(LightingProblem(**{**whole, "floor": before}))
    problem = LightingProblem(**{**whole, "floor": today})
    alone = solve(problem).flux
    budget = Budget(
        relaxed=np.where(crossing[:, None], today, 0.6 * today),
        energy_wh=round(0.94 * energy_wh(problem, alone), 1),
        peak_w=np.round(0.97 * power_w(problem, alone).max(), 1),
    )
    yesterday = Yesterday(flux=old.flux, changes=4 * n // 5, change_cost_wh=2.0)
    return LightingProblem(**{**whole, "floor": today, "budget": budget, "yesterday": yesterday})


def _fallen(rng: np.random.Generator, plain: LightingProblem, street: np.ndarray, crossing: np.ndarray) -> Floats:
    """Floors that leave the normal class late in the evening, fall once more around midnight and rise before dawn."""
    night = np.flatnonzero(plain.burning)
    streets = int(street.max()) + 1
    normal = rng.choice([1.0, 0.75, 0.5], size=streets)
    at = np.sort(rng.choice(night[2:-2:2], size=(streets, 4)), axis=1)
    slot = np.arange(plain.burning.size)
    falls = [(slot >= at[:, [k]]) & (slot < at[:, [3 - k]]) for k in range(2)]
    level = np.round(normal[:, None] * np.where(falls[1], 0.5, np.where(falls[0], 0.75, 1.0)), 3)
    floor: Floats = np.where(plain.burning, np.where(crossing[:, None], 1.0, level[street]), 0.0)
    return floor
