"""The file of contracts while a process runs: what has changed in it has buildings planned again."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from engine.errors import InputError
from engine.instants import isoformat
from engine.settings import Settings
from engine.store import Unit
from jobs.asking import URGENT, note_replans
from jobs.energy.contracts import CONTRACTS, Contracts, contracts_of, parse_contracts
from jobs.site_files import FileRead, SiteFile, gone_by, note_file, refused_file

_READ = "contracts/read"
"""Key of the file as it was last right, and of what was wrong with a later one."""


def contract_file(settings: Settings) -> SiteFile[Contracts]:
    """The file, to be looked at for changes."""
    return SiteFile(settings.rules_dir / CONTRACTS, parse_contracts)


def take_contracts(unit: Unit, reading: FileRead[Contracts], now: datetime) -> list[str]:
    """Keep what the file says, and ask for buildings to be planned again by it. Returns what changed in it: the names
    of contracts, series of days, sites and orders, and whatever else stands at its head.

    A file with a mistake changes nothing and is told by `refused_contracts`. The first file of all is no change.
    """
    before = note_file(unit, _READ, reading, now)
    changed = [] if before is None or reading.found is None else sorted(_changed(_parsed(before), reading.found))
    if changed:
        unit.audit.append("rules", "enact", "contracts", {"changed": changed}, now)
        by = {"requested_at": isoformat(now), "rule": CONTRACTS, "asset": ", ".join(changed)}
        note_replans(unit, {"energy" + URGENT: by}, now)
    return changed


def contracts_known(unit: Unit, settings: Settings) -> Contracts:
    """Those to plan by: of the file, or, where that has a mistake, as it was read last without one.

    Raises InputError where it never was.
    """
    try:
        return contracts_of(settings)
    except InputError:
        kept = gone_by(unit, _READ)
        if kept is None:
            raise
        return _parsed(kept)


def refused_contracts(unit: Unit) -> dict[str, Any] | None:
    """The changed file that a service refused last, and does not go by: at, problems, more."""
    return refused_file(unit, _READ)


def _parsed(text: str) -> Contracts:
    """Of what was kept; nothing of what an earlier version of ours took for right."""
    try:
        return parse_contracts(text)
    except InputError:
        return parse_contracts("")


def _changed(before: Contracts, now: Contracts) -> Iterator[str]:
    old, new = before.file, now.file
    for one, other in ((old.contracts, new.contracts), (old.days, new.days), (old.sites, new.sites)):
        yield from (name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
    orders, others = ({order.id: order for order in file.orders} for file in (old, new))
    yield from (name for name in orders.keys() | others.keys() if orders.get(name) != others.get(name))
    yield from (head for head in ("power_factor", "spot", "carbon") if getattr(old, head) != getattr(new, head))
