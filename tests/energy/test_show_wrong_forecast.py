"""The study of wrong forecasts: a day of it in closed loop, how wrong its forecasts are, and its verdict."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from tests.bench import show_energy_wrong_forecast as show
from tests.bench.energy_wrong import ALL, LIMIT_W, RIGHT, WRONGS, Came, Day, Sent, Wrong, made_day, ran, seen


@pytest.fixture(scope="module")
def day() -> Day:
    return made_day(1)


def test_a_forecast_is_wrong_by_what_it_says(day: Day) -> None:
    at = day.start + timedelta(hours=4)
    right = seen(day, at, RIGHT)
    wrong = seen(day, at, Wrong("", load=0.5, sun=1.5, degrees=0.5))
    later = slice(8, None)
    assert wrong.base_w[later] == pytest.approx(0.5 * right.base_w[later])
    assert wrong.solar_w == pytest.approx(1.5 * right.solar_w)
    far = slice(48, None)
    assert 20 - wrong.outdoor_c[far] == pytest.approx(0.5 * (20 - right.outdoor_c[far]))
    assert wrong.outdoor_c[0] == pytest.approx(right.outdoor_c[0], abs=0.2), "now is measured"


def test_prices_in_reverse_order_are_the_same_prices(day: Day) -> None:
    right, turned = (seen(day, day.start, Wrong("", reversed_prices=reverse)) for reverse in (False, True))
    assert sorted(turned.eur_kwh[:96]) == pytest.approx(sorted(right.eur_kwh[:96]))
    assert np.corrcoef(turned.eur_kwh[:96], right.eur_kwh[:96])[0, 1] < -0.8


def test_what_is_sent_stands_for_its_quarter() -> None:
    sent, start = Sent(), made_day(1).start
    sent.send("BT", "power", [start], np.array([7.0]))
    assert sent.asked("BT", "power", start + timedelta(minutes=14)) == 7.0
    assert sent.asked("BT", "power", start + timedelta(minutes=15)) is None


def test_comfort_and_contract_are_kept_whatever_was_foreseen(day: Day) -> None:
    """Under a right forecast, and under one that is wrong in all at once: no trip, vehicles served, at a cost."""
    rule, right, wrong = ran(day, None), ran(day, RIGHT), ran(day, ALL)
    for one in (right, wrong):
        assert one.trips == 0
        assert one.highest < 1.05
        assert one.lacking_kwh < show.LEFT_KWH
    assert right.warm_h >= rule.warm_h
    assert wrong.warm_h >= rule.warm_h - 0.5
    assert right.eur < rule.eur
    assert right.eur < wrong.eur


def came(**changes: float) -> Came:
    return replace(Came(eur=10.0, occupied_h=10.0, warm_h=10.0, lacking_kwh=0.0, trips=0, highest=0.9), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "held"),
    [
        ({}, True),
        ({"trips": 1}, False),
        ({"lacking_kwh": 0.6}, False),
        ({"warm_h": 9.75}, False),
        ({"eur": 30.0}, True),
    ],
)
def test_what_must_be_kept_is_told(
    changes: dict[str, float],
    held: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    jobs = show.jobs(1)
    assert len(jobs) == len(WRONGS) + 1
    rows = [came() if wrong is None or wrong.name != ALL.name else came(**changes) for _, wrong in jobs]
    assert show.tell(jobs, rows) is held
    assert ALL.name in capsys.readouterr().out


def test_the_office_is_one_that_its_contract_is_tight_for(day: Day) -> None:
    """All it has at once is more than its meter carries: keeping the contract means something."""
    most = max(one.base_w for one in day.what.quarters) + day.what.plant.heat_max_w / 3 + 11_000
    assert most + day.what.batteries["BT"].cells.charge_max_w > LIMIT_W
