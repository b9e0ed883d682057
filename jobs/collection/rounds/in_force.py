"""The rounds that are in force: of a day, or of the latest one that is planned."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from engine.instants import noon
from engine.model import PlanRecord, PlanState
from engine.rounds import Round
from engine.store import Unit
from jobs.bootstrap import Territory
from jobs.collection.body import Body, open_body
from jobs.collection.day import collection_day, named
from jobs.collection.handing import rounds_of
from jobs.nights import in_force_at

_DAY = timedelta(days=1)
_TYPES = ("WasteContainer", "Vehicle", "VehicleDepot", "DisposalSite")


@dataclass(frozen=True)
class DayRounds:
    """A day's plan that was put in force last, what it holds, and its rounds: one for each truck of the fleet, those
    that stay in without lines.
    """

    record: PlanRecord
    body: Body
    rounds: tuple[Round, ...]

    @property
    def day(self) -> date:
        return named(self.body.start)


def rounds_on(unit: Unit, territory: Territory, day: date) -> DayRounds | None:
    """The rounds in force of a collection day, by its date; None where no plan is."""
    return _newest(unit, territory, *collection_day(noon(day)))


def rounds_ahead(
    unit: Unit, territory: Territory, at: datetime, *, known_at: datetime | None = None
) -> DayRounds | None:  # fmt: skip
    """Of the latest day that a plan in force is of, from the one of an instant on: in the evening tomorrow's.

    `known_at`: of plans that were in force by then alone.
    """
    start, until = collection_day(at)
    return _newest(unit, territory, start, until + _DAY, known_at)


def _newest(
    unit: Unit, territory: Territory, start: datetime, until: datetime, known_at: datetime | None = None
) -> DayRounds | None:  # fmt: skip
    plans = [one for one in unit.plans.between("collection", start, until) if one.state is PlanState.IN_FORCE]
    if known_at is not None:
        plans = [one for one in plans if in_force_at(one) <= known_at]
    newest = max(plans, key=lambda one: (one.start, in_force_at(one)), default=None)
    stored = unit.plans.get(newest.id) if newest is not None else None
    if stored is None:
        return None
    record, block = stored
    places = places_of(unit, territory)
    rounds = tuple(_placed(one, places) for one in rounds_of(block, record.id))
    return DayRounds(record, open_body(block), rounds)


def _placed(found: Round, places: Mapping[str, str]) -> Round:
    lines = (replace(line, place=line.place or places.get(line.asset or found.vehicle, "")) for line in found.lines)
    return replace(found, lines=tuple(lines))


def places_of(unit: Unit, territory: Territory) -> dict[str, str]:
    """By asset of waste collection, where it is as people know it: its address, if it has one, and commune."""
    names = {commune.insee: commune.name for commune in unit.inventory.communes()}
    found = {}
    for asset in (one for kind in _TYPES for one in territory.of_type(kind)):
        commune = names.get(territory.communes.get(asset.zone, ""), "")
        found[asset.id] = ", ".join(filter(None, (str(asset.attributes.get("address", "")), commune)))
    return found
