"""Each word that a plan of irrigation can break is broken once, and what the checker finds is told beside it.

    PYTHONPATH=. .venv/bin/python tests/bench/show_irrigation_check.py

The problem and its plan are written by hand in `tests/irrigation/planted.py`, without a solver: four hydrozones on two
networks, with cycles that straddle two windows, valves that fill a pipe to the last litre, and a budget that is spent.
Raises SystemExit(1) where the good plan does not pass, or anything but what was planted is found.
"""

import sys

from optimizers.irrigation import check
from tests.irrigation.planted import PLAN, PLANTED, PROBLEM, Planted


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
    found = check(PROBLEM, planted.plan)
    say(f"{planted.what.ljust(width)}  {'; '.join(map(str, found)) or 'NOTHING'}")
    return [(one.constraint, one.object) for one in found] == [(planted.constraint, planted.object)] and (
        abs(found[0].amount - planted.amount) < 1e-6
    )


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
