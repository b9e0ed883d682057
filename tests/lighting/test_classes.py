"""Lighting classes against what is printed: EN 13201-2:2015 tables, the example of CEN/TR 13201-1:2014."""

import csv
import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from engine.errors import InputError
from jobs.cli.app import app
from jobs.lighting import LightingTables, load_tables
from jobs.lighting.classes import WORKED_EXAMPLE, class_rows, weigh
from jobs.lighting.fleet import weighed_class
from jobs.lighting.tables import Family
from optimizers.lighting_classes import ClassSystem, TrafficBands, required_flux, thousandths
from optimizers.result import InvalidProblem

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "datasets" / "reference" / "lighting.yaml"
TABLES = load_tables(FILE)
P = TABLES.families["P"]
BANDS = TrafficBands(0.45, 0.15, Decimal(1), Decimal(0), Decimal(-1))


def test_the_worked_example_of_the_report() -> None:
    """Table A.2: sum 2 gives P4 before midnight, sum 0 gives P6 after."""
    street = {"travel_speed": "low", "traffic_composition": "pedestrians_cyclists", "parked_vehicles": "not_present"}
    evening = P.static_sum(street | {"ambient_luminosity": "moderate"}) + thousandths(Decimal(0))
    night = P.static_sum(street | {"ambient_luminosity": "low"}) + thousandths(Decimal(-1))
    assert (evening, night) == (2000, 0)
    assert [P.label(int(n)) for n in P.number(np.array([evening, night]))] == ["P4", "P6"]


_PRINTED = {
    "M": {"cd/m2": "L_avg_min_cd_m2", "uo": "Uo_min", "ul": "Ul_min", "uow": "Uow_min_wet", "fti_pct": "fTI_max_pct"}
    | {"rei": "REI_min"},
    "C": {"lx": "E_avg_min_lx", "uo": "Uo_min", "fti_pct": "fTI_max_pct"},
    "P": {"lx": "E_avg_min_lx", "e_min_lx": "E_min_lx", "fti_pct": "fTI_max_pct"},
}


@pytest.mark.parametrize("letter", ["M", "C", "P"])
def test_the_class_tables_are_those_of_the_standard_and_complete(letter: Family, reference: Path) -> None:
    """Every column of EN 13201-2:2015, tables 1 to 3."""
    with (reference / "lighting" / f"en13201-2_2015_{letter}.csv").open() as file:
        rows = list(csv.DictReader(file))
    names = _PRINTED[letter]
    printed = [{"class": row["class"]} | {ours: float(row[theirs]) for ours, theirs in names.items()} for row in rows]
    assert set(rows[0]) == {"class", *names.values()}
    assert class_rows(TABLES, letter) == printed


@pytest.mark.parametrize(("when", "total", "label"), [("evening", 2, "P4"), ("small hours", 0, "P6")])
def test_the_worked_example_is_weighed(when: str, total: int, label: str) -> None:
    weighed = weigh(TABLES, "P", WORKED_EXAMPLE[when])
    assert (weighed.sum, weighed.label) == (total, label)
    assert sum(weighed.weights.values()) == total


def test_every_wrong_weight_is_told_at_once() -> None:
    with pytest.raises(InputError) as raised:
        weigh(TABLES, "P", {"travel_speed": "fast", "traffic": "some", "parked_vehicles": "present"})
    assert [problem.what for problem in raised.value.problems] == [
        "P: ambient_luminosity is None, wants one of high, moderate, low",
        "P: traffic is 'some', wants one of busy, normal, quiet",
        (
            "P: traffic_composition is None, wants one of pedestrians_cyclists_motorised, pedestrians_motorised, "
            "pedestrians_cyclists, pedestrians, cyclists"
        ),
        "P: travel_speed is 'fast', wants one of low, very_low",
    ]


@pytest.mark.parametrize(
    ("lang", "said"),
    [("en", ["sum 2 → P4: 5 lx", "sum 0 → P6: 2 lx", "P7: no performance"]), ("fr", ["somme 2 → P4 : 5 lx"])],
)
def test_the_command_shows_tables_and_example(lang: str, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSIGNE_LANG", lang)
    shown = CliRunner().invoke(app, ["lighting", "classes"])
    assert shown.exit_code == 0
    assert all(text in shown.stdout for text in [*said, *(f"M{n}" for n in range(1, 7)), "C0", "P6"])


def test_the_command_weighs_a_street() -> None:
    options = [f"{name}={option}" for name, option in WORKED_EXAMPLE["evening"].items()]
    shown = CliRunner().invoke(app, ["lighting", "class", "P", *options, "--json"])
    assert json.loads(shown.stdout) == {
        "weights": {
            "travel_speed": 1,
            "traffic_composition": 1,
            "parked_vehicles": 0,
            "ambient_luminosity": 0,
            "traffic": 0,
        },
        "sum": 2,
        "class": "P4",
        "level": 5,
        "unit": "lx",
    }


@pytest.mark.parametrize(("letter", "name"), [("M", "weights_M_TO_VERIFY"), ("P", "weights_P")])
def test_weights_are_those_of_the_reference(letter: str, name: str, reference: Path) -> None:
    """Weight by weight in the order of the file, for the parameters the night does not change."""
    with (reference / "lighting" / f"cen_tr_13201-1_2014_{name}.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["parameter"] not in {"traffic_volume", "use_intensity"}]
    printed: dict[str, list[float]] = {}
    for row in rows:
        printed.setdefault(row["parameter"], []).append(float(row["weight"]))
    ours = {
        parameter: [float(w) for w in options.values()]
        for parameter, options in TABLES.families[letter].weights.items()
    }
    assert ours == printed


def test_every_kind_of_road_of_the_territory_has_the_class_its_weights_give() -> None:
    roads = yaml.safe_load((ROOT / "datasets" / "reference" / "roads.yaml").read_text())["roads"]
    variants = [variant for road in roads.values() for variant in road["variants"]]
    assert len(variants) >= 10
    for v in variants:
        described = (v["class_normal"][0], v["speed_kmh"], v["composition"], v["parked_vehicles"], v["ambient"])
        assert weighed_class(TABLES, *described) == v["class_normal"], v


@pytest.mark.parametrize(
    ("weight", "label"),
    [
        ("2", "P4"),
        ("2.5", "P3"),
        ("2.001", "P3"),
        ("0", "P6"),
        ("-3", "P6"),
        ("5", "P1"),
        ("9", "P1"),
        ("-0.5", "P6"),
        ("0.5", "P5"),
    ],
)
def test_sums_round_to_the_brighter_class_and_stay_in_the_table(weight: str, label: str) -> None:
    assert P.label(int(P.number(np.array(thousandths(Decimal(weight)))))) == label


@given(st.lists(st.decimals(-2, 2, places=1), min_size=1, max_size=8))
def test_a_sum_of_tenths_is_exact(weights: list[Decimal]) -> None:
    """As floats, ten times 0.1 is less than 1 and would give a class too dim."""
    total = sum(map(thousandths, weights))
    exact = Decimal(6) - sum(weights, Decimal(0))
    wanted = min(max(int(exact.to_integral_value("ROUND_FLOOR")), 1), 6)
    assert int(P.number(np.array(total))) == wanted


@given(st.floats(0, 1), st.floats(0, 1))
def test_more_traffic_never_weighs_less(a: float, b: float) -> None:
    less, more = BANDS.weight(np.array(sorted([a, b])))
    assert less <= more


def test_traffic_bands_at_their_edges() -> None:
    shares = np.array([0.0, 0.1499, 0.15, 0.45, 0.4501, 1.0, 3.0, np.nan])
    assert BANDS.weight(shares).tolist() == [-1000, -1000, 0, 0, 1000, 1000, 1000, 1000]
    assert BANDS.relief(shares).tolist() == [2000, 2000, 1000, 1000, 0, 0, 0, 0]


@pytest.mark.parametrize("levels", [(), (1.0, 1.0), (1.0, 2.0), (1.0, 0.0), (1.0, -1.0)])
def test_levels_that_do_not_fall(levels: tuple[float, ...]) -> None:
    with pytest.raises(InvalidProblem, match="want to fall"):
        ClassSystem("X", "lx", 1, levels, {})


@pytest.mark.parametrize(
    ("quiet", "busy", "weights"),
    [(0.5, 0.4, (1, 0, -1)), (-0.1, 0.4, (1, 0, -1)), (0.1, 1.1, (1, 0, -1)), (0.1, 0.4, (-1, 0, 1))],
)
def test_bands_that_contradict_themselves(quiet: float, busy: float, weights: tuple[int, int, int]) -> None:
    with pytest.raises(InvalidProblem):
        TrafficBands(busy, quiet, *map(Decimal, weights))


def test_every_wrong_option_of_a_street_is_named() -> None:
    with pytest.raises(InvalidProblem) as raised:
        P.static_sum({"travel_speed": "fast", "parked_vehicles": "present", "weather": "wet"})
    assert len(raised.value.problems) == 4


@pytest.mark.parametrize("label", ["P0", "P7", "M3", "P", "Px", "p4", "P4a", ""])
def test_labels_of_no_class(label: str) -> None:
    with pytest.raises(InvalidProblem, match="is no class, wants P1 to P6"):
        P.number_of(label)


def test_labels_and_numbers() -> None:
    assert [P.number_of(f"P{n}") for n in range(1, 7)] == [1, 2, 3, 4, 5, 6]
    assert TABLES.families["C"].number_of("C0") == 0


def test_a_weight_finer_than_thousandths_is_refused() -> None:
    assert thousandths(Decimal("0.125")) == 125
    with pytest.raises(InvalidProblem):
        thousandths(Decimal("0.0005"))


def test_the_class_a_level_delivers() -> None:
    levels = np.array([15.0, 14.99, 5.0, 2.0, 1.99, 0.0, 99.0])
    assert P.delivered(levels).tolist() == [1, 2, 4, 6, 7, 7, 1]


@given(st.integers(1, 6), st.floats(2, 40))
def test_the_flux_required_delivers_its_class(number: int, level_full: float) -> None:
    level = P.level(np.array([number]))
    flux, short = required_flux(level, np.array([level_full]), 0.01)
    assert 0 < flux[0] <= 1
    assert round(float(flux[0]) * 100, 6) == round(float(flux[0]) * 100)
    if short[0]:
        assert flux[0] == 1
    else:
        assert P.delivered(flux * level_full)[0] <= number
        assert (flux[0] - 0.01) * level_full < level[0]


def test_a_lamp_too_small_gives_all_it_has_and_is_told() -> None:
    flux, short = required_flux(np.array([7.5, 7.5, 7.5]), np.array([7.5, 7.4, 15.0]), 0.01)
    assert flux.tolist() == [1.0, 1.0, 0.5]
    assert short.tolist() == [False, True, False]


def altered(tmp_path: Path, old: str, new: str) -> Path:
    text = FILE.read_text()
    assert old in text
    path = tmp_path / "lighting.yaml"
    path.write_text(text.replace(old, new, 1))
    return path


def test_another_country_weighs_otherwise_and_halves_give_the_brighter_class(tmp_path: Path) -> None:
    """The ambient luminosity of P as CIE 115 has it, in halves: 2.5 is P3 and not P4."""
    text = FILE.read_text()
    at = text.index("ambient_luminosity: {high: 1, moderate: 0", text.index("\n  P:\n"))
    path = tmp_path / "lighting.yaml"
    path.write_text(text[:at] + text[at:].replace("moderate: 0", "moderate: 0.5", 1))
    weighed = weigh(load_tables(path), "P", WORKED_EXAMPLE["evening"])
    assert (weighed.sum, weighed.label) == (Decimal("2.5"), "P3")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("fti_pct: [10, 10, 15, 15, 15, 20]", "fti_pct: [10, 10, 15]", "fti_pct: wants 6 values, one a class"),
        ("levels: [2.00, 1.50", "levels: [1.50, 2.00", "want to fall from class to class"),
        ("- {option: very_high}\n", "- {up_to_kmh: 130, option: very_high}\n", "every speed needs an option"),
        ("junction_density: moderate", "junction_density: lots", "no weight for junction_density: lots"),
        ("busy_above: 0.45", "busy_above: 0.05", "in that order"),
        ("flux_grid: 0.01", "flux_grid: 0.04", "multiple of flux_grid"),
        ("lat: 47.4739", "lat: 80", "less than or equal to 66"),
        ("[0.3, 0.28]", "[0.3, 0.05]", "does not strictly increase"),
        ('"22:00": 0.7', '"22:00": 70', "less than or equal to 1"),
        ('"00:00": 0.5', '"21:00": 0.5', "in order from noon to noon"),
        ("minimum_samples: 4", "minimum_sample: 4", "unknown key 'minimum_sample'"),
        ("high: 1, moderate: -1, low: -2", "high: 1, moderate: -1, low: -2.0005", "more than three decimals"),
        ("on_after: 15min", "on_after: soon", "a duration is a number"),
        ("systems:\n  M:", "systems:\n  X:", "systems.X"),
    ],
)
def test_a_wrong_table_is_refused_with_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(InputError) as raised:
        load_tables(altered(tmp_path, old, new))
    assert said in str(raised.value)
    assert "lighting.yaml:" in str(raised.value)


def test_several_wrong_entries_are_told_at_once(tmp_path: Path) -> None:
    path = altered(tmp_path, "flux_grid: 0.01", "flux_grid: 2")
    path.write_text(
        path.read_text().replace("minimum_samples: 4", "minimum_samples: 0").replace("lat: 47.4739", "lat: 80")
    )
    with pytest.raises(InputError) as raised:
        load_tables(path)
    assert len(raised.value.problems) == 3


def test_multilane_roads_have_bands_of_their_own() -> None:
    tables: LightingTables = TABLES
    assert tables.bands("M", tables.multilane_above_veh_h).busy_above == 0.45
    assert tables.bands("M", tables.multilane_above_veh_h + 1).busy_above == 0.65
