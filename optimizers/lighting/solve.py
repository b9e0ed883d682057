"""The plan of least energy: see `solve`."""

from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from optimizers.lighting.explain import explain
from optimizers.lighting.least import Least
from optimizers.lighting.power import energy_wh
from optimizers.lighting.problem import TOLERANCE, Floats, LightingPlan, LightingProblem
from optimizers.lighting.spending import Spending
from optimizers.result import Limits, Status, Violation

SOLVER = "least point by max-plus sweeps"
_TRACED = 100  # conflicts whose chain is told: nobody reads more, and each costs a search


def solve(problem: LightingProblem, limits: Limits | None = None) -> LightingPlan:
    """The plan of least energy, exact up to rounding, whatever the power curves. `work` counts rounds of sweeps.

    OPTIMAL has its bound equal to its objective. BEST_EFFORT: no plan keeps every ceiling; the floors hold, and each
    lamp over its ceiling is a violation with the chain that lifts it. TIME_LIMIT: full light while it is dark, which
    every floor, ramp and step allows, and the energy of the sweeps so far as bound.
    """
    spending = Spending(limits or Limits())
    flux, settled = Least(problem).above(problem.floor, spending)
    bound = energy_wh(problem, flux)
    if not settled:
        flux = np.broadcast_to(problem.burning, problem.shape).astype(np.float64)
    flux.flags.writeable = False
    objective = bound if settled else energy_wh(problem, flux)
    plan = LightingPlan(
        status=Status.OPTIMAL if settled else Status.TIME_LIMIT,
        objective=objective,
        bound=bound,
        seconds=0.0,
        seed=spending.limits.seed,
        solver=SOLVER,
        version=_version(),
        violations=tuple(_conflicts(problem, flux, traced=settled)),
        lamps=problem.lamps,
        flux=flux,
        energy_wh=objective,
        reproducible=not spending.clock_cut,
    )
    status = Status.BEST_EFFORT if settled and plan.violations else plan.status
    return replace(plan, status=status, seconds=spending.seconds)


def _version() -> str:
    try:
        return version("consigne")
    except PackageNotFoundError:
        return "unknown"


def _conflicts(problem: LightingProblem, flux: Floats, *, traced: bool) -> Iterator[Violation]:
    """Each lamp that is over its ceiling, at its worst slot, the worst lamps first."""
    over = flux - problem.ceiling
    slot = np.argmax(over, axis=1)
    worst = over[np.arange(slot.size), slot]
    rows = np.flatnonzero(worst > TOLERANCE)
    for rank, i in enumerate(rows[np.argsort(-worst[rows], kind="stable")].tolist()):
        t = int(slot[i])
        detail = f"slot {t}, flux {flux[i, t]:.6g} over {problem.ceiling[i, t]:.6g}"
        if traced and rank < _TRACED:
            detail += "; " + " ← ".join(map(str, explain(problem, flux, i, t)))
        yield Violation("ceiling", problem.lamps[i], float(worst[i]), "1", detail)
