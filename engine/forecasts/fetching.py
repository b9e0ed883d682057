"""Getting what a source has now, from a file or over HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

from engine.errors import InputError, Problem, Unavailable
from engine.forecasts.sources import Source
from engine.forecasts.tables import LARGEST
from engine.web import Allow, SafeClient

TIMEOUT_S = 20.0
_VALIDATORS = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body and how messages call it. `validators`: headers by which the source tells whether it has changed."""

    name: str
    body: bytes
    validators: Mapping[str, str]


def fetch(source: Source, folder: Path, validators: Mapping[str, str]) -> Fetched | None:
    """What a source has; None when it says that nothing has changed since it gave these validators.

    `folder` is where relative paths start. Raises Unavailable when the source is away, InputError for too long a body.
    """
    if source.file is not None:
        return read_file(folder / source.file)
    assert source.url is not None  # noqa: S101 - one of the two is given
    name = source.url.partition("?")[0]  # a key may stand behind it
    headers = _headers(source, folder, validators)
    with SafeClient(_allowed(source), timeout_s=TIMEOUT_S, largest_answer=LARGEST) as client:
        reply = client.get(source.url, headers)
    if reply.status == 304 and validators:
        return None
    if reply.status != 200:
        raise Unavailable(f"{name}: HTTP {reply.status} → see the address, the key, and the source's own pages")
    if reply.cut:
        raise InputError([Problem(name, 0, 0, f"is larger than {LARGEST} bytes", "ask the source for less at once")])
    return Fetched(name, reply.body, {key: reply.headers[key] for key in _VALIDATORS if key in reply.headers})


def read_file(path: Path) -> Fetched:
    """Raises Unavailable for a file that cannot be read."""
    try:
        with path.open("rb") as file:
            return Fetched(str(path), file.read(LARGEST + 1), {})
    except OSError as error:
        raise Unavailable(f"{path}: cannot be read: {error.strerror} → see whether the source writes it") from None


def _headers(source: Source, folder: Path, validators: Mapping[str, str]) -> dict[str, str]:
    headers = {"Accept": "application/json" if source.format == "json" else "text/csv"}
    headers |= {_VALIDATORS[key]: value for key, value in validators.items() if key in _VALIDATORS}
    if source.header is not None:
        file = folder / source.header.file
        try:
            headers[source.header.name] = file.read_bytes().decode("ascii").partition("\n")[0].strip()
        except (OSError, UnicodeDecodeError):
            raise Unavailable(f"{file}: the key cannot be read → write it into the first line") from None
    return headers


def _allowed(source: Source) -> Allow:
    """Its own host only."""
    host = urlsplit(source.url or "").hostname or ""
    return Allow(frozenset({host}), tuple(map(ip_network, source.networks)), plain=source.plain)
