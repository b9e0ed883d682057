"""What buildings of the heating study would buy at least: of one who knows season, people and walls.

    PYTHONPATH=. .venv/bin/python tests/bench/show_energy_least_heat.py [--days N] [--seed N] [--slack K]

One linear program of a whole season in half hours with the twin's own temperatures, warm (less --slack) whenever people
are in, and no colder than 8 °C. Plants give their heat as at six tenths of full load, and start for nothing. No
controller that keeps so warm buys less, but for what a better part load gives: 1.2 % of a boiler, 1.5 % of a heat pump.
"""

import argparse
from dataclasses import replace

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array

from optimizers.arrays import Floats
from tests.bench.energy_heat import LEARNING, Case, premises, sky, tables
from tests.bench.show_energy_thermal import KINDS
from twin.energy.fabric import Fabric, _steps
from twin.energy.outside import Outside
from twin.energy.people import HEAT_W, KEPT, Quarter
from twin.energy.premises import _CONVECTED

_SLOT_H, _LOAD, _EMPTY_C, _FREE = 0.5, 0.6, 8.0, 48  # the first day is free: it begins as it was left
_LARGE_C = 60.0


def least_kwh(case: Case, slack_k: float = 0.0) -> float:
    """Bought in a season. Raises ValueError where no plant is large enough."""
    outside = sky(case)
    what, first, count = premises(case, outside), LEARNING.days * 96 + 4, case.days * 48
    known, crowd = {one.at: one for one in what.quarters}, max(one.people for one in what.quarters)
    skies = [outside[first + 2 * k : first + 2 * k + 2] for k in range(count)]
    people = [[known[one.at] for one in two] for two in skies]
    steps = [_step(what.fabric, two, within, crowd) for two, within in zip(skies, people, strict=True)]
    own, heat, rest = (np.stack([step[n] for step in steps]) for n in range(3))
    rest[0] += own[0] @ np.array(what.fabric.settled(skies[0][0].air_c, 18.0))
    i, j = np.arange(3 * count), np.arange(3 * count).reshape(count, 3)
    before = np.repeat(j[:-1], 3, axis=0).ravel()
    rows = np.concatenate([i, i, np.repeat(i[3:], 3)])
    columns = np.concatenate([i, 3 * count + i // 3, before])
    values = np.concatenate([np.ones(3 * count), -heat.ravel(), -own[1:].ravel()])
    outdoor = [float(np.mean([one.air_c for one in two])) for two in skies]
    inside = np.array([max(one.people for one in two) > 0 for two in people])
    low = np.full((count, 3), -_LARGE_C)
    wanted = tables().of_use(case.use).present - slack_k
    low[:, 0] = np.where(inside | np.append(inside[1:], False), wanted, _EMPTY_C)
    low[:_FREE, 0] = np.minimum(low[:_FREE, 0], _EMPTY_C)
    most = [what.plant.capacity_w(air) for air in outdoor]
    found = linprog(
        np.concatenate([np.zeros(3 * count), [_SLOT_H / what.plant.cop(air, _LOAD) / 1e3 for air in outdoor]]),
        A_eq=coo_array((values, (rows, columns)), shape=(3 * count, 4 * count)).tocsr(), b_eq=rest.ravel(),
        bounds=np.column_stack([
            np.append(low.ravel(), np.zeros(count)), np.append(np.full(3 * count, _LARGE_C), most)
        ]),
        method="highs",
    )  # fmt: skip
    if found.status != 0:
        raise ValueError(f"{case.name}: {found.message}")
    return float(found.fun)


def _step(
    fabric: Fabric, skies: list[Outside], people: list[Quarter], crowd: float
) -> tuple[Floats, Floats, Floats]:  # fmt: skip
    """Of a half hour: (3, 3) what temperatures make of temperatures, (3,) what a W does, (3,) all that is given."""
    present, base_w = (float(np.mean(v)) for v in ([p.people for p in people], [p.base_w for p in people]))
    sun_w = fabric.sun_m2 * float(np.mean([one.sun_w_m2 for one in skies]))
    within_w = HEAT_W * present + KEPT * base_w
    rows = np.array(_steps(fabric, round(4 * min(present / crowd, 1)) / 4, 1800.0).after)
    inputs = np.array([
        float(np.mean([one.air_c for one in skies])), _CONVECTED * within_w + (1 - fabric.sun_to_inner) * sun_w,
        (1 - _CONVECTED) * within_w + fabric.sun_to_inner * sun_w,
    ])  # fmt: skip
    return rows[:, :3], rows[:, 3:] @ np.array([0.0, _CONVECTED, 1 - _CONVECTED]), rows[:, 3:] @ inputs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--slack", type=float, default=0.0, help="K colder than wanted that is still warm enough")
    options = parser.parse_args()
    found = [least_kwh(replace(case, days=options.days, seed=options.seed), options.slack) for case in KINDS]
    for case, kwh in zip(KINDS, found, strict=True):
        print(f"{case.name:<36}{kwh:>12.0f} kWh")
    print(f"{'all':<36}{sum(found):>12.0f} kWh")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
