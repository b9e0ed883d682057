"""Forecasts: what was known at an instant is what it was, whatever comes afterwards."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import Conflict, InputError
from engine.instants import from_us, to_us
from engine.store import Store
from engine.store.forecasts import SETBACK, VALUES, ForecastIssue, digest_of

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
Row = tuple[str, str, int, float | None, float]


def frame(rows: Sequence[Row]) -> pl.DataFrame:
    """variable, place, hours after NOW, quantile, value."""
    told = [(variable, place, to_us(NOW + hour * HOUR), *rest) for variable, place, hour, *rest in rows]
    return pl.DataFrame(told, schema=dict(VALUES), orient="row")


def hours(first: int, last: int, value: float, quantile: float | None = None) -> list[Row]:
    return [("rain", "angers", hour, quantile, value) for hour in range(first, last)]


def save(store: Store, rows: Sequence[Row], issued: float, received: float, source: str = "weather") -> Any:
    """`issued` and `received` in hours after NOW."""
    at = {"issued_at": NOW + issued * HOUR, "received_at": NOW + received * HOUR}
    with store.begin() as unit:
        return unit.forecasts.save(source, frame(rows), step=HOUR, **at)


def read(store: Store, at: float, since: float = -1000, until: float = 1000, **narrow: Any) -> dict[Any, float]:
    """(variable, place, hour, quantile) → value, as known `at` hours after NOW."""
    with store.read() as unit:
        found = unit.forecasts.as_of(NOW + at * HOUR, "weather", NOW + since * HOUR, NOW + until * HOUR, **narrow)
    return {(v, p, (from_us(t) - NOW) / HOUR, q): value for v, p, t, q, value, _ in found.iter_rows()}


def by_hour(store: Store, at: float, **narrow: Any) -> dict[float, float]:
    return {hour: value for (_, _, hour, _), value in read(store, at, **narrow).items()}


def test_of_two_issues_the_newer_one_speaks_and_the_older_one_beyond_its_end(bare: Store) -> None:
    save(bare, hours(0, 6, 1.0), issued=0, received=1)
    save(bare, hours(2, 4, 2.0), issued=1, received=2)
    assert by_hour(bare, 0.9) == {}
    assert by_hour(bare, 1) == dict.fromkeys(range(6), 1.0)
    assert by_hour(bare, 2) == {0: 1.0, 1: 1.0, 2: 2.0, 3: 2.0, 4: 1.0, 5: 1.0}
    assert by_hour(bare, 2, since=1, until=3) == {1: 1.0, 2: 2.0}


def test_an_older_issue_that_comes_late_does_not_win(bare: Store) -> None:
    save(bare, hours(0, 3, 2.0), issued=1, received=2)
    save(bare, hours(0, 5, 1.0), issued=0, received=3)
    assert by_hour(bare, 9) == {0: 2.0, 1: 2.0, 2: 2.0, 3: 1.0, 4: 1.0}


def test_what_the_newest_issue_leaves_out_is_not_known(bare: Store) -> None:
    """Quantiles of one slot never come from two issues: they could cross."""
    save(bare, hours(0, 2, 1.0, 0.1) + hours(0, 2, 5.0, 0.9), issued=0, received=0)
    save(bare, hours(0, 1, 7.0, 0.1), issued=1, received=1)
    assert read(bare, 1, quantiles=[0.9]) == {("rain", "angers", 1, 0.9): 5.0}


def test_the_same_issue_again_is_no_other_and_a_changed_one_wins_from_its_receipt(bare: Store) -> None:
    first = save(bare, hours(0, 3, 1.0), issued=0, received=1)
    assert save(bare, hours(0, 3, 1.0)[::-1], issued=0, received=2) is None
    changed = save(bare, hours(0, 3, 2.0), issued=0, received=3)
    back = save(bare, hours(0, 3, 1.0), issued=0, received=4)
    assert first.digest == back.digest != changed.digest
    assert [by_hour(bare, at)[0] for at in (1, 2.9, 3, 4)] == [1.0, 1.0, 2.0, 1.0]


def test_an_issue_counts_as_received_after_all_others_of_its_source(bare: Store) -> None:
    save(bare, hours(0, 1, 1.0), issued=0, received=1)
    behind = save(bare, hours(0, 1, 2.0), issued=0.5, received=1 - SETBACK / HOUR)
    assert behind.received_at == NOW + HOUR + timedelta(microseconds=1)
    assert by_hour(bare, 1) == {0: 1.0}
    with pytest.raises(Conflict, match=r"weather: an issue was received at .* → check the clock"):
        save(bare, hours(0, 1, 3.0), issued=0.6, received=0.5)
    assert save(bare, hours(0, 1, 3.0), issued=0.6, received=0.5, source="other") is not None


def test_reads_are_narrowed(bare: Store) -> None:
    rows: list[Row] = [
        (variable, place, hour, quantile, float(len(variable)))
        for variable in ("rain", "wind") for place in ("a", "b") for hour in (0, 1) for quantile in (None, 0.5)
    ]  # fmt: skip
    save(bare, rows, issued=0, received=0)
    assert len(read(bare, 0)) == 16
    assert {key[0] for key in read(bare, 0, variables=["wind"])} == {"wind"}
    assert {key[1] for key in read(bare, 0, places=["b", "nowhere"])} == {"b"}
    assert {key[3] for key in read(bare, 0, quantiles=[None])} == {None}
    assert {key[3] for key in read(bare, 0, quantiles=[0.5])} == {0.5}
    assert read(bare, 0, variables=[]) == {}


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ([], "no value"),
        (hours(0, 1, float("nan")), "no finite number"),
        (hours(0, 1, float("inf")), "no finite number"),
        (hours(0, 1, 1.0, 1.0), "quantile outside"),
        (hours(0, 1, 1.0, -1.0), "quantile outside"),
        (hours(0, 1, 1.0) * 2, "two values for one"),
    ],
)
def test_values_that_cannot_be(bare: Store, rows: list[Row], what: str) -> None:
    with pytest.raises(InputError, match=what):
        save(bare, rows, issued=0, received=0)
    with bare.read() as unit:
        assert unit.forecasts.sources() == []


def test_issues_are_listed_and_the_newest_known_is_found(bare: Store) -> None:
    first = save(bare, hours(0, 2, 1.0), issued=2, received=2)
    late = save(bare, hours(0, 3, 1.0), issued=1, received=3)
    with bare.read() as unit:
        assert unit.forecasts.issues("weather", 5) == [late, first]
        assert unit.forecasts.newest("weather", NOW + 3 * HOUR) == first
        assert unit.forecasts.newest("weather", NOW + HOUR) is None
        assert unit.forecasts.sources() == ["weather"]
    assert late == ForecastIssue(
        late.id, "weather", NOW + HOUR, NOW + 3 * HOUR, NOW, NOW + 3 * HOUR, digest_of(frame(hours(0, 3, 1.0)), HOUR),
        {"values": 3},
    )  # fmt: skip


def test_pruning_leaves_what_is_read_of_later_days(bare: Store) -> None:
    for day in range(5):
        save(bare, hours(24 * day, 24 * day + 48, float(day)), issued=24 * day, received=24 * day)
    before = read(bare, 500, since=60)
    assert bare.prune(NOW + 3 * DAY, NOW + 9 * DAY)["forecast_issue"] == 1
    assert read(bare, 500, since=60) == before
    assert len(read(bare, 24)) == 48  # the second issue still is there, the first is not


def test_two_importers_of_one_source_lose_nothing(bare: Store, another: Callable[[], Store]) -> None:
    with bare.begin() as unit:
        unit.forecasts.save("weather", frame(hours(0, 1, 1.0)), issued_at=NOW, received_at=NOW, step=HOUR)
    assert save(another(), hours(0, 1, 2.0), issued=0, received=0).received_at > NOW
    assert by_hour(bare, 0.1) == {0: 2.0}


def test_importers_at_once_come_one_after_the_other(bare: Store, another: Callable[[], Store]) -> None:
    stores = [another() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(save, store, hours(0, 2, float(n)), n, 1) for n, store in enumerate(stores)]
        saved = [job.result() for job in jobs]
    assert len({issue.received_at for issue in saved}) == 4
    assert by_hour(bare, 2) == {0: 3.0, 1: 3.0}


@dataclass(frozen=True)
class Told:
    """An issue as the model has it."""

    issued: int
    received: int
    rows: dict[tuple[str, int, float | None], float]
    span: tuple[int, int]


@st.composite
def issues(draw: st.DrawFn) -> list[Told]:
    """Issues in the order of their receipt, each of a few slots, some of them left out."""
    told, received = [], 0
    for _ in range(draw(st.integers(1, 8))):
        received += draw(st.integers(1, 4))
        start = draw(st.integers(0, 6))
        slots = sorted({start, *draw(st.lists(st.integers(start, start + 5), max_size=5))})
        rows = {
            (place, slot, quantile): float(draw(st.integers(0, 3)))
            for slot in slots
            for place in draw(st.sampled_from([("a",), ("a", "b")]))
            for quantile in draw(st.sampled_from([(None,), (0.1, 0.9)]))
        }
        told.append(Told(draw(st.integers(-3, 8)), received, rows, (slots[0], slots[-1] + 1)))
    return told


def model(told: Sequence[Told], at: int) -> dict[Any, float]:
    """By hand: for each slot, the newest issue that is known and speaks of it."""
    known = [issue for issue in told if issue.received <= at]
    found: dict[Any, float] = {}
    for slot in range(-1, 14):
        speaking = [issue for issue in known if issue.span[0] <= slot < issue.span[1]]
        if speaking:
            best = max(speaking, key=lambda issue: (issue.issued, issue.received))
            found |= {("rain", p, s, q): value for (p, s, q), value in best.rows.items() if s == slot}
    return found


def tell(store: Store, told: Sequence[Told]) -> None:
    for issue in told:
        rows: list[Row] = [("rain", place, slot, q, value) for (place, slot, q), value in issue.rows.items()]
        save(store, rows, issue.issued, issue.received)


def forget(store: Store) -> None:
    with store.begin() as unit:
        unit.forecasts.prune(2**62)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=issues(), at=st.integers(0, 30))
def test_reading_agrees_with_a_plain_dictionary(bare: Store, told: list[Told], at: int) -> None:
    forget(bare)
    tell(bare, told)
    assert read(bare, at) == model(told, at)


def holds_still(store: Store, told: Sequence[Told], cut: int) -> None:
    """What was read at an instant reads the same whatever is received after it, of whatever issue."""
    forget(store)
    tell(store, told[:cut])
    moments = range(0, told[cut].received if cut < len(told) else 40, 2)
    before = [read(store, at) for at in moments]
    tell(store, told[cut:])
    assert [read(store, at) for at in moments] == before


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=issues(), cut=st.integers(0, 8))
def test_the_future_never_leaks(bare: Store, told: list[Told], cut: int) -> None:
    holds_still(bare, told, cut)


@pytest.mark.soak
@settings(max_examples=1_000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=issues(), cut=st.integers(0, 8))
def test_the_future_never_leaks_at_length(bare: Store, told: list[Told], cut: int) -> None:
    holds_still(bare, told, cut)
