"""Which readings of fill-level sensors are believed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers.arrays import Bools, Floats, Ints
from optimizers.fill import Judged, Verdict, believed, believed_at_first, judge, on_grid
from optimizers.fill.history import History

DAYS = 14
SLOTS = 4 * DAYS
SLOT = np.arange(SLOTS)
RATE = 0.12
EVERY = 24
"""Slots from one emptying to the next: six days."""


def filling(seed: int = 1, noise: float = 0.02) -> tuple[Floats, Bools]:
    """A fortnight of readings of one bin, in hundredths, and its emptyings at the beginning of their slots."""
    level = RATE / 4 * (SLOT % EVERY + 1)
    read = level + np.random.default_rng(seed).normal(0, noise, SLOTS)
    return np.round(np.clip(read, 0, 1), 2), (SLOT % EVERY == 0) & (SLOT > 0)


def judged(raw: Floats, emptied: Bools) -> Judged:
    return judge(raw[:, None], emptied[:, None], np.array([RATE]))


def test_a_sound_sensor_is_believed_to_the_last_reading() -> None:
    raw, emptied = filling()
    found = judged(raw, emptied)
    assert found.verdicts == (Verdict.SOUND,)
    assert np.array_equal(found.level[:, 0], raw)
    assert not found.emptied.any()
    assert found.zero[0] == 0.0


@given(st.integers(0, 10_000), st.floats(0.0, 0.045))
def test_no_noise_of_a_sound_sensor_makes_it_a_liar(seed: int, noise: float) -> None:
    raw, emptied = filling(seed, noise)
    found = judged(raw, emptied)
    assert np.isfinite(found.level).mean() > 0.9
    assert found.zero[0] == 0.0
    assert found.verdicts[0] in {Verdict.SOUND, Verdict.JUMPING}


def test_a_sensor_of_which_nothing_came_is_none_and_one_that_fell_silent_is_silent() -> None:
    raw, emptied = filling()
    assert judged(np.full(SLOTS, np.nan), emptied).verdicts == (Verdict.NONE,)
    raw[-6:] = np.nan
    assert judged(raw, emptied).verdicts == (Verdict.SILENT,)
    raw[-1] = 0.3
    assert judged(raw, emptied).verdicts == (Verdict.SOUND,)


def test_a_sensor_that_says_one_thing_for_days_is_stuck() -> None:
    raw, emptied = filling()
    raw[-12:] = 0.42
    found = judged(raw, emptied)
    assert found.verdicts == (Verdict.STUCK,)
    assert np.isnan(found.level[-12:]).all()
    assert np.isfinite(found.level[:-12]).all()


def test_a_bin_that_nobody_uses_is_not_stuck() -> None:
    found = judge(np.full((SLOTS, 1), 0.1), np.zeros((SLOTS, 1), np.bool_), np.array([0.005]))
    assert found.verdicts == (Verdict.SOUND,)


def test_a_sensor_that_stays_high_through_an_emptying_is_stuck() -> None:
    raw, emptied = filling()
    at = EVERY * 2
    raw[at - 3 : at + 3] = 0.6
    found = judged(raw, emptied)
    assert np.isnan(found.level[at - 3 : at + 3]).all()


def test_a_day_that_is_sent_twice_is_believed_once() -> None:
    raw, emptied = filling()
    raw[-4:] = raw[-8:-4] = np.array([0.31, 0.35, 0.38, 0.4])
    found = judged(raw, emptied)
    assert found.verdicts == (Verdict.DUPLICATED,)
    assert np.isnan(found.level[-4:]).all()
    assert np.isfinite(found.level[-8:-4]).all()


def test_foam_is_high_and_restless() -> None:
    raw, emptied = filling()
    raw[-10:] = np.array([0.8, 0.55, 0.6, 0.95, 0.7, 1.0, 0.62, 0.9, 0.75, 0.97])
    found = judged(raw, emptied)
    assert found.verdicts == (Verdict.FOAMY,)
    assert np.isnan(found.level[-9:]).all()


def test_a_single_jump_is_left_out() -> None:
    raw, emptied = filling()
    raw[10] = 0.95
    found = judged(raw, emptied)
    assert np.isnan(found.level[10])
    assert np.isfinite(np.delete(found.level[:, 0], 10)).all()
    assert found.verdicts == (Verdict.SOUND,)


def test_two_jumps_lately_are_a_jumping_sensor() -> None:
    raw, emptied = filling()
    raw[[-6, -3]] = 1.0
    assert judged(raw, emptied).verdicts == (Verdict.JUMPING,)


def test_an_emptying_that_nobody_reported_is_seen() -> None:
    raw, emptied = filling()
    emptied[EVERY * 2] = False
    found = judged(raw, emptied)
    assert np.flatnonzero(found.emptied[:, 0]).tolist() == [EVERY * 2]


def test_a_sensor_that_reads_an_empty_bin_as_part_full_has_its_zero_taken_off() -> None:
    raw, emptied = filling()
    found = judged(np.clip(raw + 0.15, 0, 1), emptied)
    assert found.verdicts == (Verdict.MIS_ZEROED,)
    assert found.zero[0] == pytest.approx(0.15, abs=0.03)
    assert np.nanmax(np.abs(found.level[:, 0] - raw)) < 0.04


@given(
    st.lists(st.one_of(st.just(np.nan), st.floats(0.0, 1.0)), min_size=1, max_size=60),
    st.lists(st.booleans(), min_size=60, max_size=60),
)
def test_anything_can_be_judged(values: list[float], gone: list[bool]) -> None:
    raw = np.array(values)[:, None]
    found = judge(raw, np.array(gone[: len(values)])[:, None], np.array([0.1]))
    heard = np.isfinite(found.level)
    assert not (heard & ~np.isfinite(raw)).any()
    assert ((found.level[heard] >= 0) & (found.level[heard] <= 1)).all()


def test_bins_do_not_judge_each_other() -> None:
    sound, emptied = filling()
    stuck = sound.copy()
    stuck[-12:] = 0.42
    both = judge(np.stack([sound, stuck], axis=1), np.stack([emptied, emptied], axis=1), np.full(2, RATE))
    assert both.verdicts == (Verdict.SOUND, Verdict.STUCK)
    assert np.array_equal(both.level[:, 0], judged(sound, emptied).level[:, 0], equal_nan=True)


def test_events_in_any_order_lie_on_the_grid() -> None:
    hour = 3600.0
    raw, emptied, found = on_grid(
        np.array([0, 0, 0, 1]), np.array([5.0, 1.0, 7.0, 99.0]) * hour, np.array([0.5, 0.4, 0.1, 0.9]),
        emptied_bins=np.array([0, 1]), emptied_at_s=np.array([6.5, 2.0]) * hour, found=np.array([np.nan, 0.8]),
        shape=(2, 2), start_s=0.0, slot_s=6 * hour,
    )  # fmt: skip
    assert np.array_equal(raw, [[0.5, np.nan], [0.1, np.nan]], equal_nan=True)
    assert emptied.tolist() == [[False, True], [True, False]]
    assert np.array_equal(found, [[np.nan, 0.8], [np.nan, np.nan]], equal_nan=True)


def test_a_reading_from_before_an_emptying_in_its_slot_is_what_was_found() -> None:
    raw, emptied, found = on_grid(
        np.array([0]), np.array([60.0]), np.array([0.7]),
        emptied_bins=np.array([0]), emptied_at_s=np.array([120.0]), found=np.array([np.nan]),
        shape=(1, 1), start_s=0.0, slot_s=3600.0,
    )  # fmt: skip
    assert np.isnan(raw[0, 0])
    assert emptied[0, 0]
    assert found[0, 0] == 0.7


def test_a_fortnight_of_history_says_what_is_in_a_bin_now() -> None:
    raw, emptied = filling()
    kinds = np.repeat(np.arange(DAYS) % 7, 4)[:, None]
    history = History(raw[:, None], emptied[:, None], np.full((SLOTS, 1), np.nan), kinds)
    belief, found = believed(believed_at_first(np.zeros(1, np.int64), 0.1), history)
    assert found.verdicts == (Verdict.SOUND,)
    assert belief.level[0] == pytest.approx(RATE / 4 * (SLOTS % EVERY), abs=0.04)
    assert belief.rate[0] == pytest.approx(RATE, abs=0.02)


def test_a_stuck_sensor_leaves_the_level_to_the_rate() -> None:
    raw, emptied = filling()
    raw[-12:] = raw[-13]
    kinds = np.repeat(np.arange(DAYS) % 7, 4)[:, None]
    emptied[EVERY * 2] = True
    belief, found = believed(
        believed_at_first(np.zeros(1, np.int64), 0.1),
        History(raw[:, None], emptied[:, None], np.full((SLOTS, 1), np.nan), kinds),
    )
    assert found.verdicts == (Verdict.STUCK,)
    assert belief.level[0] == pytest.approx(RATE / 4 * (SLOTS % EVERY), abs=0.15)
    assert belief.level_sd[0] > 0.04


events = st.lists(st.tuples(st.integers(0, 2), st.integers(-3, 30), st.floats(0.0, 1.0)), max_size=25)


@given(events, events)
def test_the_grid_is_what_somebody_who_goes_through_events_one_by_one_fills_in(
    readings: list[tuple[int, int, float]], emptyings: list[tuple[int, int, float]]
) -> None:
    raw, gone, found = on_grid(
        *_columns(readings), **dict(zip(("emptied_bins", "emptied_at_s", "found"), _columns(emptyings), strict=True)),
        shape=(4, 3), start_s=0.0, slot_s=6.0,
    )  # fmt: skip
    for slot in range(4):
        for bin_ in range(3):
            mine = [sorted((one for one in all_ if one[0] == bin_ and one[1] // 6 == slot), key=lambda one: one[1])
                    for all_ in (readings, emptyings)]  # fmt: skip
            last = mine[1][-1][1] if mine[1] else -np.inf
            after = [level for _, at, level in mine[0] if at > last]
            assert gone[slot, bin_] == bool(mine[1])
            assert np.array_equal([raw[slot, bin_]], [after[-1] if after else np.nan], equal_nan=True)
            assert np.array_equal([found[slot, bin_]], [mine[1][-1][2] if mine[1] else np.nan], equal_nan=True)


def _columns(events_: list[tuple[int, int, float]]) -> tuple[Ints, Floats, Floats]:
    bins, at, level = zip(*events_, strict=True) if events_ else ((), (), ())
    return np.array(bins, np.int64), np.array(at, np.float64), np.array(level, np.float64)
