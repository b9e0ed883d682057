"""A process to be killed: `python -m tests.wiring.rules_at_work FOLDER SEED` plays a random story through rule cycles.

It begins at the item it got to, as far as the file `done` remembers, which may be one too early.
"""

import random
import sys
import time
from datetime import timedelta
from pathlib import Path

from engine.instants import from_us, isoformat
from engine.model import Asset, Commune, Zone
from engine.rulebook import ReferenceInference, Rulebook, RuleEngine
from engine.store import Store
from engine.telemetry.raw import raw_frame
from jobs.bootstrap import read_territory
from jobs.cycle import RulesAtWork, run_cycle
from jobs.ingest import store_raw
from tests.rulebook.fuzz import (
    ALMANAC,
    ASSETS,
    BIRTH,
    CATALOGUES,
    COMMUNES,
    Author,
    Item,
    Reading,
    random_book,
    sequence,
)

CATALOGUE = CATALOGUES[0]
LATER = BIRTH + timedelta(days=30)


def story(seed: int, count: int = 150) -> tuple[Rulebook, list[Item]]:
    rng = random.Random(seed)
    return random_book(Author(rng), 14, CATALOGUE), sequence(rng, count)


def prepare(folder: Path) -> Store:
    """The store, with the territory in it."""
    store = Store.open(f"sqlite:///{folder / 'rules.db'}", create=True)
    store.upgrade()
    communes = [Commune(insee, insee, 1, 0.0, 0.0, 1.0) for insee in sorted(set(COMMUNES.values()))]
    zones = [Zone(zone, commune) for zone, commune in COMMUNES.items()]
    assets = [Asset(**{name: getattr(a, name) for name in a.__slots__} | {"gateway": f"G-{a.id}"}) for a in ASSETS]
    with store.begin() as unit:
        unit.inventory.save(communes, zones, assets, CATALOGUE)
    return store


def play(store: Store, folder: Path, seed: int, *, told: bool = False) -> None:
    rulebook, items = story(seed)
    territory = read_territory(store, CATALOGUE)
    inference = ReferenceInference()
    engine = RuleEngine(
        rulebook, CATALOGUE, territory.assets, inference, almanac=ALMANAC, communes=territory.communes
    )  # fmt: skip
    rules = RulesAtWork(engine, territory, inference)
    done = folder / "done"
    first = int(done.read_text() or 0) if done.exists() else -1
    tick = max([BIRTH, *(from_us(item) for item in items[: max(first, 0)] if isinstance(item, int))])
    if told:
        print("ready", flush=True)
    if first < 0:
        run_cycle(store, territory, rules, BIRTH)
    for place, item in enumerate(items[max(first, 0) :], max(first, 0)):
        tick = from_us(item) if isinstance(item, int) else tick
        if not isinstance(item, int):
            raw = raw_frame([said(reading) for reading in item])
            store_raw(store, territory, raw, source="tests", received_at=LATER, skew=timedelta(0))
        run_cycle(store, territory, rules, tick)
        done.with_suffix(".part").write_text(str(place + 1))
        done.with_suffix(".part").rename(done)  # whoever is killed leaves one number or the other, and never none
        time.sleep(0.002)


def said(reading: Reading) -> dict[str, object]:
    """A reading as a payload tells it."""
    asset, name, at, value = reading
    found = CATALOGUE.types[next(a.type for a in ASSETS if a.id == asset)].properties[name]
    words = {"choice": lambda: found.choices[int(value)], "switch": lambda: bool(value)}
    told = words.get(found.kind, lambda: value)()
    unit = {"unit": found.unit} if found.kind in {"number", "counter"} else {}
    return {"asset": asset, "property": name, "value": told, "observed_at": isoformat(from_us(at)), **unit}


if __name__ == "__main__":
    place = Path(sys.argv[1])
    play(Store.open(f"sqlite:///{place / 'rules.db'}"), place, int(sys.argv[2]), told=True)
