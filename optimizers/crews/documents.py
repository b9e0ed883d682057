"""Problem and plan as JSON, with a published schema; and as bytes, for a worker elsewhere."""

from dataclasses import asdict
from math import inf, isfinite
from typing import Any

from optimizers.crews.forms import (
    CrewDocument,
    DrivenDocument,
    PlanDocument,
    ProblemDocument,
    RoundDocument,
    SpanDocument,
    UncoveredDocument,
    WeightsDocument,
    WishDocument,
)
from optimizers.crews.problem import Crew, CrewPlan, CrewProblem, CrewWeights, Driven, Round, Span, Uncovered, Wish
from optimizers.documents import head_of, read, told_by


def problem_schema() -> dict[str, Any]:
    """JSON Schema of a problem."""
    return ProblemDocument.model_json_schema()


def plan_schema() -> dict[str, Any]:
    """JSON Schema of a plan."""
    return PlanDocument.model_json_schema()


def problem_to_json(problem: CrewProblem) -> str:
    return ProblemDocument(
        rounds=[RoundDocument(**{**_plain(one), "spans": _told(one.spans)}) for one in problem.rounds],
        crews=[_crew_told(crew) for crew in problem.crews],
        day_starts_s=list(problem.day_starts_s),
        weights=WeightsDocument(**asdict(problem.weights)),
        unit=problem.unit,
    ).model_dump_json()


def problem_from_json(text: str | bytes) -> CrewProblem:
    """Raises InvalidProblem with everything that is wrong with the text."""
    document = read(ProblemDocument, text)
    return CrewProblem(
        rounds=tuple(
            Round(**{**one.model_dump(), "spans": _spans(one.spans), "skills": tuple(one.skills)})
            for one in document.rounds
        ),
        crews=tuple(_crew(one) for one in document.crews),
        day_starts_s=tuple(document.day_starts_s),
        weights=CrewWeights(**document.weights.model_dump()),
        unit=document.unit,
    )


def pack(problem: CrewProblem) -> bytes:
    """The same problem gives the same bytes. `unpack` gives it again, to the last bit."""
    return problem_to_json(problem).encode()


def unpack(block: bytes) -> CrewProblem:
    """Raises InvalidProblem for one that contradicts itself."""
    return problem_from_json(block)


def plan_to_json(plan: CrewPlan) -> str:
    return PlanDocument(
        **head_of(plan),
        unit=plan.unit,
        reproducible=plan.reproducible,
        driven=[DrivenDocument(**asdict(one)) for one in plan.driven],
        uncovered=[UncoveredDocument(**asdict(one)) for one in plan.uncovered],
    ).model_dump_json()


def plan_from_json(text: str | bytes) -> CrewPlan:
    """Raises InvalidProblem with everything that is wrong with the text; whether the plan is any good, `check` says."""
    document = read(PlanDocument, text)
    return CrewPlan(
        **told_by(document),
        reproducible=document.reproducible,
        driven=tuple(Driven(**one.model_dump()) for one in document.driven),
        uncovered=tuple(Uncovered(**one.model_dump()) for one in document.uncovered),
    )


def _plain(one: Round) -> dict[str, Any]:
    return {**asdict(one), "skills": list(one.skills)}


def _told(spans: tuple[Span, ...]) -> list[SpanDocument]:
    return [SpanDocument(start_s=start, end_s=end) for start, end in spans]


def _spans(told: list[SpanDocument]) -> tuple[Span, ...]:
    return tuple((one.start_s, one.end_s) for one in told)


def _crew_told(crew: Crew) -> CrewDocument:
    return CrewDocument(
        id=crew.id,
        there=_told(crew.there),
        skills=list(crew.skills),
        most_s=crew.most_s if isfinite(crew.most_s) else None,
        most_day_s=crew.most_day_s if isfinite(crew.most_day_s) else None,
        rest_s=crew.rest_s,
        quarters=list(crew.quarters),
        wishes=[
            WishDocument(
                cost=wish.cost, quarter=wish.quarter, vehicle=wish.vehicle,
                begins=None if wish.begins is None else _told((wish.begins,))[0],
            )
            for wish in crew.wishes
        ],
    )  # fmt: skip


def _crew(told: CrewDocument) -> Crew:
    return Crew(
        id=told.id,
        there=_spans(told.there),
        skills=tuple(told.skills),
        most_s=inf if told.most_s is None else told.most_s,
        most_day_s=inf if told.most_day_s is None else told.most_day_s,
        rest_s=told.rest_s,
        quarters=tuple(told.quarters),
        wishes=tuple(
            Wish(
                cost=wish.cost, quarter=wish.quarter, vehicle=wish.vehicle,
                begins=None if wish.begins is None else _spans([wish.begins])[0],
            )
            for wish in told.wishes
        ),
    )  # fmt: skip
