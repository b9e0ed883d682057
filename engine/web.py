"""HTTP to named hosts only, carefully: the one place that speaks it outwards.

No redirect is followed, no proxy nor any other variable of the environment is heeded, an answer may be neither long
nor slow, and a name is resolved once: the addresses that were checked are those spoken to, so that no other name
server can point us into the private network between the two (DNS rebinding).
"""

import hashlib
import hmac
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

import httpcore

from engine.errors import Unavailable

Network = IPv4Network | IPv6Network
_Address = IPv4Address | IPv6Address

SIGNATURE = "Consigne-Signature"
"""The header that carries `signature`."""

_IDLE_S = 2.0  # servers close idle connections after 5 s and more: a request must not meet one that is closing
_NAT64 = IPv6Network("64:ff9b::/96")


class NotSent(Unavailable):
    """Nothing has left: the host is not allowed, has no permitted address, or does not answer the door."""


class NoAnswer(Unavailable):
    """Something may have arrived: the answer did not come in time, broke off, or was no HTTP."""


@dataclass(frozen=True, slots=True)
class Allow:
    """Who may be spoken to: hosts by name, over https. `plain`: over http as well.

    Addresses that are not public (private, loopback, link-local, …) are refused unless they lie in one of `networks`.
    """

    hosts: frozenset[str]
    networks: tuple[Network, ...] = ()
    plain: bool = False

    def permits(self, address: _Address) -> bool:
        """Whether an address, or the one it carries inside, may be spoken to."""
        inner = _inside(address)
        if inner is not None:
            return self.permits(inner)
        if any(address in network for network in self.networks):
            return True
        return address.is_global and not address.is_multicast


def _inside(address: _Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for."""
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its status, body, and headers by their names in small letters. `cut`: the body was too long."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


def signature(secret: bytes, at: datetime, body: bytes) -> str:
    """`t=<seconds since 1970>,v1=<HMAC-SHA-256 of "<t>.<body>" in hexadecimal>`, the value of header `SIGNATURE`.

    The time under the signature lets a receiver refuse what somebody recorded and plays again.
    """
    moment = str(int(at.timestamp()))
    digest = hmac.new(secret, moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


class SafeClient:
    """Speaks to the hosts of `allow`. Any thread may use it; `close` it, or use it as a context.

    `timeout_s` bounds a whole exchange (name look-up apart), `largest_answer` the body in bytes; `tls` says whom to
    trust and who we are, by default the system's authorities and nobody.
    """

    def __init__(
        self, allow: Allow, *, timeout_s: float = 5.0, largest_answer: int = 65_536, tls: ssl.SSLContext | None = None
    ) -> None:
        self._allow = allow
        self._timeout_s = timeout_s
        self._largest = largest_answer
        self._due = _Due()
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls or ssl.create_default_context(),
            max_connections=32,
            keepalive_expiry=_IDLE_S,
            network_backend=_Checked(allow, self._due),
        )

    def __enter__(self) -> "SafeClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._pool.close()

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Reply:
        return self.request("GET", url, b"", headers)

    def post(self, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> Reply:
        return self.request("POST", url, body, headers)

    def request(self, method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply:
        """One exchange. Raises NotSent when nothing has left, NoAnswer when it is not known what arrived."""
        self._check(url)
        name = f"{method} {url.partition('?')[0]}"
        self._due.at = time.monotonic() + self._timeout_s
        waits = dict.fromkeys(("connect", "read", "write", "pool"), self._timeout_s)
        sent = [("User-Agent", "consigne"), *(headers or {}).items()]
        try:
            with self._pool.stream(method, url, headers=sent, content=body, extensions={"timeout": waits}) as response:
                return self._read(response)
        except (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout) as error:
            raise NotSent(f"{name}: {_said(error)} → see whether the host is up and its certificate valid") from None
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise NoAnswer(f"{name}: {_said(error)} → see whether the host is well") from None

    def _check(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" and not (self._allow.plain and parts.scheme == "http"):
            raise NotSent(f"{url}: refused, {parts.scheme} is not allowed there → use https")
        if (parts.hostname or "") not in self._allow.hosts:
            raise NotSent(f"{url}: refused, the host is not listed → one of: {', '.join(sorted(self._allow.hosts))}")
        if parts.username is not None:
            raise NotSent("refused: a name or password does not belong in an address")

    def _read(self, response: httpcore.Response) -> Reply:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
        body = bytearray()
        for chunk in response.iter_stream():
            body += chunk
            if len(body) > self._largest:
                return Reply(response.status, bytes(body[: self._largest]), headers, cut=True)
        return Reply(response.status, bytes(body), headers)


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__


class _Due(threading.local):
    """When this thread's exchange must be over. Each wait of the library starts anew; a slow peer would never end."""

    at = 0.0

    def left(self, timeout_s: float | None, over: type[httpcore.TimeoutException] = httpcore.ReadTimeout) -> float:
        left_s = self.at - time.monotonic()
        if left_s <= 0:
            raise over("no whole answer in time")
        return left_s if timeout_s is None else min(left_s, timeout_s)


class _Checked(httpcore.NetworkBackend):
    """Opens connections to permitted addresses only."""

    def __init__(self, allow: Allow, due: _Due) -> None:
        self._allow, self._due = allow, due
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failed: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in self._addresses(host, port):
            left_s = self._due.left(timeout, httpcore.ConnectTimeout)
            try:
                stream = self._plain.connect_tcp(address, port, left_s, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
                continue
            return _Timed(stream, self._due)
        raise failed

    def _addresses(self, host: str, port: int) -> list[str]:
        try:
            found = {str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
        except (OSError, UnicodeError) as error:  # the latter of a name that can be none
            raise httpcore.ConnectError(f"{host}: {error}") from None
        for address in sorted(found):
            if not self._allow.permits(ip_address(address.partition("%")[0])):
                raise NotSent(f"{host}: refused, its address {address} is not a public one → list its network")
        return sorted(found, key=lambda address: (":" in address, address))


class _Timed(httpcore.NetworkStream):
    """A stream whose waits end with the exchange."""

    def __init__(self, stream: httpcore.NetworkStream, due: _Due) -> None:
        self._stream, self._due = stream, due

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._due.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._due.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, timeout), self._due)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks as 10.20.0.0/16 or single addresses. Raises ValueError."""
    return tuple(ip_network(text) for text in texts)
