"""Plans that are wanted again: who asked, noted in the store for whoever plans."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson

from engine.instants import isoformat
from engine.store import Unit

URGENT = "/urgent"
"""Behind a domain: who asked last that its plan be made again at once. What others ask meanwhile leaves that alone."""
REPLAN = "replan/"  # and a domain: the key of a plan that is wanted again


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asked last that a plan be made again; `by` is a rule and its subject, or a file and an entry.

    at         of what it is asked for; `noted_at` when that was known: of what was told late, later
    """

    at: datetime
    noted_at: datetime
    by: str
    urgent: bool


def note_replans(unit: Unit, asked: Mapping[str, Mapping[str, str]], now: datetime) -> None:
    """Note which plans are wanted again, by domain, with URGENT behind it where that is to be at once."""
    for domain, by in asked.items():
        unit.state.put(REPLAN + domain, orjson.dumps({**by, "noted_at": isoformat(now)}))


def askings(unit: Unit, domain: str) -> Iterator[Asking]:
    """The last one of a domain, and the last urgent one."""
    for end in ("", URGENT):
        if raw := unit.state.get(REPLAN + domain + end):
            by = orjson.loads(raw)
            at = datetime.fromisoformat(by["requested_at"])
            noted_at = datetime.fromisoformat(by.get("noted_at", by["requested_at"]))
            yield Asking(at, noted_at, f"{by['rule']} {by['asset']}".strip(), bool(end))
