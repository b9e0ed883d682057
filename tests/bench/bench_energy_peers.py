"""FlexMeasures and EMHASS beside ours, on the same problems: what their plans and ours cost, and how long they took.

    PYTHONPATH=. .venv/bin/python tests/bench/bench_energy_peers.py [--quick]

Each planner computes in a process of its own, on one thread, several times; the least is shown, on the wall and of the
processor, which decides as the machine may do other work. Peers live in environments of their own (`.venv-flexmeasures`
and `.venv-emhass`, made by `make bench`); one that is not there is left out. Every plan is judged here, by code that is
neither theirs nor ours: what it costs, and by how much it passes a limit.

FlexMeasures: 36 h of quarters, 1, 5 and 20 batteries behind one meter with limits both ways, each to hold an amount at
the end. Its default backend, and the one on Pyomo. Wanted: no dearer than 1e-4, at most half of its time.
EMHASS: a day of half hours, one battery, the sun, what is drawn at any rate and two loads that run in one piece. As it
comes, with a gap of 1 %, and with none. Wanted: no dearer.

Raises SystemExit(1) where a target is missed.
"""

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

import numpy as np

from optimizers.energy import EnergyProblem, Horizon, Loads, Sites, Solar, Vehicles, solve
from optimizers.result import our_version
from tests.bench.energy_peers import RUNS, Planned, Work

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tests" / "bench" / "energy_peers.py"
SAME, HALF = 1e-4, 0.5
TOLERANCE_KW = 1e-3
LINE = "  {:34s} {:>12s} {:>10s} {:>9s} {:>9s} {:>11s}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="the smallest problems, no targets of time")
    parser.add_argument("--ours", type=Path, help="plan this piece of work, as a peer does; for this script's own use")
    asked = parser.parse_args()
    if asked.ours:
        print(json.dumps(ours(json.loads(asked.ours.read_text(encoding="utf-8")))))
        return
    print(f"load of the machine {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors; ours {our_version()}")
    missed = [
        *(beside_flexmeasures(devices, asked.quick) for devices in ((1,) if asked.quick else (1, 5, 20))),
        beside_emhass(),
    ]
    if any(missed):
        raise SystemExit(1)


def batteries_behind_a_meter(devices: int) -> Work:
    """Prices with two peaks a day, drawn power that rises over the day, batteries of many sizes."""
    rng, hour = np.random.default_rng(devices), np.arange(144) / 4
    base = 3 * devices * (1 + 0.5 * np.sin(2 * np.pi * (hour - 9) / 24)) + rng.uniform(0, devices, hour.size)
    price = 0.18 + 0.08 * np.sin(2 * np.pi * (hour - 12) / 12) + rng.normal(0, 0.01, hour.size)
    sizes = zip(rng.uniform(5, 20, devices), rng.uniform(2, 6, devices), rng.uniform(0.9, 0.97, devices), strict=True)
    return {
        "slots": hour.size, "duration_s": 900, "base_kw": base.tolist(), "sun_kw": [0.0] * hour.size,
        "import_eur_kwh": price.tolist(), "export_eur_kwh": (0.6 * price).tolist(),
        "import_limit_kw": 9.0 * devices, "export_limit_kw": 3.0 * devices, "loads": [],
        "batteries": [
            {
                "capacity_kwh": capacity, "initial_kwh": 0.4 * capacity, "end_kwh": 0.3 * capacity,
                "charge_max_kw": power, "discharge_max_kw": 0.9 * power,
                "charge_efficiency": efficiency, "discharge_efficiency": efficiency - 0.01,
            }
            for capacity, power, efficiency in sizes
        ],
    }  # fmt: skip


def day_with_sun() -> Work:
    """Night and day tariff, a clear day, a battery that ends as it began, two loads in their windows."""
    rng, hour = np.random.default_rng(7), np.arange(48) / 2
    sun = 5.0 * np.clip(np.sin(np.pi * (hour - 7) / 11), 0, None)
    base = 0.4 + 0.5 * np.exp(-((hour - 19.5) ** 2) / 4) + rng.uniform(0, 0.3, hour.size)
    tariff = np.where((hour < 6) | (hour >= 22), 0.15, np.where((hour >= 17) & (hour < 20), 0.31, 0.22))
    return {
        "slots": hour.size, "duration_s": 1800, "base_kw": base.tolist(), "sun_kw": sun.tolist(),
        "import_eur_kwh": tariff.tolist(), "export_eur_kwh": [0.06] * hour.size,
        "import_limit_kw": 6.0, "export_limit_kw": 6.0,
        "loads": [
            {"power_kw": 3.0, "slots": 5, "first": 2, "last": 46},
            {"power_kw": 0.75, "slots": 8, "first": 30, "last": 48},
        ],
        "batteries": [
            {
                "capacity_kwh": 8.0, "initial_kwh": 4.0, "end_kwh": 4.0, "charge_max_kw": 3.0, "discharge_max_kw": 3.0,
                "charge_efficiency": 0.95, "discharge_efficiency": 0.95,
            }
        ],
    }  # fmt: skip


def problem_of(work: Work) -> EnergyProblem:
    """A battery that is to hold an amount at the end is a vehicle that stays until then, and gives back."""

    def of(part: str, name: str, kilo: float = 1e3) -> Any:
        return np.array([one[name] for one in work[part]]) * kilo

    count = len(work["batteries"])
    vehicles = Vehicles(
        names=tuple(f"battery {b}" for b in range(count)),
        site=np.zeros(count, np.int64), arrive=np.zeros(count, np.int64), depart=np.full(count, work["slots"]),
        capacity_wh=of("batteries", "capacity_kwh"), initial_wh=of("batteries", "initial_kwh"),
        target_wh=of("batteries", "end_kwh"), charge_max_w=of("batteries", "charge_max_kw"),
        discharge_max_w=of("batteries", "discharge_max_kw"),
        charge_efficiency=of("batteries", "charge_efficiency", 1.0),
        discharge_efficiency=of("batteries", "discharge_efficiency", 1.0),
    )  # fmt: skip
    loads = Loads(
        names=tuple(f"load {k}" for k in range(len(work["loads"]))),
        site=np.zeros(len(work["loads"]), np.int64), power_w=of("loads", "power_kw"),
        first=of("loads", "first", 1), last=of("loads", "last", 1), slots=of("loads", "slots", 1),
    )  # fmt: skip
    sun = np.array([work["sun_kw"]]) * 1e3
    return EnergyProblem(
        horizon=Horizon(duration_s=np.full(work["slots"], float(work["duration_s"]))),
        sites=Sites(
            names=("house",), base_w=np.array([work["base_kw"]]) * 1e3,
            import_eur_kwh=np.array([work["import_eur_kwh"]]), export_eur_kwh=np.array([work["export_eur_kwh"]]),
            import_limit_w=np.array(work["import_limit_kw"] * 1e3),
            export_limit_w=np.array(work["export_limit_kw"] * 1e3), firm=np.array(True),
        ),
        solar=Solar(names=("roof",), site=np.zeros(1, np.int64), available_w=sun) if sun.any() else None,
        vehicles=vehicles,
        loads=loads if work["loads"] else None,
    )  # fmt: skip


def ours(work: Work) -> Planned:
    problem, wall, cpu = problem_of(work), [], []
    for _ in range(RUNS):
        began, used = perf_counter(), process_time()
        plan = solve(problem)
        wall.append(perf_counter() - began)
        cpu.append(process_time() - used)
    return {
        "version": f"{our_version()}, {plan.solver} {plan.version}",
        "status": plan.status,
        "power_kw": ((plan.vehicle_charge_w - plan.vehicle_discharge_w) / 1e3).tolist(),
        "load_kw": (plan.on * (problem.loads.power_w[:, None] if problem.loads else 0.0) / 1e3).tolist(),
        "wall_s": wall,
        "cpu_s": cpu,
    }  # fmt: skip


@dataclass(frozen=True)
class Judged:
    """What a plan costs, and by how much it passes what it must keep, in kW, kWh or slots: 0 for what is well."""

    cost_eur: float
    passed: float


def judged(work: Work, planned: Planned) -> Judged:
    """By powers of batteries and loads alone: what is stored, bought and sold follows from them."""
    hours = work["duration_s"] / 3600
    net = np.array(work["base_kw"]) - work["sun_kw"]
    passed = [0.0]
    for one, powers in zip(work["batteries"], planned["power_kw"], strict=True):
        power = np.array(powers)
        net = net + power
        flow = np.where(power > 0, power * one["charge_efficiency"], power / one["discharge_efficiency"])
        stored = one["initial_kwh"] + np.cumsum(flow) * hours
        passed += [power.max() - one["charge_max_kw"], -power.min() - one["discharge_max_kw"], -stored.min()]
        passed += [stored.max() - one["capacity_kwh"], one["end_kwh"] - stored[-1]]
    for one, powers in zip(work["loads"], planned.get("load_kw", []), strict=True):
        power = np.array(powers)
        net = net + power
        on = np.flatnonzero(power > TOLERANCE_KW)
        passed += [float(np.abs(power[on] - one["power_kw"]).max()), abs(on.size - one["slots"])]
        passed += [float(np.diff(on).max() - 1), one["first"] - on[0], on[-1] + 1 - one["last"]]
    passed += [net.max() - work["import_limit_kw"], -net.min() - work["export_limit_kw"]]
    bought, sold = np.clip(net, 0, None), np.clip(-net, 0, None)
    cost = float((bought * work["import_eur_kwh"] - sold * work["export_eur_kwh"]).sum() * hours)
    return Judged(cost, float(max(passed)))


def planned_by(python: Path, script: Path, arguments: list[str], work: Work) -> Planned | None:
    """What a planner in a process of its own says; None where it is not installed."""
    if not python.exists():
        return None
    with TemporaryDirectory() as folder:
        (path := Path(folder, "work.json")).write_text(json.dumps(work), encoding="utf-8")
        environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        run = subprocess.run(
            [python, script, *arguments, path], capture_output=True, text=True, env=environment, check=False, cwd=folder
        )
    if run.returncode == 3:
        return None
    if run.returncode:
        raise RuntimeError(f"{python} {arguments}: {run.stderr[-2000:]}")
    planned: Planned = json.loads(run.stdout.strip().splitlines()[-1])
    return planned


def by_us(work: Work) -> Planned:
    planned = planned_by(Path(sys.executable), Path(__file__).resolve(), ["--ours"], work)
    if planned is None:
        raise RuntimeError("ours does not run")
    return planned


def by_peer(environment: str, name: str, work: Work) -> Planned | None:
    planned = planned_by(ROOT / environment / "bin" / "python", SCRIPT, [name], work)
    if planned is None:
        print(f"  {name}: not installed in {environment}, left out: make {environment}/.ready")
    return planned


def row(name: str, work: Work, planned: Planned, beside: Planned | None = None) -> Judged:
    found, cpu = judged(work, planned), min(planned["cpu_s"])
    ratio = "" if beside is None else f"{cpu / min(beside['cpu_s']):.3f}"
    wall = f"{min(planned['wall_s']):.3f}"
    print(LINE.format(name, f"{found.cost_eur:.5f}", f"{found.passed:.1e}", wall, f"{cpu:.3f}", ratio))
    return found


def heading(title: str) -> None:
    print(f"\n{title}")
    print(LINE.format("planner", "cost, EUR", "passed by", "wall, s", "CPU, s", "CPU beside"))


def beside_flexmeasures(devices: int, quick: bool) -> bool:
    """Whether a target is missed."""
    work = batteries_behind_a_meter(devices)
    heading(f"{devices} batteries, {work['slots']} quarters")
    mine, missed = by_us(work), False
    for name in ("FlexMeasures, highspy", "FlexMeasures, Pyomo"):
        if (planned := by_peer(".venv-flexmeasures", name, work)) is None:
            continue
        theirs = row(f"{name} {planned['version']}", work, planned)
        found = row("ours", work, mine, planned)
        dearer = found.cost_eur - theirs.cost_eur > SAME * abs(theirs.cost_eur)
        slow = min(mine["cpu_s"]) > HALF * min(planned["cpu_s"])
        missed |= told(found, dearer=dearer, slow=slow and not quick)
    return missed


def beside_emhass() -> bool:
    """Whether a target is missed."""
    work = day_with_sun()
    heading(f"a battery, the sun and two loads, {work['slots']} half hours")
    mine, missed = by_us(work), False
    for name in ("EMHASS, its gap of 1 %", "EMHASS, no gap"):
        if (planned := by_peer(".venv-emhass", name, work)) is None:
            continue
        theirs = row(f"{name} {planned['version']}", work, planned)
        again = {"cpu_s": planned["again_cpu_s"], "wall_s": planned["again_wall_s"]}
        row("  its model kept", work, planned | again)
        found = row("ours", work, mine, planned)
        # What it misses of the battery's end, valued at the dearest price, is not held against ours.
        allowed = 1e-6 * abs(theirs.cost_eur) + max(theirs.passed, 0.0) * max(work["import_eur_kwh"])
        missed |= told(found, dearer=found.cost_eur > theirs.cost_eur + allowed, slow=False)
    return missed


def told(found: Judged, *, dearer: bool, slow: bool) -> bool:
    """Whether anything is wrong, and what."""
    wrong = {"dearer": dearer, "passes a limit": found.passed > TOLERANCE_KW, "slower than half": slow}
    if any(wrong.values()):
        print(f"  MISSED: ours is {', '.join(name for name, true in wrong.items() if true)}")
    return any(wrong.values())


if __name__ == "__main__":
    main()
