"""One planning run, written once for every domain: build → solve → check → guard → commit, or a fall-back that is told.

See docs/plans.md and docs/adr for the order of the fall-backs.
"""

from jobs.planning.committing import PlanResult, commit_plan, overtaken, report_of, run_plan
from jobs.planning.comparing import Difference, Replayed, compare, replay, stored
from jobs.planning.deciding import approve, refuse
from jobs.planning.domain import Domain, PlanRequest, StaleInputs
from jobs.planning.guarding import Guarded, guard
from jobs.planning.making import Failure, MadePlan, Step, digest_of, in_force, make_plan, planned

__all__ = [
    "Difference",
    "Domain",
    "Failure",
    "Guarded",
    "MadePlan",
    "PlanRequest",
    "PlanResult",
    "Replayed",
    "StaleInputs",
    "Step",
    "approve",
    "commit_plan",
    "compare",
    "digest_of",
    "guard",
    "in_force",
    "make_plan",
    "overtaken",
    "planned",
    "refuse",
    "replay",
    "report_of",
    "run_plan",
    "stored",
]
