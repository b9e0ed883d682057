"""The equipment file: every connection of a territory, read and checked at once."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from engine.documents import Document, Loc, read_document
from engine.equipment.connections import HOME, Connection, Entry
from engine.equipment.lorawan import ChirpStackConnection, TtnConnection
from engine.equipment.modbus import ModbusConnection
from engine.equipment.mqtt import MqttConnection
from engine.equipment.ngsild import NgsiLdConnection
from engine.equipment.talq import TalqConnection
from engine.equipment.webhook import WebhookConnection
from engine.errors import InputError, Problem

AnyConnection = Annotated[
    MqttConnection
    | NgsiLdConnection
    | ModbusConnection
    | TalqConnection
    | ChirpStackConnection
    | TtnConnection
    | WebhookConnection,
    Field(discriminator="kind"),
]


class EquipmentFile(Entry):
    """What an equipment file holds."""

    connections: tuple[AnyConnection, ...]


def load_equipment(path: Path) -> tuple[Connection, ...]:
    """Read and check an equipment file. Raises InputError with every problem and its place."""
    document = read_document(path)
    connections = document.validate(EquipmentFile, {HOME: path.parent}).connections
    problems = _twice(document, connections)
    if not connections:
        problems = [document.problem(("connections",), "holds no connection", "write one, or name no equipment file")]
    if problems:
        raise InputError(problems)
    return connections


def _twice(document: Document, connections: tuple[Connection, ...]) -> list[Problem]:
    """Ids and gateways that stand at two connections."""
    problems: list[Problem] = []
    first: dict[tuple[str, str], int] = {}
    for n, connection in enumerate(connections):
        named: list[tuple[str, str, Loc]] = [("id", connection.id, ("id",))]
        named += [("gateway", name, ("gateways", k)) for k, name in enumerate(connection.gateways)]
        for what, name, place in named:
            other = first.setdefault((what, name), n)
            if other != n:
                at = f"connection {other + 1}, {connections[other].id!r}"
                problems.append(
                    document.problem(("connections", n, *place), f"{what} {name!r} stands at {at}", "keep one")
                )
    return problems
