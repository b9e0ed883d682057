"""What lamps give beside what is asked, and what the law allows: by hand, and against the published limits."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from engine.catalogue import load_catalogue
from engine.errors import InputError
from engine.inventory.territory import load_territory, save_territory
from jobs.cli.app import app
from jobs.lighting.fleet import Fleet, read_fleet
from jobs.lighting.lamps import Nuisance, fits, lamp_report, nuisances

from .test_jobs import DAY, TABLES, counter, lamp, task_of

SAMPLE = Path(__file__).resolve().parents[2] / "datasets" / "sample"
LIT = {"flux_lm": 7000.0, "area_m2": 200.0}  # 35 lm/m²


def fleet(*changes: dict[str, Any]) -> Fleet:
    return read_fleet([lamp(f"L-{k}", order=k, **change) for k, change in enumerate(changes)], [counter()], TABLES)


def test_what_is_over_the_class_is_trimmed_and_told_in_energy() -> None:
    """1.1 cd/m² for the 0.75 of M4 is 0.69 of full: led-a draws 0.475 + 0.76 · 0.255 there, of 71.5 W above 0.5 W."""
    (fit,) = fits(fleet({}), TABLES, np.array([4]))
    assert (fit.label, fit.wanted, fit.given, fit.unit, fit.flux, fit.short) == ("M4", 0.75, 1.1, "cd/m2", 0.69, False)
    saved_w = 71.5 * (1 - (0.475 + 0.76 * 0.255))
    assert fit.trim_kwh == pytest.approx(saved_w * TABLES.burning_h_per_year / 1000)


def test_a_newer_lamp_trims_more_and_one_with_clo_saves_by_itself() -> None:
    aged = {"maintenance_factor": 0.8, "burning_h": 0.0}
    maintained, new, held = fits(fleet({}, aged, aged | {"clo": True}), TABLES, np.array([4, 4, 4]))
    assert (maintained.flux, new.flux, held.flux) == (0.69, 0.55, 0.69)
    assert new.trim_kwh > maintained.trim_kwh > held.trim_kwh


def test_a_lamp_that_cannot_dim_saves_nothing() -> None:
    (fit,) = fits(fleet({"dimmable": False, "flux_curve": "hps-a"}), TABLES, np.array([4]))
    assert fit.trim_kwh == 0


def test_a_lamp_too_small_asks_for_another_by_class_and_size() -> None:
    (fit,) = fits(fleet({"class_normal": "M2"}), TABLES, np.array([2]))
    assert (fit.short, fit.flux) == (True, 1.0)
    assert str(fit) == "L-0 gives 1.1 of the 1.5 cd/m2 of M2: 1.36 times the light is wanted"


def test_a_lamp_that_just_reaches_its_class_is_not_too_small() -> None:
    (fit,) = fits(fleet({"class_normal": "M3", "luminance_full": 1.0}), TABLES, np.array([3]))
    assert (fit.short, fit.flux) == (False, 1.0)


def test_the_plan_is_the_maximum_and_its_reasons_name_lamp_and_class() -> None:
    task = task_of([lamp("L-1", class_normal="M2"), lamp("L-2", order=1)])
    assert set(task.need.flux[0, task.night.burning]) == {1.0, 0.91, 0.69}  # M2 in full, M3 and M4 as they are
    assert [reason for reason in task.reasons if reason.startswith("under-sized")] == [
        (
            "under-sized, full all the time they are asked for more: 1 (L-1) lamps."
            " L-1 gives 1.1 of the 1.5 cd/m2 of M2: 1.36 times the light is wanted"
        )
    ]


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        (LIT, []),
        (LIT | {"flux_lm": 7020.0}, [Nuisance("S-1", "luminous flux installed", 35.1, 35, "lm/m2")]),
        (LIT | {"agglomeration": False}, [Nuisance("S-1", "luminous flux installed", 35.0, 25, "lm/m2")]),
        ({"flux_lm": 70000.0}, []),
        ({"cct_k": 3000}, []),
        ({"cct_k": 4000}, [Nuisance("L-1", "colour temperature", 4000, 3000, "K")]),
        ({"ulr": 0.04}, []),
        ({"ulr": 0.05}, [Nuisance("L-1", "light that goes up", 5.0, 4.0, "%")]),
    ],
)
def test_what_the_law_allows(changes: dict[str, Any], wanted: list[Nuisance]) -> None:
    assert list(nuisances([lamp("L-1", **changes)], TABLES)) == wanted


def test_the_lamps_of_a_segment_are_judged_together() -> None:
    bright, dim = lamp("L-1", **LIT | {"flux_lm": 9000.0}), lamp("L-2", order=1, **LIT | {"flux_lm": 5000.0})
    assert list(nuisances([bright, dim], TABLES)) == []
    assert [one.where for one in nuisances([bright, lamp("L-3", segment="S-2", **LIT)], TABLES)] == ["S-1"]


@pytest.mark.reference
def test_the_limits_are_those_of_the_order(reference: Path) -> None:
    with (reference / "lighting" / "arrete_2018-12-27_limits.csv").open() as file:
        rows = {(row["item"], row["scope"]): row["limit"] for row in csv.DictReader(file)}
    limits = TABLES.light_nuisance
    assert rows["DSFLI", "a) movement safety - in agglomeration"] == f"{limits.lm_m2.agglomeration:g}"
    assert rows["DSFLI", "a) movement safety - outside agglomeration"] == f"{limits.lm_m2.outside:g}"
    assert rows["CCT", "a) d) e)"] == f"{limits.cct_k:g}"
    assert rows["ULR", "installed luminaire"] == f"{100 * limits.ulr:g}"


def test_the_report_has_the_worst_first() -> None:
    lamps = [
        lamp("L-1", class_normal="M2"),
        lamp("L-2", order=1, class_normal="M1"),
        lamp("L-3", order=2, luminance_full=2.0, cct_k=5000),
        lamp("L-4", order=3),
    ]
    report = lamp_report([*lamps, counter()], TABLES, DAY)
    assert [row["lamp"] for row in report["too_small"]] == ["L-2", "L-1"]
    assert [row["lamp"] for row in report["trimmed"]] == ["L-3", "L-4"]
    assert [row["where"] for row in report["over_the_law"]] == ["L-3"]
    assert report["trim_kwh_per_year"] == pytest.approx(sum(row["kwh_per_year"] for row in report["trimmed"]), abs=0.1)


@pytest.mark.parametrize(("lang", "said"), [("en", "Lamps that give more"), ("fr", "Points lumineux au-dessus")])
def test_the_command_reads_a_territory(lang: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSIGNE_LANG", lang)
    shown = CliRunner().invoke(app, ["lighting", "lamps", str(SAMPLE), "--rows", "3"])
    assert shown.exit_code == 0
    assert said in shown.stdout
    found = json.loads(CliRunner().invoke(app, ["lighting", "lamps", str(SAMPLE), "--json"]).stdout)
    assert found["lamps"] == 240
    assert found["trim_kwh_per_year"] > 0


def checked(tmp_path: Path, kind: str = "Streetlight", **changes: Any) -> Any:
    """`consigne territory check` of the sample, one asset of a kind changed: a lamp, unless another is named."""
    catalogue = load_catalogue(SAMPLE.parent / "reference" / "catalogue.yaml")
    sample = load_territory(SAMPLE, catalogue)
    first = next(asset for asset in sample.assets if asset.type == kind)
    changed = replace(first, attributes={**first.attributes, **changes})
    assets = tuple(changed if asset is first else asset for asset in sample.assets)
    save_territory(replace(sample, assets=assets), tmp_path)
    return CliRunner().invoke(app, ["territory", "check", str(tmp_path)])


def test_a_territory_is_checked_for_what_cannot_be_planned(tmp_path: Path) -> None:
    found = checked(tmp_path, flux_curve="laser")
    assert isinstance(found.exception, InputError)
    assert "flux_curve: no curve 'laser' in lighting.yaml" in str(found.exception)


def test_a_cabinet_that_states_nonsense_is_named_before_it_leaves_a_night_to_the_rules(tmp_path: Path) -> None:
    found = checked(tmp_path, "StreetlightControlCabinet", programs="many", switch_points=1)
    assert isinstance(found.exception, InputError)
    said = [str(problem) for problem in found.exception.problems]
    assert said == [
        "A-49028-0001 programs is 'many', a number of 1 or more is wanted → write what the cabinet takes of one night",
        "A-49028-0001 switch_points is 1, a number of 2 or more is wanted → write what the cabinet takes of one night",
    ]


def test_a_check_notes_lamps_too_small_and_over_the_law(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSIGNE_LANG", "en")
    assert "too small" not in checked(tmp_path).stdout
    found = checked(tmp_path, class_full="P6", luminance_full=2.0, class_normal="P1", cct_k=4000)
    assert found.exit_code == 0
    assert "planned full, to be replaced: 1." in found.stdout
    assert "the order of 27 December 2018 allows: 1." in found.stdout
