"""How full bins are and will be, which of them overflow when, and which are therefore worth a visit.

Levels are shares of what a bin holds: 1 is full, what is above lies beside it. All arrays have a bin a row.
"""

from optimizers.fill.belief import Belief, Noise, believed_at_first, carried, emptied, read
from optimizers.fill.choice import Choice, Terms, choose
from optimizers.fill.days import HOLIDAY, KINDS, MARKET, kinds_of
from optimizers.fill.habits import Habits, learned
from optimizers.fill.history import History, believed, carried_to, on_grid
from optimizers.fill.overflow import level_quantile, overflow_probability
from optimizers.fill.price import calibrated_rho, corrected_rho, costs_at_first, usual_costs
from optimizers.fill.readings import LIMITS, Judged, ReadingLimits, Verdict, judge
from optimizers.fill.scores import brier, calibration_error, coverage
from optimizers.fill.waiting import owed

__all__ = [
    "HOLIDAY",
    "KINDS",
    "LIMITS",
    "MARKET",
    "Belief",
    "Choice",
    "Habits",
    "History",
    "Judged",
    "Noise",
    "ReadingLimits",
    "Terms",
    "Verdict",
    "believed",
    "believed_at_first",
    "brier",
    "calibrated_rho",
    "calibration_error",
    "carried",
    "carried_to",
    "choose",
    "corrected_rho",
    "costs_at_first",
    "coverage",
    "emptied",
    "judge",
    "kinds_of",
    "learned",
    "level_quantile",
    "on_grid",
    "overflow_probability",
    "owed",
    "read",
    "usual_costs",
]
