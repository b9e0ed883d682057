"""What contracts go by from one day to the next: prices as they were known, what stands in for gaps, colours."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from engine.instants import PARIS, to_us
from engine.settings import Settings
from engine.store import Store
from engine.store.forecasts import VALUES
from jobs.energy.contracts import Contracts, Signals
from jobs.energy.signals import signals_of
from tests.conftest import BOTH

from .contracts_made import contract, day_of, edition, made

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SOURCES = {
    name: {
        "format": "json", "file": "none.json", "max_age": "26h", "step": step, "horizon": "1h", "time_zone": "UTC",
        "place": "france", "variables": {variable: {"unit": unit, "range": [-100, 1000]}},
        "read": [{"rows": "r[]", "valid_at": "r[].t", "value": "r[].v"}],
    }
    for name, variable, unit, step in (
        ("prices", "price", "EUR/kW.h", "1h"), ("colours", "colour", "1", "1h"), ("carbon", "intensity", "1", "30min")
    )
}  # fmt: skip
TEMPO = {
    "kinds": ["bleu", "blanc", "rouge"], "otherwise": "bleu",
    "forecast": {"source": "colours", "variable": "colour", "kinds": {"1": "bleu", "2": "blanc", "3": "rouge"}},
}  # fmt: skip
CONTRACTS = made(
    contract(edition({"a": {"import_eur_kwh": {"times": 1.0}}}, otherwise="a")),
    spot={"source": "prices", "variable": "price", "place": "france", "usual_eur_kwh": 0.07},
    carbon={"g_kwh": 30, "forecast": {"source": "carbon", "variable": "intensity"}},
    days={"tempo": TEMPO},
)
MONDAY = date(2026, 11, 30)


class Desk:
    """A store of forecasts and the sources of a test's own."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.settings = Settings(rules_dir=folder, database_url="sqlite://")
        self.file = folder / "forecasts.yaml"
        self.file.write_text(json.dumps({"sources": SOURCES}))

    def tell(
        self, values: Mapping[datetime, float], at: datetime, source: str = "prices", variable: str = "price",
        quantile: float | None = None,
    ) -> None:  # fmt: skip
        """An issue: hours and what they are told to have."""
        rows = [(variable, "france", to_us(hour), quantile, value) for hour, value in values.items()]
        frame = pl.DataFrame(rows, schema=VALUES, orient="row")
        step = timedelta(minutes=30) if source == "carbon" else HOUR
        with self.store.begin() as unit:
            unit.forecasts.save(source, frame, issued_at=at, received_at=at, step=step)

    def read(self, starts: Sequence[datetime], at: datetime, contracts: Contracts = CONTRACTS) -> Signals:
        with self.store.read() as unit:
            return signals_of(unit, self.settings, contracts, at, starts, [900.0] * len(starts))


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> Desk:
    return Desk(store, tmp_path)


def local(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), PARIS).astimezone(UTC)


def hours(day: date, price: Any, step: timedelta = HOUR) -> dict[datetime, float]:
    """Of all hours of a day in Paris, by the hour of the clock."""
    starts = [start for start in day_of(day) if (start - day_of(day)[0]) % step == timedelta(0)]
    return {start: float(price(start.astimezone(PARIS).hour)) for start in starts}


@BOTH
def test_quarters_have_the_price_of_their_hour(desk: Desk) -> None:
    desk.tell(hours(MONDAY, lambda hour: hour / 100), at=local(MONDAY - DAY, 13))
    found = desk.read(day_of(MONDAY), at=local(MONDAY - DAY, 14))
    assert np.allclose(found.spot_eur_kwh, np.repeat(np.arange(24) / 100, 4), rtol=1e-12)
    assert found.reasons == ()


def test_what_was_not_known_yet_is_not_used(desk: Desk) -> None:
    desk.tell(hours(MONDAY, lambda _: 0.5), at=local(MONDAY - DAY, 13))
    assert np.isnan(desk.read(day_of(MONDAY), at=local(MONDAY - DAY, 12)).spot_eur_kwh).all()


def test_an_hour_that_is_missing_has_the_price_of_the_day_before_and_that_is_said(desk: Desk) -> None:
    desk.tell(hours(MONDAY - DAY, lambda hour: hour / 100), at=local(MONDAY - 2 * DAY, 13))
    told = hours(MONDAY, lambda _: 0.5)
    del told[local(MONDAY, 8)], told[local(MONDAY, 9)]
    desk.tell(told, at=local(MONDAY - DAY, 13))
    found = desk.read(day_of(MONDAY), at=local(MONDAY - DAY, 14))
    assert found.spot_eur_kwh[31] == found.spot_eur_kwh[40] == 0.5
    assert np.allclose(found.spot_eur_kwh[32:40], np.repeat([0.08, 0.09], 4), rtol=1e-12)
    assert [reason.en for reason in found.reasons] == [
        "the exchange's price is not known for 2 h: that of the same hour 1 day(s) before"
    ]


@pytest.mark.parametrize(
    "day", [date(2026, 10, 25), date(2026, 3, 30)], ids=["2:00 comes twice", "2:00 was skipped the day before"]
)
def test_the_same_hour_of_the_day_before_is_that_of_the_clock(desk: Desk, day: date) -> None:
    desk.tell(hours(day - DAY, lambda hour: hour / 100), at=local(day - 2 * DAY, 13))
    found = desk.read(day_of(day), at=local(day - DAY, 14))
    for start, price in zip(day_of(day), found.spot_eur_kwh, strict=True):
        hour = start.astimezone(PARIS).hour
        # 2:00 did not come on 29 March: what the clock then showed, 3:00, stands for it.
        wanted = 3 if day.month == 3 and hour == 2 else hour
        assert price == pytest.approx(wanted / 100), start


def test_a_week_without_prices_leaves_nothing_to_stand_in(desk: Desk) -> None:
    desk.tell(hours(MONDAY - 7 * DAY, lambda _: 0.2), at=local(MONDAY - 8 * DAY, 13))
    week = desk.read(day_of(MONDAY), at=local(MONDAY - DAY, 14))
    assert np.allclose(week.spot_eur_kwh, 0.2)
    assert "7 day(s) before" in week.reasons[0].en
    assert np.isnan(desk.read(day_of(MONDAY + DAY), at=local(MONDAY, 14)).spot_eur_kwh).all()


def test_a_slot_across_two_hours_has_their_mean_and_one_half_known_is_not_known(desk: Desk) -> None:
    told = hours(MONDAY, lambda hour: hour / 100)
    del told[local(MONDAY, 12)]
    desk.tell(told, at=local(MONDAY - DAY, 13))
    across = [local(MONDAY, hour) + timedelta(minutes=50) for hour in (5, 11)]
    found = desk.read(across, at=local(MONDAY - DAY, 14))
    assert found.spot_eur_kwh[0] == pytest.approx((10 * 0.05 + 5 * 0.06) / 15)
    assert np.isnan(found.spot_eur_kwh[1])


def test_of_quantiles_the_middle_one_counts(desk: Desk) -> None:
    rows = [
        ("price", "france", to_us(hour), quantile, quantile)
        for hour in hours(MONDAY, lambda _: 0)
        for quantile in (0.1, 0.5, 0.9)
    ]
    at = local(MONDAY - DAY, 13)
    with desk.store.begin() as unit:
        unit.forecasts.save(
            "prices", pl.DataFrame(rows, schema=VALUES, orient="row"), issued_at=at, received_at=at, step=HOUR
        )
    assert set(desk.read(day_of(MONDAY), at=at + HOUR).spot_eur_kwh.tolist()) == {0.5}


def test_carbon_of_half_hours_is_the_mean_of_each_slot_and_nothing_stands_in(desk: Desk) -> None:
    told = {local(MONDAY, 0): 40.0, local(MONDAY, 0) + timedelta(minutes=30): 60.0}
    desk.tell(told, at=local(MONDAY - DAY, 13), source="carbon", variable="intensity")
    found = desk.read(day_of(MONDAY), at=local(MONDAY - DAY, 14))
    assert found.carbon_g_kwh[:4].tolist() == [40.0, 40.0, 60.0, 60.0]
    assert np.isnan(found.carbon_g_kwh[4:]).all()


def test_the_colour_of_a_day_is_that_of_its_noon(desk: Desk) -> None:
    colours = hours(MONDAY, lambda hour: 3 if hour >= 6 else 1) | hours(
        MONDAY + DAY, lambda hour: 2 if hour >= 6 else 3
    )
    desk.tell(colours, at=local(MONDAY - DAY, 11), source="colours", variable="colour")
    found = desk.read(day_of(MONDAY), at=local(MONDAY - DAY, 14))
    assert found.kinds == {"tempo": {MONDAY: "rouge"}}
    both = desk.read([*day_of(MONDAY), *day_of(MONDAY + DAY)], at=local(MONDAY - DAY, 14))
    assert both.kinds == {"tempo": {MONDAY: "rouge", MONDAY + DAY: "blanc"}}


def test_a_number_that_is_no_colour_is_not_known(desk: Desk) -> None:
    desk.tell(hours(MONDAY, lambda _: 7), at=local(MONDAY - DAY, 11), source="colours", variable="colour")
    assert desk.read(day_of(MONDAY), at=local(MONDAY - DAY, 14)).kinds == {"tempo": {}}


def test_without_its_source_nothing_is_known_and_a_file_with_mistakes_is_said(desk: Desk) -> None:
    desk.file.write_text("sources: {}\n")
    assert np.isnan(desk.read(day_of(MONDAY), at=local(MONDAY, 0)).spot_eur_kwh).all()
    desk.file.write_text("sources: []\n")
    said = desk.read(day_of(MONDAY), at=local(MONDAY, 0))
    assert said.reasons[0].en.startswith("forecasts cannot be read: ")
    assert str(desk.file) in said.reasons[0].fr
