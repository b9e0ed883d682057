"""Limits that buildings share: feeders, orders below them, and orders that cannot be counted."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from engine.catalogue import Text
from engine.model import Asset
from jobs.energy.contract_entries import OrderEntry
from jobs.energy.shared import shared_of
from jobs.energy.sites import Site, Sites, Span
from jobs.energy.tables import EnergyTables, FeederEntry, load_tables

ROOT = Path(__file__).resolve().parents[2]
PLAIN = load_tables(ROOT / "datasets/reference/energy.yaml")
START = datetime(2026, 11, 24, 17, 0, tzinfo=UTC)
SLOTS = Span.between(START, START + timedelta(hours=4), timedelta(minutes=15))
USUAL = np.full(16, 50_000.0)


def tables(**feeders: FeederEntry) -> EnergyTables:
    return PLAIN.model_copy(update={"feeders": feeders})


def sites(**feeders: str) -> Sites:
    found = [
        Site(
            building=Asset(name, "Building", "Z", 0.0, 0.0), meter=f"M-{name}", contract="c4", subscribed=100.0,
            use="office", floor_m2=1000.0, heat="", feeder=feeder,
        )
        for name, feeder in feeders.items()
    ]  # fmt: skip
    return Sites(tuple(found), {})


def order(name: str, *members: str, **told: Any) -> OrderEntry:
    values = {
        "id": name, "text": Text(fr="ordre", en="order"), "sites": members, "from": START + timedelta(hours=1),
        "until": START + timedelta(hours=2), "ordered_w": 10_000.0, "paid_eur_kwh": 0.3,
    } | told  # fmt: skip
    return OrderEntry.model_validate(values)


def test_without_feeders_and_orders_nothing_is_shared() -> None:
    found = shared_of(sites(a="", b=""), SLOTS, tables(), (), {})
    assert (found.groups, found.orders, found.group) == (None, None, (-1, -1))


def test_an_order_is_a_group_below_its_feeder() -> None:
    north = FeederEntry(import_limit_w=90_000.0, firm=True)
    found = shared_of(
        sites(a="north", b="north", c=""), SLOTS, tables(north=north), (order("nebef", "a", "b"),), {"nebef": USUAL}
    )
    assert found.groups is not None and found.orders is not None
    assert found.groups.names == ("north", "order nebef")
    assert found.groups.parent.tolist() == [-1, 0]
    assert found.group == (1, 1, -1)
    assert (found.orders.first.tolist(), found.orders.last.tolist()) == ([4], [8])
    assert found.reasons == ()


def test_one_feeder_that_nobody_draws_through_is_no_group() -> None:
    south = FeederEntry(import_limit_w=90_000.0, over_eur_kwh=1.0)
    assert shared_of(sites(a=""), SLOTS, tables(south=south), (), {}).groups is None


def test_two_orders_of_the_same_meters_share_a_group() -> None:
    later = {"from": START + timedelta(hours=3), "until": START + timedelta(hours=4)}
    found = shared_of(
        sites(a="", b=""), SLOTS, tables(), (order("one", "a"), order("two", "a", **later)),
        {"one": USUAL, "two": USUAL},
    )  # fmt: skip
    assert found.groups is not None and found.orders is not None
    assert (found.groups.names, found.orders.names) == (("order one",), ("one", "two"))


def test_an_order_whose_meters_are_of_another_too_is_left_out_and_said() -> None:
    found = shared_of(
        sites(a="", b=""), SLOTS, tables(), (order("one", "a"), order("two", "a", "b")), {"one": USUAL, "two": USUAL}
    )
    assert found.orders is not None and found.orders.names == ("one",)
    assert [reason.en for reason in found.reasons] == ["order two is left out: its meters are of another order too"]


def test_an_order_without_a_baseline_is_left_out_and_said() -> None:
    found = shared_of(sites(a=""), SLOTS, tables(), (order("one", "a"),), {})
    assert found.orders is None
    assert found.reasons[0].en == "order one is left out: nothing tells what would be drawn"


def test_an_order_of_another_day_or_of_no_meter_of_ours_is_none() -> None:
    tomorrow = {"from": START + timedelta(days=1), "until": START + timedelta(days=1, hours=1)}
    found = shared_of(
        sites(a=""), SLOTS, tables(), (order("one", "a", **tomorrow), order("two", "z")), {"one": USUAL, "two": USUAL}
    )
    assert (found.orders, found.reasons) == (None, ())
