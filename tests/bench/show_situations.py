"""A heat plan's visits and two days of lamp repairs, each from its own problem file, by the same optimiser.

    PYTHONPATH=. .venv/bin/python tests/bench/show_situations.py [--make]

Prints who does what when, what is left out and why, and what the checker finds. `--make` writes the files anew
(datasets/sample/routing), as `optimizers/routing/situations.py` makes them. Raises SystemExit(1) where anything is
violated.
"""

import sys
from pathlib import Path

from optimizers.result import Limits
from optimizers.routing import check, problem_from_json, solve
from optimizers.routing.problem import Act, Route, Visit
from optimizers.routing.situations import heat_plan, maintenance

SAMPLES = Path(__file__).parents[2] / "datasets" / "sample" / "routing"
MADE = {"heat_plan": heat_plan, "maintenance": maintenance}


def main() -> None:
    if "--make" in sys.argv:
        make()
    kept = [shown(name) for name in MADE]
    if not all(kept):
        raise SystemExit(1)


def make() -> None:
    SAMPLES.mkdir(exist_ok=True)
    for name, made in MADE.items():
        text = made(0).model_dump_json(indent=1, exclude_defaults=True)
        (SAMPLES / f"{name}.json").write_text(text + "\n")


def shown(name: str) -> bool:
    """One situation, and whether nothing is violated."""
    problem = problem_from_json((SAMPLES / f"{name}.json").read_bytes())
    plan = solve(problem, Limits(work=200))
    found = check(problem, plan)
    served = sum(len(route.stops) for route in plan.routes)
    say(f"{name}: {plan.status}, {served} of {len(problem.stops)} served, {plan.seconds:.1f} s")
    for route in plan.routes:
        say(f"  {route.vehicle}, {route.distance_m / 1000:.1f} km")
        for line in lines(route):
            say(f"    {line}")
    say("  left out")
    for left in plan.unserved:
        say(f"    {left.stop}: {left.why}: {left.detail}")
    say(f"  the checker: {'; '.join(map(str, found)) or 'nothing violated'}")
    say("")
    return not found


def lines(route: Route) -> list[str]:
    return [
        f"{clock(visit.begin_s)}-{clock(visit.end_s)} {visit.of or visit.act}{waits(visit)}"
        for visit in route.visits
        if visit.act is not Act.START
    ]


def waits(visit: Visit) -> str:
    waited_s = visit.begin_s - visit.arrive_s
    return f", after {waited_s / 60:.0f} min of waiting" * (waited_s >= 60)


def clock(at_s: float) -> str:
    """Of the day; the second one begins at 24:00."""
    return f"{int(at_s // 3600):02d}:{int(at_s % 3600 // 60):02d}"


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
