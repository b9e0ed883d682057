"""A building as heat sees it: air, what stands in it, and its walls. Three temperatures, integrated exactly.

Not what plans believe: they have two temperatures and steps of a quarter of an hour (`optimizers.energy`); here are
three, ventilation that runs while people are in, and sun that falls on floors. So a plan is wrong as it is in life.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

Row = tuple[float, ...]

WH = 1 / 3600.0
"""Wh of a W in a second."""


class Warmth(NamedTuple):
    """Temperatures in °C: of the air, of floors and furniture, of outer walls."""

    air_c: float
    inner_c: float
    walls_c: float


class Given(NamedTuple):
    """Heat given in W, losses to outside apart: to the air at once, and to floors and furniture."""

    air_w: float = 0.0
    inner_w: float = 0.0


class Passed(NamedTuple):
    """After a while: how warm it is, how warm it was on the way, and what it lost to outside in W, as means."""

    warmth: Warmth
    mean: Warmth
    lost_w: float


@dataclass(frozen=True, kw_only=True)
class Fabric:
    """Capacities in Wh/K, couplings in W/K.

    air_wh_k, inner_wh_k, walls_wh_k     of the air and what follows at once; floors and furniture; outer walls
    air_inner_w_k, air_walls_w_k         between them
    walls_out_w_k                        from the middle of the outer walls to outside
    leak_w_k                             air to outside at all times: windows, thermal bridges, infiltration
    vent_w_k                             air to outside while it is ventilated, after heat recovery
    sun_m2                               glass by which a W/m² of sun, on the horizontal, gets in
    sun_to_inner                         share of it that falls on floors and furniture; the rest warms the air
    """

    air_wh_k: float
    inner_wh_k: float
    walls_wh_k: float
    air_inner_w_k: float
    air_walls_w_k: float
    walls_out_w_k: float
    leak_w_k: float
    vent_w_k: float = 0.0
    sun_m2: float = 0.0
    sun_to_inner: float = 0.6

    @property
    def loss_w_k(self) -> float:
        """What it loses for each K it is warmer than outside, in the long run, not ventilated."""
        through = 1 / (1 / self.air_walls_w_k + 1 / self.walls_out_w_k)
        return self.leak_w_k + through

    def passed(
        self, warmth: Warmth, given: Given, *, outdoor_c: float, sun_w_m2: float, ventilated: float, seconds: float
    ) -> Passed:
        """After a while in which what is given and what is outside do not change. Exact for any length.

        `ventilated`: share of the ventilation that runs, 0 to 1, rounded to quarters.
        """
        quarter = round(4 * ventilated) / 4
        steps = _steps(self, quarter, round(seconds, 3))
        sun = sun_w_m2 * self.sun_m2
        inputs = (
            outdoor_c, given.air_w + (1 - self.sun_to_inner) * sun, given.inner_w + self.sun_to_inner * sun,
        )  # fmt: skip
        after = Warmth(*_applied(steps.after, (*warmth, *inputs)))
        mean = Warmth(*_applied(steps.mean, (*warmth, *inputs)))
        to_air = self.leak_w_k + quarter * self.vent_w_k
        lost = to_air * (mean.air_c - outdoor_c) + self.walls_out_w_k * (mean.walls_c - outdoor_c)
        return Passed(after, mean, lost)

    def stored_wh(self, warmth: Warmth) -> float:
        """Heat in it over one of 0 °C."""
        return self.air_wh_k * warmth.air_c + self.inner_wh_k * warmth.inner_c + self.walls_wh_k * warmth.walls_c

    def settled(self, outdoor_c: float, indoor_c: float) -> Warmth:
        """How warm all of it is once it has long been held at a temperature."""
        share = self.air_walls_w_k / (self.air_walls_w_k + self.walls_out_w_k)
        return Warmth(indoor_c, indoor_c, outdoor_c + share * (indoor_c - outdoor_c))


class _Steps(NamedTuple):
    """Rows that give temperatures after a step, and their means in it, from temperatures before and inputs."""

    after: tuple[Row, Row, Row]
    mean: tuple[Row, Row, Row]


def _applied(rows: tuple[Row, Row, Row], values: Sequence[float]) -> tuple[float, float, float]:
    a, b, c, d, e, f = values
    first, second, third = (r[0] * a + r[1] * b + r[2] * c + r[3] * d + r[4] * e + r[5] * f for r in rows)
    return first, second, third


@lru_cache(maxsize=4096)
def _steps(fabric: Fabric, ventilated: float, seconds: float) -> _Steps:
    """C dx/dt = -K x + B u: symmetric once each temperature is scaled by the root of its capacity, so decomposed."""
    capacity = np.array([fabric.air_wh_k, fabric.inner_wh_k, fabric.walls_wh_k])
    to_air = fabric.leak_w_k + ventilated * fabric.vent_w_k
    k = np.array(
        [
            [to_air + fabric.air_inner_w_k + fabric.air_walls_w_k, -fabric.air_inner_w_k, -fabric.air_walls_w_k],
            [-fabric.air_inner_w_k, fabric.air_inner_w_k, 0.0],
            [-fabric.air_walls_w_k, 0.0, fabric.air_walls_w_k + fabric.walls_out_w_k],
        ]
    )
    root = np.sqrt(capacity)
    rates, vectors = np.linalg.eigh(k / np.outer(root, root))
    hours = seconds * WH
    decayed = np.exp(-rates * hours)
    into, back = vectors.T * root, vectors / root[:, None]
    phi = back @ np.diag(decayed) @ into
    mean = back @ np.diag((1 - decayed) / (rates * hours)) @ into
    u = np.array([[to_air, 1.0, 0.0], [0.0, 0.0, 1.0], [fabric.walls_out_w_k, 0.0, 0.0]])
    rest = np.linalg.solve(k, u)
    eye = np.eye(3)
    return _Steps(_rows(np.hstack([phi, (eye - phi) @ rest])), _rows(np.hstack([mean, (eye - mean) @ rest])))


def _rows(matrix: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> tuple[Row, Row, Row]:
    first, second, third = (tuple(row) for row in matrix.tolist())
    return first, second, third
