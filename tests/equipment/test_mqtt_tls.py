"""Mosquitto over TLS that lets in whom our authority vouches for, and then only with a password."""

import getpass
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.equipment.connections import Site, Tls
from engine.equipment.mqtt import MqttConnection
from engine.errors import Unavailable
from engine.settings import load_settings
from engine.wire import COMMAND, topic
from jobs.bootstrap import open_broker
from tests.broker.conftest import answers, password_line
from tests.equipment.peers.peer import Base, an_order
from tests.pki import Pki
from tests.waiting import wait_for

pytestmark = pytest.mark.mosquitto


@pytest.fixture
def port(mosquitto: str, tmp_path: Path, free_port: Callable[[], int], pki: Pki) -> Iterator[int]:
    found = free_port()
    (tmp_path / "passwords").write_text(password_line("consigne", "s3cret"))
    (tmp_path / "passwords").chmod(0o600)
    (tmp_path / "secret").write_text("s3cret\n")
    (tmp_path / "wrong").write_text("secret\n")
    config = tmp_path / "mosquitto.conf"
    config.write_text(
        f"listener {found} 127.0.0.1\nuser {getpass.getuser()}\nlog_dest none\n"
        f"cafile {pki.ca}\ncertfile {pki.certificate('server')}\nkeyfile {pki.key('server')}\n"
        f"require_certificate true\nallow_anonymous false\npassword_file {tmp_path / 'passwords'}\n"
    )
    server = subprocess.Popen([mosquitto, "-c", str(config)])
    wait_for(lambda: answers(found))
    yield found
    server.terminate()
    server.wait(10)


def connection(port: int, pki: Pki, folder: Path, **changes: object) -> MqttConnection:
    tls = Tls(ca=pki.ca, certificate=pki.certificate("client"), key=pki.key("client"))
    told = {"url": f"mqtts://localhost:{port}", "tls": tls, "user": "consigne", "secret_file": folder / "secret"}
    return MqttConnection(id="lamps", kind="mqtt", gateways=("*",), **(told | {"timeout": "5 s"} | changes))  # type: ignore[arg-type]


def test_a_command_goes_through_tls_with_certificate_and_password(port: int, tmp_path: Path, pki: Pki) -> None:
    ours = connection(port, pki, tmp_path)
    assert ours.probe() == "the broker answers"
    settings = load_settings(
        broker_url=f"mqtts://consigne@localhost:{port}?version=5", broker_ca=pki.ca,
        broker_certificate=pki.certificate("client"), broker_key=pki.key("client"),
        broker_password_file=tmp_path / "secret",
    )  # fmt: skip
    peer = Base()
    ears = open_broker(settings, "ears", topic("A-1", COMMAND))
    with ours.open(peer.site) as link:
        link.send([an_order(peer, 0.5)])
    (message,) = ears.take(1, 10.0)
    ears.close()
    assert message.topic == topic("A-1", COMMAND)


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # paho drops a socket that fails, unclosed
def test_nobody_else_is_let_in_nor_spoken_to(port: int, tmp_path: Path, pki: Pki) -> None:
    for change in (
        {"tls": Tls(ca=pki.ca)},  # no certificate of our own
        {"tls": Tls(certificate=pki.certificate("client"), key=pki.key("client"))},  # an authority nobody knows
        {"secret_file": tmp_path / "wrong"},
        {"user": None},
        {"url": f"mqtt://localhost:{port}"},  # no TLS at all
        {"url": f"mqtts://127.0.0.2:{port}"},  # not the name in the certificate
    ):
        ours = connection(port, pki, tmp_path, timeout="1 s", **change)
        with pytest.raises(Unavailable):
            ours.probe()
        with pytest.raises(Unavailable), ours.open(Site(Base().clock, "test")):
            pass
