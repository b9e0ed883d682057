"""The study of a season: a fortnight of it in closed loop, and what it counts by hand."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from optimizers.arrays import Floats
from optimizers.result import Limits
from tests.bench import show_irrigation_season as show
from tests.bench.irrigation_policies import Planned, clocks, threshold
from tests.bench.irrigation_season import Evening, Lived, Season, live, season_of
from tests.bench.irrigation_town import ORDERS, SPIN_UP, Town, made_sky, made_town, normal_mm_day, orly_sky
from twin.irrigation.timers import Openings

FORTNIGHT = 14
DRY_SEED = 3
ORDERED = date(2023, 5, 27)


@pytest.fixture(scope="module")
def normal() -> Floats:
    return normal_mm_day(range(900, 902))


def town() -> Town:
    return made_town(1, DRY_SEED, orders=(replace(ORDERS[0], start=ORDERED),))


@pytest.fixture(scope="module")
def season(normal: Floats) -> Season:
    """Two weeks, of which the second is under an order that closes valves but from midnight to six."""
    return season_of(town(), made_sky(DRY_SEED, normal, FORTNIGHT, date(2023, 5, 20)), 3, FORTNIGHT)


@pytest.fixture(scope="module")
def planned(season: Season) -> Lived:
    return live(season, "plan", Planned(Limits(seconds=5.0, gap=0.005)))


@dataclass
class Stubborn:
    """Opens valves 0 and 1 every night from 23:00 to 01:00."""

    def opened(self, evening: Evening) -> Openings:
        assert evening.vwc.shape == evening.given_mm.shape == (evening.hour, evening.season.zones), "nothing of later"
        return Openings(np.array([0, 1]), np.full(2, 11 * 3600.0), np.full(2, 13 * 3600.0))


def test_a_plan_spares_what_is_dry_and_breaks_no_rule(season: Season, planned: Lived) -> None:
    """After a spring without water all is dry: a plan fills up what plants need, a clock knows nothing of it."""
    clock = live(season, "clock", clocks(season)["clock set each month"])
    assert planned.water_m3.sum() > 0
    assert planned.stress.sum() < clock.stress.sum()
    assert planned.transpired_mm.sum() > clock.transpired_mm.sum()
    for lived in (planned, clock):
        assert lived.forbidden_min.sum() == pytest.approx(0)
        assert lived.over_m3_h.max() == pytest.approx(0)
        assert lived.truly_over_m3_h.max() == pytest.approx(0)


def test_a_threshold_waters_what_its_probes_call_dry(season: Season) -> None:
    lived = live(season, "threshold", threshold(season.town))
    never = live(season, "never", threshold(season.town, share=10.0))
    assert never.water_m3.sum() == 0
    assert lived.water_m3.sum() > 0
    assert lived.stress.sum() < never.stress.sum()
    assert lived.transpired_mm.sum() > never.transpired_mm.sum()


def test_water_hours_and_flow_are_counted_as_they_were(season: Season) -> None:
    lived = live(season, "stubborn", Stubborn())
    truth, zones = season.truth, season.town.zones
    assert lived.water_m3[:, 0] == pytest.approx(2 * truth.flow_m3_h[0])
    assert lived.water_m3[:, 2:].sum() == 0
    under_order = np.array([season.day(night) >= ORDERED for night in range(FORTNIGHT)])
    assert lived.forbidden_min[under_order, :2] == pytest.approx(60.0), "from 23:00 to midnight"
    assert lived.forbidden_min[~under_order][:-1].sum() == 0
    both = zones.flow_m3_h[:2].sum()
    assert lived.over_m3_h == pytest.approx(max(0.0, both - zones.capacity_m3_h[0]))


def test_all_policies_live_through_the_same(season: Season, planned: Lived) -> None:
    again = season_of(town(), season.sky, 3, FORTNIGHT)
    assert np.array_equal(again.rain_mm, season.rain_mm)
    assert np.array_equal(again.probes.bias, season.probes.bias)
    assert all(np.array_equal(a, b) for one, two in zip(again.forecasts, season.forecasts, strict=True)
               for a, b in zip(one, two, strict=True))  # fmt: skip
    other = season_of(season.town, season.sky, 4, FORTNIGHT)
    assert not np.array_equal(other.rain_mm, season.rain_mm)
    assert not np.allclose(other.truth.taw_mm, season.town.ground.taw_mm)


def test_plants_want_no_more_than_the_sun_asks_of_them(season: Season, planned: Lived) -> None:
    """Less by what leaves gave to the air after rain."""
    hours = slice(season.noon_h(0), season.noon_h(FORTNIGHT))
    most = season.sky.et0_mm[hours].sum() * season.truth.kc
    wanted = planned.wanted_mm.sum(axis=0)
    assert (wanted <= most + 1e-9).all()
    assert (wanted > 0.7 * most).all()


def test_a_row_is_the_season_in_short(season: Season, planned: Lived) -> None:
    row = show.row(season, planned, 1.0)
    assert row.water_m3 == pytest.approx(planned.water_m3.sum())
    assert row.stress == pytest.approx(planned.stress.sum() / 10)
    assert row.worst <= FORTNIGHT
    assert 0 <= row.lack < 1
    assert (row.forbidden_min, row.over, row.truly_over) == (0, 0, 0)


def test_the_table_names_every_policy_and_what_ours_saves(
    season: Season, planned: Lived, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    ours = replace(show.row(season, planned, 1.0), policy=show.OURS, water_m3=70.0)
    rows = [replace(ours, policy=name, water_m3=100.0) for name in show.NAMES[:-1]] + [ours]
    show.tell(rows)
    told = capsys.readouterr().out
    assert all(name in told for name in show.NAMES)
    assert told.count("30.0%") == 2 * (len(show.NAMES) - 1)
    show.write(tmp_path, rows)
    assert len((tmp_path / "irrigation-season.csv").read_text(encoding="utf-8").splitlines()) == len(rows) + 1


def test_jobs_know_their_policies(season: Season) -> None:
    assert set(show.policies(season)) == set(show.NAMES)
    every = list(show.jobs(full=True, weather=Path("x"), seasons=30, networks=4, nights=183))
    assert len(every) == 8 * 31
    assert (every[0].policy, every[0].networks) == (show.OURS, 40)


def test_orly_is_read_as_it_was_measured(reference: Path) -> None:
    """April to September 2023: 346 mm of rain in these days, and as much ET0 as the file's own estimate, nearly."""
    sky = orly_sky(reference / "irrigation" / "weather_orly_2023")
    days = slice(SPIN_UP, SPIN_UP + 183)
    rain = sky.rain_mm.reshape(-1, 24).sum(axis=1)[days].sum()
    et0 = sky.et0_mm.reshape(-1, 24).sum(axis=1)[days].sum()
    assert rain == pytest.approx(73.5 + 59.6 + 31.4 + 45.0 + 51.2 + 30.3, abs=3.0)
    assert et0 == pytest.approx(183 * (2.5 + 3.7 + 5.3 + 4.8 + 3.6 + 3.1) / 6, rel=0.06)


@pytest.mark.soak
def test_a_whole_season_saves_a_third_of_a_clock_s_water(normal: Floats) -> None:
    whole = season_of(made_town(4, 3), made_sky(3, normal), 3)
    ours = live(whole, "plan", Planned())
    clock = live(whole, "clock", clocks(whole)["clock set each month"])
    probes = live(whole, "threshold", threshold(whole.town))
    assert ours.water_m3.sum() <= 0.70 * clock.water_m3.sum()
    assert ours.water_m3.sum() <= 1.01 * probes.water_m3.sum()
    assert ours.stress.sum() <= clock.stress.sum()
    assert ours.forbidden_min.sum() == pytest.approx(0)
    assert ours.over_m3_h.max() == pytest.approx(0)
