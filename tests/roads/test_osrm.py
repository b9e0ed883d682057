"""Distances of an OSRM server, by a stand-in that speaks its table service (osrm-routed 26.10 was tried by hand)."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
import pytest

from engine.errors import Unavailable
from engine.settings import Settings
from jobs.collection.closures import Closure
from jobs.collection.roads import Roads
from jobs.roads import drives, osrm_matrices
from optimizers.roads import LORRY, crow
from tests.roads.ground import degrees
from tests.roads.test_matrices import EVEN, GRID, places


class Osrm(HTTPServer):
    """Answers with great circles at 5 m/s; `fault` names what it does instead."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        self.fault = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Osrm

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
        pass

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        self.server.asked.append((parts.path, query))
        body = self._answer(unquote(parts.path).rsplit("/", 1)[1], query)
        self.send_response(200 if b'"Ok"' in body else 400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer(self, spots: str, query: dict[str, list[str]]) -> bytes:
        lon, lat = np.array([tuple(map(float, spot.split(","))) for spot in spots.split(";")]).T
        if not 2 <= len(lon) <= 100 or self.server.fault == "too_big":
            return b'{"code":"TooBig","message":"Too many table coordinates"}'
        if self.server.fault == "no_json":
            return b"<html>"
        sources, destinations = ([int(k) for k in query[name][0].split(";")] for name in ("sources", "destinations"))
        metres = crow(lon, lat, 5.0)[0][np.ix_(sources, destinations)]
        table = metres.tolist()
        if self.server.fault == "no_way":
            table[0][-1] = None
        if self.server.fault == "short":
            table.pop()
        told = {"code": "Ok", "distances": table, "durations": [[v and v / 5 for v in row] for row in table]}
        return json.dumps(told | {"sources": [{"distance": 300.0 if k == 1 else 3.0} for k in sources]}).encode()


@pytest.fixture
def server() -> Iterator[Osrm]:
    with Osrm() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def test_many_places_are_asked_in_blocks_that_a_server_allows(server: Osrm) -> None:
    some = places(101)
    found = osrm_matrices(server.url, [LORRY], some, reach_m=1_000)
    lon, lat = (np.round([getattr(place, axis) for place in some], 6) for axis in "xy")
    assert np.allclose(found.matrices.distance_m[0], crow(lon, lat, 5.0)[0])
    assert len(server.asked) == 9
    assert {path.rsplit("/", 1)[0] for path, _ in server.asked} == {"/table/v1/lorry"}
    assert "approaches" not in server.asked[0][1]
    assert "OpenStreetMap" in found.licence


def test_kerbs_ways_that_do_not_exist_and_places_off_the_road(server: Osrm) -> None:
    server.fault = "no_way"
    found = osrm_matrices(server.url, [LORRY], places(4), kerb=["p2"])
    assert server.asked[0][1]["approaches"] == ["unrestricted;unrestricted;curb;unrestricted"]
    assert [(one.place, one.off_m) for one in found.far] == [("p1", 300.0)]
    missing = np.isinf(found.matrices.duration_s[0])
    assert missing[0].tolist() == [False, True, False, True]
    assert missing[2].tolist() == [False, True, False, False]
    assert not found.matrices.approximate


@pytest.mark.parametrize("fault", ["too_big", "no_json", "short"])
def test_who_does_not_answer_as_osrm_does_is_told_of_by_name(server: Osrm, fault: str) -> None:
    server.fault = fault
    with pytest.raises(Unavailable, match=r"http://127.0.0.1:\d+: .*OSRM"):
        osrm_matrices(server.url, [EVEN], places(3))


def test_without_the_server_distances_are_our_own_and_it_is_told(server: Osrm, tmp_path: Path) -> None:
    chosen = Settings(osrm_url=server.url, data_dir=tmp_path)
    assert drives(chosen, [EVEN], places(3)).missed == ""
    server.fault = "no_json"
    found = drives(chosen, [EVEN], places(3))
    assert found.matrices.approximate
    assert "table service" in found.missed


def test_rounds_ask_the_server_while_no_road_is_closed(server: Osrm) -> None:
    asking = Roads(GRID, osrm_url=server.url)
    assert asking.ways(places(3), ()).matrices.profiles == ("lorry", "small_lorry")
    asked = len(server.asked)
    assert asked == 2
    lon, lat = (float(one[0]) for one in degrees(np.array([200.0]), np.array([80.0])))
    place = {"around": {"lat": lat, "lon": lon, "radius_m": 20.0}}
    shut = Closure.model_validate(
        {
            "id": "works",
            "text": {"en": "works", "fr": "travaux"},
            "place": place,
            "through": True,
            "from": "2026-09-01",
            "until": "2026-09-02",
        }
    )
    assert "closed to all traffic: works" in asking.ways(places(3), [shut]).told[0]["en"]
    assert len(server.asked) == asked
    server.fault = "no_json"
    found = asking.ways(places(3), ())
    assert ["not by OSRM" in one["en"] for one in found.told] == [True]
    assert not found.matrices.approximate
