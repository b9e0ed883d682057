"""Limits of equipment and the night before in a planning run: announced, planned within, committed, told of by why."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from engine.equipment.connections import Holds, Room
from engine.equipment.mqtt import MqttConnection
from engine.model import Level, PlanOrigin, PlanRecord, Program, Slot
from engine.settings import Settings
from engine.store import Store
from jobs.bootstrap import lighting_in
from jobs.domains import DOMAINS
from jobs.lighting.body import open_body, read_body
from jobs.lighting.fallback import told
from jobs.lighting.night import night_of
from jobs.lighting.tables import Changes
from jobs.planning import PlanRequest, commit_plan, make_plan, replay, run_plan
from jobs.rooms import keep_rooms
from jobs.settling import settle_points
from jobs.table import JobContext
from jobs.why import explain
from optimizers.lighting import check, energy_wh, solve

from .conftest import NOON
from .test_lighting_need import cut

DAY = timedelta(days=1)
LIGHTING = DOMAINS["lighting"]
LINE = MqttConnection(id="line", kind="mqtt", url="mqtt://localhost", gateways=("*",), version="5")
Plan = Callable[..., PlanRecord]


@pytest.fixture
def plan(service: JobContext) -> Plan:
    """Plans the night of an instant and puts it in force."""

    def once(connection: MqttConnection, at: Any = NOON, domain: Any = LIGHTING, **request: Any) -> PlanRecord:
        world = replace(service, territory=replace(service.territory, connections=(connection,)))
        made = make_plan(world, domain, PlanRequest(at, **request))
        with service.store.begin() as unit:
            result = commit_plan(unit, world.territory, domain, made, at)
        assert result is not None
        return result.record

    return once


def flux(store: Store, record: PlanRecord) -> Any:
    with store.read() as unit:
        found = unit.plans.get(record.id)
    assert found is not None
    return read_body(found[1])


def most_programs(problem: Any, rows: Any) -> int:
    of = problem.holders.of
    return max(len(np.unique(rows[of == h], axis=0)) for h in range(len(problem.holders.names)))


def test_each_gateway_gets_as_many_programs_as_the_file_states(plan: Plan, store: Store, history: int) -> None:
    """The sample's cabinets take 6 by themselves; the file says that their gateways take fewer."""
    free, free_rows = flux(store, plan(LINE))
    assert set(np.array(free.holders.programs).tolist()) == {6}
    record = plan(LINE.model_copy(update={"holds": Holds(programs=2, switch_points=4)}))
    assert record.origin is PlanOrigin.SOLVED
    problem, rows = flux(store, record)
    assert set(np.array(problem.holders.programs).tolist()) == {2}
    assert set(np.array(problem.holders.switch_points).tolist()) == {4}
    assert most_programs(problem, free_rows) > 2 >= most_programs(problem, rows)
    assert (rows >= problem.floor - 1e-9).all()
    assert energy_wh(problem, rows) > energy_wh(problem, free_rows)


def test_what_a_gateway_announced_is_planned_within_and_explained(
    plan: Plan, service: JobContext, store: Store, history: int
) -> None:
    with store.begin() as unit:
        keep_rooms(unit, {"line": Room(16, 8, shared=True, said="maximumPrograms 33")}, NOON)
    record = plan(LINE)
    problem, rows = flux(store, record)
    assert problem.holders.names == ("connection line",)
    assert most_programs(problem, rows) == 16
    lamp = service.territory.of_type("Streetlight")[0]
    said = explain(store, service.territory, f"{lamp.id}/illuminanceLevel", NOON + timedelta(hours=12)).behind
    assert (said["program_kept_by"], said["programs"]) == ("connection line", 16)
    assert 1 <= said["program"] <= 16
    assert said["program_lamps"] >= 1
    assert said["held_by"][0].split()[0] in {"floor", "ramp", "neighbour", "program"}
    assert replay(service, LIGHTING, record.id).equal


def test_without_a_solver_as_many_programs_are_told(plan: Plan, store: Store, history: int) -> None:
    def fails(*_: Any) -> Any:
        raise ValueError("out of order")

    stated = LINE.model_copy(update={"holds": Holds(programs=1)})
    record = plan(stated, NOON, replace(LIGHTING, build=fails))
    assert record.origin is PlanOrigin.RULES_ONLY
    problem, rows = flux(store, record)
    assert most_programs(problem, rows) == 1
    assert check(problem, solve(problem)) == []


def test_cabinets_that_state_nonsense_lead_to_the_rules_alone(
    plan: Plan, service: JobContext, store: Store, history: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cabinet = service.territory.of_type("StreetlightControlCabinet")[0]
    monkeypatch.setitem(cabinet.attributes, "programs", "many")  # type: ignore[arg-type]
    record = plan(LINE)
    assert record.origin is PlanOrigin.RULES_ONLY
    assert f"{cabinet.id} programs is 'many'" in str(record.detail["why"])


def test_where_changes_cost_lamps_keep_the_program_of_the_night_before(
    plan: Plan, store: Store, history: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan(LINE)
    fresh, free_rows = flux(store, plan(LINE, NOON + DAY))
    assert fresh.yesterday is None
    load = LIGHTING.build.__globals__["tables_of"]
    costly = lambda settings: load(settings).model_copy(update={"changes": Changes(cost_wh=1000.0)})
    monkeypatch.setitem(LIGHTING.build.__globals__, "tables_of", costly)
    problem, rows = flux(store, plan(LINE, NOON + DAY))
    assert problem.yesterday is not None
    kept = (np.abs(rows - problem.yesterday.flux) < 1e-9).all(axis=1)
    anyhow = (np.abs(free_rows - problem.yesterday.flux) < 1e-9).all(axis=1)
    assert kept.sum() >= anyhow.sum()
    assert kept.mean() > 0.5
    assert (rows >= problem.floor - 1e-9).all()


def test_the_night_before_is_read_from_the_plan_in_force_and_new_lamps_have_none(
    plan: Plan, service: JobContext, store: Store, history: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = LIGHTING.build.__globals__["tables_of"]
    monkeypatch.setitem(
        LIGHTING.build.__globals__,
        "tables_of",
        lambda settings: load(settings).model_copy(update={"changes": Changes(cost_wh=0, most_lamps=10**6)}),
    )
    first = plan(LINE)
    problem, _ = flux(store, first)
    assert problem.yesterday is None  # nothing was told before
    with store.read() as unit:
        found = unit.plans.get(first.id)
    assert found is not None
    last = open_body(found[1])

    night = night_of(NOON, load(service.settings))
    rows = told(night, ["nobody", *last.lamps], last)
    assert np.isnan(rows[0]).all()
    assert np.array_equal(rows[1:], last.flux)


STATED = LINE.model_copy(update={"holds": Holds(programs=3, switch_points=6)})


@pytest.fixture
def brighter(service: JobContext, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Has a lamp be lit as a conflict area from now on; returns which."""
    lamp = next(
        one for one in service.territory.of_type("Streetlight")
        if one.attributes["dimmable"] and not one.attributes["crossing"] and one.attributes["class_normal"][0] == "M"
    )  # fmt: skip

    def change() -> str:
        monkeypatch.setitem(lamp.attributes, "crossing", True)  # type: ignore[arg-type]
        return lamp.id

    return change


def test_after_an_event_only_the_keepers_concerned_are_planned_again(
    plan: Plan, service: JobContext, store: Store, history: int, brighter: Callable[[], str]
) -> None:
    before = plan(STATED)
    _, old_rows = flux(store, before)
    lamp = brighter()
    record = plan(STATED, NOON + timedelta(hours=8), only_changed=True)
    new, rows = flux(store, record)
    i = new.lamps.index(lamp)
    keeper = new.holders.names[new.holders.of[i]]
    assert record.detail["part"] == {"of": before.id, "named": [keeper]}
    others = new.holders.of != new.holders.of[i]
    pressed = (rows != old_rows).any(axis=1) & others
    assert pressed.sum() == 0 or "planned again too" in str(record.detail["reasons"])
    assert rows[i].sum() > old_rows[i].sum()
    assert (rows >= new.floor - 1e-9).all()
    assert most_programs(new, rows) <= 3
    with store.read() as unit:
        told = {c.point for c in unit.commands.newest([f"{one}/illuminanceLevel" for one in new.lamps]).values()
                if c.issued_at == NOON + timedelta(hours=8)}  # fmt: skip
        slots = unit.slots.arrays([f"{one}/illuminanceLevel" for one in new.lamps], None)
    assert 0 < len(told) <= (~others).sum() + pressed.sum()
    changed = (rows != old_rows).any(axis=1)
    versions = [next(slot.version for slot in slots[f"{one}/illuminanceLevel"]) for one in new.lamps]
    assert versions == [record.id if other else before.id for other in changed]
    again = replay(service, LIGHTING, record.id)
    assert (again.equal, again.fault) == (True, "")


def test_where_a_fall_back_is_in_force_all_is_planned(plan: Plan, history: int, brighter: Callable[[], str]) -> None:
    def fails(*_: Any) -> Any:
        raise ValueError("out of order")

    plan(STATED)
    assert plan(STATED, NOON + timedelta(hours=1), replace(LIGHTING, build=fails)).origin is PlanOrigin.RULES_ONLY
    brighter()
    record = plan(STATED, NOON + timedelta(hours=2), only_changed=True)
    assert (record.origin, "part" in record.detail) == (PlanOrigin.SOLVED, False)


def test_where_much_is_other_or_nothing_all_is_planned(plan: Plan, store: Store, history: int) -> None:
    plan(STATED)
    same = plan(STATED, NOON + timedelta(hours=1), only_changed=True)
    assert "part" not in same.detail
    other = STATED.model_copy(update={"holds": Holds(programs=2, switch_points=6)})
    assert "part" not in plan(other, NOON + timedelta(hours=2), only_changed=True).detail
    assert "part" not in plan(LINE, NOON + timedelta(hours=3), only_changed=True).detail
    assert "part" not in plan(STATED, NOON + DAY, only_changed=True).detail


def test_a_part_that_comes_to_nothing_leads_to_the_whole(
    plan: Plan, history: int, brighter: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> Any:
        raise ValueError("out of order")

    plan(STATED)
    brighter()
    monkeypatch.setattr("optimizers.lighting.solve_again", fails)
    record = plan(STATED, NOON + timedelta(hours=8), only_changed=True)
    assert (record.origin, "part" in record.detail) == (PlanOrigin.SOLVED, False)


@pytest.mark.parametrize("programs", [1, 2, 6])
def test_what_is_sent_in_a_switch_off_is_no_more_programs_than_a_gateway_takes(
    service: JobContext, store: Store, settings: Settings, history: int, programs: int
) -> None:
    """A lamp that is lit against an order only because programs are few stays so, and the alarm has said it; other
    wants of it are bound all the same.
    """
    connection = LINE.model_copy(update={"holds": Holds(programs=programs, switch_points=8)})
    orders = {"orders": (cut(),), "tables": lighting_in(settings)}
    territory = replace(service.territory, connections=(connection,), **orders)
    result = run_plan(store, territory, LIGHTING, NOON, settings)
    problem, rows = flux(store, result.record)
    points = [f"{lamp}/illuminanceLevel" for lamp in problem.lamps]
    sent: dict[str, set[Any]] = {}
    with store.read() as unit:
        newest = unit.commands.newest(points)
    for point, keeper in zip(points, problem.holders.of, strict=True):
        sent.setdefault(problem.holders.names[keeper], set()).add(newest[point].program.steps)
    assert max(map(len, sent.values())) <= programs

    unkept = result.record.detail["unkept"]["cut"]
    two = 4 * 14
    lit = {point for point, row, most in zip(points, rows, problem.ceiling, strict=True) if row[two] > most[two] + 1e-9}
    assert set(unkept) <= lit
    point = unkept[0]
    with store.begin() as unit:
        program = Program.constant(1.0, NOON + timedelta(hours=13), NOON + timedelta(hours=15))
        unit.slots.put([Slot(point, Level.RULE, "rule", program, NOON, "", "more light")])
        settle_points(unit, territory, [point], NOON + timedelta(hours=13))
        told = unit.commands.newest([point])[point].program.at(NOON + timedelta(hours=14))
    assert told is not None
    assert told < 1.0
