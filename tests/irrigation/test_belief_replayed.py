"""What is believed of root zones after some days, over ground that is another than is believed."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from jobs.irrigation.replay import Believed, Past, replay_core
from optimizers.arrays import Floats
from optimizers.result import InvalidProblem
from optimizers.soil import Moisture, advance
from optimizers.soil.probes import Verdict
from tests.irrigation.grounds import TABLES, Lived, hydrozones, lived

ZONES, PROBES = 24, 16
SEEDS = (101, 102, 103)  # the figures of irrigation.yaml were chosen on 10 to 70
SETTLED = slice(15, None)
NAMES = ("valves", "planting", "soil", "method", "probe")
Wrong = Callable[[Floats], Floats]


@cache
def lived_once(seed: int) -> Lived:
    return lived(hydrozones(ZONES, PROBES), 30, seed)


@pytest.fixture(params=SEEDS)
def case(request: pytest.FixtureRequest) -> Lived:
    return lived_once(request.param)


def believed(past: Past) -> Believed:
    return replay_core(hydrozones(ZONES, PROBES), past, TABLES)


def blind(past: Past) -> Past:
    return replace(past, raw_vwc=np.array(np.nan) * past.raw_vwc)


def rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(values**2)))


def off(found: Believed, case: Lived) -> Floats:
    """As a share of what each thinks the root zone holds: it is by that share that plants lack water."""
    believed_share = found.run.depletion_mm / hydrozones(ZONES, PROBES).root_zone.taw_mm
    return (believed_share - case.depletion_mm / case.ground.taw_mm)[SETTLED]


def test_without_a_probe_it_is_the_balance_of_fao_56(case: Lived) -> None:
    zones, past = hydrozones(ZONES, PROBES), blind(case.past)
    root = zones.root_zone
    moisture = Moisture(depletion_mm=root.raw_mm(5.0) / 2, surface_mm=root.tew_mm / 2)
    for day in range(past.days):
        amounts = (past.et0_mm[day], past.rain_mm[day], past.irrigation_mm[day])
        of_day = dict(zip(("et0_mm", "rain_mm", "irrigation_mm"), amounts, strict=True))
        moisture = advance(root, moisture, **of_day, wind_m_s=2.0, rh_min_pct=45.0).moisture
    found = believed(past)
    assert found.belief.depletion_mm == pytest.approx(moisture.depletion_mm, abs=1e-9)
    assert found.moisture.surface_mm == pytest.approx(moisture.surface_mm, abs=1e-9)
    assert not found.measured.any()
    assert set(found.verdicts.values()) == {Verdict.SILENT}


PARTS = (slice(0, PROBES), slice(PROBES, None))


def weather_told(case: Lived, et0: float, rain: float) -> Past:
    return replace(case.past, et0_mm=et0 * case.past.et0_mm, rain_mm=rain * case.past.rain_mm)


@pytest.mark.parametrize(("et0", "rain"), [(1.25, 1.0), (1.0, 0.5)])
def test_probes_five_per_cent_off_find_out_a_station_that_is_worse(case: Lived, et0: float, rain: float) -> None:
    """Those without one gain from those that have one: the station is wrong for all of them."""
    told = weather_told(case, et0, rain)
    with_probes, without = believed(told), believed(blind(told))
    assert all(verdict.believed for verdict in with_probes.verdicts.values())
    assert all(with_probes.lender[PROBES:])
    assert not any(with_probes.lender[:PROBES])
    assert with_probes.measured.all()
    for part in PARTS:
        assert rms(off(with_probes, case)[:, part]) < rms(off(without, case)[:, part])


@pytest.mark.parametrize(("et0", "rain"), [(0.75, 1.0), (1.0, 2.0), (1.0, 1.0)])
def test_probes_cost_little_where_the_balance_happens_to_be_right(case: Lived, et0: float, rain: float) -> None:
    """Ground that keeps rain for days above field capacity is wetter than FAO-56 has it: too little sun told, or too
    much rain, makes up for it, and probes do not know.
    """
    told = weather_told(case, et0, rain)
    with_probes, without = believed(told), believed(blind(told))
    for part in PARTS:
        assert rms(off(with_probes, case)[:, part]) < rms(off(without, case)[:, part]) + 0.05


def test_a_belief_is_as_sure_as_it_is_right() -> None:
    """Over three seasons of ground it is off by its own standard deviation, give or take a half."""
    taw = hydrozones(ZONES, PROBES).root_zone.taw_mm
    squares = []
    for seed in SEEDS:
        case = lived_once(seed)
        found = believed(case.past)
        squares.append(off(found, case) ** 2 / (found.run.variance_mm2 / taw**2)[SETTLED])
    assert 0.5 < np.sqrt(np.mean(squares)) < 1.5


@pytest.mark.parametrize(
    ("verdict", "wrong"),
    [
        (Verdict.STUCK, lambda told: np.where(np.arange(len(told)) < 360, told, told[359])),
        (Verdict.SILENT, lambda told: np.where(np.arange(len(told)) < 600, told, np.nan)),
        (Verdict.SATURATED, lambda told: np.where(np.arange(len(told)) < 600, told, 0.47)),
        (Verdict.UNIT_MIXED, lambda told: 1_000.0 + told),
    ],
)
def test_a_probe_that_is_wrong_is_told_and_its_hydrozone_borrows(case: Lived, verdict: Verdict, wrong: Wrong) -> None:
    raw = case.past.raw_vwc.copy()
    raw[:, 3] = wrong(raw[:, 3])
    found = believed(replace(case.past, raw_vwc=raw))
    assert found.verdicts["S3"] is verdict
    assert found.lender[3]
    others = {probe: said for probe, said in found.verdicts.items() if probe != "S3"}
    assert all(said.believed for said in others.values())
    zones = hydrozones(ZONES, PROBES)
    assert abs(found.belief.depletion_mm[3] - case.depletion_mm[-1, 3]) < 0.5 * zones.root_zone.taw_mm[3]


def test_a_probe_pulled_out_of_the_ground_is_told_by_its_temperature(case: Lived) -> None:
    raw, hours = case.past.raw_vwc.copy(), np.arange(720)
    raw[-60:, 0] = 0.011 + 0.001 * (hours[-60:] % 3)
    soil = np.where(hours[:, None] < 660, 18.0, 18.0 + 12.0 * np.sin(hours[:, None] / 24 * 2 * np.pi))
    found = believed(replace(case.past, raw_vwc=raw, soil_c=np.broadcast_to(soil, raw.shape)))
    assert found.verdicts["S0"] is Verdict.OUT_OF_SOIL


def test_a_probe_in_percent_is_believed_and_said(case: Lived) -> None:
    raw = case.past.raw_vwc.copy()
    raw[:, 2] *= 100.0
    found, plain = believed(replace(case.past, raw_vwc=raw)), believed(case.past)
    assert found.converted == ("S2",)
    assert found.belief.depletion_mm == pytest.approx(plain.belief.depletion_mm, abs=1e-9)


def test_a_probe_far_off_after_soaking_rain_is_told_and_corrected_no_more_than_stated() -> None:
    zones = hydrozones(3, 3)
    root, days = zones.root_zone, 20
    rain = np.zeros((days, 3))
    rain[[3, 9, 15]] = 80.0
    past = Past(et0_mm=np.full(days, 4.0), rain_mm=rain, irrigation_mm=0.0, raw_vwc=np.full((24 * days, 3), np.nan))
    truth = replay_core(zones, past, TABLES).run.depletion_mm
    vwc = np.repeat(root.field_capacity - truth / (1000.0 * root.root_depth_m), 24, axis=0)
    vwc += np.random.default_rng(1).normal(0, 0.002, vwc.shape)
    vwc[:, 1] -= 0.45 * root.taw_mm[1] / (1000.0 * root.root_depth_m[1])
    tables = TABLES.model_copy(
        update={"probes": TABLES.probes.model_copy(
            update={"field_capacity": TABLES.probes.field_capacity.model_copy(update={"events": 99, "sd": 0.005})}
        )}
    )  # fmt: skip
    found = replay_core(zones, replace(past, raw_vwc=vwc), tables)
    assert found.verdicts == {"S0": Verdict.SOUND, "S1": Verdict.BIASED, "S2": Verdict.SOUND}
    assert found.offset_mm[1] == pytest.approx(0.05 * root.taw_mm[1])
    assert found.offset_mm[[0, 2]] == pytest.approx([0.0, 0.0])


def test_field_capacity_is_learnt_from_rain_that_filled_the_ground() -> None:
    """A probe that reads 0.04 too wet has its own field capacity, and its depletion is right all the same."""
    zones = hydrozones(2, 2)
    root, days = zones.root_zone, 30
    rain = np.zeros((days, 2))
    rain[[2, 8, 14, 20]] = 60.0
    past = Past(et0_mm=np.full(days, 3.0), rain_mm=rain, irrigation_mm=0.0, raw_vwc=np.full((24 * days, 2), np.nan))
    truth = replay_core(zones, past, TABLES).run.depletion_mm
    vwc = np.repeat(root.field_capacity - truth / (1000.0 * root.root_depth_m), 24, axis=0)
    vwc[:, 0] += 0.04
    vwc += np.random.default_rng(2).normal(0, 0.001, vwc.shape)
    found = replay_core(zones, replace(past, raw_vwc=vwc), TABLES)
    assert found.capacity.events.tolist() == [4, 4]
    assert found.capacity.vwc[0] - root.field_capacity[0] == pytest.approx(0.04 * 4 / 5, abs=0.004)
    assert found.belief.depletion_mm == pytest.approx(truth[-1], abs=0.05 * root.taw_mm.min() + 1.0)


def test_hydrozones_do_not_hang_on_their_order(case: Lived) -> None:
    straight = believed(case.past)
    zones, order = hydrozones(ZONES, PROBES), np.random.default_rng(5).permutation(ZONES)
    mixed = replace(
        zones,
        **{name: tuple(getattr(zones, name)[z] for z in order) for name in NAMES},
        **{name: getattr(zones, name)[order] for name in ("lat", "lon", "saturation")},
        root_zone=replace(zones.root_zone, **{n: getattr(zones.root_zone, n)[order] for n in zones.root_zone.arrays}),
    )  # fmt: skip
    past = replace(
        case.past,
        **{name: getattr(case.past, name)[:, order] for name in ("rain_mm", "irrigation_mm", "raw_vwc")},
    )
    found = replay_core(mixed, replace(past, soil_c=np.array(np.nan)), TABLES)
    assert found.verdicts == straight.verdicts
    assert np.allclose(found.belief.depletion_mm, straight.belief.depletion_mm[order], atol=1e-9)


def test_a_past_whose_columns_do_not_fit_is_refused() -> None:
    with pytest.raises(InvalidProblem, match="rain_mm"):
        Past(et0_mm=np.ones(3), rain_mm=np.ones((2, 4)), irrigation_mm=0.0, raw_vwc=np.ones((72, 4)))
