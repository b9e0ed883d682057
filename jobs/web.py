"""A small HTTP server in a thread of its own, beside whatever else the process does."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from engine.errors import ConsigneError

_AT_ONCE = 32  # connections; one more is told 503


@contextmanager
def serving(app: ASGIApp, host: str, port: int, name: str, variable: str) -> Iterator[int]:
    """Answer on `host`:`port` while in the block, and say on which port. `name` is what the server is for.

    Raises ConsigneError, which names the `variable` to change, when the port is not to be had. On leaving, what has
    been begun is finished.
    """
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", ws="none", server_header=False,
        limit_concurrency=_AT_ONCE, timeout_graceful_shutdown=10,
    )  # fmt: skip
    try:
        line = socket.create_server((host, port))
    except OSError as error:
        raise ConsigneError(f"{name}: {host}:{port}: {error} → choose another {variable}") from None
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([line],), name=name)
    thread.start()
    try:
        yield int(line.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()
        line.close()
