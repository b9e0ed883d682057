"""Appending: duplicates, corrections, late readings, sequences, counts; against a model, however it is cut."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from engine.catalogue import Catalogue
from engine.errors import InputError, Outdated
from engine.model import Asset, Commune, Quality, Reason, Zone
from engine.store import Intake, Store
from engine.store.intake import ACCEPTED, REFUSED

Lines = dict[str, Any]
Put = Callable[..., Intake]
Everything = Callable[[Store], pl.DataFrame]
GOOD, LATE = Quality.GOOD, Quality.LATE


def test_a_batch_is_stored_and_counted(store: Store, lamps: Lines, put: Put, everything: Everything) -> None:
    intake = put(lamps["L-1"](0, 0.5), lamps["L-3"](1, 0.25), lamps["L-1"](2, 0.75))
    assert intake == Intake(received=3, stored=3, late=0, refused={})
    frame = everything(store)
    assert frame.columns == ["zone", "seq", "series", "observed_at", "value", "quality"]
    assert frame["value"].to_list() == [0.5, 0.75, 0.25]
    assert frame["seq"].to_list() == [1, 2, 1]
    assert frame["quality"].to_list() == [GOOD] * 3


def test_an_empty_batch_leaves_no_trace(store: Store, put: Put) -> None:
    assert put() == Intake(0, 0, 0, {})
    with store.read() as unit:
        assert unit.readings.totals() == Intake(0, 0, 0, {})


@pytest.mark.parametrize("together", [True, False])
def test_the_same_reading_twice_is_a_duplicate(store: Store, lamps: Lines, put: Put, together: bool) -> None:
    one = lamps["L-1"](0, 0.5)
    intakes = [put(one, one)] if together else [put(one), put(one)]
    assert sum(intake.stored for intake in intakes) == 1
    assert intakes[-1].refused == {Reason.DUPLICATE: 1}
    with store.read() as unit:
        (refusal,) = unit.readings.refusals(10).to_dicts()
    assert refusal["asset"] == "L-1"
    assert refusal["property"] == "illuminanceLevel"
    assert refusal["detail"] == "0.5 at 2026-11-22T12:00:00.000000Z is stored already"
    assert refusal["source"] == "test"


@pytest.mark.parametrize("together", [True, False])
def test_another_value_at_the_same_instant_is_a_correction(
    store: Store, lamps: Lines, put: Put, everything: Everything, together: bool
) -> None:
    rows = [lamps["L-1"](0, 0.5), lamps["L-1"](0, 0.25), lamps["L-1"](0, 0.5)]
    intakes = [put(*rows)] if together else [put(row) for row in rows]
    assert sum(intake.stored for intake in intakes) == 2
    assert everything(store)["value"].to_list() == [0.5, 0.25]
    assert everything(store)["quality"].to_list() == [GOOD, GOOD]
    with store.read() as unit:
        assert unit.readings.latest()["value"].to_list() == [0.25]


@pytest.mark.parametrize("together", [True, False])
def test_a_reading_overtaken_by_another_is_late(
    store: Store, lamps: Lines, put: Put, everything: Everything, together: bool
) -> None:
    rows = [lamps["L-1"](5), lamps["L-1"](3), lamps["L-2"](1), lamps["L-1"](4), lamps["L-1"](6)]
    intakes = [put(*rows)] if together else [put(row) for row in rows]
    assert sum(intake.late for intake in intakes) == 2
    assert everything(store)["quality"].to_list() == [GOOD, LATE, GOOD, LATE, GOOD]
    with store.read() as unit:
        assert unit.readings.latest()["observed_at"].to_list() == [lamps["L-1"](6)[2], lamps["L-2"](1)[2]]


def test_a_late_reading_sent_again_is_a_duplicate(lamps: Lines, put: Put) -> None:
    put(lamps["L-1"](5), lamps["L-1"](3))
    assert put(lamps["L-1"](3), lamps["L-1"](2)) == Intake(2, 1, 1, {Reason.DUPLICATE: 1})


def test_minus_zero_is_zero(lamps: Lines, put: Put) -> None:
    put(lamps["L-1"](0, 0.0))
    assert put(lamps["L-1"](0, -0.0)).refused == {Reason.DUPLICATE: 1}


@pytest.mark.parametrize("value", [5e-324, 1.7976931348623157e308, 0.1 + 0.2, -1 / 3, 2.0**53 + 2])
def test_values_come_back_bit_for_bit(
    store: Store, lamps: Lines, put: Put, everything: Everything, value: float
) -> None:
    put(lamps["L-1"](0, value))
    assert everything(store)["value"].to_list() == [value]
    assert put(lamps["L-1"](0, value)).refused == {Reason.DUPLICATE: 1}


def test_refused_readings_are_kept_with_their_reason(store: Store, lamps: Lines, put: Put) -> None:
    refused = pl.DataFrame(
        [
            ("L-1", "powerState", "unknown_choice", "'dim' is not one of on, off", '{"powerState":"dim"}'),
            (None, None, "malformed", "not JSON", "\x00\x01{"),
            (None, None, "malformed", "not JSON either", None),
        ],
        schema=REFUSED,
        orient="row",
    )
    intake = put(lamps["L-1"](0), refused=refused)
    assert intake == Intake(4, 1, 0, {Reason.UNKNOWN_CHOICE: 1, Reason.MALFORMED: 2})
    with store.read() as unit:
        kept = unit.readings.refusals(2)
        assert unit.readings.totals() == intake
    assert kept["detail"].to_list() == ["not JSON either", "not JSON"]
    assert kept["raw"].to_list() == [None, "\ufffd\x01{"]


def test_counts_that_do_not_add_up_apply_nothing(store: Store, lamps: Lines, put: Put) -> None:
    with pytest.raises(InputError, match="5 received, but 1 accepted \\+ 0 refused"):
        put(lamps["L-1"](0), received=5)
    with store.read() as unit:
        assert unit.readings.totals().received == 0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_an_accepted_reading_is_a_number(lamps: Lines, put: Put, value: float | None) -> None:
    with pytest.raises(InputError, match="null or not finite → refuse it"):
        put(lamps["L-1"](0, value))


def test_every_problem_of_a_batch_is_told_at_once(lamps: Lines, put: Put) -> None:
    refused = pl.DataFrame([("L-1", "x", "because", "", None)], schema=REFUSED, orient="row")
    with pytest.raises(InputError) as caught:
        put(lamps["L-1"](0, float("nan")), refused=refused, received=9, source="mqtt")
    assert len(caught.value.problems) == 3
    assert {problem.source for problem in caught.value.problems} == {"batch of mqtt"}


def test_a_series_that_is_not_of_the_zone_is_a_conflict(store: Store, lamps: Lines, put: Put) -> None:
    number, zone, at, value = lamps["L-1"](0)
    for series, wrong in ((number, lamps["L-3"].zone), (10_000, zone), (-3, zone), (number, 77)):
        with pytest.raises(Outdated, match="the inventory has changed: read its series again"):
            put(lamps["L-2"](0), (series, wrong, at, value))
    with store.read() as unit:
        assert unit.readings.totals().received == 0


def test_two_processes_see_what_the_other_appended(
    store: Store, lamps: Lines, put: Put, another: Callable[[], Store]
) -> None:
    other = another()
    put(lamps["L-1"](5))
    assert put(lamps["L-1"](5), lamps["L-1"](4), lamps["L-1"](6), into=other) == Intake(3, 2, 1, {Reason.DUPLICATE: 1})
    assert put(lamps["L-1"](6), lamps["L-1"](4), lamps["L-1"](5)) == Intake(3, 0, 0, {Reason.DUPLICATE: 3})


def test_two_batches_of_one_transaction_see_each_other(store: Store, lamps: Lines, now: object) -> None:
    frame = pl.DataFrame([lamps["L-1"](5)], schema=ACCEPTED, orient="row")
    options: dict[str, Any] = {"source": "test", "received_at": now, "received": 1}
    with store.begin() as unit:
        assert unit.readings.append(frame, REFUSED.to_frame(), **options).stored == 1
        assert unit.readings.append(frame, REFUSED.to_frame(), **options).stored == 0
    with store.read() as unit:
        assert unit.readings.heads()[lamps["L-1"].zone] == 1


def test_what_was_rolled_back_is_not_remembered(
    store: Store, lamps: Lines, put: Put, now: object, everything: Everything
) -> None:
    put(lamps["L-1"](1))
    frame = pl.DataFrame([lamps["L-1"](9)], schema=ACCEPTED, orient="row")
    with pytest.raises(ZeroDivisionError), store.begin() as unit:
        unit.readings.append(frame, REFUSED.to_frame(), source="test", received_at=now, received=1)  # type: ignore[arg-type]
        raise ZeroDivisionError
    assert put(lamps["L-1"](9), lamps["L-1"](8)) == Intake(2, 2, 1, {})
    assert everything(store)["seq"].to_list() == [1, 2, 3]


def test_a_series_that_moves_keeps_its_readings(
    store: Store, lamps: Lines, put: Put, catalogue: Catalogue, another: Callable[[], Store]
) -> None:
    other = another()
    line = lamps["L-3"]
    put(line(5))
    put(line(6), into=other)
    with other.begin() as unit:
        unit.inventory.save([], [], [Asset("L-3", "Streetlight", "B-1", 0, 0)], catalogue)
    with pytest.raises(Outdated, match="read its series again"):
        put(line(7))
    line.zone = lamps["L-4"].zone
    assert put(line(7), line(6), line(5), line(4)) == Intake(4, 2, 1, {Reason.DUPLICATE: 2})
    assert put(line(7), into=other) == Intake(1, 0, 0, {Reason.DUPLICATE: 1})


def test_new_assets_can_report_at_once(store: Store, put: Put, catalogue: Catalogue, lamps: Lines) -> None:
    put(lamps["L-1"](0))
    with store.begin() as unit:
        unit.inventory.save([], [Zone("A-9", "49007")], [Asset("L-9", "Streetlight", "A-9", 0, 0)], catalogue)
    with store.read() as unit:
        row = unit.inventory.series().filter(asset="L-9").row(0, named=True)
    at = lamps["L-1"](0)[2]
    assert put((row["series"], row["zone"], at, 1.0)).stored == 1


def test_many_readings_of_many_series(bare: Store, catalogue: Catalogue, everything: Everything, now: datetime) -> None:
    """Ten rounds of four thousand series, a third sent again and a third shuffled: against polars itself."""
    rng = np.random.default_rng(5)
    zones = [Zone(f"Z-{number}", "49007") for number in range(20)]
    lights = [Asset(f"L-{number}", "Streetlight", f"Z-{number % 20}", 0, 0) for number in range(1_000)]
    with bare.begin() as unit:
        unit.inventory.save([Commune("49007", "Angers", 1, 0, 0, 1)], zones, lights, catalogue)
        series = unit.inventory.series().select("series", "zone")
    sent = []
    for round_number in range(10):
        frame = series.with_columns(
            observed_at=pl.Series(round_number * 900 + rng.integers(0, 1_500, series.height)),
            value=pl.Series(rng.integers(0, 3, series.height) / 2),
        ).cast(dict(ACCEPTED))  # type: ignore[arg-type]
        frame = pl.concat([frame, frame.sample(fraction=0.3, seed=round_number)])
        sent.append(frame.sample(fraction=1, shuffle=True, seed=round_number))
        options: dict[str, Any] = {"source": "x", "received_at": now, "received": frame.height}
        with bare.begin() as unit:
            unit.readings.append(sent[-1], REFUSED.to_frame(), **options)
    arrived = pl.concat(sent).unique(["series", "observed_at", "value"], keep="first", maintain_order=True)
    newest = pl.col("observed_at").cum_max().over("series")
    arrived = arrived.with_columns(quality=(pl.col("observed_at") < newest).cast(pl.Int16))
    arrived = arrived.with_columns(seq=pl.int_range(1, pl.len() + 1).over("zone"))
    stored = everything(bare)
    assert stored.equals(arrived.select(stored.columns).sort("zone", "seq"))
    good = arrived.filter(quality=0).unique("series", keep="last").sort("series")
    with bare.read() as unit:
        assert unit.readings.latest().equals(good.select("series", "observed_at", "value"))
    assert bare.check() == []


# However it is cut -------------------------------------------------------------------------------------------------


@dataclass
class Model:
    """What the store must do, one reading at a time."""

    rows: list[tuple[int, int, int, int, float, int]] = field(default_factory=list)
    heads: Counter[int] = field(default_factory=Counter)
    latest: dict[int, tuple[int, float]] = field(default_factory=dict)
    refused: int = 0

    def take(self, series: int, zone: int, at: int, value: float) -> None:
        if any(row[2:5] == (series, at, value) for row in self.rows):
            self.refused += 1
            return
        late = series in self.latest and at < self.latest[series][0]
        self.heads[zone] += 1
        self.rows.append((zone, self.heads[zone], series, at, value, int(late)))
        if not late:
            self.latest[series] = (at, value)


Reading = tuple[str, int, float]
_READINGS = st.lists(
    st.tuples(st.sampled_from(["L-1", "L-2", "L-3"]), st.integers(0, 6), st.sampled_from([0.0, 0.5, 1.0])), max_size=24
)
_CUTS = st.lists(st.integers(0, 24), max_size=6)


def _cut(rows: Sequence[Any], cuts: Sequence[int]) -> Iterator[Sequence[Any]]:
    places = sorted({0, *cuts, len(rows)})
    for start, end in pairwise(places):
        yield rows[start:end]


@pytest.fixture
def fresh(url: str, store: Store) -> Iterator[Callable[[], Store]]:
    """The store with no reading ever appended, again and again."""
    engine = create_engine(url)

    def empty() -> Store:
        with engine.begin() as connection:
            for table in ("reading", "latest", "refusal", "intake"):
                connection.execute(text(f"DELETE FROM {table}"))
            connection.execute(text("UPDATE zone SET last_seq = 0, epoch = epoch + 1"))
        return store

    yield empty
    engine.dispose()


def test_any_cut_of_any_readings_gives_the_same(
    fresh: Callable[[], Store], lamps: Lines, put: Put, everything: Everything, another: Callable[[], Store]
) -> None:
    other = another()

    @settings(max_examples=60)
    @given(_READINGS, _CUTS, st.integers(0, 1))
    def holds(readings: list[Reading], cuts: list[int], turn: int) -> None:
        store, model = fresh(), Model()
        rows = [lamps[name](minute, value) for name, minute, value in readings]
        for row in rows:
            model.take(*row)
        # Two processes take turns, so that each must learn what the other appended.
        writers = [store, other]
        intakes = [put(*part, into=writers[(turn + i) % 2]) for i, part in enumerate(_cut(rows, cuts))]
        assert [tuple(row) for row in everything(store).iter_rows()] == sorted(model.rows)
        with store.read() as unit:
            latest = {series: (at, value) for series, at, value in unit.readings.latest().iter_rows()}
            totals = unit.readings.totals()
            heads = {zone: head for zone, head in unit.readings.heads().items() if head}
        assert latest == model.latest
        assert heads == dict(model.heads)
        assert totals.received == totals.stored + sum(totals.refused.values()) == len(rows)
        assert totals.refused.get(Reason.DUPLICATE, 0) == model.refused
        assert totals.late == sum(row[-1] for row in model.rows)
        assert sum(intake.stored for intake in intakes) == totals.stored
        assert store.check() == []

    holds()


def test_redelivery_of_everything_stores_nothing(
    fresh: Callable[[], Store], lamps: Lines, put: Put, everything: Everything
) -> None:
    @settings(max_examples=25)
    @given(_READINGS, _CUTS, st.randoms(use_true_random=False))
    def holds(readings: list[Reading], cuts: list[int], shuffler: Any) -> None:
        store = fresh()
        rows = [lamps[name](minute, value) for name, minute, value in readings]
        put(*rows)
        before = everything(store)
        shuffler.shuffle(rows)
        again = [put(*part) for part in _cut(rows, cuts)]
        assert sum(intake.stored for intake in again) == 0
        assert sum(intake.refused.get(Reason.DUPLICATE, 0) for intake in again) == len(rows)
        assert everything(store).equals(before)

    holds()
