"""Problem and plan as JSON, with a published schema: ids as the user wrote them, units in the field names."""

from typing import Annotated, Any, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from optimizers.lighting.problem import Floats, LightingPlan, LightingProblem, PowerCurve
from optimizers.result import InvalidProblem, Status, Violation

D = TypeVar("D", bound=BaseModel)
Fraction = Annotated[float, Field(ge=0, le=1)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class CurveDocument(_Document):
    flux: list[float] = Field(description="relative flux, strictly increasing from 0 to 1")
    power: list[float] = Field(description="fraction of full power at each flux, strictly increasing to 1")


class LampDocument(_Document):
    id: str
    power_full_w: float
    floor: list[Fraction] = Field(description="relative flux needed, one value for each slot")
    ceiling: list[Fraction] | Fraction = Field(1.0, description="relative flux allowed, by slot or for all of them")
    ramp_per_slot: float | None = Field(None, description="largest change from slot to slot; null for no limit")
    dimmable: bool = True
    curve: str = Field(description="name of a power curve")


class PairDocument(_Document):
    lamps: tuple[str, str]
    step: float = Field(description="largest difference of their relative flux")


class ProblemDocument(_Document):
    """A lighting problem: lamps over slots, see optimizers.lighting."""

    slot_s: float
    burning: list[bool] = Field(description="whether it is dark, one value for each slot")
    curves: dict[str, CurveDocument]
    lamps: list[LampDocument]
    neighbours: list[PairDocument] = []


class ViolationDocument(_Document):
    constraint: str
    object: str
    amount: float
    unit: str
    detail: str = ""


class LampPlanDocument(_Document):
    id: str
    flux: list[float]


class PlanDocument(_Document):
    """A lighting plan. Objective and bound are energy in Wh."""

    status: Status
    objective: float
    bound: float
    gap: float
    unit: str = "Wh"
    seconds: float
    seed: int
    solver: str
    version: str
    violations: list[ViolationDocument]
    reasons: list[str]
    lamps: list[LampPlanDocument]


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
    ).model_dump_json()


def problem_from_json(text: str | bytes) -> LightingProblem:
    """Raises InvalidProblem with everything that is wrong with the text."""
    document = _read(ProblemDocument, text)
    names, ids = list(document.curves), [lamp.id for lamp in document.lamps]
    index = {lamp: i for i, lamp in enumerate(ids)}
    _refuse_strangers(document, index)
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
    )


def plan_to_json(plan: LightingPlan) -> str:
    return PlanDocument(
        status=plan.status,
        objective=plan.objective,
        bound=plan.bound,
        gap=plan.gap,
        seconds=plan.seconds,
        seed=plan.seed,
        solver=plan.solver,
        version=plan.version,
        violations=[
            ViolationDocument(constraint=v.constraint, object=v.object, amount=v.amount, unit=v.unit, detail=v.detail)
            for v in plan.violations
        ],
        reasons=list(plan.reasons),
        lamps=[LampPlanDocument(id=lamp, flux=flux.tolist()) for lamp, flux in zip(plan.lamps, plan.flux, strict=True)],
    ).model_dump_json()


def plan_from_json(text: str | bytes) -> LightingPlan:
    """Raises InvalidProblem with everything that is wrong with the text; whether the plan is any good, `check` says."""
    document = _read(PlanDocument, text)
    if len({len(lamp.flux) for lamp in document.lamps}) > 1:
        raise InvalidProblem(["lamps: flux is not of one length, wants one value for each slot"])
    return LightingPlan(
        **document.model_dump(exclude={"gap", "unit", "violations", "reasons", "lamps"}),
        violations=tuple(Violation(**violation.model_dump()) for violation in document.violations),
        reasons=tuple(document.reasons),
        lamps=tuple(lamp.id for lamp in document.lamps),
        flux=np.array([lamp.flux for lamp in document.lamps], np.float64),
    )


def _read(model: type[D], text: str | bytes) -> D:
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise InvalidProblem(
            f"{'.'.join(map(str, item['loc'])) or 'document'}: {item['msg']}"
            + ("" if isinstance(item["input"], dict | list | str | bytes) else f", found {item['input']!r}")
            for item in error.errors()
        ) from None


def _refuse_strangers(document: ProblemDocument, index: dict[str, int]) -> None:
    """Names that lead nowhere and rows of the wrong length: what arrays could no longer tell."""
    slots = len(document.burning)
    problems = [
        f"lamps.{i} {lamp.id!r}: {name} has {len(values)} values, wants {slots}, one for each slot"
        for i, lamp in enumerate(document.lamps)
        for name, values in (("floor", lamp.floor), ("ceiling", lamp.ceiling))
        if isinstance(values, list) and len(values) != slots
    ]
    problems += [
        f"lamps.{i} {lamp.id!r}: no curve {lamp.curve!r}, there is {', '.join(document.curves) or 'none'}"
        for i, lamp in enumerate(document.lamps)
        if lamp.curve not in document.curves
    ]
    problems += [
        f"neighbours.{k}: no lamp {lamp!r}"
        for k, pair in enumerate(document.neighbours)
        for lamp in pair.lamps
        if lamp not in index
    ]
    if problems:
        raise InvalidProblem(problems)


def _shortest(row: Floats) -> list[float] | float:
    return float(row[0]) if bool((row == row[0]).all()) else [float(value) for value in row]
