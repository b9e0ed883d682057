"""A plan's body: what went in and what came out, in one compressed block from which `why` reads."""

from datetime import datetime
from io import BytesIO
from typing import Any

import numpy as np
import orjson

from engine.instants import from_us, isoformat, to_us
from jobs.lighting.night import SLOT
from jobs.lighting.task import LightingTask
from optimizers.lighting import LightingPlan, LightingProblem, PowerCurve
from optimizers.lighting import explain as chain
from optimizers.lighting.problem import Floats

_FORMAT = 1
_SAME = ("power_full_w", "ramp_per_slot", "neighbours", "neighbour_step", "dimmable", "curve", "burning")


def body(task: LightingTask, plan: LightingPlan) -> bytes:
    """The same task and plan give the same bytes."""
    problem, grid = task.problem, task.tables.flux_grid
    head = {
        "format": _FORMAT,
        "start_us": to_us(task.night.start),
        "on_us": to_us(task.night.on_at),
        "off_us": to_us(task.night.off_at),
        "flux_grid": grid,
        "slot_s": problem.slot_s,
        "quantile": task.traffic.quantile,
        "counters": task.fleet.counters,
        "curves": [[curve.name, curve.flux, curve.power] for curve in problem.curves],
        "reasons": [*task.reasons, *plan.reasons],
    }
    block = BytesIO()
    np.savez_compressed(
        block,
        allow_pickle=False,
        head=np.frombuffer(orjson.dumps(head), np.uint8),
        lamps=np.array(problem.lamps),
        floor=np.round(problem.floor / grid).astype(np.uint16),
        flux=np.round(plan.flux / grid).astype(np.uint16),
        family=task.fleet.family,
        number=task.fleet.number,
        constant=task.fleet.constant,
        counter=task.fleet.counter,
        capacity_veh_h=task.fleet.capacity_veh_h,
        class_number=task.need.number.astype(np.int8),
        veh_h=task.traffic.veh_h,
        samples=task.traffic.samples,
        **{name: getattr(problem, name) for name in _SAME},
    )
    return block.getvalue()


def read_body(block: bytes) -> tuple[LightingProblem, Floats]:
    """The problem again, ready to solve, and the flux (n, T) that was planned."""
    head, columns = _open(block)
    return _problem(head, columns), _flux(head, columns)


def explain(block: bytes, point: str, at: datetime) -> dict[str, Any]:
    """Why a lamp's plan is what it is at an instant: class, forecast, floor, and the chain that lifts it above.

    Empty for a point or an instant the plan does not speak of.
    """
    head, columns = _open(block)
    lamp = point.partition("/")[0]
    rows = np.flatnonzero(columns["lamps"] == lamp)
    slot = (at - from_us(head["start_us"])) // SLOT
    if not rows.size or not 0 <= slot < columns["burning"].size:
        return {}
    i = int(rows[0])
    flux, problem = _flux(head, columns), _problem(head, columns)
    family = str(columns["family"][i])
    return {
        "slot_at": isoformat(from_us(head["start_us"]) + slot * SLOT),
        "on_at": isoformat(from_us(head["on_us"])),
        "off_at": isoformat(from_us(head["off_us"])),
        "burning": bool(columns["burning"][slot]),
        "class_normal": f"{family}{columns['number'][i]}",
        "class": f"{family}{columns['class_number'][i, slot]}",
        "conflict_area": bool(columns["constant"][i]),
        "dimmable": bool(columns["dimmable"][i]),
        "floor": float(problem.floor[i, slot]),
        "flux": float(flux[i, slot]),
        "held_by": [str(link) for link in chain(problem, flux, i, slot)],
        **_forecast(head, columns, int(columns["counter"][i]), slot),
    }


def _forecast(head: dict[str, Any], columns: dict[str, np.ndarray], counter: int, slot: int) -> dict[str, Any]:
    if counter < 0:
        return {"counter": None}
    veh_h, capacity = float(columns["veh_h"][counter, slot]), float(columns["capacity_veh_h"][counter])
    return {
        "counter": head["counters"][counter],
        "quantile": head["quantile"],
        "samples": int(columns["samples"][counter, slot]),
        "forecast_veh_h": None if np.isnan(veh_h) else veh_h,
        "capacity_veh_h": capacity,
        "share_of_capacity": None if np.isnan(veh_h) else veh_h / capacity,
    }


def _open(block: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    with np.load(BytesIO(block), allow_pickle=False) as archive:
        columns = {name: archive[name] for name in archive.files}
    return orjson.loads(columns.pop("head").tobytes()), columns


def _flux(head: dict[str, Any], columns: dict[str, np.ndarray]) -> Floats:
    levels: Floats = np.round(columns["flux"] * head["flux_grid"], 12)
    return levels


def _problem(head: dict[str, Any], columns: dict[str, np.ndarray]) -> LightingProblem:
    return LightingProblem(
        lamps=tuple(map(str, columns["lamps"])),
        floor=np.round(columns["floor"] * head["flux_grid"], 12),
        curves=tuple(PowerCurve(name, tuple(flux), tuple(power)) for name, flux, power in head["curves"]),
        slot_s=head["slot_s"],
        **{name: columns[name] for name in _SAME},
    )
