"""The made territory: counts, hierarchy, places, lamps; at full scale and at small ones."""

import hashlib
import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from engine.catalogue import Catalogue
from engine.errors import InputError
from engine.inventory.checks import MAX_ZONES
from engine.inventory.eclext import export_eclext, import_eclext
from engine.inventory.model import Territory
from engine.inventory.outlines import Polygons
from engine.inventory.territory import check_territory, load_communes, load_territory, save_territory
from engine.inventory.valves import PLANTINGS, read_valve
from engine.model import Asset
from twin.territory import commune_cells, generate
from twin.territory.apportion import apportion
from twin.territory.cells import M_PER_DEGREE_LAT, M_PER_DEGREE_LON
from twin.territory.inventory import load_inventory

ENERGY = ("PhotovoltaicDevice", "StorageBatteryDevice", "EVChargingStation", "WaterHeater")
GROUPS = {"main": "main", "collector": "collector", "residential": "residential", "path": "residential"}


def by_type(territory: Territory) -> dict[str, list[Asset]]:
    found: dict[str, list[Asset]] = defaultdict(list)
    for asset in territory.assets:
        found[asset.type].append(asset)
    return found


def commune_of(territory: Territory) -> dict[str, str]:
    return {zone.id: zone.commune for zone in territory.zones}


def assert_inside(territory: Territory, shapes: Mapping[str, Polygons]) -> None:
    commune = commune_of(territory)
    places: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for asset in territory.assets:
        places[commune[asset.zone]].append((asset.lon, asset.lat))
    for insee, points in places.items():
        lon, lat = np.array(points).T
        assert shapes[insee].contains(lon, lat).all(), insee


def test_counts_are_those_of_the_inventory(full: Territory, facts: Path) -> None:
    counts = Counter(asset.type for asset in full.assets)
    assert counts == load_inventory(facts / "inventory.yaml").scaled(1.0)
    assert sum(counts.values()) == 70_530
    assert sum(lamp.attributes["dimmable"] for lamp in by_type(full)["Streetlight"]) == 30_000


def test_nothing_is_wrong_with_it(full: Territory, catalogue: Catalogue) -> None:
    assert check_territory(full, catalogue) == []


def test_zones_and_communes(full: Territory) -> None:
    assert len(full.communes) == 29
    assert len(full.zones) == 600 <= MAX_ZONES
    assert {zone.commune for zone in full.zones} == {commune.insee for commune in full.communes}
    assert {asset.zone for asset in full.assets} == {zone.id for zone in full.zones}


def test_nothing_that_hangs_crosses_a_zone(full: Territory) -> None:
    zone = {asset.id: asset.zone for asset in full.assets}
    hung = [asset for asset in full.assets if asset.parent]
    assert len(hung) > 60_000
    assert all(zone[asset.parent or ""] == asset.zone for asset in hung)


def test_names_say_their_commune(full: Territory) -> None:
    commune = commune_of(full)
    assert all(asset.id.split("-")[1] == commune[asset.zone] for asset in full.assets)
    assert len({asset.id for asset in full.assets}) == 70_530
    letters = {asset.type: asset.id.split("-")[0] for asset in full.assets}
    assert len(set(letters.values())) == len(letters)
    assert (letters["Streetlight"], letters["StreetlightControlCabinet"]) == ("L", "A")


def test_gateways(full: Territory) -> None:
    lit = {"Streetlight", "PresenceDetector", "StreetlightFeeder"}
    for asset in full.assets:
        if asset.type in lit:
            assert asset.gateway == asset.parent
        elif asset.type == "StreetlightControlCabinet":
            assert asset.gateway == asset.id
        else:
            assert asset.gateway == f"GW-{asset.zone}"


def test_lamps_are_shared_by_population(full: Territory) -> None:
    commune = commune_of(full)
    found = Counter(commune[lamp.zone] for lamp in by_type(full)["Streetlight"])
    wanted = apportion(50_000, [c.population for c in full.communes])
    assert [found[c.insee] for c in full.communes] == wanted


def test_stations_are_shared_by_area(full: Territory) -> None:
    commune = commune_of(full)
    found = Counter(commune[station.zone] for station in by_type(full)["PumpingStation"])
    wanted = apportion(40, [round(c.area_km2 * 100) for c in full.communes])
    assert [found[c.insee] for c in full.communes] == wanted


def test_cabinets_hold_about_as_many_lamps(full: Territory) -> None:
    lamps = Counter(lamp.parent for lamp in by_type(full)["Streetlight"])
    assert len(lamps) == 1_200
    sizes = np.array(list(lamps.values()))
    assert sizes.mean() == pytest.approx(50_000 / 1_200)
    assert np.quantile(sizes, [0.01, 0.99]).tolist() == pytest.approx([41, 41], abs=24)


def test_zones_are_compact(full: Territory) -> None:
    places = defaultdict(list)
    for lamp in by_type(full)["Streetlight"]:
        places[lamp.zone].append((lamp.lon * M_PER_DEGREE_LON, lamp.lat * M_PER_DEGREE_LAT))
    spans = [np.ptp(np.array(points), axis=0).max() for points in places.values()]
    assert np.median(spans) < 700
    assert max(spans) < 4_000


def test_lamps_of_a_segment_follow_each_other_under_one_cabinet(full: Territory) -> None:
    segments: dict[str, list[Asset]] = defaultdict(list)
    for lamp in by_type(full)["Streetlight"]:
        segments[lamp.attributes["segment"]].append(lamp)
    for name, lamps in segments.items():
        assert [lamp.attributes["order"] for lamp in lamps] == list(range(len(lamps))), name
        assert len({lamp.parent for lamp in lamps}) == 1
        assert len({lamp.attributes["road_class"] for lamp in lamps}) == 1
        x = np.array([lamp.lon for lamp in lamps]) * M_PER_DEGREE_LON
        y = np.array([lamp.lat for lamp in lamps]) * M_PER_DEGREE_LAT
        gaps = np.hypot(np.diff(x), np.diff(y))
        assert ((gaps > 24.8) & (gaps < 35.2)).all(), name


def test_classes_belong_to_their_road(full: Territory) -> None:
    for lamp in by_type(full)["Streetlight"]:
        told = lamp.attributes
        family = "C" if told["crossing"] else "M" if told["road_class"] in ("main", "collector") else "P"
        assert told["class_full"][0] == told["class_normal"][0] == family


def test_old_lamps_only_switch(full: Territory) -> None:
    for lamp in by_type(full)["Streetlight"]:
        old = lamp.attributes["flux_curve"] == "hps-a"
        assert lamp.attributes["dimmable"] is not old
        assert (lamp.attributes["standby_w"] == 0.0) is old
        assert lamp.attributes["standby_w"] < lamp.attributes["power_w"]


def test_a_led_saves_more_than_half_of_the_lamp_it_replaces(full: Territory) -> None:
    """Angers reports -60 % of installed power."""
    power: dict[bool, list[float]] = {True: [], False: []}
    for lamp in by_type(full)["Streetlight"]:
        power[lamp.attributes["dimmable"]].append(lamp.attributes["power_w"])
    assert 0.3 < np.mean(power[True]) / np.mean(power[False]) < 0.5


def test_each_lamp_reads_the_nearest_loop_of_its_kind(full: Territory) -> None:
    loops = by_type(full)["TrafficFlowObserved"]
    assert {loop.attributes["road_class"] for loop in loops} == set(GROUPS.values())
    where = {loop.id: (loop.lon * M_PER_DEGREE_LON, loop.lat * M_PER_DEGREE_LAT) for loop in loops}
    groups: dict[str, np.ndarray] = {
        kind: np.array([where[loop.id] for loop in loops if loop.attributes["road_class"] == kind])
        for kind in set(GROUPS.values())
    }
    kinds = {loop.id: loop.attributes["road_class"] for loop in loops}
    for lamp in by_type(full)["Streetlight"]:
        if lamp.attributes["order"] == 0:
            kind = GROUPS[lamp.attributes["road_class"]]
            assert kinds[lamp.attributes["counter"]] == kind
            here = np.array([lamp.lon * M_PER_DEGREE_LON, lamp.lat * M_PER_DEGREE_LAT])
            nearest = np.hypot(*(groups[kind] - here).T).min()
            assert np.hypot(*(np.array(where[lamp.attributes["counter"]]) - here)) == pytest.approx(nearest)


def test_loops_stand_on_roads_of_their_kind(full: Territory) -> None:
    roads = {(lamp.lon, lamp.lat): lamp.attributes["road_class"] for lamp in by_type(full)["Streetlight"]}
    for loop in by_type(full)["TrafficFlowObserved"]:
        assert GROUPS[roads[loop.lon, loop.lat]] == loop.attributes["road_class"]
        assert loop.attributes["capacity_veh_h"] > 0


def test_detectors_serve_dimmable_lamps_of_one_segment_and_each_lamp_once(full: Territory) -> None:
    lamps = {lamp.id: lamp for lamp in by_type(full)["Streetlight"]}
    alone: defaultdict[str, list[str]] = defaultdict(list)
    for lamp in lamps.values():
        if "detector" in lamp.attributes:
            alone[lamp.attributes["detector"]].append(lamp.id)
    served: Counter[str] = Counter()
    for detector in by_type(full)["PresenceDetector"]:
        assert (detector.id in alone) != ("lamps" in detector.attributes)
        mine = [lamps[name] for name in detector.attributes.get("lamps", alone[detector.id])]
        assert mine
        assert {lamp.parent for lamp in mine} == {detector.parent}
        assert len({lamp.attributes["segment"] for lamp in mine}) == 1
        assert all(lamp.attributes["dimmable"] for lamp in mine)
        served.update(lamp.id for lamp in mine)
    assert max(served.values()) == 1
    quiet = sum(lamps[name].attributes["road_class"] in ("path", "residential") for name in served)
    assert quiet / len(served) > 0.9


def test_lamps_of_paths_brighten_by_themselves_and_those_of_crossings_never(full: Territory) -> None:
    lanes = [lamp.attributes for lamp in by_type(full)["Streetlight"] if "detector" in lamp.attributes]
    assert lanes
    assert {(lamp["road_class"], lamp["crossing"], lamp["boost"]) for lamp in lanes} == {("path", False, 1.0)}


def test_feeders_share_the_streets_of_their_cabinet(full: Territory) -> None:
    streets: dict[str | None, set[str]] = defaultdict(set)
    for lamp in by_type(full)["Streetlight"]:
        streets[lamp.parent].add(lamp.attributes["segment"])
    fed: dict[str | None, list[str]] = defaultdict(list)
    for feeder in by_type(full)["StreetlightFeeder"]:
        fed[feeder.parent] += feeder.attributes["segments"]
    assert {cabinet: sorted(some) for cabinet, some in fed.items()} == {
        cabinet: sorted(some) for cabinet, some in streets.items()
    }


def test_crossings_and_lamps_agree(full: Territory) -> None:
    lamps = {lamp.id: lamp for lamp in by_type(full)["Streetlight"]}
    crossings = {crossing.attributes["lamp"]: crossing for crossing in by_type(full)["PedestrianCrossing"]}
    assert set(crossings) == {name for name, lamp in lamps.items() if lamp.attributes["crossing"]}
    for name, crossing in crossings.items():
        assert (crossing.lon, crossing.lat, crossing.zone) == (lamps[name].lon, lamps[name].lat, lamps[name].zone)
        assert lamps[name].attributes["road_class"] != "path"


def test_valves_water_a_garden_of_their_network(full: Territory) -> None:
    made = by_type(full)
    network = {garden.id: garden.parent for garden in made["Garden"]}
    valves = Counter(valve.parent for valve in made["IrrigationValve"])
    assert set(valves.values()) == {10}
    assert all(network[valve.attributes["garden"]] == valve.parent for valve in made["IrrigationValve"])
    assert {valve.attributes["garden"] for valve in made["IrrigationValve"]} == set(network)


def test_buildings_have_their_meters_and_sensors(full: Territory) -> None:
    made = by_type(full)
    for kind in ("ACMeasurement", "HeatMeter", "WaterConsumptionObserved", "AirHandlingUnit"):
        assert Counter(asset.parent for asset in made[kind]) == dict.fromkeys([b.id for b in made["Building"]], 1)
    rooms = Counter(asset.parent for asset in made["IndoorEnvironmentObserved"])
    assert rooms == dict.fromkeys([b.id for b in made["Building"]], 12)


def test_who_has_a_battery_has_a_roof_and_who_showers_has_hot_water(full: Territory) -> None:
    made = by_type(full)
    parents = {kind: {asset.parent for asset in made[kind]} for kind in ENERGY}
    assert all(len(parents[kind]) == len(made[kind]) for kind in ENERGY)
    assert parents["StorageBatteryDevice"] < parents["PhotovoltaicDevice"] < parents["EVChargingStation"]
    sports = {asset.id for asset in made["Building"] if asset.attributes["use"] == "sports"}
    assert sports <= parents["WaterHeater"]
    assert len({commune_of(full)[asset.zone] for asset in made["StorageBatteryDevice"]}) > 5


def test_energy_equipment_is_of_a_size_that_belongs_together(full: Territory, catalogue: Catalogue) -> None:
    """Contracts that trip are those of 36 kVA and less; heating holds 20 °C at -7 °C; chargers can do their least."""
    made = by_type(full)
    for one in (asset.attributes for asset in made["Building"]):
        assert (one["contract"] == "c4") == (one["subscribed_kva"] > 36)
        assert one["heat_max_w"] > 27 * one["heat_loss_w_k"]
        assert 30 < one["heat_capacity_wh_k"] / one["floor_area_m2"] < 90
    assert {asset.attributes["heat"] for asset in made["Building"]} == {"heatPump", "boiler", "district"}
    for battery in (asset.attributes for asset in made["StorageBatteryDevice"]):
        assert 1.5 <= battery["capacity_wh"] / battery["charge_max_w"] <= 3.5
    for charger in made["EVChargingStation"]:
        envelope = catalogue.point("EVChargingStation", "powerLimit").envelope_of(charger.attributes)
        assert envelope.maximum == charger.attributes["charge_max_w"] > charger.attributes["charge_least_w"]
        assert charger.attributes["charge_least_w"] <= envelope.safe < 5_000


def test_meters_and_rooms_are_those_of_their_building(full: Territory) -> None:
    made = by_type(full)
    building = {asset.id: asset.attributes for asset in made["Building"]}
    assert all(m.attributes["use"] == building[m.parent or ""]["use"] for m in made["WaterConsumptionObserved"])
    assert {meter.attributes["serves"] for meter in made["HeatMeter"]} == {"heating"}
    for meter in made["ACMeasurement"]:
        assert 1 <= meter.attributes["night_load_w"] / building[meter.parent or ""]["floor_area_m2"] <= 3.1
    uses = {"nursery": "nursery", "culture": "cool-place", "office": "care-home"}
    tagged = [room for room in made["IndoorEnvironmentObserved"] if room.attributes.get("tags")]
    assert all(room.attributes["tags"] == [uses[building[room.parent or ""]["use"]]] for room in tagged)


def test_levels_of_a_station_are_in_order(full: Territory, catalogue: Catalogue) -> None:
    """Far enough apart for the rules that stand between them, and within what the set point of the start accepts."""
    lowest = catalogue.point("PumpingStation", "startLevel").envelope.minimum
    for station in by_type(full)["PumpingStation"]:
        told = station.attributes
        if told["kind"] == "sewer":
            assert lowest <= 0.7 * told["start_level_m"]
            assert told["start_level_m"] + 0.2 < told["overflow_level_m"] - 0.6
        else:
            assert 0.5 < told["reserve_level_m"] < told["overflow_level_m"] / 2


def test_a_pump_moves_what_its_power_can_lift(full: Territory) -> None:
    """P η = ρ g Q H, at efficiencies and heads of such stations."""
    for station in by_type(full)["PumpingStation"]:
        told = station.attributes
        head_m = told["rated_power_w"] / (9_810 * told["rated_flow_m3_h"] / 3_600)
        low, high = (8 / 0.55, 15 / 0.55) if told["kind"] == "sewer" else (40 / 0.7, 70 / 0.7)
        assert low * 0.99 < head_m < high * 1.01


def test_a_valve_waters_at_the_rate_it_was_laid_out_for(full: Territory) -> None:
    """Areas are in tens of square metres: a twentieth of the smallest flow's rate."""
    for valve in by_type(full)["IrrigationValve"]:
        rate_mm_h = 1000 * valve.attributes["flow_m3_h"] / valve.attributes["area_m2"]
        wanted_mm_h = {"sprinkler": 12, "drip": 4}[valve.attributes["method"]]
        assert rate_mm_h == pytest.approx(wanted_mm_h, rel=0.08), valve.id


def test_what_valves_water_is_what_their_gardens_grow(full: Territory) -> None:
    gardens = {garden.id: garden.attributes for garden in by_type(full)["Garden"]}
    valves = [valve.attributes for valve in by_type(full)["IrrigationValve"]]
    assert {valve["planting"] for valve in valves} == set(PLANTINGS)
    assert not {valve["planting"] for valve in valves if valve["method"] == "drip"} & {"turf", "sports_turf"}
    assert all(gardens[valve["garden"]]["plants"] == "lawn" for valve in valves if valve["planting"] == "sports_turf")
    assert {"planted" in valve for valve in valves if valve["planting"] == "young_trees"} == {True}
    assert {garden["soil"] for garden in gardens.values()} == {"loam", "sandy_loam", "silt_loam", "clay_loam"}
    assert all(read_valve(valve)[0] is not None for valve in valves)


def test_an_area_of_drinking_water_is_served_within_its_valve(full: Territory, catalogue: Catalogue) -> None:
    envelope = catalogue.point("WaterNetwork", "pressureSetpoint").envelope
    for area in by_type(full)["WaterNetwork"]:
        assert 300 < area.attributes["service_pressure_kpa"] <= envelope.maximum
        assert 0 < area.attributes["night_flow_m3_h"] < 10


def test_what_hangs_stands_near(full: Territory) -> None:
    where = {asset.id: asset for asset in full.assets}
    for asset in full.assets:
        if asset.parent and asset.type in ("ACMeasurement", "IndoorEnvironmentObserved", "GreenspaceRecord"):
            parent = where[asset.parent]
            east = (asset.lon - parent.lon) * M_PER_DEGREE_LON
            north = (asset.lat - parent.lat) * M_PER_DEGREE_LAT
            assert np.hypot(east, north) < 60


def test_every_asset_is_inside_its_cell(full: Territory, facts: Path) -> None:
    assert_inside(full, commune_cells(load_communes(facts / "communes.yaml")))


@pytest.mark.reference
def test_with_real_outlines_every_asset_is_inside_its_commune_and_no_other(
    facts: Path, real_outlines: dict[str, Polygons], catalogue: Catalogue
) -> None:
    real = generate(1.0, 1, reference=facts, outlines=real_outlines)
    assert Counter(a.type for a in real.assets) == load_inventory(facts / "inventory.yaml").scaled(1.0)
    assert_inside(real, real_outlines)
    lon, lat = np.array([(asset.lon, asset.lat) for asset in real.assets]).T
    assert sum(shape.contains(lon, lat).astype(int) for shape in real_outlines.values()).tolist() == [1] * 70_530
    assert check_territory(real, catalogue) == []


def test_the_folder_gives_it_back(full: Territory, catalogue: Catalogue, tmp_path: Path) -> None:
    save_territory(full, tmp_path)
    assert load_territory(tmp_path, catalogue) == full


def test_eclext_gives_its_lights_back(full: Territory, tmp_path: Path) -> None:
    export_eclext(full, tmp_path)
    made = by_type(full)
    assert import_eclext(tmp_path, full).assets == (*made["StreetlightControlCabinet"], *made["Streetlight"])


def fingerprint(territory: Territory, folder: Path) -> str:
    save_territory(territory, folder)
    digest = hashlib.sha256()
    for name in ("territory.yaml", "assets.csv"):
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()


def test_the_same_seed_gives_the_same_bytes_in_another_process(facts: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from twin.territory import generate;"
        "from engine.inventory.territory import save_territory;"
        "save_territory(generate(0.02, 5, reference=Path(sys.argv[1])), Path(sys.argv[2]))"
    )
    other = tmp_path / "other"
    command = [sys.executable, "-c", code, str(facts), str(other)]
    subprocess.run(command, check=True, cwd=facts.parents[1], env={"PYTHONHASHSEED": "12345", "PATH": ""})
    here = tmp_path / "here"
    save_territory(generate(0.02, 5, reference=facts), here)
    for name in ("territory.yaml", "assets.csv"):
        assert (here / name).read_bytes() == (other / name).read_bytes()


def test_another_seed_gives_another_territory_with_the_same_counts(facts: Path, tmp_path: Path) -> None:
    one, other = generate(0.02, 5, reference=facts), generate(0.02, 6, reference=facts)
    assert fingerprint(one, tmp_path / "1") != fingerprint(other, tmp_path / "2")
    assert Counter(a.type for a in one.assets) == Counter(a.type for a in other.assets)


LATER = (
    "WaterNetwork",
    "WaterConsumptionObserved",
    "AirHandlingUnit",
    "MistingFountain",
    "VehicleDepot",
    "Vehicle",
    "DisposalSite",
    *ENERGY,
)


def test_a_type_that_came_later_moves_nothing_that_stands(facts: Path, tmp_path: Path) -> None:
    lines = (facts / "inventory.yaml").read_text(encoding="utf-8").splitlines(keepends=True)
    without = tmp_path / "inventory.yaml"
    without.write_text("".join(line for line in lines if not line.strip().startswith(LATER)), encoding="utf-8")
    before = generate(0.02, 5, reference=facts, inventory=without).assets
    after = generate(0.02, 5, reference=facts).assets
    assert after[: len(before)] == before
    assert {asset.type for asset in after[len(before) :]} == set(LATER)


def test_more_of_a_type_moves_nothing_that_stands(facts: Path, sample_folder: Path, tmp_path: Path) -> None:
    text = (sample_folder / "inventory.yaml").read_text(encoding="utf-8")
    assert ", more: 40" in text
    without = tmp_path / "inventory.yaml"
    without.write_text(text.replace(", more: 40", ""), encoding="utf-8")
    communes = ("49028", "49329")
    before = generate(1.0, 2, reference=facts, inventory=without, communes=communes).assets
    after = generate(1.0, 2, reference=facts, inventory=sample_folder / "inventory.yaml", communes=communes).assets
    assert [asset for asset in before if asset not in after] == []
    assert len(after) == len(before) + 40


@pytest.mark.parametrize("scale", [0.00001, 0.0005, 0.001, 0.003, 0.01, 0.037, 0.1, 0.3])
def test_small_scales_keep_one_of_everything(facts: Path, catalogue: Catalogue, scale: float) -> None:
    small = generate(scale, 11, reference=facts)
    assert Counter(a.type for a in small.assets) == load_inventory(facts / "inventory.yaml").scaled(scale)
    assert set(by_type(small)) == set(catalogue.types)
    assert check_territory(small, catalogue) == []
    assert len(small.communes) <= len(small.zones)
    assert_inside(small, commune_cells(load_communes(facts / "communes.yaml")))


def test_a_hundredth_is_sensible(facts: Path) -> None:
    small = generate(0.01, 1, reference=facts)
    assert [commune.name for commune in small.communes] == [
        "Angers",
        "Avrillé",
        "Les Ponts-de-Cé",
        "Saint-Barthélemy-d'Anjou",
        "Loire-Authion",
        "Trélazé",
    ]
    assert (len(small.zones), len(small.assets)) == (6, 715)


def test_the_largest_scale_still_has_few_enough_zones(facts: Path, catalogue: Catalogue) -> None:
    large = generate(1.5, 1, reference=facts)
    assert len(large.zones) == 900
    assert len(large.assets) == 105_795
    assert check_territory(large, catalogue) == []


def test_what_it_came_from_is_written(full: Territory) -> None:
    assert (full.origin.seed, full.origin.scale) == (1, 1.0)
    assert "INSEE" in full.origin.source
    assert "Licence Ouverte" in full.origin.licence


@pytest.mark.parametrize(
    ("scale", "seed", "what"),
    [
        (0.0, 1, "the scale is 0"),
        (-1.0, 1, "the scale is -1"),
        (1.51, 1, "the scale is 1.51"),
        (float("nan"), 1, "the scale is nan"),
        (1.0, -1, "the seed is -1"),
    ],
)
def test_wrong_arguments(facts: Path, scale: float, seed: int, what: str) -> None:
    with pytest.raises(InputError) as caught:
        generate(scale, seed, reference=facts)
    (problem,) = caught.value.problems
    assert what in problem.what


def test_an_outline_that_lacks_is_named_with_everything_else(facts: Path) -> None:
    square = Polygons((np.array([[-0.6, 47.4], [-0.5, 47.4], [-0.5, 47.5], [-0.6, 47.5]]),))
    with pytest.raises(InputError) as caught:
        generate(9.0, 1, reference=facts, communes=["49007", "49015"], outlines={"49007": square})
    assert [problem.what for problem in caught.value.problems] == ["has no outline of 49015 Avrillé", "the scale is 9"]


def test_an_unknown_commune_is_named(facts: Path) -> None:
    with pytest.raises(InputError, match="has no commune 75056"):
        generate(1.0, 1, reference=facts, communes=["49007", "75056"])


def test_no_commune_at_all(facts: Path) -> None:
    with pytest.raises(InputError, match="there is no commune"):
        generate(1.0, 1, reference=facts, communes=[])


def test_too_much_for_a_small_commune(facts: Path) -> None:
    with pytest.raises(InputError, match=r"50000 lamps do not fit on 2\.26 km²"):
        generate(1.0, 1, reference=facts, communes=["49028"])


def test_attributes_are_plain_json(full: Territory) -> None:
    for kind, assets in by_type(full).items():
        for asset in assets[:50]:
            assert json.loads(json.dumps(dict(asset.attributes))) == asset.attributes, kind
