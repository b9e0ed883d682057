"""The irrigation problem and its plan: plain frozen arrays that have validated themselves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from optimizers.arrays import Bools, Floats, Ints, Shapes, freeze, out_of_range, twice
from optimizers.result import InvalidProblem, Plan

EUR = "EUR"
TOLERANCE = 1e-6
"""By which an amount in mm, m³ or m³/h may miss a constraint: what a linear solver calls feasible."""

LEAST_TAW_MM = 1.0
"""No root zone that is worth watering has less: a green roof's thinnest layer has more."""

_LARGEST = 1e6

Stay = tuple[float, float]
"""From when to when a valve may be open, in seconds since the start of the plan."""


def joined(start_s: Floats, end_s: Floats) -> list[Stay]:
    """Stretches in order and apart, those that touch taken as one."""
    stays: list[Stay] = []
    for start, end in zip(start_s.tolist(), end_s.tolist(), strict=True):
        first = stays.pop()[0] if stays and stays[-1][1] == start else start
        stays.append((first, end))
    return stays


@dataclass(frozen=True, kw_only=True, eq=False)
class Networks:
    """N supplies, each with its pipe.

    capacity_m3_h (N,)   most that may flow at once
    price_eur_m3 (N,)    of its water, pumping included
    """

    arrays: ClassVar[tuple[str, ...]] = ("capacity_m3_h", "price_eur_m3")

    names: tuple[str, ...]
    capacity_m3_h: Floats
    price_eur_m3: Floats

    def freeze(self) -> list[str]:
        n = len(self.names)
        shapes: Shapes = dict.fromkeys(self.arrays, (np.float64, (n,)))
        return freeze(self, shapes) or list(self._problems())

    def _problems(self) -> Iterator[str]:
        yield from twice("network", self.names)
        yield from out_of_range("network", self.names, self, "capacity_m3_h", above=0.0, most=_LARGEST)
        yield from out_of_range("network", self.names, self, "price_eur_m3", least=0.0, most=_LARGEST)


@dataclass(frozen=True, kw_only=True, eq=False)
class Hydrozones:
    """n areas, each watered by one valve, wholly open or closed.

    network (n,)             index of its supply
    flow_m3_h (n,)           of its open valve
    cycle_s (n,)             how long a cycle opens the valve: no longer than the soil takes the water in
    soak_s (n,)              least pause between two cycles of a night
    cycle_mm (n,)            net depth a cycle brings to the root zone: what uneven distribution loses is off already
    taw_mm, raw_mm (n,)      total and readily available water of the root zone (FAO-56 eq. 82, 83)
    depletion_mm (n,)        of the root zone now, 0…TAW
    stress_eur_mm (n,)       what a day with one mm of depletion beyond RAW costs
    wilting_eur_mm (n,)      what one mm beyond the middle between RAW and TAW costs a day, on top of it
    terminal_eur_mm (n,)     what one mm of depletion after the last day is worth: it has to be watered later
    """

    arrays: ClassVar[tuple[str, ...]] = (
        "network", "flow_m3_h", "cycle_s", "soak_s", "cycle_mm", "taw_mm", "raw_mm", "depletion_mm",
        "stress_eur_mm", "wilting_eur_mm", "terminal_eur_mm",
    )  # fmt: skip

    names: tuple[str, ...]
    network: Ints
    flow_m3_h: Floats
    cycle_s: Floats
    soak_s: Floats
    cycle_mm: Floats
    taw_mm: Floats
    raw_mm: Floats
    depletion_mm: Floats
    stress_eur_mm: Floats
    wilting_eur_mm: Floats = field(default_factory=lambda: np.array(0.0))
    terminal_eur_mm: Floats = field(default_factory=lambda: np.array(0.0))

    @property
    def cycle_m3(self) -> Floats:
        """(n,) water that a cycle takes from the network."""
        volume: Floats = self.flow_m3_h * self.cycle_s / 3600.0
        return volume

    def freeze(self, networks: Networks) -> list[str]:
        n = len(self.names)
        shapes: Shapes = {name: (np.int64 if name == "network" else np.float64, (n,)) for name in self.arrays}
        return freeze(self, shapes) or list(self._problems(networks))

    def _problems(self, networks: Networks) -> Iterator[str]:
        yield from twice("hydrozone", self.names)
        for name in ("flow_m3_h", "cycle_s", "cycle_mm", "taw_mm", "raw_mm"):
            yield from out_of_range("hydrozone", self.names, self, name, above=0.0, most=_LARGEST)
        for name in ("soak_s", "depletion_mm", "stress_eur_mm", "wilting_eur_mm", "terminal_eur_mm"):
            yield from out_of_range("hydrozone", self.names, self, name, least=0.0, most=_LARGEST)
        for z, name in enumerate(self.names):
            yield from self._contradictions(z, name, networks)

    def _contradictions(self, z: int, name: str, networks: Networks) -> Iterator[str]:
        if not 0 <= (network := int(self.network[z])) < len(networks.names):
            yield f"hydrozone {name!r}: network is {network}, wants an index below {len(networks.names)}"
        elif self.flow_m3_h[z] > networks.capacity_m3_h[network]:
            carries = f"{networks.names[network]!r} carries {networks.capacity_m3_h[network]:g}"
            found = f"flow_m3_h is {self.flow_m3_h[z]:g}"
            yield f"hydrozone {name!r}: {found}, {carries}; wants a valve that its network can feed"
        yield from self._other_scale(z, name)

    def _other_scale(self, z: int, name: str) -> Iterator[str]:
        """Water that does not fit the root zone, which is most often told in percent or as a fraction of volume."""
        taw, raw, depletion = float(self.taw_mm[z]), float(self.raw_mm[z]), float(self.depletion_mm[z])
        if 0 < taw < LEAST_TAW_MM:
            wanted = f"{LEAST_TAW_MM:g} or more (is it in m3/m3? 1000 times that by the depth in m is mm)"
            yield f"hydrozone {name!r}: taw_mm is {taw:g}, wants {wanted}"
            return
        if raw >= taw:
            yield f"hydrozone {name!r}: raw_mm is {raw:g}, wants less than taw_mm, {taw:g} (is it in percent?)"
        if depletion > taw + TOLERANCE:
            wanted = f"at most taw_mm, {taw:g} (is it in percent?)"
            yield f"hydrozone {name!r}: depletion_mm is {depletion:g}, wants {wanted}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Windows:
    """K stretches of time, in order and apart, in which some valves may be open.

    night (K,)            which of the D nights a stretch belongs to, 0 is the one that is decided
    start_s, end_s (K,)   seconds since the start of the plan
    allowed (n, K)        whether a hydrozone may be watered in it
    most_cycles (n, D)    most cycles of a night, beyond what windows leave room for
    """

    arrays: ClassVar[tuple[str, ...]] = ("night", "start_s", "end_s", "allowed", "most_cycles")

    night: Ints
    start_s: Floats
    end_s: Floats
    allowed: Bools
    most_cycles: Ints = field(default_factory=lambda: np.array(1_000))

    def freeze(self, hydrozones: Sequence[str], nights: int) -> list[str]:
        n, k = len(hydrozones), np.size(self.night)
        shapes: Shapes = {
            "night": (np.int64, (k,)),
            "start_s": (np.float64, (k,)),
            "end_s": (np.float64, (k,)),
            "allowed": (np.bool_, (n, k)),
            "most_cycles": (np.int64, (n, nights)),
        }
        return freeze(self, shapes) or list(self._problems(hydrozones, nights))

    def _problems(self, hydrozones: Sequence[str], nights: int) -> Iterator[str]:
        for k in range(self.night.size):
            start, end, night = float(self.start_s[k]), float(self.end_s[k]), int(self.night[k])
            if not 0 <= start < end <= _LARGEST * 10:
                yield f"window {k}: from {start:g} s to {end:g} s, wants a start of 0 or more before an end"
            if not 0 <= night < nights:
                yield f"window {k}: night is {night}, wants an index below {nights}"
            if k and (start < self.end_s[k - 1] or night < self.night[k - 1]):
                yield f"window {k}: begins at {start:g} s of night {night}, before window {k - 1} is over"
        for z, d in np.argwhere(self.most_cycles < 0).tolist():
            yield f"hydrozone {hydrozones[z]!r}: most_cycles of night {d} is {self.most_cycles[z, d]}, wants 0 or more"


@dataclass(frozen=True, kw_only=True, eq=False)
class Scenarios:
    """S ways the weather may go over D days from noon to noon, of which day 0 holds the night that is decided.

    probability (S,)      of each; they sum to 1
    etc_mm (S, D, n)      evapotranspiration of plants that lack no water
    rain_mm (S, D, n)     of it what reaches the root zone: run-off and what wets leaves only is off already
    """

    arrays: ClassVar[tuple[str, ...]] = ("probability", "etc_mm", "rain_mm")

    probability: Floats
    etc_mm: Floats
    rain_mm: Floats

    @property
    def days(self) -> int:
        return int(np.shape(self.etc_mm)[1]) if np.ndim(self.etc_mm) == 3 else 0

    def freeze(self, hydrozones: Sequence[str]) -> list[str]:
        s, n = np.size(self.probability), len(hydrozones)
        cube = (s, max(self.days, 1), n)
        shapes: Shapes = {
            "probability": (np.float64, (s,)),
            "etc_mm": (np.float64, cube),
            "rain_mm": (np.float64, cube),
        }
        return freeze(self, shapes) or list(self._problems(hydrozones))

    def _problems(self, hydrozones: Sequence[str]) -> Iterator[str]:
        if not (self.probability > 0).all() or not np.isclose(self.probability.sum(), 1.0, rtol=0, atol=1e-9):
            yield f"scenarios: probability is {self.probability.tolist()}, wants values above 0 that sum to 1"
        for name in ("etc_mm", "rain_mm"):
            values: Floats = getattr(self, name)
            wrong = ~((values >= 0) & (values <= 1_000))
            for z in np.flatnonzero(wrong.any(axis=(0, 1))).tolist():
                s, d = np.argwhere(wrong[:, :, z])[0].tolist()
                where, found = f"hydrozone {hydrozones[z]!r}: {name} of scenario {s}, day {d}", values[s, d, z]
                yield f"{where} is {found}, wants 0 to 1000 mm"


@dataclass(frozen=True, kw_only=True, eq=False)
class Budgets:
    """B limits on water, over networks.

    limit_m3 (B,)        most water over the nights it covers, expected over scenarios; of night 0 alone it is exact
    member (B, n)        the hydrozones whose water counts
    nights (B, D)        the nights that count
    """

    arrays: ClassVar[tuple[str, ...]] = ("limit_m3", "member", "nights")

    names: tuple[str, ...]
    limit_m3: Floats
    member: Bools
    nights: Bools

    def freeze(self, hydrozones: Sequence[str], nights: int) -> list[str]:
        b = len(self.names)
        shapes: Shapes = {
            "limit_m3": (np.float64, (b,)),
            "member": (np.bool_, (b, len(hydrozones))),
            "nights": (np.bool_, (b, nights)),
        }
        return freeze(self, shapes) or list(self._problems())

    def _problems(self) -> Iterator[str]:
        yield from twice("budget", self.names)
        yield from out_of_range("budget", self.names, self, "limit_m3", least=0.0)


PARTS = {"networks": Networks, "hydrozones": Hydrozones, "windows": Windows, "scenarios": Scenarios, "budgets": Budgets}


@dataclass(frozen=True, kw_only=True, eq=False)
class IrrigationProblem:
    """Which valves to open how often in the coming night, looking D days ahead.

    With D[s,d] the depletion in mm after day d of scenario s, of each hydrozone:

        D[s,d+1] = D[s,d] + etc[s,d] - rain[s,d] - cycle_mm * cycles[s,d] + percolation[s,d],   D, percolation >= 0

    cycles[s,0] is a whole number, the same in every scenario; later ones may be fractions. Nothing limits D from above:
    stress is paid for instead, and evapotranspiration is not reduced by it (Ks = 1, a little pessimistic).

    A cycle lies within allowed windows, whole; valves that are open at once take no more than their network carries.
    Of a later night that counts in sum only: no more cycles of a hydrozone than fit whole, with their soaks, into its
    windows were it alone, and valves open for as long as their cycles last, which may be interrupted.

    Least is wanted, in EUR, of the expectation over scenarios of

        price_eur_m3 * cycle_m3 * cycles[s,d]                                                            water, all days
        + stress_eur_mm * max(0, D[s,d+1] - RAW) + wilting_eur_mm * max(0, D[s,d+1] - (RAW + TAW) / 2)   all days
        + terminal_eur_mm * D[s,last]                                                                    once

    Raises InvalidProblem with everything that is wrong.
    """

    networks: Networks
    hydrozones: Hydrozones
    windows: Windows
    scenarios: Scenarios
    budgets: Budgets | None = None

    def __post_init__(self) -> None:
        names, days = self.hydrozones.names, self.scenarios.days
        problems = [*self._empty(), *self.networks.freeze()]
        problems = problems or self.hydrozones.freeze(self.networks)
        problems += self.scenarios.freeze(names) + self.windows.freeze(names, max(days, 1))
        if self.budgets is not None:
            problems += self.budgets.freeze(names, max(days, 1))
        if problems:
            raise InvalidProblem(problems)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Hydrozones, days, scenarios."""
        return len(self.hydrozones.names), self.scenarios.days, self.scenarios.probability.size

    def _empty(self) -> Iterator[str]:
        counted = len(self.hydrozones.names), self.scenarios.days, np.size(self.scenarios.probability)
        for count, what in zip(counted, ("hydrozones", "days", "scenarios"), strict=True):
            if not count:
                yield f"there are no {what}, wants one at least"


@dataclass(frozen=True, kw_only=True, eq=False)
class IrrigationPlan(Plan):
    """How often each valve opens in the coming night, and exactly when.

    cycles (n,)               cycles of night 0
    opened (m,)               index of the hydrozone of each opening, in the order they begin
    start_s, end_s (m,)       seconds since the start of the plan
    later_cycles (S, D-1, n)  what each scenario would go on with: fractions, no promise
    """

    hydrozones: tuple[str, ...]
    cycles: Ints
    opened: Ints
    start_s: Floats
    end_s: Floats
    later_cycles: Floats
    unit: str = EUR
