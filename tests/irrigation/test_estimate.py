"""What is believed of root zones: the filter, its gate, and what it converges to."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers.arrays import Floats
from optimizers.soil.estimate import (
    NOISE,
    Belief,
    Refusals,
    assimilated,
    believed_at_first,
    depletion_of,
    predicted,
    reconsidered,
)

TAW = 80.0
mm = st.floats(0.0, TAW)
variances = st.floats(1e-3, 2_000.0)
beliefs = st.tuples(mm, variances)
NOTHING = np.zeros(1)


def one(depletion: float, variance: float) -> Belief:
    return Belief(np.array([depletion]), np.array([variance]))


def a_day(belief: Belief, etc: float = 0.0, rain: float = 0.0, irrigation: float = 0.0) -> Belief:
    return predicted(
        belief,
        etc_mm=np.array([etc]),
        rain_mm=np.array([rain]),
        irrigation_mm=np.array([irrigation]),
        taw_mm=np.array([TAW]),
    )


def test_a_day_adds_what_plants_took_and_takes_off_what_came() -> None:
    after = a_day(one(30.0, 4.0), etc=5.0, rain=8.0, irrigation=6.0)
    assert after.depletion_mm[0] == pytest.approx(21.0)
    noise = (0.15 * 5) ** 2 + (0.3 * 8) ** 2 + (0.15 * 6) ** 2 + 1.0**2
    assert after.variance_mm2[0] == pytest.approx(4.0 + noise, rel=1e-6)


def test_soil_filled_to_overflowing_is_known_to_be_full() -> None:
    """60 mm on soil that lacks 20, give or take 10: the gauge may be wrong by a third and it is full all the same."""
    after = a_day(one(20.0, 100.0), rain=60.0)
    assert after.depletion_mm[0] == 0.0
    assert after.sd_mm[0] < 4.0
    barely = a_day(one(20.0, 100.0), rain=22.0)
    assert barely.depletion_mm[0] == 0.0
    assert barely.sd_mm[0] > after.sd_mm[0]


@given(mean=st.floats(-60, 140), sd=st.floats(0.5, 40), seed=st.integers(0, 2**32 - 1))
def test_the_variance_of_what_was_cut_off_is_that_of_draws(mean: float, sd: float, seed: int) -> None:
    """A rain of -mean on full soil, or a drought beyond wilting; no noise of the day but what is asked."""
    drawn = np.clip(np.random.default_rng(seed).normal(mean, sd, 40_000), 0.0, TAW)
    belief = one(TAW, sd**2) if mean > TAW else one(max(mean, 0.0), sd**2)
    etc, rain = max(mean - TAW, 0.0), max(-mean, 0.0)
    grown = sd**2 + (NOISE.etc * etc) ** 2 + (NOISE.rain * rain) ** 2
    after = a_day(belief, etc=etc, rain=rain)
    assert 0 <= after.variance_mm2[0] - NOISE.model_mm**2 <= grown + 1e-9
    if not etc and not rain:
        assert after.variance_mm2[0] - NOISE.model_mm**2 == pytest.approx(drawn.var(), rel=0.05, abs=0.05)


@given(belief=beliefs, etc=st.floats(0, 12), rain=st.floats(0, 120), irrigation=st.floats(0, 40))
def test_depletion_stays_within_the_root_zone(belief: tuple[float, float], etc: float, rain: float, irrigation: float) -> None:  # fmt: skip # noqa: E501
    after = a_day(one(*belief), etc, rain, irrigation)
    assert 0 <= after.depletion_mm[0] <= TAW
    assert np.isfinite(after.variance_mm2[0])
    assert after.variance_mm2[0] > 0


@given(belief=beliefs, measured=mm, sd=st.floats(0.1, 30), lasting=st.floats(0, 10))
def test_a_measurement_never_makes_less_sure(belief: tuple[float, float], measured: float, sd: float, lasting: float) -> None:  # fmt: skip # noqa: E501
    before = one(*belief)
    after, taken = assimilated(before, np.array([measured]), np.array([sd]), lasting_mm=lasting)
    assert after.variance_mm2[0] <= before.variance_mm2[0]
    low, high = sorted((belief[0], measured))
    assert low - 1e-9 <= after.depletion_mm[0] <= high + 1e-9
    assert taken[0] == (abs(measured - belief[0]) <= 3 * np.sqrt(belief[1] + sd**2))
    if not taken[0]:
        assert after.depletion_mm[0] == belief[0]


def test_no_measurement_changes_nothing() -> None:
    before = one(30.0, 9.0)
    after, taken = assimilated(before, np.array([np.nan]), np.array([4.0]))
    assert (after.depletion_mm[0], after.variance_mm2[0], taken[0]) == (30.0, 9.0, False)


def test_equal_trust_meets_in_the_middle() -> None:
    after, taken = assimilated(one(30.0, 16.0), np.array([36.0]), np.array([4.0]))
    assert taken[0]
    assert after.depletion_mm[0] == pytest.approx(33.0)
    assert after.variance_mm2[0] == pytest.approx(8.0)


def test_many_readings_do_not_average_an_error_away_that_they_share() -> None:
    belief = one(30.0, 100.0)
    for _ in range(200):
        belief, _ = assimilated(belief, np.array([40.0]), np.array([4.0]), lasting_mm=np.array([2.4]))
    assert belief.sd_mm[0] == pytest.approx(2.4)


@given(order=st.permutations(range(6)), seed=st.integers(0, 2**32 - 1))
def test_hydrozones_do_not_meet(order: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    at, weather, measured = rng.uniform(0, TAW, 6), rng.uniform(0, 10, (3, 6)), rng.uniform(0, TAW, 6)

    def run(chosen: list[int]) -> tuple[Floats, Floats]:
        day = dict(zip(("etc_mm", "rain_mm", "irrigation_mm"), weather[:, chosen], strict=True))
        belief = predicted(Belief(at[chosen], at[chosen] + 1.0), **day, taw_mm=np.full(6, TAW))
        after, _ = assimilated(belief, measured[chosen], np.full(6, 4.0))
        return after.depletion_mm, after.variance_mm2

    for straight, mixed in zip(run(list(range(6))), run(order), strict=True):
        assert np.array_equal(straight[order], mixed)


def test_a_probe_that_is_refused_and_says_the_same_again_is_believed() -> None:
    """Somebody watered by hose: what the balance knows nothing of, and the probe goes on telling."""
    belief, refusals, told = one(60.0, 4.0), Refusals.none(1), []
    for measured in (10.0, 11.0, 12.0):
        belief, taken, refusals = reconsidered(belief, np.array([measured]), np.array([4.0]), refusals)
        told.append(bool(taken[0]))
    assert told == [False, False, True]
    assert belief.depletion_mm[0] == pytest.approx(12.0, abs=1.0)
    assert refusals.times[0] == 0


def test_a_probe_that_is_refused_and_says_something_else_each_time_is_not() -> None:
    belief, refusals = one(60.0, 4.0), Refusals.none(1)
    for measured in (5.0, 30.0, 2.0, 33.0, 1.0, 28.0):
        belief, taken, refusals = reconsidered(belief, np.array([measured]), np.array([4.0]), refusals)
        assert not taken[0]
    assert belief.depletion_mm[0] == 60.0


def test_a_gap_neither_adds_to_refusals_nor_ends_them() -> None:
    belief, refusals = one(60.0, 4.0), Refusals.none(1)
    for measured in (10.0, np.nan, 11.0, np.nan):
        belief, taken, refusals = reconsidered(belief, np.array([measured]), np.array([4.0]), refusals)
        assert not taken[0]
    assert refusals.times[0] == 2
    _, taken, _ = reconsidered(belief, np.array([10.5]), np.array([4.0]), refusals)
    assert taken[0]


def test_a_single_good_reading_forgives_those_before() -> None:
    belief, refusals = one(60.0, 4.0), Refusals.none(1)
    for measured in (10.0, 10.0, 59.0, 10.0):
        belief, taken, refusals = reconsidered(belief, np.array([measured]), np.array([4.0]), refusals)
    assert not taken[0]
    assert refusals.times[0] == 1


def test_what_a_probe_measures_is_depletion_from_field_capacity() -> None:
    """FAO-56 eq. 86, 87: 0.06 m³/m³ under field capacity over half a metre is 30 mm; wetter than it is 0."""
    found = depletion_of(np.array([0.26, 0.40, 0.05, np.nan]), np.full(4, 0.32), np.full(4, 0.5), np.full(4, TAW))
    assert found[:3].tolist() == pytest.approx([30.0, 0.0, TAW])
    assert np.isnan(found[3])


def test_the_first_belief_is_half_of_what_is_readily_there_and_little_sure() -> None:
    first = believed_at_first(np.array([TAW]), np.array([40.0]))
    assert first.depletion_mm[0] == 20.0
    assert first.sd_mm[0] > 20.0


@pytest.mark.parametrize("bias", [-0.05, 0.05])
def test_a_season_with_a_probe_that_is_five_per_cent_off(bias: float) -> None:
    """The truth takes a fifth more than the balance believes, and is watered when it lacks 40 mm.

    Without the probe the balance drifts away; with it, it is off by the probe's 4 mm and what is missed in two days.
    """
    rng = np.random.default_rng(7)
    truth, alone, belief, refusals = 30.0, one(20.0, 700.0), one(20.0, 700.0), Refusals.none(1)
    with_probe, without = [], []
    for _ in range(150):
        etc = rng.uniform(3, 6)
        rain = rng.gamma(1.0, 8.0) if rng.random() < 0.15 else 0.0
        water = 30.0 if truth > 40 else 0.0
        truth = float(np.clip(truth + 1.2 * etc - 0.9 * rain - 0.85 * water, 0, TAW))
        alone, belief = (a_day(of, etc, rain, water) for of in (alone, belief))
        measured = np.clip(truth + bias * TAW + rng.normal(0, 1.5), 0, TAW)
        belief, _, refusals = reconsidered(
            belief, np.array([measured]), np.array([NOISE.sensor * TAW]), refusals, lasting_mm=NOISE.lasting * TAW
        )
        with_probe.append(belief.depletion_mm[0] - truth)
        without.append(alone.depletion_mm[0] - truth)
    settled = np.array(with_probe[20:])
    assert np.sqrt(np.mean(settled**2)) < abs(bias) * TAW + 3.0
    assert np.sqrt(np.mean(settled**2)) < 0.5 * np.sqrt(np.mean(np.array(without[20:]) ** 2))
