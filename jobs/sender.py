"""A process that only sends: `python -m jobs.sender --name 1 [--database URL] [--broker URL]`, as many as are wanted.

Commands under way are shared out by leases; one that dies loses none of them, and may be started again under its name,
by which the broker keeps what was answered meanwhile. Settings come from CONSIGNE_* as everywhere. It says one line
{"sender", "pid"} on standard output when it is at work, and exits 0 on SIGTERM.
"""

import argparse
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import closing

import orjson

from engine.errors import ConsigneError
from engine.settings import Settings, load_settings
from jobs.bootstrap import (
    WallClock,
    catalogue_of,
    connections_in,
    open_link,
    open_store,
    orders_in,
    read_territory,
)
from jobs.logs import set_up_logging
from jobs.sending import dispatcher_of
from jobs.service import stop_on_signals, with_back_off


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code; what is wrong goes to standard error."""
    parser = argparse.ArgumentParser(prog="python -m jobs.sender", description=__doc__.splitlines()[0])
    parser.add_argument("--name", required=True, help="of this sender: no two at once under one")
    parser.add_argument("--database", help="URL; CONSIGNE_DATABASE_URL by default")
    parser.add_argument("--broker", help="URL; CONSIGNE_BROKER_URL by default")
    options = parser.parse_args(arguments)
    given = {"database_url": options.database, "broker_url": options.broker}
    try:
        settings = load_settings(**{name: value for name, value in given.items() if value})
        set_up_logging(settings)
        run(settings, options.name, stop_on_signals())
    except ConsigneError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def run(settings: Settings, name: str, stop: threading.Event) -> None:
    """Send until `stop`. A broker or database that goes away is waited for; at the start it must be there."""
    store = open_store(settings)
    catalogue = catalogue_of(settings)
    points = read_territory(store, catalogue, orders_in(settings, catalogue), connections_in(settings)).points
    clock, owner = WallClock(), f"sender-{name}"
    with closing(store), open_link(settings, clock, f"consigne-{owner}") as link:
        dispatcher = dispatcher_of(settings, store, link, clock, points, owner)
        sys.stdout.buffer.write(orjson.dumps({"sender": name, "pid": os.getpid()}) + b"\n")
        sys.stdout.flush()
        while not stop.is_set():
            with_back_off(lambda: dispatcher.step(0.1), stop)


if __name__ == "__main__":
    sys.exit(main())
