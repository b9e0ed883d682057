"""What a running service sends to a battery by levels, and how it says so."""

from pathlib import Path

import pytest

from engine.catalogue import Catalogue
from engine.store import Store
from jobs.energy.body import body, open_body, with_plan
from jobs.energy.domain import DOMAIN
from jobs.energy.explaining import explain
from jobs.energy.fallback import rules
from jobs.energy.setpoints import to_setpoints
from optimizers.energy import solve
from optimizers.energy.levels import Apart, steered

from .test_regret_kept import DAY, HOUR, MONDAY, Desk, midnight, rest


@pytest.fixture
def desk(store: Store, catalogue: Catalogue, tmp_path: Path) -> Desk:
    return Desk(store, catalogue, tmp_path)


def test_a_battery_is_sent_what_levels_say_and_why_tells_it_in_both_languages(desk: Desk) -> None:
    at = midnight(MONDAY + 5 * DAY)
    desk.live(rest, midnight(MONDAY), at)
    with desk.store.read() as unit:
        task = DOMAIN.build(unit, desk.territory, at, desk.settings)
    plan = solve(task.problem)
    block, expected = body(task, plan), steered(task.problem, plan)
    found = open_body(block)
    assert found.apart(0) is Apart.NOT
    asked = {slot.point: slot for slot in to_setpoints(block, "v", at)}
    noon = at + 12 * HOUR
    t = found.slot_at(noon)
    assert expected.bands.import_least_w[0, t] == 0, "what the sun leaves is stored: fed in it brings 0.04"
    assert asked["BT/importLeast"].program.at(noon) == 0
    assert asked["BT/power"].program.at(noon) == pytest.approx(expected.bands.power_w[0, t], abs=0.5)
    told = explain(block, "BT/power", noon)
    assert "a kWh stored is worth" in told["reason"]["en"] and "un kWh stocké vaut" in told["reason"]["fr"]
    assert told["stored_eur_kwh"] == pytest.approx(expected.worth_eur_kwh[0, t], abs=1e-5)
    assert told["levels"]["reserve_wh"] == pytest.approx(expected.rule.reserve_wh[0, t], abs=0.1)
    assert with_plan(block, plan) == block
    ruled = open_body(with_plan(block, rules(task)))
    assert ruled.apart(0) is None and "sent_w" not in ruled.columns, "nothing is left of another plan's levels"
