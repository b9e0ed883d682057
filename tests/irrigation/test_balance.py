"""The water of root zones: a season of pyfao56 day by day, and that no water is made or lost."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers.result import InvalidProblem
from optimizers.soil import DayBalance, Moisture, RootZone, advance
from optimizers.soil.balance import exposed_and_wetted, greatest_coefficient, runoff_mm

from .published import cotton
from .test_plants import zone

SHARE = st.floats(0, 1)


@st.composite
def grounds(draw: st.DrawFn) -> tuple[RootZone, Moisture]:
    n = draw(st.integers(1, 4))

    def column(least: float, most: float) -> list[float]:
        return draw(st.lists(st.floats(least, most), min_size=n, max_size=n))

    wilting = np.array(column(0.02, 0.3))
    rew = np.array(column(1, 12))
    ground = zone(
        field_capacity=wilting + column(0.03, 0.3), wilting_point=wilting, root_depth_m=column(0.05, 2),
        p_table=column(0.1, 0.8), kcb=column(0, 1.2), height_m=column(0.02, 10), cover=column(0, 0.99),
        wetted=column(0.05, 1), rew_mm=rew, tew_mm=rew + column(1, 20),
        curve_number=[value if value > 30 else np.nan for value in column(20, 98)],
    )  # fmt: skip
    moisture = Moisture(
        depletion_mm=ground.taw_mm * column(0, 1),
        surface_mm=ground.tew_mm * column(0, 1),
        wetted=np.array(column(0.05, 1)),
    )
    return ground, moisture


def dry(share: float = 0.3, surface: float = 1.0, ground: RootZone | None = None) -> Moisture:
    ground = ground or zone()
    return Moisture(depletion_mm=ground.taw_mm * share, surface_mm=ground.tew_mm * surface)


def day(moisture: Moisture | None = None, ground: RootZone | None = None, **changed: Any) -> DayBalance:
    amounts: dict[str, Any] = {"et0_mm": 5.0, "rain_mm": 0.0, "irrigation_mm": 0.0}
    return advance(ground or zone(), moisture or dry(), **(amounts | changed))


@pytest.mark.reference
def test_every_day_of_a_season_of_pyfao56_is_met(reference: Path) -> None:
    """To the last digit that it prints: depletions, stress, evaporation, percolation, growth."""
    days = 0
    for name, roots, balance, printed in cotton(reference):
        ours = {
            "Dr": balance.moisture.depletion_mm, "De": balance.moisture.surface_mm, "DP": balance.percolation_mm,
            "E": balance.evaporation_mm, "T": balance.transpiration_mm, "ETa": balance.etc_mm,
            "ETc": balance.etc_unstressed_mm,
            "Ke": balance.ke, "Ks": balance.ks, "TAW": roots.taw_mm, "RAW": balance.raw_mm, "Zr": roots.root_depth_m,
            "Kcb": roots.kcb, "h": roots.height_m, "fc": roots.cover, "fw": balance.moisture.wetted,
            "Runoff": balance.runoff_mm,
        }  # fmt: skip
        for column, value in ours.items():
            assert float(value[0]) == pytest.approx(printed[column], abs=0.00051), (name, column)
        days += 1
    assert days == 200


@given(grounds(), st.floats(0, 12), st.floats(0, 120), st.floats(0, 60), st.floats(0, 12), st.floats(5, 100))
def test_no_water_is_made_or_lost(
    ground: tuple[RootZone, Moisture], et0: float, rain: float, irrigation: float, wind: float, rh: float
) -> None:
    roots, before = ground
    got = advance(roots, before, et0_mm=et0, rain_mm=rain, irrigation_mm=irrigation, wind_m_s=wind, rh_min_pct=rh)
    after = got.moisture
    came = rain - got.intercepted_mm - got.runoff_mm + irrigation
    left = got.etc_mm + got.percolation_mm
    assert after.depletion_mm - before.depletion_mm == pytest.approx(left - came, abs=1e-9)
    assert got.evaporation_mm + got.transpiration_mm == pytest.approx(got.etc_mm, abs=1e-12)


@given(grounds(), st.floats(0, 12), st.floats(0, 120), st.floats(0, 60))
def test_all_of_it_stays_within_what_it_can_be(
    ground: tuple[RootZone, Moisture], et0: float, rain: float, irrigation: float
) -> None:
    roots, before = ground
    got = advance(roots, before, et0_mm=et0, rain_mm=rain, irrigation_mm=irrigation)
    for values, most in (
        (got.ks, 1.0), (got.ke, 1.6), (got.moisture.depletion_mm, roots.taw_mm + 1e-9), (got.percolation_mm, np.inf),
        (got.moisture.surface_mm, roots.tew_mm), (got.runoff_mm, rain), (got.intercepted_mm, rain),
        (got.evaporation_mm, got.ke * et0 + 1e-12), (got.transpiration_mm, roots.kcb * et0 + 1e-12),
        (got.etc_mm, got.etc_unstressed_mm + 1e-12),
    ):  # fmt: skip
        assert ((values >= 0) & (values <= most)).all()


@given(grounds(), st.floats(0.5, 10), st.floats(0, 30), st.floats(0.1, 20))
def test_more_water_never_leaves_it_drier(
    ground: tuple[RootZone, Moisture], et0: float, irrigation: float, more: float
) -> None:
    roots, before = ground
    less, lots = (
        advance(roots, before, et0_mm=et0, rain_mm=0.0, irrigation_mm=depth)
        for depth in (irrigation + 0.001, irrigation + more)
    )
    assert (lots.moisture.depletion_mm <= less.moisture.depletion_mm + 1e-9).all()


@given(st.floats(0, 1), st.floats(0, 1))
def test_drier_ground_is_stressed_more(a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert day(dry(high)).ks[0] <= day(dry(low)).ks[0]


def test_a_day_by_hand() -> None:
    """Turf on loam, dry surface, 30 % of TAW gone: 39 mm of TAW, ET0 5 mm, and 10 mm of water.

    Kr 0, so Ke 0 and ETc 0.8 · 5 = 4 mm; p 0.4 + 0.04 · (5 - 4) = 0.44, RAW 17.16; 11.7 + 4 - 10 = 5.7 mm are left.
    """
    got = day(irrigation_mm=10.0)
    assert got.ke[0] == 0
    assert got.raw_mm[0] == pytest.approx(17.16)
    assert got.ks[0] == 1
    assert got.moisture.depletion_mm[0] == pytest.approx(5.7)
    assert got.moisture.surface_mm[0] == pytest.approx(9.0)


def test_wet_ground_evaporates_up_to_kc_max() -> None:
    """Kc max is 1.2 at the standard climate; cover 0.9 leaves a tenth of the ground: Ke 0.1 · 1.2."""
    assert day(dry(surface=0.0)).ke[0] == pytest.approx(0.12)
    assert day(dry(surface=0.0), zone(cover=0.0)).ke[0] == pytest.approx(0.4)
    assert greatest_coefficient(1.19, 0.1, 2.0, 45.0) == pytest.approx(1.24)


def test_drip_wets_less_ground_and_rain_wets_all() -> None:
    ground = zone(wetted=0.3, cover=0.2)
    dripped = day(dry(surface=0.0, ground=ground), ground, irrigation_mm=5.0)
    rained = day(dripped.moisture, ground, rain_mm=8.0)
    drizzled = day(dripped.moisture, ground, rain_mm=2.0)
    assert [one.moisture.wetted[0] for one in (dripped, rained, drizzled)] == [0.3, 1.0, 0.3]
    assert exposed_and_wetted(0.2, np.array([0.3, 1.0])).tolist() == [0.3, 0.8]


def test_light_rain_wets_leaves_only() -> None:
    """Less than 0.2 ET0 = 1 mm does nothing; from there on all of it counts."""
    light, enough = day(rain_mm=0.99), day(rain_mm=1.0)
    assert light.intercepted_mm[0] == 0.99
    assert light.moisture.depletion_mm == pytest.approx(day().moisture.depletion_mm)
    assert enough.intercepted_mm[0] == 0
    assert enough.moisture.depletion_mm[0] == pytest.approx(day().moisture.depletion_mm[0] - 1.0)


def test_what_is_above_field_capacity_drains() -> None:
    got = day(dry(0.3), irrigation_mm=40.0)
    assert got.moisture.depletion_mm[0] == 0
    assert got.percolation_mm[0] == pytest.approx(40.0 - 11.7 - 4.0)


def test_ground_gives_no_water_that_it_does_not_hold() -> None:
    """Roots so shallow that wet bare ground would evaporate more than there is."""
    thin = zone(root_depth_m=0.02, cover=0.0, kcb=0.1)
    got = day(Moisture(depletion_mm=thin.taw_mm - 0.5, surface_mm=np.array([0.0])), thin, et0_mm=8.0)
    assert got.etc_mm[0] == pytest.approx(0.5)
    assert got.moisture.depletion_mm[0] == pytest.approx(thin.taw_mm[0])


def test_run_off_is_that_of_the_curve_number() -> None:
    """CN 80, middling wet: S = 63.5 mm, (50 - 12.7)² / (50 + 50.8) = 13.8 mm; SCS (1972). Dry less, wet more."""
    rew, tew = 9.0, 19.0
    middle = np.array([0.5 * rew, 0.0, 0.7 * rew + 0.3 * tew])
    wet, wetter, parched = runoff_mm(50.0, 80.0, middle, rew, tew)
    assert wet == wetter > parched > 0
    numbers = 80 / (0.427 + 0.00573 * 80), 80 / (2.281 - 0.01281 * 80)
    for ran, number in zip((wet, parched), numbers, strict=True):
        storage = 250 * (100 / number - 1)
        assert ran == pytest.approx((50 - 0.2 * storage) ** 2 / (50 + 0.8 * storage))
    assert runoff_mm(5.0, 80.0, 4.5, rew, tew) == 0
    assert runoff_mm(500.0, np.nan, 4.5, rew, tew) == 0
    assert runoff_mm(50.0, 100.0, 4.5, rew, tew) == pytest.approx(50.0)


def test_several_weathers_run_side_by_side() -> None:
    """(S, n) at once is each of S by itself."""
    ground = zone(field_capacity=[0.25, 0.3], curve_number=74.0)
    rain = np.array([[0.0], [30.0], [3.0]])
    before = Moisture(depletion_mm=ground.taw_mm * 0.5, surface_mm=np.array([5.0, 9.0]))
    whole = advance(ground, before, et0_mm=4.0, rain_mm=rain, irrigation_mm=0.0)
    assert whole.moisture.depletion_mm.shape == (3, 2)
    for s in range(3):
        one = advance(ground, before, et0_mm=4.0, rain_mm=rain[s], irrigation_mm=0.0)
        assert whole.moisture.depletion_mm[s].tolist() == one.moisture.depletion_mm.tolist()
        assert whole.runoff_mm[s].tolist() == one.runoff_mm.tolist()
    # What has several weathers behind it goes on with several.
    again = advance(ground, whole.moisture, et0_mm=4.0, rain_mm=0.0, irrigation_mm=2.0)
    assert again.moisture.depletion_mm.shape == (3, 2)


def test_unknown_and_negative_amounts_are_refused_together() -> None:
    with pytest.raises(InvalidProblem) as told:
        day(et0_mm=np.nan, rain_mm=-0.1, irrigation_mm=np.array([2000.0]))
    assert told.value.problems == (
        "et0_mm is nan, wants 0 to 1000 mm a day",
        "rain_mm is -0.1, wants 0 to 1000 mm a day",
        "irrigation_mm is 2000, wants 0 to 1000 mm a day",
    )


def test_a_dry_spell_ends_at_the_wilting_point() -> None:
    moisture = dry(0.0, surface=0.0)
    gone = 0.0
    for _ in range(400):
        got = day(moisture)
        moisture, gone = got.moisture, gone + float(got.etc_mm[0])
    assert gone == pytest.approx(moisture.depletion_mm[0])
    assert 0.99 * zone().taw_mm[0] < gone <= zone().taw_mm[0] + 1e-9
