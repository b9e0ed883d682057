"""Other routing engines on one instance: `python routing_peers.py PEER WORK.json`, run by bench_routing, each in a
process and none on more than one thread.

The work: whole distances, which are times too, between places of which 0 is the depot; demands, service times and
windows of the others (none without windows), a number of vehicles and what each holds, and seconds. Prints one JSON
object: its version and the places of each route. Exit status 3 says that the peer is not installed. Nothing of Consigne
is imported: VROOM and vrp-cli have a virtualenv of their own.
"""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

Work = dict[str, Any]
Routes = list[list[int]]


def ortools(work: Work) -> Routes:
    """As its guide for capacities and time windows has it: parallel cheapest insertion, then guided local search."""
    from ortools.constraint_solver import pywrapcp, routing_enums_pb2

    distance, service = work["distance"], work["service"]
    manager = pywrapcp.RoutingIndexManager(len(distance), work["vehicles"], 0)
    model = pywrapcp.RoutingModel(manager)
    node = manager.IndexToNode
    drive = model.RegisterTransitCallback(lambda a, b: distance[node(a)][node(b)])
    model.SetArcCostEvaluatorOfAllVehicles(drive)
    load = model.RegisterUnaryTransitCallback(lambda a: work["demand"][node(a)])
    model.AddDimension(load, 0, work["capacity"], True, "load")
    if work["windows"]:
        horizon = work["windows"][0][1]
        lasts = model.RegisterTransitCallback(lambda a, b: distance[node(a)][node(b)] + service[node(a)])
        model.AddDimension(lasts, horizon, horizon, False, "time")
        time = model.GetDimensionOrDie("time")
        for place in range(1, len(distance)):
            time.CumulVar(manager.NodeToIndex(place)).SetRange(*work["windows"][place])
    parameters = pywrapcp.DefaultRoutingSearchParameters()
    parameters.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
    parameters.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    parameters.time_limit.FromMilliseconds(int(1000 * work["seconds"]))
    found = model.SolveWithParameters(parameters)
    routes: Routes = []
    for vehicle in range(work["vehicles"] if found else 0):
        index, route = model.Start(vehicle), []
        while not model.IsEnd(index):
            route.append(node(index))
            index = found.Value(model.NextVar(index))
        routes.append(route[1:])
    return routes


def vroom(work: Work) -> Routes:
    """Its deepest exploration; it ends where it finds no more, which may be early."""
    import numpy as np
    import vroom as engine

    problem = engine.Input()
    problem.set_durations_matrix("car", np.array(work["distance"], np.uint32))
    windows = work["windows"]
    shift = {"time_window": windows[0]} if windows else {}
    for k in range(work["vehicles"]):
        problem.add_vehicle(engine.Vehicle(k, start=0, end=0, capacity=[work["capacity"]], **shift))
    for place in range(1, len(work["distance"])):
        when = {"time_windows": [windows[place]]} if windows else {}
        amount = {"pickup": [work["demand"][place]], "default_service": work["service"][place]}
        problem.add_job(engine.Job(place, location=place, **amount, **when))
    table = problem.solve(exploration_level=5, nb_threads=1, timeout=timedelta(seconds=work["seconds"])).routes
    jobs = table[table["type"] == "job"]
    return [[int(one) for one in group["id"]] for _, group in jobs.groupby("vehicle_id")]


def vrp_cli(work: Work) -> Routes:
    """Its pragmatic format, told to serve everything and then to drive least, whatever the number of tours."""
    import vrp_cli as engine

    distance, windows = work["distance"], work["windows"]
    size = len(distance)
    flat = [value for row in distance for value in row]
    horizon = windows[0][1] if windows else sum(map(max, distance)) + sum(work["service"])
    problem = {
        "plan": {"jobs": [_job(work, place) for place in range(1, size)]},
        "fleet": {
            "vehicles": [
                {
                    "typeId": "truck",
                    "vehicleIds": [f"truck_{k}" for k in range(work["vehicles"])],
                    "profile": {"matrix": "car"},
                    "costs": {"fixed": 0.0, "distance": 1.0, "time": 0.0},
                    "shifts": [
                        {
                            "start": {"earliest": _instant(windows[0][0] if windows else 0), "location": {"index": 0}},
                            "end": {"latest": _instant(horizon), "location": {"index": 0}},
                        }
                    ],
                    "capacity": [work["capacity"]],
                }
            ],
            "profiles": [{"name": "car"}],
        },
        "objectives": [[{"type": "minimize-unassigned"}], [{"type": "minimize-cost"}]],
    }
    matrix = {"profile": "car", "travelTimes": flat, "distances": flat}
    config = {
        "termination": {"maxTime": int(work["seconds"]), "maxGenerations": 10**9},
        "environment": {"parallelism": {"numThreadPools": 1, "threadsPerPool": 1}},
        "telemetry": {"progress": {"enabled": False}},
    }
    told = json.loads(engine.solve_pragmatic(json.dumps(problem), [json.dumps(matrix)], json.dumps(config)))
    return [
        [
            int(activity["jobId"])
            for stop in tour["stops"]
            for activity in stop["activities"]
            if activity["jobId"].isdigit()
        ]
        for tour in told["tours"]
    ]


def _job(work: Work, place: int) -> dict[str, Any]:
    at: dict[str, Any] = {"location": {"index": place}, "duration": float(work["service"][place])}
    if work["windows"]:
        at["times"] = [[_instant(second) for second in work["windows"][place]]]
    return {"id": f"{place}", "pickups": [{"places": [at], "demand": [work["demand"][place]]}]}


def _instant(second: int) -> str:
    return (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")


PEERS: dict[str, tuple[str, Callable[[Work], Routes]]] = {
    "OR-Tools": ("ortools", ortools),
    "VROOM": ("pyvroom", vroom),
    "vrp-cli": ("vrp-cli", vrp_cli),
}


def main(name: str, path: Path) -> None:
    package, solve = PEERS[name]
    work: Work = json.loads(path.read_text(encoding="utf-8"))
    try:
        routes = solve(work)
    except ImportError:
        sys.exit(3)
    print(json.dumps({"version": version(package), "routes": [route for route in routes if route]}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
