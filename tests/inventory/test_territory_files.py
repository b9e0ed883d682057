"""The territory's folder: what is saved comes back, and what is wrong is told, all of it, at its place."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.catalogue import Catalogue
from engine.errors import Problem
from engine.inventory.model import Territory
from engine.inventory.territory import check_territory, load_communes, load_territory, save_territory
from engine.model import Asset, Zone

Refused = Callable[..., tuple[Problem, ...]]
TextAt = Callable[[Problem], str]


def swap(territory: Territory, asset: str, **changed: Any) -> Territory:
    """The territory with one asset changed."""
    assert any(one.id == asset for one in territory.assets)
    assets = tuple(replace(one, **changed) if one.id == asset else one for one in territory.assets)
    return replace(territory, assets=assets)


def with_attributes(territory: Territory, asset: str, **changed: Any) -> Territory:
    old = next(one for one in territory.assets if one.id == asset).attributes
    return swap(territory, asset, attributes={**old, **changed})


def add(territory: Territory, *assets: Asset) -> Territory:
    return replace(territory, assets=(*territory.assets, *assets))


def test_a_sound_territory_has_nothing_wrong(small: Territory, catalogue: Catalogue) -> None:
    assert check_territory(small, catalogue) == []


def test_what_is_saved_comes_back_the_same(small: Territory, catalogue: Catalogue, tmp_path: Path) -> None:
    save_territory(small, tmp_path / "new" / "folder")
    assert load_territory(tmp_path / "new" / "folder", catalogue) == small


def test_saving_twice_gives_the_same_bytes_and_nothing_beside(small: Territory, tmp_path: Path) -> None:
    save_territory(small, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    save_territory(small, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert set(before) == {"territory.yaml", "assets.csv"}


def test_names_that_yaml_would_mistake_come_back(small: Territory, catalogue: Catalogue, tmp_path: Path) -> None:
    traps = ["no", "1:30", "é: {x}", "# not a comment", '"quoted"', "null", " padded "]
    for name in traps:
        named = replace(small, communes=(replace(small.communes[0], name=name), *small.communes[1:]))
        save_territory(named, tmp_path)
        assert load_territory(tmp_path, catalogue) == named


def test_attributes_keep_their_order_and_their_kinds(small: Territory, catalogue: Catalogue, tmp_path: Path) -> None:
    odd = with_attributes(small, "G-1", z=1, a=1.0, list=[1, 'deux, "trois"'], nothing=None, nested={"k": True})
    save_territory(odd, tmp_path)
    back = next(asset for asset in load_territory(tmp_path, catalogue).assets if asset.id == "G-1")
    assert list(back.attributes) == ["z", "a", "list", "nothing", "nested"]
    assert (
        repr(back.attributes)
        == "{'z': 1, 'a': 1.0, 'list': [1, 'deux, \"trois\"'], 'nothing': None, 'nested': {'k': True}}"
    )


BROKEN: list[tuple[str, Callable[[Territory], Territory], str, str, str]] = [
    # what is broken, how, what is said, what stands at the place, part of the hint
    (
        "type",
        lambda t: swap(t, "D-1", type="Detector"),
        "D-1 is of the unknown type 'Detector'",
        "Detector,",
        "catalogue",
    ),
    ("zone", lambda t: swap(t, "T-1", zone="Z-9"), "T-1 is in the unknown zone 'Z-9'", "Z-9,", "add the zone"),
    ("parent", lambda t: swap(t, "G-1", parent="N-9"), "G-1 hangs on the unknown 'N-9'", "N-9,", "add it"),
    ("lamp alone", lambda t: swap(t, "L-1", parent=None), "L-1 hangs on nothing", ",A-1,", "StreetlightControlCabinet"),
    ("valve alone", lambda t: swap(t, "V-1", parent=None), "V-1 hangs on nothing", ",GW-Z-3,", "IrrigationNetwork"),
    ("probe alone", lambda t: swap(t, "S-1", parent=None), "S-1 hangs on nothing", ",GW-Z-3,", "Garden"),
    (
        "wrong parent",
        lambda t: swap(t, "L-1", parent="F-1"),
        "L-1 hangs on F-1, a StreetlightFeeder",
        "F-1,A-1",
        "Cabinet",
    ),
    (
        "parent across zones",
        lambda t: swap(t, "D-1", zone="Z-2"),
        "D-1 is in Z-2 and hangs on A-1 in Z-1",
        "A-1,A-1,",
        "never crosses zones",
    ),
    ("itself", lambda t: swap(t, "N-1", parent="N-1"), "N-1 hangs on itself: N-1 → N-1", "N-1,GW", "break the circle"),
    (
        "north pole",
        lambda t: swap(t, "T-1", lat=90.5),
        "T-1 at lon -0.551, lat 90.5 is outside WGS 84",
        "-0.551,",
        "degrees",
    ),
    ("date line", lambda t: swap(t, "T-1", lon=-180.5), "outside WGS 84", "-180.5,", "degrees"),
    ("nowhere", lambda t: swap(t, "T-1", lat=float("nan")), "lat nan is outside WGS 84", "-0.551,", "degrees"),
    ("metres", lambda t: swap(t, "T-1", lon=432100.0, lat=6712300.0), "outside WGS 84", "432100.0,", "degrees"),
    (
        "swapped",
        lambda t: swap(t, "T-1", lon=47.471, lat=-0.551),
        "from Angers, where its zone is",
        "47.471,-0.551",
        "longitude and latitude look swapped",
    ),
    ("far", lambda t: swap(t, "T-1", lon=2.35, lat=48.85), "km from Angers, where its zone is", "2.35,", "its place"),
    ("odd name", lambda t: add(t, replace(t.assets[5], id="T 1")), "the name 'T 1' is not plain", "T 1,", "letters"),
    ("odd gateway", lambda t: swap(t, "T-1", gateway="GW/+"), "the gateway 'GW/+' is not plain", "GW/+,", "letters"),
    (
        "power",
        lambda t: with_attributes(t, "L-1", power_w=0),
        "L-1: power_w: Input should be greater than 0, found 0",
        '"{',
        "",
    ),
    (
        "class",
        lambda t: with_attributes(t, "L-1", class_full="P9"),
        "'P9' is not a lighting class",
        '"{',
        "one of M1…M6",
    ),
    (
        "ME4a",
        lambda t: with_attributes(t, "L-1", class_normal="ME4a"),
        "'ME4a' is a lighting class of EN 13201-2:2003",
        '"{',
        "M4",
    ),
    (
        "S3",
        lambda t: with_attributes(t, "L-1", class_normal="S3"),
        "'S3' is a lighting class of EN 13201-2:2003",
        '"{',
        "P3",
    ),
    (
        "CE2",
        lambda t: with_attributes(t, "L-1", class_normal="CE2"),
        "'CE2' is a lighting class of EN 13201-2:2003",
        '"{',
        "C2",
    ),
    (
        "dim",
        lambda t: with_attributes(t, "L-1", luminance_full=9.9),
        "luminance_full 9.9 is under the 10 of P2",
        '"{',
        "class_full",
    ),
    (
        "same place",
        lambda t: with_attributes(t, "L-2", order=0),
        "L-2 and L-1 are both number 0 of the segment SEG-1",
        '"{',
        "number",
    ),
    (
        "counter",
        lambda t: with_attributes(t, "L-1", counter="T-9"),
        "L-1: counter names 'T-9'",
        '"{',
        "correct the name",
    ),
    ("counter kind", lambda t: with_attributes(t, "L-1", counter="L-2"), "not a TrafficFlowObserved", '"{', "correct"),
    ("detector", lambda t: with_attributes(t, "D-1", lamps=["L-1", "L-9"]), "D-1: lamps names 'L-9'", '"{', "correct"),
]


@pytest.mark.parametrize(
    ("what", "place", "hint", "broken"), [(w, p, h, b) for _, b, w, p, h in BROKEN], ids=[row[0] for row in BROKEN]
)
def test_one_thing_wrong_is_told_once_at_its_cell(
    small: Territory,
    catalogue: Catalogue,
    tmp_path: Path,
    refused: Refused,
    text_at: TextAt,
    broken: Callable[[Territory], Territory],
    what: str,
    place: str,
    hint: str,
) -> None:
    territory = broken(small)
    save_territory(territory, tmp_path)
    (problem,) = refused(load_territory, tmp_path, catalogue)
    assert what in problem.what
    assert hint in problem.hint
    assert text_at(problem).startswith(place)
    (in_memory,) = check_territory(territory, catalogue)
    assert (in_memory.what, in_memory.hint) == (problem.what, problem.hint)


def test_an_asset_in_two_zones(
    small: Territory, catalogue: Catalogue, tmp_path: Path, refused: Refused, text_at: TextAt
) -> None:
    save_territory(add(small, replace(small.assets[5], zone="Z-1")), tmp_path)
    (problem,) = refused(load_territory, tmp_path, catalogue)
    assert problem.what == "T-1 stands twice, in the two zones Z-2 and Z-1"
    assert (problem.line, problem.column) == (12, 1)
    assert text_at(problem).startswith("T-1,")


def test_an_asset_twice_in_one_zone(small: Territory, catalogue: Catalogue) -> None:
    (problem,) = check_territory(add(small, small.assets[5]), catalogue)
    assert problem.what == "T-1 stands twice"


def test_a_segment_in_two_zones(small: Territory, catalogue: Catalogue) -> None:
    other = Asset("A-2", "StreetlightControlCabinet", "Z-2", -0.55, 47.47)
    moved = add(swap(small, "L-2", zone="Z-2", parent="A-2"), other)
    (problem,) = check_territory(moved, catalogue)
    assert problem.what == "L-2: the segment SEG-1 is in Z-1 and in Z-2"


def test_a_circle_of_parents_is_found_once_for_each_way_in(small: Territory, catalogue: Catalogue) -> None:
    ring = [Asset(f"B-{k}", "Building", "Z-3", -0.65, 47.378, f"B-{(k + 1) % 3}") for k in range(3)]
    (problem,) = check_territory(add(small, *ring, replace(ring[0], id="B-9", parent="B-1")), catalogue)
    assert problem.what == "B-0 hangs on itself: B-0 → B-1 → B-2 → B-0"


def test_a_long_chain_of_parents_is_no_circle(small: Territory, catalogue: Catalogue) -> None:
    chain = [Asset(f"B-{k}", "Building", "Z-3", -0.65, 47.378, f"B-{k + 1}" if k < 4999 else None) for k in range(5000)]
    assert check_territory(add(small, *chain), catalogue) == []


@pytest.mark.parametrize(("count", "sound"), [(1000, True), (1001, False)])
def test_at_most_a_thousand_zones(
    small: Territory, catalogue: Catalogue, tmp_path: Path, refused: Refused, text_at: TextAt, count: int, sound: bool
) -> None:
    more = tuple(Zone(f"Z-{k}", "49007") for k in range(4, count + 1))
    territory = replace(small, zones=(*small.zones, *more))
    save_territory(territory, tmp_path)
    if sound:
        assert load_territory(tmp_path, catalogue) == territory
    else:
        (problem,) = refused(load_territory, tmp_path, catalogue)
        assert problem.what == "1001 zones, at most 1000 are allowed"
        assert text_at(problem).startswith('"Z-1001"')


def test_wrong_communes_and_zones_are_told_at_their_place_in_the_yaml(
    small: Territory, catalogue: Catalogue, tmp_path: Path, refused: Refused, text_at: TextAt
) -> None:
    zones = (*small.zones, Zone("Z-1", "49007"), Zone("Z 5", "49007"), Zone("Z-6", "49999"))
    save_territory(replace(small, communes=(*small.communes, small.communes[0]), zones=zones), tmp_path)
    problems = refused(load_territory, tmp_path, catalogue)
    assert [(problem.what, text_at(problem).split(",")[0].rstrip("}")) for problem in problems] == [
        ("the commune 49007 stands twice", '"49007"'),
        ("the zone Z-1 stands twice", '"Z-1"'),
        ("the zone name 'Z 5' is not plain", '"Z 5"'),
        ("Z-6 lies in the unknown commune '49999'", '"49999"'),
    ]


def test_every_problem_of_both_files_is_told_at_once(
    small: Territory, catalogue: Catalogue, tmp_path: Path, refused: Refused
) -> None:
    broken = small
    for _, mutate, *_ in BROKEN[:3]:
        broken = mutate(broken)
    broken = with_attributes(broken, "L-2", power_w=-1.0, standby_w=-1.0, class_full="M0")
    save_territory(replace(broken, zones=(*broken.zones, Zone("Z-8", "1"))), tmp_path)
    problems = refused(load_territory, tmp_path, catalogue)
    assert len(problems) == 7
    assert [problem.source.rsplit("/", 1)[1] for problem in problems] == ["assets.csv"] * 6 + ["territory.yaml"]
    assert problems == tuple(sorted(problems))


def test_a_wrong_yaml_does_not_hide_what_is_wrong_with_the_table(
    small: Territory, catalogue: Catalogue, tmp_path: Path, refused: Refused
) -> None:
    save_territory(small, tmp_path)
    head, table = tmp_path / "territory.yaml", tmp_path / "assets.csv"
    head.write_text(head.read_text(encoding="utf-8").replace("population: 122", "population: -1"), encoding="utf-8")
    table.write_text(table.read_text(encoding="utf-8").replace("-0.551,", "west,"), encoding="utf-8")
    problems = refused(load_territory, tmp_path, catalogue)
    assert len(problems) == 2
    assert "T-1: lon 'west' is not a number" in problems[0].what
    assert "communes.1.population" in problems[1].what


def test_what_hangs_on_an_unreadable_row_is_not_blamed_for_it(
    small: Territory, catalogue: Catalogue, tmp_path: Path, refused: Refused
) -> None:
    save_territory(small, tmp_path)
    table = tmp_path / "assets.csv"
    lines = table.read_text(encoding="utf-8").split("\n")
    lines[1] = lines[1].replace("-0.55", "")
    lines[6] = lines[6].replace('"{', '"[')
    table.write_text("\n".join(lines), encoding="utf-8")
    assert [problem.what.split(":")[0] for problem in refused(load_territory, tmp_path, catalogue)] == ["A-1", "T-1"]


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("origin:", "orign:", "unknown key 'orign'"),
        ("communes:", "comunes:", "'communes' is missing"),
        ('insee: "49007"', 'insee: "4900"', "communes.0.insee"),
        ("area_km2: 2.26", "area_km2: 0", "communes.1.area_km2"),
        ("lat: 47.4766", "lat: 147.4766", "communes.0.lat"),
        ("seed: 7", "seed: -7", "origin.seed"),
        ("scale: 0.5", "scale: 0", "origin.scale"),
        ('commune: "49028"', "commune: 49028", "zones.2.commune"),
        ("zones:", "zones: {", "expected"),
    ],
)
def test_a_wrong_yaml_is_told(
    small: Territory, catalogue: Catalogue, tmp_path: Path, refused: Refused, old: str, new: str, what: str
) -> None:
    save_territory(small, tmp_path)
    head = tmp_path / "territory.yaml"
    text = head.read_text(encoding="utf-8")
    assert old in text
    head.write_text(text.replace(old, new, 1), encoding="utf-8")
    problems = refused(load_territory, tmp_path, catalogue)
    assert any(what in problem.what for problem in problems)
    assert all(problem.line > 0 for problem in problems)


def test_an_absent_folder(catalogue: Catalogue, tmp_path: Path, refused: Refused) -> None:
    problems = refused(load_territory, tmp_path / "none", catalogue)
    assert [problem.source.rsplit("/", 1)[1] for problem in problems] == ["assets.csv", "territory.yaml"]


def test_communes_of_a_file(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "communes.yaml"
    line = '  - {insee: "2A004", name: Ajaccio, population: 73822, lon: 8.7, lat: 41.9, area_km2: 82.03}\n'
    path.write_text("communes:\n" + line, encoding="utf-8")
    (commune,) = load_communes(path)
    assert (commune.insee, commune.name, commune.population, commune.area_km2) == ("2A004", "Ajaccio", 73822, 82.03)
    path.write_text("communes:\n" + line + line, encoding="utf-8")
    (problem,) = refused(load_communes, path)
    assert (problem.line, problem.what) == (3, "the commune 2A004 stands twice")
    path.write_text("communes: []\n", encoding="utf-8")
    assert len(refused(load_communes, path)) == 1
