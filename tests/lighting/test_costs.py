"""Contracts and carbon as data."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.errors import InputError
from engine.instants import PARIS, noon
from jobs.lighting.night import night_of
from jobs.lighting.reporting.costs import Costs, load_costs
from tests.lighting.test_jobs import TABLES

FILE = Path(__file__).resolve().parents[2] / "datasets" / "reference" / "lighting_costs.yaml"
COSTS = load_costs(FILE)
CARBON = {"from_day": "2024-01-01", "g_per_kwh": 1, "source": "x"}


def changed(tmp_path: Path, **entries: Any) -> Costs:
    path = tmp_path / "costs.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(FILE.read_text()) | entries, allow_unicode=True))
    return load_costs(path)


def contract(*prices: dict[str, Any]) -> dict[str, Any]:
    return {"only": {"about": {"en": "one", "fr": "un"}, "prices": list(prices)}}


def price(*at: int) -> float:
    return COSTS.contracts["seasons-example"].eur_per_kwh(datetime(*at, tzinfo=PARIS))


def test_prices_by_season_and_hour() -> None:
    assert [price(2026, 1, 10, hour) for hour in (5, 6, 21, 22)] == [0.16, 0.24, 0.24, 0.16]
    assert [price(2026, 7, 10, hour) for hour in (5, 6, 21, 22)] == [0.12, 0.15, 0.15, 0.12]


@pytest.mark.parametrize("day", [date(2026, 3, 28), date(2026, 10, 24)])
def test_the_nights_the_clocks_change(day: date) -> None:
    """Cheap hours begin and end by the wall clock: 7 hours of them in spring, 9 in autumn."""
    night = night_of(noon(day), TABLES)
    prices = [row[0] for row in COSTS.prices(["seasons-example"], night.local)]
    assert prices.count(0.16 if day.month == 3 else 0.12) == 4 * (7 if day.month == 3 else 9)


def test_whose_contract(tmp_path: Path) -> None:
    flat = "flat-example"
    costs = changed(tmp_path, of_communes={"49007": flat}, of_cabinets={"A-1": flat})
    found = [costs.contract_of(*who) for who in (("A-1", "49028"), ("A-2", "49007"), ("A-2", "49028"))]
    assert found == [flat, flat, "seasons-example"]


def test_the_carbon_of_a_day() -> None:
    assert COSTS.carbon_on(date(2023, 12, 31)).g_per_kwh == 32.5
    assert COSTS.carbon_on(date(2024, 1, 1)).g_per_kwh == 21.7
    assert COSTS.carbon_on(date(2019, 1, 1)).g_per_kwh == 32.5


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({"contract": "none"}, "no contract none"),
        ({"of_cabinets": {"A-1": "lost"}}, "no contract lost"),
        ({"contracts": contract({"eur_per_kwh": 0.1, "months": [1]}), "contract": "only"}, "neither months nor times"),
        ({"contracts": contract({"eur_per_kwh": 0.1, "from_time": "22:00"}), "contract": "only"}, "both there"),
        ({"contracts": contract({"eur_per_kwh": -0.1}), "contract": "only"}, "greater than or equal to 0"),
        ({"contracts": contract({"eur_per_kwh": 0.1, "months": [13]}), "contract": "only"}, "equal to 12"),
        ({"carbon": []}, "at least 1"),
        (
            {"carbon": [CARBON, CARBON | {"from_day": "2023-01-01"}]},
            "order",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, entries: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        changed(tmp_path, **entries)
