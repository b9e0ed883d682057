"""What stations and probes may tell, at the door: understood by its unit, or refused with what was found and wanted."""

from datetime import datetime, timedelta

import polars as pl
import pytest

from engine.catalogue import Catalogue
from engine.telemetry.batch import Registry, normalise

AT = datetime.fromisoformat("2026-07-15T12:00Z")
STATION, PROBE, VALVE = "WeatherObserved", "GreenspaceRecord", "IrrigationValve"


@pytest.fixture
def registry(catalogue: Catalogue) -> Registry:
    rows = [
        (n, kind[0], kind, name, 1)
        for n, (kind, name) in enumerate(
            (kind, name) for kind in (STATION, PROBE, VALVE) for name in catalogue.types[kind].properties
        )
    ]
    series = pl.DataFrame(rows, schema=["series", "asset", "type", "property", "zone"], orient="row")
    return Registry(catalogue, series.with_columns(gateway=pl.lit(None, pl.String)))


def heard(registry: Registry, kind: str, name: str, number: float, unit: str | None = None) -> float | str:
    """The value that is stored, or what is said of one that is refused."""
    raw = pl.DataFrame(
        {"asset": [kind[0]], "property": [name], "number": [number], "unit": [unit], "observed_at": [AT.isoformat()]},
        schema_overrides={"unit": pl.String},
    )
    found = normalise(raw, registry, received_at=AT, skew=timedelta(minutes=2))
    return float(found.accepted["value"][0]) if found.accepted.height else str(found.refused["detail"][0])


@pytest.mark.parametrize(
    ("kind", "name", "number", "unit", "expected"),
    [
        (PROBE, "soilMoistureVwc", 0.23, None, 0.23),
        (PROBE, "soilMoistureVwc", 23.0, "%", 0.23),
        (PROBE, "soilMoistureVwc", 23.0, "P1", 0.23),
        (STATION, "relativeHumidity", 64.0, "%", 0.64),
        (STATION, "precipitation", 0.4, "cm", 4.0),
        (STATION, "precipitation", 0.0, None, 0.0),
        # SYNOP says -0.1 mm of rain that wets and cannot be measured
        (STATION, "precipitation", -0.1, None, 0.0),
        (STATION, "precipitation", -0.01, "cm", 0.0),
        (STATION, "windSpeed", 18.0, "km/h", 5.0),
        (VALVE, "flow", 60.0, "l/min", 3.6),
    ],
)
def test_a_value_is_brought_to_its_unit(
    registry: Registry, kind: str, name: str, number: float, unit: str | None, expected: float
) -> None:
    assert heard(registry, kind, name, number, unit) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("kind", "name", "number", "unit", "said"),
    [
        # percent without a unit, raw counts, more water than any soil has pores
        (PROBE, "soilMoistureVwc", 23.0, None, "found 23.0 (unit '1'), wanted 0.0 to 0.7"),
        (PROBE, "soilMoistureVwc", 512.0, None, "found 512.0 (unit '1'), wanted 0.0 to 0.7"),
        (PROBE, "soilMoistureVwc", 80.0, "%", "found 0.8 (unit '1'), wanted 0.0 to 0.7"),
        (PROBE, "soilMoistureVwc", -0.02, None, "found -0.02 (unit '1'), wanted 0.0 to 0.7"),
        (PROBE, "soilMoistureVwc", float("nan"), None, "found NaN, wanted a finite number"),
        (STATION, "relativeHumidity", 104.0, "%", "found 1.04 (unit '1'), wanted 0.0 to 1.0"),
        (STATION, "precipitation", -0.2, None, "found -0.2 (unit 'mm'), wanted 0.0 to 200.0"),
        (STATION, "precipitation", 812.0, None, "found 812.0 (unit 'mm'), wanted 0.0 to 200.0"),
        (STATION, "temperature", 28.0, "mm", "found unit 'mm', wanted 'Cel' or one of the same quantity"),
        (STATION, "solarRadiation", float("nan"), None, "found NaN, wanted a finite number"),
        (STATION, "solarRadiation", 2000.0, None, "found 2000.0 (unit 'W/m2'), wanted 0.0 to 1500.0"),
        (VALVE, "flow", -1.0, None, "found -1.0 (unit 'm3/h'), wanted 0.0 to 100.0"),
    ],
)
def test_what_cannot_be_is_refused_with_what_was_found_and_wanted(
    registry: Registry, kind: str, name: str, number: float, unit: str | None, said: str
) -> None:
    assert heard(registry, kind, name, number, unit) == said
