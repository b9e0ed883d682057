"""The lighting problem and its plan: plain frozen arrays that have validated themselves."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from optimizers.arrays import Bools, Floats, Ints, Shapes, freeze
from optimizers.lighting.parts import LARGEST, PARTS, Budget, Holders, Lanes, Shares, Yesterday
from optimizers.result import InvalidProblem, Plan

__all__ = [
    "LINEAR",
    "TOLERANCE",
    "WH",
    "WH_GIVEN_UP",
    "LightingPlan",
    "LightingProblem",
    "PowerCurve",
]

TOLERANCE = 1e-9
"""Flux by which a constraint may be missed: sums of a few hundred doubles below 1 stay within 1e-13 of the truth."""


@dataclass(frozen=True, slots=True)
class PowerCurve:
    """Power of a lamp type over its relative flux, piecewise linear, as a fraction of power at full flux.

    Starts at flux 0 with the stand-by fraction, ends at (1, 1), strictly increasing in both.
    Raises InvalidProblem otherwise.
    """

    name: str
    flux: tuple[float, ...]
    power: tuple[float, ...]

    def __post_init__(self) -> None:
        if problems := list(self._problems()):
            raise InvalidProblem(f"power curve {self.name!r}: {what}" for what in problems)

    def _problems(self) -> Iterator[str]:
        if len(self.flux) != len(self.power) or len(self.flux) < 2:
            yield f"{len(self.flux)} flux and {len(self.power)} power values, wants as many of each, two at least"
            return
        for quantity, values in (("flux", self.flux), ("power", self.power)):
            if not bool(np.all(np.diff(values) > 0)):
                yield f"{quantity} {list(values)} does not strictly increase"
            if values[-1] != 1:
                yield f"{quantity} ends at {values[-1]}, wants 1: both are fractions of full"
        if self.flux[0] != 0:
            yield f"flux starts at {self.flux[0]}, wants 0, the stand-by"
        if not self.power[0] >= 0:
            yield f"stand-by power is {self.power[0]}, wants 0 or more"


LINEAR = PowerCurve("linear", (0.0, 1.0), (0.0, 1.0))


@dataclass(frozen=True, kw_only=True, eq=False)
class LightingProblem:
    """n lamps over T slots of `slot_s` seconds. Flux is relative to the lamp's own full flux, 0…1.

    lamps            n distinct ids
    floor            (n, T) flux needed; 0 in slots that do not burn
    ceiling          (n, T) flux allowed, or anything that broadcasts to it
    burning          (T,) whether it is dark; flux is 0 in every other slot
    ramp_per_slot    (n,) largest change of flux from one slot to the next; inf for no limit
    neighbours       (m, 2) indices of lamps seen together; neighbour_step (m,) the largest difference of their flux
    power_full_w     (n,) power at full flux; curve (n,) index into `curves`
    dimmable         (n,) false for a lamp that is on (1) or off (0) and nothing between

    Ramps bind two consecutive burning slots: switching on at dusk and off at dawn is no ramp. Nor is what the law has:
    to and from a slot with ceiling 0, and where the ceiling itself steps by more than the ramp. They do not bind a lamp
    that cannot dim. Neighbour steps bind every pair: beside a lamp that cannot dim its neighbours follow it up, and it
    is switched on rather than left further below a neighbour than the step. Its need for any flux at all is a need
    for full flux.

    What else may be asked is in `optimizers.lighting.parts`: who holds programs and how many, budgets of energy
    or power, what was told yesterday, lamps with detectors. All arrays are copied and made read-only. Raises
    InvalidProblem with everything that is wrong.
    """

    lamps: tuple[str, ...]
    floor: Floats
    burning: Bools
    power_full_w: Floats
    ceiling: Floats = field(default_factory=lambda: np.array(1.0))
    ramp_per_slot: Floats = field(default_factory=lambda: np.array(np.inf))
    neighbours: Ints = field(default_factory=lambda: np.empty((0, 2), np.int64))
    neighbour_step: Floats = field(default_factory=lambda: np.empty(0))
    dimmable: Bools = field(default_factory=lambda: np.array(True))
    curves: tuple[PowerCurve, ...] = (LINEAR,)
    curve: Ints = field(default_factory=lambda: np.array(0))
    slot_s: float = 900.0
    holders: Holders | None = None
    budget: Budget | None = None
    shares: Shares | None = None
    yesterday: Yesterday | None = None
    lanes: Lanes | None = None

    def __post_init__(self) -> None:
        n, slots, pairs = len(self.lamps), np.size(self.burning), len(self.neighbours)
        shapes: Shapes = {
            "floor": (np.float64, (n, slots)),
            "ceiling": (np.float64, (n, slots)),
            "burning": (np.bool_, (slots,)),
            "power_full_w": (np.float64, (n,)),
            "ramp_per_slot": (np.float64, (n,)),
            "dimmable": (np.bool_, (n,)),
            "curve": (np.int64, (n,)),
            "neighbours": (np.int64, (pairs, 2)),
            "neighbour_step": (np.float64, (pairs,)),
        }
        problems = freeze(self, shapes)
        for name in PARTS:
            part = getattr(self, name)
            problems += [f"{name}: {what}" for what in part.freeze(self.lamps, slots)] if part is not None else []
        if problems := problems or list(self._problems()):
            raise InvalidProblem(problems)

    @property
    def shape(self) -> tuple[int, int]:
        """Lamps, slots."""
        return len(self.lamps), self.burning.size

    def _problems(self) -> Iterator[str]:
        yield from self._wrong_whole()
        yield from self._wrong_lamps()
        yield from self._wrong_levels()
        yield from self._wrong_pairs()

    def _wrong_whole(self) -> Iterator[str]:
        if not self.lamps or not self.burning.size:
            yield f"{len(self.lamps)} lamps and {self.burning.size} slots, wants one of each at least"
        if not 0 < self.slot_s <= LARGEST:
            yield f"slot_s is {self.slot_s}, wants a number of seconds above 0, {LARGEST:g} at most"
        if self.shares is not None and self.budget is None:
            yield "shares: there is no budget, which says how far light may give way for them"
        for lamp, times in Counter(self.lamps).items():
            if times > 1:
                yield f"lamp {lamp!r} stands {times} times, wants once"

    def _wrong_lamps(self) -> Iterator[str]:
        for i in np.flatnonzero(~((self.power_full_w > 0) & (self.power_full_w <= LARGEST))):
            found = self.power_full_w[i]
            yield f"lamp {self.lamps[i]!r}: power_full_w is {found}, wants more than 0, {LARGEST:g} at most"
        for i in np.flatnonzero(~(self.ramp_per_slot >= 0)):
            yield f"lamp {self.lamps[i]!r}: ramp_per_slot is {self.ramp_per_slot[i]}, wants 0 or more"
        for i in np.flatnonzero((self.curve < 0) | (self.curve >= len(self.curves))):
            yield f"lamp {self.lamps[i]!r}: curve is {self.curve[i]}, wants an index below {len(self.curves)}"

    def _wrong_levels(self) -> Iterator[str]:
        for name in ("floor", "ceiling"):
            levels: Floats = getattr(self, name)
            wanted = "a fraction 0 to 1 (is it in percent, or 0 to 254?)"
            yield from self._first_in_row(~((levels >= 0) & (levels <= 1)), name, levels, wanted)
            yield from self._mixed_scales(name, levels)
        if self.budget is not None:
            above = self.budget.relaxed > self.floor + TOLERANCE
            yield from self._first_in_row(above, "relaxed", self.budget.relaxed, "at most the lamp's own floor")
        by_day = (self.floor > 0) & ~self.burning
        yield from self._first_in_row(by_day, "floor", self.floor, "0 in a slot that does not burn")

    def _mixed_scales(self, name: str, levels: Floats) -> Iterator[str]:
        """Lamps whose levels are on one scale beside lamps whose levels are on another."""
        top = levels.max(axis=1)
        scales = [
            ("0 to 1", top <= 1),
            ("0 to 100", (top > 1) & (top <= 100)),
            ("0 to 254", (top > 100) & (top <= 254)),
        ]
        found = [(scale, np.flatnonzero(on & (top > 0))) for scale, on in scales]
        told = [f"{rows.size} on {scale} as {self.lamps[rows[0]]!r}" for scale, rows in found if rows.size]
        if len(told) > 1:
            fix = "divide percent by 100, turn DALI levels into flux by the lamp's own curve, logarithmic or linear"
            yield f"{name}: scales are mixed, {', '.join(told)}; wants 0 to 1 for every lamp: {fix}"

    def _first_in_row(self, wrong: Bools, name: str, levels: Floats, wanted: str) -> Iterator[str]:
        for i in np.flatnonzero(wrong.any(axis=1)):
            slot, times = int(np.argmax(wrong[i])), int(wrong[i].sum())
            more = f" (and {times - 1} slots more)" if times > 1 else ""
            yield f"lamp {self.lamps[i]!r}: {name} in slot {slot}{more} is {levels[i, slot]}, wants {wanted}"

    def _wrong_pairs(self) -> Iterator[str]:
        n = len(self.lamps)
        for k, (a, b) in enumerate(self.neighbours):
            if not (0 <= a < n and 0 <= b < n):
                yield f"neighbours {k}: lamps {a} and {b}, wants two indices below {n}"
            elif a == b:
                yield f"neighbours {k}: lamp {self.lamps[a]!r} is its own neighbour"
        for pair in np.flatnonzero(~(self.neighbour_step >= 0)):
            yield f"neighbours {pair}: neighbour_step is {self.neighbour_step[pair]}, wants 0 or more"


WH = "Wh"
WH_GIVEN_UP = "Wh given up"


@dataclass(frozen=True, kw_only=True, eq=False)
class LightingPlan(Plan):
    """Relative flux (n, T) of each lamp in each slot.

    unit                     of objective and bound. "Wh": energy over all slots, stand-by too, and `change_cost_wh`
                             for each lamp told another program. "Wh given up": light given up for a budget, as
                             `Budget` defines it
    energy_wh                energy of the flux, with what lanes are expected to add
    holders (h,)             names of what keeps programs, as in the problem
    holder_objective_wh (h,) energy of each holder's lamps; holder_bound_wh (h,): no programs it can hold take less
                             above the floors that this plan keeps
    given_up                 light given up; given_up_bound: no other choice among the levels tried gives up less,
                             where `bound` is proved of every plan
    changes                  lamps told another program than yesterday's; 0 where nothing is known of yesterday
    """

    lamps: tuple[str, ...]
    flux: Floats
    unit: str = WH
    energy_wh: float = float("nan")
    holders: tuple[str, ...] = ()
    holder_objective_wh: Floats = field(default_factory=lambda: np.empty(0))
    holder_bound_wh: Floats = field(default_factory=lambda: np.empty(0))
    given_up: float = 0.0
    given_up_bound: float = 0.0
    changes: int = 0
