"""What the JSON of every optimiser has in common: strict forms, errors all at once, and the head of a plan."""

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from optimizers.result import InvalidProblem, Plan, Status, Violation


class Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


D = TypeVar("D", bound=Document)


class ViolationDocument(Document):
    constraint: str
    object: str
    amount: float
    unit: str
    detail: str = ""


class PlanHead(Document):
    """What every plan tells first. Objective and bound are in `unit`."""

    status: Status
    objective: float
    bound: float
    gap: float
    unit: str
    seconds: float
    seed: int
    solver: str
    version: str
    violations: list[ViolationDocument]
    reasons: list[str]


def head_of(plan: Plan) -> dict[str, Any]:
    """The fields of a plan's head but for its unit."""
    return {
        "status": plan.status,
        "objective": plan.objective,
        "bound": plan.bound,
        "gap": plan.gap,
        "seconds": plan.seconds,
        "seed": plan.seed,
        "solver": plan.solver,
        "version": plan.version,
        "violations": [
            ViolationDocument(constraint=v.constraint, object=v.object, amount=v.amount, unit=v.unit, detail=v.detail)
            for v in plan.violations
        ],
        "reasons": list(plan.reasons),
    }


def told_by(head: PlanHead) -> dict[str, Any]:
    """The fields of a plan that its head tells; the gap follows from them."""
    names = ("status", "objective", "bound", "unit", "seconds", "seed", "solver", "version")
    return {
        **{name: getattr(head, name) for name in names},
        "violations": tuple(Violation(**violation.model_dump()) for violation in head.violations),
        "reasons": tuple(head.reasons),
    }


def read(model: type[D], text: str | bytes) -> D:
    """Raises InvalidProblem with everything in the text that does not fit its form."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise InvalidProblem(
            f"{'.'.join(map(str, item['loc'])) or 'document'}: {item['msg']}"
            + ("" if isinstance(item["input"], dict | list | str | bytes) else f", found {item['input']!r}")
            for item in error.errors()
        ) from None
