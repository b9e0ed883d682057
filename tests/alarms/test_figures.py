"""The figures, by hand and against a plain recount; causes, by what alarms have in common."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.alarms.causes import Cause, by_cause
from engine.alarms.figures import FLOOD, PERIOD, Activation, Chatter, Figures, densest, figures
from engine.model import Alarm, AlarmState, Priority

AT = datetime(2026, 11, 22, tzinfo=UTC)
DAY, MINUTE, SECOND = timedelta(days=1), timedelta(minutes=1), timedelta(seconds=1)


def places(asset: str) -> Sequence[str]:
    """L-3-7 hangs on cabinet C-3, in zone z0 or z1, all in one commune; X… is known to nobody."""
    if asset.startswith("X"):
        return ()
    cabinet = asset.split("-")[1]
    return f"C-{cabinet}", f"z{int(cabinet) % 2}", "49007"


def ring(seconds: float, asset: str = "L-1-1", rule: str = "dark", priority: Priority = Priority.LOW) -> Activation:
    return Activation(rule, asset, "z", priority, AT + seconds * SECOND)


def of(*rings: Activation, active: Sequence[Alarm] = (), days: float = 1) -> Figures:
    return figures(rings, active, places, AT, AT + days * DAY)


def test_a_quiet_day() -> None:
    found = of()
    assert (found.count, found.average, found.peak, found.flooded) == (0, 0.0, 0, 0.0)
    assert set(found.shares.values()) == {found.frequent_share} == {0.0}


def test_a_day_of_288_alarms_is_two_in_ten_minutes() -> None:
    found = of(*(ring(300 * n) for n in range(288)))
    assert (found.count, found.average, found.peak) == (288, 2.0, 2)
    assert (found.flooded, found.floods, found.chattering) == (0.0, (), ())


def test_the_peak_does_not_care_where_periods_begin() -> None:
    found = of(*(ring(595 + n) for n in range(11)))
    assert (found.peak, found.flooded) == (11, 0.0)


def test_a_flood_is_one_whole_told_by_its_causes() -> None:
    under = [ring(600 + 5 * n, f"L-3-{n}") for n in range(200)]  # 12 a minute, in periods 1 and 2
    alone = [ring(700, "L-2-1", "leak", Priority.CRITICAL)]
    found = of(*under, *alone)
    (flood,) = found.floods
    assert (flood.start, flood.until, flood.count) == (AT + PERIOD, AT + 3 * PERIOD, 201)
    assert flood.causes == (Cause("dark", "C-3", 200), Cause("leak", "L-2-1", 1))
    assert found.flooded == pytest.approx(2 / 144)
    assert found.shares[Priority.CRITICAL] == pytest.approx(1 / 201)


@pytest.mark.parametrize(
    ("seconds", "chatters"), [((0, 30, 59.9), True), ((0, 30, 60), False), ((0, 59), False), ((0, 100, 120, 159), True)]
)
def test_three_in_a_minute_is_chattering(seconds: Sequence[float], chatters: bool) -> None:
    found = of(*map(ring, seconds), ring(1, "L-1-2"), ring(2, rule="other"))
    assert found.chattering == ((Chatter("dark", "L-1-1", len(seconds)),) if chatters else ())


@pytest.mark.parametrize("state", AlarmState)
@pytest.mark.parametrize(("hours", "old"), [(24, False), (24.01, True)])
def test_what_stays_in_sight_for_a_day_is_stale(state: AlarmState, hours: float, old: bool) -> None:
    alarm = Alarm("dark", "L", "z", state, Priority.LOW, AT + DAY - timedelta(hours=hours), AT)
    seen = state.value in {"unacknowledged", "acknowledged", "rtn_unacknowledged"}
    assert of(active=[alarm]).stale == ((alarm,) if seen and old else ())


def test_the_ten_most_frequent() -> None:
    found = of(*(ring(n, rule=f"r{n % 20 if n < 100 else n % 2}") for n in range(200)))
    assert found.frequent[:2] == (("r0", 55), ("r1", 55))
    assert len(found.frequent) == 10
    assert found.frequent_share == pytest.approx((110 + 8 * 5) / 200)


RINGS = st.lists(
    st.builds(
        ring, st.integers(-600, 7_800), st.sampled_from(["L-1-1", "L-1-2", "L-2-1", "X"]), st.sampled_from(["a", "b"]),
        st.sampled_from(Priority),
    ),
    max_size=80,
)  # fmt: skip


@given(RINGS)
def test_the_figures_against_a_plain_recount(rings: list[Activation]) -> None:
    until = AT + 2 * timedelta(hours=1)
    found = figures(rings, [], places, AT, until)
    inside = [one for one in rings if AT <= one.at < until]
    periods = [sum(AT + n * PERIOD <= one.at < AT + (n + 1) * PERIOD for one in inside) for n in range(12)]
    assert found.count == len(inside) == sum(periods)
    assert found.average == pytest.approx(len(inside) / 12)
    assert found.flooded == pytest.approx(sum(count > FLOOD for count in periods) / 12)
    assert found.peak == max((sum(a.at <= b.at < a.at + PERIOD for b in inside) for a in inside), default=0)
    assert found.peak >= max(periods)
    assert sum(flood.count for flood in found.floods) == sum(count for count in periods if count > FLOOD)
    for flood in found.floods:
        assert sum(cause.count for cause in flood.causes) == flood.count
    if inside:
        assert sum(found.shares.values()) == pytest.approx(1)
    assert densest(sorted(one.at for one in inside), DAY) == len(inside)


ASSETS = st.lists(st.builds("L-{}-{}".format, st.integers(0, 3), st.integers(0, 3)) | st.sampled_from(["X1", "X2"]))


@given(ASSETS, st.sampled_from(["a", "b"]))
def test_causes_count_everything_once(assets: list[str], rule: str) -> None:
    causes = by_cause([(rule, asset) for asset in assets], places)
    assert sum(cause.count for cause in causes) == len(assets)
    assert sorted(causes, key=lambda one: -one.count) == causes
    assert len({cause.place for cause in causes}) == len(causes)
    cabinets = Counter(asset.split("-")[1] for asset in set(assets) if asset.startswith("L"))
    together = {f"C-{cabinet}" for cabinet, several in cabinets.items() if several > 1}
    assert together <= {cause.place for cause in causes}


def test_causes_go_to_the_narrowest_place_they_share() -> None:
    lamps = ["L-1-1", "L-1-2", "L-3-1", "L-5-1", "L-2-1", "X1", "X1"]
    assert by_cause([("dark", lamp) for lamp in lamps], places) == [
        Cause("dark", "C-1", 2), Cause("dark", "X1", 2), Cause("dark", "z1", 2), Cause("dark", "L-2-1", 1),
    ]  # fmt: skip
