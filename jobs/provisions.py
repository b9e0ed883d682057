"""What plans in force provide for, as readings that no sensor sends: more than that is more than was planned."""

from datetime import datetime

import numpy as np

from engine.model import PlanRecord, PlanState
from engine.rulebook import RuleEngine
from engine.rulebook.conditions.arrays import Floats, Ints
from engine.rulebook.language import properties_of
from engine.store import Unit
from jobs.domains import DOMAINS
from jobs.planning.domain import Domain

_LOOKED_AT = 20


class Provisions:
    """`Domain.provides` of every domain that some rule reads, told as often as it says, and when its plan changes.

    Nothing is told where no plan covers the instant: the value grows stale then, as the catalogue says.
    """

    def __init__(self, engine: RuleEngine) -> None:
        found = ((domain, _series(engine, domain)) for domain in DOMAINS.values())
        self._read = [(domain, series) for domain, series in found if series]
        self._told: dict[str, tuple[str, int]] = {}
        self._bodies: dict[str, tuple[str, bytes]] = {}

    def forget(self) -> None:
        """Tell everything anew."""
        self._told = {}

    def news(self, unit: Unit, now: datetime) -> tuple[Ints, Floats]:
        """Series and values that have not been told of this while."""
        series: list[int] = []
        values: list[float] = []
        for domain, numbers in self._read:
            record = _in_force(unit, domain, now)
            told = (record.id, (now - record.start) // domain.told_every) if record else ("", 0)
            if record is None or self._told.get(domain.name) == told:
                continue
            self._told[domain.name] = told
            provided = domain.provided(self._body(unit, domain, record), now)
            series += [numbers[asset] for asset, _ in provided if asset in numbers]
            values += [value for (asset, _), value in provided.items() if asset in numbers]
        return np.array(series, np.int64), np.array(values, np.float64)

    def _body(self, unit: Unit, domain: Domain, record: PlanRecord) -> bytes:
        kept = self._bodies.get(domain.name)
        if kept is None or kept[0] != record.id:
            found = unit.plans.get(record.id)
            kept = self._bodies[domain.name] = (record.id, found[1] if found else b"")
        return kept[1]


def _series(engine: RuleEngine, domain: Domain) -> dict[str, int]:
    """Series of the domain's property, by asset, that some rule reads."""
    kind, name = domain.provides
    readers = [rule for rule in engine.rulebook.rules if any(name in properties_of(tree) for tree in rule.trees)]
    held = [asset for asset in engine.roster.held if asset.type == kind]
    return {
        asset.id: engine.series_of(asset.id, name)
        for asset in held
        if any(engine.roster.covers(rule, asset) for rule in readers)
    }


def _in_force(unit: Unit, domain: Domain, now: datetime) -> PlanRecord | None:
    newest = (one for one in unit.plans.list(domain.name, _LOOKED_AT) if one.state is PlanState.IN_FORCE)
    return next((one for one in newest if one.start <= now < one.until), None)
