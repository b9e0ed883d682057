"""Each word that a plan of rounds can break is broken once, and what the checker finds is told beside it.

    PYTHONPATH=. .venv/bin/python tests/bench/show_routing_check.py

The problem and its plan are written by hand in `tests/routing/planted.py`, without a solver: three vehicles on a grid
of streets, with windows, queues, lunch, working time, a site that closes and an island that no street leads to. Each
line is judged on the real clock.
Raises SystemExit(1) where the good plan does not pass, or anything but what was planted is found.
"""

import sys

from optimizers.routing import check
from tests.routing.planted import PLAN, PLANTED, PROBLEM, Planted


def main() -> None:
    good = check(PROBLEM, PLAN)
    say(f"the plan as it is: {'; '.join(map(str, good)) or 'nothing violated'}")
    say("")
    width = max(len(planted.what) for planted in PLANTED)
    say(f"{'planted'.ljust(width)}  found")
    right = [told(planted, width) for planted in PLANTED]
    say("")
    say(f"{len(PLANTED)} planted, {sum(right)} found as they are and nothing else")
    if good or not all(right):
        raise SystemExit(1)


def told(planted: Planted, width: int) -> bool:
    """One line, and whether what was found is what was planted."""
    found = check(planted.problem, planted.plan)
    say(f"{planted.what.ljust(width)}  {'; '.join(map(str, found)) or 'NOTHING'}")
    told_of = {(one.constraint, one.object) for one in found}
    (amount,) = [one.amount for one in found if one.constraint == planted.constraint][:1] or [0.0]
    wanted = {(planted.constraint, planted.object), *planted.beside}
    return told_of == wanted and abs(amount - planted.amount) < 1e-6


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
