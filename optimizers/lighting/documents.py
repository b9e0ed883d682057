"""Problem and plan as JSON, with a published schema: ids as the user wrote them, units in the field names."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np

from optimizers.arrays import Floats, Ints
from optimizers.documents import head_of, read, told_by
from optimizers.lighting.forms import (
    BudgetDocument,
    CabinetDocument,
    CabinetPlanDocument,
    ChangesDocument,
    CurveDocument,
    LampDocument,
    LampPlanDocument,
    PairDocument,
    PlanDocument,
    ProblemDocument,
)
from optimizers.lighting.parts import UNLIMITED, Budget, Holders, Lanes, Shares, Yesterday
from optimizers.lighting.problem import LightingPlan, LightingProblem, PowerCurve
from optimizers.result import InvalidProblem


def problem_schema() -> dict[str, Any]:
    """JSON Schema of a problem."""
    return ProblemDocument.model_json_schema()


def plan_schema() -> dict[str, Any]:
    """JSON Schema of a plan."""
    return PlanDocument.model_json_schema()


def problem_to_json(problem: LightingProblem) -> str:
    names = [curve.name for curve in problem.curves]
    lamps = [
        LampDocument(
            id=lamp,
            power_full_w=float(problem.power_full_w[i]),
            floor=problem.floor[i].tolist(),
            ceiling=_shortest(problem.ceiling[i]),
            ramp_per_slot=float(ramp) if np.isfinite(ramp := problem.ramp_per_slot[i]) else None,
            dimmable=bool(problem.dimmable[i]),
            curve=names[int(problem.curve[i])],
            **_lamp_parts(problem, i),
        )
        for i, lamp in enumerate(problem.lamps)
    ]
    pairs = [
        # A step has no infinity in JSON; flux never differs by more than 1.
        PairDocument(lamps=(problem.lamps[a], problem.lamps[b]), step=min(step, 1.0))
        for (a, b), step in zip(problem.neighbours.tolist(), problem.neighbour_step.tolist(), strict=True)
    ]
    return ProblemDocument(
        slot_s=problem.slot_s,
        burning=problem.burning.tolist(),
        curves={curve.name: CurveDocument(flux=list(curve.flux), power=list(curve.power)) for curve in problem.curves},
        lamps=lamps,
        neighbours=pairs,
        **_parts(problem),
    ).model_dump_json(exclude_unset=True)


def problem_from_json(text: str | bytes) -> LightingProblem:
    """Raises InvalidProblem with everything that is wrong with the text."""
    document = read(ProblemDocument, text)
    names, ids = list(document.curves), [lamp.id for lamp in document.lamps]
    index = {lamp: i for i, lamp in enumerate(ids)}
    checks = _twice(document), _wrong_curves(document), _strangers(document, index), _wrong_rows(document)
    if problems := list(chain.from_iterable(checks)):
        raise InvalidProblem(problems)
    return LightingProblem(
        lamps=tuple(ids),
        floor=np.array([lamp.floor for lamp in document.lamps]),
        ceiling=np.array([np.broadcast_to(lamp.ceiling, len(document.burning)) for lamp in document.lamps]),
        burning=np.array(document.burning),
        power_full_w=np.array([lamp.power_full_w for lamp in document.lamps]),
        ramp_per_slot=np.array([np.inf if (r := lamp.ramp_per_slot) is None else r for lamp in document.lamps]),
        dimmable=np.array([lamp.dimmable for lamp in document.lamps]),
        curves=tuple(PowerCurve(name, tuple(c.flux), tuple(c.power)) for name, c in document.curves.items()),
        curve=np.array([names.index(lamp.curve) for lamp in document.lamps]),
        neighbours=np.array([[index[lamp] for lamp in pair.lamps] for pair in document.neighbours]).reshape(-1, 2),
        neighbour_step=np.array([pair.step for pair in document.neighbours]),
        slot_s=document.slot_s,
        holders=_holders(document),
        budget=_budget(document),
        shares=_shares(document),
        yesterday=_yesterday(document),
        lanes=_lanes(document),
    )


def plan_to_json(plan: LightingPlan) -> str:
    return PlanDocument(
        **head_of(plan),
        unit=plan.unit,
        energy_wh=None if np.isnan(plan.energy_wh) else plan.energy_wh,
        given_up=plan.given_up,
        given_up_bound=plan.given_up_bound,
        changes=plan.changes,
        cabinets=[
            CabinetPlanDocument(id=name, objective_wh=objective, bound_wh=bound)
            for name, objective, bound in zip(
                plan.holders, plan.holder_objective_wh.tolist(), plan.holder_bound_wh.tolist(), strict=True
            )
        ],
        lamps=[LampPlanDocument(id=lamp, flux=flux.tolist()) for lamp, flux in zip(plan.lamps, plan.flux, strict=True)],
    ).model_dump_json()


def plan_from_json(text: str | bytes) -> LightingPlan:
    """Raises InvalidProblem with everything that is wrong with the text; whether the plan is any good, `check` says."""
    document = read(PlanDocument, text)
    if len({len(lamp.flux) for lamp in document.lamps}) > 1:
        raise InvalidProblem(["lamps: flux is not of one length, wants one value for each slot"])
    return LightingPlan(
        **told_by(document),
        energy_wh=np.nan if document.energy_wh is None else document.energy_wh,
        given_up=document.given_up,
        given_up_bound=document.given_up_bound,
        changes=document.changes,
        holders=tuple(cabinet.id for cabinet in document.cabinets),
        holder_objective_wh=np.array([cabinet.objective_wh for cabinet in document.cabinets], np.float64),
        holder_bound_wh=np.array([cabinet.bound_wh for cabinet in document.cabinets], np.float64),
        lamps=tuple(lamp.id for lamp in document.lamps),
        flux=np.array([lamp.flux for lamp in document.lamps], np.float64),
    )


def _strangers(document: ProblemDocument, index: dict[str, int]) -> Iterator[str]:
    """Names that lead nowhere, and parts of lamps that no part of the problem asks for: arrays could no longer tell."""
    curves, cabinets = ", ".join(document.curves) or "none", ", ".join(document.cabinets) or "none"
    shares = ", ".join(document.shares) or "none"
    for i, lamp in enumerate(document.lamps):
        wrong = [
            (lamp.curve not in document.curves, f"no curve {lamp.curve!r}, there is {curves}"),
            (lamp.cabinet is None and bool(document.cabinets), f"stands in no cabinet, wants one of {cabinets}"),
            (lamp.cabinet not in {None, *document.cabinets}, f"no cabinet {lamp.cabinet!r}, there is {cabinets}"),
            (lamp.relaxed is not None and document.budget is None, "has a relaxed floor, and there is no budget"),
            (lamp.yesterday is not None and document.changes is None, "has a yesterday, and there are no changes"),
            (lamp.boost is None and lamp.detection != 0, "has a detection, and no boost to brighten to"),
        ]
        wrong += [(name not in document.shares, f"no share {name!r}, there is {shares}") for name in lamp.shares]
        yield from (f"lamps.{i} {lamp.id!r}: {what}" for is_so, what in wrong if is_so)
    for k, pair in enumerate(document.neighbours):
        yield from (f"neighbours.{k}: no lamp {name!r}" for name in pair.lamps if name not in index)
    if document.fleet_programs is not None and not document.cabinets:
        yield "fleet_programs: there are no cabinets to hold programs"


def _twice(document: ProblemDocument) -> Iterator[str]:
    """Lamps that stand more than once, in one cabinet or in several."""
    homes: dict[str, list[str]] = {}
    for lamp in document.lamps:
        homes.setdefault(lamp.id, []).append(lamp.cabinet or "none")
    for lamp_id, found in homes.items():
        if len(set(found)) > 1:
            yield f"lamp {lamp_id!r} is in {len(set(found))} cabinets, {', '.join(sorted(set(found)))}, wants one"
        elif len(found) > 1:
            yield f"lamp {lamp_id!r} stands {len(found)} times, wants once"


def _wrong_curves(document: ProblemDocument) -> Iterator[str]:
    for name, curve in document.curves.items():
        try:
            PowerCurve(name, tuple(curve.flux), tuple(curve.power))
        except InvalidProblem as error:
            yield from error.problems


def _wrong_rows(document: ProblemDocument) -> Iterator[str]:
    slots = len(document.burning)
    for i, lamp in enumerate(document.lamps):
        for name in ("floor", "ceiling", "relaxed", "yesterday", "detection"):
            values = getattr(lamp, name)
            if isinstance(values, list) and len(values) != slots:
                yield f"lamps.{i} {lamp.id!r}: {name} has {len(values)} values, wants {slots}, one for each slot"
    whole = {"budget": document.budget} if document.budget is not None else {}
    for name, budget in (whole | {f"shares.{name}": share for name, share in document.shares.items()}).items():
        if isinstance(budget.peak_w, list) and len(budget.peak_w) != slots:
            yield f"{name}: peak_w has {len(budget.peak_w)} values, wants {slots}, one for each slot"


def _holders(document: ProblemDocument) -> Holders | None:
    if not document.cabinets:
        return None
    index = {name: h for h, name in enumerate(document.cabinets)}
    return Holders(
        names=tuple(document.cabinets),
        of=np.array([index[lamp.cabinet or ""] for lamp in document.lamps]),
        programs=np.array([_limit(cabinet.programs) for cabinet in document.cabinets.values()]),
        switch_points=np.array([_limit(cabinet.switch_points) for cabinet in document.cabinets.values()]),
        fleet_programs=_limit(document.fleet_programs),
    )


def _budget(document: ProblemDocument) -> Budget | None:
    if (asked := document.budget) is None:
        return None
    return Budget(
        relaxed=np.array([lamp.floor if lamp.relaxed is None else lamp.relaxed for lamp in document.lamps]),
        energy_wh=np.inf if asked.energy_wh is None else asked.energy_wh,
        peak_w=_peak(asked.peak_w),
        weight=np.array([lamp.weight for lamp in document.lamps]),
    )


def _shares(document: ProblemDocument) -> Shares | None:
    if not document.shares:
        return None
    budgets, slots = document.shares.values(), len(document.burning)
    return Shares(
        names=tuple(document.shares),
        lamps=np.array([[name in lamp.shares for lamp in document.lamps] for name in document.shares]),
        energy_wh=np.array([np.inf if one.energy_wh is None else one.energy_wh for one in budgets]),
        peak_w=np.array([np.broadcast_to(_peak(one.peak_w), slots) for one in budgets]),
    )


def _yesterday(document: ProblemDocument) -> Yesterday | None:
    if (asked := document.changes) is None:
        return None
    nothing = np.full(len(document.burning), np.nan)
    rows = [nothing if lamp.yesterday is None else lamp.yesterday for lamp in document.lamps]
    return Yesterday(flux=np.array(rows), changes=_limit(asked.most), change_cost_wh=asked.cost_wh)


def _lanes(document: ProblemDocument) -> Lanes | None:
    if all(lamp.boost is None for lamp in document.lamps):
        return None
    slots = len(document.burning)
    return Lanes(
        boost=np.array([lamp.boost or 0.0 for lamp in document.lamps]),
        detection=np.array([np.broadcast_to(lamp.detection, slots) for lamp in document.lamps]),
    )


def _lamp_parts(problem: LightingProblem, i: int) -> dict[str, Any]:
    """What the parts of a problem say of a lamp."""
    found: dict[str, Any] = {}
    if problem.holders is not None:
        found["cabinet"] = problem.holders.names[int(problem.holders.of[i])]
    if problem.budget is not None:
        found |= {"relaxed": problem.budget.relaxed[i].tolist(), "weight": float(problem.budget.weight[i])}
    if problem.shares is not None:
        found["shares"] = [problem.shares.names[b] for b in np.flatnonzero(problem.shares.lamps[:, i]).tolist()]
    if problem.yesterday is not None and not np.isnan(problem.yesterday.flux[i]).any():
        found["yesterday"] = problem.yesterday.flux[i].tolist()
    if problem.lanes is not None and problem.lanes.boost[i] > 0:
        found |= {"boost": float(problem.lanes.boost[i]), "detection": _shortest(problem.lanes.detection[i])}
    return found


def _parts(problem: LightingProblem) -> dict[str, Any]:
    """What the parts of a problem say of all lamps together."""
    found: dict[str, Any] = {}
    if (holders := problem.holders) is not None:
        limits = zip(_told(holders.programs), _told(holders.switch_points), strict=True)
        cabinets = [CabinetDocument(programs=programs, switch_points=points) for programs, points in limits]
        found["cabinets"] = dict(zip(holders.names, cabinets, strict=True))
        found["fleet_programs"] = _told(np.array([holders.fleet_programs]))[0]
    if (budget := problem.budget) is not None:
        found["budget"] = _budget_told(budget.energy_wh, budget.peak_w)
    if (shares := problem.shares) is not None:
        told = [
            _budget_told(energy, peak) for energy, peak in zip(shares.energy_wh.tolist(), shares.peak_w, strict=True)
        ]
        found["shares"] = dict(zip(shares.names, told, strict=True))
    if (yesterday := problem.yesterday) is not None:
        most = _told(np.array([yesterday.changes]))[0]
        found["changes"] = ChangesDocument(most=most, cost_wh=yesterday.change_cost_wh)
    return found


def _limit(told: int | None) -> int:
    return UNLIMITED if told is None else min(told, UNLIMITED)


def _told(limits: Ints) -> list[int | None]:
    return [None if limit == UNLIMITED else limit for limit in limits.tolist()]


def _shortest(row: Floats) -> list[float] | float:
    return float(row[0]) if bool((row == row[0]).all()) else [float(value) for value in row]


def _peak(told: list[float | None] | float | None) -> Floats:
    by_slot = told if isinstance(told, list) else [told]
    found = np.array([np.inf if peak is None else peak for peak in by_slot])
    return found if isinstance(told, list) else found.reshape(())


def _budget_told(energy_wh: float, peak_w: Floats) -> BudgetDocument:
    return BudgetDocument(energy_wh=energy_wh if np.isfinite(energy_wh) else None, peak_w=_peak_told(peak_w))


def _peak_told(peak_w: Floats) -> list[float | None] | float | None:
    told = [float(peak) if np.isfinite(peak) else None for peak in peak_w]
    return told[0] if len(set(told)) == 1 else told
