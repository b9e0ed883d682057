"""What the rule engine remembers between two steps, as arrays over the assets of one type; and its form in bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import polars as pl

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# Before every instant, and far enough from the edge of 64 bits that a duration may be added.
NEVER = -(2**62)

FORMAT = 1


@dataclass(slots=True)
class Samples:
    """The newest reading of one property: event time in µs (NEVER without one) and value."""

    at_us: Ints
    value: Floats

    @classmethod
    def none(cls, count: int) -> "Samples":
        return cls(np.full(count, NEVER), np.zeros(count))

    def copy(self) -> "Samples":
        return Samples(self.at_us.copy(), self.value.copy())


@dataclass(slots=True)
class RuleMemory:
    """Where a rule stands for each asset.

    `run` is 1 in a run of its set condition S, 2 of its reset condition R, 0 in neither; `since_us` its start, and
    `cause` the samples of the rule's properties at that start. `raised` is the latch. `born_us` is NEVER before birth.
    """

    run: npt.NDArray[np.int8]
    since_us: Ints
    raised: Bools
    raised_us: Ints
    suppressed: Bools
    born_us: Ints
    cause: dict[str, Samples]

    @classmethod
    def unborn(cls, count: int, properties: Sequence[str]) -> "RuleMemory":
        return cls(
            run=np.zeros(count, np.int8),
            since_us=np.full(count, NEVER),
            raised=np.zeros(count, np.bool_),
            raised_us=np.full(count, NEVER),
            suppressed=np.zeros(count, np.bool_),
            born_us=np.full(count, NEVER),
            cause={name: Samples.none(count) for name in properties},
        )

    def copy(self) -> "RuleMemory":
        cause = {name: samples.copy() for name, samples in self.cause.items()}
        return RuleMemory(**{name: getattr(self, name).copy() for name in _ARRAYS}, cause=cause)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Every array under a name of its own."""
        named = {name: getattr(self, name) for name in _ARRAYS}
        return named | _sample_arrays(self.cause)


_ARRAYS = ("run", "since_us", "raised", "raised_us", "suppressed", "born_us")
_LATCH = ("raised", "raised_us", "suppressed")


def _sample_arrays(samples: Mapping[str, Samples]) -> dict[str, npt.NDArray[Any]]:
    at = {f"at {name}": held.at_us for name, held in samples.items()}
    return at | {f"value {name}": held.value for name, held in samples.items()}


@dataclass(slots=True)
class FleetMemory:
    """The newest samples of one asset type's properties, and where each of its rules stands."""

    samples: dict[str, Samples]
    rules: dict[str, RuleMemory]

    def copy(self) -> "FleetMemory":
        samples = {name: held.copy() for name, held in self.samples.items()}
        return FleetMemory(samples, {name: rule.copy() for name, rule in self.rules.items()})


@dataclass(slots=True)
class Memory:
    """All of it. `clock_us` is each zone's clock, NEVER before its first item."""

    clock_us: Ints
    fleets: dict[str, FleetMemory]

    def copy(self) -> "Memory":
        return Memory(self.clock_us.copy(), {name: fleet.copy() for name, fleet in self.fleets.items()})


@dataclass(frozen=True, slots=True)
class RuleStamp:
    """What must be known of a rule to read its memory again: its version, and its alarm's priority if it has one."""

    version: str
    priority: str | None


@dataclass(frozen=True, slots=True)
class Roster:
    """Which asset each place of the arrays stands for, and which rules run over each asset type."""

    zones: tuple[str, ...]
    assets: Mapping[str, tuple[str, ...]]
    rules: Mapping[str, Mapping[str, RuleStamp]]


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """An alarm that stood when its rule, or the asset's place in it, was withdrawn."""

    rule: str
    stamp: RuleStamp
    asset: str


@dataclass(slots=True)
class Restored:
    memory: Memory
    withdrawn: list[Withdrawn] = field(default_factory=list)


def dump(memory: Memory, roster: Roster) -> bytes:
    """The memory as bytes: a JSON header, then one Arrow table an asset type."""
    tables = {name: _table(memory.fleets[name], roster.assets[name]) for name in sorted(memory.fleets)}
    header = {
        "format": FORMAT,
        "clock_us": dict(zip(roster.zones, memory.clock_us.tolist(), strict=True)),
        "rules": {name: {k: [v.version, v.priority] for k, v in roster.rules[name].items()} for name in tables},
        "tables": {name: len(table) for name, table in tables.items()},
    }
    head = orjson.dumps(header, option=orjson.OPT_SORT_KEYS)
    return b"".join([len(head).to_bytes(8, "big"), head, *tables.values()])


def load(state: bytes, fresh: Memory, roster: Roster) -> Restored:
    """Put a dumped memory into a fresh one: matched by zone, asset id, property and rule.

    A rule whose version changed keeps its alarms and is born anew. Raises ValueError for bytes of another format.
    """
    size = int.from_bytes(state[:8], "big")
    try:
        header = orjson.loads(state[8 : 8 + size])
    except orjson.JSONDecodeError:
        header = {}
    if header.get("format") != FORMAT:
        raise ValueError(f"not a rule engine state of format {FORMAT}; start it without one")
    for index, zone in enumerate(roster.zones):
        fresh.clock_us[index] = header["clock_us"].get(zone, NEVER)
    restored = Restored(fresh)
    offset = 8 + size
    for name, length in header["tables"].items():
        table = pl.read_ipc(state[offset : offset + length], use_pyarrow=False)
        stamps = {rule: RuleStamp(*stamp) for rule, stamp in header["rules"][name].items()}
        _Reader(name, table, stamps, roster).read_into(restored)
        offset += length
    return restored


def _table(fleet: FleetMemory, assets: Sequence[str]) -> bytes:
    columns: dict[str, npt.NDArray[Any]] = _sample_arrays(fleet.samples)
    for rule, memory in fleet.rules.items():
        columns |= {f"{rule} {name}": array for name, array in memory.arrays().items()}
    buffer = BytesIO()
    pl.DataFrame({"asset": assets, **columns}).write_ipc(buffer, compression="lz4")
    return buffer.getvalue()


class _Reader:
    """Moves one asset type's table into the arrays of the assets that are still there."""

    def __init__(self, name: str, table: pl.DataFrame, stamps: Mapping[str, RuleStamp], roster: Roster) -> None:
        self._name = name
        self._stamps = stamps
        self._now = roster.rules.get(name, {})
        self._assets = roster.assets.get(name, ())
        self._table = table
        places = {asset: index for index, asset in enumerate(self._assets)}
        target = np.array([places.get(asset, -1) for asset in table["asset"].to_list()], np.int64)
        self._from = np.flatnonzero(target >= 0)
        self._to = target[self._from]

    def read_into(self, restored: Restored) -> None:
        fleet = restored.memory.fleets.get(self._name)
        if fleet is not None:
            self._move(_sample_arrays(fleet.samples), "")
        for rule, stamp in self._stamps.items():
            memory = None if fleet is None else fleet.rules.get(rule)
            now = self._now.get(rule)
            if memory is not None and now is not None:
                self._move_rule(memory, rule, same=now.version == stamp.version, alarms=_alarms(stamp, now))
            if stamp.priority is not None:
                kept = None if memory is None or now is None or now.priority is None else memory
                restored.withdrawn.extend(self._withdrawn(rule, stamp, kept))

    def _move_rule(self, memory: RuleMemory, rule: str, *, same: bool, alarms: bool) -> None:
        arrays = memory.arrays()
        if not same:
            arrays = {name: arrays[name] for name in _LATCH if alarms}
        self._move(arrays, f"{rule} ")

    def _move(self, arrays: Mapping[str, npt.NDArray[Any]], prefix: str) -> None:
        for name, array in arrays.items():
            if prefix + name in self._table.columns:
                array[self._to] = self._table[prefix + name].to_numpy()[self._from]

    def _withdrawn(self, rule: str, stamp: RuleStamp, kept: RuleMemory | None) -> list[Withdrawn]:
        if kept is not None:
            return []
        standing = self._table.filter(pl.col(f"{rule} raised"))["asset"]
        return [Withdrawn(rule, stamp, asset) for asset in standing]


def _alarms(then: RuleStamp, now: RuleStamp) -> bool:
    return then.priority is not None and now.priority is not None
