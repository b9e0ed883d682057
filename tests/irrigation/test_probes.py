"""Which soil moisture probes are believed, and what they are worth to others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers.arrays import Floats
from optimizers.soil.probes import (
    LENDING,
    Judged,
    Offset,
    Verdict,
    at_day_end,
    borrowed,
    calibrated_field_capacity,
    corrected,
    in_fractions,
    judge,
    lent,
    offset_of,
)

FC, SATURATION, DAYS = 0.30, 0.47, 10
SOIL = {"field_capacity": np.array([FC]), "saturation": np.array([SATURATION])}
HOURS = DAYS * 24
HOUR = np.arange(HOURS)
DRYING = FC - 0.01 - 0.0004 * HOUR
"""Ten days in which plants take 4 mm a day from 0.4 m."""


def judged(
    vwc: Floats, *, swing_c: float = 4.0, etc_mm: float = 4.8, watered: tuple[int, ...] = (), temperature: bool = True
) -> Judged:
    """One probe, with the daily swing of its temperature, what plants take a day, and days of rain."""
    water = np.zeros((DAYS, 1))
    water[list(watered)] = 10.0
    soil = 18.0 + swing_c / 2 * np.sin(2 * np.pi * HOUR / 24) if temperature else np.full(HOURS, np.nan)
    return judge(vwc[:, None], soil[:, None], np.full((DAYS, 1), etc_mm), water, **SOIL)


def test_a_probe_in_drying_soil_is_sound_and_all_of_it_is_believed() -> None:
    found = judged(DRYING)
    assert found.verdicts == (Verdict.SOUND,)
    assert np.array_equal(found.vwc[:, 0], DRYING)
    assert not found.converted[0]


def test_a_probe_that_stopped_moving_while_plants_drank_is_stuck() -> None:
    stuck = np.where(HOUR < 120, DRYING, DRYING[120])
    found = judged(stuck)
    assert found.verdicts == (Verdict.STUCK,)
    assert np.isfinite(found.vwc[:120, 0]).all()
    assert np.isnan(found.vwc[120:, 0]).all()


def test_a_probe_that_stands_still_in_winter_is_sound() -> None:
    assert judged(np.full(HOURS, FC), etc_mm=0.24).verdicts == (Verdict.SOUND,)


def test_a_probe_that_stands_still_for_less_than_two_days_is_sound() -> None:
    still = np.where(HOUR >= HOURS - 47, DRYING[HOURS - 47], DRYING)
    assert judged(still).verdicts == (Verdict.SOUND,)


def test_a_probe_that_was_stuck_and_moves_again_is_sound_without_what_it_said_then() -> None:
    mended = np.where(HOUR < 100, 0.2512, DRYING)
    found = judged(mended)
    assert found.verdicts == (Verdict.SOUND,)
    assert np.isnan(found.vwc[:100, 0]).all()
    assert np.isfinite(found.vwc[100:, 0]).all()


def test_gaps_do_not_hide_that_a_probe_is_stuck() -> None:
    stuck = np.where(HOUR % 5 == 0, 0.25, np.nan)
    assert judged(stuck).verdicts == (Verdict.STUCK,)


def test_soil_at_saturation_for_a_day_is_no_soil_that_plants_live_in() -> None:
    wet = np.where(HOUR >= HOURS - 30, SATURATION + 0.001 * (HOUR % 3), DRYING)
    assert judged(wet).verdicts == (Verdict.SATURATED,)
    soaked_for_a_night = np.where(HOUR >= HOURS - 10, wet, DRYING)
    assert judged(soaked_for_a_night, watered=(DAYS - 1,)).verdicts == (Verdict.SOUND,)


def test_soil_that_does_not_drain_in_three_days_is_told_from_soil_that_was_watered() -> None:
    wet = FC + 0.08 - 0.00001 * HOUR
    assert judged(wet).verdicts == (Verdict.SATURATED,)
    assert judged(wet, watered=tuple(range(0, DAYS, 2))).verdicts == (Verdict.SOUND,)


def test_a_probe_in_the_air_is_dry_and_warm_and_cold() -> None:
    air = np.where(HOUR >= HOURS - 48, 0.01 + 0.001 * (HOUR % 4), DRYING)
    assert judged(air, swing_c=22.0).verdicts == (Verdict.OUT_OF_SOIL,)
    assert judged(air, swing_c=8.0).verdicts == (Verdict.SOUND,)
    assert judged(air, temperature=False).verdicts == (Verdict.SOUND,)
    assert judged(DRYING, swing_c=22.0).verdicts == (Verdict.SOUND,)


def test_a_probe_that_says_nothing_for_a_day_is_silent_and_what_it_said_before_stands() -> None:
    gone = np.where(HOUR < HOURS - 24, DRYING, np.nan)
    found = judged(gone)
    assert found.verdicts == (Verdict.SILENT,)
    assert np.isfinite(found.vwc[:-24, 0]).all()
    late = np.where(HOUR < HOURS - 23, DRYING, np.nan)
    assert judged(late).verdicts == (Verdict.SOUND,)


def test_percent_is_understood_and_said() -> None:
    found = judged(DRYING * 100)
    assert found.verdicts == (Verdict.SOUND,)
    assert found.converted[0]
    assert found.vwc[:, 0] == pytest.approx(DRYING)


def test_a_probe_that_changed_from_fractions_to_percent_is_understood_where_both_agree() -> None:
    changed = np.where(HOUR < 120, DRYING, DRYING * 100)
    found = judged(changed)
    assert found.verdicts == (Verdict.SOUND,)
    assert found.vwc[:, 0] == pytest.approx(DRYING)
    elsewhere = np.where(HOUR < 120, DRYING, 60.0 - HOUR / 100)
    assert judged(elsewhere).verdicts == (Verdict.UNIT_MIXED,)
    assert np.isnan(judged(elsewhere).vwc).all()


def test_raw_counts_are_not_guessed_at() -> None:
    counts = 2_000.0 + HOUR
    assert judged(counts).verdicts == (Verdict.UNIT_MIXED,)
    a_spike = np.where(HOUR == 50, 4_095.0, DRYING)
    found = judged(a_spike)
    assert found.verdicts == (Verdict.SOUND,)
    assert np.isnan(found.vwc[50, 0])
    assert np.isfinite(np.delete(found.vwc[:, 0], 50)).all()


@given(st.lists(st.floats(-1e4, 1e4) | st.just(float("nan")), min_size=1, max_size=40))
def test_whatever_is_read_no_soil_holds_more_than_seven_tenths(values: list[float]) -> None:
    vwc, _, _ = in_fractions(np.array(values)[:, None])
    assert (~np.isfinite(vwc) | ((vwc >= 0) & (vwc <= 0.7))).all()


def test_probes_are_judged_each_by_itself() -> None:
    many = np.stack([DRYING, np.full(HOURS, 0.25), np.full(HOURS, np.nan), DRYING * 100], axis=1)
    rest = (np.full(many.shape, 18.0), np.full((DAYS, 4), 4.8), np.zeros((DAYS, 4)))
    soil = {"field_capacity": np.full(4, FC), "saturation": np.full(4, SATURATION)}
    found = judge(many, *rest, **soil)
    assert found.verdicts == (Verdict.SOUND, Verdict.STUCK, Verdict.SILENT, Verdict.SOUND)
    order = [2, 0, 3, 1]
    assert judge(many[:, order], *rest, **soil).verdicts == tuple(found.verdicts[i] for i in order)


def test_no_probe_is_judged_as_well() -> None:
    hours, days, none = np.empty((HOURS, 0)), np.empty((DAYS, 0)), np.empty(0)
    assert judge(hours, hours, days, days, field_capacity=none, saturation=none).verdicts == ()


def plateaus(*levels: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Daily readings of one probe: filled every fifth day, drained two days later while plants took 0.01 a day."""
    vwc, filled, dry = [], [], []
    for level in levels:
        vwc += [level + 0.06, level + 0.01, level - 0.02, level - 0.03, level - 0.04]
        filled += [True, False, False, False, False]
        dry += [False, True, True, True, True]
    return tuple(np.array(of)[:, None] for of in (vwc, np.full(len(vwc), 0.01), filled, dry))  # type: ignore[return-value]


def test_field_capacity_is_what_is_left_two_days_after_filling_and_what_plants_took_meanwhile() -> None:
    """The median is off the table's by 0.04, and three plateaus count three to one."""
    own = calibrated_field_capacity(*plateaus(0.33, 0.34, 0.39), np.array([FC]))
    assert own.vwc[0] == pytest.approx(FC + 0.75 * 0.04)
    assert own.events[0] == 3
    assert own.spread[0] == pytest.approx(0.01)


def test_one_event_is_none() -> None:
    own = calibrated_field_capacity(*plateaus(0.34), np.array([FC]))
    assert (own.vwc[0], own.events[0]) == (FC, 0)
    few = tuple(of[:2] for of in plateaus(0.34))
    assert calibrated_field_capacity(*few, np.array([FC])).events[0] == 0


def test_field_capacity_is_never_far_from_the_tables() -> None:
    own = calibrated_field_capacity(*plateaus(0.55, 0.56), np.array([FC]))
    assert own.vwc[0] == pytest.approx(FC + 0.08)
    low = calibrated_field_capacity(*plateaus(0.15, 0.15), np.array([FC]))
    assert low.vwc[0] == pytest.approx(FC - 0.08)


def test_rain_in_the_days_after_leaves_no_plateau() -> None:
    vwc, taken, filled, dry = plateaus(0.34, 0.34)
    dry[[2, 7]] = False
    assert calibrated_field_capacity(vwc, taken, filled, dry, np.array([FC])).events[0] == 0


@given(true=st.floats(0.25, 0.35), bias=st.floats(-0.03, 0.03), seed=st.integers(0, 1000))
def test_counted_from_its_own_field_capacity_a_probe_has_no_offset(true: float, bias: float, seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 0.004, 12)
    own = calibrated_field_capacity(*plateaus(*(true + bias + noise)), np.array([FC]), most=0.2)
    assert own.vwc[0] == pytest.approx(true + bias, abs=0.015)


@given(gaps=st.sets(st.integers(0, HOURS - 1)), hours=st.integers(1, 24))
def test_the_end_of_a_day_is_the_median_of_its_last_hours(gaps: set[int], hours: int) -> None:
    vwc = DRYING.copy()
    vwc[list(gaps)] = np.nan
    found = at_day_end(vwc[:, None], hours)
    for day in range(DAYS):
        last = vwc[24 * day + 24 - hours : 24 * day + 24]
        known = last[np.isfinite(last)]
        assert found[day, 0] == pytest.approx(np.median(known)) if known.size else np.isnan(found[day, 0])


def seen(innovations: Floats, balance_sd: float = 2.0, probe_sd: float = 4.0) -> Offset:
    variance = np.full((len(innovations), 1), balance_sd**2 + probe_sd**2)
    return offset_of(innovations[:, None], variance, np.array([8.0]))


def test_innovations_of_one_sign_speak_for_an_offset_drawn_towards_none() -> None:
    found = seen(np.full(8, 11.0))
    assert found.seen[0]
    assert 0 < found.depletion_mm[0] < 11.0
    assert 0 < found.sd_mm[0] < 8.0


def test_innovations_of_both_signs_do_not() -> None:
    assert not seen(np.array([11.0, -10.0, 12.0, -11.0, 9.0, -12.0])).seen[0]


def test_two_days_are_no_proof_and_many_are_no_surer_than_the_best() -> None:
    assert not seen(np.full(2, 11.0)).seen[0]
    assert seen(np.full(30, 11.0)).sd_mm[0] == pytest.approx(seen(np.full(8, 11.0)).sd_mm[0])


def test_nothing_measured_is_no_offset() -> None:
    found = seen(np.full(5, np.nan))
    assert (found.depletion_mm[0], found.seen[0]) == (0.0, False)
    assert found.sd_mm[0] == pytest.approx(8.0)


@given(values=st.lists(st.floats(-80, 80) | st.just(float("nan")), min_size=1, max_size=30), most=st.floats(0.1, 10))
def test_a_correction_is_slow_and_bounded(values: list[float], most: float) -> None:
    found, taken = seen(np.array(values)), np.zeros(1)
    for _ in range(40):
        before, taken = taken, corrected(taken, found, np.array([most]))
        assert abs(taken[0] - before[0]) <= 0.1 * most + 1e-12
        assert abs(taken[0]) <= most + 1e-12


def test_a_correction_that_nothing_speaks_for_any_more_is_taken_back() -> None:
    none = Offset(np.array([9.0]), np.array([8.0]), np.array([False]))
    assert corrected(np.array([4.0]), none, np.array([4.0]))[0] == pytest.approx(3.6)


KINDS = {
    "planting": ("turf", "turf", "shrubs", "turf", "turf"),
    "soil": ("loam", "sand", "loam", "loam", "loam"),
    "method": ("sprinkler",) * 5,
}


def test_a_hydrozone_borrows_from_the_nearest_alike_before_a_nearer_one_that_is_not() -> None:
    own = np.array([False, True, True, True, True])
    loans = borrowed(own, np.array([0.0, 0.1, 0.1, 1.0, 2.0]), np.zeros(5), **KINDS)
    assert loans.donor.tolist() == [3, -1, -1, -1, -1]
    assert loans.sd[0] == pytest.approx(LENDING.alike + LENDING.a_km)


def test_what_is_less_alike_and_farther_is_worth_less() -> None:
    def worth(km: float, *donors: int) -> float:
        own = np.isin(np.arange(5), donors)
        return float(borrowed(own, np.array([0.0, km, km, km, km]), np.zeros(5), **KINDS).sd[0])

    assert worth(1, 3) < worth(3, 3) < worth(1, 1) < worth(1, 2)


def test_nobody_lends_from_another_town() -> None:
    own = np.array([False, True, True, True, True])
    loans = borrowed(own, np.array([0.0, 30.0, 30.0, 30.0, 30.0]), np.zeros(5), **KINDS)
    assert loans.donor[0] == -1
    assert borrowed(np.zeros(5, np.bool_), np.zeros(5), np.zeros(5), **KINDS).donor.tolist() == [-1] * 5


def test_what_is_lent_is_how_wrong_the_balance_is_and_not_how_wet_the_ground() -> None:
    """The lender's probe finds a tenth of TAW more missing than the balance; it was watered, the borrower was not."""
    own = np.array([True, False, False])
    loans = borrowed(own, np.zeros(3), np.array([0.0, 0.5, 50.0]), **{k: v[:3] for k, v in KINDS.items()})
    found = lent(loans, np.array([18.0, np.nan, np.nan]), np.array([10.0, 40.0, 40.0]), np.array([80.0, 60.0, 60.0]))
    assert found[1] == pytest.approx(46.0)
    assert np.isnan(found[[0, 2]]).all()
    silent = lent(loans, np.full(3, np.nan), np.full(3, 10.0), np.full(3, 80.0))
    assert np.isnan(silent).all()


@given(order=st.permutations(range(5)))
def test_who_lends_to_whom_does_not_hang_on_the_order(order: list[int]) -> None:
    own, east = np.array([False, True, True, True, False]), np.array([0.0, 0.3, 0.7, 1.1, 1.6])
    straight = borrowed(own, east, np.zeros(5), **KINDS)
    kinds = {name: tuple(values[i] for i in order) for name, values in KINDS.items()}
    mixed = borrowed(own[order], east[order], np.zeros(5), **kinds)
    for place, zone in enumerate(order):
        donor = mixed.donor[place]
        assert (order[donor] if donor >= 0 else -1) == straight.donor[zone]
        assert mixed.sd[place] == straight.sd[zone]
