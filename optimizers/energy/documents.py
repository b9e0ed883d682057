"""Problem and plan as JSON, with a published schema: ids as the user wrote them, units in the field names."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from optimizers.arrays import Floats
from optimizers.documents import head_of, read, told_by
from optimizers.energy import forms
from optimizers.energy.contract import NONE
from optimizers.energy.doubts import doubts
from optimizers.energy.problem import PARTS, EnergyPlan, EnergyProblem, Shortfall
from optimizers.result import InvalidProblem

_FORMS: dict[str, type[forms.Member]] = {
    "groups": forms.GroupDocument,
    "sites": forms.SiteDocument,
    "orders": forms.OrderDocument,
    "solar": forms.SolarDocument,
    "batteries": forms.BatteryDocument,
    "vehicles": forms.VehicleDocument,
    "rooms": forms.ThermalDocument,
    "tanks": forms.ThermalDocument,
    "loads": forms.LoadDocument,
    "sheddable": forms.SheddableDocument,
}
_PLAN_FORMS: dict[str, type[forms.Member]] = {
    "sites": forms.SitePlanDocument,
    "solar": forms.SolarPlanDocument,
    "batteries": forms.BatteryPlanDocument,
    "vehicles": forms.VehiclePlanDocument,
    "rooms": forms.RoomPlanDocument,
    "tanks": forms.TankPlanDocument,
    "loads": forms.LoadPlanDocument,
    "sheddable": forms.SheddablePlanDocument,
}
_REFERENCES = {"site": "sites", "group": "groups", "parent": "groups"}
"""Fields that name another part."""

_CLOCK_CHANGES = frozenset(slots * per_hour for slots in (23, 25) for per_hour in (1, 2, 4, 6, 12))


def problem_schema() -> dict[str, Any]:
    """JSON Schema of a problem."""
    return forms.ProblemDocument.model_json_schema()


def plan_schema() -> dict[str, Any]:
    """JSON Schema of a plan."""
    return forms.PlanDocument.model_json_schema()


def problem_to_json(problem: EnergyProblem) -> str:
    duration = _shortest(problem.horizon.duration_s)
    once = {} if isinstance(duration, list) else {"slots": len(problem.horizon)}
    parts = {name: _part_told(problem, name) for name in _FORMS if getattr(problem, name) is not None}
    return forms.ProblemDocument(**once, duration_s=duration, **parts).model_dump_json(exclude_unset=True)


def problem_from_json(text: str | bytes) -> EnergyProblem:
    """Raises InvalidProblem with everything that is wrong with the text, doubts about its units among it."""
    document = read(forms.ProblemDocument, text)
    horizon = _horizon(document)
    rows = {name: list(getattr(document, name)) for name in _FORMS}
    if problems := [*_strangers(rows), *_wrong_rows(rows, horizon.size), *_half_boosts(rows)]:
        raise InvalidProblem(problems)
    parts = {
        name: _part(name, told, rows, horizon.size) for name, told in rows.items() if told or name == "sites"
    }  # fmt: skip
    problem = EnergyProblem(horizon=PARTS["horizon"](duration_s=horizon), **parts)
    if found := doubts(problem):
        raise InvalidProblem(found)
    return problem


def plan_to_json(plan: EnergyPlan) -> str:
    parts = {part: _plan_rows(plan, part, form) for part, form in _PLAN_FORMS.items()}
    head = head_of(plan)
    return forms.PlanDocument(
        **head | {name: head[name] if np.isfinite(head[name]) else None for name in ("bound", "gap")},
        unit=plan.unit,
        reproducible=plan.reproducible,
        shortfall=forms.ShortfallDocument(safety=plan.shortfall.safety, comfort=plan.shortfall.comfort),
        **parts,
    ).model_dump_json(exclude={part: {"__all__": _untold(rows)} for part, rows in parts.items()})


def plan_from_json(text: str | bytes) -> EnergyPlan:
    """Raises InvalidProblem with everything that is wrong with the text; whether the plan is any good, `check` says."""
    document = read(forms.PlanDocument, text)
    rows = {part: list(getattr(document, part)) for part in _PLAN_FORMS}
    if problems := [*_twice(rows), *_ragged(rows)]:
        raise InvalidProblem(problems)
    arrays: dict[str, Any] = {}
    for part, form in _PLAN_FORMS.items():
        arrays[part] = tuple(row.id for row in rows[part])
        for name in _columns(form):
            arrays |= _plan_array(name, [getattr(row, name) for row in rows[part]])
    shortfall = Shortfall(safety=document.shortfall.safety, comfort=document.shortfall.comfort)
    head = told_by(document)
    head["bound"] = -np.inf if head["bound"] is None else head["bound"]
    return EnergyPlan(**head, reproducible=document.reproducible, shortfall=shortfall, **arrays)


def _horizon(document: forms.ProblemDocument) -> Floats:
    """(T,) seconds of each slot. Raises InvalidProblem where nobody can say how many there are."""
    told, slots = document.duration_s, document.slots
    if isinstance(told, list):
        if slots is not None and slots != len(told):
            hint = _clock_hint(len(told), slots)
            raise InvalidProblem([f"duration_s: has {len(told)} values, wants {slots}, as slots says{hint}"])
        return np.array(told, np.float64)
    if slots is None or slots < 1:
        found = "is not told" if slots is None else f"is {slots}"
        raise InvalidProblem([f"slots: {found}, wants 1 or more where duration_s is one number for all"])
    return np.full(slots, told, np.float64)


def _clock_hint(found: int, wanted: int) -> str:
    if found != wanted and {found, wanted} & _CLOCK_CHANGES:
        return " (the clocks change: such a day has 92 or 100 quarters, 23 or 25 hours)"
    return ""


def _strangers(rows: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    """Ids that lead nowhere, and ids that stand twice: arrays could no longer tell."""
    yield from _twice(rows)
    for part, told in rows.items():
        for i, row in enumerate(told):
            for field, of in _REFERENCES.items():
                name = getattr(row, field, None)
                before = rows["groups"][:i] if field == "parent" else rows[of]
                known = [one.id for one in before]
                if name is not None and name not in known:
                    said = "no group before it is called" if field == "parent" else f"no {field}"
                    yield f"{part}.{i} {row.id!r}: {said} {name!r}, there is {', '.join(known) or 'none'}"


def _twice(rows: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    for part, told in rows.items():
        first: dict[str, int] = {}
        for i, row in enumerate(told):
            if first.setdefault(row.id, i) < i:
                yield f"{part}.{i}: {row.id!r} stands more than once, wants an id of its own"


def _wrong_rows(rows: Mapping[str, Sequence[Any]], slots: int) -> Iterator[str]:
    for part, told in rows.items():
        for i, row in enumerate(told):
            for name in forms.rows_of(type(row)):
                values = getattr(row, name)
                if isinstance(values, list) and len(values) != slots:
                    found = f"{name} has {len(values)} values, wants {slots}, one for each slot"
                    yield f"{part}.{i} {row.id!r}: {found}{_clock_hint(len(values), slots)}"


def _half_boosts(rows: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    for part in ("rooms", "tanks"):
        for i, row in enumerate(rows[part]):
            if (row.boost_c is None) != (row.boost_slot is None):
                missing = "boost_c" if row.boost_c is None else "boost_slot"
                yield f"{part}.{i} {row.id!r}: {missing} is missing, wants boost_c and boost_slot together"


def _part(name: str, told: Sequence[Any], rows: Mapping[str, Sequence[Any]], slots: int) -> Any:
    """A part of the problem of what is told of each of its members."""
    by_slot = forms.rows_of(_FORMS[name])
    columns: dict[str, Any] = {}
    for field in PARTS[name].arrays:
        values = [_value(field, row) for row in told]
        if field in _REFERENCES:
            index = {one.id: i for i, one in enumerate(rows[_REFERENCES[field]])}
            columns[field] = np.array([NONE if value is None else index[value] for value in values], np.int64)
        elif field in by_slot:
            columns[field] = np.array([np.broadcast_to(value, slots) for value in values]).reshape(-1, slots)
        else:
            columns[field] = np.array(values)
    return PARTS[name](names=tuple(row.id for row in told), **columns)


def _value(field: str, row: Any) -> Any:
    """What a member tells of a field; what it means where it leaves open when it boosts, or how warm its walls are."""
    value = getattr(row, field)
    if value is not None or field in _REFERENCES:
        return value
    return {"boost_c": 0.0, "boost_slot": NONE}.get(field, row.initial_c if getattr(row, "mass_wh_k", 0) > 0 else 0.0)


def _part_told(problem: EnergyProblem, name: str) -> list[forms.Member]:
    part, form = getattr(problem, name), _FORMS[name]
    return [form(id=one, **dict(_told(problem, name, i))) for i, one in enumerate(part.names)]


def _told(problem: EnergyProblem, name: str, i: int) -> Iterator[tuple[str, Any]]:
    """The fields of a member that say more than their defaults."""
    part, form = getattr(problem, name), _FORMS[name]
    for field in PARTS[name].arrays:
        value = getattr(part, field)[i]
        if field in _REFERENCES:
            told: Any = None if value == NONE else getattr(problem, _REFERENCES[field]).names[int(value)]
        else:
            told = _shortest(value) if np.ndim(value) else value.item()
        if not _left_out(form, field, told, part, i):
            yield field, _nulls(told)


def _left_out(form: type[forms.Member], field: str, told: Any, part: Any, i: int) -> bool:
    one = form.model_fields[field]
    if field in {"boost_c", "boost_slot"}:
        return bool(part.boost_slot[i] == NONE)
    if field == "mass_initial_c":
        return bool(part.mass_wh_k[i] == 0 and told == 0)
    if one.is_required():
        return False
    default = forms.rows_of(form).get(field) if one.default is None else one.default
    return bool(told == default or (one.default is None and isinstance(told, float) and np.isinf(told)))


def _nulls(told: Any) -> Any:
    """No limit is null."""
    if isinstance(told, list):
        return [_nulls(one) for one in told]
    return None if isinstance(told, float) and np.isinf(told) else told


def _shortest(row: npt.NDArray[Any]) -> Any:
    return row[0].item() if row.size and bool((row == row[0]).all()) else row.tolist()


def _columns(form: type[forms.Member]) -> list[str]:
    return [name for name in form.model_fields if name != "id"]


def _plan_rows(plan: EnergyPlan, part: str, form: type[forms.Member]) -> list[forms.Member]:
    arrays = {name: np.asarray(getattr(plan, name)) for name in _columns(form)}
    names: Sequence[str] = getattr(plan, part)
    return [
        form(id=one, **{name: values[i].tolist() for name, values in arrays.items() if values.shape[0] > i})
        for i, one in enumerate(names)
    ]


def _untold(rows: Sequence[forms.Member]) -> set[str]:
    """Fields that none of them tells."""
    return {name for name in _columns(type(rows[0])) if getattr(rows[0], name) is None} if rows else set()


def _ragged(rows: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    """Rows that are not of one length in the whole plan, and values that some tell and others do not."""
    slots = len(rows["sites"][0].import_w) if rows["sites"] else None
    for part, told in rows.items():
        for i, row in enumerate(told):
            for name in _columns(type(row)):
                found = getattr(row, name)
                if found is None and any(getattr(one, name) is not None for one in told):
                    yield f"{part}.{i} {row.id!r}: {name} is missing, wants it of all {part} or of none"
                if found is not None and slots is not None and len(found) != slots:
                    yield f"{part}.{i} {row.id!r}: {name} has {len(found)} values, wants {slots} as the first site has"


def _plan_array(name: str, told: list[Any]) -> dict[str, Any]:
    """(n, T) of what each tells; the plan's own default where none does."""
    if all(one is None for one in told):
        return {name: np.zeros((0, 0))} if name in {"import_w", "export_w"} else {}
    return {name: np.array(told, np.bool_ if name == "on" else np.float64)}
