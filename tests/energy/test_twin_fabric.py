"""A building's heat in software: energy is conserved, it cools as the formula says, and long steps are exact."""

from math import exp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.energy.fabric import Fabric, Given, Warmth
from twin.energy.kinds import Age, made_fabric

SCHOOL = Fabric(
    air_wh_k=12_000, inner_wh_k=180_000, walls_wh_k=150_000, air_inner_w_k=15_000, air_walls_w_k=14_000,
    walls_out_w_k=3_000, leak_w_k=1_500, vent_w_k=1_000, sun_m2=150,
)  # fmt: skip
WARM = Warmth(19.0, 18.5, 14.0)

degrees = st.floats(-15, 35)
watts = st.floats(0, 400_000)
shares = st.sampled_from([0.0, 0.25, 0.5, 1.0])


@given(degrees, degrees, degrees, degrees, watts, watts, st.floats(0, 900), shares, st.floats(1, 86_400))
def test_what_goes_in_stays_or_is_lost(
    air: float, inner: float, walls: float, outdoor: float, to_air: float, to_inner: float, sun: float, vent: float,
    seconds: float,
) -> None:  # fmt: skip
    before = Warmth(air, inner, walls)
    after = SCHOOL.passed(
        before, Given(to_air, to_inner), outdoor_c=outdoor, sun_w_m2=sun, ventilated=vent, seconds=seconds
    )
    hours = seconds / 3600
    brought = (to_air + to_inner + sun * SCHOOL.sun_m2 - after.lost_w) * hours
    scale = max(abs(SCHOOL.stored_wh(before)), 1e5)
    assert SCHOOL.stored_wh(after.warmth) - SCHOOL.stored_wh(before) == pytest.approx(brought, abs=1e-6 * scale)


def test_many_short_steps_are_one_long_one() -> None:
    told = {"outdoor_c": 2.0, "sun_w_m2": 120.0, "ventilated": 0.5}
    at_once = SCHOOL.passed(WARM, Given(40_000, 10_000), seconds=7200, **told).warmth
    warmth = WARM
    for _ in range(240):
        warmth = SCHOOL.passed(warmth, Given(40_000, 10_000), seconds=30, **told).warmth
    assert warmth == pytest.approx(at_once, abs=1e-9)


def test_one_temperature_decays_as_the_exponential() -> None:
    """All capacities tied together by strong couplings are one: it falls with C over what it loses."""
    tied = Fabric(
        air_wh_k=10_000, inner_wh_k=50_000, walls_wh_k=1e-3, air_inner_w_k=1e9, air_walls_w_k=1e-6, walls_out_w_k=1e-3,
        leak_w_k=2_000,
    )  # fmt: skip
    hours = 10.0
    after = tied.passed(
        Warmth(20, 20, 0), Given(), outdoor_c=0.0, sun_w_m2=0.0, ventilated=0.0, seconds=3600 * hours
    ).warmth
    assert after.air_c == pytest.approx(20 * exp(-hours * 2_000 / 60_000), rel=1e-5)


def test_a_building_long_held_settles_where_it_says() -> None:
    settled = SCHOOL.settled(0.0, 19.0)
    held = SCHOOL.loss_w_k * 19.0
    after = SCHOOL.passed(settled, Given(held, 0.0), outdoor_c=0.0, sun_w_m2=0.0, ventilated=0.0, seconds=86_400)
    assert after.warmth == pytest.approx(settled, abs=1e-9)
    assert after.lost_w == pytest.approx(held)


def test_warmer_days_lose_less_and_sun_and_ventilation_count() -> None:
    def air(outdoor: float, sun: float, vent: float) -> float:
        told = SCHOOL.passed(WARM, Given(), outdoor_c=outdoor, sun_w_m2=sun, ventilated=vent, seconds=14_400)
        return told.warmth.air_c

    assert air(10, 0, 0) > air(0, 0, 0) > air(0, 0, 1)
    assert air(0, 300, 0) > air(0, 0, 0)


@pytest.mark.parametrize("use", ["school", "nursery", "sports", "culture", "office"])
def test_renewed_buildings_lose_less_and_no_two_are_alike(use: str) -> None:
    losses = [made_fabric(use, 3000, age, np.random.default_rng(4)).loss_w_k for age in Age]
    assert losses == sorted(losses, reverse=True)
    one, other = (made_fabric(use, 3000, Age.OLD, np.random.default_rng(seed)) for seed in (1, 2))
    assert one != other
    assert one == made_fabric(use, 3000, Age.OLD, np.random.default_rng(1))
