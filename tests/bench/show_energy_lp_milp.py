"""Where energy is not worth wasting the linear program is exact, and where it is nothing goes both ways at once.

    PYTHONPATH=. .venv/bin/python tests/bench/show_energy_lp_milp.py [--cases 200]

Random cases of one to three sites with batteries, a car that gives back, roofs, a room heated and cooled, nested groups
(`tests/energy/parted.py`). At positive prices the program has no whole column; beside it stands the full one, with a
whole column for every store, room and meter in every slot. At any price (below nothing, paid more for what is sold than
for what is bought, worthless ends, limits of export) whole columns stand by the rule alone, again beside the full
program; and the plan that is made is checked. Raises SystemExit(1) where a difference is more than 1e-4, or anything
goes both ways at once.
"""

import argparse
import sys
import time
from dataclasses import dataclass, field

from optimizers.energy import check, solve
from optimizers.energy.assembling import assemble
from optimizers.energy.engines import Effort, run
from optimizers.result import Limits
from tests.energy.parted import both_at_once, case, parted

_CLOSE = 1e-4
_EFFORT = Effort(600.0, 1e-7)
_HEAD = "{:12s} {:>6s} {:>13s} {:>13s} {:>12s} {:>10s} {:>11s} {:>10s} {:>10s}"
_LINE = "{:12s} {:6d} {:13d} {:13d} {:12.1e} {:10d} {:11d} {:10.1f} {:10.1f}"


@dataclass
class Counts:
    """Of cases: whole columns by the rule and in all, the worst relative difference, plans and slots with a fault."""

    whole: int = 0
    everywhere: int = 0
    worst: float = 0.0
    both: int = 0
    violations: int = 0
    ours_s: float = field(default=0.0)
    full_s: float = field(default=0.0)


def counted(cases: int, *, positive: bool) -> Counts:
    counts = Counts()
    for seed in range(cases):
        problem = case(seed, positive=positive)
        assembled = assemble(problem)
        full = parted(assembled)
        started = time.process_time()
        ours = run(assembled.linear, _EFFORT)
        counts.ours_s += (between := time.process_time()) - started
        theirs = run(full, _EFFORT)
        counts.full_s += time.process_time() - between
        counts.whole += int(assembled.linear.whole.sum())
        counts.everywhere += int(full.whole.sum())
        counts.worst = max(counts.worst, abs(ours.value - theirs.value) / max(1.0, abs(theirs.value)))
        counts.both += both_at_once(assembled.layout, theirs.x)
        counts.violations += len(check(problem, solve(problem, Limits(gap=1e-6))))
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description="Linear programs of energy beside the full ones.")
    parser.add_argument("--cases", type=int, default=200)
    cases = parser.parse_args().cases
    heads = ("cases", "whole columns", "of the full", "difference", "both ways", "violations", "ours s", "full s")
    say(_HEAD.format("prices", *heads))
    failed = False
    for positive in (True, False):
        of = counted(cases, positive=positive)
        figures = (of.whole, of.everywhere, of.worst, of.both, of.violations, of.ours_s, of.full_s)
        say(_LINE.format("positive" if positive else "any", cases, *figures))
        failed |= of.worst > _CLOSE or bool(of.both or of.violations) or (positive and of.whole > 0)
    say(f"limits: difference {_CLOSE:g}, both ways 0, violations of plans 0; seconds of the processor")
    if failed:
        raise SystemExit(1)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
