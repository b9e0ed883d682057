"""What a street needs beside its traffic: on a wet road, on evenings of events, and under orders."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.instants import noon
from engine.model import Asset
from engine.setpoints.events import Event
from engine.setpoints.orders import Order
from jobs.lighting import LightingTask, body, explain, read_body
from jobs.lighting.around import Around
from jobs.lighting.conflicts import conflicts
from jobs.lighting.fallback import shift, without_plan
from jobs.lighting.keeping import levels_left
from optimizers.arrays import Bools, Floats
from optimizers.lighting import Holders, check, solve
from optimizers.result import Status
from tests.lighting.test_jobs import DAY, NOTHING, TABLES, at_local, lamp, task_of

SUMMER_TIME_ENDS, SUMMER_TIME_BEGINS = date(2026, 10, 24), date(2026, 3, 28)
CROSSING = "L-3"
STREET = [lamp(f"L-{i}", order=i, crossing=f"L-{i}" == CROSSING) for i in range(8)]
NAMES = [one.id for one in STREET]
CUT = Order("cut", "night switch-off", at_most=0.0, hours=(time(23, 30), time(5, 30)), text_fr="coupure de nuit")
MARKET = Event("market", "Christmas market", "marché de Noël", 1, hours=(time(20), time(23, 50)))


def under(*orders: Order, lamps: list[Asset] = STREET, **changes: Any) -> LightingTask:
    return task_of(lamps, around=Around(orders={one.id: orders for one in lamps}), **changes)


def held(*events: Event, orders: tuple[Order, ...] = (), lamps: list[Asset] = STREET, **changes: Any) -> LightingTask:
    lifted = tuple(replace(one, lifted=tuple(e for e in events if one.id in e.lifts)) for one in orders)
    around = Around(events={one.id: events for one in lamps}, orders={one.id: lifted for one in lamps})
    return task_of(lamps, around=around, **changes)


def planned(task: LightingTask) -> Floats:
    plan = solve(task.problem)
    owned = {(one.constraint, one.object) for one in plan.violations}
    assert {(one.constraint, one.object) for one in check(task.problem, plan)} == owned
    return plan.flux


def within(task: LightingTask, begins: time, ends: time) -> Bools:
    """Slots between two local times, over midnight."""
    inside = [begins <= at.time() or at.time() < ends for at in task.night.local]
    return np.array(inside, np.bool_) & task.night.burning


class TestWetRoad:
    def test_no_lamp_is_under_its_normal_class_while_it_is_wet(self) -> None:
        dry = task_of()
        wet = np.zeros(len(dry.night.slots), np.bool_)
        wet[at_local(dry, 1) : at_local(dry, 4)] = True
        task = task_of(around=Around(wet=wet))
        assert [dry.classes[0, at_local(dry, hour)] for hour in (0, 2, 4)] == ["M6", "M6", "M6"]
        assert [task.classes[0, at_local(task, hour)] for hour in (0, 2, 4)] == ["M6", "M4", "M6"]
        assert (task.need.number[:, wet] == task.fleet.number[:, None]).all()
        np.testing.assert_array_equal(task.need.flux[:, ~wet], dry.need.flux[:, ~wet])

    @settings(max_examples=20, deadline=None)
    @given(st.integers(0, 2**96 - 1), st.booleans())
    def test_rain_never_dims_anything(self, bits: int, cut: bool) -> None:
        wet = np.array([bits >> t & 1 for t in range(96)], np.bool_)
        orders = {one.id: (CUT,) for one in STREET} if cut else {}
        dry, rainy = (task_of(STREET, around=Around(wet=w, orders=orders)) for w in (None, wet))
        assert (rainy.need.flux >= dry.need.flux).all()
        assert (solve(rainy.problem).flux >= solve(dry.problem).flux - 1e-12).all()

    def test_why_tells_of_it_in_both_languages(self) -> None:
        task = task_of(around=Around(wet=np.ones(96, np.bool_)))
        told = explain(body(task, solve(task.problem)), "L-0/illuminanceLevel", task.night.slots[at_local(task, 2)])
        assert told["raised_by"] == {
            "en": "a wet road: the normal class at least",
            "fr": "chaussée mouillée : au moins la classe normale",
        }
        assert "order" not in told


class TestEvents:
    @pytest.mark.parametrize(
        ("classes", "at_21", "at_2"), [(0, "M4", "M6"), (1, "M3", "M6"), (2, "M2", "M6"), (6, "M1", "M6")]
    )
    def test_so_many_classes_above_the_normal_one(self, classes: int, at_21: str, at_2: str) -> None:
        task = held(replace(MARKET, classes=classes))
        assert [task.classes[0, at_local(task, hour)] for hour in (21, 2)] == [at_21, at_2]

    def test_full_light(self) -> None:
        task = held(replace(MARKET, classes=None))
        assert (task.need.flux[:, at_local(task, 21)] == 1).all()
        assert (task.need.flux[:, at_local(task, 2)] < 1).all()

    def test_a_slot_that_it_touches_is_brighter(self) -> None:
        task = held(MARKET)
        assert task.classes[0, at_local(task, 23, 45)] == "M3"
        assert task.classes[0, at_local(task, 0)] == "M6"

    def test_only_where_it_is_held(self) -> None:
        task = task_of(STREET, around=Around(events={"L-0": (MARKET,)}))
        assert task.classes[:2, at_local(task, 21)].tolist() == ["M3", "M5"]

    @pytest.mark.parametrize(
        ("day", "slots"), [(SUMMER_TIME_BEGINS, 0), (SUMMER_TIME_ENDS, 8), (date(2026, 11, 25), 4)]
    )
    def test_from_two_to_three_by_the_clock(self, day: date, slots: int) -> None:
        task = held(Event("late", "late", "tard", None, hours=(time(2), time(3))), start_at=noon(day), history=NOTHING)
        assert int((task.need.flux[0] == 1).sum()) == slots

    @settings(max_examples=20, deadline=None)
    @given(
        st.sampled_from([None, 0, 1, 3]), st.times(), st.times(), st.booleans(), st.booleans(),
        st.sampled_from([None, "lit", "dark"]),
    )  # fmt: skip
    def test_an_event_never_dims_anything(
        self, classes: int | None, begins: time, ends: time, cut: bool, lifts: bool, crossings: Any
    ) -> None:
        event = Event("e", "e", "e", classes, frozenset({"cut"} if lifts else ()), hours=(begins, ends))
        orders = (replace(CUT, crossings=crossings),) if cut else ()
        quiet, loud = held(orders=orders), held(event, orders=orders)
        assert (loud.need.flux >= quiet.need.flux).all()
        assert (loud.need.ceiling >= quiet.need.ceiling - 1e-12).all()

    def test_it_lifts_the_orders_that_it_names_and_no_others(self) -> None:
        late = replace(MARKET, hours=(time(22), time(2)), classes=0)
        for event, lit in ((late, False), (replace(late, lifts=frozenset({"cut"})), True)):
            task = held(event, orders=(CUT,))
            assert (task.need.flux[0, at_local(task, 1)] > 0) == lit
            assert task.need.flux[0, at_local(task, 3)] == 0

    def test_why_names_it(self) -> None:
        task = held(MARKET)
        told = explain(body(task, solve(task.problem)), "L-0/illuminanceLevel", task.night.slots[at_local(task, 21)])
        assert told["raised_by"] == {"en": "event: Christmas market", "fr": "événement : marché de Noël"}


class TestSwitchOff:
    def test_a_street_is_dark_and_nothing_ramps_to_it(self) -> None:
        task = under(CUT, lamps=[lamp("L-0"), lamp("L-1", order=1)])
        flux, off = planned(task), within(task, time(23, 30), time(5, 30))
        assert (flux[:, off] == 0).all()
        assert (flux[:, task.night.burning & ~off] > 0).all()
        assert solve(task.problem).status is Status.OPTIMAL

    def test_what_it_covers_in_part_is_left_to_settling(self) -> None:
        task = under(replace(CUT, hours=(time(23, 40), time(5, 20))), lamps=[lamp("L-0")])
        assert task.need.flux[0, at_local(task, 23, 30)] > 0
        assert task.need.flux[0, at_local(task, 23, 45)] == 0
        assert task.need.flux[0, at_local(task, 5)] == 0
        assert task.need.flux[0, at_local(task, 5, 15)] > 0

    @pytest.mark.parametrize(("day", "slots"), [(SUMMER_TIME_BEGINS, 20), (SUMMER_TIME_ENDS, 28), (DAY, 24)])
    def test_as_long_as_the_clock_says(self, day: date, slots: int) -> None:
        task = under(CUT, lamps=[lamp("L-0")], start_at=noon(day), history=NOTHING)
        assert int((task.need.ceiling[0] == 0).sum()) == slots
        assert int((task.need.flux[0, task.night.burning] == 0).sum()) == slots

    def test_a_crossing_stays_lit_and_the_street_falls_off_beside_it(self) -> None:
        task = under(CUT)
        flux, t = planned(task), at_local(task, 2)
        np.testing.assert_allclose(flux[:, t], [0, 0.19, 0.44, 0.69, 0.44, 0.19, 0, 0], atol=1e-9)
        plan = solve(task.problem)
        assert plan.status is Status.BEST_EFFORT
        assert {one.object for one in plan.violations} == {"L-1", "L-2", "L-3", "L-4", "L-5"}
        worst = plan.violations[0]
        assert (worst.constraint, worst.object) == ("ceiling", CROSSING)
        assert f"floor {CROSSING} slot " in worst.detail

    def test_the_conflict_names_the_order_the_crossing_and_what_to_decide(self) -> None:
        task = under(CUT)
        (found,) = conflicts(body(task, solve(task.problem)))
        assert found.order == "cut"
        assert (found.detail["crossings"], found.detail["streets"], found.detail["beside"]) == ([CROSSING], [], 4)
        assert found.detail["chain"][0] == f"order cut at 0 for {CROSSING}"
        assert found.detail["chain"][-1].startswith(f"floor {CROSSING} at ")
        assert "cut (night switch-off) would darken crossings: 1 (L-3)." in found.detail["about"]["en"]
        assert "cut (coupure de nuit) éteindrait des passages : 1 (L-3)." in found.detail["about"]["fr"]
        for lang in ("en", "fr"):
            assert "crossings: lit" in found.detail["action"][lang]

    def test_lamps_that_nobody_needs_and_that_are_lit_all_the_same_are_told_as_such(self) -> None:
        task = under(CUT, lamps=[lamp("L-0"), lamp("L-1", order=1)])
        plan = solve(task.problem)
        lit = replace(plan, flux=np.where(task.night.burning, np.maximum(plan.flux, 0.2), 0.0))
        (found,) = conflicts(body(task, lit))
        assert (found.detail["crossings"], found.detail["streets"], found.detail["beside"]) == ([], [], 2)
        assert "2 lamps stay lit against it" in found.detail["about"]["en"]

    def test_why_tells_of_the_order_and_that_it_is_not_kept(self) -> None:
        task = under(CUT)
        block, at = body(task, solve(task.problem)), task.night.slots[at_local(task, 2)]
        lit, dark = explain(block, f"{CROSSING}/illuminanceLevel", at), explain(block, "L-0/illuminanceLevel", at)
        assert lit["order"]["fr"] == "non respecté, jusqu'à décision : cut : coupure de nuit"
        assert dark["order"]["en"] == "cut: night switch-off"
        assert (lit["ceiling"], dark["ceiling"], dark["flux"]) == (0, 0, 0)

    @pytest.mark.parametrize("day", [DAY, SUMMER_TIME_BEGINS, SUMMER_TIME_ENDS])
    @pytest.mark.parametrize("normal", ["M4", "M3"])
    def test_once_it_is_decided_that_crossings_are_lit_there_is_no_conflict(self, day: date, normal: str) -> None:
        lamps = [
            lamp(one.id, order=i, crossing=one.id == CROSSING, class_normal=normal) for i, one in enumerate(STREET)
        ]
        undecided = under(CUT, lamps=lamps, start_at=noon(day))
        task = under(replace(CUT, crossings="lit"), lamps=lamps, start_at=noon(day))
        plan = solve(task.problem)
        assert (plan.status, plan.violations) == (Status.OPTIMAL, ())
        assert conflicts(body(task, plan)) == []
        t = at_local(task, 4)
        np.testing.assert_allclose(plan.flux[:, t], solve(undecided.problem).flux[:, t], atol=1e-9)

    def test_once_it_is_decided_that_they_are_dark_they_are(self) -> None:
        task = under(replace(CUT, crossings="dark"))
        plan = solve(task.problem)
        assert (plan.flux[:, at_local(task, 2)] == 0).all()
        assert conflicts(body(task, plan)) == []

    def test_a_lamp_that_cannot_dim_beside_a_crossing_is_on(self) -> None:
        lamps = [lamp("L-0", crossing=True), lamp("L-1", order=1, dimmable=False, flux_curve="hps-a")]
        task = under(replace(CUT, crossings="lit"), lamps=lamps)
        plan = solve(task.problem)
        assert plan.violations == ()
        assert plan.flux[1, at_local(task, 2)] == 1

    @settings(max_examples=30, deadline=None)
    @given(st.data())
    def test_no_order_darkens_a_crossing_that_nobody_has_decided_on(self, data: st.DataObject) -> None:
        """Whatever else there is: other orders, events, rain, lamps that cannot dim, few programs of few switches."""
        crossing = st.lists(st.booleans(), min_size=6, max_size=6)
        crossings, dims = data.draw(crossing), data.draw(st.lists(st.booleans(), min_size=6, max_size=6))
        lamps = [
            lamp(f"L-{i}", order=i, crossing=crossings[i], class_normal="M4", dimmable=dims[i], flux_curve="led-a")
            for i in range(6)
        ]
        hours = st.tuples(st.times(), st.times())
        orders = tuple(
            Order(f"o-{k}", "o", at_most=data.draw(st.sampled_from([0.0, 0.123, 0.5])), hours=data.draw(hours),
                  streets=data.draw(st.sampled_from([None, "lit", "dim"])), crossings=data.draw(
                      st.sampled_from([None, "lit"])))
            for k in range(data.draw(st.integers(1, 3)))
        )  # fmt: skip
        events = (Event("e", "e", "e", data.draw(st.sampled_from([None, 0, 2])), hours=data.draw(hours)),)
        wet = np.array(data.draw(st.lists(st.booleans(), min_size=96, max_size=96)))
        around = Around(wet, {one.id: events for one in lamps}, {one.id: orders for one in lamps})
        task = task_of(lamps, around=around)
        if (most := data.draw(st.integers(0, 3))) > 0:
            rooms = np.array(most), np.array(data.draw(st.integers(2, 5)))
            holders = Holders(names=("C-1",), of=np.zeros(6, np.int64), programs=rooms[0], switch_points=rooms[1])
            task = replace(task, problem=replace(task.problem, holders=holders))
        flux = planned(task)
        needed = 0.69 - 1e-9
        assert (flux[np.array(crossings)][:, task.night.burning] >= needed).all()


class TestCeilings:
    HALF = Order("half", "half light", at_most=0.5, hours=(time(19), time(22)), text_fr="demi")

    def test_above_a_class_it_is_simply_kept(self) -> None:
        task = under(replace(self.HALF, at_most=0.7), lamps=[lamp("L-0")])
        assert solve(task.problem).violations == ()
        assert task.need.ceiling[0, at_local(task, 20)] == 0.7

    def test_below_a_class_the_class_holds_and_is_told(self) -> None:
        task = under(self.HALF, lamps=[lamp("L-0"), lamp("L-1", order=1)])
        plan = solve(task.problem)
        assert plan.flux[0, at_local(task, 19, 30)] == 0.69
        (found,) = conflicts(body(task, plan))
        assert (found.detail["crossings"], found.detail["streets"]) == ([], ["L-0", "L-1"])
        assert "streets: lit or dim" in found.detail["action"]["en"]

    @pytest.mark.parametrize(("streets", "flux"), [("lit", 0.69), ("dim", 0.5)])
    def test_until_it_is_decided(self, streets: Any, flux: float) -> None:
        task = under(replace(self.HALF, streets=streets), lamps=[lamp("L-0")])
        plan = solve(task.problem)
        assert plan.violations == ()
        assert plan.flux[0, at_local(task, 19, 30)] == flux

    def test_what_the_law_steps_the_light_steps(self) -> None:
        bright = Event("e", "e", "e", None, hours=(time(22), time(23)))
        task = held(bright, orders=(replace(self.HALF, at_most=0.2, streets="dim"),), lamps=[lamp("L-0")])
        plan = solve(task.problem)
        assert plan.violations == ()
        assert [round(plan.flux[0, at_local(task, 21, m)], 2) for m in (0, 15, 30, 45)] == [0.2, 0.2, 0.2, 0.2]

    def test_it_is_rounded_down_to_the_grid_and_a_floor_up(self) -> None:
        task = under(replace(self.HALF, at_most=0.519, streets="dim"), lamps=[lamp("L-0")])
        assert task.need.ceiling[0, at_local(task, 20)] == 0.51
        floor = Order("f", "f", at_least=0.811, hours=(time(1), time(2)))
        assert under(floor, lamps=[lamp("L-0")]).need.flux[0, at_local(task, 1)] == 0.82

    def test_a_floor_binds_what_it_touches_by_night_only(self) -> None:
        task = under(Order("f", "f", at_least=0.8, hours=(time(14), time(1, 5))), lamps=[lamp("L-0")])
        flux = task.need.flux[0]
        assert flux[at_local(task, 14)] == 0
        assert (flux[at_local(task, 20)], flux[at_local(task, 1)]) == (0.8, 0.8)
        assert flux[at_local(task, 1, 15)] < 0.8

    def test_of_two_orders_the_lower_is_named(self) -> None:
        task = under(replace(CUT, id="zero"), self.HALF, replace(self.HALF, id="low", at_most=0.3, hours=None))
        by = task.need.bound_by[0]
        named = [task.need.orders[by[at_local(task, h)] - 1].id for h in (1, 20, 22)]
        assert named == ["zero", "low", "low"]


class TestKept:
    HALF = Order("half", "half", at_most=0.5)

    def left(self, order: Order, lamps: list[Asset] = STREET, covered: list[str] = NAMES) -> list[float]:
        return list(levels_left(lamps, TABLES, {order: covered})[order.id].values())

    def test_of_an_order_a_crossing_keeps_its_class_and_its_neighbours_the_fall_off(self) -> None:
        for crossings in (None, "lit"):
            left = self.left(replace(CUT, crossings=crossings))  # type: ignore[arg-type]
            np.testing.assert_allclose(left, [0, 0.19, 0.44, 0.69, 0.44, 0.19, 0, 0], atol=1e-9)
        assert self.left(replace(CUT, crossings="dark")) == [0] * 8

    def test_a_partial_order_leaves_the_class_until_it_says_dim(self) -> None:
        assert self.left(self.HALF) == [0.69] * 8
        assert self.left(replace(self.HALF, streets="dim", crossings="dark")) == [0] * 8
        assert self.left(replace(self.HALF, streets="dim"))[2:4] == [0.44, 0.69]

    def test_beyond_its_border_a_street_is_lit_and_falls_off_within(self) -> None:
        lamps = [lamp(one.id, order=i) for i, one in enumerate(STREET)]
        np.testing.assert_allclose(self.left(CUT, lamps, NAMES[2:]), [0.69, 0.69, 0.44, 0.19, 0, 0, 0, 0], atol=1e-9)
        task = task_of(lamps, around=Around(orders=dict.fromkeys(NAMES[2:], (CUT,))), history=NOTHING)
        plan = solve(task.problem)
        assert plan.violations == ()
        np.testing.assert_allclose(plan.flux[:5, at_local(task, 2)], [0.69, 0.69, 0.44, 0.19, 0], atol=1e-9)

    def test_a_lamp_that_cannot_be_read_keeps_full_light(self) -> None:
        wrong = [Asset("X", "Streetlight", "Z-1", 0, 0), lamp("Y", power_w=-1, crossing=False)]
        assert self.left(CUT, [*STREET, *wrong])[8:] == [1.0, 0.0]
        assert self.left(CUT, [*STREET, *wrong])[:8] == self.left(CUT)
        assert self.left(CUT, wrong, ["X", "Y"]) == [1.0, 0.0]

    def test_what_settling_leaves_is_what_was_planned(self) -> None:
        """No order takes from a plan that knew of it what the plan kept for people."""
        task = under(CUT)
        flux, off = planned(task), within(task, time(23, 30), time(5, 30))
        assert (flux[:, off] <= np.array(self.left(CUT))[:, None] + 1e-9).all()


class TestFallBacks:
    @pytest.mark.parametrize("day", [DAY, SUMMER_TIME_BEGINS, SUMMER_TIME_ENDS])
    def test_without_a_plan_orders_and_events_hold_as_well(self, day: date) -> None:
        orders = {one.id: (replace(CUT, lifted=(replace(MARKET, lifts=frozenset({"cut"})),)),) for one in STREET}
        around = Around(events={"L-0": (replace(MARKET, classes=None),)}, orders=orders)
        task, plan = without_plan(STREET, tables=TABLES, start_at=noon(day), quantile=0.9, around=around)
        np.testing.assert_allclose(plan.flux, solve(task.problem).flux, atol=1e-9)
        assert plan.status is Status.BEST_EFFORT
        found = {(one.constraint, one.object, one.amount) for one in check(task.problem, plan)}
        assert found == {(one.constraint, one.object, one.amount) for one in plan.violations}
        assert [one.order for one in conflicts(body(task, plan))] == ["cut"]

    def test_the_last_plan_shifted_owns_up_to_the_lamps_it_keeps_lit(self) -> None:
        before, after = under(CUT, start_at=noon(DAY - timedelta(days=1))), under(CUT)
        plan = shift(after, body(before, solve(before.problem)))
        assert check(after.problem, plan) == list(plan.violations)
        assert (plan.flux[3, after.night.burning] > 0.68).all()


def test_the_body_gives_the_problem_back_with_its_ceilings() -> None:
    task = under(CUT)
    plan = solve(task.problem)
    again, _ = read_body(body(task, plan))
    np.testing.assert_array_equal(again.ceiling, task.problem.ceiling)
    assert solve(again).objective == plan.objective


def test_datetimes_of_slots_are_where_the_order_ends() -> None:
    task = under(CUT, lamps=[lamp("L-0")])
    lit = [at for at, level in zip(task.night.slots, task.need.flux[0], strict=True) if level > 0]
    assert datetime.fromisoformat("2026-11-26T04:30:00+00:00") in lit
    assert datetime.fromisoformat("2026-11-26T04:15:00+00:00") not in lit
