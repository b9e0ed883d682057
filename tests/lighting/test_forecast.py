"""The forecast is a quantile of like hours, and says when it knows nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers.forecast import History, coverage, forecast
from optimizers.result import InvalidProblem


def history(series: list[int], group: list[int], value: list[float]) -> History:
    return History(np.array(series, np.int64), np.array(group, np.int64), np.array(value, np.float64))


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=60), st.floats(0.01, 1))
def test_the_quantile_is_numpys_inverted_cdf(values: list[float], quantile: float) -> None:
    quantile = round(quantile, 2)
    likely = forecast(
        history([0] * len(values), [5] * len(values), values), np.array([5]), 1, quantile=quantile, minimum_samples=1
    )
    assert likely.value[0, 0] == np.quantile(values, quantile, method="inverted_cdf")
    assert likely.samples[0, 0] == len(values)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.floats(0, 100)), max_size=80))
def test_only_like_hours_of_the_same_counter_count(rows: list[tuple[int, int, float]]) -> None:
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], []]
    slots = np.array([0, 2, 4, 4, 9])
    likely = forecast(history(*columns), slots, 4, quantile=0.9, minimum_samples=2)
    for series in range(4):
        for t, group in enumerate(slots):
            like = [v for s, g, v in rows if s == series and g == group]
            assert likely.samples[series, t] == len(like)
            if len(like) < 2:
                assert np.isnan(likely.value[series, t])
            else:
                assert likely.value[series, t] == np.quantile(like, 0.9, method="inverted_cdf")


@pytest.mark.parametrize(("samples", "known"), [(3, False), (4, True), (0, False)])
def test_too_few_samples_are_no_forecast(samples: int, known: bool) -> None:
    likely = forecast(
        history([0] * samples, [1] * samples, [7.0] * samples), np.array([1]), 1, quantile=0.9, minimum_samples=4
    )
    assert np.isfinite(likely.value[0, 0]) == known


@pytest.mark.parametrize("bad", [np.nan, -1.0, np.inf, -np.inf])
def test_what_is_no_count_is_no_sample(bad: float) -> None:
    likely = forecast(history([0] * 3, [0] * 3, [5.0, bad, 9.0]), np.array([0]), 1, quantile=1.0, minimum_samples=1)
    assert (likely.value[0, 0], likely.samples[0, 0]) == (9.0, 2)


def test_a_counter_without_history_has_none() -> None:
    likely = forecast(history([1], [0], [5.0]), np.array([0, 1]), 3, quantile=0.5, minimum_samples=1)
    assert likely.samples.tolist() == [[0, 0], [1, 0], [0, 0]]
    assert np.isnan(likely.value[0]).all()


@pytest.mark.parametrize("wrong", [{"quantile": 0.0}, {"quantile": 1.1}, {"minimum_samples": 0}])
def test_a_forecast_that_cannot_be(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidProblem):
        forecast(history([], [], []), np.array([0]), 1, **({"quantile": 0.9, "minimum_samples": 1} | wrong))


def test_columns_of_different_length() -> None:
    with pytest.raises(InvalidProblem, match="differ"):
        history([0, 1], [0], [1.0])


def test_a_quantile_covers_what_it_promises() -> None:
    """Trained on a hundred days of one hour and held to a thousand others, within four standard errors."""
    rng = np.random.default_rng(1)
    past, coming = rng.gamma(3.0, 40.0, 20 * 100), rng.gamma(3.0, 40.0, (20, 1000))
    likely = forecast(
        History(np.repeat(np.arange(20), 100), np.zeros(2000, np.int64), past),
        np.array([0]),
        20,
        quantile=0.9,
        minimum_samples=4,
    )
    assert coverage(coming, np.repeat(likely.value, 1000, axis=1)) == pytest.approx(0.9, abs=0.03)


def test_coverage_counts_known_pairs_only() -> None:
    actual, predicted = np.array([1.0, 5.0, np.nan, 2.0]), np.array([1.0, 4.0, 9.0, np.nan])
    assert coverage(actual, predicted) == 0.5
    assert np.isnan(coverage(actual[2:], predicted[2:]))
