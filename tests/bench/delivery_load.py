"""What both benches of delivery stand on: Mosquitto, a made town in a database, and processes at work in it."""

import getpass
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.catalogue import load_catalogue
from engine.model import Asset
from engine.store import Store
from jobs.bootstrap import Territory, read_territory
from twin.gateway.town import made_town, names_of

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "datasets" / "reference" / "catalogue.yaml"


@contextmanager
def mosquitto(folder: Path) -> Iterator[str]:
    """Mosquitto on loopback with the shipped limits, and without passwords. Raises SystemExit where there is none."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise SystemExit("Mosquitto is not here: nothing is measured")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    lines = [f"listener {port} 127.0.0.1", "allow_anonymous true", "set_tcp_nodelay true", "max_inflight_messages 1000"]
    lines += ["max_queued_messages 100000", "persistence true", f"persistence_location {folder}/", "log_type error"]
    (folder / "mosquitto.conf").write_text("\n".join([*lines, f"user {getpass.getuser()}", ""]))
    process = subprocess.Popen([program, "-c", str(folder / "mosquitto.conf")])
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.02)
        yield f"mqtt://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def town_in(url: str, gateways: str, points_per: int, more: list[Asset] | None = None) -> tuple[Store, Territory]:
    """A store that holds a made town, and `more` assets beside."""
    store = Store.open(url, create=True)
    store.upgrade()
    catalogue = load_catalogue(CATALOGUE)
    town = made_town(names_of(gateways), points_per)
    with store.begin() as unit:
        unit.inventory.save(town.communes, town.zones, [*town.assets, *(more or [])], catalogue)
    return store, read_territory(store, catalogue)


@contextmanager
def at_work(*words: str, log: Path, **variables: str) -> "Iterator[subprocess.Popen[str]]":
    """A process of ours from its first line on, until the block ends."""
    shipped = {"CONSIGNE_DATASETS_DIR": str(ROOT / "datasets"), "PYTHONPATH": str(ROOT)}
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", *words], cwd=log.parent, env=os.environ | shipped | variables,
            stdout=subprocess.PIPE, stderr=errors, text=True,
        )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"{words[0]} did not start: {log.read_text()[-2_000:]}")
        json.loads(line)
        yield process
    finally:
        process.terminate()
        process.communicate()
