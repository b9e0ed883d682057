"""What sites may draw: from days like the one to come, never from what was not yet known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.arrays import Floats, Ints
from optimizers.energy.foreseeing import Likeness, Past, foresee, skill
from optimizers.result import InvalidProblem

DAY = 24
EXACT = Likeness(unlike=0.0, sun=np.inf)


def _days(days: int) -> tuple[Floats, Floats, Ints]:
    """A load of weekdays and weekends, and a sun, the same each day."""
    hour, day = np.arange(days * DAY) % DAY, np.arange(days * DAY) // DAY
    kind = (day % 7 >= 5).astype(np.int64)
    drawn = 500.0 + 1_000.0 * ((hour >= 17) & (hour < 21)) + 800.0 * kind
    sun = 2_000.0 * np.maximum(np.sin((hour - 6) / 12 * np.pi), 0.0)
    return drawn[None], sun[None], kind


def _past(now: int, days: int = 30, ahead: int = 36) -> Past:
    drawn, sun, kind = _days(days)
    return Past(drawn_w=drawn[:, :now], sun_w=sun[:, :now], kind=kind[: now + ahead], a_day=DAY)


def test_days_that_repeat_are_foreseen_as_they_come() -> None:
    drawn, sun, _ = _days(30)
    now = 25 * DAY + 9
    only_like = Likeness(unlike=0.0)
    found = foresee(_past(now), 36, only_like).expected_w
    assert found == pytest.approx((drawn - sun)[:, now : now + 36])


def test_a_day_of_another_kind_counts_as_much_as_is_said() -> None:
    now = 8 * DAY  # the second Tuesday, after two days of weekend
    half = foresee(_past(now), DAY, Likeness(unlike=1.0, fading=1.0, sun=np.inf, lingering=1e-9)).expected_w
    drawn, sun, _ = _days(30)
    assert half[0, 0] == pytest.approx(drawn[0, :now:DAY].mean() - sun[0, 0])


def test_of_a_dull_day_dull_days_are_the_likelier_and_the_less_sun_is_foreseen() -> None:
    drawn, sun, kind = _days(12)
    dull = sun.copy()
    for day in (3, 6, 10):
        dull[:, day * DAY : (day + 1) * DAY] *= 0.3
    now = 10 * DAY + 12
    past = Past(drawn_w=drawn[:, :now], sun_w=dull[:, :now], kind=kind, a_day=DAY)
    looking = foresee(past, 6, Likeness(sun=0.2)).expected_w[0, 0]
    blind = foresee(past, 6, Likeness(sun=np.inf)).expected_w[0, 0]
    assert looking > blind + 200.0


def test_what_is_drawn_above_the_usual_wears_off() -> None:
    drawn, sun, kind = _days(12)
    now = 9 * DAY + 3
    more = drawn.copy()
    more[:, now - 1] += 1_000.0
    base, lifted = (
        foresee(Past(drawn_w=of[:, :now], sun_w=sun[:, :now], kind=kind, a_day=DAY), 4, Likeness(lingering=0.5))
        for of in (drawn, more)
    )
    assert (lifted.expected_w - base.expected_w)[0] == pytest.approx([500.0, 250.0, 125.0, 62.5])


@settings(max_examples=25, deadline=None)
@given(now=st.integers(DAY, 9 * DAY), seed=st.integers(0, 1_000))
def test_nothing_to_come_is_looked_at(now: int, seed: int) -> None:
    """What is foreseen has no argument by which the future could come in, and is finite with any past."""
    random = np.random.default_rng(seed)
    drawn, sun = random.gamma(2.0, 400.0, (2, now)), random.gamma(1.0, 300.0, (2, now))
    kind = np.arange(now + 40) // DAY % 2
    found = foresee(Past(drawn_w=drawn, sun_w=sun, kind=kind, a_day=DAY), 40)
    assert np.isfinite(found.net_w).all() and found.net_w.shape == found.weight.shape
    assert found.net_w.min() >= -sun.max() - 1e-9
    assert (found.weight.sum(axis=1) > 0).all()


def test_the_share_that_a_quantile_covers_is_near_its_level() -> None:
    random = np.random.default_rng(7)
    drawn, sun, kind = _days(120)
    noisy = drawn * random.lognormal(0.0, 0.4, drawn.shape)
    covered = []
    for now in range(40 * DAY, 110 * DAY, 7 * DAY + 5):
        past = Past(drawn_w=noisy[:, :now], sun_w=sun[:, :now], kind=kind, a_day=DAY)
        high = foresee(past, DAY).quantile_w(0.8)
        covered.append((noisy[:, now : now + DAY] - sun[:, now : now + DAY] <= high).mean())
    assert 0.65 < np.mean(covered) < 0.9


def test_a_past_tells_all_that_is_wrong_with_it() -> None:
    with pytest.raises(InvalidProblem) as told:
        Past(drawn_w=np.full((1, 10), np.nan), sun_w=np.full((1, 10), -1.0), kind=np.zeros(5, np.int64), a_day=24)
    assert len(told.value.problems) == 4
    with pytest.raises(InvalidProblem, match="as far as is foreseen"):
        foresee(_past(5 * DAY, days=30, ahead=6), 7)


def test_skill_is_that_of_the_quantiles_of_past_days() -> None:
    random = np.random.default_rng(3)
    drawn, sun, kind = _days(60)
    noisy = drawn * random.lognormal(0.0, 0.3, drawn.shape)
    past = Past(drawn_w=noisy, sun_w=sun, kind=kind, a_day=DAY)
    levels = np.array([0.1, 0.5, 0.9])
    found = skill(past, DAY, levels, days=30)
    assert (np.abs(found.covered - levels) < 0.15).all()
    assert (np.diff(found.covered) > 0).all()
    certain = skill(Past(drawn_w=drawn, sun_w=sun, kind=kind, a_day=DAY), DAY, levels, days=7, likeness=EXACT)
    assert certain.pinball_w == pytest.approx(np.zeros((1, 3)), abs=1e-6)


def test_skill_on_the_last_days_does_not_learn_from_them() -> None:
    drawn, sun, kind = _days(40)
    surprise = drawn.copy()
    surprise[:, -DAY:] += 5_000.0
    past = Past(drawn_w=surprise, sun_w=sun, kind=kind, a_day=DAY)
    found = skill(past, DAY, np.array([0.9]), days=1, likeness=EXACT)
    assert found.covered[0, 0] == 0.0
    assert found.pinball_w[0, 0] == pytest.approx(0.9 * 5_000.0)


def test_skill_wants_a_past_that_is_long_enough() -> None:
    with pytest.raises(InvalidProblem, match="to be held to it"):
        skill(_past(15 * DAY), DAY, np.array([0.5]))
