"""Plans that are wanted again: who asked, noted in the store for whoever plans."""

from collections.abc import Mapping

import orjson

from engine.store import Unit

REPLAN = "replan/"  # and a domain: the key of a plan that is wanted again


def note_replans(unit: Unit, asked: Mapping[str, Mapping[str, str]]) -> None:
    """Note which plans are wanted again."""
    for domain, by in asked.items():
        unit.state.put(REPLAN + domain, orjson.dumps(by))
