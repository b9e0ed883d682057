"""A small catalogue and territory, and rulebooks written the way an expert writes them: as files."""

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from engine.catalogue import Catalogue
from engine.rulebook.definitions import Rulebook
from engine.rulebook.loading import load_rules

OWNERS = {"owners": {"tests": {"name": {"fr": "essais", "en": "tests"}, "levels": [5]}}}
TEXT = {"fr": "mots", "en": "words"}
ALARM = {"alarm": {"priority": "low", "consequence": TEXT, "action": TEXT, "respond_within": "1 d"}}
SMALL = {
    "Lamp": {
        "about": TEXT,
        "source": "tests",
        "properties": {
            "power": {"unit": "W", "range": [0, 100], "stale_after": "7min"},
            "mode": {"kind": "choice", "choices": ["off", "on", "low"], "stale_after": "11min"},
            "door": {"kind": "switch", "stale_after": "30min"},
        },
        "points": {
            "level": {
                "minimum": 0,
                "maximum": 1,
                "safe": 1,
                "domain": "lighting",
                "time_to_live": "30min",
                "verify": {"property": "power", "tolerance": 0.1, "within": "5min"},
            }
        },
    },
    "Cabinet": {
        "about": TEXT,
        "source": "tests",
        "properties": {"power": {"unit": "W", "range": [0, 100], "stale_after": "5min"}},
    },
}


@pytest.fixture(scope="session")
def small() -> Catalogue:
    return Catalogue.model_validate({"types": SMALL})


@pytest.fixture(scope="session")
def rule() -> Callable[..., dict[str, Any]]:
    """A rule as data: an alarm on lamps, with whatever the test says otherwise."""

    def make(name: str, when: str, **fields: Any) -> dict[str, Any]:
        plain = {"about": TEXT, "owner": "tests", "for_each": {"type": "Lamp"}, "then": ALARM}
        return {"id": name, "when": when, **plain, **fields}

    return make


@pytest.fixture(scope="session")
def book(small: Catalogue) -> Callable[..., Rulebook]:
    """The rulebook of some rules, through files."""

    def make(*rules: dict[str, Any]) -> Rulebook:
        with TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "owners.yaml").write_text(json.dumps(OWNERS))
            (folder / "some").mkdir()
            (folder / "some" / "rules.yaml").write_text(json.dumps({"rules": rules}))
            return load_rules(folder, small)

    return make
