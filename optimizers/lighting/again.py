"""What of a plan stands while the lamps of some holders are planned again, as bytes for a worker elsewhere."""

import json
from collections.abc import Sequence
from io import BytesIO

import numpy as np

from optimizers.arrays import Floats
from optimizers.lighting.power import energy_wh
from optimizers.lighting.problem import LightingPlan, LightingProblem
from optimizers.lighting.resolving import resolve
from optimizers.result import Limits, Status


def pack_standing(flux: Floats, holders: Sequence[str]) -> bytes:
    """`flux` (n, T) that stands, and the holders whose lamps are planned again. The same gives the same bytes."""
    block = BytesIO()
    named = np.frombuffer(json.dumps(list(holders)).encode(), np.uint8)
    np.savez_compressed(block, allow_pickle=False, flux=flux, holders=named)
    return block.getvalue()


def solve_again(problem: LightingProblem, standing: bytes, limits: Limits | None = None) -> LightingPlan:
    """See `resolve`. Raises InvalidProblem for what stands of another problem."""
    with np.load(BytesIO(standing), allow_pickle=False) as archive:
        flux, holders = archive["flux"], json.loads(archive["holders"].tobytes())
    energy = energy_wh(problem, flux) if flux.shape == problem.shape else 0.0
    before = LightingPlan(
        status=Status.FEASIBLE, objective=energy, bound=0.0, seconds=0.0, seed=0, solver="as it stood", version="1",
        lamps=problem.lamps, flux=flux,
    )  # fmt: skip
    return resolve(problem, before, holders, limits)
