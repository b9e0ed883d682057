"""What trucks and disposal sites say of themselves now: in service or not, and at which stop."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from engine.instants import from_us
from engine.model import Hold, Scope
from engine.store import Unit
from jobs.bootstrap import Territory
from jobs.collection.fleet import Fleet, Said, said
from jobs.irrigation.history import Days, read_history

_LOOK_BACK = 8  # days: whoever is in repair tells nothing
_STAY_IN = ("broken", "outOfService")
_CLOSED = "closed"
_AGAIN = ("blocked", "notOut", "lidLocked")
"""What keeps a crew from a container for an hour, not for days."""


@dataclass(frozen=True)
class State:
    """Of a fleet at an instant.

    out     trucks that do not drive, and disposal sites that are closed, with the reason
    stops   by truck, the number of a stop that it told last, and when: 0 is told in the depot, on the way, at a site
    heard   by truck, when it told a number last, be it 0
    missed  by container that a crew could not empty when it came, when that was told
    """

    out: Mapping[str, Said]
    stops: Mapping[str, tuple[int, datetime]]
    heard: Mapping[str, datetime] = field(default_factory=dict)
    missed: Mapping[str, datetime] = field(default_factory=dict)


def state_of(unit: Unit, territory: Territory, fleet: Fleet, at: datetime) -> State:
    """What was told by an instant. A truck whose point people hold is theirs: no plan counts on it."""
    trucks = [asset.id for asset, _ in fleet.trucks]
    sites = [asset.id for asset, _ in fleet.sites]
    names = ("serviceStatus", "stopNumber")
    rows = read_history(unit, territory, [*trucks, *sites], names, Days(at, _LOOK_BACK))
    status = _last(rows, "serviceStatus")
    out = {name: said("collect_truck_out") for name in trucks if _is(territory, "Vehicle", status, name, *_STAY_IN)}
    out |= {
        name: said("collect_site_closed") for name in sites if _is(territory, "DisposalSite", status, name, _CLOSED)
    }
    held = {hold.subject.partition("/")[0]: hold for hold in unit.holds.active(at) if hold.scope is Scope.POINT}
    out |= {name: _held(held[name]) for name in trucks if name in held}
    heard = {name: from_us(us) for name, (_, us) in _last(rows, "stopNumber").items()}
    at_stops = _last(rows.filter(pl.col("value") > 0), "stopNumber")
    stops = {name: (round(value), from_us(us)) for name, (value, us) in at_stops.items()}
    return State(out, stops, heard, _missed(unit, territory, fleet, at))


def _missed(unit: Unit, territory: Territory, fleet: Fleet, at: datetime) -> dict[str, datetime]:
    told = _last(read_history(unit, territory, fleet.names, ("exception",), Days(at, 1)), "exception")
    known = territory.catalogue.types["WasteContainer"].properties["exception"].choices
    return {name: from_us(us) for name, (value, us) in told.items() if known[round(value)] in _AGAIN}


def _held(hold: Hold) -> Said:
    return said("collect_truck_held", by=hold.by, why=hold.reason)


def _last(rows: pl.DataFrame, name: str) -> dict[str, tuple[float, int]]:
    last = rows.filter(pl.col("property") == name).group_by("asset", maintain_order=True).last()
    told = zip(last["value"].to_list(), last["observed_at"].to_list(), strict=True)
    return dict(zip(last["asset"].to_list(), told, strict=True))


def _is(
    territory: Territory, kind: str, status: Mapping[str, tuple[float, int]], name: str, *choices: str
) -> bool:  # fmt: skip
    known = territory.catalogue.types[kind].properties["serviceStatus"].choices
    return name in status and known[round(status[name][0])] in choices
