"""Whole columns stand only where energy is worth wasting, and there nothing goes both ways at once."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.energy import EnergyProblem, assembling, solve
from optimizers.energy.assembling import assemble
from optimizers.energy.assembling.wasting import Wasteful, wasteful
from optimizers.energy.engines import Effort, run
from optimizers.result import Limits, Status
from tests.energy.parted import both_at_once, case, parted

EFFORT = Effort(60.0, 1e-7)


def compared(problem: EnergyProblem) -> tuple[float, float, int, int]:
    """What our model comes to, and the full one; whole columns of ours, and of the full one."""
    assembled = assemble(problem)
    full = parted(assembled)
    ours, theirs = run(assembled.linear, EFFORT), run(full, EFFORT)
    assert ours.status == theirs.status == Status.OPTIMAL
    assert not both_at_once(assembled.layout, theirs.x)
    return ours.value, theirs.value, int(assembled.linear.whole.sum()), int(full.whole.sum())


@given(st.integers(0, 100_000))
@settings(max_examples=12)
def test_at_any_price_what_stands_is_enough(seed: int) -> None:
    ours, theirs, few, many = compared(case(seed, positive=False))
    assert few <= many
    assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-4)


def test_without_the_rule_energy_is_burnt(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the tests above can fail: these are problems in which it matters."""

    def none(problem: EnergyProblem) -> Wasteful:
        nowhere = np.zeros(problem.shape, np.bool_)
        return Wasteful(nowhere, nowhere, nowhere)

    kept = [solve(case(seed, positive=False), Limits(gap=1e-6)).objective for seed in range(6)]
    monkeypatch.setattr(assembling, "wasteful", none)
    burnt = [run(assemble(case(seed, positive=False)).linear, EFFORT).value for seed in range(6)]
    assert sum(one < other - 1e-3 for one, other in zip(burnt, kept, strict=True)) >= 2


def quiet(**sites: object) -> EnergyProblem:
    """One site and slots of an hour, nothing of which is worth wasting, but for what is said."""
    problem = case(1, positive=True)
    keep = {"names": ("site",), "base_w": 500.0, "import_eur_kwh": np.full((1, 12), 0.2),
            "export_eur_kwh": 0.1, "over_eur_kwh": 1.0}  # fmt: skip
    batteries = replace(problem.batteries, site=np.zeros(3, int)) if problem.batteries else None
    return EnergyProblem(
        horizon=problem.horizon, sites=type(problem.sites)(**{**keep, **sites}), batteries=batteries,  # type: ignore[arg-type]
    )  # fmt: skip


def at(*slots: int) -> np.ndarray:
    return np.isin(np.arange(12), slots)[None]


def test_a_price_below_nothing_counts_in_its_own_slots_alone() -> None:
    price = np.where(at(3, 4), -0.1, 0.2)
    waste = wasteful(quiet(import_eur_kwh=price, export_eur_kwh=np.minimum(price, 0.1) * (price > 0)))
    assert (waste.wasted == at(3, 4)).all()
    assert (waste.stores == waste.wasted).all()


def test_before_such_a_price_a_limit_of_export_makes_stored_energy_a_burden() -> None:
    price = np.where(at(3, 4), -0.1, 0.2)
    waste = wasteful(quiet(import_eur_kwh=price, export_eur_kwh=0.0, export_limit_w=0.0))
    assert (waste.wasted == at(0, 1, 2, 3, 4)).all()


def test_a_limit_of_export_alone_wastes_nothing_where_roofs_can_be_curtailed() -> None:
    assert not wasteful(quiet(export_limit_w=0.0)).stores.any()


def test_a_price_of_sale_above_that_of_purchase_parts_buying_from_selling_alone() -> None:
    waste = wasteful(quiet(export_eur_kwh=np.where(at(7), 0.3, 0.1)))
    assert (waste.both == at(7)).all()
    assert not waste.stores.any()


def test_carbon_makes_a_price_of_nothing_more_than_nothing() -> None:
    cheap = {"import_eur_kwh": np.where(at(5), 0.0, 0.2), "export_eur_kwh": 0.0}
    assert (wasteful(quiet(**cheap)).wasted == at(5)).all()
    assert not wasteful(quiet(**cheap, carbon_g_kwh=50.0, carbon_eur_kg=np.array([0.1]))).wasted.any()


def test_a_worthless_end_counts_only_where_energy_may_be_drawn_for_nothing() -> None:
    problem = quiet(export_limit_w=np.where(at(2), 0.0, np.inf))
    assert problem.batteries is not None
    worthless = replace(problem.batteries, end_eur_kwh=np.array([0.0, -0.1, 0.0]))
    assert (wasteful(replace(problem, batteries=worthless)).wasted == at(2)).all()


def test_what_another_store_could_feed_to_the_grid_for_one_that_may_not_is_parted() -> None:
    problem = quiet()
    assert problem.batteries is not None
    own = replace(problem.batteries, to_grid=np.array([False, True, True]))
    waste = wasteful(replace(problem, batteries=own))
    assert waste.stores.all()
    assert not waste.wasted.any()


def test_sites_of_a_group_are_those_below_it_at_any_depth() -> None:
    problem = case(0, positive=True)
    assert problem.groups is not None
    of = np.array([1, 0, -1, 1])
    assert problem.groups.within(of)[0].tolist() == [True, True, False, True]
    assert problem.groups.within(of)[1].tolist() == [True, False, False, True]
