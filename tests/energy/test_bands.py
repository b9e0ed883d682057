"""Bands that plans send to batteries, in cases that are done by hand."""

import numpy as np
import pytest

from optimizers.arrays import Floats
from optimizers.energy import Batteries, EnergyProblem, Horizon, Sites, Solar, bands, battery_power_w, solve
from optimizers.energy.control import Cell

HOUR_S = 3600.0


def _problem(
    base_w: list[float], buy: list[float], sun_w: list[float] | None = None, *, sell: float = 0.05, **more: object
) -> EnergyProblem:
    """One site with a battery of 10 kWh, 0.9 each way; `initial_wh`, `end_eur_kwh`, `wear_eur_kwh` of the battery."""
    own = {name: more.pop(name) for name in list(more) if name in Batteries.arrays}
    battery = {"initial_wh": np.array([0.0]), "end_eur_kwh": np.array([0.0]), **own}
    return EnergyProblem(
        horizon=Horizon(duration_s=np.full(len(base_w), HOUR_S)),
        sites=Sites(
            names=("hall",), base_w=np.array([base_w]), import_eur_kwh=np.array([buy]), export_eur_kwh=np.array(sell),
            **more,  # type: ignore[arg-type]
        ),
        solar=Solar(names=("roof",), site=np.array([0]), available_w=np.array([sun_w])) if sun_w else None,
        batteries=Batteries(
            names=("cell",), site=np.array([0]), capacity_wh=np.array([10_000.0]), charge_max_w=np.array([5_000.0]),
            discharge_max_w=np.array([5_000.0]), charge_efficiency=np.array([0.9]),
            discharge_efficiency=np.array([0.9]), **battery,  # type: ignore[arg-type]
        ),
    )  # fmt: skip


def _band(problem: EnergyProblem) -> tuple[Floats, Floats]:
    found = bands(problem, solve(problem))
    assert (found.import_least_w <= found.import_most_w).all()
    return found.import_least_w[0], found.import_most_w[0]


def test_bought_cheap_to_cover_what_is_dear() -> None:
    least, most = _band(_problem([1_000.0] * 3, [0.1, 0.3, 0.5]))
    assert least[0] > 1_000.0  # charges from the grid
    assert most[1:].tolist() == [0.0, 0.0]  # all that is drawn is covered, whatever it turns out to be


def test_kept_for_the_dear_hour_the_battery_leaves_the_cheap_one_alone() -> None:
    least, most = _band(_problem([3_000.0, 3_000.0], [0.2, 0.5], initial_wh=np.array([2_000.0])))
    assert most[0] == np.inf or most[0] >= 3_000.0
    assert most[1] == 0.0
    assert least[0] <= 4_500.0


def test_the_sun_is_stored_where_that_pays_and_fed_in_where_not() -> None:
    least, _ = _band(_problem([0.0, 2_000.0], [0.3, 0.3], [3_000.0, 0.0], sell=0.05))
    assert least[0] == 0.0
    least, most = _band(_problem([0.0, 2_000.0], [0.3, 0.3], [3_000.0, 0.0], sell=0.28))
    assert least[0] == -np.inf and most[0] >= 0.0


def test_worn_for_more_than_it_saves_the_battery_rests() -> None:
    worn = _problem([2_000.0], [0.3], initial_wh=np.array([5_000.0]), wear_eur_kwh=np.array([0.4]))
    least, most = _band(worn)
    assert least[0] == -np.inf and most[0] == np.inf


def test_a_contract_that_trips_is_kept_with_its_margin() -> None:
    problem = _problem(
        [2_000.0, 7_000.0], [0.2, 0.2], initial_wh=np.array([6_000.0]), end_eur_kwh=np.array([0.3]),
        import_limit_w=np.array([6_000.0]), firm=np.array([True]), margin_w=np.array([500.0]),
    )  # fmt: skip
    _, most = _band(problem)
    assert most[0] <= 5_500.0 + 1e-6 and most[1] <= 5_500.0 + 1e-6
    cell = Cell.of(problem.batteries)  # type: ignore[arg-type]
    assert 6_500.0 + battery_power_w(6_500.0, -np.inf, most[1], 6_000.0, cell, 60)[0] == pytest.approx(most[1])


def test_a_battery_that_may_not_take_from_the_grid_has_no_band_above_zero() -> None:
    least, _ = _band(_problem([1_000.0] * 3, [0.1, 0.3, 0.5], from_grid=np.array([False])))
    assert (least <= 0).all()


def test_a_battery_that_may_not_feed_the_grid_has_none_below() -> None:
    dear = _problem([0.0, 0.0], [0.5, 0.5], sell=0.4, initial_wh=np.array([5_000.0]), to_grid=np.array([False]))
    assert (_band(dear)[1] >= 0).all()
    free = _problem([0.0, 0.0], [0.5, 0.5], sell=0.4, initial_wh=np.array([5_000.0]))
    assert _band(free)[1].min() < 0


def test_carbon_is_part_of_the_price() -> None:
    dirty = _problem(
        [2_000.0, 2_000.0], [0.2, 0.2], initial_wh=np.array([2_000.0]), carbon_eur_kg=np.array([1.0]),
        carbon_g_kwh=np.array([[50.0, 400.0]]),
    )  # fmt: skip
    assert _band(dirty)[1][1] == 0.0


def test_there_is_no_band_without_a_battery() -> None:
    bare = EnergyProblem(
        horizon=Horizon(duration_s=np.full(1, HOUR_S)),
        sites=Sites(names=("hall",), base_w=np.array([[0.0]]), import_eur_kwh=np.array([[0.1]])),
    )
    with pytest.raises(ValueError, match="no batteries"):
        bands(bare, solve(bare))
