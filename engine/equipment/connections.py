"""A way to equipment as people write it down: where it is, whom it serves, by which secret. One class a kind."""

import ssl
from abc import abstractmethod
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from engine.catalogue import Duration
from engine.ports import Capabilities, Clock, Link

HOME = "home"
"""In a validation's context: the folder that relative paths of the file start from."""


def _at_home(path: Path, info: ValidationInfo) -> Path:
    found = Path((info.context or {}).get(HOME, ".")) / path
    if not found.is_file():
        raise ValueError(f"there is no file {found}")
    return found


File = Annotated[Path, AfterValidator(_at_home)]
"""A file that is there; a relative path starts at the folder of the file it stands in."""


class Entry(BaseModel):
    """A part of an equipment file: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Tls(Entry):
    """Whom to trust (`ca`; the system's authorities without it) and who we are (`certificate` with its `key`)."""

    ca: File | None = None
    certificate: File | None = None
    key: File | None = None

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("a client certificate and its key go together")
        try:
            self.context()
        except OSError as error:
            raise ValueError(f"these are no PEM files of a certificate and its key: {error}") from None
        return self

    def context(self) -> ssl.SSLContext:
        return tls_context(self.ca, self.certificate, self.key)


def tls_context(ca: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or later, the peer's certificate and name checked. Raises OSError for files that hold none."""
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context


@dataclass(frozen=True, slots=True)
class Site:
    """What a connection needs of the process that opens it: the time, and its name to brokers."""

    clock: Clock
    owner: str


@dataclass(frozen=True, slots=True)
class Room:
    """What equipment takes of one night: most different programs, and most changes of level in one of them, on and off
    counted. None: no limit is known. `shared`: by all that one connection serves, else each gateway has as much.
    `said`: in the equipment's own words.
    """

    programs: int | None = None
    switch_points: int | None = None
    shared: bool = False
    said: str = ""

    def within(self, other: "Room") -> "Room":
        """The tighter of both in each; shared where either is."""
        return replace(
            self,
            programs=_least(self.programs, other.programs),
            switch_points=_least(self.switch_points, other.switch_points),
            shared=self.shared or other.shared,
            said="; ".join(filter(None, (self.said, other.said))),
        )


def _least(a: int | None, b: int | None) -> int | None:
    return min((one for one in (a, b) if one is not None), default=None)


class Holds(Entry):
    """What people know that equipment takes of one night, where it does not say so itself: see `Room`."""

    programs: int | None = Field(None, ge=1)
    switch_points: int | None = Field(None, ge=2, description="changes of level in a night; on and off are two")


class Connection(Entry):
    """What every kind has. A kind adds its own keys, `kind: Literal[...]`, what its equipment can do, and `open`.

    `gateways`: ids, or beginnings of ids followed by `*`; an id wins over a beginning, a longer one over a shorter.
    """

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    kind: str
    url: str
    gateways: tuple[str, ...] = Field(min_length=1)
    user: str | None = None
    secret_file: File | None = Field(None, description="holds the password, token or key, and nothing else")
    tls: Tls = Tls()
    timeout: Duration = timedelta(seconds=5)
    holds: Holds = Holds()

    schemes: ClassVar[tuple[str, ...]]
    """What `url` may begin with, for each kind."""

    @property
    @abstractmethod
    def capabilities(self) -> Capabilities:
        """What the equipment behind it can do; its link says the same."""

    @abstractmethod
    def open(self, site: Site) -> AbstractContextManager[Link]:
        """The link, closed on leaving. Raises Unavailable when it cannot be opened while the peer is away."""

    @abstractmethod
    def probe(self) -> str:
        """What answers there, in a few words. Raises Unavailable when nothing does."""

    @property
    def room(self) -> Room:
        """What `holds` states of each gateway."""
        return Room(self.holds.programs, self.holds.switch_points)

    def announced(self, site: Site) -> Room | None:  # noqa: ARG002 - most kinds announce nothing
        """What the equipment says of itself that it takes, asked of it; None where its kind says nothing.

        Raises Unavailable, and ValueError for an answer that is none.
        """
        return None

    @field_validator("url")
    @classmethod
    def _plain_url(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in cls.schemes or not parts.hostname:
            raise ValueError(f"wants {' or '.join(f'{scheme}://HOST' for scheme in cls.schemes)}")
        return url

    @model_validator(mode="after")
    def _no_secret(self) -> Self:
        # Not where the address is checked: its problem would show the password found.
        if urlsplit(self.url).username is not None:
            raise ValueError("url: a name or password does not belong there: write user: and secret_file:")
        return self

    @field_validator("gateways")
    @classmethod
    def _patterns(cls, gateways: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [pattern for pattern in gateways if not pattern or "*" in pattern[:-1]]
        if wrong:
            raise ValueError(f"a gateway is an id, or the beginning of one and *, found {wrong[0]!r}")
        return gateways

    @field_validator("secret_file")
    @classmethod
    def _some_secret(cls, file: Path | None) -> Path | None:
        if file is not None and not first_line(file):
            raise ValueError(f"{file} begins with an empty line: wants the secret there")
        return file

    @field_validator("timeout")
    @classmethod
    def _some_time(cls, timeout: timedelta) -> timedelta:
        if not timedelta(0) < timeout <= timedelta(minutes=1):
            raise ValueError("wants more than 0 s and at most 1 min: equipment behind others waits meanwhile")
        return timeout

    @property
    def timeout_s(self) -> float:
        return self.timeout.total_seconds()

    def secret(self) -> str | None:
        """The first line of the secret file; None without one."""
        return first_line(self.secret_file) if self.secret_file else None


def first_line(file: Path) -> str:
    """What a secret file holds."""
    return file.read_text().partition("\n")[0].strip()


NOWHERE = Capabilities(programs=False, expiry=False, key=False, reads_back=False)
"""What a gateway can do that no connection serves: nothing, but that every command of it is rejected."""


class Directory:
    """Which of several connections serves a gateway."""

    def __init__(self, connections: Iterable[Connection]) -> None:
        self._by_pattern = {pattern: connection for connection in connections for pattern in connection.gateways}
        self._found: dict[str, Connection | None] = {}

    def find(self, gateway: str) -> Connection | None:
        if gateway not in self._found:
            pattern = serving(gateway, self._by_pattern)
            self._found[gateway] = self._by_pattern[pattern] if pattern else None
        return self._found[gateway]

    def capabilities(self, gateway: str) -> Capabilities:
        connection = self.find(gateway)
        return connection.capabilities if connection else NOWHERE


def serving(gateway: str, patterns: Iterable[str]) -> str | None:
    """Of several patterns the one that serves a gateway: its id, else the longest beginning; None where none does."""
    found = [pattern for pattern in patterns if pattern == gateway or _begins(gateway, pattern)]
    return max(found, key=lambda pattern: (pattern == gateway, len(pattern)), default=None)


def _begins(gateway: str, pattern: str) -> bool:
    return pattern.endswith("*") and gateway.startswith(pattern[:-1])
