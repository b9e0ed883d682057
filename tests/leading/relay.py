"""A line to PostgreSQL that can be cut."""

import contextlib
import os
import selectors
import socket
import threading
from typing import Any

from sqlalchemy import make_url


class Relay:
    """Passes on to the server of a URL what comes to `url`, until it is cut; cut, it refuses whoever comes."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        query: dict[str, Any] = dict(parsed.query)
        host = query.pop("host", None) or parsed.host or "127.0.0.1"
        port = parsed.port or 5432
        self._server: Any = os.path.join(host, f".s.PGSQL.{port}") if host.startswith("/") else (host, port)  # noqa: PTH118
        self._ears = socket.create_server(("127.0.0.1", 0))
        self._ears.settimeout(0.1)
        here = parsed.set(drivername="postgresql", host="127.0.0.1", port=self._ears.getsockname()[1], query=query)
        self.url = here.render_as_string(hide_password=False)
        self._open, self._over = threading.Event(), threading.Event()
        self._open.set()
        self._threads = [threading.Thread(target=self._listen)]

    def __enter__(self) -> "Relay":
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._open.clear()
        for thread in self._threads:
            thread.join()
        self._ears.close()

    def cut(self) -> None:
        self._open.clear()

    def mend(self) -> None:
        self._open.set()

    def _listen(self) -> None:
        while not self._over.is_set():
            with contextlib.suppress(TimeoutError):
                client, _ = self._ears.accept()
                if not self._open.is_set():
                    client.close()
                    continue
                self._threads.append(threading.Thread(target=self._pass_on, args=(client,)))
                self._threads[-1].start()

    def _pass_on(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX if isinstance(self._server, str) else socket.AF_INET)
        with client, server, selectors.DefaultSelector() as both, contextlib.suppress(OSError):
            server.connect(self._server)
            both.register(client, selectors.EVENT_READ, server)
            both.register(server, selectors.EVENT_READ, client)
            while self._open.is_set():
                for key, _ in both.select(0.1):
                    found = key.fileobj.recv(65_536)  # type: ignore[union-attr]
                    if not found:
                        return
                    key.data.sendall(found)
