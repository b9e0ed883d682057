"""Budgets as experts write them: what is refused, whose they are, how far light gives way, and what is told of it."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engine.errors import InputError
from engine.instants import noon
from engine.model import Asset
from engine.setpoints.events import Event
from jobs.lighting import LightingTask, body, explain, load_tables
from jobs.lighting.around import Around
from jobs.lighting.body import open_body, read_body
from jobs.lighting.budget_entries import BudgetEntry
from jobs.lighting.budgets import Budgets, budgets_of
from jobs.lighting.fallback import shift, without_plan
from jobs.lighting.night import night_of
from jobs.lighting.setpoints import to_setpoints
from jobs.lighting.spent import notes
from jobs.lighting.tables import LightingTables
from optimizers.lighting import LightingPlan, check, lamp_energy_wh, power_w, solve
from optimizers.result import Status
from tests.lighting.test_jobs import DAY, NOON, TABLES, WRITTEN, lamp, task_of

FILE = Path(__file__).resolve().parents[2] / "datasets" / "reference" / "lighting.yaml"
ENTRY: dict[str, Any] = {
    "id": "winter",
    "authority": {"fr": "conseil", "en": "council"},
    "number": "7",
    "dated": "2026-10-12",
    "text": {"fr": "sobriété", "en": "savings"},
    "from": "2026-11-01",
    "until": "2027-03-31",
    "energy_kwh": 1.0,
    "gives_way": 1,
}
STREET = [lamp(f"L-{i}", order=i, crossing=i == 5, class_normal="C4" if i == 5 else "M4") for i in range(6)]


def entry(**changes: Any) -> BudgetEntry:
    return BudgetEntry.model_validate({k: v for k, v in (ENTRY | changes).items() if v is not None})


def tables(*entries: BudgetEntry, **changes: Any) -> LightingTables:
    return TABLES.model_copy(update={"budgets": entries} | changes)


def territory(lamps: list[Asset] = STREET, *others: Asset) -> Any:
    assets = [*lamps, *others]
    of_type = lambda kind: [one for one in assets if one.type == kind]
    return SimpleNamespace(assets=assets, communes={"Z-1": "49020", "Z-2": "49007"}, of_type=of_type)


def asked(*entries: BudgetEntry, lamps: list[Asset] = STREET, **changes: Any) -> LightingTask:
    chosen = tables(*entries)
    budgets = budgets_of(territory(lamps), chosen, night_of(NOON, chosen))
    return task_of(lamps, tables=chosen, budgets=budgets, **changes)


def needed_kwh(lamps: list[Asset] = STREET) -> float:
    task = task_of(lamps)
    return float(lamp_energy_wh(task.problem, solve(task.problem).flux).sum()) / 1000


class TestFile:
    def test_the_shipped_file_has_none(self) -> None:
        assert (TABLES.budgets, TABLES.fleet_programs) == ((), None)

    def test_the_example_in_the_file_is_one(self, tmp_path: Path) -> None:
        text = FILE.read_text()
        block = text[text.index("#   - id: winter-49020") : text.index("budgets: []")]
        told = "\n".join(line.removeprefix("#") for line in block.splitlines())
        path = tmp_path / "lighting.yaml"
        path.write_text(text.replace("budgets: []", f"budgets:\n{told}"))
        (found,) = load_tables(path).budgets
        assert (found.id, found.energy_kwh, found.peaks[0].kw, found.gives_way) == ("winter-49020", 300, 4, 1)
        assert found.english == (
            "winter savings (municipal council of Beaucouzé, decision 2026-044 of 2026-10-12, until 2027-03-31)"
        )

    def test_everything_wrong_is_said_at_once_with_its_place(self, tmp_path: Path) -> None:
        wrong = """budgets:
  - {id: A b, authority: {fr: a, en: a}, number: "1", dated: 2026-01-01, text: {fr: t, en: t},
     from: 2026-02-01, until: 2026-01-01, energy_kwh: 300, gives_way: 1}
  - {id: b, authority: {fr: a, en: a}, number: "1", dated: 2026-01-01, text: {fr: t, en: t},
     from: 2026-01-01, until: 2026-02-01, gives_way: 0, energy_kwh: -3}
  - {id: c, authority: {fr: a, en: a}, text: {fr: t, en: t},
     from: 2026-01-01, until: 2026-02-01, gives_way: 1, peaks: [{kw: 4, hours: 18}]}
  - {id: d, authority: {fr: a, en: a}, number: "1", dated: 2026-01-01, text: {fr: t, en: t},
     from: 2026-01-01, until: 2026-02-01, gives_way: 1, place: {comunes: ["49020"]}}
fleet_programs: 0
"""
        path = tmp_path / "lighting.yaml"
        text = FILE.read_text().replace("budgets: []\n", wrong).replace("fleet_programs: null\n", "")
        path.write_text(text)
        with pytest.raises(InputError) as raised:
            load_tables(path)
        said = str(raised.value)
        for what in (
            "budgets.0.id", "budgets.1.gives_way", "budgets.1.energy_kwh", "'budgets.2.number' is missing",
            "'budgets.2.dated' is missing", "hours are two local times", "unknown key budgets.3.place.comunes",
            "fleet_programs: Input should be greater than or equal to 1",
        ):  # fmt: skip
            assert what in said.replace("'budgets.3.place.comunes'", "budgets.3.place.comunes"), what
        lines = [problem.line for problem in raised.value.problems]
        assert min(lines) >= text[: text.index("budgets:\n")].count("\n") + 1

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"energy_kwh": None}, "a budget bounds something"),
            ({"hours": "18:00-20:00"}, "hours are for peaks"),
            ({"dated": "2027-04-01"}, "after its end"),
            ({"until": "2026-10-31"}, "is before from"),
        ],
    )
    def test_what_makes_no_sense_together(self, changes: dict[str, Any], said: str) -> None:
        with pytest.raises(ValueError, match=said):
            entry(**changes)

    def test_an_id_that_stands_twice(self, tmp_path: Path) -> None:
        one = """  - {id: b, authority: {fr: a, en: a}, number: "1", dated: 2026-01-01, text: {fr: t, en: t},
     from: 2026-01-01, until: 2026-02-01, gives_way: 1, energy_kwh: 3}
"""
        path = tmp_path / "lighting.yaml"
        path.write_text(FILE.read_text().replace("budgets: []", "budgets:\n" + one + one))
        with pytest.raises(InputError, match="'b' is another budget's id → give each its own"):
            load_tables(path)


class TestWhose:
    def test_by_commune_zone_cabinet_and_what_lamps_are(self) -> None:
        feeder = Asset("F", "Feeder", "Z-1", -0.55, 47.47, parent="K")
        cabinet = Asset("K", "StreetlightControlCabinet", "Z-1", -0.55, 47.47)
        near, far = replace(lamp("near"), parent="F"), replace(lamp("far", road_class="local"), zone="Z-2")
        places = {
            "all": {},
            "commune": {"communes": ["49007"]},
            "zone": {"zones": ["Z-1"]},
            "cabinet": {"cabinets": ["K"]},
            "either": {"cabinets": ["K"], "communes": ["49007"]},
            "local": {"where": {"road_class": "local"}},
            "cabinet-local": {"cabinets": ["K"], "where": {"road_class": "local"}},
        }
        chosen = tables(*(entry(id=name, place=place) for name, place in places.items()))
        found = budgets_of(territory([near, far], feeder, cabinet), chosen, night_of(NOON, chosen))
        assert {name: sorted(found.lamps[name]) for name in places} == {
            "all": ["far", "near"], "commune": ["far"], "zone": ["near"], "cabinet": ["near"],
            "either": ["far", "near"], "local": ["far"], "cabinet-local": [],
        }  # fmt: skip
        assert [one.id for one in found.entries][:4] == ["cabinet", "commune", "local", "zone"]
        assert found.reasons == ("budget cabinet-local is of no lamp",)

    @pytest.mark.parametrize(
        ("day", "days", "held"),
        [
            (date(2026, 10, 31), None, False),
            (date(2026, 11, 1), None, True),
            (date(2027, 3, 31), None, True),
            (date(2027, 4, 1), None, False),
            (date(2026, 11, 25), ["wed"], True),
            (date(2026, 11, 25), ["thu"], False),
        ],
    )
    def test_in_the_nights_that_begin_on_its_days(self, day: date, days: list[str] | None, held: bool) -> None:
        chosen = tables(entry(days=days))
        found = budgets_of(territory(), chosen, night_of(noon(day), chosen))
        assert bool(found.entries) is held


class TestPlan:
    def test_light_gives_way_by_a_class_at_most_and_never_at_a_crossing(self) -> None:
        task = asked(entry(energy_kwh=0.8 * needed_kwh()))
        problem = task.problem
        assert problem.budget is not None
        assert problem.shares is None
        assert problem.budget.energy_wh == pytest.approx(800 * needed_kwh())
        lower = problem.budget.relaxed
        np.testing.assert_array_equal(lower[5], problem.floor[5])
        night = task.night.burning
        given = task.tables.families["M"].delivered(task.fleet.level_full[:5, None] * lower[:5])[:, night]
        most = np.minimum(task.need.number[:5, night] + 1, 6)
        np.testing.assert_array_equal(given, most)

    def test_the_least_of_several_budgets_holds(self) -> None:
        two, one = entry(id="two", gives_way=2), entry(id="one", gives_way=1, place={"assets": ["L-0"]})
        task = asked(two, one)
        assert task.problem.budget is not None
        far, near = task.problem.budget.relaxed[1], task.problem.budget.relaxed[0]
        busy = task.need.number[0] == 4
        assert (far[busy & task.night.burning] < near[busy & task.night.burning]).all()
        assert task.problem.shares is not None
        assert task.problem.shares.names == ("one",)

    def test_what_an_event_asks_for_does_not_give_way(self) -> None:
        fair = Event("fair", "fair", "fête", classes=1, start=DAY, until=DAY)
        around = Around(events={"L-0": (fair,)})
        task = asked(entry(), around=around)
        assert task.problem.budget is not None
        lit = task.need.raised_by[0] >= 2
        assert lit.any()
        np.testing.assert_array_equal(task.problem.budget.relaxed[0, lit], task.problem.floor[0, lit])
        falls = lit & (task.need.number[1] < 6)  # M6 is the dimmest
        assert (task.problem.budget.relaxed[1, falls] < task.problem.floor[1, falls]).all()

    def test_a_peak_binds_the_quarters_that_its_hours_touch(self) -> None:
        task = asked(entry(energy_kwh=None, peaks=[{"kw": 0.2, "hours": "18:05-20:00"}, {"kw": 0.4}]))
        assert task.problem.budget is not None
        peak = dict(zip([f"{at:%H:%M}" for at in task.night.local], task.problem.budget.peak_w, strict=True))
        assert (peak["17:45"], peak["18:00"], peak["19:45"], peak["20:00"]) == (400, 200, 200, 400)

    def test_weights_of_streets(self) -> None:
        heavy = {"place": {"assets": ["L-1"]}, "weight": 3.0}
        task = asked(entry(weights=[heavy, {"place": {"where": {"road_class": "main"}}, "weight": 2.0}]))
        assert task.problem.budget is not None
        assert task.problem.budget.weight.tolist() == [2, 3, 2, 2, 2, 2]

    def test_programs_of_all_together(self) -> None:
        task = task_of(STREET, tables=tables(fleet_programs=2))
        assert task.problem.holders is not None
        assert task.problem.holders.fleet_programs == 2
        plan = solve(task.problem)
        assert len(np.unique(plan.flux, axis=0)) <= 2
        assert check(task.problem, plan) == []


def planned(share: float, **changes: Any) -> tuple[LightingTask, LightingPlan, bytes]:
    task = asked(entry(energy_kwh=share * needed_kwh(), **changes))
    plan = solve(task.problem)
    return task, plan, body(task, plan)


class TestTold:
    def test_what_is_sent_keeps_the_budget_steps_ramps_and_crossings(self) -> None:
        _, plan, block = planned(0.9)
        problem, flux = read_body(block)
        assert plan.unit == "Wh given up"
        assert float(lamp_energy_wh(problem, flux).sum()) <= 900 * needed_kwh()
        given = float(np.clip(problem.floor - flux, 0, None).sum())
        assert given > 0
        sent = replace(plan, flux=flux)
        assert {v.constraint for v in check(problem, sent)} <= {"given up", "objective", "energy", "holder energy"}
        np.testing.assert_array_less(problem.floor[5] - 1e-9, flux[5])

    def test_lamps_classes_and_kwh_are_told_in_both_languages(self) -> None:
        _, _, block = planned(0.9)
        (note,) = notes(block)
        assert note.gives_way
        assert "winter" in note.text["en"]
        assert "decision 7 of 2026-10-12, until 2027-03-31" in note.text["en"]
        assert re.search(r"5 of 6 lamps give way for .* kWh \(classes at most: 1\)", note.text["en"])
        assert "5 lampes sur 6 cèdent" in note.text["fr"]
        problem, flux = read_body(block)
        less = lamp_energy_wh(problem, np.maximum(problem.floor, flux)).sum() - lamp_energy_wh(problem, flux).sum()
        assert open_body(block).head["budgets"][0]["saved_wh"] == pytest.approx(less)

    def test_why_names_the_budget_and_the_class_that_is_given(self) -> None:
        task, _, block = planned(0.9)
        found = open_body(block)
        lamp_, slot = map(int, np.argwhere(found.columns["budget_by"])[0])
        said = explain(block, f"L-{lamp_}/illuminanceLevel", task.night.slots[slot])
        assert said["flux"] < said["floor"]
        assert said["class_given"] in {"M5", "M6"}
        assert said["gives_way"]["en"].startswith(f"{said['class_given']} only, for winter: savings (council")
        assert said["gives_way"]["fr"].startswith(f"{said['class_given']} seulement, pour winter : sobriété")
        assert not said["held_by"][0].startswith("unknown")
        assert "gives_way" not in explain(block, "L-5/illuminanceLevel", task.night.slots[slot])
        reasons = {one.point: one.reason for one in to_setpoints(block, "v", WRITTEN)}
        assert reasons[f"L-{lamp_}/illuminanceLevel"].endswith("; gives way for winter")
        assert "gives way" not in reasons["L-5/illuminanceLevel"]

    def test_a_budget_that_is_enough_takes_no_light(self) -> None:
        _, plan, block = planned(1.01)
        (note,) = notes(block)
        assert (note.gives_way, plan.unit) == (False, "Wh")
        assert note.text["en"].endswith("No light gives way.")
        assert not open_body(block).columns["budget_by"].any()

    def test_a_budget_that_cannot_be_kept_says_what_to_decide(self) -> None:
        _, plan, block = planned(0.3)
        assert plan.status is Status.BEST_EFFORT
        (note,) = notes(block)
        assert "It cannot be kept by as much light as may give way" in note.text["en"]

    def test_a_peak_is_told_with_its_hour(self) -> None:
        free = task_of(STREET)
        watts = power_w(free.problem, solve(free.problem).flux).max()
        task = asked(entry(energy_kwh=None, peaks=[{"kw": 0.95 * watts / 1000, "hours": "18:00-20:00"}]))
        block = body(task, solve(task.problem))
        (note,) = notes(block)
        assert note.gives_way
        assert any(f"kW at {hour}:" in note.text["en"] for hour in (18, 19))
        by = open_body(block).columns["budget_by"]
        hours = {at.hour for at, gave in zip(task.night.local, by.any(axis=0), strict=True) if gave}
        assert hours <= {17, 18, 19, 20}

    def test_the_smaller_budget_that_is_used_up_is_named(self) -> None:
        free = task_of(STREET)
        own = float(lamp_energy_wh(free.problem, solve(free.problem).flux)[0]) / 1000
        task = asked(
            entry(id="all", energy_kwh=100.0), entry(id="one", energy_kwh=0.9 * own, place={"assets": ["L-0"]})
        )
        block = body(task, solve(task.problem))
        found = open_body(block)
        named = {found.head["budgets"][k - 1]["id"] for k in np.unique(found.columns["budget_by"]).tolist() if k}
        assert named == {"one"}
        assert [note.gives_way for note in notes(block)] == [True, True]  # of the lamps of either, one gives way


class TestFallBack:
    def test_without_a_solver_the_light_stays_and_the_budget_is_said_to_be_passed(self) -> None:
        chosen = tables(entry(energy_kwh=0.5 * needed_kwh()))
        budgets = budgets_of(territory(), chosen, night_of(NOON, chosen))
        task, plan = without_plan(STREET, tables=chosen, start_at=NOON, quantile=0.9, budgets=budgets)
        assert plan.status is Status.BEST_EFFORT
        assert [(v.constraint, v.object) for v in plan.violations] == [("energy budget", "plan")]
        assert (plan.flux >= task.problem.floor - 1e-9).all()
        assert check(task.problem, plan) == list(plan.violations)

    def test_without_a_solver_all_together_follow_as_few_programs(self) -> None:
        lamps = [lamp(f"L-{i}", segment=f"S-{i}", luminance_full=1.0 + i / 10) for i in range(5)]
        chosen = tables(fleet_programs=2)
        task, plan = without_plan(lamps, tables=chosen, start_at=NOON, quantile=0.9)
        assert len(np.unique(plan.flux, axis=0)) == 2
        assert check(task.problem, plan) == []

    def test_a_plan_in_which_light_gave_way_can_be_shifted(self) -> None:
        task, _, block = planned(0.9)
        plan = shift(task, block)
        assert plan.given_up > 0
        assert check(task.problem, plan) == []


def test_budgets_without_lamps_ask_nothing() -> None:
    assert Budgets().of(["L-0"]).shape == (0, 1)
    assert task_of(STREET).problem.budget is None
