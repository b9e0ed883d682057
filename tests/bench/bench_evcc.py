"""evcc's requests solved by its rules, beside the answers that it stored.

    PYTHONPATH=. .venv/bin/python tests/bench/bench_evcc.py [FOLDER]

FOLDER: requests with the answer expected, as evcc keeps them; ../shared/reference/energy/evcc where it is. Where there
are none, a made one, without an answer beside. Of each: what evcc's answer says it is worth, what our schedule is worth
by a reckoning of its own, the difference relative to the first, what of goals and limits is left by both (in kWh as
evcc weighs them), and the seconds of the processor. A stored answer whose own schedule is not worth what it says is
told.

Raises SystemExit(1) where ours is worth less by more than 1e-4, leaves more of goals and limits, breaks a rule, or says
it is worth what it is not.
"""

import argparse
import json
import os
from pathlib import Path
from time import process_time

from optimizers.energy.formats import read_plan, read_problem, solve, write_plan
from optimizers.energy.formats.evcc import EvccPlan, EvccProblem
from optimizers.energy.formats.evcc_check import check, missed, unmet, value_eur
from tests.energy.evcc_cases import EVENING

REFERENCE = Path(__file__).resolve().parents[2].parent / "shared" / "reference" / "energy" / "evcc"
WORSE, LEFT_KWH = 1e-4, 1e-4
LINE = "  {:38s} {:>12s} {:>12s} {:>10s} {:>11s} {:>11s} {:>8s}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=REFERENCE)
    asked = parser.parse_args()
    print(f"load of the machine {os.getloadavg()[0]:.1f}")
    print(LINE.format("request", "stored", "ours", "better by", "left, kWh", "ours left", "CPU, s"))
    cases = {path.stem: path.read_text(encoding="utf-8") for path in sorted(asked.folder.glob("*.json"))}
    if not cases:
        print(f"  no requests in {asked.folder}: a made one")
        cases = {"made": json.dumps(EVENING)}
    missed_any = [row(name, text) for name, text in cases.items()]
    if any(missed_any):
        raise SystemExit(1)


def row(name: str, text: str) -> bool:
    """Whether it misses a target."""
    problem = read_problem(text, "evcc")
    began = process_time()
    plan = solve(problem)
    used = process_time() - began
    plan = read_plan(problem, write_plan(problem, plan, "evcc"))  # what a client is told
    value, left = value_eur(problem, plan), missed(problem, plan)
    wrong = [str(one) for one in check(problem, plan)]
    figures = [f"{value:.7f}", "", "", f"{left:.5f}", f"{used:.2f}"]
    told, stored_left = "", float("inf")
    if "expected_response" in json.loads(text):
        stored = read_plan(problem, text)
        told, stored_left = f"{-stored.objective:.7f}", missed(problem, stored)
        better = (value + stored.objective) / abs(stored.objective)
        figures[1:3] = f"{better:+.1e}", f"{stored_left:.5f}"
        wrong += ["it is worth less"] * (better < -WORSE)
        note(problem, stored)
    wrong += ["it leaves more"] * (left > stored_left + LEFT_KWH)
    print(LINE.format(name, told, *figures))
    for one in wrong:
        print(f"    MISSED: {one}")
    return bool(wrong)


def note(problem: EvccProblem, stored: EvccPlan) -> None:
    left = unmet(problem, stored)
    for one in check(problem, stored):
        if one not in left:
            print(f"    the stored answer: {one.detail or one}")


if __name__ == "__main__":
    main()
