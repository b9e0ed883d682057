"""What every group shares: the rules, who they speak of, what is measured, the calendar."""

from dataclasses import dataclass
from functools import cached_property

from engine.catalogue import Catalogue
from engine.model import Asset
from engine.rulebook.almanac import Almanac
from engine.rulebook.definitions import Rule, Rulebook
from engine.rulebook.plain.samples import Kind, kinds_of
from engine.rulebook.roster import Roster

Pair = tuple[str, str]  # rule, subject


@dataclass(frozen=True)
class World:
    """None of it changes while an engine lives."""

    rulebook: Rulebook
    catalogue: Catalogue
    roster: Roster
    almanac: Almanac

    def pairs(self, rules: tuple[Rule, ...], group: str) -> list[tuple[Rule, Asset]]:
        """Each rule with each of its subjects in a group."""
        members = [subject for subject in self.roster.subjects if subject.zone == group]
        return [(rule, subject) for rule in rules for subject in members if self.roster.covers(rule, subject)]

    def kinds(self, subject: Asset) -> dict[str, Kind]:
        return self._kinds.get(subject.type, {})

    @cached_property
    def _kinds(self) -> dict[str, dict[str, Kind]]:
        return {name: kinds_of(found) for name, found in self.catalogue.types.items()}
