"""What buildings do without a plan, and what people read of it: rules, and a last plan put on other hours."""

import numpy as np
import pytest

from jobs.energy.body import body
from jobs.energy.fallback import BY_RULES, by_rules, rules, shift
from jobs.energy.notes import notes
from jobs.energy.sites import Span
from optimizers.energy import check

from .devices_made import (
    HOUR,
    QUARTER,
    START,
    T,
    battery,
    charger,
    heater,
    now_of,
    one_site,
    people,
    stay,
    task,
    terms,
)

SITES = one_site(battery("BT1"), battery("BT2"), charger(), heater(), heat="boiler")


def test_rules_warm_two_hours_before_people_come_and_own_up_to_the_rest() -> None:
    wanted = [16.0] * 16 + [19.0] * (T - 16)
    made = task(SITES, present=people([0.0] * 16 + [1.0] * (T - 16), wanted))
    room = by_rules(made).room_c[0]
    assert room[:8].tolist() == [16.0] * 8
    assert room[8:].tolist() == [19.0] * (T - 8)
    plan = rules(made)
    assert plan.solver == BY_RULES
    owned = {(one.constraint, one.object): one.amount for one in plan.violations}
    assert all(one.amount <= owned[one.constraint, one.object] * 1.001 for one in check(made.problem, plan))


def test_rules_charge_at_once_within_the_contract() -> None:
    made = task(SITES, now_of(SITES, stays={"EV": stay(20_000.0, 6)}), contract=terms(12_000.0))
    plan = rules(made)
    assert plan.vehicle_charge_w[0, 0] > 4_140.0
    assert plan.import_w.max() <= 12_000.0 + 1e-3


@pytest.mark.parametrize("later", [1, 24, 48])
def test_a_last_plan_goes_on_at_the_same_instant_or_time_of_day(later: int) -> None:
    first = task(SITES)
    power = np.tile(np.where(np.arange(T) < 8, 1_000.0, 0.0), (2, 1))
    block = body(first, type(rules(first))(**{**rules(first).__dict__, "charge_w": power, "discharge_w": 0 * power}))
    slots = Span.between(START + later * HOUR, START + (later + 12) * HOUR, QUARTER)
    plan = shift(task(SITES, slots=slots, present=people(slots=slots)), block)
    ahead = 8 - 4 * (later % 24)
    assert plan.charge_w[:, :ahead] == pytest.approx(1_000.0)
    assert plan.charge_w[:, ahead:8] == pytest.approx(0.0)


def test_a_device_that_the_last_plan_does_not_know_goes_by_rules() -> None:
    block = body(task(one_site()), rules(task(one_site())))
    made = task(SITES, now_of(SITES, stays={"EV": stay(20_000.0, 6)}))
    assert shift(made, block).vehicle_charge_w == pytest.approx(rules(made).vehicle_charge_w)


def test_people_read_what_is_near_its_contract_and_what_is_short_in_both_languages() -> None:
    made = task(one_site(heat="heatPump"), now_of(one_site(), room_c={"B1": 12.0}), contract=terms(2_050.0))
    told = [note.text for note in notes(body(made, rules(made)))]
    english, french = (" ".join(one[lang] for one in told) for lang in ("en", "fr"))
    assert "B1" in english
    assert "K·h" in english
    assert "K·h" in french
    assert english != french
    calm = " ".join(note.text["en"] for note in notes(body(task(one_site()), rules(task(one_site())))))
    assert "K·h" not in calm
