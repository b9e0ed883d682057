"""The rule engine: readings and the clock in, decisions out. Pure but for its inference; its memory is the caller's."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from math import isnan
from typing import Any

import numpy as np
import polars as pl

from engine.catalogue import Catalogue
from engine.instants import from_us, in_us, isoformat, to_us
from engine.model import Asset, Priority
from engine.rulebook.almanac import Almanac, Place
from engine.rulebook.circuits import Split, split
from engine.rulebook.conditions.arrays import ALWAYS, NEVER, Floats, Ints
from engine.rulebook.conditions.calendars import Calendars
from engine.rulebook.conditions.items import Item, latch
from engine.rulebook.conditions.lane import Lane
from engine.rulebook.conditions.layout import Layout
from engine.rulebook.conditions.sequencer import Directory, Gate, Items, sequence
from engine.rulebook.conditions.state import State
from engine.rulebook.conditions.turns import FALL, PART, RENEWAL, Turns
from engine.rulebook.consequences import Consequences, withdrawal
from engine.rulebook.crossing import Crossing, Key, Told, Turn
from engine.rulebook.decisions import AlarmChange, Decisions, RuleFault
from engine.rulebook.definitions import Rule, Rulebook
from engine.rulebook.handing import Handed
from engine.rulebook.inference import Inference
from engine.rulebook.memory import Withdrawn, dump, load
from engine.rulebook.roster import Roster
from engine.rulebook.transactions import Transactions

READINGS = pl.Schema({"asset": pl.String, "property": pl.String, "observed_at": pl.Int64, "value": pl.Float64})


class RuleEngine:
    """One rulebook over the assets of some zones.

    Each zone has a clock of its own: the greatest tick or event time it has seen. What a zone decides therefore does
    not depend on how its readings are mixed with those of others, nor on which zones an engine holds. `communes`
    names the commune of each zone.

    With a `share` it decides some zones only, or the places above them (see `Roster`). Engines whose shares make the
    whole decide together what one engine does: each step, those of zones first, each on its readings and all to one
    tick; then what they `hand_up` is told to the one above (`hear`), which steps to that tick without readings.
    """

    def __init__(
        self, rulebook: Rulebook, catalogue: Catalogue, assets: Sequence[Asset], inference: Inference, *,
        almanac: Almanac, communes: Mapping[str, str] | None = None, share: Collection[str] | None = None,
    ) -> None:  # fmt: skip
        self.rulebook = rulebook
        self.roster = Roster(rulebook, assets, communes, share)
        self._inference = inference
        self._groups = {name: number for number, name in enumerate(self.roster.groups)}
        self._places = [n for name, n in self._groups.items() if name not in self.roster.communes]
        self._directory = Directory([a for a in assets if self.roster.holds(a.id)], catalogue, self._groups)
        splits = {rule.id: split(rule) for rule in rulebook.rules if rule.crosses}
        self._layouts = self._lay_out(catalogue, splits)
        self._calendars = {late: self._calendar(layout, almanac) for late, layout in self._layouts.items()}
        self._crossing = Crossing(rulebook, self.roster, inference, list(splits.values()))
        self._consequences = Consequences(rulebook, catalogue, self.roster, inference)
        self._faults = list(self._consequences.faults)
        self._gates = {late: Gate(layout, self._directory, late) for late, layout in self._layouts.items()}
        self._withdrawn: list[Withdrawn] = []
        self._lanes: dict[int, Lane] = {}
        self._begin()

    def _lay_out(self, catalogue: Catalogue, splits: Mapping[str, Split]) -> dict[int, Layout]:
        """A layout for each lateness; that of 0 holds the own parts of rules that look at others, too."""
        items: dict[int, list[Item]] = {0: []}
        for rule in self.rulebook.rules:
            if rule.crosses:
                items[0].extend(Item(rule, n, (part, None)) for n, part in enumerate(splits[rule.id].parts))
            else:
                items.setdefault(late_us(rule), []).append(latch(rule))
        return {late: Layout(found, self.roster, catalogue) for late, found in sorted(items.items())}

    def _calendar(self, layout: Layout, almanac: Almanac) -> Calendars:
        places: list[Place | None] = [None] * len(self._groups)
        for subject in layout.subjects if layout.atoms else ():
            places[self._groups[subject.zone]] = self.roster.place_of(subject)
        return Calendars(almanac, layout.atoms, places)

    def _begin(self) -> None:
        self._start = self._clock = np.full(len(self._groups), NEVER)
        self._counter = 0
        places = {late: lane.recalled for late, lane in self._lanes.items()}
        self._lanes = {
            late: Lane(layout, State(layout), self._calendars[late], late, places.get(late))
            for late, layout in self._layouts.items()
        }
        for gate in self._gates.values():
            gate.forget()
        self._consequences.suppressed = set()
        self._transactions = Transactions(self.roster, self._crossing, self._consequences)
        self._withdrawn = []
        self._earliest = self._told_earliest = ALWAYS
        self._broken = False

    # memory

    def restore(self, *states: bytes | None) -> None:
        """Continue from a snapshot, or from nothing. Raises ValueError for bytes that are no snapshot.

        Several are those of engines whose shares do not overlap. Of what lies in no share of this engine nothing is
        taken. Rules, assets and zones no snapshot knows begin now; alarms whose rule is gone fall at the next step.
        """
        self._begin()
        if known := [state for state in states if state is not None]:
            self._withdrawn = load(known, self)

    def snapshot(self) -> bytes:
        """The memory after a step, to be committed with its decisions. Raises RuntimeError after a failed one."""
        if self._broken:
            raise RuntimeError("the last step failed half-way: restore the snapshot before it")
        return dump(self)

    @property
    def quarantined(self) -> dict[str, str]:
        """The rules that failed since they were put in service, and how."""
        return {rule: error for lane in self._lanes.values() for rule, error in lane.quarantined.items()}

    # several engines

    def hand_up(self) -> Handed:
        """What the zones told places above that are decided elsewhere, since it was asked last: with each step."""
        heard, self._transactions.handed = self._transactions.handed, []
        earliest, self._earliest = self._earliest, ALWAYS
        return Handed(earliest, tuple(heard))

    def hear(self, handed: Iterable[Handed]) -> None:
        """Be told what the zones of other engines said, before the step to a tick that all of them have come to.

        It counts as part of that step: whoever does not commit it must `restore` the snapshot before.
        """
        for told in handed:
            self._transactions.hear(told.heard)
            if told.earliest_us is not None:
                self._told_earliest = min(self._told_earliest, told.earliest_us)

    # steps

    def series_of(self, asset: str, prop: str) -> int:
        """The number of a property of an asset in `advance`; −1 for what is not known."""
        return self._directory.number(asset, prop)

    def step(self, readings: pl.DataFrame, now: datetime) -> Decisions:
        """Decide on new readings (`READINGS`, of each zone in order of arrival) and then on the tick `now`.

        Neighbouring rows of one asset with one `observed_at` are one message, until a property comes again; a message
        is never split over two steps. Readings of unknown assets, and values that are no finite number, are passed
        over. A first step puts the rules in service at the earliest instant it speaks of in each zone. Whoever does
        not commit the decisions must `restore` the snapshot before.
        """
        columns = readings.match_to_schema(READINGS)
        number = self._directory.number
        series = [number(*names) for names in zip(columns["asset"], columns["property"], strict=True)]
        value = columns["value"].fill_null(float("nan")).to_numpy()
        return self.decide(np.array(series, np.int64), columns["observed_at"].to_numpy(), value, now)

    def decide(self, series: Ints, at: Ints, value: Floats, now: datetime) -> Decisions:
        """As `step`, of columns: the numbers of `series_of`, µs since 1970, values in the catalogue's unit."""
        now_us = to_us(now)
        self._broken = True
        before = self.quarantined
        turns = self.advance(series, at, value, now_us)
        faults, self._faults = self._faults, []
        fallen = {rule: error for rule, error in self.quarantined.items() if rule not in before}
        faults.extend(RuleFault(rule, "", error, quarantined=True) for rule, error in fallen.items())
        start, end = (dict(zip(self._groups, clock.tolist(), strict=True)) for clock in (self._start, self._clock))
        withdrawn = tuple(self._withdrawals(start))
        self._transactions.feed(self._told(turns))
        said = self._transactions.run(start, end, now_us)
        faults.extend(RuleFault("", "", error, quarantined=False) for error in self._inference.take_faults())
        self._broken = False
        return Decisions(said.edges, said.wants, (*withdrawn, *said.alarms), tuple(faults), said.requests)

    def advance(self, series: Ints, at: Ints, value: Floats, now_us: int) -> dict[int, Turns]:
        """The conditions alone: every turn of rules over readings, by lateness, as columns. Moves the clocks."""
        items = sequence(self._directory, series, at, value, self._clock, self._counter)
        self._counter = int(items.message[-1]) + 1 if len(items.message) else self._counter
        self._start, self._clock = start, end = self._span(items, now_us)
        return {
            late: lane.run(self._gates[late].rows(items, end, self._directory.group), start - late, end - late)
            for late, lane in self._lanes.items()
        }

    def _span(self, items: Items, now_us: int) -> tuple[Ints, Ints]:
        """The groups' clocks before and after.

        A zone's first step begins at the earliest instant it speaks of; a commune's or the territory's at the earliest
        that it speaks of anywhere.
        """
        low = np.full(len(self._groups), now_us)
        high = np.full(len(self._groups), now_us)
        group = self._directory.group[items.series]
        np.minimum.at(low, group, items.at)
        np.maximum.at(high, group, items.clock)
        earliest = int(low.min(initial=min(now_us, self._told_earliest)))
        low[self._places] = earliest
        self._earliest, self._told_earliest = min(self._earliest, earliest), ALWAYS
        start = np.where(self._clock == NEVER, low, self._clock)
        return start, np.maximum(start, high)

    def _told(self, turns: Mapping[int, Turns]) -> Iterator[tuple[str, Key, Turn | Told]]:
        """Every turn with its group and transaction, in no order."""
        for late, found in turns.items():
            layout = self._layouts[late]
            items = layout.instance_item[found.instance].tolist()
            subjects = layout.instance_subject[found.instance].tolist()
            columns = (found.t, found.phase, found.message, found.what, found.since)
            rows = zip(items, subjects, *(column.tolist() for column in columns), found.value.tolist(), strict=True)
            for row, (number, place, t, phase, message, what, since, value) in enumerate(rows):
                item, subject = layout.items[number], layout.subjects[place]
                key = Key(t + late, phase, (0, "", 0, message))
                if what >= PART:
                    yield subject.zone, key, Told(item.rule.id, item.part or 0, subject.id, what - PART)
                    continue
                cause = {"readings": list(self._readings(layout, item, number, found, row))}
                wanted = None if isnan(value) else value
                turn = Turn(item.rule.id, subject.id, what != FALL, what == RENEWAL, t, since, cause, wanted)
                yield subject.zone, key, turn

    def _readings(self, layout: Layout, item: Item, number: int, turns: Turns, row: int) -> Iterator[dict[str, Any]]:
        """The newest samples of the item's properties as an explanation shows them."""
        for k, name in enumerate(layout.item_properties[number]):
            prop = layout.properties.number(item.rule, name)
            found = layout.properties.found[prop]
            at, value = int(turns.cause_at[row, k]), int(turns.cause_value[row, k])
            if at == NEVER:
                yield {"property": name, "value": None, "observed_at": None}
                continue
            shown: dict[str, Any] = {"property": name, "value": value, "observed_at": isoformat(from_us(at))}
            if found.kind == "choice":
                shown["value"] = found.choices[value] if 0 <= value < len(found.choices) else value
            elif found.kind == "switch":
                shown["value"] = bool(value)
            else:
                shown |= {"value": value / float(layout.properties.scale[prop]), "unit": found.unit}
            yield shown

    def _withdrawals(self, start: Mapping[str, int]) -> Iterator[AlarmChange]:
        gone, self._withdrawn = self._withdrawn, []
        for alarm in gone:
            asset = self.roster.by_id.get(alarm.subject)
            if asset is not None:
                yield withdrawal(alarm.rule, alarm.version, Priority(alarm.priority), asset, start[asset.zone])


def late_us(rule: Rule) -> int:
    """A rule's lateness in µs."""
    return in_us(rule.definition.lateness)
