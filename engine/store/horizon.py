"""What pruning has removed, so that counts still add up and roll-ups are not made from what is left."""

import orjson

from engine.store.bulk import Bulk
from engine.store.cursors import States

_KEY = "store.pruned"
_NEVER = -(2**63)


def horizon(bulk: Bulk) -> int:
    """Readings observed before this instant, in µs, may be gone."""
    return int(_read(bulk).get("before", _NEVER))


def pruned(bulk: Bulk) -> tuple[int, int]:
    """How many readings and refusals pruning has removed in all."""
    known = _read(bulk)
    return int(known.get("readings", 0)), int(known.get("refusals", 0))


def note(bulk: Bulk, before: int, readings: int, refusals: int) -> None:
    """Add to what pruning has removed; the horizon never moves back."""
    known = pruned(bulk)
    body = {
        "before": max(before, horizon(bulk)),
        "readings": known[0] + readings,
        "refusals": known[1] + refusals,
    }
    States(bulk).put(_KEY, orjson.dumps(body))


def _read(bulk: Bulk) -> dict[str, int]:
    body = States(bulk).get(_KEY)
    found: dict[str, int] = orjson.loads(body) if body else {}
    return found
