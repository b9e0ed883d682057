"""The rule engine: readings and the clock in, decisions out. Pure but for its inference; its memory is the caller's."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from engine.catalogue import Catalogue, Property
from engine.instants import from_us, isoformat, to_us
from engine.model import Asset, Priority
from engine.rulebook.conditions import DELAY, Changes, CompiledRule, Fleet, Span, latch, renewals, timeline
from engine.rulebook.consequences import Consequences, Event, Turn, withdrawal
from engine.rulebook.decisions import AlarmChange, Decisions, RuleFault
from engine.rulebook.definitions import Rulebook
from engine.rulebook.inference import Inference
from engine.rulebook.memory import (
    NEVER,
    FleetMemory,
    Ints,
    Memory,
    Restored,
    Roster,
    RuleStamp,
    Samples,
    Withdrawn,
    dump,
    load,
)  # fmt: skip

READINGS = pl.Schema({"asset": pl.String, "property": pl.String, "observed_at": pl.Int64, "value": pl.Float64})


class RuleEngine:
    """One rulebook over the assets of some zones.

    Each zone has a clock of its own: the greatest tick or event time it has seen. What a zone decides therefore does
    not depend on how its readings are mixed with those of others, nor on which zones an engine holds.
    """

    def __init__(self, rulebook: Rulebook, catalogue: Catalogue, assets: Sequence[Asset], inference: Inference) -> None:
        self._rulebook = rulebook
        self._inference = inference
        self._assets = {asset.id: asset for asset in assets}
        self._zones = {zone: place for place, zone in enumerate(sorted({asset.zone for asset in assets}))}
        self._fleets = self._muster(catalogue)
        self._directory = self._list_assets()
        self._consequences = Consequences(rulebook, catalogue, self._assets, self._fleets, inference)
        self._faults = list(self._consequences.faults)
        self._quarantined: set[str] = set()
        self._withdrawn: list[Withdrawn] = []
        self._memory = self._fresh()

    def restore(self, state: bytes | None) -> None:
        """Continue from a snapshot, or from nothing. Raises ValueError for bytes that are no snapshot.

        Rules, assets and zones the snapshot does not know begin now; alarms whose rule is gone fall at the next step.
        """
        self._quarantined.clear()
        restored = Restored(self._fresh()) if state is None else load(state, self._fresh(), self._roster())
        self._memory = restored.memory
        self._withdrawn = [*restored.withdrawn, *self._uncovered()]

    def snapshot(self) -> bytes:
        """The memory after the last step, to be committed with its decisions.

        A quarantined rule is left out but for its alarms: put in service again, it begins anew.
        """
        return dump(self._memory, self._roster())

    def step(self, readings: pl.DataFrame, now: datetime) -> Decisions:
        """Decide on new readings (`READINGS`, of each zone in order of arrival) and then on the tick `now`.

        Neighbouring rows of one asset with one `observed_at` are one message, until a property comes again; a message
        is never split over two steps. Readings of unknown assets, and values that are no finite number, are passed
        over. A first step puts the rules in service at the earliest instant it speaks of in each zone. Whoever does
        not commit the decisions must `restore` the snapshot before.
        """
        memory = self._memory.copy()
        items = self._items(readings)
        span = self._advance(memory, items, to_us(now))
        rows = _messages(items, span.start_us)
        faults, self._faults = self._faults, []
        events: list[Event] = []
        for name, fleet in self._fleets.items():
            own = rows.filter(pl.col("fleet") == name)
            events.extend(self._fleet_events(fleet, memory.fleets[name], own, span, faults))
        edges, wants, alarms = self._consequences.of(events, self._memory.fleets, memory.fleets)
        withdrawn = tuple(self._withdrawals(span.start_us))
        faults.extend(RuleFault("", "", error, quarantined=False) for error in self._inference.take_faults())
        self._memory = memory
        self._withdrawn = []
        return Decisions(edges, wants, (*withdrawn, *alarms), tuple(faults))

    def _uncovered(self) -> Iterator[Withdrawn]:
        """Alarms of assets that their rule's `for_each` no longer covers; they are taken down."""
        for name, fleet in self._fleets.items():
            for compiled in fleet.rules:
                raised = self._memory.fleets[name].rules[compiled.rule.id].raised
                left = np.flatnonzero(raised & ~compiled.covers)
                raised[left] = False
                stamp = self._stamp(compiled)
                yield from (Withdrawn(compiled.rule.id, stamp, fleet.assets[place].id) for place in left)

    def _muster(self, catalogue: Catalogue) -> dict[str, Fleet]:
        types = sorted({rule.definition.for_each.type for rule in self._rulebook.rules})
        return {
            name: Fleet(
                catalogue.types[name],
                [asset for asset in self._assets.values() if asset.type == name],
                self._zones,
                [rule for rule in self._rulebook.rules if rule.definition.for_each.type == name],
            )
            for name in types
        }

    def _list_assets(self) -> pl.DataFrame:
        """Every asset with its zone; the place in its fleet where it is in one."""
        places = {asset.id: place for fleet in self._fleets.values() for place, asset in enumerate(fleet.assets)}
        return pl.DataFrame(
            {
                "id": list(self._assets),
                "zone": [self._zones[asset.zone] for asset in self._assets.values()],
                "fleet": [asset.type for asset in self._assets.values()],
                "place": [places.get(asset, -1) for asset in self._assets],
            },
            {"id": pl.String, "zone": pl.Int64, "fleet": pl.String, "place": pl.Int64},
        )

    def _fresh(self) -> Memory:
        return Memory(np.full(len(self._zones), NEVER), {name: fleet.fresh() for name, fleet in self._fleets.items()})

    def _roster(self) -> Roster:
        stamps = {name: {c.rule.id: self._stamp(c) for c in fleet.rules} for name, fleet in self._fleets.items()}
        assets = {name: tuple(asset.id for asset in fleet.assets) for name, fleet in self._fleets.items()}
        return Roster(tuple(self._zones), assets, stamps)

    def _stamp(self, compiled: CompiledRule) -> RuleStamp:
        rule = compiled.rule
        alarm = None if rule.shadow else rule.definition.then.alarm
        version = "quarantined" if rule.id in self._quarantined else rule.version
        return RuleStamp(version, None if alarm is None else alarm.priority.value)

    def _items(self, readings: pl.DataFrame) -> pl.DataFrame:
        """The readings of known assets, zone by zone, in order of arrival."""
        finite = readings.match_to_schema(READINGS).filter(pl.col("value").is_finite())
        known = finite.join(self._directory, left_on="asset", right_on="id", maintain_order="left")
        return known.sort("zone", maintain_order=True)

    def _advance(self, memory: Memory, items: pl.DataFrame, now_us: int) -> Span:
        """Move the zones' clocks; the span moved over, for each zone."""
        seen = items.group_by("zone").agg(low=pl.col("observed_at").min(), high=pl.col("observed_at").max())
        low, high = np.full(len(self._zones), now_us), np.full(len(self._zones), now_us)
        low[seen["zone"].to_numpy()] = np.minimum(seen["low"].to_numpy(), now_us)
        high[seen["zone"].to_numpy()] = np.maximum(seen["high"].to_numpy(), now_us)
        start = np.where(memory.clock_us == NEVER, low, memory.clock_us)
        memory.clock_us = np.maximum(start, high)
        return Span(start, memory.clock_us)

    def _fleet_events(
        self, fleet: Fleet, memory: FleetMemory, rows: pl.DataFrame, zones: Span, faults: list[RuleFault]
    ) -> Iterator[Event]:
        span = Span(zones.start_us[fleet.zone], zones.end_us[fleet.zone])
        points = timeline(fleet, memory, rows, span)
        for compiled in fleet.rules:
            name = compiled.rule.id
            if name in self._quarantined:
                continue
            before = memory.rules[name]
            try:
                changes, after = latch(compiled, before, points, span)
                events = list(_events(fleet, compiled, changes, renewals(compiled, before, changes, span)))
            except Exception as error:  # noqa: BLE001 - one rule's failure must not stop the others
                self._quarantined.add(name)
                faults.append(RuleFault(name, "", f"{type(error).__name__}: {error}", quarantined=True))
                continue
            memory.rules[name] = after
            yield from events

    def _withdrawals(self, at_us: Ints) -> Iterator[AlarmChange]:
        for gone in self._withdrawn:
            asset = self._assets.get(gone.asset)
            if asset is not None and gone.stamp.priority is not None:
                at = int(at_us[self._zones[asset.zone]])
                yield withdrawal(gone.rule, gone.stamp.version, Priority(gone.stamp.priority), asset, at)


def _messages(items: pl.DataFrame, start_us: Ints) -> pl.DataFrame:
    """The readings with the number of their message and the instant it is evaluated at: no earlier than the clock."""
    same = (pl.col("asset") == pl.col("asset").shift(1)) & (pl.col("observed_at") == pl.col("observed_at").shift(1))
    items = items.with_columns(
        start_us=pl.Series(start_us[items["zone"].to_numpy()], dtype=pl.Int64),
        run=(~same).fill_null(value=True).cum_sum().cast(pl.Int64),
    )
    begins = (items["run"].diff() != 0).fill_null(value=True).to_numpy().copy()
    begins[_repeats(items)] = True
    return items.select(
        pl.col("place").alias("asset"),
        "fleet",
        "property",
        "value",
        at_us="observed_at",
        e_us=pl.max_horizontal("observed_at", "start_us").cum_max().over("zone"),
        message=pl.Series(np.cumsum(begins), dtype=pl.Int64),
    ).filter(pl.col("asset") >= 0)


def _repeats(items: pl.DataFrame) -> list[int]:
    """Rows at which a property comes again within a message: there the next one begins."""
    found: list[int] = []
    again = pl.struct("run", "property").is_duplicated()
    doubtful = items.with_row_index("row").filter(again.any().over("run"))
    seen: set[tuple[int, str]] = set()
    for row, run, name in doubtful.select("row", "run", "property").iter_rows():
        if (run, name) in seen:
            seen.clear()
            found.append(row)
        seen.add((run, name))
    return found


def _events(fleet: Fleet, compiled: CompiledRule, changes: Changes, renewed: tuple[Ints, Ints]) -> Iterator[Event]:
    name = compiled.rule.id
    columns = (changes.asset, changes.rises, changes.at_us, changes.phase, changes.message, changes.since_us)
    for index, (place, rises, at, phase, message, since) in enumerate(
        zip(*(column.tolist() for column in columns), strict=True)
    ):
        readings = [_reading(fleet.types[key], key, held, index) for key, held in changes.cause.items()]
        cause = {"since": isoformat(from_us(since)), "readings": readings}
        yield Event(at, fleet.assets[place].zone, phase, message, name, place, Turn(rises), cause)
    for place, at in zip(*(column.tolist() for column in renewed), strict=True):
        yield Event(at, fleet.assets[place].zone, DELAY, -1, name, place, Turn.RENEWAL, {})


def _reading(found: Property, name: str, held: Samples, index: int) -> dict[str, Any]:
    """A sample as an explanation shows it: a choice by its name, a number with its unit; None where there was none."""
    at, value = int(held.at_us[index]), float(held.value[index])
    if at == NEVER:
        return {"property": name, "value": None, "observed_at": None}
    shown: dict[str, Any] = {"property": name, "value": value, "observed_at": isoformat(from_us(at))}
    if found.kind == "choice":
        shown["value"] = found.choices[int(value)] if 0 <= value < len(found.choices) else value
    elif found.kind == "switch":
        shown["value"] = bool(value)
    else:
        shown["unit"] = found.unit
    return shown
