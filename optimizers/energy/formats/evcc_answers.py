"""evcc's answers, written and read."""

import json

import numpy as np

from optimizers.arrays import Floats
from optimizers.documents import ViolationDocument
from optimizers.documents import read as read_document
from optimizers.energy.formats.evcc import EvccPlan, EvccProblem, loaded
from optimizers.energy.formats.evcc_forms import EvccBatteryResult, EvccFlags, EvccResponse
from optimizers.result import InvalidProblem, Status, Violation

PROVED, FOUND, UNSOLVED = "Optimal", "Feasible", "Not Solved"


def write(problem: EvccProblem, plan: EvccPlan) -> str:
    """The answer as evcc gives it, and beside it what could not be met, where there is any."""
    if not plan.charge_kwh.size:
        unsolved = EvccResponse(
            status=UNSOLVED, objective_value=None, batteries=[], grid_import=[], grid_export=[], flow_direction=[]
        )
        return unsolved.model_dump_json(indent=2, exclude={"violations"})
    within = plan.import_kwh - (0.0 if problem.rated else plan.import_over_kwh)
    response = EvccResponse(
        status=PROVED if plan.proved else FOUND,
        objective_value=-plan.objective,
        limit_violations=EvccFlags(
            grid_import_limit_exceeded=bool((plan.import_over_kwh > 0).any()),
            grid_export_limit_hit=bool((plan.lost_kwh > 0).any()),
        ),
        batteries=[
            EvccBatteryResult(charging_power=_wh(charge), discharging_power=_wh(discharge), state_of_charge=_wh(stored))
            for charge, discharge, stored in zip(plan.charge_kwh, plan.discharge_kwh, plan.stored_kwh, strict=True)
        ],
        grid_import=_wh(within),
        grid_export=_wh(plan.export_kwh),
        flow_direction=plan.exporting.astype(int).tolist(),
        grid_import_overshoot=_wh(plan.import_over_kwh) if problem.limited else [],
        grid_export_overshoot=_wh(plan.lost_kwh) if np.isfinite(problem.export_limit_kw) else [],
        violations=[
            ViolationDocument(constraint=v.constraint, object=v.object, amount=v.amount, unit=v.unit, detail=v.detail)
            for v in plan.violations
        ],
    )
    return response.model_dump_json(indent=2, exclude=None if plan.violations else {"violations"})


def _wh(kwh: Floats) -> list[float]:
    """To the millionth of a Wh: what lies beyond is the solver's arithmetic."""
    rounded: list[float] = (np.round(kwh * 1e3, 6) + 0.0).tolist()  # + 0.0: no minus zero
    return rounded


def read_plan(problem: EvccProblem, text: str | bytes) -> EvccPlan:
    """An answer, evcc's or ours, or that of a stored case. Raises InvalidProblem with everything that is wrong."""
    data = loaded(text)
    if isinstance(data, dict) and "expected_response" in data:
        data = data["expected_response"]
    response = read_document(EvccResponse, json.dumps(data))
    if response.objective_value is None:
        raise InvalidProblem([f"objective_value: is null, as there is no schedule: status is {response.status!r}"])
    if problems := _wrong_lengths(problem, response):
        raise InvalidProblem(problems)
    return _plan(problem, response, response.objective_value)


def _wrong_lengths(problem: EvccProblem, response: EvccResponse) -> list[str]:
    told = {name: getattr(response, name) for name in ("grid_import", "grid_export", "flow_direction")}
    told |= {
        name: values
        for name in ("grid_import_overshoot", "grid_export_overshoot")
        if (values := getattr(response, name))
    }
    for b, battery in enumerate(response.batteries):
        told |= {f"batteries.{b}.{name}": values for name, values in battery}
    wrong = [
        f"{name}: has {len(values)} values, wants {problem.slots}, as many as the request has slots"
        for name, values in told.items()
        if len(values) != problem.slots
    ]
    if (found := len(response.batteries)) != len(problem.names):
        wrong.append(f"batteries: there are {found}, wants {len(problem.names)}, as many as the request has")
    return wrong


def _plan(problem: EvccProblem, response: EvccResponse, value: float) -> EvccPlan:
    def of(name: str) -> Floats:
        return np.array([getattr(one, name) for one in response.batteries]) / 1e3

    def over(values: list[float]) -> Floats:
        return np.array(values) / 1e3 if values else np.zeros(problem.slots)

    beyond = over(response.grid_import_overshoot)
    proved = response.status == PROVED
    violations = tuple(Violation(**violation.model_dump()) for violation in response.violations)
    return EvccPlan(
        status=Status.BEST_EFFORT if violations else Status.OPTIMAL if proved else Status.FEASIBLE,
        objective=-value,
        bound=-value if proved else float("-inf"),
        seconds=0.0, seed=0, solver="evcc's answer", version="", violations=violations,
        charge_kwh=of("charging_power"), discharge_kwh=of("discharging_power"), stored_kwh=of("state_of_charge"),
        import_kwh=np.array(response.grid_import) / 1e3 + (0.0 if problem.rated else beyond),
        export_kwh=np.array(response.grid_export) / 1e3,
        import_over_kwh=beyond, lost_kwh=over(response.grid_export_overshoot),
        exporting=np.array(response.flow_direction, np.bool_), proved=proved,
    )  # fmt: skip
