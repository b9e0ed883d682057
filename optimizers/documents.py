"""What the JSON of every optimiser has in common: strict forms, errors all at once, and the head of a plan."""

from collections.abc import Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

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
            f"{'.'.join(map(str, item['loc'])) or 'document'}: {item['msg'].removeprefix('Value error, ')}"
            + _found(item)
            + _other_unit(model, item)
            for item in error.errors()
        ) from None


def _found(item: ErrorDetails) -> str:
    """What stands there; a message of ours tells it itself."""
    told = item["type"] == "value_error" or isinstance(item["input"], dict | list | str | bytes)
    return "" if told else f", found {item['input']!r}"


_UNITS = {"kw": ("w", 1e3), "mw": ("w", 1e6), "kwh": ("wh", 1e3), "mwh": ("wh", 1e6), "wh": ("w", None)}


def _other_unit(model: type[BaseModel], item: ErrorDetails) -> str:
    """Of a field that no form has, which one is meant, where it is a field of ours in another unit."""
    if item["type"] != "extra_forbidden":
        return ""
    *path, last = item["loc"]
    stem, _, unit = str(last).rpartition("_")
    if unit not in _UNITS:
        return ""
    ours, factor = _UNITS[unit]
    known = _form_at(model, path).model_fields
    if (name := f"{stem}_{ours}") not in known:
        return ""
    return f": wants {name}, " + (f"{factor:g} times as much" if factor else "the power, not the energy of a slot")


def _form_at(model: type[BaseModel], path: Sequence[int | str]) -> type[BaseModel]:
    """The form of what stands at a place of a text; the whole text's where no form says."""
    for name in path:
        if isinstance(name, str) and name in model.model_fields:
            kinds = [model.model_fields[name].annotation]
            for kind in kinds:
                kinds += get_args(kind)
            model = next((one for one in kinds if isinstance(one, type) and issubclass(one, BaseModel)), model)
    return model
