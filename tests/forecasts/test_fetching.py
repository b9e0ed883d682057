"""Sources over HTTP, asked of a server of the test's own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from engine.errors import InputError, Unavailable
from engine.forecasts import fetching
from engine.forecasts.fetching import fetch
from engine.forecasts.sources import Source
from engine.web import NotSent
from tests.equipment.peers.served import Served
from tests.forecasts.conftest import source

FOLDER = Path("/nowhere")


class Weather:
    """A service that has one document, and says whether it has changed. `seen`: the headers of the last request."""

    def __init__(self, port: int) -> None:
        routes = [Route("/rain", self.rain), Route("/moved", self.moved), Route("/hangs", self.hangs)]
        self._served = Served(Starlette(routes=routes), port)
        self.start, self.stop, self.url = self._served.start, self._served.stop, self._served.url
        self.body, self.tag, self.status = b"{}", '"1"', 200
        self.seen: dict[str, str] = {}

    async def rain(self, request: Request) -> Response:
        self.seen = dict(request.headers)
        if self.seen.get("if-none-match") == self.tag:
            return Response(status_code=304)
        return Response(self.body, self.status, {"ETag": self.tag, "Last-Modified": "Sat, 25 Oct 2025 13:00:00 GMT"})

    async def moved(self, _request: Request) -> Response:
        return RedirectResponse("/rain")

    async def hangs(self, _request: Request) -> Response:
        await self._served.hang()
        return Response(status_code=503)

    def source(self, path: str = "/rain", **changes: Any) -> Source:
        there = {"file": None, "url": f"{self.url}{path}", "plain": True, "networks": ["127.0.0.0/8"]}
        return source(**(there | changes))


@pytest.fixture
def weather(free_port: Callable[[], int]) -> Iterator[Weather]:
    peer = Weather(free_port())
    peer.start()
    yield peer
    peer.stop()


def test_what_has_not_changed_is_not_sent_again(weather: Weather) -> None:
    first = fetch(weather.source("/rain?key=secret"), FOLDER, {})
    assert first is not None
    assert (first.name, first.body) == (f"{weather.url}/rain", b"{}")
    assert first.validators == {"etag": '"1"', "last-modified": "Sat, 25 Oct 2025 13:00:00 GMT"}
    assert fetch(weather.source(), FOLDER, first.validators) is None
    assert weather.seen["if-modified-since"] == "Sat, 25 Oct 2025 13:00:00 GMT"
    weather.tag = '"2"'
    assert fetch(weather.source(), FOLDER, first.validators) is not None


def test_the_key_is_read_at_each_request_and_never_told(weather: Weather, tmp_path: Path) -> None:
    of = weather.source(header={"name": "apikey", "file": "key"})
    with pytest.raises(Unavailable, match=r"key: the key cannot be read → write it into the first line"):
        fetch(of, tmp_path, {})
    (tmp_path / "key").write_text("\ufeffs3cret")  # as some editors of Windows begin a file
    with pytest.raises(Unavailable, match="the key cannot be read"):
        fetch(of, tmp_path, {})
    (tmp_path / "key").write_text("s3cret\nof the office\n")
    fetch(of, tmp_path, {})
    assert weather.seen["apikey"] == "s3cret"
    weather.status = 401
    with pytest.raises(Unavailable, match="/rain: HTTP 401 → see the address, the key") as error:
        fetch(weather.source("/rain?key=s3cret", header={"name": "apikey", "file": "key"}), tmp_path, {})
    assert "s3cret" not in str(error.value)


def test_what_is_too_long_is_refused(weather: Weather, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "LARGEST", 100)
    weather.body = b" " * 101
    with pytest.raises(InputError, match="is larger than 100 bytes"):
        fetch(weather.source(), FOLDER, {})


def test_a_source_that_is_away_slow_or_elsewhere(weather: Weather, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unavailable, match="HTTP 307"):
        fetch(weather.source("/moved"), FOLDER, {})
    with pytest.raises(Unavailable, match="HTTP 404"):
        fetch(weather.source("/none"), FOLDER, {})
    with pytest.raises(NotSent, match="is not a public one"):
        fetch(weather.source(networks=[]), FOLDER, {})
    with pytest.raises(NotSent, match="label empty or too long"):
        fetch(source(file=None, url=f"https://{'a' * 70}.example/"), FOLDER, {})
    monkeypatch.setattr(fetching, "TIMEOUT_S", 0.3)
    with pytest.raises(Unavailable, match=r"no whole answer in time|timed out"):
        fetch(weather.source("/hangs"), FOLDER, {})
    weather.stop()
    with pytest.raises(NotSent):
        fetch(weather.source(), FOLDER, {})
    weather.start()


def test_a_304_that_nobody_asked_for_is_no_answer(weather: Weather) -> None:
    weather.status = 304
    with pytest.raises(Unavailable, match="HTTP 304"):
        fetch(weather.source(), FOLDER, {})


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"rain.json: cannot be read: No such file"):
        fetch(source(), tmp_path, {})
