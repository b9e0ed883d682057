"""Street lighting for one day: the lowest dimming that keeps the light each place needs, smooth in time and along it.

For lamp i and slot t the relative flux x is to be least in energy under

    floor <= x <= ceiling,   |x[i,t+1] - x[i,t]| <= ramp[i],   |x[i,t] - x[j,t]| <= step[i,j]

All but the ceilings are lower bounds on one variable by another less a constant, so that the componentwise minimum of
two feasible points is feasible: there is one least point. Power grows with flux, so the least point is the cheapest,
whatever the power curves; and where even it is over a ceiling, no plan is feasible.
"""

from optimizers.lighting.again import pack_standing, solve_again
from optimizers.lighting.check import check
from optimizers.lighting.documents import (
    plan_from_json,
    plan_schema,
    plan_to_json,
    problem_from_json,
    problem_schema,
    problem_to_json,
)
from optimizers.lighting.example import example, full_example
from optimizers.lighting.explain import Link, explain
from optimizers.lighting.packing import pack, unpack
from optimizers.lighting.parts import UNLIMITED, Budget, Holders, Lanes, Shares, Yesterday
from optimizers.lighting.power import energy_wh, lamp_energy_wh, power_w
from optimizers.lighting.problem import TOLERANCE, LightingPlan, LightingProblem, PowerCurve
from optimizers.lighting.resolving import resolve
from optimizers.lighting.solve import solve

__all__ = [
    "TOLERANCE",
    "UNLIMITED",
    "Budget",
    "Holders",
    "Lanes",
    "LightingPlan",
    "LightingProblem",
    "Link",
    "PowerCurve",
    "Shares",
    "Yesterday",
    "check",
    "energy_wh",
    "example",
    "explain",
    "full_example",
    "lamp_energy_wh",
    "pack",
    "pack_standing",
    "plan_from_json",
    "plan_schema",
    "plan_to_json",
    "power_w",
    "problem_from_json",
    "problem_schema",
    "problem_to_json",
    "resolve",
    "solve",
    "solve_again",
    "unpack",
]
