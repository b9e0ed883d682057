import asyncio
import base64
import getpass
import hashlib
import signal
import socket
import subprocess
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from amqtt.broker import Broker as Amqtt

from engine.broker import Broker, Message
from engine.errors import Unavailable
from tests.waiting import wait_for

SHIPPED = Path(__file__).resolve().parents[2] / "deploy" / "mosquitto"
USERS = ("consigne", "gw-a", "gw-b")


def password_line(user: str, password: str) -> str:
    """As mosquitto_passwd writes it: PBKDF2 with SHA-512, 101 rounds."""
    salt = hashlib.sha256(user.encode()).digest()[:12]
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101)
    return f"{user}:$7$101${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}\n"


class Mosquitto:
    """The shipped configuration in a folder of its own: paths and port are changed, and $SYS comes every second."""

    def __init__(self, program: str, folder: Path, port: int) -> None:
        self.port = port
        self._folder = folder
        self._command = [program, "-c", str(folder / "mosquitto.conf")]
        self._process: subprocess.Popen[bytes] | None = None
        config = (SHIPPED / "mosquitto.conf").read_text()
        for shipped, ours in (
            ("listener 1883 ", f"listener {port} "),
            ("/mosquitto/config/", f"{folder}/"),
            ("/mosquitto/data/", f"{folder}/"),
        ):
            assert shipped in config
            config = config.replace(shipped, ours)
        (folder / "mosquitto.conf").write_text(f"{config}\nsys_interval 1\nuser {getpass.getuser()}\n")
        (folder / "acl").write_text((SHIPPED / "acl").read_text())
        (folder / "passwords").write_text("".join(password_line(user, f"secret of {user}") for user in USERS))
        for name in ("acl", "passwords"):
            (folder / name).chmod(0o600)

    def url(self, user: str = "consigne", version: str = "3") -> str:
        user = quote(user)
        return f"mqtt://{user}:secret%20of%20{user}@127.0.0.1:{self.port}?version={version}"

    def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stderr=log)
        wait_for(lambda: answers(self.port))

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(10)
            self._process = None

    def freeze(self) -> None:
        """It neither reads nor answers, and its connections stay; only `stop` with SIGKILL ends it then."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def forget(self) -> None:
        """Lose every session, as a server with a lost disk does."""
        (self._folder / "mosquitto.db").unlink()

    def reload(self, newcomer: str) -> None:
        """Read passwords and ACL again, and wait until a user new in them is let in."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)
        wait_for(lambda: self._admits(newcomer))

    def _admits(self, user: str) -> bool:
        broker = Broker(self.url(user), f"try {user}")
        try:
            broker.connect()
        except Unavailable:
            return False
        broker.close()
        return True

    def complaints(self) -> list[str]:
        """Lines of its log that speak of an error or a warning."""
        lines = (self._folder / "log").read_text().splitlines()
        return [line for line in lines if ("rror" in line or "arning" in line) and "run as root" not in line]


def answers(port: int, host: str = "127.0.0.1") -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture(name="password_line")
def password_line_() -> Callable[[str, str], str]:
    return password_line


@pytest.fixture
def until() -> Callable[..., None]:
    return wait_for


@pytest.fixture
def reachable() -> Callable[..., bool]:
    return answers


@pytest.fixture
def server(mosquitto: str, tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Mosquitto]:
    running = Mosquitto(mosquitto, tmp_path, free_port())
    running.start()
    yield running
    running.stop()


@pytest.fixture
def amqtt_url(free_port: Callable[[], int]) -> Iterator[str]:
    """An embedded broker, which lets nobody subscribe to `top-secret`."""
    port = free_port()
    config = {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {
            "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True},
            "amqtt.plugins.topic_checking.TopicTabooPlugin": {},
        },
    }
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def make() -> Amqtt:
        with warnings.catch_warnings():
            # Its new name for `acl` is not accepted yet by its own configuration.
            warnings.simplefilter("ignore", DeprecationWarning)
            return Amqtt(config, loop=loop)

    broker = asyncio.run_coroutine_threadsafe(make(), loop).result(10)
    asyncio.run_coroutine_threadsafe(broker.start(), loop).result(10)
    yield f"mqtt://127.0.0.1:{port}"
    asyncio.run_coroutine_threadsafe(broker.shutdown(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert {thread.name for thread in set(threading.enumerate()) - before if thread.name.startswith("paho")} == set()


@pytest.fixture
def connect(no_thread_left: None) -> Iterator[Callable[..., Broker]]:
    """Opens sessions, and closes them at the end."""
    opened: list[Broker] = []

    def run(url: str, client_id: str, *subscriptions: str, receive_maximum: int = 1_000) -> Broker:
        broker = Broker(url, client_id, subscriptions, receive_maximum=receive_maximum)
        opened.append(broker)
        broker.connect()
        return broker

    yield run
    for broker in opened:
        broker.close()


@pytest.fixture
def gather() -> Callable[[Broker, int], list[Message]]:
    """So many messages, however they are split."""

    def run(broker: Broker, count: int) -> list[Message]:
        found: list[Message] = []
        while len(found) < count:
            more = broker.take(count - len(found), timeout_s=20)
            assert more, f"only {len(found)} of {count} came"
            found += more
        return found

    return run
