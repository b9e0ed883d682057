"""What goes wrong with lamps in an inventory: each thing by its exact words, and all of a file at once."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.catalogue import Catalogue
from engine.errors import Problem
from engine.inventory.model import Territory
from engine.inventory.territory import check_territory, load_territory, save_territory
from engine.model import Asset

from .conftest import LAMP, lamp

Refused = Callable[..., tuple[Problem, ...]]

BAD: list[tuple[dict[str, Any], str, str]] = [
    (
        {"class_normal": "ME4a"},
        "L-3: class_normal: 'ME4a' is a lighting class of EN 13201-2:2003",
        "since 2015 it is M4",
    ),
    ({"class_full": "CE2"}, "L-3: class_full: 'CE2' is a lighting class of EN 13201-2:2003", "since 2015 it is C2"),
    ({"class_full": "S3"}, "L-3: class_full: 'S3' is a lighting class of EN 13201-2:2003", "since 2015 it is P3"),
    (
        {"class_normal": "A3"},
        (
            "L-3: class_normal: 'A3' is a class of hemispherical illuminance of 2003, HS since 2015,"
            " by which nothing is planned"
        ),
        "give the M, C or P",
    ),
    (
        {"class_normal": "P22"},
        "L-3: class_normal: 'P22' is not a lighting class",
        "one of M1…M6, C0…C5, P1…P7",
    ),
    ({"class_normal": ...}, "L-3: 'class_normal' is missing", "add the key 'class_normal'"),
    ({"class_normal": None}, "L-3: class_normal: Input should be a valid string, found None", ""),
    ({"power_w": 0}, "L-3: power_w: Input should be greater than 0, found 0", ""),
    ({"maintenance_factor": 80}, "L-3: maintenance_factor: Input should be less than or equal to 1, found 80", ""),
    (
        {"detector": "D-1", "boost": 70},
        "L-3: boost 70 is outside 0 to 1, the scale 'share'",
        "it looks like per cent: say so in its scale, or divide by 100",
    ),
    (
        {"detector": "D-1", "boost": 178},
        "L-3: boost 178 is outside 0 to 1, the scale 'share'",
        "it looks like a level of a DALI bus: say so in its scale",
    ),
    (
        {"detector": "D-1", "boost": 178, "level_scale": "percent"},
        "L-3: boost 178 is outside 0 to 100, the scale 'percent'",
        "it looks like a level of a DALI bus: say so in its scale",
    ),
    (
        {"detector": "D-1", "boost": 0.7, "level_scale": "percent"},
        "L-3: boost 0.7 is 0.7 % of full by the scale 'percent'",
        "a boost is bright: another scale was meant",
    ),
    (
        {"detector": "D-1", "boost": 100, "level_scale": "dali-log"},
        "L-3: boost 100 is 1.5 % of full by the scale 'dali-log'",
        "a boost is bright: another scale was meant",
    ),
    (
        {"detector": "D-9"},
        "L-3: detector names 'D-9', which is not a PresenceDetector of this territory",
        "correct the name, or add the asset",
    ),
    (
        {"detector": "T-1"},
        "L-3: detector names 'T-1', which is not a PresenceDetector of this territory",
        "correct the name, or add the asset",
    ),
    (
        {"address": 17},
        "L-3 and L-1 both have the address 17 at A-1",
        "a command would reach both: give each its own",
    ),
    (
        {"address": "17"},
        "L-3 and L-1 both have the address 17 at A-1",
        "a command would reach both: give each its own",
    ),
    (
        {"lon": 47.47, "lat": -0.55},
        "L-3 is 6446 km from Angers, where its zone is",
        "longitude and latitude look swapped",
    ),
]


def addressed(territory: Territory, *more: Asset) -> Territory:
    """The small territory, L-1 having the address 17, with more."""
    first = replace(territory.assets[1], attributes={**LAMP, "address": 17})
    return replace(territory, assets=(territory.assets[0], first, *territory.assets[2:], *more))


def bad(changed: dict[str, Any]) -> Asset:
    removed = [key for key, value in changed.items() if value is ...]
    made = lamp("L-3", **{"order": 2} | {key: value for key, value in changed.items() if value is not ...})
    return replace(made, attributes={key: value for key, value in made.attributes.items() if key not in removed})


@pytest.mark.parametrize(("changed", "what", "hint"), BAD, ids=[str(changed) for changed, _, _ in BAD])
def test_one_thing_wrong_with_a_lamp(
    small: Territory, catalogue: Catalogue, changed: dict[str, Any], what: str, hint: str
) -> None:
    (problem,) = check_territory(addressed(small, bad(changed)), catalogue)
    assert (problem.what, problem.hint) == (what, hint)


def test_a_lamp_in_two_cabinets(small: Territory, catalogue: Catalogue) -> None:
    other = Asset("A-2", "StreetlightControlCabinet", "Z-1", -0.55, 47.47, None, "A-2")
    (problem,) = check_territory(addressed(small, other, replace(small.assets[2], parent="A-2")), catalogue)
    assert problem.what == "L-2 stands twice, hung on both A-1 and A-2"
    assert problem.hint == "an asset hangs on one: keep the right row"


def test_one_address_at_two_gateways_is_two_lamps(small: Territory, catalogue: Catalogue) -> None:
    assert check_territory(addressed(small, bad({"address": 17, "gateway": "GW-2"})), catalogue) == []


def test_not_a_number_is_no_attribute(small: Territory, catalogue: Catalogue, tmp_path: Path, refused: Refused) -> None:
    save_territory(small, tmp_path)
    table = tmp_path / "assets.csv"
    table.write_text(table.read_text().replace('""power_w"":36.0', '""power_w"":NaN', 1))
    (problem,) = refused(load_territory, tmp_path, catalogue)
    assert problem.what.startswith("L-1: attributes is not a JSON object")


def test_all_of_a_file_is_told_at_once_each_at_its_line(
    small: Territory, catalogue: Catalogue, tmp_path: Path, refused: Refused
) -> None:
    lamps = [replace(bad({"order": 2 + k, **changed}), id=f"L-{3 + k}") for k, (changed, _, _) in enumerate(BAD)]
    save_territory(addressed(small, *lamps), tmp_path)
    problems = refused(load_territory, tmp_path, catalogue)
    first_line = 2 + len(small.assets)
    assert [problem.line for problem in problems] == [first_line + k for k in range(len(BAD))]
    for k, (problem, (_, what, hint)) in enumerate(zip(problems, BAD, strict=True)):
        assert (problem.what, problem.hint) == (what.replace("L-3", f"L-{3 + k}"), hint)
