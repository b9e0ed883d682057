"""Problem and plan as JSON, with a published schema: ids as the user wrote them, units in the field names."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, TypeVar

import numpy as np

from optimizers.arrays import Bools, Floats
from optimizers.documents import head_of, read, told_by
from optimizers.irrigation.forms import (
    UNLIMITED_CYCLES,
    BudgetDocument,
    HydrozoneDocument,
    HydrozonePlanDocument,
    NetworkDocument,
    OpeningDocument,
    PlanDocument,
    ProblemDocument,
    WindowDocument,
)
from optimizers.irrigation.problem import (
    Budgets,
    Hydrozones,
    IrrigationPlan,
    IrrigationProblem,
    Networks,
    Scenarios,
    Windows,
)
from optimizers.result import InvalidProblem

K = TypeVar("K")

_OF_NETWORK = Networks.arrays
_OF_HYDROZONE = tuple(name for name in Hydrozones.arrays if name != "network")


def problem_schema() -> dict[str, Any]:
    """JSON Schema of a problem."""
    return ProblemDocument.model_json_schema()


def plan_schema() -> dict[str, Any]:
    """JSON Schema of a plan."""
    return PlanDocument.model_json_schema()


def problem_to_json(problem: IrrigationProblem) -> str:
    networks, names = problem.networks, problem.hydrozones.names
    document = ProblemDocument(
        probability=problem.scenarios.probability.tolist(),
        networks={name: NetworkDocument(**_row(networks, _OF_NETWORK, k)) for k, name in enumerate(networks.names)},
        hydrozones=[_hydrozone_told(problem, z) for z in range(len(names))],
        windows=[_window_told(problem, k) for k in range(problem.windows.night.size)],
        budgets=_budgets_told(problem),
    )
    return document.model_dump_json(exclude={"budgets"} if problem.budgets is None else None)


def problem_from_json(text: str | bytes) -> IrrigationProblem:
    """Raises InvalidProblem with everything that is wrong with the text."""
    document = read(ProblemDocument, text)
    days = max((len(row) for zone in document.hydrozones for row in zone.etc_mm), default=0)
    if problems := list(chain(_strangers(document, days), _wrong_rows(document, days))):
        raise InvalidProblem(problems)
    zones = document.hydrozones
    index = {zone.id: z for z, zone in enumerate(zones)}
    return IrrigationProblem(
        networks=Networks(names=tuple(document.networks), **_columns(document.networks.values(), _OF_NETWORK)),
        hydrozones=Hydrozones(
            names=tuple(zone.id for zone in zones),
            network=np.array([list(document.networks).index(zone.network) for zone in zones], np.int64),
            **_columns(zones, _OF_HYDROZONE),
        ),
        windows=_windows(document, index, days),
        scenarios=Scenarios(
            probability=np.array(document.probability, np.float64),
            etc_mm=_weather([zone.etc_mm for zone in zones], len(document.probability), days),
            rain_mm=_weather([zone.rain_mm for zone in zones], len(document.probability), days),
        ),
        budgets=_budgets(document, index, days),
    )


def plan_to_json(plan: IrrigationPlan) -> str:
    times = zip(plan.opened.tolist(), plan.start_s.tolist(), plan.end_s.tolist(), strict=True)
    return PlanDocument(
        **head_of(plan),
        unit=plan.unit,
        reproducible=plan.reproducible,
        openings=[OpeningDocument(hydrozone=plan.hydrozones[z], start_s=start, end_s=end) for z, start, end in times],
        hydrozones=[
            HydrozonePlanDocument(id=name, cycles=cycles, later_cycles=plan.later_cycles[:, :, z].tolist())
            for z, (name, cycles) in enumerate(zip(plan.hydrozones, plan.cycles.tolist(), strict=True))
        ],
    ).model_dump_json()


def plan_from_json(text: str | bytes) -> IrrigationPlan:
    """Raises InvalidProblem with everything that is wrong with the text; whether the plan is any good, `check` says."""
    document = read(PlanDocument, text)
    if problems := list(_wrong_plan(document)):
        raise InvalidProblem(problems)
    zones, openings = document.hydrozones, document.openings
    index = {zone.id: z for z, zone in enumerate(zones)}
    later = np.array([zone.later_cycles for zone in zones], np.float64)
    return IrrigationPlan(
        **told_by(document),
        reproducible=document.reproducible,
        hydrozones=tuple(index),
        cycles=np.array([zone.cycles for zone in zones], np.int64),
        opened=np.array([index[opening.hydrozone] for opening in openings], np.int64),
        start_s=np.array([opening.start_s for opening in openings], np.float64),
        end_s=np.array([opening.end_s for opening in openings], np.float64),
        later_cycles=np.moveaxis(later, 0, -1) if later.ndim == 3 else np.zeros((0, 0, len(zones))),
    )


def _strangers(document: ProblemDocument, days: int) -> Iterator[str]:
    """Names and nights that lead nowhere, and names that stand twice: arrays could no longer tell."""
    ids = [zone.id for zone in document.hydrozones]
    networks = ", ".join(document.networks) or "none"
    for z, zone in enumerate(document.hydrozones):
        if zone.network not in document.networks:
            yield f"hydrozones.{z} {zone.id!r}: no network {zone.network!r}, there is {networks}"
        if ids.index(zone.id) < z:
            yield f"hydrozones.{z}: {zone.id!r} stands more than once, wants an id of its own"
    known = set(ids)
    members = {f"windows.{k}": window.hydrozones for k, window in enumerate(document.windows)}
    members |= {f"budgets.{name}": budget.hydrozones for name, budget in document.budgets.items()}
    for where, named in members.items():
        yield from (f"{where}: no hydrozone {name!r}" for name in named or () if name not in known)
    for name, budget in document.budgets.items():
        for night in budget.nights or ():
            if night not in range(days):
                yield f"budgets.{name}: night is {night}, wants 0 to {days - 1}"


def _wrong_rows(document: ProblemDocument, days: int) -> Iterator[str]:
    scenarios = len(document.probability)
    for z, zone in enumerate(document.hydrozones):
        where = f"hydrozones.{z} {zone.id!r}"
        for name in ("etc_mm", "rain_mm"):
            rows: list[list[float]] = getattr(zone, name)
            if len(rows) != scenarios:
                yield f"{where}: {name} is told for {len(rows)} scenarios, wants {scenarios}, one for each probability"
            for s, row in enumerate(rows):
                if len(row) != days:
                    yield f"{where}: {name} of scenario {s} has {len(row)} values, wants {days}, one for each day"
        if isinstance(zone.most_cycles, list) and len(zone.most_cycles) != days:
            yield f"{where}: most_cycles has {len(zone.most_cycles)} values, wants {days}, one for each night"


def _wrong_plan(document: PlanDocument) -> Iterator[str]:
    ids = [zone.id for zone in document.hydrozones]
    known = set(ids)
    for z, name in enumerate(ids):
        if ids.index(name) < z:
            yield f"hydrozones.{z}: {name!r} stands more than once, wants an id of its own"
    for i, opening in enumerate(document.openings):
        if opening.hydrozone not in known:
            yield f"openings.{i}: no hydrozone {opening.hydrozone!r}"
    if len({tuple(map(len, zone.later_cycles)) for zone in document.hydrozones}) > 1:
        yield "hydrozones: later_cycles are not of one shape, wants a value for each scenario and later night"
    for z, zone in enumerate(document.hydrozones):
        if len(set(map(len, zone.later_cycles))) > 1:
            yield f"hydrozones.{z} {zone.id!r}: later_cycles are not as many in each scenario"


def _weather(rows: Sequence[list[list[float]]], scenarios: int, days: int) -> Floats:
    """(S, D, n) of what each hydrozone tells."""
    return np.moveaxis(np.array(rows, np.float64).reshape(len(rows), scenarios, days), 0, -1)


def _windows(document: ProblemDocument, index: Mapping[str, int], days: int) -> Windows:
    windows, nights = document.windows, max(days, 1)
    allowed = [_members(window.hydrozones, index) for window in windows]
    most = [np.broadcast_to(_few(zone.most_cycles), nights) for zone in document.hydrozones]
    return Windows(
        night=np.array([window.night for window in windows], np.int64),
        start_s=np.array([window.start_s for window in windows], np.float64),
        end_s=np.array([window.end_s for window in windows], np.float64),
        allowed=np.array(allowed, np.bool_).reshape(len(windows), len(index)).T,
        most_cycles=np.array(most, np.int64).reshape(len(index), nights),
    )


def _few(told: list[int] | int) -> list[int]:
    """What an array can hold."""
    return [
        max(-UNLIMITED_CYCLES, min(most, UNLIMITED_CYCLES)) for most in (told if isinstance(told, list) else [told])
    ]


def _budgets(document: ProblemDocument, index: Mapping[str, int], days: int) -> Budgets | None:
    if not document.budgets:
        return None
    asked = document.budgets.values()
    nights = {night: night for night in range(days)}
    return Budgets(
        names=tuple(document.budgets),
        limit_m3=np.array([np.inf if one.limit_m3 is None else one.limit_m3 for one in asked], np.float64),
        member=np.array([_members(one.hydrozones, index) for one in asked]),
        nights=np.array([_members(one.nights, nights) for one in asked]),
    )


def _members(named: Iterable[K] | None, index: Mapping[K, int]) -> Bools:
    """Which of those that are known are named; all where none are."""
    chosen = np.full(len(index), named is None)
    chosen[[index[name] for name in named or ()]] = True
    return chosen


def _hydrozone_told(problem: IrrigationProblem, z: int) -> HydrozoneDocument:
    zones, most = problem.hydrozones, problem.windows.most_cycles[z]
    return HydrozoneDocument(
        id=zones.names[z],
        network=problem.networks.names[int(zones.network[z])],
        **_row(zones, _OF_HYDROZONE, z),
        most_cycles=int(most[0]) if (most == most[0]).all() else most.tolist(),
        etc_mm=problem.scenarios.etc_mm[:, :, z].tolist(),
        rain_mm=problem.scenarios.rain_mm[:, :, z].tolist(),
    )


def _window_told(problem: IrrigationProblem, k: int) -> WindowDocument:
    windows, names = problem.windows, problem.hydrozones.names
    return WindowDocument(
        night=int(windows.night[k]),
        start_s=float(windows.start_s[k]),
        end_s=float(windows.end_s[k]),
        hydrozones=_chosen(windows.allowed[:, k], names),
    )


def _budgets_told(problem: IrrigationProblem) -> dict[str, BudgetDocument]:
    if (budgets := problem.budgets) is None:
        return {}
    nights = range(problem.scenarios.days)
    return {
        name: BudgetDocument(
            limit_m3=float(limit) if np.isfinite(limit := budgets.limit_m3[b]) else None,
            hydrozones=_chosen(budgets.member[b], problem.hydrozones.names),
            nights=_chosen(budgets.nights[b], nights),
        )
        for b, name in enumerate(budgets.names)
    }


def _chosen(mask: Bools, of: Sequence[K]) -> list[K] | None:
    return None if mask.all() else [of[i] for i in np.flatnonzero(mask).tolist()]


def _row(part: object, names: Sequence[str], i: int) -> dict[str, Any]:
    return {name: float(getattr(part, name)[i]) for name in names}


def _columns(rows: Iterable[object], names: Sequence[str]) -> dict[str, Any]:
    rows = tuple(rows)
    return {name: np.array([getattr(row, name) for row in rows], np.float64) for name in names}
