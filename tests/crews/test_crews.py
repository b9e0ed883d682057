"""Crews for rounds: proved best on small cases, judged by the checker on any, a reason for every round left out."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.crews import (
    Crew,
    CrewPlan,
    CrewProblem,
    CrewWeights,
    Driven,
    Round,
    Uncovered,
    Why,
    Wish,
    check,
    example,
    full_example,
    generated,
    pack,
    plan_from_json,
    plan_schema,
    plan_to_json,
    problem_from_json,
    problem_schema,
    problem_to_json,
    solve,
    unpack,
)
from optimizers.result import InvalidProblem, Limits, Status

_H, _DAY = 3_600.0, 86_400.0


def made(seed: int) -> CrewProblem:
    """Four rounds over two days, two or three crews, and something of everything."""
    rng = np.random.default_rng(seed)

    def span(day: int) -> tuple[float, float]:
        start = day * _DAY + float(rng.integers(4, 16)) * _H
        return start, start + float(rng.integers(3, 9)) * _H

    rounds = tuple(
        Round(
            id=f"r{k}",
            spans=(span(k % 2), span(1)) if rng.random() < 0.3 else (span(k % 2),),
            skills=("crane",) if rng.random() < 0.3 else (),
            quarter=str(rng.choice(["", "east", "west"])),
            vehicle=str(rng.choice(["", "T-1"])),
            required=bool(rng.random() < 0.6),
            worth=float(rng.integers(0, 60)),
        )
        for k in range(4)
    )
    crews = tuple(
        Crew(
            id=f"c{c}",
            there=((0.0, 2 * _DAY),) if rng.random() < 0.7 else ((_DAY, 2 * _DAY),),
            skills=("crane",) if rng.random() < 0.5 else (),
            most_s=float(rng.integers(6, 20)) * _H,
            most_day_s=10 * _H,
            quarters=("east",) if rng.random() < 0.5 else ("west",),
            wishes=(Wish(cost=7.0, vehicle="T-1"), Wish(cost=3.0, begins=(0.0, 8 * _H))) if rng.random() < 0.5 else (),
        )
        for c in range(int(rng.integers(2, 4)))
    )
    weights = CrewWeights(stranger=11.0, change=5.0, uneven_per_h=float(rng.choice([0.0, 1.5])))
    return CrewProblem(rounds=rounds, crews=crews, day_starts_s=(0.0, _DAY), weights=weights)


def plan_of(problem: CrewProblem, driven: tuple[Driven, ...]) -> CrewPlan:
    left = {one.id for one in problem.rounds} - {one.round for one in driven}
    return CrewPlan(
        status=Status.BEST_EFFORT, objective=0.0, bound=0.0, seconds=0.0, seed=0, solver="", version="",
        driven=driven, uncovered=tuple(Uncovered(name, Why.FULL) for name in sorted(left)),
    )  # fmt: skip


def best_by_enumeration(problem: CrewProblem) -> tuple[int, float]:
    """Required rounds left out and the least objective, over every plan that the checker lets pass."""
    choices = [[None, *((crew.id, span) for crew in problem.crews for span in one.spans)] for one in problem.rounds]
    best = (99, 0.0)
    required = {one.id for one in problem.rounds if one.required}
    for picked in product(*choices):
        pairs = zip(problem.rounds, picked, strict=True)
        plan = plan_of(problem, tuple(Driven(one.id, p[0], *p[1]) for one, p in pairs if p is not None))
        found = check(problem, plan)
        if not {v.constraint for v in found} - {"required", "reason", "objective", "told", "bound"}:
            cost = sum(v.amount for v in found if v.constraint == "objective")
            best = min(best, (len(required - {one.round for one in plan.driven}), cost))
    return best


@pytest.mark.parametrize("seed", range(12))
def test_no_plan_is_better(seed: int) -> None:
    problem = made(seed)
    plan = solve(problem)
    missing = sum(v.constraint == "required" for v in plan.violations)
    assert (missing, plan.objective) == pytest.approx(best_by_enumeration(problem), abs=1e-3)
    assert plan.status == (Status.BEST_EFFORT if missing else Status.OPTIMAL)
    assert [v for v in check(problem, plan) if v.constraint != "required"] == []


@settings(max_examples=25)
@given(st.integers(100, 10_000))
def test_what_is_planned_keeps_every_word(seed: int) -> None:
    problem = made(seed)
    plan = solve(problem, Limits(seconds=10))
    assert [v for v in check(problem, plan) if v.constraint != "required"] == []
    assert plan_to_json(plan_from_json(plan_to_json(plan))) == plan_to_json(plan)


@pytest.mark.parametrize("problem", [example(), full_example(), generated(2, 3, 4, 5)])
def test_examples_are_solved_and_travel(problem: CrewProblem) -> None:
    plan = solve(problem, Limits(seconds=60))
    assert plan.status is Status.OPTIMAL
    assert check(problem, plan) == []
    assert problem_to_json(unpack(pack(problem))) == problem_to_json(problem)
    assert pack(problem_from_json(pack(problem))) == pack(problem)


def test_the_same_problem_has_the_same_plan() -> None:
    problem = generated(4, 4, 5, 3)
    first, again = (solve(problem, Limits(work=1, seconds=120, seed=7)) for _ in range(2))
    assert first.reproducible
    assert first.driven == again.driven


def _one(**changes: object) -> Round:
    return replace(Round(id="r", spans=((8 * _H, 15 * _H),)), **changes)  # type: ignore[arg-type]


_CREW = Crew(id="c", there=((0.0, _DAY),), most_s=35 * _H)


@pytest.mark.parametrize(
    ("rounds", "crew", "why"),
    [
        ((_one(skills=("crane",)),), _CREW, Why.SKILL),
        ((_one(),), replace(_CREW, there=((0.0, 12 * _H),)), Why.AWAY),
        ((_one(),), replace(_CREW, most_day_s=6 * _H), Why.HOURS),
        ((_one(required=False, worth=5.0),), replace(_CREW, wishes=(Wish(cost=9.0),)), Why.WORTH),
        ((_one(), _one(id="s")), _CREW, Why.FULL),
    ],
)
def test_every_round_without_a_crew_has_its_reason(rounds: tuple[Round, ...], crew: Crew, why: Why) -> None:
    problem = CrewProblem(rounds=rounds, crews=(crew,))
    plan = solve(problem)
    assert [one.why for one in plan.uncovered] == [why]
    assert plan.uncovered[0].detail
    assert {v.constraint for v in check(problem, plan)} <= {"required"}


def test_nights_are_eleven_hours_unless_a_crew_has_others() -> None:
    late, early = _one(spans=((14 * _H, 22 * _H),)), _one(id="s", spans=((_DAY + 5 * _H, _DAY + 12 * _H),))
    crew = replace(_CREW, there=((0.0, 2 * _DAY),))
    problem = CrewProblem(rounds=(late, early), crews=(crew,), day_starts_s=(0.0, _DAY))
    assert len(solve(problem).driven) == 1
    assert len(solve(replace(problem, crews=(replace(crew, rest_s=7 * _H),))).driven) == 2


def test_the_checker_names_what_is_planted() -> None:
    problem = replace(example(), crews=(*example().crews, replace(example().crews[0], id="late", there=())))
    plan = solve(problem)
    one, two = plan.driven[:2]

    def named(*changed: Driven, **head: object) -> set[str]:
        driven = (*changed, *plan.driven[len(changed) :])
        return {v.constraint for v in check(problem, replace(plan, driven=driven, **head))}  # type: ignore[arg-type]

    assert named() == set()
    assert "span" in named(replace(one, end_s=one.end_s + 60))
    assert "away" in named(replace(one, crew="late"))
    assert "overlap" in named(replace(one, crew=two.crew), replace(two, start_s=one.start_s, end_s=one.end_s))
    assert named(replace(one, crew="nobody")) == {"stranger"}
    assert named(replace(one, round=two.round)) == {"told once"}
    assert named(objective=plan.objective + 1) == {"objective"}
    assert named(bound=plan.objective + 1) == {"bound"}


def test_wrong_problems_tell_everything_at_once() -> None:
    with pytest.raises(InvalidProblem) as caught:
        CrewProblem(
            rounds=(_one(spans=((5.0, 3.0),)), _one(worth=-1.0), _one(id="s", spans=())),
            crews=(replace(_CREW, rest_s=float("nan")),),
            day_starts_s=(0.0, 0.0),
        )
    assert len(caught.value.problems) == 6


def test_schemas_describe_what_is_written() -> None:
    assert "rounds" in problem_schema()["properties"]
    assert "driven" in plan_schema()["properties"]


def test_rounds_that_overlap_by_less_than_a_second_are_not_one_crew_s() -> None:
    rounds = (Round(id="a", spans=((0.0, 10.9),)), Round(id="b", spans=((10.1, 20.0),)))
    problem = CrewProblem(rounds=rounds, crews=(Crew(id="c", there=((0.0, 100.0),)),))
    plan = solve(problem)
    assert len(plan.driven) == 1
    assert {one.constraint for one in check(problem, plan)} == {"required"}
    apart = replace(problem, rounds=(rounds[0], replace(rounds[1], spans=((10.9, 20.0),))))
    assert solve(apart).status is Status.OPTIMAL
