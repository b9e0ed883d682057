"""Contracts over slots: the class in force by the clock in Paris, on the nights it changes too, and what it costs."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InputError
from engine.instants import PARIS, slots
from engine.model import Asset
from jobs.energy.contracts import Contracts, Signals, Terms, load_contracts
from tests.conftest import ROOT

from .contracts_made import QUARTER, contract, day_of, edition, file, made

HPHC = [{"class": "hp", "hours": "06:00-22:00"}, {"class": "hc", "hours": "22:00-06:00"}]
TWO = {"hp": {"import_eur_kwh": 0.20}, "hc": {"import_eur_kwh": 0.15}}
SHIPPED = load_contracts(ROOT / "rules" / "contracts.yaml")


def terms(contracts: Contracts, day: date, name: str = "c", **more: Any) -> Terms:
    starts = day_of(day)
    return contracts.terms(name, starts, [900.0] * len(starts), **more)


def hours_of(found: Terms, name: str) -> float:
    return found.classes.count(name) / 4


@pytest.mark.parametrize(
    ("day", "quarters", "off_peak"),
    [
        (date(2026, 3, 28), 96, 8.0),
        (date(2026, 3, 29), 92, 7.0),  # 2:00 is skipped
        (date(2026, 10, 25), 100, 9.0),  # 2:00 comes twice
    ],
)
def test_hours_are_of_the_clock_on_the_nights_it_changes(day: date, quarters: int, off_peak: float) -> None:
    found = terms(made(contract(edition(TWO, when=HPHC))), day)
    assert found.import_eur_kwh.size == quarters
    assert hours_of(found, "hc") == off_peak
    for start, name in zip(day_of(day), found.classes, strict=True):
        local = start.astimezone(PARIS).time()
        assert name == ("hp" if time(6) <= local < time(22) else "hc"), local


def test_tempo_changes_its_colour_at_six_in_the_morning() -> None:
    days = {"bleu": ["2026-12-02"], "rouge": ["2026-12-03"], "blanc": ["2026-12-04"]}
    tempo = SHIPPED.file.days["tempo"].model_copy(
        update={"dates": {kind: frozenset(map(date.fromisoformat, those)) for kind, those in days.items()}}
    )
    contracts = Contracts(SHIPPED.file.model_copy(update={"days": {"tempo": tempo}}))
    found = terms(contracts, date(2026, 12, 3), "tempo", subscribed=36.0)
    # Until six the day before goes on: blue and off-peak. From six on it is red, and off-peak again at ten at night.
    assert found.kinds == ("bleu",) * 24 + ("rouge",) * 72
    assert found.classes == ("bleu-hc",) * 24 + ("rouge-hp",) * 64 + ("rouge-hc",) * 8
    assert found.import_eur_kwh[0] == 0.1356
    assert found.import_eur_kwh[24] == 0.7295
    assert found.reasons == ()
    after = terms(contracts, date(2026, 12, 4), "tempo", subscribed=36.0)
    assert after.classes[:24] == ("rouge-hc",) * 24
    assert after.classes[24] == "blanc-hp"


def test_a_red_day_told_by_a_source_counts_and_an_unknown_one_is_said() -> None:
    nothing = np.full(96, np.nan)
    told = Signals(nothing, nothing, {"tempo": {date(2026, 12, 3): "rouge"}})
    found = terms(SHIPPED, date(2026, 12, 3), "tempo", signals=told, subscribed=36.0)
    assert found.classes[24:88] == ("rouge-hp",) * 64
    assert len(found.reasons) == 1
    assert "2026-12-02" in found.reasons[0].en
    assert "2026-12-03" not in found.reasons[0].en
    assert "prise" in found.reasons[0].fr or "pris" in found.reasons[0].fr


def test_dates_of_the_file_go_before_the_source() -> None:
    days = {"t": {"kinds": ["a", "b"], "otherwise": "a", "dates": {"b": ["2026-12-03"]}}}
    when = [{"class": "hp", "kinds": ["a"]}, {"class": "hc", "kinds": ["b"]}]
    contracts = made(contract(edition(TWO, when=when), days="t"), days=days)
    nothing = np.full(96, np.nan)
    found = terms(contracts, date(2026, 12, 3), signals=Signals(nothing, nothing, {"t": {date(2026, 12, 3): "a"}}))
    assert set(found.classes) == {"hc"}


def test_five_classes_of_medium_voltage_over_a_winter_week() -> None:
    week = [terms(SHIPPED, date(2027, 1, 11) + timedelta(days=n), "hta") for n in range(7)]
    assert [hours_of(day, "pte") for day in week] == [4.0] * 6 + [0.0]
    assert [hours_of(day, "hph") for day in week] == [12.0] * 6 + [0.0]
    assert [hours_of(day, "hch") for day in week] == [8.0] * 6 + [24.0]
    assert hours_of(terms(SHIPPED, date(2027, 6, 14), "hta"), "hpb") == 16.0
    assert hours_of(terms(SHIPPED, date(2027, 6, 13), "hta"), "hcb") == 24.0


def test_public_holidays_count_as_the_day_they_are_said_to() -> None:
    when = [{"class": "hc", "days": ["sun"]}, {"class": "hp", "days": ["mon", "tue", "wed", "thu", "fri", "sat"]}]
    armistice = date(2026, 11, 11)
    assert set(terms(made(contract(edition(TWO, when=when))), armistice).classes) == {"hp"}
    assert set(terms(made(contract(edition(TWO, when=when), holidays_as="sun")), armistice).classes) == {"hc"}


def test_peak_hours_of_a_day_that_begins_at_seven_go_on_past_midnight() -> None:
    ejp = SHIPPED.file.days["ejp"].model_copy(update={"dates": {"peak": frozenset([date(2027, 1, 12)])}})
    contracts = Contracts(SHIPPED.file.model_copy(update={"days": {"ejp": ejp, "tempo": SHIPPED.file.days["tempo"]}}))
    assert hours_of(terms(contracts, date(2027, 1, 12), "ejp"), "peak") == 17.0
    following = terms(contracts, date(2027, 1, 13), "ejp")
    assert following.classes == ("peak",) * 4 + ("usual",) * 92


def test_a_slot_in_which_the_class_changes_has_the_mean_price_and_the_lower_limit() -> None:
    classes = {
        "hp": {"import_eur_kwh": 0.20, "subscribed_kva": 100},
        "hc": {"import_eur_kwh": 0.10, "subscribed_kva": 200},
    }
    when = [{"class": "hp", "hours": "06:56-22:00"}, {"class": "hc", "hours": "22:00-06:56"}]
    found = terms(made(contract(edition(classes, when=when)), power_factor=1.0), date(2026, 6, 1))
    # From 6:45: eleven minutes of hc, four of hp.
    assert found.import_eur_kwh[27] == pytest.approx((11 * 0.10 + 4 * 0.20) / 15, rel=1e-12)
    assert found.import_limit_w[27] == 100_000
    assert found.classes[27] == "hc"
    assert found.import_eur_kwh[26] == 0.10
    assert found.import_limit_w[26] == 200_000


def test_a_price_that_does_not_change_is_itself_to_the_last_bit() -> None:
    found = terms(SHIPPED, date(2026, 12, 3), "bleu-base")
    assert set(found.import_eur_kwh.tolist()) == {0.1952}


def test_taxes_then_vat_come_on_top_of_a_price_and_of_what_the_exchange_asks() -> None:
    taxes = [{"text": {"fr": "a", "en": "a"}, "eur_kwh": 0.02}, {"text": {"fr": "b", "en": "b"}, "eur_kwh": 0.01}]
    classes = {"s": {"import_eur_kwh": {"times": 1.1, "plus": 0.05}, "export_eur_kwh": {"times": 0.9, "plus": -0.01}}}
    spot = {"source": "x", "variable": "price", "usual_eur_kwh": 0.07}
    contracts = made(contract(edition(classes, otherwise="s", taxes=taxes, vat=0.2)), spot=spot)
    prices = np.full(96, 0.10)
    prices[0] = -0.30
    found = terms(contracts, date(2026, 6, 1), signals=Signals(prices, np.full(96, np.nan)))
    assert found.import_eur_kwh[1] == pytest.approx((1.1 * 0.10 + 0.05 + 0.03) * 1.2, rel=1e-12)
    assert found.import_eur_kwh[0] == pytest.approx((1.1 * -0.30 + 0.05 + 0.03) * 1.2, rel=1e-12)
    assert found.export_eur_kwh[1] == pytest.approx(0.9 * 0.10 - 0.01, rel=1e-12)


def test_where_the_exchange_says_nothing_the_usual_price_stands_in_and_that_is_said() -> None:
    prices = np.full(96, 0.10)
    prices[8:12] = np.nan
    found = terms(SHIPPED, date(2026, 12, 3), "spot", signals=Signals(prices, np.full(96, np.nan)), subscribed=100.0)
    assert np.isfinite(found.import_eur_kwh).all()
    assert len(set(found.import_eur_kwh.tolist())) == 2
    assert [reason.en for reason in found.reasons] == [
        "the exchange's price is not known for 1 h: 0.07 EUR/kWh, the file's usual one"
    ]
    assert terms(SHIPPED, date(2026, 12, 3), "hta", signals=Signals(prices, prices), subscribed=100.0).reasons == ()


@pytest.mark.parametrize(
    ("overrun", "firm", "over"),
    [
        (None, True, 0.0),
        ({"trips": True}, True, 0.0),
        ({"eur_kwh": 1.5}, False, 1.5),
        # Spread over a tenth of 93 kW.
        ({"eur_h": 9.92}, False, 9.92 / 9.3),
    ],
)
def test_what_passing_the_contracted_power_costs(overrun: dict[str, Any] | None, firm: bool, over: float) -> None:
    contracts = made(contract(edition(TWO, when=HPHC, overrun=overrun)))
    found = terms(contracts, date(2026, 6, 1), subscribed=100.0)
    assert found.firm is firm
    assert np.allclose(found.import_limit_w, 93_000.0, rtol=1e-12)
    assert np.allclose(found.over_eur_kwh, over, rtol=1e-12)


def test_a_contracted_power_that_nobody_knows_is_no_limit_and_is_said() -> None:
    found = terms(made(contract(edition(TWO, when=HPHC, overrun={"trips": True}))), date(2026, 6, 1))
    assert np.isinf(found.import_limit_w).all()
    assert found.firm is False
    assert [reason.fr for reason in found.reasons] == ["puissance souscrite inconnue : aucune limite n'est tenue"]


def test_each_class_has_its_own_contracted_power() -> None:
    found = terms(made(contract(edition(TWO, when=HPHC))), date(2026, 6, 1), subscribed={"hp": 50.0, "hc": 80.0})
    assert set(found.import_limit_w[24:88]) == {46_500.0}
    assert set(found.import_limit_w[:24]) == {74_400.0}
    shares = {"hp": {"import_eur_kwh": 0.2}, "hc": {"import_eur_kwh": 0.1, "subscribed_share": 1.5}}
    found = terms(made(contract(edition(shares, when=HPHC))), date(2026, 6, 1), subscribed=100.0)
    assert set(found.import_limit_w[:24]) == {139_500.0}


def test_what_may_be_fed_in_and_what_a_contract_asks_for_its_peak() -> None:
    of = edition(TWO, when=HPHC, peak_eur_kw=12.5)
    found = terms(made(contract(of, export_limit_kva=36, power_factor=1.0, carbon_eur_kg=0.1)), date(2026, 6, 1))
    assert set(found.export_limit_w) == {36_000.0}
    assert (found.peak_eur_kw, found.carbon_eur_kg) == (12.5, 0.1)


def test_carbon_is_by_the_hour_in_paris_where_no_source_tells_it() -> None:
    contracts = made(contract(edition(TWO, when=HPHC)), carbon={"g_kwh": list(range(24))})
    carbon = np.full(100, np.nan)
    carbon[0] = 500.0
    found = terms(contracts, date(2026, 10, 25), signals=Signals(np.full(100, np.nan), carbon))
    assert found.carbon_g_kwh[:5].tolist() == [500.0, 0.0, 0.0, 0.0, 1.0]
    assert (found.carbon_g_kwh == 2.0).sum() == 8  # the hour that comes twice


def test_prices_change_with_their_edition_at_local_midnight() -> None:
    first = edition({"a": {"import_eur_kwh": 0.1}}, otherwise="a", until="2026-07-31")
    later = edition({"a": {"import_eur_kwh": 0.3}}, otherwise="a", start="2026-08-01")
    starts = slots(datetime(2026, 7, 31, 20, tzinfo=UTC), datetime(2026, 8, 1, 0, tzinfo=UTC), QUARTER)
    found = made(contract(first, later)).terms("c", starts, [900.0] * 16, subscribed=1.0)
    assert found.import_eur_kwh.tolist() == [0.1] * 8 + [0.3] * 8
    assert found.reasons == ()


def test_beyond_all_editions_the_nearest_prices_hold_and_that_is_said() -> None:
    contracts = made(contract(edition({"a": {"import_eur_kwh": 0.1}}, otherwise="a", until="2026-07-31")))
    found = terms(contracts, date(2027, 1, 1), subscribed=1.0)
    assert set(found.import_eur_kwh.tolist()) == {0.1}
    assert "no prices are written for 2027-01-01" in found.reasons[0].en


def test_a_name_that_is_no_contract_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"'temp0' is no contract → did you mean tempo"):
        terms(SHIPPED, date(2026, 6, 1), "temp0")


@pytest.mark.parametrize("seconds", [30.0, 90.5, 0.0])
def test_slots_of_parts_of_minutes_are_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="whole minutes"):
        SHIPPED.terms("tempo", day_of(date(2026, 6, 1))[:1], [seconds])


def test_a_building_has_the_contract_of_the_file_before_that_of_the_inventory() -> None:
    attributes = {"contract": "hta", "subscribed_kva": 250.0}
    named = Asset(id="B1", type="Building", zone="Z", lat=47.0, lon=-0.5, attributes=attributes)
    assert SHIPPED.of_site(named) == ("hta", 250.0)
    both = made(contract(edition(TWO, when=HPHC)), sites={"B1": {"contract": "c", "subscribed_kva": 12}})
    assert both.of_site(named) == ("c", 12.0)
    only_power = made(contract(edition(TWO, when=HPHC)), sites={"B1": {"subscribed_kva": 12}})
    assert only_power.of_site(named) == ("hta", 12.0)
    bare = Asset(id="B2", type="Building", zone="Z", lat=47.0, lon=-0.5)
    assert SHIPPED.of_site(bare) == (None, None)


@given(
    day=st.dates(date(2025, 8, 1), date(2027, 7, 30)),
    name=st.sampled_from(sorted(SHIPPED.file.contracts)),
    minutes=st.sampled_from([5, 15, 30, 60]),
)
def test_longer_slots_cost_the_mean_of_the_shorter_ones(day: date, name: str, minutes: int) -> None:
    start, end = (datetime.combine(one, time(), PARIS).astimezone(UTC) for one in (day, day + timedelta(days=1)))
    short = slots(start, end, timedelta(minutes=1))
    long = slots(start, end, timedelta(minutes=minutes))
    fine = SHIPPED.terms(name, short, [60.0] * len(short), subscribed=100.0)
    coarse = SHIPPED.terms(name, long, [60.0 * minutes] * len(long), subscribed=100.0)
    mean = fine.import_eur_kwh.reshape(len(long), minutes).mean(axis=1)
    assert np.allclose(coarse.import_eur_kwh, mean, rtol=1e-12)
    least = fine.import_limit_w.reshape(len(long), minutes).min(axis=1)
    assert (coarse.import_limit_w == least).all()


@given(minute=st.integers(0, 364 * 1440), step=st.integers(1, 180))
def test_a_class_is_that_of_its_instant_however_slots_are_cut(minute: int, step: int) -> None:
    """Slots of any length in whole minutes, that begin at any minute: their price is that of single minutes."""
    at = datetime(2026, 1, 1, tzinfo=UTC) + minute * timedelta(minutes=1)
    contracts = made(contract(edition(TWO, when=HPHC)))
    whole = contracts.terms("c", [at], [60.0 * step])
    singles = [at + n * timedelta(minutes=1) for n in range(step)]
    prices = [0.20 if 6 <= one.astimezone(PARIS).hour < 22 else 0.15 for one in singles]
    assert whole.import_eur_kwh[0] == pytest.approx(sum(prices) / step, rel=1e-12)


def test_the_shipped_file_has_what_french_contracts_have() -> None:
    assert {"bleu-base", "bleu-hphc", "tempo", "ejp", "c4", "hta", "spot"} <= set(SHIPPED.file.contracts)
    assert SHIPPED.file.power_factor == 0.93
    tempo = SHIPPED.file.contracts["tempo"].editions[-1]
    assert tempo.classes["rouge-hp"].import_eur_kwh == 0.7295
    assert tempo.classes["bleu-hc"].import_eur_kwh == 0.1356
    assert file(contract(edition(TWO, when=HPHC)))  # what other tests are made of is right
