"""The embedded broker of the demo and the tests: amqtt on loopback, in a thread, nothing on disk, MQTT 3.1.1."""

import asyncio
import logging
import threading
from types import TracebackType
from typing import Any, Self

from engine.errors import Unavailable

_START_WITHIN_S = 20.0


class EmbeddedBroker:
    """A broker while the block lasts, on `port` (0: one that is free, then found in `port`).

    A session ends with its connection: what is published while a client is away is not kept for it. (amqtt keeps
    it only at the price of a five-second wait at each return, and forgets what was in flight when a client dies.)
    So senders repeat until they are answered. Mosquitto keeps sessions, and is what a service runs on.
    """

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._fault: str | None = None
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(_START_WITHIN_S) or self._fault:
            raise Unavailable(f"embedded broker on 127.0.0.1:{self.port}: {self._fault or 'did not start'}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_START_WITHIN_S)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        # The import takes a quarter of a second, which only those who start a broker should pay.
        from amqtt.broker import Broker  # noqa: PLC0415
        from amqtt.errors import BrokerError  # noqa: PLC0415

        for name in ("amqtt", "transitions"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        broker = Broker(self._config(), loop=self._loop)
        try:
            await broker.start()
        except BrokerError as error:
            self._fault = f"{error.__cause__ or error} → free the port, or give another"
            return
        self.port = _port(broker)
        self._ready.set()
        await self._stop.wait()
        await broker.shutdown()
        await _abandon_connections(self._loop)

    def _config(self) -> dict[str, Any]:
        return {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{self.port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }


async def _abandon_connections(loop: asyncio.AbstractEventLoop) -> None:
    """Close what amqtt leaves open of clients that vanished; else each is a warning once the loop is gone."""
    for transport in list(getattr(loop, "_transports", {}).values()):
        transport.abort()
    await asyncio.sleep(0)


def _port(broker: Any) -> int:
    """The port the listener is bound to, which amqtt does not publish."""
    sockets = broker._servers["default"].instance.sockets
    return int(sockets[0].getsockname()[1])
