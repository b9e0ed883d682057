"""The equipment file in the service: points know what their equipment can do, and the doctor asks each connection."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine.equipment.mqtt import MqttLink
from engine.equipment.router import Router
from engine.errors import ConsigneError, InputError, Unavailable
from engine.settings import Settings, load_settings
from engine.store import Store
from jobs.bootstrap import StoryClock, Territory, broker_of, connections_in, open_link, read_territory
from jobs.doctor import Finding, examine
from tests.equipment.peers.peer import NOON
from tests.equipment.peers.webhook import WebhookPeer
from twin.broker import EmbeddedBroker

FILE = """
connections:
  - id: partner
    kind: webhook
    url: http://127.0.0.1:{port}/commands
    plain: true
    private: [127.0.0.0/8]
    secret_file: secret
    gateways: {gateways}
"""


@pytest.fixture
def port(free_port: Callable[[], int]) -> int:
    return free_port()


@pytest.fixture
def with_file(settings: Settings, tmp_path: Path, port: int) -> Callable[..., Settings]:
    (tmp_path / "secret").write_text("s3cret of the partner\n")

    def make(gateways: str = '["*"]') -> Settings:
        file = tmp_path / "equipment.yaml"
        file.write_text(FILE.format(port=port, gateways=gateways))
        return settings.model_copy(update={"equipment_file": file})

    return make


def of_equipment(settings: Settings) -> list[Finding]:
    found = examine(settings, quick=True)
    return [finding for finding in found if finding.name.startswith(("connection", "equipment"))]


def test_points_know_what_their_equipment_can_do(
    with_file: Callable[..., Settings], store: Store, territory: Territory
) -> None:
    assert territory.points
    assert all(point.programs for point in territory.points.values())
    told = read_territory(store, territory.catalogue, (), connections_in(with_file()))
    assert {name: replace(point, programs=True) for name, point in told.points.items()} == territory.points
    assert not any(point.programs for point in told.points.values())


def test_the_doctor_asks_each_connection(
    with_file: Callable[..., Settings], store: Store, tmp_path: Path, port: int
) -> None:
    (away,) = of_equipment(with_file())
    assert (away.name, away.state) == ("connection partner", "degraded")
    assert f"http://127.0.0.1:{port}/commands" in away.what
    peer = WebhookPeer(tmp_path, port)
    peer.start()
    try:
        (there,) = of_equipment(with_file())
    finally:
        peer.stop()
    assert (there.state, there.what) == ("ok", "answers with HTTP status 405")


def test_the_doctor_names_gateways_that_nobody_serves(with_file: Callable[..., Settings], store: Store) -> None:
    found = of_equipment(with_file("[nobody]"))
    assert [finding.state for finding in found] == ["degraded", "degraded"]
    assert "no connection serves" in found[-1].what
    assert found[-1].what.endswith("equipment.yaml")


def test_a_wrong_file_is_told_by_the_doctor_and_stops_the_service(
    with_file: Callable[..., Settings], store: Store
) -> None:
    settings = with_file("[]")
    (finding,) = of_equipment(settings)
    assert (finding.state, "equipment.yaml:9:" in finding.what) == ("down", True)
    with pytest.raises(InputError, match=r"equipment\.yaml:9"), open_link(settings, StoryClock(NOON)):
        pass


def test_without_a_file_all_goes_over_the_broker(settings: Settings, with_file: Callable[..., Settings]) -> None:
    with EmbeddedBroker() as broker:
        plain = settings.model_copy(update={"broker_url": broker.url})
        with open_link(plain, StoryClock(NOON)) as link:
            assert isinstance(link, MqttLink)
    with pytest.raises(Unavailable), open_link(plain, StoryClock(NOON)):
        pass
    with open_link(with_file(), StoryClock(NOON)) as link:
        assert isinstance(link, Router)


def test_broker_files_are_checked(tmp_path: Path, settings: Settings) -> None:
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("rubbish")
    with pytest.raises(InputError, match="go together"):
        load_settings(broker_certificate=rubbish)
    with pytest.raises(InputError, match="CONSIGNE_EQUIPMENT_FILE"):
        load_settings(equipment_file=tmp_path / "none")
    with pytest.raises(ConsigneError, match="name PEM files"):
        broker_of(settings.model_copy(update={"broker_ca": rubbish}), "test")
