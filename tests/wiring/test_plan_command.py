"""`consigne plan`: shown in both languages, solved again from what is stored, compared, approved and refused."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from click.testing import Result
from rich.console import Console
from sqlalchemy import create_engine, text
from typer.testing import CliRunner

from engine.errors import ConsigneError, InputError
from engine.model import CommandState, PlanOrigin, PlanState, Program
from engine.setpoints.orders import Order
from engine.settings import Settings
from engine.store import Store
from jobs.bootstrap import Territory
from jobs.cli import plans as command
from jobs.cli.plans import _lasting
from jobs.domains import DOMAINS
from jobs.planning import PlanRequest, PlanResult, approve, compare, make_plan, refuse, replay, run_plan
from jobs.planning.comparing import _differing
from jobs.table import JobContext
from optimizers.result import Limits
from tests.conftest import BOTH

from .conftest import NOON, Fake

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LIGHTING = DOMAINS["lighting"]
FAILS = "def solve(problem, limits): raise RuntimeError('no tea')"
Plan = Callable[..., PlanResult]


@pytest.fixture
def plan(store: Store, territory: Territory, settings: Settings) -> Plan:
    """Makes and commits a plan so many minutes after noon."""

    def make(minute: float = 0, domain: Any = LIGHTING, **request: Any) -> PlanResult:
        at = NOON + minute * MINUTE
        return run_plan(store, territory, domain, at, settings, PlanRequest(at, **request))

    return make


@pytest.fixture
def consigne(
    store: Store, territory: Territory, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Result]]:
    """Runs `consigne plan …` an hour after noon."""
    monkeypatch.setenv("CONSIGNE_COMPUTE", "inline")
    for name, value in (("DATABASE_URL", settings.database_url), ("DATASETS_DIR", settings.datasets_dir)):
        monkeypatch.setenv(f"CONSIGNE_{name}", str(value))
    monkeypatch.setattr(command, "instant", lambda _text: NOON + HOUR)
    monkeypatch.setattr("jobs.cli.common._out", Console(width=300))

    def run(*words: str, lang: str = "en") -> Result:
        monkeypatch.setenv("CONSIGNE_LANG", lang)
        return CliRunner().invoke(command.app, list(words))

    yield run


def no_commands(store: Store) -> bool:
    with store.read() as unit:
        return unit.commands.in_states(list(CommandState)) == []


# Solved again


def test_a_plan_is_solved_again_to_the_byte(
    plan: Plan, consigne: Callable[..., Result], service: JobContext, history: int
) -> None:
    made = plan(limits=Limits(work=50, seed=3)).record
    again = replay(service, LIGHTING, made.id)
    assert (again.equal, again.status, again.objective) == (True, "optimal", made.objective)
    said = consigne("replay", made.id)
    assert (said.exit_code, said.output.startswith("equal to the byte: optimal")) == (0, True)
    assert consigne("replay", made.id, lang="fr").output.startswith("identique à l'octet près")
    assert json.loads(consigne("replay", made.id, "--json").output)["equal"] is True


@pytest.mark.parametrize(
    ("cut", "code", "words"), [(False, 1, "DIFFERENT, though"), (True, 3, "different, as the clock")]
)
def test_what_comes_out_different_is_told_point_by_point(
    cut: bool, code: int, words: str, plan: Plan, consigne: Callable[..., Result], fake: Fake, history: int
) -> None:
    """The optimizer gives full light the second time."""
    fickle = fake(f"""
        def solve(problem, limits):
            plan = lighting.solve(problem, replace(limits, work=1) if os.environ.get("FULL") else limits)
            return replace(plan, reproducible={not cut})
        """)
    made = plan(domain=fickle).record
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("FULL", "1")
        said = consigne("replay", made.id)
        assert (said.exit_code, words in said.output) == (code, True)
        assert "points differ" in said.output
        found = json.loads(consigne("replay", made.id, "--json").output)
    assert found["equal"] is False
    assert found["difference"]["points"][0]["largest"] > 0.1
    assert consigne("replay", made.id).exit_code == 0


def test_a_plan_of_other_code_may_come_out_different_and_the_code_is_named(
    plan: Plan, consigne: Callable[..., Result], fake: Fake, monkeypatch: pytest.MonkeyPatch, history: int
) -> None:
    fickle = fake("""
        def solve(problem, limits):
            return lighting.solve(problem, replace(limits, work=1) if os.environ.get("FULL") else limits)
        """)
    made = plan(domain=fickle).record
    monkeypatch.setenv("FULL", "1")
    monkeypatch.setattr("jobs.compute.same_code.versions", lambda: {**made.detail["code"], "numpy": "9.9"})
    said = consigne("replay", made.id)
    assert (said.exit_code, "points differ" in said.output) == (3, True)
    assert f"made by other code (numpy {made.detail['code']['numpy']} there and 9.9 here)" in said.output
    assert "numpy" in json.loads(consigne("replay", made.id, "--json").output)["other_code"]
    monkeypatch.delenv("FULL")
    assert consigne("replay", made.id).output.startswith("equal to the byte")


def test_a_problem_that_was_changed_where_it_is_stored_is_not_solved(
    plan: Plan, service: JobContext, settings: Settings
) -> None:
    made, other = plan().record, plan(1, limits=Limits(seed=1)).record
    engine = create_engine(settings.database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE plan SET inputs_digest = 'ab' WHERE id = :id"), {"id": made.id})
    engine.dispose()
    with pytest.raises(ConsigneError, match="its hash differs"):
        replay(service, LIGHTING, made.id)
    assert replay(service, LIGHTING, other.id).equal


def test_the_problem_that_failed_can_be_solved_again(
    plan: Plan, consigne: Callable[..., Result], fake: Fake, history: int
) -> None:
    flaky = fake("""
        def solve(problem, limits):
            if not os.environ.get("MENDED"):
                raise RuntimeError("no tea")
            return lighting.solve(problem, limits)
        """)
    fallen = plan(domain=flaky).record
    assert fallen.origin is PlanOrigin.RULES_ONLY
    said = consigne("replay", fallen.id)
    assert (said.exit_code, "no tea" in said.output) == (1, True)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MENDED", "1")
        said = consigne("replay", fallen.id)
    assert said.exit_code == 0
    assert "the solver makes of it now: optimal" in said.output


# Shown and compared


def test_a_fall_back_is_shown_with_its_reason_in_both_languages(
    plan: Plan, consigne: Callable[..., Result], fake: Fake, history: int
) -> None:
    first = plan().record
    fallen = plan(5, domain=fake(FAILS)).record
    english, french = (consigne("show", fallen.id, lang=lang).output for lang in ("en", "fr"))
    assert f"this is plan {first.id}, shifted" in english
    assert "the solver: raised: RuntimeError: no tea" in english
    assert f"ceci est le plan {first.id}, décalé" in french
    assert len(english.splitlines()) == len(french.splitlines())
    facts = json.loads(consigne("show", fallen.id, "--json").output)
    assert (facts["origin"], facts["detail"]["of"]) == ("shifted", first.id)
    assert facts["inputs_digest"] == first.inputs_digest  # the same counts, the same problem
    listed = consigne("list").output
    assert "the last plan, shifted" in listed and "the solver" in listed


def test_two_plans_beside_each_other(
    plan: Plan, consigne: Callable[..., Result], store: Store, territory: Territory, history: int
) -> None:
    full, least = plan(limits=Limits(work=1)).record, plan(5).record
    found = compare(store, DOMAINS, full.id, least.id)
    assert len(found.points) + found.same == len(territory.of_type("Streetlight"))
    assert {name for name, _, _ in found.facts} == {"status", "objective", "bound", "limits"}
    assert found.points[0].largest == max(one.largest or 0 for one in found.points)
    assert compare(store, DOMAINS, full.id, full.id).points == ()
    said = consigne("diff", full.id, least.id)
    assert (said.exit_code, "status: time_limit → optimal" in said.output) == (0, True)
    assert "points differ" in said.output
    assert json.loads(consigne("diff", full.id, least.id, "--json").output)["differing"] == len(found.points)


@pytest.mark.parametrize("words", [("show", "x"), ("replay", "x"), ("diff", "x", "y"), ("approve", "x")])
def test_what_is_no_plan_is_refused(words: tuple[str, ...], consigne: Callable[..., Result]) -> None:
    error = consigne(*words).exception
    assert isinstance(error, InputError)
    assert "x is not a plan" in str(error)


def test_what_differs_most_for_longest_comes_first() -> None:
    """A dusk that has moved by a minute is told after a class that is lower for three hours."""
    noon, dusk, late = NOON, NOON + 6 * HOUR, NOON + 11 * HOUR

    def night(on: datetime, low: float) -> Program:
        return Program(((noon, 0.0), (on, 1.0), (late, low), (late + 3 * HOUR, 1.0)), noon + 24 * HOUR)

    before = {name: night(dusk, 0.7) for name in ("L-1", "L-2", "L-3")}
    after = {"L-1": night(dusk + MINUTE, 0.7), "L-2": night(dusk, 0.4), "L-3": night(dusk, 0.7)}
    found, same = _differing(before, after)
    assert ([one.point for one in found], same) == (["L-2", "L-1"], 1)
    assert [_lasting(one.lasts, "en") for one in found] == ["3.0 h", "1.0 min"]


# Proposed


@BOTH
def test_a_proposed_plan_asks_nothing_until_it_is_approved(
    plan: Plan, store: Store, territory: Territory, history: int
) -> None:
    proposed = plan(propose=True)
    assert (proposed.record.state, proposed.commands) == (PlanState.PROPOSED, 0)
    assert no_commands(store)
    with store.begin() as unit:
        assert [a.rule for a in unit.alarms.active(["lighting"])] == ["plan-proposed"]
        points, commands = approve(unit, territory, LIGHTING, proposed.record.id, "person:anne", NOON + HOUR)
        assert points == commands == len(territory.of_type("Streetlight"))
        record, _ = unit.plans.get(proposed.record.id) or (None, None)
        assert record is not None
        assert (record.state, record.decided_by, record.decided_at) == (
            PlanState.IN_FORCE, "person:anne", NOON + HOUR,
        )  # fmt: skip
        assert not [a for a in unit.alarms.active(["lighting"]) if a.cleared_at is None]
    with store.read() as unit:
        assert {command.issued_at for command in unit.commands.in_states([CommandState.QUEUED])} == {NOON + HOUR}


def test_approved_and_refused_by_command(plan: Plan, consigne: Callable[..., Result], store: Store) -> None:
    one, two = plan(propose=True).record, plan(1, propose=True).record
    listed = json.loads(consigne("list", "--state", "proposed", "--json").output)
    assert [row["id"] for row in listed] == [two.id, one.id]
    said = consigne("refuse", one.id, "--reason", "a market tonight")
    assert said.output == f"{one.id} is refused: nothing of it is asked\n"
    assert "est en vigueur" in consigne("approve", two.id, lang="fr").output
    for words in (("approve", one.id), ("approve", two.id), ("refuse", two.id, "--reason", "no")):
        assert "waits for nobody" in str(consigne(*words).exception)
    assert "is empty" in str(consigne("refuse", two.id, "--reason", " ").exception)


def test_an_act_on_a_plan_is_in_the_audit(plan: Plan, store: Store, settings: Settings, territory: Territory) -> None:
    one, two = plan(propose=True).record, plan(1, propose=True).record
    with store.begin() as unit:
        refuse(unit, one.id, "a market tonight", "person:anne", NOON + HOUR)
        approve(unit, territory, LIGHTING, two.id, "person:bo", NOON + HOUR)
    engine = create_engine(settings.database_url)
    with engine.connect() as connection:
        rows = list(connection.execute(text("SELECT actor, action, subject FROM audit WHERE actor LIKE 'person:%'")))
    engine.dispose()
    assert sorted(map(tuple, rows)) == [
        ("person:anne", "refuse", f"plan/{one.id}"),
        ("person:bo", "approve", f"plan/{two.id}"),
    ]


def test_a_proposal_that_is_over_overtaken_or_met_by_a_new_order_is_not_approved(
    plan: Plan, store: Store, territory: Territory, history: int
) -> None:
    def try_it(minute: float, ground: Territory = territory) -> str:
        with store.begin() as unit, pytest.raises(InputError) as refused:
            approve(unit, ground, LIGHTING, proposed.id, "person:anne", NOON + minute * MINUTE)
        return str(refused.value)

    proposed = plan(propose=True).record
    assert "its span is over since 2026-11-17T11:00:00Z" in try_it(24 * 60)
    order = Order("cut", "night switch-off", at_most=0.0, hours=(time(23), time(5)), start=date(2026, 11, 1))
    bound = replace(territory)
    point = f"{territory.of_type('Streetlight')[0].id}/illuminanceLevel"
    bound.points[point] = replace(bound.points[point], orders=(order,))
    assert "order cut bounds 1 of its points and has come since" in try_it(5, bound)
    newer = plan(10).record
    assert f"a newer plan is in force: {newer.id}" in try_it(15)
    with store.read() as unit:
        assert (unit.plans.get(proposed.id) or [None])[0] == proposed


def test_the_alarm_of_a_fall_back_stands_until_a_plan_is_approved(
    plan: Plan, fake: Fake, store: Store, territory: Territory, history: int
) -> None:
    """That one is proposed changes nothing of what is in force."""

    def standing() -> set[str]:
        with store.read() as unit:
            return {a.rule for a in unit.alarms.active(["lighting"]) if a.cleared_at is None}

    plan(domain=fake(FAILS))
    assert standing() == {"plan-fallback"}
    proposed = plan(1, propose=True).record
    assert standing() == {"plan-fallback", "plan-proposed"}
    with store.begin() as unit:
        approve(unit, territory, LIGHTING, proposed.id, "person:anne", NOON + HOUR)
    assert standing() == set()


def test_a_fall_back_is_proposed_as_well_and_both_alarms_stand(
    service: JobContext, fake: Fake, plan: Plan, store: Store
) -> None:
    assert make_plan(service, fake(FAILS), PlanRequest(NOON, propose=True)).candidate is not None
    assert plan(domain=fake(FAILS), propose=True).record.state is PlanState.PROPOSED
    with store.read() as unit:
        assert {a.rule for a in unit.alarms.active(["lighting"])} == {"plan-fallback", "plan-proposed"}
    assert no_commands(store)
