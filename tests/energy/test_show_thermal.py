"""The study of heating seasons: what is learnt of a building, ten days of winter in closed loop, and what it counts."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pytest

from jobs.energy.setpoints import to_come_to
from optimizers.arrays import Floats
from tests.bench import show_energy_thermal as show
from tests.bench.energy_heat import Case, Fixed, Lived, Planned, Told, foreseen, live, sky
from tests.bench.energy_learnt import Heard, Learnt, learn
from tests.bench.show_energy_least_heat import least_kwh
from twin.energy.kinds import TIMETABLES, Age
from twin.energy.outside import QUARTER, Outside
from twin.energy.plant import Source

WINTER = Case("school", Age.MIDDLE, Source.BOILER, first=date(2025, 12, 1), days=10)
TRUE = Learnt(capacity_wh_k=12_000, mass_wh_k=150_000, coupling_w_k=20_000, loss_w_k=3_000, sun_m2=60, present_w=15_000)


def heard(of: Learnt, days: int = 14, noise_k: float = 0.05) -> Heard:
    """What a building that is just what plans believe would tell, heated by day."""
    random, count = np.random.default_rng(5), 96 * days
    hour = np.arange(count) / 4 % 24
    outdoor = 5 + 4 * np.sin((hour - 9) / 24 * 2 * np.pi) + np.cumsum(0.1 * random.standard_normal(count))
    sun = np.maximum(np.sin((hour - 7) / 10 * np.pi), 0.0) * 300 * random.uniform(0.2, 1.0, count)
    present = ((hour > 8) & (hour < 18)).astype(np.float64)
    heat = np.where((hour > 5) & (hour < 19), 60_000.0, 0.0) * random.uniform(0.5, 1.2, count)
    room: Floats = np.empty(count)
    air, mass = 18.0, 17.0
    for k in range(count):
        a, m = of.capacity_wh_k * 4, of.mass_wh_k * 4
        gains = float(of.gain_w(sun[k : k + 1], present[k : k + 1])[0]) + heat[k] + of.loss_w_k * outdoor[k]
        system = [[a + of.loss_w_k + of.coupling_w_k, -of.coupling_w_k], [-of.coupling_w_k, m + of.coupling_w_k]]
        air, mass = np.linalg.solve(system, [a * air + gains, m * mass])
        room[k] = air + noise_k * random.standard_normal()
    return Heard(room_c=room, outdoor_c=outdoor, heat_w=heat, sun_w_m2=sun, present=present)


def test_what_is_learnt_is_what_it_is() -> None:
    guess = replace(TRUE, capacity_wh_k=20_000, mass_wh_k=90_000, coupling_w_k=9_000, loss_w_k=5_000, sun_m2=0)
    found = learn(heard(TRUE), guess)
    assert found.loss_w_k == pytest.approx(TRUE.loss_w_k, rel=0.05)
    assert found.mass_wh_k == pytest.approx(TRUE.mass_wh_k, rel=0.15)
    assert found.capacity_wh_k == pytest.approx(TRUE.capacity_wh_k, rel=0.15)
    assert found.sun_m2 == pytest.approx(TRUE.sun_m2, rel=0.1)
    assert found.present_w == pytest.approx(TRUE.present_w, rel=0.1)
    assert found.error_k < 0.07


def test_walls_follow_their_room() -> None:
    assert TRUE.mass_c(np.full(400, 19.0)) == pytest.approx(19.0)
    warmed = TRUE.mass_c(np.concatenate([np.full(96, 16.0), np.full(8, 20.0)]))
    assert 16.5 < warmed < 18.0


def told_of_days(days: int, full_w: float = 100_000.0) -> Told:
    """A heat pump of `full_w` that gives 2 % less for each K below 7 °C, at full heat for a quarter each morning."""
    told = Told(WINTER, datetime.fromisoformat("2026-01-12T00:00:00+00:00"), heat_max_w=full_w)
    for day in range(days):
        cold = -4.0 + day % 10
        for quarter in range(96):
            told.outdoor_c.append(cold)
            told.heat_w.append(full_w * (1 + 0.02 * (cold - 7)) if quarter == 24 else 0.2 * full_w)
    return told


def test_how_much_a_heat_pump_gives_in_the_cold_is_learnt_from_its_fullest_quarters() -> None:
    found = told_of_days(20).most_at_w(np.array([-4.0, 0.0, 3.0, 20.0]))
    assert found == pytest.approx([78_000.0, 86_000.0, 92_000.0, 95_000.0], rel=1e-6), "and never all that is written"


@pytest.mark.parametrize("days", [0, 5])
def test_before_enough_cold_mornings_nine_tenths_of_what_is_written_are_believed(days: int) -> None:
    assert told_of_days(days).most_at_w(np.array([-10.0, 10.0])).tolist() == [90_000.0, 90_000.0]


def test_a_thermostat_is_told_at_once_what_a_rise_comes_to() -> None:
    """It gives full heat only well below its setpoint: told 16.4 at 16.0 °C it would give a quarter of it."""
    room = np.array([[15.0, 16.4, 17.8, 19.0, 19.0, 18.9, 18.5, 18.8, 19.2, 19.1]])
    heats = np.array([[False, True, True, True, True, True, False, True, True, True]])
    found = to_come_to(np.vstack([room, room]), np.vstack([heats, ~heats]))
    assert found[0].tolist() == [15.0, 19.0, 19.0, 19.0, 19.0, 18.9, 18.5, 19.2, 19.2, 19.1]
    assert found[1].tolist() == room[0].tolist(), "what rises by itself is no goal"


def test_a_forecast_is_right_now_and_off_by_more_the_further_ahead() -> None:
    now = datetime.fromisoformat("2026-01-12T05:00:00+00:00")
    truth = [Outside(now + k * QUARTER, 4.0, 100.0) for k in range(1, 97)]
    random = np.random.default_rng(1)
    off = np.array([[one.air_c - 4.0 for one in foreseen(truth, Outside(now, 4.0, 0.0), random)] for _ in range(300)])
    assert np.abs(off[:, 0]).mean() < 0.25 * np.abs(off[:, -1]).mean()
    assert off[:, -1].std() == pytest.approx(1.2, rel=0.15)
    assert abs(off[:, -1].mean()) < 0.25


class Watched(Fixed):
    """Looks at what it is shown."""

    def __init__(self) -> None:
        super().__init__(TIMETABLES["school"])
        self.shown: list[tuple[datetime, int, datetime]] = []

    def plan(self, at: datetime, told: Told, ahead: list[Outside]) -> None:  # type: ignore[override]
        self.shown.append((at, len(told.room_c), ahead[0].at))


def test_a_policy_is_told_of_the_past_and_foreseen_the_rest() -> None:
    case = replace(WINTER, days=1)
    watched, begins = Watched(), sky(case)[0].at
    live(case, "watched", watched)
    assert len(watched.shown) == 23, "each full hour after the weeks of learning"
    for at, quarters, first in watched.shown:
        assert begins + quarters * QUARTER == at
        assert first == at + QUARTER


def test_ten_days_of_winter_save_a_seventh_and_no_hour_is_colder() -> None:
    outside = sky(WINTER)
    fixed = live(WINTER, show.FIXED, show.policy(show.FIXED, "school"), outside)
    ours = live(WINTER, show.OURS, show.policy(show.OURS, "school"), outside)
    assert fixed.occupied_h == ours.occupied_h > 40
    assert ours.comfort_h >= fixed.comfort_h
    assert ours.bought_kwh < 6 / 7 * fixed.bought_kwh, "a fifth is for seasons, which have milder days and holidays"
    assert ours.lacking_kh < fixed.lacking_kh + 0.1 * ours.occupied_h
    least = least_kwh(WINTER)
    assert 0.85 * ours.bought_kwh < least < ours.bought_kwh, "who knows all buys less, and not by much"
    assert least_kwh(WINTER, slack_k=0.5) < 0.99 * least


def test_a_plan_without_a_forecast_of_its_building_is_what_the_inventory_believes() -> None:
    """The first plan is of what was learnt from the weeks before; nothing of the twin's own is looked at."""
    policy = Planned()
    live(replace(WINTER, days=1), show.OURS, policy)
    learnt = policy._learnt
    assert learnt is not None
    assert learnt.error_k < 0.5


def lived(name: str, **changes: float) -> Lived:
    values = {"bought_kwh": 100.0, "heat_kwh": 90.0, "eur": 9.0, "occupied_h": 40.0, "comfort_h": 39.0,
              "lacking_kh": 1.0, "starts": 5}  # fmt: skip
    return Lived(WINTER, name, **{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bought", "warm", "held"), [(80.0, 39.0, True), (80.1, 39.0, False), (60.0, 38.75, False), (60.0, 40.0, True)]
)
def test_what_must_be_kept_is_told(bought: float, warm: float, held: bool, capsys: pytest.CaptureFixture[str]) -> None:
    ours = lived(show.OURS, bought_kwh=bought, comfort_h=warm)
    rows = [lived(show.FIXED), lived(show.HOLIDAYS), lived(show.OPTIMUM), ours]
    assert show.tell(rows) is held
    told = capsys.readouterr().out
    assert f"{bought - 100:+.1f}%" in told
    assert "school, middle, boiler" in told


def test_all_kinds_are_lived_in_both_weathers(tmp_path: object) -> None:
    from pathlib import Path

    found = list(show.cases(full=True, weather=Path("somewhere"), days=None))
    assert len(found) == 2 * len(show.KINDS)
    assert {one.days for one in found} == {182, show.MEASURED[1]}
    assert timedelta(days=max(one.days for one in found)) > timedelta(days=180)
