"""What a building is learnt to be from what it told: two capacities, a loss, and what sun and people add.

Least squares over weeks of quarters, in the steps that plans have (`optimizers.energy`): four values bend, what they
leave is linear in the gains and in how warm it was at first. Nothing of the twin's own values is looked at.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import least_squares, lsq_linear

from optimizers.arrays import Floats

QUARTER_H = 0.25


@dataclass(frozen=True, kw_only=True, eq=False)
class Heard:
    """N quarters as told: room and outdoor in °C at their ends, heat given and sun as means, share of people."""

    room_c: Floats
    outdoor_c: Floats
    heat_w: Floats
    sun_w_m2: Floats
    present: Floats

    def last(self, quarters: int) -> "Heard":
        return Heard(**{name: getattr(self, name)[-quarters:] for name in self.__dataclass_fields__})


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """As rooms of an energy problem. `error_k`: root of the mean square that weeks run freely are off by."""

    capacity_wh_k: float
    mass_wh_k: float
    coupling_w_k: float
    loss_w_k: float
    sun_m2: float = 0.0
    present_w: float = 0.0
    always_w: float = 0.0
    error_k: float = np.inf

    def gain_w(self, sun_w_m2: Floats, present: Floats) -> Floats:
        gains: Floats = self.sun_m2 * sun_w_m2 + self.present_w * present + self.always_w
        return gains

    def mass_c(self, room_c: Floats, hours: float = QUARTER_H) -> float:
        """How warm walls are after having followed a room."""
        mass, share = float(room_c[0]), self.coupling_w_k / (self.mass_wh_k / hours + self.coupling_w_k)
        for room in room_c[1:].tolist():
            mass += share * (room - mass)
        return mass


def learn(heard: Heard, first: Learnt) -> Learnt:
    """What fits best, searched from a first guess and no further from it than a factor of eight. `first` gives bounds,
    and stands where nothing is told."""
    guess = np.log([first.capacity_wh_k, first.mass_wh_k, first.coupling_w_k, first.loss_w_k])
    found = least_squares(
        lambda bent: _linear(heard, np.exp(bent))[1], guess, bounds=(guess - np.log(8.0), guess + np.log(8.0)),
        max_nfev=25, x_scale=1.0, diff_step=1e-3,
    )  # fmt: skip
    bent = np.exp(found.x)
    gains, missed = _linear(heard, bent)
    capacity, mass, coupling, loss = bent.tolist()
    return replace(
        first, capacity_wh_k=capacity, mass_wh_k=mass, coupling_w_k=coupling, loss_w_k=loss, sun_m2=gains[0],
        present_w=gains[1], always_w=gains[2], error_k=float(np.sqrt(np.mean(missed**2))),
    )  # fmt: skip


def _linear(heard: Heard, bent: Floats) -> tuple[list[float], Floats]:
    """Gains (sun, people, always; none below 0) that leave least, and what they leave."""
    runs = _runs(heard, bent)
    # Columns: known heat and outside; sun, people, always; a room, and walls, that were 1 K warmer at first.
    found = lsq_linear(
        runs[:, 1:], heard.room_c - runs[:, 0], bounds=([0.0] * 3 + [-40.0] * 2, [np.inf] * 3 + [60.0] * 2)
    )  # fmt: skip
    return found.x[:3].tolist(), runs[:, 0] + runs[:, 1:] @ found.x - heard.room_c


def _runs(heard: Heard, bent: Floats) -> Floats:
    """(N, 6) what each input does to the room by itself: implicit Euler, as in plans."""
    capacity, mass, coupling, loss = bent / np.array([QUARTER_H, QUARTER_H, 1.0, 1.0])
    system = np.array([[capacity + loss + coupling, -coupling], [-coupling, mass + coupling]])
    step = np.linalg.inv(system) @ np.diag([capacity, mass])
    into = np.linalg.inv(system)[:, 0]
    ones = np.ones_like(heard.room_c)
    inputs = np.stack([heard.heat_w + loss * heard.outdoor_c, heard.sun_w_m2, heard.present, ones, 0 * ones, 0 * ones])
    state = np.zeros((2, 6))
    state[0, 4] = state[1, 5] = 1.0
    runs = np.empty((heard.room_c.size, 6))
    given = into[None, :, None] * inputs.T[:, None, :]
    for k in range(runs.shape[0]):
        state = step @ state + given[k]
        runs[k] = state[0]
    return runs
