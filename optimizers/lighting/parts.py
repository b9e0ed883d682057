"""What a lighting problem may ask beyond floors, ramps and steps: each part plain frozen arrays, None where not asked.

n lamps over T slots, as in the problem that holds the part.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from optimizers.arrays import Bools, Floats, Ints, Shapes, freeze

UNLIMITED = int(np.iinfo(np.int64).max)

LARGEST, SMALLEST = 1e6, 1e-6
"""Watts of a lamp, seconds of a slot, weights: beyond them a number is a slip, and sums lose what others add."""

_DEAREST = 1e9  # Wh: more than a lamp takes in a life


@dataclass(frozen=True, kw_only=True, eq=False)
class Holders:
    """What keeps programs, a cabinet or a gateway, and what it announces that it takes.

    of (n,)              index of each lamp's holder into `names`
    programs (h,)        most different programs, that is rows of flux, that it holds
    switch_points (h,)   most changes of level over the day in one of them; on at dusk and off at dawn are two
    fleet_programs       most different programs of all holders together
    """

    arrays: ClassVar[tuple[str, ...]] = ("of", "programs", "switch_points")

    names: tuple[str, ...]
    of: Ints
    programs: Ints = field(default_factory=lambda: np.array(UNLIMITED))
    switch_points: Ints = field(default_factory=lambda: np.array(UNLIMITED))
    fleet_programs: int = UNLIMITED

    def freeze(self, lamps: Sequence[str], _: int) -> list[str]:
        n, h = len(lamps), len(self.names)
        shapes: Shapes = {"of": (np.int64, (n,)), "programs": (np.int64, (h,)), "switch_points": (np.int64, (h,))}
        return freeze(self, shapes) or list(self._problems(lamps))

    def _problems(self, lamps: Sequence[str]) -> Iterator[str]:
        for name in sorted({name for name in self.names if self.names.count(name) > 1}):
            yield f"holder {name!r} stands {self.names.count(name)} times, wants once"
        for i in np.flatnonzero((self.of < 0) | (self.of >= len(self.names))).tolist():
            yield f"lamp {lamps[i]!r}: holder is {self.of[i]}, wants an index below {len(self.names)}"
        for h in np.flatnonzero(self.programs < 1):
            yield f"holder {self.names[h]!r}: programs is {self.programs[h]}, wants 1 or more"
        for h in np.flatnonzero(self.switch_points < 2):
            yield f"holder {self.names[h]!r}: switch_points is {self.switch_points[h]}, wants 2 or more: on and off"
        if self.fleet_programs < 1:
            yield f"fleet_programs is {self.fleet_programs}, wants 1 or more"


@dataclass(frozen=True, kw_only=True, eq=False)
class Budget:
    """Energy and power to stay within, and how far light may give way for them: as far as a person has allowed.

    energy_wh        over all slots; peak_w (T,) in each slot, or one for all; inf for no limit
    relaxed (n, T)   floors that may be gone down to, at most the problem's own
    weight (n,)      what a lamp's light is worth beside that of others

    Light given up costs weight · power at full · (floor - flux)² / floor over time: rather a little of many lamps than
    much of one.
    """

    arrays: ClassVar[tuple[str, ...]] = ("relaxed", "weight", "peak_w")

    relaxed: Floats
    energy_wh: float = float("inf")
    peak_w: Floats = field(default_factory=lambda: np.array(np.inf))
    weight: Floats = field(default_factory=lambda: np.array(1.0))

    def freeze(self, lamps: Sequence[str], slots: int) -> list[str]:
        n = len(lamps)
        shapes: Shapes = {
            "relaxed": (np.float64, (n, slots)),
            "weight": (np.float64, (n,)),
            "peak_w": (np.float64, (slots,)),
        }
        return freeze(self, shapes) or list(self._problems(lamps))

    def _problems(self, lamps: Sequence[str]) -> Iterator[str]:
        for name, least in (("energy_wh", self.energy_wh), ("peak_w", float(self.peak_w.min()))):
            if not least >= SMALLEST:
                yield f"{name} is {least}, wants more than 0, {SMALLEST:g} at least"
        for i in np.flatnonzero(~((self.weight >= SMALLEST) & (self.weight <= LARGEST))).tolist():
            yield f"lamp {lamps[i]!r}: weight is {self.weight[i]}, wants more than 0, {SMALLEST:g} to {LARGEST:g}"
        for i in np.flatnonzero(~((self.relaxed >= 0) & (self.relaxed <= 1)).all(axis=1)).tolist():
            yield f"lamp {lamps[i]!r}: relaxed wants fractions 0 to 1"


@dataclass(frozen=True, kw_only=True, eq=False)
class Shares:
    """Budgets of some lamps each, beside that of all, which says how far light may give way for any of them. A lamp
    gives way for the budgets that it is in, and for no others.

    lamps (b, n)     whose energy and power count in each
    energy_wh (b,)   over all slots; peak_w (b, T) in each slot; inf for no limit
    """

    arrays: ClassVar[tuple[str, ...]] = ("lamps", "energy_wh", "peak_w")

    names: tuple[str, ...]
    lamps: Bools
    energy_wh: Floats = field(default_factory=lambda: np.array(np.inf))
    peak_w: Floats = field(default_factory=lambda: np.array(np.inf))

    def freeze(self, lamps: Sequence[str], slots: int) -> list[str]:
        b = len(self.names)
        shapes: Shapes = {
            "lamps": (np.bool_, (b, len(lamps))),
            "energy_wh": (np.float64, (b,)),
            "peak_w": (np.float64, (b, slots)),
        }
        return freeze(self, shapes) or list(self._problems())

    def _problems(self) -> Iterator[str]:
        for name in sorted({name for name in self.names if self.names.count(name) > 1}):
            yield f"{name!r} stands {self.names.count(name)} times, wants once"
        for b, name in enumerate(self.names):
            if not self.lamps[b].any():
                yield f"{name!r} is of no lamp, wants one at least"
            for what, least in (("energy_wh", self.energy_wh[b]), ("peak_w", self.peak_w[b].min())):
                if not least >= SMALLEST:
                    yield f"{name!r}: {what} is {least}, wants more than 0, {SMALLEST:g} at least"


@dataclass(frozen=True, kw_only=True, eq=False)
class Yesterday:
    """What lamps were told before, to be kept unless another program is worth the telling.

    flux (n, T)      what that program asks on today's slots; a row of NaN where there is none to keep
    changes          most lamps that may be told another program
    change_cost_wh   what telling one lamp must save at least
    """

    arrays: ClassVar[tuple[str, ...]] = ("flux",)

    flux: Floats
    changes: int = UNLIMITED
    change_cost_wh: float = 0.0

    def freeze(self, lamps: Sequence[str], slots: int) -> list[str]:
        return freeze(self, {"flux": (np.float64, (len(lamps), slots))}) or list(self._problems(lamps))

    def _problems(self, lamps: Sequence[str]) -> Iterator[str]:
        if self.changes < 0:
            yield f"changes is {self.changes}, wants 0 or more"
        if not 0 <= self.change_cost_wh <= _DEAREST:
            yield f"change_cost_wh is {self.change_cost_wh}, wants 0 or more, {_DEAREST:g} at most"
        known = ~np.isnan(self.flux)
        whole = known.all(axis=1) | ~known.any(axis=1)
        for i in np.flatnonzero(~whole | (known & ~((self.flux >= 0) & (self.flux <= 1))).any(axis=1)).tolist():
            yield f"lamp {lamps[i]!r}: yesterday's flux wants fractions 0 to 1 in every slot, or NaN in all of them"


@dataclass(frozen=True, kw_only=True, eq=False)
class Lanes:
    """Lamps that brighten by themselves while somebody is there. What is planned is the level between.

    boost (n,)           flux while somebody is there; 0 for a lamp without a detector
    detection (n, T)     probability that somebody is, 0…1 (EN 13201-5, detection probability)

    Power expected is (1 - detection) · power(flux) + detection · power(max(flux, boost)).
    """

    arrays: ClassVar[tuple[str, ...]] = ("boost", "detection")

    boost: Floats
    detection: Floats

    def freeze(self, lamps: Sequence[str], slots: int) -> list[str]:
        n = len(lamps)
        shapes: Shapes = {"boost": (np.float64, (n,)), "detection": (np.float64, (n, slots))}
        return freeze(self, shapes) or list(self._problems(lamps))

    def _problems(self, lamps: Sequence[str]) -> Iterator[str]:
        for i in np.flatnonzero(~((self.boost >= 0) & (self.boost <= 1))).tolist():
            yield f"lamp {lamps[i]!r}: boost is {self.boost[i]}, wants a fraction 0 to 1"
        for i in np.flatnonzero(~((self.detection >= 0) & (self.detection <= 1)).all(axis=1)).tolist():
            yield f"lamp {lamps[i]!r}: detection wants probabilities 0 to 1"


PARTS: dict[str, type[Holders] | type[Budget] | type[Shares] | type[Yesterday] | type[Lanes]] = {
    "holders": Holders,
    "budget": Budget,
    "shares": Shares,
    "yesterday": Yesterday,
    "lanes": Lanes,
}
