"""Bands that follow from levels: cases done by hand, and a made town in closed loop."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from optimizers.arrays import Floats
from optimizers.energy import Batteries, EnergyProblem, Horizon, Sites, Solar, bands, pack, solve, unpack
from optimizers.energy.follow import Wishes, followed
from optimizers.energy.levels import Apart, Steered, steered

HOUR_S = 3600.0


def _problem(
    base_w: list[float], buy: list[float], sun_w: list[float] | None = None, *, sell: float = 0.05,
    margin_w: float = 0.0, cells: int = 1, limit_w: float = np.inf, **battery: Floats,
) -> EnergyProblem:  # fmt: skip
    """One site with batteries of 10 kWh, 5 kW, 0.9 each way, that feed no grid."""
    own = {"initial_wh": np.array(0.0), "to_grid": np.array(False), **battery}
    return EnergyProblem(
        horizon=Horizon(duration_s=np.full(len(base_w), HOUR_S)),
        sites=Sites(
            names=("hall",), base_w=np.array([base_w]), margin_w=np.array(margin_w), import_eur_kwh=np.array([buy]),
            export_eur_kwh=np.array(sell), import_limit_w=np.array(limit_w), firm=np.array([True]),
        ),
        solar=Solar(names=("roof",), site=np.array([0]), available_w=np.array([sun_w])) if sun_w else None,
        batteries=Batteries(
            names=tuple(f"cell {n}" for n in range(cells)), site=np.zeros(cells, np.int64),
            capacity_wh=np.array(10_000.0), charge_max_w=np.array(5_000.0), discharge_max_w=np.array(5_000.0),
            charge_efficiency=np.array(0.9), discharge_efficiency=np.array(0.9), **own,
        ),
    )  # fmt: skip


def _told(problem: EnergyProblem) -> Steered:
    found = steered(problem, solve(problem))
    assert (found.bands.import_least_w <= found.bands.import_most_w).all()
    return found


def _band(problem: EnergyProblem) -> tuple[Floats, Floats]:
    found = _told(problem)
    assert found.apart == (Apart.NOT,)
    return found.bands.import_least_w[0], found.bands.import_most_w[0]


def test_surplus_is_stored_where_the_evening_is_dear_and_sold_where_it_is_not() -> None:
    least, most = _band(_problem([0.0, 2_600.0], [0.45, 0.5], [3_000.0, 0.0]))
    assert least[0] == 0 and most[1] == 0
    least, _ = _band(_problem([0.0, 2_000.0], [0.3, 0.3], [3_000.0, 0.0], sell=0.28))
    assert least[0] == -np.inf


def test_it_is_not_emptied_for_a_cheap_hour_where_a_dear_one_comes() -> None:
    least, most = _band(_problem([3_000.0, 3_000.0], [0.2, 0.5], initial_wh=np.array(2_000.0)))
    assert most.tolist() == [least[0] if least[0] > 0 else np.inf, 0.0] or most[0] == np.inf
    found = _told(_problem([3_000.0, 3_000.0], [0.45, 0.5], initial_wh=np.array(2_000.0)))
    assert found.bands.import_most_w[0].tolist() == [np.inf, 0.0], "too near each other to buy, not to keep"
    assert found.stored_wh[0].tolist() == pytest.approx([2_000.0, 0.0])
    assert found.worth_eur_kwh[0, 0] == pytest.approx(0.45)


def test_it_is_bought_at_night_only_where_levels_say_so() -> None:
    cheap = _told(_problem([1_000.0, 1_000.0, 3_600.0], [0.1, 0.3, 0.5]))
    assert cheap.bands.import_least_w[0, 0] == pytest.approx(6_000.0)
    assert cheap.bands.power_w[0, 0] == pytest.approx(5_000.0)
    dear = _told(_problem([1_000.0, 1_000.0, 3_600.0], [0.42, 0.43, 0.5]))
    assert dear.bands.import_least_w.max() <= 0 and dear.bands.power_w.max() <= 0


def test_more_is_bought_for_an_evening_that_may_be_worse_where_odds_pay() -> None:
    """Half as dear by night: what is needed one time in ten is not bought, one in two is."""
    sure = _told(_problem([0.0, 3_600.0], [0.1, 0.5]))
    doubted = _told(_problem([0.0, 3_600.0], [0.1, 0.5], margin_w=1_800.0))
    assert sure.rule.filled_wh[0, 0] == pytest.approx(4_000.0, abs=10_000 / 24)
    assert sure.rule.filled_wh[0, 0] < doubted.rule.filled_wh[0, 0] <= 6_000.0 + 10_000 / 24


def test_wear_that_eats_the_gain_keeps_it_at_rest() -> None:
    worn = _problem([3_000.0], [0.3], initial_wh=np.array(5_000.0), wear_eur_kwh=np.array(0.31))
    assert _band(worn)[1].tolist() == [np.inf]
    assert _band(_problem([3_000.0], [0.3], initial_wh=np.array(5_000.0)))[1].tolist() == [0.0]


def test_what_stands_is_lost_so_it_is_bought_late() -> None:
    lost = _told(_problem([0.0, 0.0, 3_600.0], [0.2, 0.22, 0.5], loss_h=np.array(0.2)))
    kept = _told(_problem([0.0, 0.0, 3_600.0], [0.2, 0.22, 0.5]))
    assert lost.rule.filled_wh[0, 0] == 0 < kept.rule.filled_wh[0, 0]
    assert lost.rule.filled_wh[0, 1] > 0


def test_a_limit_is_kept_whatever_levels_say() -> None:
    least, most = _band(_problem([1_000.0, 1_000.0, 3_600.0], [0.1, 0.3, 0.5], limit_w=4_000.0))
    assert least.max() <= 4_000.0 and most.max() <= 4_000.0
    least, most = _band(
        _problem([3_000.0, 6_000.0], [0.5, 0.1], limit_w=4_000.0, initial_wh=np.array(3_000.0))
    )  # what is over the limit is kept for, though the hour before is dearer
    assert most[1] <= 4_000.0
    found = _told(_problem([3_000.0, 6_000.0], [0.5, 0.1], limit_w=4_000.0, initial_wh=np.array(3_000.0)))
    assert found.stored_wh[0, 0] >= 2_000 / 0.9 - 1e-3


def test_a_battery_that_may_not_take_from_the_grid_is_not_filled_from_it() -> None:
    assert _band(_problem([1_000.0] * 3, [0.1, 0.3, 0.5], from_grid=np.array(False)))[0].max() <= 0


@pytest.mark.parametrize(
    ("problem", "why"),
    [
        (_problem([1_000.0] * 3, [0.1, 0.3, 0.5], cells=2), Apart.SEVERAL),
        (_problem([1_000.0] * 3, [0.1, 0.3, 0.5], charge_least_w=np.array(500.0)), Apart.LEAST),
        (_problem([0.0] * 3, [0.1, 0.3, 0.9], sell=0.8, to_grid=np.array(True)), Apart.GIVES),
    ],
)
def test_what_levels_do_not_know_goes_by_the_plan(problem: EnergyProblem, why: Apart) -> None:
    plan = solve(problem)
    found, planned = steered(problem, plan), bands(problem, plan)
    assert set(found.apart) == {why}
    for name in ("import_least_w", "import_most_w", "power_w"):
        assert np.array_equal(getattr(found.bands, name), getattr(planned, name))


def test_levels_need_no_solver_and_come_again_to_the_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "highspy", None)
    problem = _problem([1_000.0] * 4, [0.1, 0.3, 0.5, 0.2], [0.0, 3_000.0, 0.0, 0.0], margin_w=400.0)
    none = np.zeros((0, 4))
    plan = followed(problem, Wishes(np.full((1, 4), np.nan), none, none, none), "rule")
    plan = replace(plan, stored_eur_kwh=np.zeros((1, 4)))
    one, again = steered(problem, plan), steered(unpack(pack(problem)), plan)
    for name in ("import_least_w", "import_most_w", "power_w"):
        assert getattr(one.bands, name).tobytes() == getattr(again.bands, name).tobytes()
    assert one.worth_eur_kwh.tobytes() == again.worth_eur_kwh.tobytes()


def test_there_are_no_levels_without_a_battery() -> None:
    problem = replace(_problem([1_000.0], [0.1]), batteries=None)
    with pytest.raises(ValueError, match="no batteries"):
        steered(problem, solve(problem))
