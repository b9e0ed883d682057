"""Weather that is made: as wet, as dry and as changeable as what was measured; foreseen as well as is said."""

from datetime import date

import numpy as np
import pytest

from optimizers.arrays import Floats
from optimizers.soil import Et0Source, et0_daily
from twin.irrigation.weather import BRUSSELS, ORDINARY, WET_MM, Days, foreseen, hourly_et0_mm, made_days

SEASONS, DAYS = 60, 183
NORMAL = np.full(12, 2.0)


def season(seed: int) -> Days:
    return made_days(BRUSSELS, date(2023, 4, 1), DAYS, np.random.default_rng(seed))


def by_day(days: Days) -> Floats:
    return days.rain_mm.reshape(-1, 24).sum(axis=1)


@pytest.fixture(scope="module")
def seasons() -> list[Days]:
    return [season(seed) for seed in range(SEASONS)]


def test_seasons_vary_as_those_of_brussels_did(seasons: list[Days]) -> None:
    """April to September 1976 to 2005: rain 404 mm, sd 75; ET0 501 mm, sd 42."""
    rain = np.array([days.rain_mm.sum() for days in seasons])
    et0 = np.array([et0_daily(days.weather, BRUSSELS.site, NORMAL).et0_mm.sum() for days in seasons])
    assert rain.mean() == pytest.approx(404, abs=4 * 75 / SEASONS**0.5)
    assert et0.mean() == pytest.approx(501, abs=4 * 42 / SEASONS**0.5)
    assert 50 < rain.std() < 110
    assert 28 < et0.std() < 56


def test_rain_lasts_as_it_did(seasons: list[Days]) -> None:
    """Wet days after dry and after wet ones in July, when rain brings 5.7 mm: days 91 to 121 of a season."""
    rain = np.array([by_day(days) for days in seasons])[:, 91:122]
    wet = rain >= WET_MM - 1e-9
    before, after = wet[:, :-1], wet[:, 1:]
    assert after[~before].mean() == pytest.approx(BRUSSELS.wet_after_dry[6], abs=0.05)
    assert after[before].mean() == pytest.approx(BRUSSELS.wet_after_wet[6], abs=0.06)
    assert rain[wet].mean() == pytest.approx(BRUSSELS.wet_mm[6], rel=0.12)


def test_every_day_has_all_that_penman_monteith_wants(seasons: list[Days]) -> None:
    for days in seasons[:5]:
        assert (days.tmax_c > days.tmin_c).all()
        assert (et0_daily(days.weather, BRUSSELS.site, NORMAL).source == Et0Source.PENMAN_MONTEITH).all()


def test_a_seed_is_a_season() -> None:
    one, same, other = season(3), season(3), season(4)
    assert all(np.array_equal(getattr(one, name), getattr(same, name)) for name in vars(one))
    assert not np.array_equal(one.rain_mm, other.rain_mm)


def test_et0_of_hours_adds_up_and_is_none_at_night() -> None:
    hourly = hourly_et0_mm(np.array([5.0, 2.0]), 47.4, np.array([172, 80])).reshape(2, 24)
    assert hourly.sum(axis=1) == pytest.approx([5.0, 2.0])
    assert (hourly[:, [0, 1, 2, 3, 23]] == 0).all()
    assert hourly.argmax(axis=1).tolist() == [13, 13]


def test_weather_is_foreseen_as_well_as_is_said() -> None:
    random = np.random.default_rng(5)
    wet, dry = np.full(7, 6.0), np.zeros(7)
    told = np.array([foreseen(wet, np.full(7, 4.0), random) for _ in range(4000)])
    alarms = np.array([foreseen(dry, np.full(7, 4.0), random)[0] for _ in range(4000)])
    assert (told[:, 0] > 0).mean(axis=0) == pytest.approx(ORDINARY.hit, abs=0.03)
    assert (alarms > 0).mean(axis=0) == pytest.approx(ORDINARY.false_alarm, abs=0.03)
    amount = np.array([told[:, 0, lead][told[:, 0, lead] > 0].mean() for lead in range(7)])
    assert amount == pytest.approx(6.0, rel=0.1), "right on average where it is seen at all"
    assert told[:, 1].mean(axis=0) == pytest.approx(4.0, rel=0.02)
    spread = told[:, 1].std(axis=0) / 4.0
    assert spread == pytest.approx(ORDINARY.et0_sd, rel=0.1)
    assert (np.diff(spread) > 0).all(), "the later, the worse"
