"""A year of bins, shortened: totals that must agree, common random numbers, what policies do."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest

from optimizers.arrays import Bools, Floats
from optimizers.fill import Terms, Verdict, judge
from tests.bench import show_collection_year as show
from tests.bench.collection_router import Quick, Solved
from twin.collection.bins import Dates, amounts, expected, made_bins, within_day
from twin.collection.calendars import OFTEN, PERIOD, Past, by_bin, by_zone, patterns, tables, zones
from twin.collection.heard import FAULTS, NO_FAULTS, Sensors
from twin.collection.policies import ByBelief, ByCalendar, ByThreshold, Hears, Ledger
from twin.collection.year import Lived, Policy, Rounds, Today, Town, Year, drive, live, made_town, year_of

MONDAY = date(2026, 1, 5)
BINS, DAYS = 40, 42
ROUTER = Quick(30)


@pytest.fixture(scope="module")
def town() -> Town:
    return made_town(BINS, 3)


@pytest.fixture(scope="module")
def year(town: Town) -> Year:
    return year_of(town, Dates(MONDAY, DAYS), 3, warm_up=14)


@pytest.fixture(scope="module")
def past(town: Town) -> Past:
    return Past(np.stack([amounts(town.bins, Dates(MONDAY, 56), seed) for seed in (31, 32)]))


class Idle:
    name = "nobody drives"

    def rounds(self, today: Today) -> Rounds:  # noqa: ARG002 - a policy's shape
        return ()

    def heard(self, today: Today, readings: Floats, emptied: Bools, found: Floats) -> None:
        pass


class Everything(Idle):
    """Every bin every day, by as many trucks."""

    name = "everything"

    def rounds(self, today: Today) -> Rounds:
        return tuple(tuple(range(truck, BINS, today.trucks)) for truck in range(today.trucks))


class Listening(Idle):
    def __init__(self) -> None:
        self.readings: list[Floats] = []
        self.levels: list[Floats] = []

    def heard(self, today: Today, readings: Floats, emptied: Bools, found: Floats) -> None:  # noqa: ARG002
        self.readings.append(readings)
        self.levels.append(today.level)


def test_what_comes_is_either_in_bins_or_beside_them(year: Year) -> None:
    idle = live(year, Idle())
    assert idle.km.sum() == 0
    assert idle.came == pytest.approx(year.came.sum(axis=1))
    assert idle.beside.sum() < year.came.sum()
    assert idle.over[-1] > BINS / 2


def test_bins_that_are_emptied_every_day_hardly_overflow(year: Year) -> None:
    lived = live(year, Everything())
    assert lived.visits.sum() == pytest.approx(DAYS * BINS, rel=0.02)
    assert lived.total("over") <= (year.came[year.warm_up :] > 1.0).sum()
    assert lived.km.min() > 0


def test_every_policy_meets_the_same_fills_and_faults(year: Year) -> None:
    one, other = Listening(), Listening()
    live(year, one)
    live(year, other)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one.readings, other.readings, strict=True))
    assert np.array_equal(live(year, Idle()).came, live(year, Everything()).came)


def test_what_is_drawn_of_a_bin_s_day_does_not_depend_on_how_long_the_year_is(town: Town) -> None:
    short, long = (amounts(town.bins, Dates(MONDAY, days), 3) for days in (10, 20))
    assert np.array_equal(short, long[:10])


@pytest.fixture(scope="module", params=["belief", "blind", "perfect", "threshold", "zones", "bins"])
def policy(request: pytest.FixtureRequest, town: Town, past: Past) -> Policy:
    terms = Terms(rho=15_000.0, required_above=1.1, later=0.0)
    known = tables(past)
    made: dict[str, Policy] = {
        "belief": ByBelief("belief", town, ROUTER, terms),
        "blind": ByBelief("blind", town, ROUTER, terms, Hears.NOTHING),
        "perfect": ByBelief("perfect", town, ROUTER, terms, Hears.TRUTH),
        "threshold": ByThreshold("threshold", town, ROUTER, 0.6),
        "zones": ByCalendar("zones", town, ROUTER, *by_zone(town, known, 20.0, 4)),
        "bins": ByCalendar("bins", town, ROUTER, *by_bin(town, known, 20.0, 4)),
    }
    return made[str(request.param)]


def test_policies_keep_most_bins_from_overflowing_with_less_than_a_visit_a_day(year: Year, policy: Policy) -> None:
    lived = live(year, policy)
    counted = DAYS - year.warm_up
    assert lived.total("over") < 0.12 * counted * BINS
    assert 0 < lived.total("visits") < 0.7 * counted * BINS
    assert (lived.km[np.array(year.dates.weekdays) == 6] == 0).all()
    assert (lived.truck_days <= year.trucks).all()


def test_the_same_year_twice_is_the_same(year: Year, town: Town) -> None:
    terms = Terms(rho=15_000.0, later=0.0)
    one, other = (live(year, ByBelief("belief", town, ROUTER, terms)) for _ in range(2))
    assert np.array_equal(one.km, other.km)


def test_a_greater_rho_drives_more_and_overflows_less(year: Year, town: Town) -> None:
    low, high = (live(year, ByBelief("b", town, ROUTER, Terms(rho=rho, later=0.0))) for rho in (300.0, 300_000.0))
    assert high.total("over") < low.total("over")
    assert high.total("visits") > low.total("visits")


def test_rho_is_corrected_until_as_much_overflows_as_is_wanted(town: Town) -> None:
    long = year_of(town, Dates(MONDAY, 182), 3, warm_up=91)
    share = {}
    for rho in (500.0, 60_000.0):
        policy = ByBelief("b", town, ROUTER, Terms(rho=rho, required_above=1.1, later=0.0), wanted=0.02)
        share[rho] = live(long, policy).total("over") / 91 / BINS
    assert all(0.01 < found < 0.035 for found in share.values())


def test_the_deployed_solve_can_route_the_year(town: Town) -> None:
    short = year_of(town, Dates(MONDAY, 4), 3, warm_up=0)
    lived = live(short, ByBelief("belief", town, Solved(30), Terms(rho=15_000.0)))
    assert lived.visits.sum() > 0


def test_a_full_truck_unloads_on_its_way_and_before_it_goes_home(town: Town) -> None:
    small = replace(town, fleet=replace(town.fleet, capacity_kg=250.0))
    level = np.full(BINS, 0.6)
    once, often = (drive(of, (0, 1, 2), level, (0, 1)) for of in (town, small))
    assert once.emptied == often.emptied == [0, 1, 2]
    path = [0, town.place(0), town.place(1), town.place(2), 1, 0]
    assert once.metres == pytest.approx(sum(town.distance_m[a, b] for a, b in pairwise(path)))
    assert often.metres > once.metres
    assert often.seconds - once.seconds > town.fleet.unload_s


def test_a_crew_stops_when_its_day_is_over(town: Town) -> None:
    tired = replace(town, fleet=replace(town.fleet, longest_s=1800.0))
    done = drive(tired, tuple(range(BINS)), np.full(BINS, 0.5), (0, 1))
    assert done.left > 0
    assert done.left + len(done.emptied) == BINS


def test_a_closed_site_is_not_driven_to(town: Town) -> None:
    both, far = (drive(town, (0,), np.ones(BINS), sites) for sites in ((0, 1), (1,)))
    assert far.metres >= both.metres


def test_means_are_what_amounts_come_to(town: Town) -> None:
    dates = Dates(MONDAY, 28)
    drawn = np.mean([amounts(town.bins, dates, seed).sum() for seed in range(30)])
    assert drawn == pytest.approx(expected(town.bins, dates).sum(), rel=0.02)


def test_shops_are_quiet_on_holidays_and_markets_are_not_held_then() -> None:
    bins = replace(made_bins(200, 1), market=np.full(200, 5), changes_on=np.full(200, -1))
    dates = Dates(date(2026, 8, 8), 8)  # 8 and 15 August are Saturdays, the second is a holiday
    mean = expected(bins, dates)
    shops = bins.group == 1
    assert (mean[7, shops] < mean[0, shops] / 3).all()


def test_a_day_comes_to_its_amount() -> None:
    assert within_day(0.3, (0.0, 24.0)).tolist() == pytest.approx([0.0, 0.3])


def test_sensors_without_faults_say_what_is_there_but_for_noise() -> None:
    levels = np.full((4, 500), 0.5)
    said = Sensors(2, 500, 1, NO_FAULTS).say(0, levels)
    assert np.isfinite(said).all()
    assert np.std(said - levels) == pytest.approx(0.04, abs=0.004)


def test_every_fault_comes_up_in_a_year_and_is_seen_for_what_it_is() -> None:
    days, n = 60, 300
    rate = np.full(n, 0.12)
    sensors = Sensors(days, n, 5, replace(FAULTS, stuck=3.0, foam=3.0, silent=3.0, doubled=6.0))
    level, raw, gone, seen = np.zeros(n), [], [], set()
    for day in range(days):
        emptied = level > 0.7
        level = np.where(emptied, 0.0, level)
        raw.append(sensors.say(day, level + np.arange(1, 5)[:, None] / 4 * rate))
        gone.append(np.stack([emptied, *(np.zeros(n, np.bool_) for _ in range(3))]))
        level = level + rate
        if day > 27:
            found = judge(np.concatenate(raw[-28:]), np.concatenate(gone[-28:]), rate)
            seen |= set(found.verdicts)
    assert {Verdict.STUCK, Verdict.SILENT, Verdict.FOAMY, Verdict.DUPLICATED, Verdict.MIS_ZEROED} <= seen
    assert sum(verdict is Verdict.SOUND for verdict in found.verdicts) > n / 3


def test_what_a_ledger_believes_is_near_the_truth(year: Year, town: Town) -> None:
    ledger, listening = Ledger(town), Listening()

    class Both(Everything):
        def rounds(self, today: Today) -> Rounds:
            return super().rounds(today) if today.index % 4 == 0 else ()

        def heard(self, today: Today, readings: Floats, emptied: Bools, found: Floats) -> None:
            ledger.hear(today, readings, emptied, found)
            listening.heard(today, readings, emptied, found)

    live(replace(year, faults=NO_FAULTS), Both())
    last = Today(DAYS - 1, year.dates, 3, (0, 1), listening.levels[-1])
    now = last.level * (0 if (DAYS - 1) % 4 == 0 else 1) + year.came[DAYS - 1]
    kept = now < 0.95
    assert np.sqrt(np.mean((ledger.belief.level - now)[kept] ** 2)) < 0.06


def test_visits_of_a_calendar_are_spread_evenly() -> None:
    assert patterns(12) == ((0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12),)
    assert (0, 3, 7, 10) in patterns(4)
    for often in OFTEN:
        assert all(len(days) == often and not {6, 13} & set(days) for days in patterns(often))


def test_whoever_visits_more_often_overflows_less(past: Past) -> None:
    over = tables(past).overflow.sum(axis=1)
    assert (np.diff(over) >= 0).all()


def test_zones_share_out_what_comes(town: Town) -> None:
    zone = zones(town, 4)
    shares = np.bincount(zone, weights=town.bins.rate)
    assert len(shares) == 4
    assert shares.max() < 2 * shares.min()


def test_a_dearer_overflow_is_visited_more_often(town: Town, past: Past) -> None:
    known = tables(past)
    assert by_bin(town, known, 50.0, 4)[0].sum() > by_bin(town, known, 2.0, 4)[0].sum()
    on, _ = by_zone(town, known, 10.0, 4)
    zone = zones(town, 4)
    assert all((on[:, zone == z] == on[:, zone == z][:, :1]).all() for z in range(4))
    assert on.shape == (PERIOD, BINS)


def test_zones_that_are_too_much_for_a_day_are_visited_on_days_apart() -> None:
    town = made_town(160, 4)
    tight = replace(town, fleet=replace(town.fleet, trucks=1, planned_s=6 * 3600.0))
    known = tables(Past(np.stack([amounts(town.bins, Dates(MONDAY, 56), seed) for seed in (41, 42)])))
    on, _ = by_zone(tight, known, 2.0, 4)
    served_s = on.sum(axis=1) * tight.fleet.service_s
    assert on.sum() > 0
    assert served_s.max() < 6 * 3600.0


def row(policy: str, knob: float, km: float, over: float) -> show.Row:
    return show.Row(policy, knob, 11, 365, 100, km, 6.0, 1.0, 60.0, 0.5, over, 1.0, 0.0, 1.0)


def test_figures_at_equal_overflow_lie_between_two_runs_and_not_beyond_them() -> None:
    rows = [row(show.OURS, 1.0, 50.0, 10.0), row(show.OURS, 2.0, 60.0, 2.5)]
    assert show.at_level(rows, 5.0, lambda one: one.km) == pytest.approx(55.0)
    assert np.isnan(show.at_level(rows, 11.0, lambda one: one.km))


def test_the_table_tells_what_ours_saves(capsys: pytest.CaptureFixture[str]) -> None:
    show.tell([
        row(show.OURS, 1.0, 50.0, 12.0), row(show.OURS, 2.0, 60.0, 4.0),
        row(show.BINWISE, 1.0, 100.0, 12.0), row(show.BINWISE, 2.0, 120.0, 4.0),
    ])  # fmt: skip
    assert "50.0%" in capsys.readouterr().out


def test_a_lived_year_leaves_its_warm_up_out() -> None:
    lived = Lived.none("x", 10, 4)
    lived.km[:] = 1.0
    assert lived.total("km") == 6.0


def test_a_year_has_its_own_dates() -> None:
    assert Dates(MONDAY, 3).days[-1] == MONDAY + timedelta(days=2)
