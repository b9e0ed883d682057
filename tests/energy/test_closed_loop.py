"""Batteries of a made town, hour by hour: rules and our levels beside all that can be known, and never the future."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.arrays import Floats
from tests.bench.citylearn import Battery, Controller, Town, driven, measured
from tests.bench.citylearn_control import Settings, banded, blind, knowing, none, ours, plain, served, tuned

DAYS = 12
QUICK = Settings(ahead=24)


def _town(seed: int, days: int = DAYS) -> Town:
    """Two houses that are at home in the evening, under a sky that is clear or not for a day."""
    random = np.random.default_rng(seed)
    hour = np.arange(days * 24) % 24
    clear = np.repeat(np.where(random.random(days) < 0.7, 1.0, 0.2), 24)
    sun = 3.0 * np.maximum(np.sin((hour - 6) / 12 * np.pi), 0.0) * clear
    evening = 0.4 + 1.2 * ((hour >= 16) & (hour <= 21))
    load = evening * random.gamma(6.0, 1 / 6.0, (2, days * 24))
    return Town(
        ("one", "two"), load, np.stack([sun, 0.6 * sun]), np.where((hour >= 16) & (hour <= 20), 0.5, 0.2),
        0.15 + 0.03 * np.sin((hour - 12) / 12 * np.pi), hour, np.full(days * 24, 6), 1 + np.arange(days * 24) // 24 % 7,
    )  # fmt: skip


def _wanted(town: Town, controller: Controller, until: int) -> Floats:
    """(B, until + 1) what batteries are asked for."""
    battery, asked = Battery(len(town.names)), []
    for t in range(until + 1):
        asked.append(controller(t, battery.stored))
        battery.move(asked[-1])
    return np.stack(asked, axis=1)


@settings(max_examples=6, deadline=None)
@given(now=st.integers(50, 150), seed=st.integers(0, 99), make=st.sampled_from([ours, blind]))
def test_another_future_changes_nothing_that_was_decided(now: int, seed: int, make: type) -> None:
    """Load, sun and carbon after an hour may be anything; the hour itself is what the meter shows in it."""
    town, random = _town(seed), np.random.default_rng(seed)
    later = np.arange(DAYS * 24) > now
    other = replace(
        town,
        load=np.where(later, random.gamma(1.0, 2.0, town.load.shape), town.load),
        sun=np.where(later, random.gamma(1.0, 2.0, town.sun.shape), town.sun),
        carbon=np.where(later, random.random(DAYS * 24), town.carbon),
    )
    assert np.array_equal(_wanted(town, make(town, QUICK), now), _wanted(other, make(other, QUICK), now))


def test_ours_costs_less_than_no_battery_and_than_a_plan_obeyed_and_no_more_than_the_plain_rule() -> None:
    town = _town(1)
    counted = np.arange(DAYS * 24) >= 4 * 24

    def mean(controller: Controller) -> float:
        found = measured(town, driven(town, controller), counted)
        return float((found.cost + found.emissions).mean()) / 2

    assert mean(none(town)) == pytest.approx(1.0)
    mine = mean(ours(town, QUICK))
    assert mine < mean(blind(town, QUICK)) < 1.0
    assert mine <= mean(plain(town)) + 1e-3


@pytest.mark.parametrize("seed", [1, 2])
def test_what_the_service_sends_costs_no_more_in_a_week_than_the_plain_rule_and_less_than_the_plans_bands(
    seed: int,
) -> None:
    """In euros with carbon; of each house within a tenth of what a week may cost more before a plan is dropped."""
    town = _town(seed, days=9)
    weighed = town.price + QUICK.carbon_eur_kg * town.carbon

    def paid(controller: Controller) -> Floats:
        return np.asarray(np.maximum(driven(town, controller), 0.0) @ weighed)

    sent, rule = paid(served(town, QUICK)), paid(plain(town))
    assert (sent <= rule + 0.5).all()
    assert sent.sum() < min(rule.sum(), paid(banded(town, QUICK)).sum())


def test_nothing_does_better_than_who_knows_all_and_the_tuned_rule_no_worse_than_the_plain() -> None:
    town = _town(2, days=5)
    everything = np.ones(len(town.price), np.bool_)

    def mean(drawn: Floats) -> float:
        found = measured(town, drawn, everything)
        return float((found.cost + found.emissions).mean()) / 2

    best = mean(knowing(town))
    ruled = mean(tuned(town)[1])
    assert best <= ruled + 0.005  # it stands on a grid of what is stored
    assert ruled <= mean(driven(town, plain(town))) + 1e-9
    assert best <= mean(driven(town, ours(town, QUICK))) + 0.005


def test_the_battery_of_the_environment_gives_back_less_than_it_took_and_wears() -> None:
    battery = Battery(1)
    taken = sum(float(battery.move(np.array([2.0]))[0]) for _ in range(4))
    assert battery.stored[0] <= battery.capacity[0] + 1e-3
    given_back = -sum(float(battery.move(np.array([-2.0]))[0]) for _ in range(8))
    assert 0.8 * taken < given_back < 0.92 * taken
    assert battery.capacity[0] < Battery.size


def test_a_full_battery_moves_a_fifth_of_its_power() -> None:
    battery = Battery(1)
    for _ in range(20):
        battery.move(np.array([5.0]))
    assert battery.move(np.array([-5.0]))[0] == pytest.approx(-1.0, abs=0.02)
