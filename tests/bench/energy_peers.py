"""Other planners of energy on one piece of work: `python energy_peers.py PEER WORK.json`, each in a process of its own.

Run by bench_energy_peers in the environments of the peers: nothing of Consigne is imported. Prints one JSON object: the
version, the seconds of each run on the wall and of the processor, and what was planned: powers in kW, positive = drawn.
What is timed is the computation of a schedule alone, from the peer's own inputs to its own outputs; these are made
anew, untimed, for each run, as a peer may write into them. Exit status 3 says that the peer is not installed.
"""

import json
import logging
import sys
from collections.abc import Callable
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

RUNS, ENOUGH_S = 7, 20.0
START = "2026-03-02T00:00:00"
Work = dict[str, Any]
Planned = dict[str, Any]


def timed(make: Callable[[], Any], plan: Callable[[Any], Any]) -> tuple[Any, list[float], list[float]]:
    """The last plan, and the seconds of each run: several, fewer where they take long."""
    wall, cpu, found = [], [], None
    while len(wall) < RUNS and sum(wall) < ENOUGH_S:
        given = make()
        began, used = perf_counter(), process_time()
        found = plan(given)
        wall.append(perf_counter() - began)
        cpu.append(process_time() - used)
    return found, wall, cpu


def flexmeasures(work: Work, solver: str) -> Planned:
    """Its `device_scheduler`: batteries, and what is drawn at any rate as a device of a given flow."""
    import flask
    import pandas as pd
    from flexmeasures.data.models.planning import FlowCommitment
    from flexmeasures.data.models.planning.linear_optimization import device_scheduler
    from flexmeasures.data.models.planning.utils import initialize_df

    step = timedelta(seconds=work["duration_s"])
    start = pd.Timestamp(START)
    end = start + step * work["slots"]
    hours = work["duration_s"] / 3600
    columns = [
        "equals", "max", "min", "efficiency", "derivative equals", "derivative max", "derivative min",
        "derivative down efficiency", "derivative up efficiency", "stock delta",
    ]  # fmt: skip

    def battery(one: dict[str, float]) -> Any:
        frame = initialize_df(columns, start, end, step)
        frame["max"] = (one["capacity_kwh"] - one["initial_kwh"]) / hours  # its stock is power summed over slots
        frame["min"] = -one["initial_kwh"] / hours
        frame.loc[frame.index[-1], "min"] = (one["end_kwh"] - one["initial_kwh"]) / hours
        frame["derivative max"], frame["derivative min"] = one["charge_max_kw"], -one["discharge_max_kw"]
        frame["derivative up efficiency"] = one["charge_efficiency"]
        frame["derivative down efficiency"] = one["discharge_efficiency"]
        return frame

    def make() -> dict[str, Any]:
        base = initialize_df(columns, start, end, step)
        base["derivative equals"] = work["base_kw"]
        limits = initialize_df(columns, start, end, step)
        limits["derivative max"], limits["derivative min"] = work["import_limit_kw"], -work["export_limit_kw"]
        devices = [battery(one) for one in work["batteries"]]
        prices = {name: pd.Series(work[f"{name}_eur_kwh"], index=base.index) * hours for name in ("import", "export")}
        bill = FlowCommitment(
            name="energy", quantity=0, index=base.index,
            upwards_deviation_price=prices["import"], downwards_deviation_price=prices["export"],
        )  # fmt: skip
        return {
            "device_constraints": [*devices, base],
            "ems_constraints": limits,
            "commitments": [bill],
            "initial_stock": [*(one["initial_kwh"] / hours for one in work["batteries"]), 0.0],
        }

    app = flask.Flask("bench")
    app.config |= {"FLEXMEASURES_LP_SOLVER": solver, "LOGGING_LEVEL": "INFO", "FLEXMEASURES_LP_SOLVER_OPTIONS": {}}
    with app.app_context():
        (powers, cost, results, _), wall, cpu = timed(make, lambda given: device_scheduler(**given))
    return {
        "version": version("flexmeasures"),
        "told_eur": float(cost),
        "status": str(results.solver.termination_condition),
        "power_kw": [power.tolist() for power in powers[:-1]],
        "wall_s": wall,
        "cpu_s": cpu,
    }


def emhass(work: Work, gap: float) -> Planned:
    """Its day-ahead plan of a battery, loads that are on or off, and the sun."""
    import emhass as package
    import pandas as pd
    from emhass.optimization import Optimization

    logging.disable(logging.CRITICAL)
    folder = Path(package.__file__).parent
    conf = json.loads((folder / "data" / "config_defaults.json").read_text(encoding="utf-8"))
    battery, loads = work["batteries"][0], work["loads"]
    lists = {
        "set_deferrable_startup_penalty": 0.0, "set_deferrable_max_startups": 0, "deferrable_load_max_cost": 0.0,
        "def_minimum_on_time": 0, "def_minimum_off_time": 0, "minimum_power_of_deferrable_loads": 0.0,
        "cost_forecast_per_deferrable_load": None, "is_electric_load": True,
        "treat_deferrable_load_as_semi_cont": True, "set_deferrable_load_single_constant": True,
    }  # fmt: skip
    conf |= {name: [value] * len(loads) for name, value in lists.items()}
    hours = work["duration_s"] / 3600
    conf |= {
        "number_of_deferrable_loads": len(loads),
        "nominal_power_of_deferrable_loads": [one["power_kw"] * 1e3 for one in loads],
        "operating_hours_of_each_deferrable_load": [one["slots"] * hours for one in loads],
        "start_timesteps_of_each_deferrable_load": [one["first"] for one in loads],
        "end_timesteps_of_each_deferrable_load": [one["last"] for one in loads],
        "set_use_battery": True, "set_use_pv": True, "set_nodischarge_to_grid": False, "set_nocharge_from_grid": False,
        "num_threads": 1, "lp_solver": "Highs", "lp_solver_mip_rel_gap": gap, "lp_solver_timeout": 180,
        "delta_forecast_daily": timedelta(hours=hours * work["slots"]),
        "maximum_power_from_grid": work["import_limit_kw"] * 1e3,
        "maximum_power_to_grid": work["export_limit_kw"] * 1e3,
        "battery_discharge_power_max": battery["discharge_max_kw"] * 1e3,
        "battery_charge_power_max": battery["charge_max_kw"] * 1e3,
        "battery_discharge_efficiency": battery["discharge_efficiency"],
        "battery_charge_efficiency": battery["charge_efficiency"],
        "battery_nominal_energy_capacity": battery["capacity_kwh"] * 1e3,
        "battery_minimum_state_of_charge": 0.0, "battery_maximum_state_of_charge": 1.0,
        "battery_target_state_of_charge": battery["end_kwh"] / battery["capacity_kwh"],
    }  # fmt: skip
    fetching = conf | {"optimization_time_step": timedelta(seconds=work["duration_s"]), "time_zone": "UTC"}
    index = pd.date_range(START, periods=work["slots"], freq=f"{work['duration_s']}s", tz="UTC")
    given = pd.DataFrame({"cost": work["import_eur_kwh"], "price": work["export_eur_kwh"]}, index=index)
    sun, base = (pd.Series(work[name], index=index) * 1e3 for name in ("sun_kw", "base_kw"))
    at = [battery[name] / battery["capacity_kwh"] for name in ("initial_kwh", "end_kwh")]

    def make() -> Any:
        paths = {"root_path": folder, "data_path": Path("/nonexistent")}
        logger = logging.getLogger("emhass")
        return Optimization(fetching, dict(conf), conf, "cost", "price", "profit", paths, logger)

    def plan(planner: Any) -> Any:
        return planner, planner.perform_dayahead_forecast_optim(given, sun, base, soc_init=at[0], soc_final=at[1])

    (planner, table), wall, cpu = timed(make, plan)
    _, again_wall, again_cpu = timed(lambda: planner, plan)
    return {
        "version": version("emhass"),
        "status": str(planner.optim_status),
        "power_kw": [(-table["P_batt"] / 1e3).tolist()],
        "load_kw": [(table[f"P_deferrable{k}"] / 1e3).tolist() for k in range(len(loads))],
        "wall_s": wall, "cpu_s": cpu, "again_wall_s": again_wall, "again_cpu_s": again_cpu,
    }  # fmt: skip


PEERS: dict[str, Callable[[Work], Planned]] = {
    "FlexMeasures, highspy": lambda work: flexmeasures(work, "highspy"),
    "FlexMeasures, Pyomo": lambda work: flexmeasures(work, "appsi_highs"),
    "EMHASS, its gap of 1 %": lambda work: emhass(work, 0.01),
    "EMHASS, no gap": lambda work: emhass(work, 0.0),
}


def main(name: str, work: Path) -> None:
    try:
        planned = PEERS[name](json.loads(work.read_text(encoding="utf-8")))
    except ImportError:
        sys.exit(3)
    print(json.dumps(planned))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
