"""A Starlette application behind a real HTTP server on loopback."""

import asyncio
import threading
import time

import uvicorn
from starlette.types import ASGIApp

from tests.waiting import PATIENCE_S


class Served:
    """Started, stopped and started again on one port."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app, self.port = app, port
        self.url = f"http://127.0.0.1:{port}"
        self.stopping = threading.Event()

    def start(self) -> None:
        self.stopping.clear()
        config = uvicorn.Config(
            self._app, host="127.0.0.1", port=self.port, log_level="critical", lifespan="off", ws="none"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        deadline = time.monotonic() + PATIENCE_S
        while not self._server.started:
            assert self._thread.is_alive(), "the server did not start"
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.01)

    def stop(self) -> None:
        self.stopping.set()
        self._server.should_exit = True
        self._thread.join(30)
        assert not self._thread.is_alive()

    async def hang(self) -> None:
        """Never answer: until the server is stopped."""
        while not self.stopping.is_set():
            await asyncio.sleep(0.02)
