"""The problem of a night: what it is made of, and what it makes of soil, weather and tables."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers.irrigation import solve
from optimizers.result import InvalidProblem
from tests.irrigation.ground import DAYS, TABLES, task_of, valve, zones_of


def test_it_is_the_hydrozones_as_they_are_read() -> None:
    zones = zones_of(valve("V1"), valve("V2", "M"))
    problem = task_of(zones).problem

    assert problem.hydrozones.names == ("V1", "V2")
    assert problem.networks.names == ("M", "N")
    assert problem.hydrozones.network.tolist() == [1, 0]
    for name in ("flow_m3_h", "cycle_s", "soak_s", "cycle_mm", "stress_eur_mm", "wilting_eur_mm"):
        assert np.array_equal(getattr(problem.hydrozones, name), getattr(zones, name)), name
    assert problem.hydrozones.depletion_mm.tolist() == pytest.approx((0.5 * zones.root_zone.taw_mm).tolist())


def test_plants_without_stress_take_kcb_and_what_their_ground_evaporates() -> None:
    zones = zones_of(valve("V"))
    etc = task_of(zones, 0.0).problem.scenarios.etc_mm
    transpired = zones.root_zone.kcb * 4.7

    assert etc.shape == (1, DAYS, 1)
    assert (etc >= transpired).all()
    assert (etc <= transpired + 0.05 * 1.25 * 4.7 + 1e-9).all(), "what is bare, at Kc max"


def test_light_rain_wets_leaves_only_and_heavy_rain_runs_off_in_part() -> None:
    zones = zones_of(valve("V", soil="clay"))
    reaches = task_of(zones, rain_mm=[[0.5, 4.0, 0, 0, 80.0]]).problem.scenarios.rain_mm[0, :, 0]

    assert reaches[0] == 0.0
    assert reaches[1] == 4.0
    assert 0 < reaches[4] < 80.0


def test_the_less_is_known_the_sooner_plants_are_taken_to_lack_water() -> None:
    zones = zones_of(valve("V"))
    sure, unsure, lost = (task_of(zones, sd_mm=sd).problem.hydrozones.raw_mm[0] for sd in (0.0, 4.0, 30.0))

    assert unsure == pytest.approx(sure - 4.0 * TABLES.plan.caution_sd)
    assert lost == pytest.approx(TABLES.plan.least_raw * sure)


def test_what_is_lacking_at_the_end_is_worth_a_share_of_bringing_it() -> None:
    zones = zones_of(valve("V"))
    water_eur = TABLES.prices_eur_m3["drinking"] * zones.cycle_m3[0]

    assert task_of(zones).problem.hydrozones.terminal_eur_mm * zones.cycle_mm == pytest.approx(
        TABLES.plan.terminal_share * water_eur
    )


def test_belief_beyond_the_root_zone_is_held_within_it() -> None:
    problem = task_of(zones_of(valve("V1"), valve("V2")), [1.2, -0.1]).problem

    assert problem.hydrozones.depletion_mm.tolist() == [problem.hydrozones.taw_mm[0], 0.0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=4), st.lists(st.floats(0, 40), min_size=DAYS, max_size=DAYS))
def test_whatever_is_believed_and_foreseen_it_is_a_problem(shares: list[float], rain: list[float]) -> None:
    zones = zones_of(*(valve(f"V{z}") for z in range(len(shares))))
    problem = task_of(zones, shares, rain_mm=[rain, [0.0] * DAYS]).problem

    assert (problem.scenarios.rain_mm <= np.array([rain, [0.0] * DAYS])[:, :, None] + 1e-9).all()
    assert (problem.hydrozones.raw_mm < problem.hydrozones.taw_mm).all()


def test_a_territory_without_a_hydrozone_is_no_problem() -> None:
    with pytest.raises(InvalidProblem, match="there are no hydrozones"):
        task_of(zones_of())


def test_dry_turf_is_watered_tonight_and_moist_turf_is_not() -> None:
    plan = solve(task_of(zones_of(valve("dry"), valve("moist")), [0.6, 0.0]).problem)

    assert plan.cycles[0] > 0
    assert plan.cycles[1] == 0


def test_rain_that_will_come_is_waited_for_and_rain_that_may_come_is_not_waited_for_by_plants_in_stress() -> None:
    zones = zones_of(valve("V"))
    wet, dry = [0.0, 30.0, 0.0, 0.0, 0.0], [0.0] * DAYS
    share = 0.30

    certain = solve(task_of(zones, share, rain_mm=[wet]).problem).cycles[0]
    never = solve(task_of(zones, share, rain_mm=[dry]).problem).cycles[0]
    stressed = solve(task_of(zones, 0.9, rain_mm=[wet, dry]).problem).cycles[0]
    assert certain <= never
    assert stressed > 0
