"""Of plans that cost the same, one that moves power least from slot to slot, and buys earlier.

Where prices are flat most plans cost the same, and a solver gives whichever corner it meets first. All of them are a
program of their own (`ladder.face`), much smaller than the whole. Of it, in kW:

    movement    each kW by which a device's power is another in the next slot               1
    throughput  each kW that a store charges, and discharges: none goes round in circles    1
    heat        each kW a room or tank is given or loses: sun that costs nothing does not heat and cool it  0.1
    meter       each kW bought or sold: not both for nothing                                0.01
    curtailed   each kW of sun not taken: what may be fed in for nothing is                 0.02
    late        each kWh bought, by the part of the plan before it                          0.001
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from optimizers.arrays import Floats, Ints
from optimizers.energy.assembling import Assembled, Layout
from optimizers.energy.ladder import Run
from optimizers.energy.linear import Linear
from optimizers.result import Status

_MOVED, _HEAT, _METER, _CURTAILED, _LATE = 1.0, 0.1, 0.01, 0.02, 0.001


def smoothest(assembled: Assembled, face: Linear, hours: Floats, run: Run) -> Floats | None:
    """The solution (columns,) of a face that moves least; None where the clock left none."""
    layout = assembled.layout
    cost = np.zeros(face.cost.size)
    for stores in (layout.batteries, layout.vehicles):
        cost[stores.charge] = cost[stores.discharge] = _MOVED
    before = np.cumsum(hours) - hours
    for heats in (layout.rooms, layout.tanks):
        cost[heats.heat] = cost[heats.cool] = _HEAT
    cost[layout.meters.bought] = _METER + _LATE * hours * before / hours.sum()
    cost[layout.meters.sold] = _METER
    cost[layout.solar] = -_CURTAILED
    answer = run(_with_movement(replace(face, cost=cost, offset=0.0), list(_powers(layout))))
    return answer.x[: cost.size] if answer.status == Status.OPTIMAL else None


def _powers(layout: Layout) -> Iterator[tuple[Ints, Ints | None]]:
    """Columns (k, T) of each kind of device's power, and those that count against them."""
    for stores in (layout.batteries, layout.vehicles):
        yield stores.charge, stores.discharge
    for heats in (layout.rooms, layout.tanks):
        yield heats.heat, None
        yield heats.cool, None


def _with_movement(face: Linear, powers: list[tuple[Ints, Ints | None]]) -> Linear:
    """More columns `up` and `down` and rows power[t] - power[t-1] - up + down = 0, where power may move at all."""
    pieces = [_moves(face, plus, minus) for plus, minus in powers]
    index, value = (np.concatenate([piece[k] for piece in pieces]) for k in range(2))  # (rows, 4)
    rows, columns = len(index), face.cost.size
    extra = columns + np.arange(2 * rows).reshape(rows, 2)
    index = np.concatenate([index, extra], axis=1)
    value = np.concatenate([value, np.broadcast_to([-1.0, 1.0], (rows, 2))], axis=1)
    kept = value != 0
    start = face.start[-1] + np.cumsum(kept.sum(axis=1))
    zeros, ones = np.zeros(2 * rows), np.full(2 * rows, _MOVED)
    return replace(
        face,
        cost=np.append(face.cost, ones), lower=np.append(face.lower, zeros),
        upper=np.append(face.upper, np.full(2 * rows, np.inf)), whole=np.append(face.whole, zeros > 0),
        start=np.append(face.start, start).astype(np.int32), index=np.append(face.index, index[kept]).astype(np.int32),
        value=np.append(face.value, value[kept]),
        row_lower=np.append(face.row_lower, zeros[:rows]), row_upper=np.append(face.row_upper, zeros[:rows]),
    )  # fmt: skip


def _moves(face: Linear, plus: Ints, minus: Ints | None) -> tuple[Ints, Floats]:
    """Columns and values (rows, 4) of the differences of power that are not settled."""
    other = plus if minus is None else minus
    sign = 0.0 if minus is None else 1.0
    index = np.stack([plus[:, 1:], plus[:, :-1], other[:, 1:], other[:, :-1]], axis=-1).reshape(-1, 4)
    value = np.broadcast_to([1.0, -1.0, -sign, sign], index.shape)
    free = (face.lower[index] < face.upper[index]) & (value != 0)
    open_ones = free.any(axis=1)
    return index[open_ones], value[open_ones]
