"""LoRaWAN uplinks in: every network server of the equipment file is listened to in a session of its own."""

from collections.abc import Sequence
from datetime import timedelta

from engine.broker import Message
from engine.equipment.connections import Connection
from engine.equipment.lorawan import LorawanConnection
from engine.store import Intake
from engine.telemetry.lorawan import Uplinks
from jobs.ingest import store_raw
from jobs.table import JobContext


class UplinkSource:
    """The uplinks of one connection. Raises InputError, when it is made, for a file of devices that is wrong."""

    def __init__(self, connection: LorawanConnection, receive_maximum: int = 1_000) -> None:
        words = connection.words
        self.id = connection.id
        self._reader = Uplinks(words, connection.known, connection.clock)
        self._broker = connection.session(f"consigne-uplinks-{connection.id}", *words.uplink_topics())
        self._timeout_s = connection.timeout_s
        self._limit = receive_maximum
        self._open = False
        self._taken: list[Message] = []

    def step(self, context: JobContext) -> Intake | None:
        """Commit what has come, then acknowledge it; None where nothing has.

        Raises Unavailable when the broker or the database is away. What was taken is kept, and committed next time.
        """
        if not self._open:
            self._broker.connect(self._timeout_s)
            self._open = True
        self._taken = self._taken or self._broker.take(self._limit)
        if not self._taken:
            return None
        intake = store_raw(
            context.store,
            context.territory,
            self._reader.parse(self._taken),
            source=f"lorawan:{self.id}",
            received_at=context.clock.now(),
            skew=timedelta(seconds=context.settings.clock_skew_s),
        )
        self._broker.ack(self._taken)
        self._taken = []
        return intake

    def close(self) -> None:
        self._broker.close()


def uplink_sources(connections: Sequence[Connection], receive_maximum: int) -> tuple[UplinkSource, ...]:
    """One for each connection to a network server."""
    lorawan = (connection for connection in connections if isinstance(connection, LorawanConnection))
    return tuple(UplinkSource(connection, receive_maximum) for connection in lorawan)
