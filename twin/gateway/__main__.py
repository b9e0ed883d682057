"""Gateways as a process: `python -m twin.gateway --broker URL --gateways A-1..A-20 --points-per 50 --effects LOG`.

With --folder TERRITORY it speaks for the gateways of that territory instead. --save FOLDER writes the made town down,
to be imported with `consigne territory import FOLDER`, and ends. It says one line {"gateways", "points", "pid"} on
standard output when it can be talked to. On SIGTERM it says {"struck": {fault: how often}} and exits 0. Killed and
started again it goes on from its log.
"""

import argparse
import os
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from engine.catalogue import Catalogue, load_catalogue
from engine.inventory.territory import load_territory, save_territory
from engine.model import Asset
from twin.gateway.faults import Faults, load_faults
from twin.gateway.running import Running
from twin.gateway.town import cabinets_of, made_town, names_of, outlets_of
from twin.process import run_until_told


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code; what is wrong with the input goes to standard error."""
    options = _options().parse_args(arguments)
    return run_until_told(lambda stop: _run(options, stop))


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m twin.gateway", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--broker", default="mqtt://127.0.0.1:1883", help="URL; {gateway} in it becomes the name of each"
    )
    parser.add_argument("--gateways", default="A-1..A-20", help="names, as A-1..A-20 or A-1,B-7")
    parser.add_argument("--points-per", type=int, default=50, help="lamps at each")
    parser.add_argument("--folder", type=Path, help="a territory, instead of --gateways and --points-per")
    parser.add_argument("--catalogue", type=Path, default=Path("datasets/reference/catalogue.yaml"))
    parser.add_argument("--save", type=Path, help="write the made town into this folder, and end")
    parser.add_argument("--faults", type=Path, help="a file of faults: see twin/gateway/faults.py")
    parser.add_argument("--seed", type=int, default=1, help="of the faults")
    parser.add_argument("--effects", type=Path, default=Path("effects.jsonl"), help="log of what was put in action")
    parser.add_argument("--telemetry-s", type=float, default=0.0, help="tell telemetry this often; 0 for never")
    parser.add_argument("--speed", type=float, default=1.0, help="how fast its time runs")
    return parser


def _run(options: argparse.Namespace, stop: threading.Event) -> int:
    catalogue = load_catalogue(options.catalogue)
    assets = _assets(options, catalogue)
    if options.save is not None:
        return 0
    clock = _clock(options.speed)
    faults = Faults(load_faults(options.faults) if options.faults else (), options.seed, clock())
    outlets, cabinets = outlets_of(assets, catalogue), cabinets_of(assets, catalogue)
    every = timedelta(seconds=options.telemetry_s) if options.telemetry_s else None
    running = Running(options.broker, outlets, cabinets, faults, options.effects, clock, telemetry_every=every)
    running.connect()
    sys.stdout.buffer.write(
        orjson.dumps({"gateways": running.gateways, "points": len(outlets), "pid": os.getpid()}) + b"\n"
    )
    sys.stdout.flush()
    running.run(stop)
    sys.stdout.buffer.write(orjson.dumps({"struck": faults.counts()}) + b"\n")
    return 0


def _assets(options: argparse.Namespace, catalogue: Catalogue) -> Sequence[Asset]:
    if options.folder is not None:
        return load_territory(options.folder, catalogue).assets
    town = made_town(names_of(options.gateways), options.points_per)
    if options.save is not None:
        save_territory(town, options.save)
    return town.assets


def _clock(speed: float) -> Callable[[], datetime]:
    """The wall's time: equipment has a clock of its own. With a speed it runs on from now that much faster."""
    began = datetime.now(UTC)
    return lambda: began + (datetime.now(UTC) - began) * speed


if __name__ == "__main__":
    sys.exit(main())
