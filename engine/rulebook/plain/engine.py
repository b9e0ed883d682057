"""The reference engine: readings and the clock in, decisions out, zone by zone, then commune by commune, then above."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import polars as pl

from engine.catalogue import Catalogue
from engine.instants import to_us
from engine.model import Asset
from engine.rulebook.almanac import Almanac
from engine.rulebook.decisions import Decisions
from engine.rulebook.definitions import Rulebook
from engine.rulebook.plain.consequences import Key, Said, Turn
from engine.rulebook.plain.explain import Explained, explain
from engine.rulebook.plain.group import Group
from engine.rulebook.plain.samples import Row, messages
from engine.rulebook.plain.world import World
from engine.rulebook.roster import Roster

Told = tuple[int, int, str, Key, list[Turn]]  # decided, reach, group, transaction


class PlainEngine:
    """One rulebook over some assets. `communes` names the commune each zone lies in."""

    def __init__(
        self, rulebook: Rulebook, catalogue: Catalogue, assets: Sequence[Asset], almanac: Almanac,
        communes: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self._world = World(rulebook, catalogue, Roster(rulebook, assets, communes), almanac)
        self._assets = {asset.id: asset for asset in assets}
        self._groups = {name: Group(name, self._world) for name in self._world.roster.groups}
        self._reach = {subject.zone: self._world.roster.reach(subject) for subject in self._world.roster.subjects}
        self._pending: dict[str, list[Told]] = {name: [] for name in self._groups}

    def step(self, readings: pl.DataFrame, now: datetime) -> Decisions:
        """Decide on new readings (in order of arrival), then on the tick `now`.

        Passed over as if they had not come: readings of unknown assets, of properties the catalogue does not give
        their type, and values that are no finite number. Raises ValueError for a naive `now`.
        """
        rows = self._rows(readings)
        for name, group in self._groups.items():
            if self._reach[name] == 0:
                self._step_zone(group, rows.get(name, []), to_us(now))
            else:
                self._step_above(group, to_us(now))
            self._tell(group)
        said = [group.consequences.said for group in self._groups.values()]
        for group in self._groups.values():
            group.consequences.said = Said()
        return Decisions(
            tuple(edge for part in said for edge in part.edges),
            tuple(want for part in said for want in part.wants),
            tuple(change for part in said for change in part.alarms),
            (),
            tuple(request for part in said for request in part.requests),
        )

    def tree(self, rule_id: str, subject_id: str) -> Explained:
        """Why a rule stands as it does for a subject, at the instant of its group's clock.

        Raises KeyError where the rule does not speak of the subject, or before the first step.
        """
        rule, subject = self._world.rulebook.rule(rule_id), self._world.roster.by_id[subject_id]
        return explain(rule, *self._groups[subject.zone].stand(rule, subject))

    def _rows(self, readings: pl.DataFrame) -> dict[str, list[Row]]:
        """By zone, in order of arrival, scaled."""
        found: dict[str, list[Row]] = {}
        for name, prop, at, value in readings.select("asset", "property", "observed_at", "value").iter_rows():
            asset = self._assets.get(name)
            kind = self._world.kinds(asset).get(prop) if asset else None
            scaled = kind.scaled(value) if kind and value is not None else None
            if asset is not None and scaled is not None:
                found.setdefault(asset.zone, []).append((name, at, prop, scaled))
        return found

    def _step_zone(self, group: Group, rows: list[Row], now: int) -> None:
        if group.clock is None:
            group.birth(min([now, *(row[1] for row in rows)]))
        for message in messages(rows):
            group.take(message)
        group.advance(max(group.now, now))

    def _step_above(self, group: Group, now: int) -> None:
        """A commune or the territory takes the turns decided before the tick; the rest wait for a later one.

        At the tick itself another zone may still decide, and turns of one instant have an order.
        """
        told = sorted(self._pending[group.name], key=lambda entry: entry[:4])
        if group.clock is None:
            group.birth(min(zone.born for name, zone in self._groups.items() if self._reach[name] == 0))
        for entry in told:
            if entry[0] < now:
                group.tell(entry[0], entry[4])
        self._pending[group.name] = [entry for entry in told if entry[0] >= now]
        group.advance(max(group.now, now - 1))

    def _tell(self, group: Group) -> None:
        reach = self._reach[group.name]
        above = [name for name in self._groups if self._reach[name] > reach]
        entries: Iterable[Told] = [(key.decided, reach, group.name, key, turns) for key, turns in group.told]
        group.told = []
        for name in above:
            self._pending[name].extend(entries)
