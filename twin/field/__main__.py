"""The field as a process: `python -m twin.field --folder TERRITORY --story FILE [--port P | --broker URL]`.

Says one line {"port", "pid"} on standard output when it can be talked to. Exits 0 at the story's end or on SIGTERM.
"""

import argparse
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from engine.broker import Broker
from engine.catalogue import load_catalogue
from engine.inventory.territory import load_territory
from twin.broker import EmbeddedBroker
from twin.effects import EffectLog
from twin.field.lockstep import CLIENT_ID, SUBSCRIPTIONS, Lockstep
from twin.field.site import Site
from twin.field.story import Story
from twin.process import run_until_told


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code; what is wrong with the input goes to standard error."""
    options = _options().parse_args(arguments)
    return run_until_told(lambda stop: _run(options, stop))


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m twin.field", description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="the territory")
    parser.add_argument("--story", type=Path, required=True)
    parser.add_argument("--catalogue", type=Path, default=Path("datasets/reference/catalogue.yaml"))
    parser.add_argument("--effects", type=Path, help="log of what was applied; effects.jsonl beside the story")
    parser.add_argument("--port", type=int, default=0, help="of the embedded broker; 0 for a free one")
    parser.add_argument("--broker", help="URL of a broker to use instead of the embedded one")
    return parser


def _run(options: argparse.Namespace, stop: threading.Event) -> int:
    story = Story.load(options.story)
    site = Site(load_territory(options.folder, load_catalogue(options.catalogue)).assets, story)
    with ExitStack() as stack:
        effects = stack.enter_context(EffectLog(options.effects or options.story.parent / "effects.jsonl"))
        url = options.broker or stack.enter_context(EmbeddedBroker(options.port)).url
        broker = Broker(url, CLIENT_ID, SUBSCRIPTIONS)
        broker.connect()
        stack.callback(broker.close)
        sys.stdout.buffer.write(orjson.dumps({"port": urlsplit(url).port, "pid": os.getpid()}) + b"\n")
        sys.stdout.flush()
        Lockstep(broker, site, effects, story).run(stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
