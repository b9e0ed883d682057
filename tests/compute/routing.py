"""A round trip by OR-Tools' routing, whose search holds the interpreter for its whole length."""

import threading

import numpy as np

from optimizers.result import Limits


def tour(item: tuple[int, int], limits: Limits) -> tuple[int, int]:
    """Length of a round trip through `item[0]` places drawn from seed `item[1]`, and how often another thread of the
    process ran meanwhile, which tries every 10 ms. The search takes half of its seconds, two at most: the rest is
    for the model.
    """
    from ortools.constraint_solver import pywrapcp, routing_enums_pb2

    places = np.random.default_rng(item[1]).integers(0, 10_000, (item[0], 2))
    matrix = np.abs(places[:, None] - places[None]).sum(axis=2)
    manager = pywrapcp.RoutingIndexManager(len(places), 1, 0)
    model = pywrapcp.RoutingModel(manager)
    model.SetArcCostEvaluatorOfAllVehicles(model.RegisterTransitMatrix(matrix.tolist()))
    chosen = pywrapcp.DefaultRoutingSearchParameters()
    chosen.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    chosen.time_limit.FromMilliseconds(int(min(limits.seconds / 2, 2.0) * 1000))
    over, ticks = threading.Event(), list[int]()

    def beat() -> None:
        while not over.wait(0.01):
            ticks.append(1)

    thread = threading.Thread(target=beat)
    thread.start()
    before = len(ticks)
    found = model.SolveWithParameters(chosen)
    meanwhile = len(ticks) - before
    over.set()
    thread.join()
    return found.ObjectiveValue(), meanwhile
