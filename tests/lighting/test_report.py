"""What a night is counted as: against programs integrated by the second, and against plain loops."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.instants import PARIS, noon
from engine.model import Asset, Program
from jobs.lighting import LightingTask, actual_need, body, energy_wh, fixed_program, to_setpoints, under_lit
from jobs.lighting.body import open_body
from jobs.lighting.reporting.figures import BAND, By, groups, members, outside_band
from jobs.lighting.reporting.ground import Cabinet, Ground, read_ground
from jobs.lighting.reporting.periods import profile
from jobs.lighting.reporting.tally import SUMS, Plans, Rates, Tally, tally
from optimizers.arrays import Floats
from optimizers.lighting import Lanes, LightingPlan, solve
from tests.lighting.test_jobs import DAY, TABLES, WRITTEN, at_local, counter, counts, evening_traffic, lamp, task_of

SODIUM = {"dimmable": False, "flux_curve": "hps-a", "standby_w": 0.0, "segment": "S-2"}
CROSSING = {"crossing": True, "class_normal": "C4", "class_full": "C3", "luminance_full": 16.0, "segment": "S-3"}
LAMPS = [
    lamp("L-0", area_m2=200.0),
    lamp("L-1", order=1, power_w=35.0),
    lamp("L-2", **SODIUM),
    replace(lamp("L-3", **CROSSING), parent="F-1"),
    replace(lamp("L-4", segment="S-4", flux_curve="led-b"), parent=None, zone="Z-2"),
]
LAMPS[:3] = [replace(one, parent="A-1") for one in LAMPS[:3]]
EQUIPMENT = [
    Asset("A-1", "StreetlightControlCabinet", "Z-1", 0, 0),
    Asset("A-2", "StreetlightControlCabinet", "Z-1", 0, 0),
    Asset("F-1", "StreetlightFeeder", "Z-1", 0, 0, parent="A-2"),
]
COMMUNES = {"Z-1": "49007", "Z-2": "49028"}
HOURS_OF_YEAR = 4110.0


def ground_of(lamps: list[Asset] = LAMPS) -> Ground:
    series = {7: ("A-1", "energyConsumed"), 8: ("A-1", "powerConsumption"), 9: ("A-2", "energyConsumed")}
    return read_ground([*lamps, *EQUIPMENT, counter()], COMMUNES, series, TABLES)


def plan_of(task: LightingTask, flux: Floats | None = None) -> LightingPlan:
    plan = solve(task.problem)
    return plan if flux is None else replace(plan, flux=flux)


def count(
    task: LightingTask,
    *plans: tuple[LightingPlan, int],
    came: pl.DataFrame | None = None,
    measured: Any = None,
    eur: Floats | None = None,
    lamps: list[Asset] = LAMPS,
) -> dict[str, list[int]]:
    """The sums by cabinet: A-1, A-2, and the lamps of Z-2 that hang at none."""
    ground, slots = ground_of(lamps), len(task.night.slots)
    need = actual_need(task, counts(evening_traffic, 1, before=DAY + timedelta(days=1)) if came is None else came)
    rates = Rates(np.full((slots, 1), 0.2) if eur is None else eur, np.zeros(len(ground.cabinets), int), 50.0)
    kwh = np.full(len(ground.cabinets), np.nan) if measured is None else np.array(measured)
    bodies = tuple(open_body(body(task, plan)) for plan, _ in plans)
    found = tally(ground, Plans(bodies, tuple(since for _, since in plans)), need, rates, kwh)
    return {name: found.sums[:, i].tolist() for i, name in enumerate(SUMS)} | {"most": found.most_switches.tolist()}


def random_flux(task: LightingTask, seed: int) -> Floats:
    levels = np.random.default_rng(seed).integers(0, 101, task.problem.shape) / 100
    levels = np.where(task.problem.dimmable[:, None], levels, levels > 0.5)
    return np.where(task.night.burning, levels, 0.0)


def watt_hours(program: Program, power_w: float, curve: Any) -> float:
    """Integrated from step to step."""
    starts = [at for at, _ in program.steps] + [program.until]
    hours = [(b - a) / timedelta(hours=1) for a, b in pairwise(starts)]
    return sum(
        h * power_w * float(np.interp(v, curve.flux, curve.power))
        for h, (_, v) in zip(hours, program.steps, strict=True)
    )


class TestGround:
    def test_cabinets_through_feeders_and_lamps_at_none(self) -> None:
        ground = ground_of()
        assert ground.cabinets == (Cabinet("A-1", "49007"), Cabinet("A-2", "49007"), Cabinet("", "49028"))
        assert ground.cabinet.tolist() == [0, 0, 0, 1, 2]
        assert ground.meter == {"A-1": 7, "A-2": 9}

    def test_a_circle_of_parents_ends(self) -> None:
        ring = [Asset("F-8", "StreetlightFeeder", "Z-1", 0, 0, parent="F-9"), replace(LAMPS[0], parent="F-8")]
        ring.append(Asset("F-9", "StreetlightFeeder", "Z-1", 0, 0, parent="F-8"))
        found = read_ground([*ring, counter()], COMMUNES, {}, TABLES)
        assert found.cabinets == (Cabinet("", "49007"),)

    def test_a_lamp_that_cannot_be_read_is_left_out_and_counted(self) -> None:
        ground = ground_of([*LAMPS, lamp("L-9", power_w=0.0)])
        assert (ground.unread, "L-9" in ground.fleet.lamps) == (1, False)

    def test_light_in_lux_whatever_the_class_is_measured_in(self) -> None:
        ground = ground_of()
        assert ground.full_lx[3] == 16.0
        assert ground.full_lx[0] == pytest.approx(1.1 / TABLES.surface_q0)


class TestEnergy:
    @pytest.mark.parametrize("day", [DAY, date(2026, 3, 28), date(2026, 10, 24)])
    def test_what_the_programs_draw_to_the_second(self, day: date) -> None:
        task = task_of(LAMPS, history=counts(evening_traffic, before=day), start_at=noon(day))
        plan = plan_of(task)
        slots = to_setpoints(body(task, plan), "v", WRITTEN)
        curves = [task.problem.curves[i] for i in task.problem.curve]
        drawn = [
            watt_hours(slot.program, power, curve)
            for slot, power, curve in zip(slots, task.problem.power_full_w.tolist(), curves, strict=True)
        ]
        found = count(task, (plan, 0))["planned_mwh"]
        assert found == pytest.approx([1000 * sum(drawn[:3]), 1000 * drawn[3], 1000 * drawn[4]], abs=1)

    def test_it_is_what_the_plan_says_but_for_the_two_slots_cut_by_dusk_and_dawn(self) -> None:
        task = task_of(LAMPS)
        plan = plan_of(task)
        found, slot_wh = count(task, (plan, 0)), 0.25 * float(task.problem.power_full_w.sum())
        for name, flux in (("planned", plan.flux), ("fixed", fixed_program(task))):
            assert energy_wh(task, flux) - 2 * slot_wh < sum(found[f"{name}_mwh"]) / 1000 <= energy_wh(task, flux)

    def test_a_plan_that_was_replaced_counts_until_then(self) -> None:
        task = task_of(LAMPS)
        first, second = (plan_of(task, random_flux(task, seed)) for seed in (1, 2))
        midnight = len(task.night.slots) // 2
        both = np.concatenate([first.flux[:, :midnight], second.flux[:, midnight:]], axis=1)
        assert count(task, (first, 3), (second, midnight)) == count(task, (plan_of(task, both), 0))

    def test_money_by_the_hour_and_carbon(self) -> None:
        task = task_of(LAMPS)
        flux = np.where(task.night.burning, 1.0, 0.0) * np.ones((len(LAMPS), 1))
        dear = np.where(np.arange(len(task.night.slots)) < 48, 0.5, 0.1)[:, None]
        halves = [count(task, (plan_of(task, flux), 0), eur=np.where(dear == p, p, 0.0)) for p in (0.5, 0.1)]
        whole = count(task, (plan_of(task, flux), 0), eur=dear)
        summed = [a + b for a, b in zip(*(half["planned_meur"] for half in halves), strict=True)]
        assert whole["planned_meur"] == pytest.approx(summed, abs=1)
        assert min(half["planned_meur"][0] for half in halves) > 0
        assert whole["planned_mg"] == pytest.approx([mwh * 0.05 for mwh in whole["planned_mwh"]], abs=1)
        assert whole["planned_mwh"] == whole["full_mwh"]

    def test_a_cabinet_that_was_silent_is_not_compared(self) -> None:
        task = task_of(LAMPS)
        found = count(task, (plan_of(task), 0), measured=(1.25, np.nan, np.nan))
        assert found["measured_mwh"] == [1_250_000, 0, 0]
        assert found["compared_mwh"] == [found["planned_mwh"][0], 0, 0]
        assert found["unmeasured"] == [0, 1, 0]


class TestLight:
    @pytest.mark.parametrize("seed", range(3))
    def test_under_and_over_lit_by_plain_loops(self, seed: int) -> None:
        task = task_of(LAMPS)
        came = counts(lambda at: 30.0 * ((at.hour * 7 + seed) % 24), 1, before=DAY + timedelta(days=1))
        flux, need = random_flux(task, seed), actual_need(task, came)
        expected = [loops(task, flux, need, i) for i in range(len(LAMPS))]
        found = count(task, (plan_of(task, flux), 0), came=came)
        for k, name in enumerate(("under", "under_deep", "over", "over_deep")):
            each = [row[k] for row in expected]
            assert found[name] == [sum(each[:3]), each[3], each[4]], name
        assert found["crossing_under"] == [0, expected[3][0], 0]
        assert found["crossing_slots"] == [0, task.night.burning.sum(), 0]

    @pytest.mark.parametrize("seed", range(3))
    def test_the_same_under_lit_time_as_a_single_night_tells(self, seed: int) -> None:
        task = task_of(LAMPS)
        came = counts(lambda at: 30.0 * ((at.hour * 5 + seed) % 24), 1, before=DAY + timedelta(days=1))
        flux, need = random_flux(task, seed), actual_need(task, came)
        found = count(task, (plan_of(task, flux), 0), came=came)
        told, fixed = under_lit(task, flux, need), under_lit(task, fixed_program(task), need)
        slots = sum(found["lamp_slots"])
        assert sum(found["under"]) / slots == pytest.approx(told.share)
        assert sum(found["under_deep"]) / slots == pytest.approx(told.deep)
        assert sum(found["fixed_under"]) / slots == pytest.approx(fixed.share)
        assert sum(found["fixed_under_deep"]) / slots == pytest.approx(fixed.deep)

    def test_changes_of_level(self) -> None:
        task = task_of(LAMPS)
        burning = np.flatnonzero(task.night.burning)
        flux = np.zeros(task.problem.shape)
        flux[:, burning] = 1.0
        flux[0, burning[5:9]] = 0.5  # down and up again
        flux[1, burning[:4]] = 0.0  # on later
        found = count(task, (plan_of(task, flux), 0))
        assert found["switches"] == [4 + 2 + 2, 2, 2]
        assert found["most"] == [4, 2, 2]


def loops(task: LightingTask, flux: Floats, need: Any, i: int) -> tuple[int, int, int, int]:
    """Slots of a lamp under-lit, deeply so, over-lit, deeply so, by the class that its light still meets."""
    family, fleet = task.tables.families[str(task.fleet.family[i])], task.fleet
    counted = [0, 0, 0, 0]
    for t in np.flatnonzero(task.night.burning):
        given = int(family.delivered(np.array(flux[i, t] * fleet.level_full[i])))
        able = int(family.delivered(np.array(fleet.level_full[i])))
        asked = int(need.number[i, t])
        under = flux[i, t] < need.flux[i, t] - 1e-9
        off = given - max(asked, able)
        counted = [
            a + b for a, b in zip(counted, (under, under and off >= 2, given < asked, given <= asked - 2), strict=True)
        ]
    return tuple(counted)  # type: ignore[return-value]


class TestFigures:
    def figures(self, **measured: Any) -> dict[str, Any]:
        task = task_of(LAMPS)
        ground, slots = ground_of(), len(task.night.slots)
        rates = Rates(np.full((slots, 1), 0.2), np.zeros(3, int), 50.0)
        need = actual_need(task, counts(evening_traffic, 1, before=DAY + timedelta(days=1)))
        flux = np.where(task.night.burning, 1.0, 0.0) * np.ones((len(LAMPS), 1))
        plans = Plans((open_body(body(task, plan_of(task, flux))),), (0,))
        found = tally(ground, plans, need, rates, np.array(measured.get("kwh", [np.nan] * 3)))
        (whole,) = groups(ground, found, By.TERRITORY, HOURS_OF_YEAR)
        return whole.figures() | {"night": task.night, "lines": groups(ground, found, By.CABINET, HOURS_OF_YEAR)}

    def test_en_13201_5_of_the_one_lamp_whose_area_is_known(self) -> None:
        """72 W and 200 m² at 1.1 cd/m², full all night, half a watt by day."""
        found = self.figures()
        lit_h = (found["night"].off_at - found["night"].on_at) / timedelta(hours=1)
        lux = 1.1 / TABLES.surface_q0
        assert found["area_m2"] == 200
        assert found["lamp_nights_without_area"] == 4
        assert found["power_density_w_per_lx_m2"] == pytest.approx(72 / (lux * 200), rel=1e-4)
        assert found["energy_density_wh_per_m2"] == pytest.approx((72 * lit_h + 0.5 * (24 - lit_h)) / 200, rel=1e-4)
        of_year = (72 * HOURS_OF_YEAR + 0.5 * (8760 - HOURS_OF_YEAR)) / 200 / 1000
        assert found["energy_density_kwh_per_m2_year"] == pytest.approx(of_year, rel=1e-4)

    def test_the_band_of_ten_per_cent(self) -> None:
        planned = [line.figures()["planned_kwh"] for line in self.figures()["lines"]]
        found = self.figures(kwh=[planned[0] * (1 + BAND - 1e-3), planned[1] * (1 + BAND + 1e-3), np.nan])
        assert outside_band(found["lines"]) == ["A-2"]
        assert found["within_band"] is True

    def test_what_nobody_measured_is_no_figure(self) -> None:
        found = self.figures()
        assert (found["measured_kwh"], found["measured_over_planned"], found["within_band"]) == (None, None, None)
        assert found["cabinet_nights_unmeasured"] == 2


class TestPeriods:
    def test_stretches_in_which_nothing_changes(self) -> None:
        """One lamp of 72 W and 200 m²: full, half from midnight to five, full again."""
        task = task_of(LAMPS)
        dimmed = slice(at_local(task, 0), at_local(task, 5))
        flux = np.where(task.night.burning, 1.0, 0.0) * np.ones((len(LAMPS), 1))
        flux[0, dimmed] = 0.5
        flux[1:, at_local(task, 2)] = 0.0  # lamps without an area are not in it
        found = profile(ground_of(), Plans((open_body(body(task, plan_of(task, flux))),), (0,))).periods(np.arange(3))
        assert [one["from"][11:16] for one in found[1:]] == ["00:00", "05:00"]
        assert [one["share_of_full_light"] for one in found] == pytest.approx([1, 0.5, 1])
        assert [one["power_w"] for one in found] == pytest.approx([72, 72 * np.interp(0.5, *curve_of(task)), 72])
        assert found[0]["from"] == task.night.on_at.astimezone(PARIS).isoformat()
        assert found[-1]["until"] == task.night.off_at.astimezone(PARIS).isoformat()
        lit = (task.night.off_at - task.night.on_at) / timedelta(hours=1)
        assert sum(one["hours"] for one in found) == pytest.approx(lit, abs=1e-3)
        lux = 1.1 / TABLES.surface_q0
        assert found[0]["power_density_w_per_lx_m2"] == pytest.approx(72 / (lux * 200))

    def test_they_are_what_the_figures_of_the_night_are_made_of(self) -> None:
        task = task_of([replace(one, attributes=one.attributes | {"area_m2": 100.0}) for one in LAMPS])
        plans = Plans((open_body(body(task, plan_of(task, random_flux(task, 4)))),), (0,))
        ground = ground_of([replace(one, attributes=one.attributes | {"area_m2": 100.0}) for one in LAMPS])
        rates = Rates(np.zeros((len(task.night.slots), 1)), np.zeros(3, int), 0.0)
        found = tally(ground, plans, actual_need(task, counts(evening_traffic).clear()), rates, np.full(3, np.nan))
        for line in groups(ground, found, By.CABINET, HOURS_OF_YEAR):
            periods = profile(ground, plans).periods(members(ground, By.CABINET, line))
            watt_hours = sum(one["hours"] * one["power_w"] for one in periods)
            assert watt_hours * 1000 == pytest.approx(line.sums["area_lit_mwh"], rel=1e-3)

    def test_nothing_of_lamps_without_areas(self) -> None:
        task = task_of(LAMPS)
        shape = profile(ground_of(), Plans((open_body(body(task, plan_of(task))),), (0,)))
        assert shape.periods(np.array([1, 2])) == []


def curve_of(task: LightingTask) -> tuple[Any, Any]:
    curve = task.problem.curves[int(task.problem.curve[0])]
    return curve.flux, curve.power


class TestDetectors:
    def test_energy_and_light_that_detectors_are_expected_to_add(self) -> None:
        """Half the flux, full for a quarter of the time: by hand."""
        lanes = [replace(one, attributes=one.attributes | {"area_m2": 100.0}) for one in LAMPS[:1]]
        task = task_of(lanes)
        shape = task.problem.shape
        boosted = Lanes(boost=np.ones(1), detection=np.full(shape, 0.25) * task.night.burning)
        lane = replace(task, problem=replace(task.problem, lanes=boosted))
        flux = np.where(task.night.burning, 0.5, 0.0) * np.ones((1, 1))
        plain, bright = (count(one, (plan_of(one, flux), 0), lamps=lanes) for one in (task, lane))
        lit = (task.night.off_at - task.night.on_at) / timedelta(hours=1)
        half, full = 72 * float(np.interp(0.5, *curve_of(task))), 72.0
        assert bright["planned_mwh"][0] - plain["planned_mwh"][0] == pytest.approx(250 * (full - half) * lit, abs=2)
        assert bright["area_lit"][0] == pytest.approx(plain["area_lit"][0] * (0.5 + 0.25 * 0.5) / 0.5, rel=1e-4)
        assert bright["fixed_mwh"] == plain["fixed_mwh"]
        assert bright["area_lit_mwh"][0] / lit == pytest.approx(1000 * (0.75 * half + 0.25 * full), rel=1e-5)


GROUND = ground_of()


@given(st.lists(st.sampled_from(["49007", "49028", "49329"]), min_size=1, max_size=12), st.integers(0, 10**6))
def test_the_territory_is_the_sum_of_its_communes_and_these_of_their_cabinets(communes: list[str], seed: int) -> None:
    """Whole numbers: nothing is lost or counted twice, however cabinets lie in communes."""
    cabinets = tuple(Cabinet(f"A-{k}", commune) for k, commune in enumerate(communes))
    sums = np.random.default_rng(seed).integers(0, 10**15, (len(cabinets), len(SUMS)))
    one = Tally(sums, sums[:, 0], 14.0, 10.0)
    laid = replace(GROUND, cabinets=cabinets)
    for nights in (one, one + one):
        lines = {by: groups(laid, nights, by, HOURS_OF_YEAR) for by in By}
        (territory,) = lines[By.TERRITORY]
        for name in SUMS:
            assert territory.sums[name] == sum(line.sums[name] for line in lines[By.COMMUNE])
            for commune in lines[By.COMMUNE]:
                inside = [line.sums[name] for line in lines[By.CABINET] if line.commune == commune.id]
                assert commune.sums[name] == sum(inside)
        assert territory.most_switches == max(line.most_switches for line in lines[By.CABINET])
