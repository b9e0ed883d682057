"""One network at a time: what its model and its timetable need to know."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.irrigation.problem import IrrigationProblem
from optimizers.irrigation.room import Room, room_of


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """Whole cycles (m,) tonight, and fractions (S, D-1, m) later."""

    cycles: Ints
    later: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Supply:
    """A network and the m of its hydrozones for which there is water to plan.

    name                    of the network
    zones (m,)              which hydrozones of the problem they are
    capacity_m3_h           of the network
    flow_m3_h, cycle_s, soak_s, cycle_mm, cycle_m3, raw_mm, middle_mm, depletion_mm, stress_eur_mm, wilting_eur_mm,
    terminal_eur_mm (m,)    of each; middle_mm is where wilting begins
    price_eur (D, m)        of a cycle of each night
    counted_m3 (B, D, m)    of it, by each budget
    most (D, m)             cycles that each night leaves room for
    night, start_s, end_s (K,), usable (m, K)    the stretches, and which of them a valve may be open in
    probability (S,), need_mm (S, D, m)          evapotranspiration less rain
    """

    name: str
    zones: Ints
    capacity_m3_h: float
    flow_m3_h: Floats
    cycle_s: Floats
    soak_s: Floats
    cycle_mm: Floats
    cycle_m3: Floats
    raw_mm: Floats
    middle_mm: Floats
    depletion_mm: Floats
    stress_eur_mm: Floats
    wilting_eur_mm: Floats
    terminal_eur_mm: Floats
    price_eur: Floats
    counted_m3: Floats
    most: Ints
    night: Ints
    start_s: Floats
    end_s: Floats
    usable: Bools
    probability: Floats
    need_mm: Floats

    @property
    def shape(self) -> tuple[int, int, int]:
        """Hydrozones, days, scenarios."""
        scenarios, days, m = self.need_mm.shape
        return m, days, scenarios

    def used_m3(self, tonight: Floats | Ints, later: Floats) -> Floats:
        """(B,) what each budget counts, in the expectation, of cycles (m,) tonight and (S, D-1, m) later."""
        expected = np.tensordot(self.probability, later, 1)
        used: Floats = self.counted_m3[:, 0] @ tonight + np.tensordot(self.counted_m3[:, 1:], expected, 2)
        return used


def supplies(problem: IrrigationProblem) -> Iterator[Supply]:
    """Of each network that has something to decide, in their order."""
    room = room_of(problem)
    open_to = np.flatnonzero(room.most.any(axis=1) & _gains(problem))
    by_network = open_to[np.argsort(problem.hydrozones.network[open_to], kind="stable")]
    numbers, first = np.unique(problem.hydrozones.network[by_network], return_index=True)
    for network, zones in zip(numbers.tolist(), np.split(by_network, first)[1:], strict=True):
        yield _supply(problem, room, network, zones)


def _supply(problem: IrrigationProblem, room: Room, network: int, zones: Ints) -> Supply:
    all_zones, windows, weather = problem.hydrozones, problem.windows, problem.scenarios
    of = {
        name: getattr(all_zones, name)[zones]
        for name in (
            "flow_m3_h", "cycle_s", "soak_s", "cycle_mm", "cycle_m3", "raw_mm", "depletion_mm",
            "stress_eur_mm", "wilting_eur_mm", "terminal_eur_mm",
        )
    }  # fmt: skip
    price = problem.networks.price_eur_m3[network] * of["cycle_m3"]
    return Supply(
        name=problem.networks.names[network],
        zones=zones,
        capacity_m3_h=float(problem.networks.capacity_m3_h[network]),
        middle_mm=(all_zones.raw_mm + all_zones.taw_mm)[zones] / 2,
        price_eur=np.broadcast_to(price, (problem.shape[1], zones.size)),
        counted_m3=_counted_m3(problem, zones),
        most=room.most[zones].T,
        night=windows.night,
        start_s=windows.start_s,
        end_s=windows.end_s,
        usable=room.usable[zones],
        probability=weather.probability,
        need_mm=(weather.etc_mm - weather.rain_mm)[:, :, zones],
        **of,
    )


def _counted_m3(problem: IrrigationProblem, zones: Ints) -> Floats:
    if (budgets := problem.budgets) is None:
        return np.zeros((0, problem.shape[1], zones.size))
    counts = budgets.nights[:, :, None] & budgets.member[:, None, zones]
    return np.where(counts, problem.hydrozones.cycle_m3[zones], 0.0)


def _gains(problem: IrrigationProblem) -> Bools:
    """(n,) whether a mm of water can be worth anything: the root zone lacks some at the end, or comes to lack it."""
    zones, weather = problem.hydrozones, problem.scenarios
    depletion = np.broadcast_to(zones.depletion_mm, (weather.probability.size, problem.shape[0]))
    stressed = np.zeros(problem.shape[0], np.bool_)
    for day in range(weather.days):
        depletion = np.maximum(depletion + (weather.etc_mm - weather.rain_mm)[:, day], 0.0)
        stressed |= (depletion > zones.raw_mm).any(axis=0)
    paid = zones.stress_eur_mm + zones.wilting_eur_mm > 0
    price = problem.networks.price_eur_m3[zones.network] * zones.cycle_m3 / zones.cycle_mm
    gains: Bools = (stressed & paid) | (zones.terminal_eur_mm > price)
    return gains
