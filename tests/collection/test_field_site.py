"""A field with trucks: rounds reach the tablet they are for, commands the truck; telemetry tells what came of it."""

from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from engine.rounds import encode_round
from engine.wire import COMMAND, encode_command, round_topic, topic, vehicle_of
from tests.collection.field import NAMES, START, asset, at, bins, program_of, round_of, told, truck
from tests.collection.field import containers as made
from twin.controller import Wire
from twin.faults import Fault, FaultKind
from twin.field.site import Site
from twin.field.story import Story


def _site(**story: object) -> Site:
    assets = [asset("VH-1", "Vehicle"), *(asset(name, "WasteContainer") for name in NAMES)]
    return Site(assets, Story(START, slots=96, nights=(), bins=bins(), **story))  # type: ignore[arg-type]


def _sent() -> list[Wire]:
    command = told(truck(made()), program_of(round_of()), 1, START)
    return [
        Wire(round_topic("GW-VH-1", "VH-1"), encode_round(round_of())),
        Wire(topic("GW-VH-1", COMMAND), encode_command(command)),
    ]


def _day(site: Site) -> dict[tuple[str, str], list[float | str]]:
    heard: dict[tuple[str, str], list[float | str]] = {}
    for slot in range(96):
        for wire in site.telemetry(START + timedelta(minutes=15 * slot)):
            for reading in orjson.loads(wire.payload)["readings"]:
                heard.setdefault((reading["asset"], reading["property"]), []).append(reading["value"])
    return heard


def test_a_round_is_driven_and_what_is_weighed_is_told_by_the_containers_gateway() -> None:
    site = _site()
    served = site.serve(_sent(), START)
    assert [effect.point for effect in served.effects] == ["VH-1/stopNumber"]
    heard = _day(site)
    assert [heard[name, "cargoWeight"] for name in NAMES] == [[192.0]] * 3
    assert heard["R-1", "fillingLevel"][-1] < 0.1
    assert "onRoute" in heard["VH-1", "serviceStatus"]


@pytest.mark.parametrize("gateway", ["GW-R-1", "VH-1"])
def test_a_round_for_another_gateway_reaches_nobody(gateway: str) -> None:
    site = _site()
    site.serve([Wire(round_topic(gateway, "VH-1"), encode_round(round_of())), _sent()[1]], START)
    assert ("R-1", "cargoWeight") not in _day(site)


def test_what_is_no_round_is_dropped() -> None:
    site = _site()
    site.serve([Wire(round_topic("GW-VH-1", "VH-1"), b"{}")], START)
    assert ("R-1", "cargoWeight") not in _day(site)


def test_a_silent_tablet_reads_its_round_when_it_is_back() -> None:
    site = _site(faults=(Fault("GW-VH-1", FaultKind.SILENT, START, at(-30)),))
    site.serve(_sent(), START)
    site.serve([], at(-30))
    assert [_day(site)[name, "cargoWeight"] for name in ("R-1",)] == [[192.0]]


def test_a_story_with_bins_is_read_as_it_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "story.json"
    story = Story(START, slots=4, nights=(), bins=bins(), pace=1.1)
    story.save(path)
    assert Story.load(path) == story


def test_topics_of_rounds_are_told_from_others() -> None:
    assert vehicle_of(round_topic("GW", "VH-1")) == ("GW", "VH-1")
    for other in (
        topic("GW", COMMAND),
        "consigne/v1/GW/round",
        "consigne/v1/GW/x/VH-1",
        "o/consigne/v1/GW/round/V",
    ):
        assert vehicle_of(other) is None
