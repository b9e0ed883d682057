"""A plan's body: what went in and what came out, in one compressed block from which `why` reads."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.instants import from_us, isoformat, to_us
from jobs.lighting.budgets import outcome
from jobs.lighting.night import SLOT
from jobs.lighting.provided import provided_for
from jobs.lighting.saying import reason_of, told_links
from jobs.lighting.task import LightingTask
from jobs.planning.bodies import closed, opened
from jobs.words import LANGUAGES, say
from optimizers.arrays import Floats, Ints
from optimizers.lighting import LightingPlan, LightingProblem, Link, PowerCurve
from optimizers.lighting import explain as chain
from optimizers.lighting.packing import pack_parts, unpack_parts

_FORMAT = 1
_NOTHING_MORE: Mapping[str, Any] = {
    "parts": "{}",
    "detectors": [],
    "loans": [],
    "doubts": {},
    "events": [],
    "orders": [],
    "budgets": [],
}
_WHOLE = 1e-6  # of a step of the grid: levels that were meant to be on it
_SAME = ("power_full_w", "ramp_per_slot", "neighbours", "neighbour_step", "dimmable", "curve", "burning")


def body(task: LightingTask, plan: LightingPlan) -> bytes:
    """The same task and plan give the same bytes."""
    problem, grid = task.problem, task.tables.flux_grid
    steps = _steps(plan.flux, grid)
    given = outcome(
        task.budgets, problem, task.fleet, task.night, task.tables, task.need.number, np.round(steps * grid, 12)
    )
    parts, of_parts = pack_parts(problem)
    head = {
        "format": _FORMAT,
        "start_us": to_us(task.night.start),
        "on_us": to_us(task.night.on_at),
        "off_us": to_us(task.night.off_at),
        "flux_grid": grid,
        "slot_s": problem.slot_s,
        "parts": parts,
        "quantile": task.traffic.quantile,
        "counters": task.fleet.counters,
        "detectors": task.fleet.detectors,
        "loans": [[loan.own, loan.lenders] for loan in task.traffic.places.loans],
        "doubts": {counter: list(doubts) for counter, doubts in task.traffic.doubts.items()},
        "curves": [[curve.name, curve.flux, curve.power] for curve in problem.curves],
        "events": [{"id": one.id, "en": one.text, "fr": one.text_fr} for one in task.need.events],
        "orders": [{"id": one.id, "en": one.text, "fr": one.text_fr} for one in task.need.orders],
        "budgets": list(given.told),
        "reasons": [*task.reasons, *plan.reasons],
    }
    columns = {
        "lamps": np.array(problem.lamps),
        "floor": np.round(problem.floor / grid).astype(np.uint16),
        "flux": steps,
        "ceiling": np.round(problem.ceiling / grid).astype(np.uint16),
        "raised_by": task.need.raised_by.astype(np.uint16),
        "bound_by": task.need.bound_by.astype(np.uint16),
        "family": task.fleet.family,
        "number": task.fleet.number,
        "constant": task.fleet.constant,
        "counter": task.fleet.counter,
        "detector": task.fleet.detector,
        "place": task.traffic.row,
        "capacity_veh_h": task.traffic.capacity_veh_h,
        "class_number": task.need.number.astype(np.int8),
        "budget_by": given.by.astype(np.uint8),
        "class_given": given.number.astype(np.int8),
        "veh_h": task.traffic.veh_h,
        "provided_veh_h": provided_for(task.fleet, task.traffic, task.tables),
        "samples": task.traffic.samples,
        **{name: getattr(problem, name) for name in _SAME},
        **of_parts,
    }
    return closed(head, columns)


def _steps(flux: Floats, grid: float) -> npt.NDArray[np.uint16]:
    """Levels (n, T) in steps of the grid, down where a budget left one between: so all that bounds them still does."""
    return np.floor(flux / grid + _WHOLE).astype(np.uint16)


def with_plan(block: bytes, plan: LightingPlan) -> bytes:
    """The same body with another plan of its problem. Raises ValueError for one of other lamps or slots."""
    found = open_body(block)
    if plan.lamps != found.lamps or plan.flux.shape != found.columns["flux"].shape:
        raise ValueError(f"a plan of {plan.flux.shape} lamps and slots, wants {found.columns['flux'].shape}")
    flux = _steps(plan.flux, found.head["flux_grid"])
    return closed(found.head, {**found.columns, "flux": flux})


def read_body(block: bytes) -> tuple[LightingProblem, Floats]:
    """The problem again, ready to solve, and the flux (n, T) that was planned."""
    found = open_body(block)
    return found.problem, found.flux


def explain(block: bytes, point: str, at: datetime) -> dict[str, Any]:
    """Why a lamp's plan is what it is at an instant: class, forecast, floor, and the chain that lifts it above.

    Empty for a point or an instant the plan does not speak of.
    """
    found = open_body(block)
    head, columns = found.head, found.columns
    lamp = point.partition("/")[0]
    rows = np.flatnonzero(columns["lamps"] == lamp)
    slot = (at - found.start) // SLOT
    if not rows.size or not 0 <= slot < columns["burning"].size:
        return {}
    i = int(rows[0])
    flux, problem = found.flux, found.problem
    family = str(columns["family"][i])
    return {
        "slot_at": isoformat(found.slots[slot]),
        "on_at": isoformat(found.on_at),
        "off_at": isoformat(found.off_at),
        "burning": bool(columns["burning"][slot]),
        "class_normal": f"{family}{columns['number'][i]}",
        "class": f"{family}{columns['class_number'][i, slot]}",
        "conflict_area": bool(columns["constant"][i]),
        "dimmable": bool(columns["dimmable"][i]),
        "floor": float(problem.floor[i, slot]),
        "flux": float(flux[i, slot]),
        "held_by": told_links(_held_by(_eased(problem, flux), flux, i, slot), found.slots),
        "reason": {lang: reason_of(head, columns, i, lang) for lang in LANGUAGES},
        **_program(problem, flux, i),
        **_around(head, columns, i, slot),
        **_gives_way(head, columns, i, slot),
        **_lit_for(head, columns, i, slot),
    }


def _program(problem: LightingProblem, flux: Floats, lamp: int) -> dict[str, Any]:
    """Which of its keeper's programs a lamp follows, in the order of their first lamps, and how many lamps share it."""
    if problem.holders is None:
        return {}
    keeper = problem.holders.of[lamp]
    programs = list(dict.fromkeys(row.tobytes() for row in flux[problem.holders.of == keeper]))
    followed = programs.index(flux[lamp].tobytes())
    return {
        "program": followed + 1,
        "programs": len(programs),
        "program_kept_by": problem.holders.names[keeper],
        "program_lamps": int(_alike(problem, flux, lamp).size),
    }


def _alike(problem: LightingProblem, flux: Floats, lamp: int) -> Ints:
    """The lamps that follow the same program of the same keeper."""
    holders = problem.holders
    kept = holders.of == holders.of[lamp] if holders is not None else np.arange(len(flux)) == lamp
    return np.flatnonzero(kept & (flux == flux[lamp]).all(axis=1))


def _held_by(problem: LightingProblem, flux: Floats, lamp: int, slot: int) -> Sequence[Link]:
    """The chain that lifts a lamp. Where neither ramp nor neighbour does, its program holds one level for a while, or
    for several lamps: the chain goes on from whichever of them needs that level in that while.
    """
    links = chain(problem, flux, lamp, slot)
    if not _unknown(links):
        return links
    for other, t in _lifting(problem, flux, lamp, slot):
        more = chain(problem, flux, other, t)
        if not _unknown(more):
            return [Link("program", problem.lamps[lamp], slot, float(flux[lamp, slot])), *more]
    return links


def _unknown(links: Sequence[Link]) -> bool:
    return any(link.by == "unknown" for link in links)


def _lifting(problem: LightingProblem, flux: Floats, lamp: int, slot: int) -> Iterator[tuple[int, int]]:
    """Lamps and slots for whose sake a program may be where it is: the greatest need of the while in which it holds
    this level; then, for what ramps or neighbours ask, its ends.
    """
    same = flux[lamp] == flux[lamp, slot]
    first = slot - int(np.argmin(np.r_[same[slot::-1], False])) + 1
    last = slot + int(np.argmin(np.r_[same[slot:], False])) - 1
    alike = _alike(problem, flux, lamp)
    needs = problem.floor[alike, first : last + 1]
    row, column = np.unravel_index(np.argmax(needs), needs.shape)
    yield int(alike[row]), first + int(column)
    for other in alike.tolist():
        yield from ((other, t) for t in range(first, last + 1) if t in {first, last} or problem.neighbours.size)


def _around(head: Mapping[str, Any], columns: Mapping[str, np.ndarray], lamp: int, slot: int) -> dict[str, Any]:
    """What asks for more than traffic, and the order that bounds it: in both languages."""
    raised, bound = int(columns["raised_by"][lamp, slot]), int(columns["bound_by"][lamp, slot])
    told: dict[str, Any] = {}
    if raised:
        event = head["events"][raised - 2] if raised > 1 else {}
        key = "raised-event" if raised > 1 else "raised-wet"
        told["raised_by"] = {lang: say(key, lang, text=event.get(lang, "")) for lang in LANGUAGES}
    if bound:
        order = head["orders"][bound - 1]
        most, given = int(columns["ceiling"][lamp, slot]), int(columns["flux"][lamp, slot])
        key = "bound-conflict" if given > most else "bound-order"
        told["order"] = {lang: say(key, lang, order=order["id"], text=order[lang]) for lang in LANGUAGES}
        told["ceiling"] = round(most * head["flux_grid"], 12)
    return told


def _eased(problem: LightingProblem, flux: Floats) -> LightingProblem:
    """With the floors that are left where light gives way for a budget."""
    return (
        problem
        if problem.budget is None
        else replace(problem, floor=np.minimum(problem.floor, flux), budget=None, shares=None)
    )


def _gives_way(head: Mapping[str, Any], columns: Mapping[str, np.ndarray], lamp: int, slot: int) -> dict[str, Any]:
    """The budget for which a lamp is below the class called for, and the class that it gives: in both languages."""
    by = int(columns["budget_by"][lamp, slot])
    if not by:
        return {}
    budget, family = head["budgets"][by - 1], str(columns["family"][lamp])
    given = f"{family}{columns['class_given'][lamp, slot]}"
    told = {lang: say("gives-way", lang, given=given, budget=budget["id"], text=budget[lang]) for lang in LANGUAGES}
    return {"gives_way": told, "class_given": given}


def _lit_for(head: Mapping[str, Any], columns: Mapping[str, np.ndarray], lamp: int, slot: int) -> dict[str, Any]:
    """The detector at which a lamp brightens by itself, or the traffic it is lit for."""
    detector = int(columns["detector"][lamp])
    if detector < 0:
        return _traffic(head, columns, lamp, slot)
    return {
        "detector": head["detectors"][detector],
        "boost": float(columns["lanes.boost"][lamp]),
        "detection": float(columns["lanes.detection"][lamp, slot]),
    }


def _traffic(head: Mapping[str, Any], columns: Mapping[str, np.ndarray], lamp: int, slot: int) -> dict[str, Any]:
    """What traffic the lamp is lit for, whose it is, and what is doubted of its counter."""
    counters, own, place = head["counters"], int(columns["counter"][lamp]), int(columns["place"][lamp])
    counter = counters[own] if own >= 0 else None
    told: dict[str, Any] = {"counter": counter, "traffic": "own" if place == own else "borrowed", "lenders": []}
    if counter in head["doubts"]:
        told["doubts"] = head["doubts"][counter]
    if place < 0:
        return told | {"traffic": "none", "forecast_veh_h": None}
    if place >= len(counters):
        told["lenders"] = [counters[c] for c in head["loans"][place - len(counters)][1]]
    veh_h, capacity = float(columns["veh_h"][place, slot]), float(columns["capacity_veh_h"][place])
    known = not np.isnan(veh_h)
    return told | {
        "quantile": head["quantile"],
        "samples": int(columns["samples"][place, slot]),
        "forecast_veh_h": veh_h if known else None,
        "capacity_veh_h": capacity,
        "share_of_capacity": veh_h / capacity if known else None,
    }


@dataclass(frozen=True, eq=False)
class Body:
    """A body that was read: `head` and `columns` as they were written."""

    head: Mapping[str, Any]
    columns: Mapping[str, np.ndarray]

    @property
    def lamps(self) -> tuple[str, ...]:
        return tuple(map(str, self.columns["lamps"]))

    @property
    def start(self) -> datetime:
        return from_us(self.head["start_us"])

    @property
    def on_at(self) -> datetime:
        return from_us(self.head["on_us"])

    @property
    def off_at(self) -> datetime:
        return from_us(self.head["off_us"])

    @property
    def slots(self) -> list[datetime]:
        return [self.start + k * SLOT for k in range(self.columns["burning"].size)]

    @property
    def until(self) -> datetime:
        return self.start + self.columns["burning"].size * SLOT

    @property
    def flux(self) -> Floats:
        """(n, T), on the grid."""
        levels: Floats = np.round(self.columns["flux"] * self.head["flux_grid"], 12)
        return levels

    @property
    def problem(self) -> LightingProblem:
        head = self.head
        columns: dict[str, Any] = {name: self.columns[name] for name in _SAME}
        return LightingProblem(
            lamps=self.lamps,
            floor=np.round(self.columns["floor"] * head["flux_grid"], 12),
            ceiling=np.round(self.columns["ceiling"] * head["flux_grid"], 12),
            curves=tuple(PowerCurve(name, tuple(flux), tuple(power)) for name, flux, power in head["curves"]),
            slot_s=head["slot_s"],
            **unpack_parts(head["parts"], self.columns),
            **columns,
        )


def open_body(block: bytes) -> Body:
    head, columns = opened(block)
    later = _early(columns, round(1 / head["flux_grid"]))
    return Body({**head, **_NOTHING_MORE, **head}, {**columns, **later, **columns})


def _early(columns: Mapping[str, np.ndarray], full: int) -> dict[str, np.ndarray]:
    """What bodies lack that were written when plans knew no orders, events, detectors, borrowed traffic, budgets."""
    nothing = np.zeros(columns["flux"].shape, np.uint16)
    return {
        "ceiling": nothing + full,
        "raised_by": nothing,
        "bound_by": nothing,
        "budget_by": nothing,
        "class_given": columns["class_number"],
        "detector": np.full(len(nothing), -1),
        "place": columns["counter"],
    }
