"""A small town of containers, trucks and sites, and the problem of one of its days, without a store."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from engine.instants import PARIS
from engine.model import Asset
from jobs.bootstrap import Territory
from jobs.collection.closures import Closure
from jobs.collection.day import BEGINS, collection_day
from jobs.collection.fills import Fills
from jobs.collection.fleet import Fleet, fleet_of
from jobs.collection.state import State
from jobs.collection.tables import CollectionTables, load_tables
from jobs.collection.task import CollectionTask, Underway, build_problem
from optimizers.fill import Verdict, believed_at_first

ROOT = Path(__file__).resolve().parents[2]
TABLES = load_tables(ROOT / "datasets" / "reference" / "collection.yaml")
TUESDAY = date(2026, 9, 8)
DEPOT = (-0.67, 47.40)


def evening(day: date) -> datetime:
    """When the collection day of a date begins."""
    return datetime.combine(day - timedelta(days=1), BEGINS, PARIS)


def container(name: str, east_m: float = 0.0, kind: str = "other", zone: str = "Z1", **attributes: Any) -> Asset:
    """So far east of the depot."""
    lon = DEPOT[0] + east_m / 75_300
    stated = {"storedWasteKind": [kind], "volume_l": 4000, **attributes}
    return Asset(name, "WasteContainer", zone, lon, DEPOT[1], None, "GW", stated)


def truck(name: str, *kinds: str, **attributes: Any) -> Asset:
    stated = {"fractions": list(kinds or ("other",)), "capacity_kg": 5500, "volume_m3": 12, **attributes}
    return Asset(name, "Vehicle", "Z1", *DEPOT, None, "GW", stated)


def site(name: str = "S1", **attributes: Any) -> Asset:
    stated = {"fractions": ["other", "paper", "glass"], **attributes}
    return Asset(name, "DisposalSite", "Z1", DEPOT[0] + 0.02, DEPOT[1], None, "GW", stated)


def town(*assets: Asset, tables: CollectionTables = TABLES) -> Fleet:
    """A fleet of assets; only what `fleet_of` reads of a territory is there."""
    found = SimpleNamespace(
        of_type=lambda kind: [asset for asset in assets if asset.type == kind], communes={"Z1": "49329", "Z2": "49028"}
    )
    return fleet_of(cast("Territory", found), tables)


def fills(
    fleet: Fleet, levels: Mapping[str, float], at: datetime | None = None, a_day: float = 0.1, heard_days: float = 0.1
) -> Fills:
    """Containers of whose level one is sure; 0.1 where none is given."""
    n = len(fleet.names)
    first = believed_at_first(np.zeros(n, np.int64), np.full(n, a_day), rate_cv=0.05, cv=0.3)
    level = np.array([levels.get(name, 0.1) for name in fleet.names])
    belief = replace(first, level=level, level_var=np.full(n, 0.01**2))
    heard = np.full(n, heard_days)
    return Fills(at or evening(TUESDAY), belief, (Verdict.SOUND,) * n, heard, level, fleet.markets)


def task_of(
    fleet: Fleet, levels: Mapping[str, float], *, day: date = TUESDAY, at: datetime | None = None,
    out: Sequence[str] = (), closures: Sequence[Closure] = (), underway: Underway | None = None,
    tables: CollectionTables = TABLES, **about: float,
) -> CollectionTask:  # fmt: skip
    """The problem of a day, asked when it begins unless it is said otherwise."""
    at = at or evening(day)
    state = State({name: {"fr": "en panne", "en": "broken"} for name in out}, {})
    known = fills(fleet, levels, at, **about)
    return build_problem(fleet, known, state, tables, collection_day(at), closures=closures, underway=underway)
