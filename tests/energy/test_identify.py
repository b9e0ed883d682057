"""What a building loses and holds, learnt from made winters of which both are known; and what teaches nothing."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from jobs.energy.identify import Learnt, identify
from optimizers.arrays import Floats
from twin.energy.fabric import Given
from twin.energy.kinds import Age, made_fabric

FLOOR_M2, LOSS, CAPACITY = 1000.0, 1800.0, 55_000.0
_SEED = 7


def winter(days: int, *, heat: str = "timetable", noise_c: float = 0.0, loss: float = LOSS) -> tuple[Floats, ...]:
    """Quarter hours of a building of one room: room, outside, heat, presence."""
    random = np.random.default_rng(_SEED)
    count = 96 * days
    hour = np.arange(count) * 0.25
    outdoor = 5 + 4 * np.sin(hour / 24 * 2 * np.pi) + np.repeat(random.normal(0, 3, days), 96)
    present = ((hour % 24 > 8) & (hour % 24 < 18)).astype(np.float64)
    room, given = np.empty(count), np.zeros(count)
    now = 18.0
    for t in range(count):
        wanted = {"timetable": 19.5 if present[t] else 15.0, "none": 0.0}.get(heat, 0.0)
        given[t] = 40_000.0 if heat == "even" else np.clip((wanted - now) * CAPACITY / 0.25, 0.0, 90_000.0)
        comes = loss * outdoor[t] + 1000.0 + 6000.0 * present[t] + given[t]
        now = (CAPACITY * now + 0.25 * comes) / (CAPACITY + 0.25 * loss)
        room[t] = now
    return room + random.normal(0, noise_c, count), outdoor, given, present


def learnt(*series: Floats) -> Learnt:
    return identify(*series, FLOOR_M2)


def test_what_is_true_is_found_to_the_last_digits() -> None:
    found = learnt(*winter(30))
    assert found.believed, found.why_not
    assert found.loss_w_k == pytest.approx(LOSS, rel=1e-6)
    assert found.capacity_wh_k == pytest.approx(CAPACITY, rel=1e-6)
    assert found.spans == 14


def test_probes_that_are_wrong_by_a_tenth_of_a_degree_leave_it_within_its_own_error() -> None:
    found = learnt(*winter(42, noise_c=0.1))
    assert found.believed, found.why_not
    assert abs(found.loss_w_k - LOSS) < 3 * found.loss_sd_w_k
    assert abs(found.capacity_wh_k - CAPACITY) < 3 * found.capacity_sd_wh_k
    assert found.loss_sd_w_k < 0.15 * LOSS


def test_more_days_are_surer() -> None:
    few, many = (learnt(*winter(days, noise_c=0.1)) for days in (28, 84))
    assert many.loss_sd_w_k < few.loss_sd_w_k


@pytest.mark.parametrize(
    ("series", "why"),
    [
        (winter(5), "spans of two days are known, wants 12"),
        (winter(30, heat="none"), "the same heat all the time"),
        (winter(30, heat="even"), "the same heat all the time"),
        (winter(30, loss=20_000.0), "each m² loses 20"),
    ],
)
def test_what_teaches_nothing_says_why(series: tuple[Floats, ...], why: str) -> None:
    found = learnt(*series)
    assert not found.believed
    assert why in found.why_not


def test_a_meter_that_counts_another_building_is_not_believed() -> None:
    room, outdoor, heat, present = winter(30, noise_c=0.1)
    found = learnt(room, outdoor, np.random.default_rng(1).permutation(heat), present)
    assert not found.believed


def test_gaps_cost_their_own_spans_alone() -> None:
    room, outdoor, heat, present = winter(30)
    room[1000:1100] = np.nan
    found = learnt(room, outdoor, heat, present)
    assert (found.believed, found.spans) == (True, 13)
    assert found.loss_w_k == pytest.approx(LOSS, rel=1e-6)


@pytest.mark.parametrize(
    ("use", "age", "within"), [("office", Age.MIDDLE, 0.25), ("school", Age.OLD, 0.25), ("sports", Age.RENEWED, 0.4)]
)
@pytest.mark.parametrize("seed", [3, 5, 9])
def test_of_a_building_with_walls_it_finds_the_loss(use: str, age: Age, within: float, seed: int) -> None:
    """The field's own buildings have three temperatures: what is learnt is what fits best. A fit of hours alone would
    take walls that are filled each morning for a tight building, a third of the loss, and be sure of it.
    """
    fabric = made_fabric(use, FLOOR_M2, age, np.random.default_rng(seed))
    random, warmth = np.random.default_rng(seed + 1), fabric.settled(5.0, 19.0)
    start, cold = datetime(2026, 1, 5, tzinfo=UTC), random.normal(0, 3, 61)
    rows: list[tuple[float, float, float, float]] = []
    for t in range(96 * 60):
        at = start + t * timedelta(minutes=15)
        outdoor = 4 + 3 * float(np.sin((at.hour - 9) / 12 * np.pi)) + float(cold[t // 96])
        inside = at.weekday() < 5 and 7 <= at.hour < 18
        heat = float(np.clip(((20.0 if inside else 16.0) - warmth.air_c) * 20_000, 0.0, 80_000.0))
        given = Given(air_w=0.6 * heat + 3000 * inside, inner_w=0.4 * heat)
        passed = fabric.passed(warmth, given, outdoor_c=outdoor, sun_w_m2=0.0, ventilated=0.0, seconds=900.0)
        warmth = passed.warmth
        rows.append((warmth.air_c + float(random.normal(0, 0.1)), outdoor, heat, float(inside)))
    found = identify(*np.array(rows).T, FLOOR_M2)
    assert found.believed, found.why_not
    assert found.loss_w_k == pytest.approx(fabric.loss_w_k, rel=within)
    assert 0.5 < found.capacity_wh_k / (fabric.air_wh_k + fabric.inner_wh_k) < 1.1
