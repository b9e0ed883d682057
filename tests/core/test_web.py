"""The careful client against sockets that answer as they like."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

import pytest

from engine.web import Allow, NoAnswer, NotSent, SafeClient, networks, signature
from tests.pki import Pki
from tests.waiting import wait_for

LOOPBACK = networks(["127.0.0.0/8"])
Answer = Callable[[socket.socket, bytes], None]


class Door:
    """A server on loopback that gives each connection's first request to `answer`, and keeps the requests."""

    def __init__(self, answer: Answer, tls: ssl.SSLContext | None = None) -> None:
        self._answer, self._tls = answer, tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.requests: list[bytes] = []
        self.over = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
                if self.over.is_set():
                    line.close()
                    return
                with self._tls.wrap_socket(line, server_side=True) if self._tls else line as talk:
                    request = talk.recv(65_536)
                    while b"content-length" in request.lower() and not _whole(request):
                        request += talk.recv(65_536)
                    self.requests.append(request)
                    self._answer(talk, request)
            except OSError:
                continue

    def close(self) -> None:
        self.over.set()
        socket.create_connection(("127.0.0.1", self.port)).close()
        self._thread.join()
        self._listener.close()


def _whole(request: bytes) -> bool:
    head, _, body = request.partition(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    return len(body) >= int(length.partition(b":")[2])


def saying(text: bytes) -> Answer:
    return lambda talk, _request: talk.sendall(text)


OK = saying(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Kind: plain\r\n\r\nhello")


@pytest.fixture
def door() -> Iterator[Callable[..., Door]]:
    doors: list[Door] = []

    def make(answer: Answer, **options: Any) -> Door:
        doors.append(Door(answer, **options))
        return doors[-1]

    yield make
    for one in doors:
        one.close()


def client(**options: Any) -> SafeClient:
    allow = Allow(frozenset({"127.0.0.1", "localhost", "rebind.example"}), LOOPBACK, plain=True)
    return SafeClient(options.pop("allow", allow), **({"timeout_s": 5.0} | options))


def test_a_post_arrives_and_its_answer_comes_back(door: Callable[..., Door], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")  # would lead astray whoever heeded it
    server = door(OK)
    with client() as web:
        reply = web.post(f"http://127.0.0.1:{server.port}/a?b=c", b"body", {"X-Ours": "yes"})
    assert (reply.ok, reply.body, reply.headers["x-kind"]) == (True, b"hello", "plain")
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /a?b=c HTTP/1.1")
    assert (b"X-Ours: yes" in head, body) == (True, b"body")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://elsewhere.example/", "not listed"),
        ("http://127.0.0.1.elsewhere.example/", "not listed"),
        ("http://127.0.0.1:80@elsewhere.example/", "not listed"),
        ("http://me:secret@127.0.0.1/", "does not belong"),
        ("ftp://127.0.0.1/", "ftp is not allowed"),
        ("file:///etc/passwd", "file is not allowed"),
    ],
)
def test_only_listed_hosts_are_spoken_to(url: str, why: str) -> None:
    with client() as web, pytest.raises(NotSent, match=why) as error:
        web.get(url)
    assert "secret" not in str(error.value)


def test_plain_http_wants_to_be_listed() -> None:
    with client(allow=Allow(frozenset({"localhost"}), LOOPBACK)) as web, pytest.raises(NotSent, match="use https"):
        web.get("http://localhost/")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "64:ff9b::7f00:1", "2002:7f00:1::1",
    ],
)  # fmt: skip
def test_what_is_not_public_is_refused_unless_listed(address: str) -> None:
    found = ip_address(address)
    assert not Allow(frozenset()).permits(found)
    everything = networks(["0.0.0.0/0", "::/0"])
    assert Allow(frozenset(), everything).permits(found)
    assert Allow(frozenset()).permits(ip_address("81.80.1.1"))
    assert Allow(frozenset()).permits(ip_address("2001:4860::1"))


def test_a_name_that_leads_inside_is_refused(door: Callable[..., Door]) -> None:
    server = door(OK)
    inside = Allow(frozenset({"localhost"}), plain=True)
    with client(allow=inside) as web, pytest.raises(NotSent, match=r"127\.0\.0\.1 is not a public one"):
        web.get(f"http://localhost:{server.port}/")
    assert server.requests == []


def test_the_checked_address_is_the_one_spoken_to(door: Callable[..., Door], monkeypatch: pytest.MonkeyPatch) -> None:
    server, asked = door(OK), []

    def resolve(host: str, port: int, **_: object) -> list[Any]:
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "10.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *a, **k: resolve(host, *a, **k) if "rebind" in host else real(host, *a, **k)
    )
    with client() as web:
        assert web.get(f"http://rebind.example:{server.port}/").ok
    assert asked == ["rebind.example"]
    assert f"Host: rebind.example:{server.port}".encode() in server.requests[0]
    with client() as web, pytest.raises(NotSent, match=r"10\.0\.0\.1 is not a public one"):
        web.get(f"http://rebind.example:{server.port}/")


def test_a_redirect_is_not_followed(door: Callable[..., Door]) -> None:
    target = door(OK)
    there = f"http://127.0.0.1:{target.port}/"
    server = door(saying(f"HTTP/1.1 302 Found\r\nLocation: {there}\r\nContent-Length: 0\r\n\r\n".encode()))
    with client() as web:
        reply = web.get(f"http://127.0.0.1:{server.port}/")
    assert (reply.status, reply.ok, target.requests) == (302, False, [])


def test_a_long_answer_is_cut(door: Callable[..., Door]) -> None:
    server = door(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000))
    with client(largest_answer=1_000) as web:
        reply = web.get(f"http://127.0.0.1:{server.port}/")
    assert (reply.cut, len(reply.body)) == (True, 1_000)


def _hang(talk: socket.socket, _request: bytes) -> None:
    talk.settimeout(30)
    talk.recv(1)


def _drip(head: bytes) -> Answer:
    """Something every 50 ms, for ever: each wait is short, the whole is endless."""

    def answer(talk: socket.socket, _request: bytes) -> None:
        talk.sendall(head)
        pause = threading.Event()
        while True:
            talk.sendall(b"x")
            pause.wait(0.05)

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        _hang,
        _drip(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n"),
        _drip(b"HTTP/1.1 200 OK\r\nX-Endless: "),
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbroken off"),
        saying(b"no HTTP at all\r\n\r\n"),
        saying(b""),
    ],
    ids=["hangs", "drips-body", "drips-head", "breaks-off", "garbage", "closes"],
)
def test_what_may_have_arrived_is_told_apart(door: Callable[..., Door], answer: Answer) -> None:
    server = door(answer)
    with client(timeout_s=0.5) as web, pytest.raises(NoAnswer, match=f"POST http://127.0.0.1:{server.port}/x"):
        web.post(f"http://127.0.0.1:{server.port}/x?secret", b"body")
    wait_for(lambda: len(server.requests) == 1)  # which it may read later than we gave up


def test_a_closed_door_is_known_to_have_taken_nothing(free_port: Callable[[], int]) -> None:
    with client() as web, pytest.raises(NotSent):
        web.post(f"http://127.0.0.1:{free_port()}/", b"body")


def server_tls(pki: Pki, *, client_wanted: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.certificate("server"), pki.key("server"))
    if client_wanted:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(pki.ca)
    return context


def test_a_certificate_is_checked_with_its_name(door: Callable[..., Door], pki: Pki) -> None:
    server = door(OK, tls=server_tls(pki))
    trusting = ssl.create_default_context(cafile=str(pki.ca))
    with client(tls=trusting) as web:
        assert web.get(f"https://localhost:{server.port}/").body == b"hello"
    with client() as web, pytest.raises(NotSent, match="certificate"):
        web.get(f"https://localhost:{server.port}/")
    elsewhere = Allow(frozenset({"127.0.0.2"}), LOOPBACK)
    with client(allow=elsewhere, tls=trusting) as web, pytest.raises(NotSent):
        web.get(f"https://127.0.0.2:{server.port}/")


def test_a_client_certificate_is_shown(door: Callable[..., Door], pki: Pki) -> None:
    server = door(OK, tls=server_tls(pki, client_wanted=True))
    known = ssl.create_default_context(cafile=str(pki.ca))
    known.load_cert_chain(pki.certificate("client"), pki.key("client"))
    with client(tls=known) as web:
        assert web.get(f"https://localhost:{server.port}/").ok
    with client(tls=ssl.create_default_context(cafile=str(pki.ca))) as web, pytest.raises((NotSent, NoAnswer)):
        web.get(f"https://localhost:{server.port}/")


def test_a_signature_is_that_of_its_time_and_body() -> None:
    at = datetime(2026, 11, 22, 11, tzinfo=UTC)
    made = signature(b"key", at, b'{"a":1}')
    # printf '1795345200.{"a":1}' | openssl dgst -sha256 -hmac key
    assert made == "t=1795345200,v1=fe1fbe0c49e5cbe11c1bb4a41753fbe7a26a7e6a3359f982be9a026051c026ec"
    assert len({made, signature(b"other", at, b'{"a":1}'), signature(b"key", at, b'{"a":2}')}) == 3
