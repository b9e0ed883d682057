"""Which keepers' lamps want another plan than the one in force, and what of it stands meanwhile."""

from collections.abc import Sequence

import numpy as np

from engine.model import PlanOrigin, PlanRecord, PlanState
from engine.store import Unit
from jobs.lighting.body import open_body
from jobs.lighting.task import LightingTask
from jobs.planning.domain import Part
from optimizers.arrays import Bools, Floats
from optimizers.lighting import LightingProblem, pack_standing

_MOST = 0.5  # of the keepers: of more the whole is planned, which may be better and takes as long
_SAME = ("burning", "power_full_w", "ramp_per_slot", "neighbours", "neighbour_step", "dimmable", "curve")


def part(unit: Unit, task: LightingTask) -> Part | None:
    """The keepers of the lamps that need other light than in the newest plan in force of the same night.

    None, for a plan of all: without keepers, where no plan is in force or one that no solver made, where lamps are
    others or not what they were, or where half of the keepers would be planned again.
    """
    record = next((one for one in unit.plans.list("lighting", 100) if _stands(one, task)), None)
    if record is None or record.origin is not PlanOrigin.SOLVED or task.problem.holders is None:
        return None
    found = unit.plans.get(record.id)
    if found is None:
        return None
    before, now = open_body(found[1]).problem, task.problem
    if not _comparable(before, now):
        return None
    other = _differs(before.floor, now.floor, task) | _differs(before.ceiling, now.ceiling, task)
    keepers = now.holders
    assert keepers is not None  # noqa: S101
    named = tuple(keepers.names[h] for h in np.unique(keepers.of[other]).tolist())
    return Part(record.id, named) if 0 < len(named) <= _MOST * len(keepers.names) else None


def standing(body: bytes, named: Sequence[str]) -> bytes:
    """See `optimizers.lighting.pack_standing`."""
    return pack_standing(open_body(body).flux, named)


def _stands(record: PlanRecord, task: LightingTask) -> bool:
    return record.state is PlanState.IN_FORCE and record.start == task.night.start


def _differs(before: Floats, now: Floats, task: LightingTask) -> Bools:
    """(n,) in what is left of the night."""
    left = slice(task.over, None)
    differs: Bools = np.any(np.abs(before[:, left] - now[:, left]) > task.tables.flux_grid / 2, axis=1)
    return differs


def _comparable(before: LightingProblem, now: LightingProblem) -> bool:
    a, b = before.holders, now.holders
    if before.lamps != now.lamps or before.shape != now.shape or a is None or b is None or a.names != b.names:
        return False
    kept = all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ("of", "programs", "switch_points"))
    kept = kept and a.fleet_programs == b.fleet_programs and _allowed(before) == _allowed(now)
    return kept and all(np.array_equal(getattr(before, name), getattr(now, name)) for name in _SAME)


def _allowed(problem: LightingProblem) -> tuple[object, ...]:
    """The limits of all budgets, to be compared."""
    whole, some = problem.budget, problem.shares
    own = (whole.energy_wh, whole.peak_w.tobytes(), whole.weight.tobytes()) if whole is not None else ()
    return own, (some.names, *(getattr(some, name).tobytes() for name in some.arrays)) if some is not None else ()
