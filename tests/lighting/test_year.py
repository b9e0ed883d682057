"""The study of a year: its arithmetic by hand, its programs against every other, its order on real counts."""

import csv
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest

from tests.bench import show_lighting_year as show
from tests.bench.lighting_heard import lifted, quarters
from tests.bench.lighting_policies import (
    PRICES,
    RAINS,
    choose,
    curve,
    either,
    envelope,
    fixed,
    live,
    programs,
    staircases,
    todays,
    wetting,
)
from tests.bench.lighting_walked import FIRST_PRICE, by_forecast, by_program
from tests.bench.lighting_year import (
    HOUR,
    Outcome,
    Year,
    full_kwh,
    level_powers,
    made_year,
    outcome,
    read_year,
    wet_after,
)


@pytest.fixture(scope="module")
def year() -> Year:
    return made_year(days=70, judged=21)


def test_levels_are_m4_m5_and_m6() -> None:
    """0.75, 0.5 and 0.3 cd/m² by the LED's curve: flux of 1, 0.67 and 0.4, stand-by of half a watt in 58 included."""
    standby = 0.5 / 58
    curve_above = np.interp([0.4, 0.67, 1.0], [0.3, 0.5, 0.75, 1], [0.28, 0.475, 0.73, 1])
    assert level_powers() == pytest.approx(standby + (1 - standby) * curve_above)


def test_nights_are_from_dusk_to_dawn(year: Year) -> None:
    hour, quarter, night = year.dark
    clock = year.counts.hour[hour]
    assert set(clock.tolist()).isdisjoint(range(10, 17))
    assert len(np.unique(night)) == 20
    assert set(quarter.tolist()) == {0, 1, 2, 3}
    assert year.start_at + int(hour[0]) * HOUR > year.judged_from


def test_an_hour_is_wet_while_it_dries() -> None:
    rain_mm = np.array([0, 0.19, 0.2, 0, 0, 0, 0])
    assert wet_after(rain_mm).tolist() == [False, False, True, True, True, False, False]
    assert wet_after(np.full(3, 0.6) / 3).all(), "six tenths in three hours are two tenths in one"


def test_nights_that_lead_in_are_lit_and_not_judged(year: Year) -> None:
    longer = replace(year, led_in=10)
    more = len(longer.dark[0]) - len(year.dark[0])
    assert len(np.unique(longer.dark[2])) == 30
    assert longer.counted[:, :more].any()
    assert not longer.judged[:, :more].any()
    assert np.array_equal(longer.judged[:, more:], year.judged)
    assert outcome(longer, "any", todays(longer)) == outcome(year, "any", todays(year))


def test_outcomes_by_hand(year: Year) -> None:
    full = np.full_like(year.need, 2)
    knew = outcome(year, "knew", year.need)
    assert (outcome(year, "full", full).energy, knew.under_lit, knew.deep) == (1.0, 0.0, 0.0)
    dim = outcome(year, "dim", np.zeros_like(full), rain=False)
    assert dim.energy == pytest.approx((39 * level_powers()[0] + 1) / 40)
    assert dim.under_lit == pytest.approx(39 / 40 * (year.need > 0)[year.judged].mean())
    assert dim.deep == pytest.approx(39 / 40 * (year.need > 1)[year.judged].mean())
    assert dim.switches == 2.0
    assert full_kwh(year) == pytest.approx(year.judged.sum() * 40 * 0.058 / 4)


def test_rain_is_seen_a_quarter_of_an_hour_late(year: Year) -> None:
    """What traffic allows is too little in the first quarter of each wet road, and in none after it."""
    one = outcome(year, "dry", year.called_for)
    late = (year.surprised & (year.called_for < 2))[year.judged].mean() * 39 / 40
    assert one.under_lit == one.by_rain == pytest.approx(late)
    assert one.under_lit > 0
    sooner = outcome(replace(year, reaction=1 / 3), "dry", year.called_for)
    assert sooner.under_lit == pytest.approx(late / 3)
    assert outcome(year, "unheeded", year.called_for, rain=False).by_rain > one.by_rain


def test_streets_add_up(year: Year) -> None:
    told = todays(year)
    parts = [outcome(year, "one", told, streets=slice(k, k + 1)) for k in (0, 1)]
    weights = year.judged.sum(axis=1) / year.judged.sum()
    both = outcome(year, "both", told)
    assert both.energy == pytest.approx(sum(w * p.energy for w, p in zip(weights, parts, strict=True)))
    assert both.under_lit == pytest.approx(sum(w * p.under_lit for w, p in zip(weights, parts, strict=True)))


def test_fixed_programs_are_the_best_of_all_with_so_many_changes() -> None:
    """Against every program of six blocks of four hours: the cost at each price, with one and with two changes."""
    rng = np.random.default_rng(1)
    blocks = np.sort(rng.random((2, 6, 2)) ** 3, axis=-1)[..., ::-1]
    share = np.repeat(blocks, 4, axis=1)
    beyond = np.concatenate([share, np.zeros((2, 24, 1))], axis=-1)
    every = np.repeat(np.array(list(product(range(3), repeat=6))), 4, axis=1)
    changed = (np.diff(every, axis=1) != 0).sum(axis=1)
    hours = np.arange(24)
    for changes in (1, 2):
        found = staircases(share, changes)
        assert (np.diff(found, axis=-1) != 0).sum(axis=-1).max() <= changes
        allowed = every[changed <= changes]
        for p, price in list(enumerate(PRICES))[::10]:
            cost = level_powers() + price * beyond
            for s in range(2):
                least = cost[s, hours, allowed].sum(axis=1).min()
                assert cost[s, hours, found[p, s]].sum() == pytest.approx(least)


def test_programs_keep_to_their_changes_and_forecasts_to_earlier_months(year: Year) -> None:
    told = programs(year, by_day=True, switches=6)
    assert max(outcome(year, "fixed", level, rain=False).switches for level in told) <= 6
    night = year.dark[2]
    for level, number in product(told[::20], np.unique(night)):
        assert (np.diff(level[:, night == number], axis=-1) != 0).sum(axis=-1).max() <= 4
    places, until = year.months()[-1]
    later = year.counts.value.copy()
    later[:, until:] *= 5
    other = replace(year, counts=replace(year.counts, value=later))
    assert np.array_equal(programs(other, by_day=True, switches=6), told)
    earlier = np.arange(places[0])
    assert np.array_equal(live(year)[:, earlier], live(other)[:, earlier])


def test_a_curve_keeps_what_nothing_beats_and_shares_time_between() -> None:
    points = [(0.02, 0.7), (0.01, 0.8), (0.015, 0.85), (0.03, 0.7)]
    found = envelope("any", [Outcome("any", energy, under, 0, 0, 2) for under, energy in points])
    assert [(o.under_lit, o.energy) for o in found.outcomes] == [(0.01, 0.8), (0.02, 0.7)]
    assert found.energy_at(0.005) == pytest.approx(0.9)
    assert found.energy_at(0.015) == pytest.approx(0.75)
    assert found.energy_at(0.5) == 0.7
    assert found.at(0.019).energy == 0.8


def test_each_month_is_lit_by_what_the_months_before_chose(year: Year) -> None:
    """Whatever is counted from the last month on, the way chosen for it is the same; a stricter aim never dims more."""
    year = replace(year, led_in=12)
    exceeds = either(live(year), wetting(year))
    tried = [programs(year, by_day=True, switches=6)]
    (first, _), *_, (last, until) = year.months()
    changed = year.counts.value.copy()
    changed[:, until:] = 0.0
    other = replace(year, counts=replace(year.counts, value=changed))
    ways, others = by_forecast(year, exceeds), by_forecast(other, exceeds)
    assert np.array_equal(ways.walked(0.01), others.walked(0.01))
    assert np.array_equal(by_program(year, tried).walked(0.01), by_program(other, tried).walked(0.01))
    assert (ways.walked(0.0)[:, last] >= ways.walked(0.01)[:, last]).all()
    price = PRICES[np.argmin(np.abs(PRICES - FIRST_PRICE))]
    assert np.array_equal(ways.walked(0.01)[:, first], choose(exceeds)(price)[:, first])


def test_the_way_chosen_for_a_month_is_the_cheapest_that_held_the_aim(year: Year) -> None:
    """Of fixed programs, by all of them one after another: what each was under-lit in the months before, and took."""
    year = replace(year, led_in=12)
    tried = [programs(year, by_day=False, switches=6)]
    (first, _), (second, _) = year.months()[:2]
    chosen = by_program(year, tried).walked(0.02)[:, second]
    counted = year.counted[:, first]
    levels = np.where(year.wet_now & ~year.surprised, 2, tried[0])[:, :, first]
    under_lit = (levels < year.need[:, first])[:, counted].mean(axis=1)
    energy = level_powers()[levels][:, counted].mean(axis=1)
    assert (under_lit <= 0.02).any()
    least = int(np.argmin(np.where(under_lit <= 0.02, energy, np.inf)))
    assert np.array_equal(chosen, tried[0][least][:, second])


def test_quarters_add_up_and_lift_what_they_are_above(year: Year) -> None:
    heard = quarters(year)
    known = year.counts.known
    assert np.array_equal(heard[known].sum(axis=1), np.rint(year.counts.value[known]))
    assert np.isnan(heard[~known]).all()
    hour, quarter, _ = year.dark
    told = np.zeros_like(year.need)
    found = lifted(year, told, heard)
    k = int(np.flatnonzero((quarter == 0) & (found[0] == 2))[0])
    assert 4 * heard[0, hour[k] - 1, 3] >= year.thresholds[0, 0]
    assert found[0, quarter == 2][0] == 2 * (4 * heard[0, hour[quarter == 2][0], 1] >= year.thresholds[0, 0])
    assert set(np.unique(found)) == {0, 2}
    assert np.array_equal(lifted(year, told + 2, heard), told + 2)


def test_a_station_that_says_much_foresees_rain(year: Year) -> None:
    """Words that tell the coming rain are learnt; before any are, rain comes as it usually does."""
    first = year.months()[0][0]
    assert set(wetting(year)[first]) <= {0.0, RAINS / 4}
    assert not wetting(year.without_rain()).any()
    turns = (year.wet & ~np.r_[False, year.wet[:-1]]).astype(float)
    noise = np.random.default_rng(2).normal(0, 0.3, len(turns))
    told = replace(year, weather=(turns + noise)[:, None], judged_from=year.judged_from - timedelta(days=25))
    chance = wetting(told)
    last = told.months()[-1][0]
    assert chance[last][told.surprised[last]].mean() > 5 * chance[last][~told.surprised[last]].mean()


def test_the_command_without_reference_data_says_that_counts_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(show, "made_year", lambda: made_year(days=70, judged=14))
    monkeypatch.setattr("tests.bench.lighting_policies.PRICES", PRICES[::7])
    monkeypatch.setattr("sys.argv", ["show", "--reference", str(tmp_path / "none"), "-o", str(tmp_path)])
    show.main()
    told = capsys.readouterr().out
    assert "MADE" in told
    assert "oracle: knows traffic and rain" in told
    rows = list(csv.DictReader((tmp_path / "lighting-year.csv").read_text().splitlines()))
    assert len({row["policy"] for row in rows}) == 6
    drawn = ET.fromstring((tmp_path / "lighting-year.svg").read_text())  # noqa: S314
    lines = [line.attrib["points"].split() for line in drawn.iter("{http://www.w3.org/2000/svg}polyline")]
    assert len(lines) == 6
    for points in lines:
        xs = [float(point.split(",")[0]) for point in points]
        assert all(a <= b for a, b in pairwise(xs))


@pytest.mark.reference
def test_the_order_of_things_on_two_months_of_real_counts(reference: Path) -> None:
    """January and February, at 1 % under-lit: who knew, then live counts, then the best fixed programs, then full."""
    year = read_year(reference, datetime(2023, 3, 1, tzinfo=UTC))
    by_street, by_day = (fixed(year, [programs(year, by_day=kind, switches=8)], "fixed") for kind in (False, True))
    ours = curve(year, "ours", choose(either(live(year), wetting(year))))
    knew = outcome(year, "knew", year.need)
    at = [knew.energy, *(one.energy_at(0.01) for one in (ours, by_day, by_street)), 1.0]
    assert all(a < b for a, b in pairwise(at))
    assert outcome(year, "today", todays(year), rain=False).under_lit > 0.2
