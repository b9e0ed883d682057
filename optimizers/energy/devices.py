"""What energy goes through: sun, batteries, vehicles, rooms and hot water, loads that are on or off, loads to shed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from optimizers.arrays import Bools, Floats, Ints, Shapes, freeze, out_of_range, twice
from optimizers.energy.contract import LARGEST_EUR, LARGEST_W, NONE, wrong_stay

LARGEST_WH = 1e9
HIGHEST_C = 200.0
MOST_PER_UNIT = 20.0
"""Heat of one unit of energy: no heat pump gives more."""


def _sites(kind: str, names: tuple[str, ...], site: Ints, sites: int) -> Iterator[str]:
    yield from twice(kind, names)
    for name, index in zip(names, site.tolist(), strict=True):
        if not 0 <= index < sites:
            yield f"{kind} {name!r}: site is {index}, wants an index below {sites}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Solar:
    """P roofs that produce.

    site (P,)            index of its site
    available_w (P, T)   what the sun would give
    curtailable (P,)     whether it can be told to give less
    """

    arrays: ClassVar[tuple[str, ...]] = ("site", "available_w", "curtailable")

    names: tuple[str, ...]
    site: Ints
    available_w: Floats
    curtailable: Bools = field(default_factory=lambda: np.array(False))

    def freeze(self, slots: int, sites: int) -> list[str]:
        p = len(self.names)
        shapes: Shapes = {
            "site": (np.int64, (p,)), "available_w": (np.float64, (p, slots)), "curtailable": (np.bool_, (p,))
        }  # fmt: skip
        return freeze(self, shapes) or list(self._problems(sites))

    def _problems(self, sites: int) -> Iterator[str]:
        yield from _sites("solar", self.names, self.site, sites)
        yield from out_of_range("solar", self.names, self, "available_w", least=0.0, most=LARGEST_W)


class _Stores:
    """What batteries and vehicles have in common, and how it is wrong."""

    kind: ClassVar[str]
    arrays: ClassVar[tuple[str, ...]]

    names: tuple[str, ...]
    site: Ints
    capacity_wh: Floats
    initial_wh: Floats
    charge_max_w: Floats
    charge_least_w: Floats
    discharge_max_w: Floats
    charge_efficiency: Floats
    discharge_efficiency: Floats
    wear_eur_kwh: Floats

    def _stores(self, sites: int) -> Iterator[str]:
        kind, names = self.kind, self.names
        yield from _sites(kind, names, self.site, sites)
        yield from out_of_range(kind, names, self, "capacity_wh", above=0.0, most=LARGEST_WH)
        for name in ("charge_max_w", "charge_least_w", "discharge_max_w"):
            yield from out_of_range(kind, names, self, name, least=0.0, most=LARGEST_W)
        yield from out_of_range(kind, names, self, "wear_eur_kwh", least=0.0, most=LARGEST_EUR)
        for name in ("charge_efficiency", "discharge_efficiency"):
            for problem in out_of_range(kind, names, self, name, above=0.0, most=1.0):
                yield f"{problem}: it gives back no more than it takes (is it in percent, or of the other side?)"
        for i, name in enumerate(names):
            yield from self._amount(i, name, "initial_wh")
            if self.charge_least_w[i] > self.charge_max_w[i]:
                found = f"charge_least_w is {self.charge_least_w[i]:g}, charge_max_w {self.charge_max_w[i]:g}"
                yield f"{kind} {name!r}: {found}, wants a least that is no more than the most"

    def _amount(self, i: int, name: str, what: str) -> Iterator[str]:
        found, capacity = float(getattr(self, what)[i]), float(self.capacity_wh[i])
        if not 0 <= found <= capacity * (1 + 1e-9):
            hint = "is it in percent, or kWh?"
            yield f"{self.kind} {name!r}: {what} is {found:g}, wants 0 to capacity_wh, {capacity:g} ({hint})"


@dataclass(frozen=True, kw_only=True, eq=False)
class Batteries(_Stores):
    """B stores of electricity.

    site (B,)                                 index of its site
    capacity_wh, floor_wh, initial_wh (B,)    most it holds, least it keeps as a reserve, what it holds now
    charge_max_w, discharge_max_w (B,)        at its terminals
    charge_least_w (B,)                       when it charges at all, at least so much; 0 for any
    charge_efficiency, discharge_efficiency   (B,) of what goes in, what is stored; of what is stored, what comes out
    loss_h (B,)                               fraction of what it holds that is lost in an hour
    wear_eur_kwh (B,)                         of each kWh that comes out
    end_eur_kwh (B,)                          what a kWh that is stored after the last slot is worth
    from_grid, to_grid (B,)                   whether it may be charged with energy bought, emptied into the grid
    """

    kind: ClassVar[str] = "battery"
    arrays: ClassVar[tuple[str, ...]] = (
        "site", "capacity_wh", "floor_wh", "initial_wh", "charge_max_w", "charge_least_w", "discharge_max_w",
        "charge_efficiency", "discharge_efficiency", "loss_h", "wear_eur_kwh", "end_eur_kwh", "from_grid", "to_grid",
    )  # fmt: skip

    names: tuple[str, ...]
    site: Ints
    capacity_wh: Floats
    initial_wh: Floats
    charge_max_w: Floats
    discharge_max_w: Floats
    charge_efficiency: Floats
    discharge_efficiency: Floats
    floor_wh: Floats = field(default_factory=lambda: np.array(0.0))
    charge_least_w: Floats = field(default_factory=lambda: np.array(0.0))
    loss_h: Floats = field(default_factory=lambda: np.array(0.0))
    wear_eur_kwh: Floats = field(default_factory=lambda: np.array(0.0))
    end_eur_kwh: Floats = field(default_factory=lambda: np.array(0.0))
    from_grid: Bools = field(default_factory=lambda: np.array(True))
    to_grid: Bools = field(default_factory=lambda: np.array(True))

    def freeze(self, sites: int) -> list[str]:
        b = len(self.names)
        shapes: Shapes = dict.fromkeys(self.arrays, (np.float64, (b,)))
        shapes |= {"site": (np.int64, (b,)), "from_grid": (np.bool_, (b,)), "to_grid": (np.bool_, (b,))}
        return freeze(self, shapes) or list(self._problems(sites))

    def _problems(self, sites: int) -> Iterator[str]:
        yield from self._stores(sites)
        yield from out_of_range(self.kind, self.names, self, "loss_h", least=0.0, most=0.999)
        yield from out_of_range(self.kind, self.names, self, "end_eur_kwh", least=-LARGEST_EUR, most=LARGEST_EUR)
        for b, name in enumerate(self.names):
            yield from self._amount(b, name, "floor_wh")


@dataclass(frozen=True, kw_only=True, eq=False)
class Vehicles(_Stores):
    """V stays of vehicles at a charging point.

    site (V,)                                 index of its site
    arrive, depart (V,)                       slots, from its arrival to before its departure
    capacity_wh, initial_wh, target_wh (V,)   most it holds, what it holds on arrival, is to hold at departure
    charge_max_w, discharge_max_w (V,)        at the charging point; discharging is 0 for most
    charge_least_w (V,)                       when it charges at all, at least so much: 6 A; 0 for any
    charge_efficiency, discharge_efficiency   (V,) as of batteries
    wear_eur_kwh (V,)                         of each kWh that comes out
    """

    kind: ClassVar[str] = "vehicle"
    arrays: ClassVar[tuple[str, ...]] = (
        "site", "arrive", "depart", "capacity_wh", "initial_wh", "target_wh", "charge_max_w", "charge_least_w",
        "discharge_max_w", "charge_efficiency", "discharge_efficiency", "wear_eur_kwh",
    )  # fmt: skip

    names: tuple[str, ...]
    site: Ints
    arrive: Ints
    depart: Ints
    capacity_wh: Floats
    initial_wh: Floats
    target_wh: Floats
    charge_max_w: Floats
    charge_efficiency: Floats
    charge_least_w: Floats = field(default_factory=lambda: np.array(0.0))
    discharge_max_w: Floats = field(default_factory=lambda: np.array(0.0))
    discharge_efficiency: Floats = field(default_factory=lambda: np.array(1.0))
    wear_eur_kwh: Floats = field(default_factory=lambda: np.array(0.0))

    def freeze(self, slots: int, sites: int) -> list[str]:
        v = len(self.names)
        shapes: Shapes = dict.fromkeys(self.arrays, (np.float64, (v,)))
        shapes |= dict.fromkeys(("site", "arrive", "depart"), (np.int64, (v,)))
        return freeze(self, shapes) or list(self._problems(slots, sites))

    def _problems(self, slots: int, sites: int) -> Iterator[str]:
        yield from self._stores(sites)
        for v, name in enumerate(self.names):
            yield from self._amount(v, name, "target_wh")
            if (depart := int(self.depart[v])) > slots:
                wanted = f"{slots} at most: the target of a departure past the plan's end belongs to a later plan"
                yield f"vehicle {name!r}: depart is {depart}, wants {wanted}"
            else:
                yield from wrong_stay(f"vehicle {name!r}", int(self.arrive[v]), depart, slots)


@dataclass(frozen=True, kw_only=True, eq=False)
class Thermal:
    """Z rooms, or tanks of hot water, each of one temperature; a room also of its walls. Over T slots unless said.

    site (Z,)                          index of its site
    capacity_wh_k (Z,)                 heat that warms it by 1 K: its air and what follows at once, or its water
    loss_w_k (Z,)                      to outside, for each K it is warmer
    outdoor_c                          outside; where a tank stands
    gain_w                             heat from sun and people; hot water drawn is negative
    mass_wh_k, coupling_w_k (Z,)       of its walls, and to them; 0 for a room without
    initial_c, mass_initial_c (Z,)     now
    low_c, high_c                      comfort after each slot: beyond is a shortfall; -inf, inf for none
    floor_c, ceiling_c (Z,)            safety after each slot: frost, legionella, scalding; -inf, inf for none
    boost_c, boost_slot (Z,)           to have been that hot once after one of the slots up to that one; -1 for none
    heat_max_w                         most heat it can be given
    heat_least_w (Z,)                  when it is heated at all, at least so much; 0 for any
    cop                                heat of a unit of energy bought
    electric (Z,)                      whether that is the site's electricity
    fuel_eur_kwh                       price of the gas or heat bought otherwise
    fuel_g_kwh (Z,)                    its carbon
    cool_max_w, cool_cop               most that it can be cooled, and by how much for a unit of electricity
    """

    arrays: ClassVar[tuple[str, ...]] = (
        "site", "capacity_wh_k", "loss_w_k", "outdoor_c", "gain_w", "mass_wh_k", "coupling_w_k", "initial_c",
        "mass_initial_c", "low_c", "high_c", "floor_c", "ceiling_c", "boost_c", "boost_slot", "heat_max_w",
        "heat_least_w", "cop", "electric", "fuel_eur_kwh", "fuel_g_kwh", "cool_max_w", "cool_cop",
    )  # fmt: skip
    _slots: ClassVar[frozenset[str]] = frozenset(
        ("outdoor_c", "gain_w", "low_c", "high_c", "heat_max_w", "cop", "fuel_eur_kwh", "cool_max_w", "cool_cop")
    )

    names: tuple[str, ...]
    site: Ints
    capacity_wh_k: Floats
    loss_w_k: Floats
    outdoor_c: Floats
    initial_c: Floats
    heat_max_w: Floats
    cop: Floats
    gain_w: Floats = field(default_factory=lambda: np.array(0.0))
    mass_wh_k: Floats = field(default_factory=lambda: np.array(0.0))
    coupling_w_k: Floats = field(default_factory=lambda: np.array(0.0))
    mass_initial_c: Floats = field(default_factory=lambda: np.array(0.0))
    low_c: Floats = field(default_factory=lambda: np.array(-np.inf))
    high_c: Floats = field(default_factory=lambda: np.array(np.inf))
    floor_c: Floats = field(default_factory=lambda: np.array(-np.inf))
    ceiling_c: Floats = field(default_factory=lambda: np.array(np.inf))
    boost_c: Floats = field(default_factory=lambda: np.array(0.0))
    boost_slot: Ints = field(default_factory=lambda: np.array(NONE))
    heat_least_w: Floats = field(default_factory=lambda: np.array(0.0))
    electric: Bools = field(default_factory=lambda: np.array(True))
    fuel_eur_kwh: Floats = field(default_factory=lambda: np.array(0.0))
    fuel_g_kwh: Floats = field(default_factory=lambda: np.array(0.0))
    cool_max_w: Floats = field(default_factory=lambda: np.array(0.0))
    cool_cop: Floats = field(default_factory=lambda: np.array(1.0))

    def freeze(self, kind: str, slots: int, sites: int) -> list[str]:
        z = len(self.names)
        kinds = {"site": np.int64, "boost_slot": np.int64, "electric": np.bool_}
        shapes: Shapes = {
            name: (kinds.get(name, np.float64), (z, slots) if name in self._slots else (z,)) for name in self.arrays
        }
        return freeze(self, shapes) or list(self._problems(kind, slots, sites))

    def _problems(self, kind: str, slots: int, sites: int) -> Iterator[str]:
        names = self.names
        yield from _sites(kind, names, self.site, sites)
        yield from out_of_range(kind, names, self, "capacity_wh_k", above=0.0, most=LARGEST_WH)
        for name in ("loss_w_k", "mass_wh_k", "coupling_w_k", "heat_max_w", "heat_least_w", "cool_max_w"):
            yield from out_of_range(kind, names, self, name, least=0.0, most=LARGEST_W)
        for name in ("outdoor_c", "initial_c", "mass_initial_c"):
            yield from out_of_range(kind, names, self, name, least=-60.0, most=HIGHEST_C)
        for name in ("low_c", "floor_c"):
            yield from out_of_range(kind, names, self, name, most=HIGHEST_C)
        for name in ("high_c", "ceiling_c"):
            yield from out_of_range(kind, names, self, name, least=-60.0)
        for name in ("cop", "cool_cop"):
            yield from out_of_range(kind, names, self, name, above=0.0, most=MOST_PER_UNIT)
        yield from out_of_range(kind, names, self, "gain_w", least=-LARGEST_W, most=LARGEST_W)
        for name in ("fuel_eur_kwh", "fuel_g_kwh"):
            yield from out_of_range(kind, names, self, name, least=0.0, most=LARGEST_EUR)
        for z, name in enumerate(names):
            yield from self._contradictions(z, f"{kind} {name!r}", slots)
        if kind == "tank":
            yield from self._of_rooms()

    def _of_rooms(self) -> Iterator[str]:
        for name in ("cool_max_w", "mass_wh_k"):
            for problem in out_of_range("tank", self.names, self, name, most=0.0):
                yield f"{problem}: a tank is not cooled, and has no walls"

    def _contradictions(self, z: int, what: str, slots: int) -> Iterator[str]:
        crossed = np.flatnonzero(self.low_c[z] > self.high_c[z])
        if crossed.size:
            t = int(crossed[0])
            found = f"low_c of slot {t} is {self.low_c[z, t]:g}, high_c {self.high_c[z, t]:g}"
            yield f"{what}: {found}, wants low below high"
        if self.floor_c[z] > self.ceiling_c[z]:
            yield f"{what}: floor_c is {self.floor_c[z]:g}, ceiling_c {self.ceiling_c[z]:g}, wants a floor below"
        if (self.mass_wh_k[z] > 0) != (self.coupling_w_k[z] > 0):
            found = f"mass_wh_k is {self.mass_wh_k[z]:g}, coupling_w_k {self.coupling_w_k[z]:g}"
            yield f"{what}: {found}, wants both more than 0, or none"
        if not NONE <= (slot := int(self.boost_slot[z])) < slots:
            yield f"{what}: boost_slot is {slot}, wants -1 or a slot below {slots}"
        if slot != NONE and not self.boost_c[z] <= min(float(self.ceiling_c[z]), HIGHEST_C):
            yield f"{what}: boost_c is {self.boost_c[z]}, wants no more than ceiling_c, {self.ceiling_c[z]:g}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Loads:
    """L loads that are on or off: a washing line, a pump, a kiln.

    site (L,)                  index of its site
    power_w (L,)               when it is on
    first, last (L,)           slots, from the first to before the last, in which it may be on
    slots (L,)                 for how many it is to be on
    least_on, least_off (L,)   slots: once on, on for as many; once off, off for as many
    most_starts (L,)           1: in one piece
    """

    arrays: ClassVar[tuple[str, ...]] = (
        "site", "power_w", "first", "last", "slots", "least_on", "least_off", "most_starts",
    )  # fmt: skip

    names: tuple[str, ...]
    site: Ints
    power_w: Floats
    first: Ints
    last: Ints
    slots: Ints
    least_on: Ints = field(default_factory=lambda: np.array(1))
    least_off: Ints = field(default_factory=lambda: np.array(1))
    most_starts: Ints = field(default_factory=lambda: np.array(1))

    def freeze(self, slots: int, sites: int) -> list[str]:
        n = len(self.names)
        shapes: Shapes = dict.fromkeys(self.arrays, (np.int64, (n,)))
        shapes["power_w"] = (np.float64, (n,))
        return freeze(self, shapes) or list(self._problems(slots, sites))

    def _problems(self, slots: int, sites: int) -> Iterator[str]:
        yield from _sites("load", self.names, self.site, sites)
        yield from out_of_range("load", self.names, self, "power_w", above=0.0, most=LARGEST_W)
        for name in ("slots", "least_on", "least_off", "most_starts"):
            yield from out_of_range("load", self.names, self, name, least=1)
        for i, name in enumerate(self.names):
            first, last, wanted = int(self.first[i]), int(self.last[i]), int(self.slots[i])
            yield from wrong_stay(f"load {name!r}", first, last, slots)
            if wanted > last - first:
                yield f"load {name!r}: slots is {wanted}, wants no more than the {last - first} it may be on in"
            if self.least_on[i] > wanted:
                yield f"load {name!r}: least_on is {self.least_on[i]}, wants no more than slots, {wanted}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Sheddable:
    """S loads that can be given less for a while: ventilation, lighting.

    site (S,)            index of its site
    wanted_w (S, T)      what it would draw
    shed_eur_kwh (S,)    what each kWh that it is not given costs
    most_wh (S,)         most that it may be given less in all
    """

    arrays: ClassVar[tuple[str, ...]] = ("site", "wanted_w", "shed_eur_kwh", "most_wh")

    names: tuple[str, ...]
    site: Ints
    wanted_w: Floats
    shed_eur_kwh: Floats
    most_wh: Floats = field(default_factory=lambda: np.array(np.inf))

    def freeze(self, slots: int, sites: int) -> list[str]:
        s = len(self.names)
        shapes: Shapes = dict.fromkeys(self.arrays, (np.float64, (s,)))
        shapes |= {"site": (np.int64, (s,)), "wanted_w": (np.float64, (s, slots))}
        return freeze(self, shapes) or list(self._problems(sites))

    def _problems(self, sites: int) -> Iterator[str]:
        yield from _sites("sheddable", self.names, self.site, sites)
        yield from out_of_range("sheddable", self.names, self, "wanted_w", least=0.0, most=LARGEST_W)
        yield from out_of_range("sheddable", self.names, self, "shed_eur_kwh", least=0.0, most=LARGEST_EUR)
        yield from out_of_range("sheddable", self.names, self, "most_wh", least=0.0)
