"""The tables that irrigation is planned by, as they are shipped, and what is wrong with others."""

import copy
from math import acos, cos, pi, radians, sin, sqrt, tan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from engine.errors import InputError
from jobs.irrigation.tables import IrrigationTables, load_tables
from optimizers.soil import Moisture, advance
from tests.irrigation.ground import valve, zones_of

SHIPPED = Path(__file__).parents[2] / "datasets" / "reference" / "irrigation.yaml"
# FAO-56, table 19: lowest and highest field capacity, wilting point, REW and TEW (mm)
TABLE_19 = {
    "sand": ((0.07, 0.17), (0.02, 0.07), (2, 7), (6, 12)),
    "loamy_sand": ((0.11, 0.19), (0.03, 0.10), (4, 8), (9, 14)),
    "sandy_loam": ((0.18, 0.28), (0.06, 0.16), (6, 10), (15, 20)),
    "loam": ((0.20, 0.30), (0.07, 0.17), (8, 10), (16, 22)),
    "silt_loam": ((0.22, 0.36), (0.09, 0.21), (8, 11), (18, 25)),
    "silt": ((0.28, 0.36), (0.12, 0.22), (8, 11), (22, 26)),
    "silty_clay_loam": ((0.30, 0.37), (0.17, 0.24), (8, 11), (22, 27)),
    "silty_clay": ((0.30, 0.42), (0.17, 0.29), (8, 12), (22, 28)),
    "clay": ((0.32, 0.40), (0.20, 0.24), (8, 12), (22, 29)),
}
MAXIMA_C = [7.9, 9.2, 12.6, 15.3, 19, 22.6, 24.9, 24.7, 21.8, 17, 11.4, 8.4]
MINIMA_C = [2.1, 2.2, 3.9, 5.6, 8.9, 11.8, 13.6, 13.4, 11.3, 8.4, 4.6, 2.8]
MID_MONTH = [15, 46, 75, 105, 135, 162, 198, 228, 258, 288, 318, 344]


@pytest.fixture(scope="module")
def tables() -> IrrigationTables:
    return load_tables(SHIPPED)


def written(tmp_path: Path, *path: str, value: Any) -> Path:
    """A copy of the shipped file in which the entry at a path is another, or is gone (None)."""
    data = copy.deepcopy(yaml.safe_load(SHIPPED.read_text("utf-8")))
    entry = data
    for key in path[:-1]:
        entry = entry[key]
    if value is None:
        del entry[path[-1]]
    else:
        entry[path[-1]] = value
    file = tmp_path / "irrigation.yaml"
    file.write_text(yaml.safe_dump(data), "utf-8")
    return file


@pytest.mark.parametrize("soil", TABLE_19)
def test_soils_lie_in_the_middle_of_table_19_of_fao_56(soil: str, tables: IrrigationTables) -> None:
    found, wanted = tables.soils[soil], TABLE_19[soil]
    values = (found.field_capacity, found.wilting_point, found.rew_mm, found.tew_mm)

    for value, (low, high) in zip(values, wanted, strict=True):
        assert value == pytest.approx((low + high) / 2, abs=0.05 * (high - low) + 1e-9)


def test_mean_et0_of_each_month_is_what_hargreaves_makes_of_the_temperatures_of_angers(
    tables: IrrigationTables,
) -> None:
    latitude = radians(tables.site.lat)
    for month, (highest, lowest, day) in enumerate(zip(MAXIMA_C, MINIMA_C, MID_MONTH, strict=True)):
        declination = 0.409 * sin(2 * pi * day / 365 - 1.39)  # FAO-56 eq. 24
        sunset = acos(-tan(latitude) * tan(declination))  # eq. 25
        up = sunset * sin(latitude) * sin(declination) + cos(latitude) * cos(declination) * sin(sunset)
        above = 24 * 60 / pi * 0.082 * (1 + 0.033 * cos(2 * pi * day / 365)) * up  # eq. 21, MJ/m² a day
        et0_mm = 0.0023 * ((highest + lowest) / 2 + 17.8) * sqrt(highest - lowest) * 0.408 * above  # eq. 52

        assert tables.climate.et0_mm_day[month] == pytest.approx(et0_mm, abs=0.01)


def test_a_year_of_rain_is_the_normal_of_angers(tables: IrrigationTables) -> None:
    assert sum(tables.climate.rain_mm) == pytest.approx(693)


@pytest.mark.parametrize("method", ["sprinkler", "drip"])
@pytest.mark.parametrize(
    ("planting", "factor"),
    [("turf", 0.8), ("sports_turf", 0.95), ("shrubs", 0.7), ("flowerbed", 0.8), ("trees", 0.7), ("young_trees", 0.7)],
)
def test_what_the_ground_evaporates_is_not_counted_twice(planting: str, factor: float, method: str) -> None:
    """A plant factor (S623.1), and for sports turf FAO-56's single coefficient, have evaporation in them. 92 days of
    4.5 mm, 6 mm of rain every eighth, refilled at RAW.
    """
    roots = zones_of(valve("V", planting=planting, method=method)).root_zone
    now, taken = Moisture(depletion_mm=np.zeros(1), surface_mm=np.zeros(1)), 0.0
    for day in range(92):
        refill = np.where(now.depletion_mm > roots.raw_mm(4.0), now.depletion_mm, 0.0)
        done = advance(roots, now, et0_mm=4.5, rain_mm=6.0 * (day % 8 == 0), irrigation_mm=refill)
        now, taken = done.moisture, taken + float(done.etc_mm[0])
    assert taken / (92 * 4.5) == pytest.approx(factor, abs=0.06)


def test_a_timer_gives_its_share_of_et0_over_uniformity_in_its_season_only(tables: IrrigationTables) -> None:
    turf, sprinkler = tables.plantings["turf"], tables.methods["sprinkler"]

    assert tables.usual_mm_day("turf", "sprinkler", 7) == pytest.approx(turf.timer * 4.70 / sprinkler.uniformity)
    assert tables.usual_mm_day("turf", "sprinkler", 3) == 0.0
    assert tables.usual_mm_day("turf", "sprinkler", 11) == 0.0


@pytest.mark.parametrize(("slope_pct", "keeps"), [(0, 1.0), (3, 1.0), (3.1, 0.75), (12, 0.5), (12.1, 0.4), (80, 0.4)])
def test_steep_ground_keeps_less_standing_water(slope_pct: float, keeps: float, tables: IrrigationTables) -> None:
    assert tables.keeps(slope_pct) == keeps


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("soils", "loam", "wilting_point"), 0.3, "wants wilting_point below field_capacity below saturation"),
        (("soils", "loam", "rew_mm"), 30.0, "rew_mm 30.0 wants to be less than tew_mm 19.0"),
        (("plantings", "trees"), None, "wants plantings.trees"),
        (("methods", "drip"), None, "wants methods.drip"),
        (("prices_eur_m3", "river"), None, "wants prices_eur_m3.river"),
        (("prices_eur_m3", "rain"), 0.0, "prices_eur_m3 are drinking, river, groundwater, reused; not rain"),
        (("default_soil",), "peat", "wants soils.peat"),
        (("slopes",), [{"up_to_pct": 3, "keeps": 1.0}], "the last wants none"),
        (("usual", "months"), [10, 4], "months 10 to 4 want to be two of 1 to 12, in order"),
        (("climate", "rain_mm"), [50] * 11, "at least 12"),
        (("plan", "days"), 9, "less than or equal to 7"),
    ],
)
def test_what_is_wrong_is_told(path: tuple[str, ...], value: Any, told: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"irrigation\.yaml") as caught:
        load_tables(written(tmp_path, *path, value=value))

    assert told in str(caught.value)
