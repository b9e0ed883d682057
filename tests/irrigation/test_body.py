"""A plan's body: the same bytes again, what `why` reads from it, and the programs it becomes."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from engine.instants import noon
from engine.model import Level
from jobs.irrigation.body import body, explain, in_force_at, open_body, with_plan
from jobs.irrigation.fallback import threshold
from jobs.irrigation.notes import notes
from jobs.irrigation.setpoints import to_setpoints
from jobs.irrigation.task import Behind, IrrigationTask
from optimizers.irrigation import Budgets, IrrigationPlan, solve
from tests.irrigation.ground import DAY, DAYS, EVENING, task_of, valve, watering, zones_of

START, UNTIL = noon(DAY), noon(DAY + timedelta(days=1))
MIDNIGHT = START + timedelta(hours=12)


def asked(**more: Any) -> IrrigationTask:
    zones = zones_of(valve("dry"), valve("moist"), valve("wrong", area_m2=1.0))
    return task_of(zones, [0.7, 0.0], **more)


@pytest.fixture
def task() -> IrrigationTask:
    return asked()


@pytest.fixture
def plan(task: IrrigationTask) -> IrrigationPlan:
    return solve(task.problem)


@pytest.fixture
def block(task: IrrigationTask, plan: IrrigationPlan) -> bytes:
    return body(task, plan)


def test_the_same_task_and_plan_give_the_same_bytes(task: IrrigationTask, plan: IrrigationPlan, block: bytes) -> None:
    assert body(task, plan) == block
    assert body(asked(), solve(asked().problem)) == block


def test_it_holds_the_problem_and_the_openings(task: IrrigationTask, plan: IrrigationPlan, block: bytes) -> None:
    found = open_body(block)

    assert (found.start, found.until, found.at) == (START, UNTIL, EVENING)
    assert found.valves == ("dry", "moist")
    assert np.array_equal(found.problem.scenarios.etc_mm, task.problem.scenarios.etc_mm)
    assert [(v, (a - START).total_seconds(), (b - START).total_seconds()) for v, a, b in found.openings] == [
        ("dry", start, end) for start, end in zip(plan.start_s.tolist(), plan.end_s.tolist(), strict=True)
    ]
    assert found.planned_m3 == pytest.approx({"dry": plan.cycles[0] * 1.5, "moist": 0.0})


def test_what_plants_will_lack_is_what_the_plan_leaves_them(task: IrrigationTask, block: bytes) -> None:
    found = open_body(block)
    zones, weather = found.problem.hydrozones, found.problem.scenarios
    depletion = zones.depletion_mm + weather.etc_mm[0, 0] - weather.rain_mm[0, 0] - found.cycles * zones.cycle_mm

    assert found.expected_lack_mm.shape == (DAYS, 2)
    assert found.expected_lack_mm[0] == pytest.approx(np.maximum(np.maximum(depletion, 0) - task.raw_mm, 0))


def test_a_body_with_another_plan_is_the_body_of_that_plan(task: IrrigationTask, block: bytes) -> None:
    other = solve(asked(rain_mm=[[40.0] * DAYS]).problem)

    assert with_plan(block, other) == body(task, other)
    assert with_plan(block, other) != block
    with pytest.raises(ValueError, match="a plan of 1 hydrozones, wants the 2 of the body"):
        with_plan(block, solve(task_of(zones_of(valve("dry"))).problem))


def test_a_task_of_no_night_has_no_body(plan: IrrigationPlan) -> None:
    with pytest.raises(ValueError, match="of which night"):
        body(asked(behind=None), plan)


def test_valves_are_closed_but_in_their_openings_and_at_the_end(plan: IrrigationPlan, block: bytes) -> None:
    slots = {slot.point: slot for slot in to_setpoints(block, "v1", EVENING)}

    assert set(slots) == {"dry/opening", "moist/opening", "wrong/opening"}
    dry = slots["dry/opening"]
    assert (dry.level, dry.source, dry.version) == (Level.DAY_AHEAD_PLAN, "plan:irrigation", "v1")
    assert (dry.program.start, dry.program.until) == (START, UNTIL)
    assert dry.program.steps[0] == (START, 0.0)
    assert dry.program.steps[-1][1] == 0.0
    for start, end in zip(plan.start_s.tolist(), plan.end_s.tolist(), strict=True):
        middle = START + timedelta(seconds=(start + end) / 2)
        assert dry.program.at(middle) == 1.0
    assert dry.program.at(START + timedelta(seconds=float(plan.end_s[-1]))) == 0.0
    assert slots["moist/opening"].program.steps == ((START, 0.0),)
    assert slots["wrong/opening"].program.steps == ((START, 0.0),)
    assert slots["wrong/opening"].reason.startswith("left out, it stays closed: 3 m³/h on 1 m²")


def test_openings_that_touch_are_one_and_one_that_ends_the_night_ends_with_it() -> None:
    late = 24 * 3600.0
    done = (("dry", 100.0, 200.0), ("dry", 200.0, 300.0), ("moist", late - 60.0, late))
    task = asked(behind=Behind(START, UNTIL, EVENING, done=done))
    nothing = solve(asked(rain_mm=[[80.0] * DAYS]).problem)
    slots = {slot.point: slot.program.steps for slot in to_setpoints(body(task, nothing), "v1", EVENING)}

    before = [START, START + timedelta(seconds=100), START + timedelta(seconds=300)]
    assert slots["dry/opening"][:3] == tuple(zip(before, (0.0, 1.0, 0.0), strict=True))
    assert slots["moist/opening"] == ((START, 0.0), (START + timedelta(seconds=late - 60), 1.0))


def test_of_a_night_that_has_begun_what_is_over_stays_and_what_is_open_is_closed(block: bytes) -> None:
    openings = open_body(block).openings
    _, first, first_end = openings[0]
    amid = first + (first_end - first) / 2

    assert in_force_at(openings, amid) == [("dry", first, amid)]
    assert in_force_at(openings, first) == []


def test_why_says_what_is_known_of_soil_weather_and_hours(block: bytes) -> None:
    found = open_body(block)
    valve_, start, end = found.openings[0]
    told = explain(block, f"{valve_}/opening", start)

    assert told["open"] is True
    assert explain(block, f"{valve_}/opening", end)["open"] is (found.openings[1][1] == end)
    assert told["openings"][0] == [start.isoformat().replace("+00:00", "Z"), end.isoformat().replace("+00:00", "Z")]
    assert told["depletion_mm"] == pytest.approx(0.7 * told["taw_mm"], abs=0.01)
    assert (told["sd_mm"], told["cycle_s"], told["cycle_m3"]) == (2.0, 1800.0, 1.5)
    assert (told["probe"], told["probe_verdict"]) == (None, None)
    assert told["et0_mm"] == [4.7] * DAYS
    assert told["rain_mm"] == [0.0] * DAYS
    assert told["one_more_eur"] > 0
    assert told["one_less_eur"] > 0, "it is the cheapest number of cycles"
    assert "no_more_for" not in told
    assert told["reason"]["en"].startswith(f"{told['cycles']} × 30 min, ")
    assert told["reason"]["fr"].startswith(f"{told['cycles']} × 30 min, ")
    assert "usual hours 22:00–06:00" in told["bounded_by"]["en"]
    assert "heures habituelles 22:00–06:00" in told["bounded_by"]["fr"]


def test_why_of_what_is_not_watered_left_out_or_not_of_the_plan(block: bytes) -> None:
    assert explain(block, "moist/opening", MIDNIGHT)["reason"]["en"].startswith("not watered: it lacks 0.0 of 39.0 mm")
    assert explain(block, "wrong/opening", MIDNIGHT)["reason"]["fr"].startswith("laissée de côté")
    assert explain(block, "other/opening", MIDNIGHT) == {}
    assert explain(block, "dry/opening", UNTIL) == {}
    assert explain(block, "dry/opening", START - timedelta(seconds=1)) == {}


def test_notes_tell_the_water_beside_the_timers_and_who_is_left_out(block: bytes, plan: IrrigationPlan) -> None:
    lines = [note.text["en"] for note in notes(block)]

    usual = 2 * 0.85 * 4.70 / 0.70 * 0.250
    assert lines[0] == (
        f"{plan.cycles[0] * 1.5:.1f} m³ planned for 1 of 2 hydrozones; the monthly timer gives {usual:.1f} m³."
    )
    assert lines[-1].startswith("Hydrozones left out, they stay closed: 1 (wrong).")
    assert not any(note.gives_way for note in notes(block))


def test_a_budget_that_leaves_plants_dry_gives_way_as_people_have_decided() -> None:
    zones = zones_of(valve("V"))
    night = watering(zones)
    budgets = Budgets(
        names=("half of usual water",), limit_m3=np.array([1.5]), member=np.ones((1, 1), np.bool_),
        nights=np.ones((1, DAYS), np.bool_),
    )  # fmt: skip
    task = task_of(zones, 0.9)
    short = replace(
        task, watering=replace(night, budgets=budgets), problem=replace(task.problem, budgets=budgets)
    )  # fmt: skip
    block = body(short, threshold(short))

    found = [note for note in notes(block) if note.gives_way]
    assert len(found) == 1
    assert "the water of half of usual water is used up" in found[0].text["en"]
    assert "water counted by half of usual water" in found[0].text["en"]
    assert "eau comptée par half of usual water" in found[0].text["fr"]
