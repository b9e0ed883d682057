"""The outlook gives probabilities that come true, from the past alone, and says when it knows nothing."""

import math
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.lighting.hours import hourly_counts
from optimizers.forecast import HourlyCounts, Outlook, foresee, learn, predict
from optimizers.forecast.hours import Floats
from optimizers.result import InvalidProblem

DAYS = 90
SHAPE = 200 + 180 * np.sin(np.arange(24) / 24 * 2 * np.pi) ** 2
START_AT = datetime(2026, 1, 4, 23, tzinfo=UTC)  # midnight in Paris before a Monday


def made(days: int = DAYS, *, series: int = 2, seed: int = 1, evening: float = 0.3, noise: float = 0.1) -> HourlyCounts:
    """Counts with an hour's shape, a mood of each day that all its hours share, and chance; lognormal."""
    rng = np.random.default_rng(seed)
    mood = np.repeat(rng.normal(0, evening, (series, days)), 24, axis=1)
    chance = rng.normal(0, noise, (series, days * 24))
    hour = np.tile(np.arange(24), days)
    return HourlyCounts(SHAPE[hour] * np.exp(mood + chance), hour, np.zeros(days * 24, np.int64))


def night(outlook: Outlook) -> list[Floats]:
    return [outlook.quantile(q) for q in (0.1, 0.5, 0.9)]


@pytest.mark.parametrize("level", [0.5, 0.9, 0.98])
def test_a_quantile_covers_what_it_promises(level: float) -> None:
    """Forty series, twenty days each, learnt from the days before: within four standard errors, which count each
    evening as one draw, since its hours share a mood.
    """
    counts, until = made(series=40), 70 * 24
    learned = learn(counts, until, [(h, h + 1) for h in range(20, 24)])
    hits = []
    for day in range(70, DAYS):
        hours = day * 24 + np.arange(20, 24)
        hits.append(counts.value[:, hours] <= predict(learned, counts, day * 24, hours).quantile(level))
    error = math.sqrt(level * (1 - level) / (40 * 20))
    assert np.mean(hits) == pytest.approx(level, abs=4 * error)


@pytest.mark.parametrize("days", [8, 14, 28])
def test_a_short_past_covers_nearly_as_much(days: int) -> None:
    """Each past hour is judged as if it had not been learnt from. Four standard errors, an evening being one draw."""
    counts, until = made(days + 4, series=60, evening=0.15), days * 24
    learned = learn(counts, until, [(h, h + 1) for h in range(20, 24)])
    hits = []
    for day in range(days, days + 4):
        hours = day * 24 + np.arange(20, 24)
        hits.append(counts.value[:, hours] <= predict(learned, counts, day * 24, hours).quantile(0.9))
    assert np.mean(hits) == pytest.approx(0.9, abs=4 * math.sqrt(0.09 / (60 * 4)))


def test_it_finds_the_quantiles_that_made_the_counts() -> None:
    counts = made(400, series=20, evening=0.0, noise=0.2)
    hours = 399 * 24 + np.arange(20, 24)
    outlook = foresee(counts, 399 * 24, hours)
    for level, normal in ((0.1, -1.2816), (0.5, 0.0), (0.9, 1.2816)):
        found = np.log(outlook.quantile(level) / SHAPE[20:]).mean()
        assert found == pytest.approx(0.2 * normal, abs=0.02)


def test_an_evening_that_is_busier_than_usual_is_seen_as_it_comes() -> None:
    """Counted until 20:00, the same mood goes on: much nearer than what noon could say."""
    counts = made(series=20)
    hours = (DAYS - 1) * 24 + np.arange(20, 24)
    actual = np.log(counts.value[:, hours])
    before, after = (np.log(foresee(counts, known, hours).quantile(0.5)) for known in (hours[0] - 20, hours[0]))
    assert np.abs(after - actual).mean() < 0.6 * np.abs(before - actual).mean()


def test_a_loop_that_sees_next_to_nothing_is_not_believed_to_the_end() -> None:
    """Hours at nought, and at a tenth of what is usual, tell the same; and less than what is usual all the same."""
    counts, until, known = made(60), 59 * 24, 59 * 24 + 20
    learned, hours = learn(counts, until, [(h, h - 19) for h in range(20, 24)]), np.arange(known, known + 4)
    told = []
    for share in (0.0, 0.1, 1.0):
        value = counts.value.copy()
        value[:, until:known] = share * SHAPE[:20]
        told.append(predict(learned, replace(counts, value=value), known, hours).quantile(0.5))
    assert np.array_equal(told[0], told[1])
    assert (told[0] < told[2]).all()
    assert (told[0] > 0.2 * told[2]).all()


@settings(max_examples=15)
@given(st.integers(0, 23), st.integers(0, 10_000), st.sampled_from([np.nan, 0.0, 1e6]))
def test_nothing_later_is_looked_at(known_hour: int, seed: int, later: float) -> None:
    counts, known = made(20, seed=seed), 15 * 24 + known_hour
    hours = np.arange(known, known + 10)
    changed = counts.value.copy()
    changed[:, known:] = later
    for one, other in zip(
        night(foresee(counts, known, hours)),
        night(foresee(replace(counts, value=changed), known, hours)),
        strict=True,
    ):
        assert np.array_equal(one, other)


def test_what_was_learnt_does_not_change_with_later_counts() -> None:
    counts, until = made(30), 20 * 24
    changed = counts.value.copy()
    changed[:, until:] *= 3
    one, other = (learn(c, until, [(22, 4)]) for c in (counts, replace(counts, value=changed)))
    assert np.array_equal(one.slopes[22, 4], other.slopes[22, 4])
    assert np.array_equal(one.strays, other.strays, equal_nan=True)


def test_a_series_is_foreseen_alone() -> None:
    """To the last bit: what another counter says, or that it is there, changes nothing."""
    both, known = made(30), 29 * 24
    hours = np.arange(known, known + 24)
    alone = replace(both, value=both.value[1:])
    for one, other in zip(night(foresee(both, known, hours)), night(foresee(alone, known, hours)), strict=True):
        assert np.array_equal(one[1:], other)


def test_the_same_counts_give_the_same_outlook() -> None:
    hours = np.arange(29 * 24, 30 * 24)
    first, second = (night(foresee(made(30), 29 * 24, hours)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_quantiles_rise_and_probabilities_fall() -> None:
    counts, known = made(40), 39 * 24
    outlook = foresee(counts, known, np.arange(known, known + 24))
    quantiles = [outlook.quantile(q) for q in (0.01, 0.2, 0.5, 0.9, 0.99, 1.0)]
    assert all((low <= high).all() for low, high in pairwise(quantiles))
    beyond = outlook.exceeds(np.array([[50.0, 200.0, 300.0, 5000.0]] * 2))
    assert (np.diff(beyond, axis=-1) < 0).all()
    assert ((beyond > 0) & (beyond < 1)).all()


def test_probability_and_quantile_agree() -> None:
    """What is exceeded with probability a tenth is the quantile of nine tenths, but for the smoothing."""
    counts, known = made(), (DAYS - 1) * 24
    outlook = foresee(counts, known, np.arange(known, known + 3))
    for k in range(3):
        beyond = outlook.exceeds(outlook.quantile(0.9)[:, k : k + 1])[:, k, 0]
        assert beyond == pytest.approx([0.1, 0.1], abs=0.02)
        assert outlook.rank(outlook.quantile(0.9))[:, k] == pytest.approx(1 - beyond)


@pytest.mark.parametrize("bad", [np.nan, -5.0, np.inf, -np.inf])
def test_what_is_no_count_is_as_if_not_counted(bad: float) -> None:
    counts, known = made(30), 29 * 24
    hours = np.arange(known, known + 12)
    holes = np.random.default_rng(2).random(counts.value.shape) < 0.2
    outlooks = [foresee(replace(counts, value=np.where(holes, x, counts.value)), known, hours) for x in (np.nan, bad)]
    assert np.array_equal(outlooks[0].quantile(0.9), outlooks[1].quantile(0.9))
    assert np.isfinite(outlooks[1].quantile(0.9)).all()


@pytest.mark.parametrize("last", [0.0, 1e9, 1e300])
def test_counts_beyond_reason_give_figures_all_the_same(last: float) -> None:
    counts, known = made(20), 19 * 24 + 20
    value = counts.value.copy()
    value[:, known - 3 : known] = last
    outlook = foresee(replace(counts, value=value), known, np.arange(known, known + 4))
    assert np.isfinite(outlook.quantile(1.0)).all()
    assert np.isfinite(outlook.exceeds(np.array([[100.0, 1e6]] * 2))).all()


def test_too_few_like_hours_are_no_forecast() -> None:
    counts = made(6)
    hours = np.array([5 * 24, 5 * 24 + 1])
    assert np.isfinite(foresee(counts, 5 * 24, hours, minimum_samples=5).quantile(0.9)).all()
    outlook = foresee(counts, 5 * 24, hours, minimum_samples=6)
    assert np.isnan(outlook.quantile(0.9)).all()
    assert np.isnan(outlook.exceeds(np.array([[1.0]] * 2))).all()
    assert outlook.samples.tolist() == [[5, 5]] * 2


def test_a_counter_without_any_history() -> None:
    counts = replace(made(10), value=np.vstack([made(10).value, np.full((1, 240), np.nan)]))
    outlook = foresee(counts, 216, np.arange(216, 220), minimum_samples=4)
    assert np.isnan(outlook.quantile(0.5)[2]).all()
    assert np.isnan(outlook.rank(counts.value[:, 216:220])[2]).all()
    assert np.isfinite(outlook.quantile(0.5)[:2]).all()


def test_no_history_at_all() -> None:
    outlook = foresee(made(2), 0, np.arange(24))
    assert np.isnan(outlook.quantile(0.5)).all()
    assert np.isnan(outlook.exceeds(np.array([[9.0]] * 2))).all()


@pytest.mark.parametrize("month_day", [(3, 29), (10, 25)])
def test_the_night_the_clocks_change(month_day: tuple[int, int]) -> None:
    """Hours of the wall clock are like hours: the missing one is missing, the double one is foreseen twice alike."""
    start_at = datetime(2026, month_day[0] - 2, 1, tzinfo=UTC)
    first = int((datetime(2026, *month_day, tzinfo=UTC) - start_at).total_seconds() // 3600)
    size = first + 24
    shape = hourly_counts(np.zeros((1, size)), start_at)
    counts = replace(shape, value=SHAPE[shape.hour][None] * np.exp(np.random.default_rng(3).normal(0, 0.05, size)))
    hours = np.arange(first - 2, first + 6)
    clock = counts.hour[hours].tolist()
    assert clock == ([23, 0, 1, 3, 4, 5, 6, 7] if month_day[0] == 3 else [0, 1, 2, 2, 3, 4, 5, 6])
    middle = foresee(counts, first - 12, hours).quantile(0.5)[0]
    assert middle == pytest.approx(SHAPE[counts.hour[hours]], rel=0.08)


def test_the_calendar_of_hours() -> None:
    counts = hourly_counts(np.zeros((1, 24 * 7)), START_AT)
    assert counts.hour[:3].tolist() == [0, 1, 2]
    assert counts.kind[::24].tolist() == [0, 0, 0, 0, 0, 1, 2]
    friday, saturday = counts.days[4 * 24], counts.days[5 * 24]
    assert friday.tolist() == [0, 0, 0, 0, 1, 0, 0, 0, 1, 0]
    assert saturday.tolist() == [0, 0, 0, 0, 0, 1, 0, 0, 1, 0]
    with pytest.raises(ValueError, match="inside an hour"):
        hourly_counts(np.zeros((1, 2)), START_AT.replace(minute=5))


def test_counts_that_do_not_fit_together() -> None:
    with pytest.raises(InvalidProblem) as caught:
        HourlyCounts(np.zeros((1, 5)), np.full(5, 24), np.full(4, 3), np.zeros((3, 2)))
    assert caught.value.problems == (
        "kind of shape (4,) wants (5,)",
        "days of shape (3, 2) wants 5 rows",
        "hour wants 0 to 23",
        "kind wants 0 to 2",
    )


def test_hours_that_cannot_be_foreseen() -> None:
    counts = made(10)
    learned = learn(counts, 200, [(8, 1)])
    with pytest.raises(InvalidProblem, match="199 to 199 want 200 to 239"):
        predict(learned, counts, 200, np.array([199]))
    with pytest.raises(InvalidProblem, match="hour 9 was not learnt 2 hours ahead"):
        predict(learned, counts, 200, np.array([201]))
    with pytest.raises(InvalidProblem, match="hour 24, 0 hours ahead"):
        learn(counts, 200, [(24, 0)])
    with pytest.raises(InvalidProblem, match="wants"):
        predict(learned, counts, 200, np.array([200])).quantile(0.0)


def test_no_counter_at_all_has_an_outlook_of_none() -> None:
    counts = made()
    none = HourlyCounts(counts.value[:0], counts.hour, counts.kind)
    known = counts.value.shape[1] - 20
    assert foresee(none, known, np.arange(known, known + 4)).quantile(0.9).shape == (0, 4)
