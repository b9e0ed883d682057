"""Conditions, vectorised: from readings to the instants at which a rule's condition rises or falls.

Signals are half-open, the newest reading wins, a value goes UNKNOWN at exactly its age limit, and timers precede
readings of the same instant. However a sequence is cut into steps, it says the same to the microsecond.
Null is UNKNOWN: polars' `&`, `|` and `~` are Kleene's.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from operator import and_, eq, ge, gt, le, lt, ne, or_

import numpy as np
import polars as pl

from engine.catalogue import AssetType
from engine.model import Asset
from engine.rulebook.definitions import Rule
from engine.rulebook.expressions import Absent, And, Compare, Constant, Expression, Not, Or, leaves
from engine.rulebook.memory import NEVER, Bools, FleetMemory, Floats, Ints, RuleMemory, Samples

# The order of what happens at one instant.
BIRTH, DELAY, EXPIRY, MESSAGE = -1, 0, 1, 2

_IDLE, _SET, _RESET = 0, 1, 2
_OPERATORS = {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
_MICROSECOND = timedelta(microseconds=1)


def compile_expression(expression: Expression) -> pl.Expr:
    """The condition over a timeline's columns: Boolean, null where it cannot be told."""
    match expression:
        case Compare(name, operator, value):
            compared: pl.Expr = _OPERATORS[operator](pl.col(name), value)
            return compared
        case Absent(name, after):
            at = pl.col(_at(name))
            last = pl.when(at == NEVER).then(pl.col("born_us")).otherwise(at)
            return last + after // _MICROSECOND <= pl.col("t")
        case And(parts):
            return reduce(and_, map(compile_expression, parts))
        case Or(parts):
            return reduce(or_, map(compile_expression, parts))
        case Not(part):
            return ~compile_expression(part)
        case Constant(value):
            return pl.lit(value)


class CompiledRule:
    """A rule over the assets of its type: its conditions as expressions, its delays in µs, the assets it covers."""

    def __init__(self, rule: Rule, assets: list[Asset]) -> None:
        definition = rule.definition
        self.rule = rule
        when = compile_expression(rule.when)
        clear = None if rule.clear_when is None else compile_expression(rule.clear_when)
        reset = ~when if clear is None else clear
        self.is_set = when.fill_null(definition.on_unknown == "raise")
        self.is_reset = ~self.is_set & reset.fill_null(definition.on_unknown == "clear")
        self.delay_us = np.array([0, definition.hold // _MICROSECOND, definition.clear_after // _MICROSECOND])
        self.covers = np.array([definition.for_each.covers(asset) for asset in assets], np.bool_)
        trees = (rule.when,) if rule.clear_when is None else (rule.when, rule.clear_when)
        found = [leaf for tree in trees for leaf in leaves(tree) if not isinstance(leaf, Constant)]
        self.properties = tuple(dict.fromkeys(leaf.property for leaf in found))
        self.absences = {(leaf.property, leaf.after // _MICROSECOND) for leaf in found if isinstance(leaf, Absent)}

    def runs(self, points: pl.DataFrame) -> Ints:
        """1 where the set condition holds, 2 where the reset condition does, else 0; at each point."""
        truth = points.select("asset", set=self.is_set, reset=self.is_reset)
        return truth.select(pl.col("set") * _SET + pl.col("reset") * _RESET).to_series().cast(pl.Int64).to_numpy()


class Fleet:
    """The assets of one type that rules speak of, in the order of the arrays, and those rules."""

    def __init__(self, asset_type: AssetType, assets: list[Asset], zones: dict[str, int], rules: list[Rule]) -> None:
        self.assets = assets
        self.zone = np.array([zones[asset.zone] for asset in assets], np.int64)
        self.rules = [CompiledRule(rule, assets) for rule in rules]
        self.properties = tuple(dict.fromkeys(name for rule in self.rules for name in rule.properties))
        self.types = {name: asset_type.properties[name] for name in self.properties}
        self.stale_us = {name: found.stale_after // _MICROSECOND for name, found in self.types.items()}

    def fresh(self) -> FleetMemory:
        count = len(self.assets)
        samples = {name: Samples.none(count) for name in self.properties}
        return FleetMemory(samples, {c.rule.id: RuleMemory.unborn(count, c.properties) for c in self.rules})


@dataclass(frozen=True, slots=True)
class Span:
    """The stretch of time a step covers, for each asset: after `start_us`, up to and with `end_us`."""

    start_us: Ints
    end_us: Ints

    def holds(self, instant_us: Ints, end_us: Ints | None = None) -> Bools:
        """Which instants lie in it, or before the `end_us` given."""
        return (instant_us > self.start_us) & (instant_us <= (self.end_us if end_us is None else end_us))


def timeline(fleet: Fleet, memory: FleetMemory, rows: pl.DataFrame, span: Span) -> pl.DataFrame:
    """Every point at which a condition of the fleet may change, and `memory.samples` brought up to date.

    `rows` are readings (asset, property, at_us, value, e_us, message) in order. The points are (asset, t, phase,
    message), ordered; for each property its value (null when UNKNOWN) and the sample behind it. The first point of an
    asset stands at the span's start. Rules that are not born are born there.
    """
    touched = _due(fleet, memory, span)
    before = {name: held.copy() for name, held in memory.samples.items()}
    events: list[pl.DataFrame] = []
    for name in fleet.properties:
        accepted = _newest(rows.filter(pl.col("property") == name), memory.samples[name])
        events.append(_messages(name, accepted))
        events.append(_expiries(fleet, memory, name, accepted, span))
        _keep(memory.samples[name], accepted)
    for event in events:
        touched[event["asset"].to_numpy()] = True
    first = _start(before, np.flatnonzero(touched), span)
    points = pl.concat([first, *events], how="diagonal").sort("asset", "t", "phase", "message")
    key = pl.struct("asset", "t", "phase", "message")
    held = [column for name in fleet.properties for column in (_at(name), _sample(name))]
    points = points.with_columns(pl.col(held).forward_fill()).filter((key != key.shift(-1)).fill_null(value=True))
    return points.with_columns(
        pl.when(pl.col("t") < pl.col(_at(name)) + stale).then(pl.col(_sample(name))).alias(name)
        for name, stale in fleet.stale_us.items()
    )


def _at(name: str) -> str:
    return f"at {name}"


def _sample(name: str) -> str:
    return f"sample {name}"


def _due(fleet: Fleet, memory: FleetMemory, span: Span) -> Bools:
    """Assets that a delay or a birth concerns, whether or not readings came. Births are written down here."""
    due = np.zeros(len(fleet.assets), np.bool_)
    for compiled in fleet.rules:
        held = memory.rules[compiled.rule.id]
        born = compiled.covers & (held.born_us == NEVER)
        held.born_us[born] = span.start_us[born]
        due |= born | (compiled.covers & (held.run != _IDLE) & span.holds(held.since_us + compiled.delay_us[held.run]))
    return due


def _newest(rows: pl.DataFrame, held: Samples) -> pl.DataFrame:
    """The readings not older than every one before them, grouped by asset, each asset's in order of arrival."""
    known = pl.Series("known", held.at_us[rows["asset"].to_numpy()])
    best = pl.max_horizontal("at_us", "known").cum_max().over("asset")
    return rows.with_columns(known).filter(pl.col("at_us") == best).sort("asset", maintain_order=True)


def _keep(held: Samples, accepted: pl.DataFrame) -> None:
    last = accepted.unique("asset", keep="last")
    places = last["asset"].to_numpy()
    held.at_us[places] = last["at_us"].to_numpy()
    held.value[places] = last["value"].to_numpy()


def _messages(name: str, accepted: pl.DataFrame) -> pl.DataFrame:
    return accepted.select(
        "asset", "message", t="e_us", phase=pl.lit(MESSAGE, pl.Int64), **{_at(name): "at_us", _sample(name): "value"}
    )


def _expiries(fleet: Fleet, memory: FleetMemory, name: str, accepted: pl.DataFrame, span: Span) -> pl.DataFrame:
    """The instants at which a sample passes an age that some rule minds, before the next sample takes its place."""
    held = memory.samples[name]
    asset, at, applied = (accepted[column].to_numpy() for column in ("asset", "at_us", "e_us"))
    until = np.where(_ends(asset), span.end_us[asset], np.roll(applied, -1))
    first_until = span.end_us.copy()
    first = _begins(asset)
    first_until[asset[first]] = applied[first]
    ages = {(compiled.rule.id, age) for compiled in fleet.rules for prop, age in compiled.absences if prop == name}
    found: list[tuple[Ints, Ints]] = []
    for age in {fleet.stale_us[name], *(age for _, age in ages)}:
        new = (at + age > applied) & (at + age <= until)
        old = (held.at_us != NEVER) & span.holds(held.at_us + age, first_until)
        found += [(asset[new], at[new] + age), (np.flatnonzero(old), held.at_us[old] + age)]
    for rule, age in ages:
        due = memory.rules[rule].born_us + age
        never = (held.at_us == NEVER) & span.holds(due, first_until)
        found.append((np.flatnonzero(never), due[never]))
    moments = {"asset": np.concatenate([a for a, _ in found]), "t": np.concatenate([t for _, t in found])}
    return pl.DataFrame(moments).with_columns(phase=pl.lit(EXPIRY, pl.Int64), message=pl.lit(-1, pl.Int64))


def _start(samples: dict[str, Samples], places: Ints, span: Span) -> pl.DataFrame:
    columns: dict[str, Ints | Floats] = {"asset": places, "t": span.start_us[places]}
    for name, held in samples.items():
        columns |= {_at(name): held.at_us[places], _sample(name): held.value[places]}
    return pl.DataFrame(columns).with_columns(phase=pl.lit(BIRTH, pl.Int64), message=pl.lit(-1, pl.Int64))


@dataclass(frozen=True, slots=True)
class Changes:
    """Rises and falls of one rule: which asset, when, in which phase and message, since when, and what was behind."""

    asset: Ints
    rises: Bools
    at_us: Ints
    phase: Ints
    message: Ints
    since_us: Ints
    cause: dict[str, Samples]


def latch(compiled: CompiledRule, held: RuleMemory, points: pl.DataFrame, span: Span) -> tuple[Changes, RuleMemory]:
    """The rule's rises and falls over a timeline, and where it stands afterwards.

    A run of the set condition that lasts `for` raises, one of the reset condition that lasts `clear_after` clears.
    """
    if not compiled.covers.all():
        points = points.filter(pl.Series(compiled.covers[points["asset"].to_numpy()]))
    points = points.with_columns(born_us=pl.Series(held.born_us[points["asset"].to_numpy()]))
    runs = _Runs(compiled, held, points, span)
    changed = runs.changes()
    return runs.select(changed), runs.afterwards(changed)


class _Runs:
    """The maximal stretches over which a rule's set or reset condition holds, asset by asset in order of time."""

    def __init__(self, compiled: CompiledRule, held: RuleMemory, points: pl.DataFrame, span: Span) -> None:
        asset, t, phase, message = (points[name].to_numpy() for name in ("asset", "t", "phase", "message"))
        kind = compiled.runs(points)
        first = phase == BIRTH
        previous = np.where(first, held.run[asset], np.roll(kind, 1))
        keep = np.flatnonzero(first | (kind != previous))
        self._held = held
        self.asset, self.kind, self.phase, self.message = asset[keep], kind[keep], phase[keep], message[keep]
        self.first = first[keep]
        going_on = self.first & (kind[keep] == previous[keep]) & (self.kind != _IDLE)
        self.since = np.where(going_on, held.since_us[self.asset], t[keep])
        self.last = _ends(self.asset)
        until = np.where(self.last, span.end_us[self.asset], np.roll(t[keep], -1))
        delay = compiled.delay_us[self.kind]
        self.due = self.since + delay
        self.fires = (self.kind != _IDLE) & (self.due <= until)
        self.fires &= ~going_on | (self.due > span.start_us[self.asset])
        self.delayed = delay > 0
        self.cause = {
            name: Samples(
                np.where(going_on, samples.at_us[self.asset], points[_at(name)].to_numpy()[keep]),
                np.where(going_on, samples.value[self.asset], points[_sample(name)].to_numpy()[keep]),
            )
            for name, samples in held.cause.items()
        }

    def changes(self) -> Ints:
        """The runs that turn the latch."""
        fired = np.flatnonzero(self.fires)
        asset, rises = self.asset[fired], self.kind[fired] == _SET
        before = np.where(_begins(asset), self._held.raised[asset], np.roll(rises, 1))
        turned: Ints = fired[rises != before]
        return turned

    def select(self, changed: Ints) -> Changes:
        return Changes(
            asset=self.asset[changed],
            rises=self.kind[changed] == _SET,
            at_us=self.due[changed],
            phase=np.where(self.delayed, DELAY, self.phase)[changed],
            message=np.where(self.delayed, -1, self.message)[changed],
            since_us=self.since[changed],
            cause={name: Samples(s.at_us[changed], s.value[changed]) for name, s in self.cause.items()},
        )

    def afterwards(self, changed: Ints) -> RuleMemory:
        held = self._held.copy()
        last = np.flatnonzero(self.last)
        held.run[self.asset[last]] = self.kind[last]
        held.since_us[self.asset[last]] = self.since[last]
        for name, samples in self.cause.items():
            held.cause[name].at_us[self.asset[last]] = samples.at_us[last]
            held.cause[name].value[self.asset[last]] = samples.value[last]
        rises = self.kind[changed] == _SET
        held.raised[self.asset[changed]] = rises  # in order: the last change of an asset stays
        held.raised_us[self.asset[changed][rises]] = self.due[changed][rises]
        return held


def _begins(groups: Ints) -> Bools:
    """Which elements are the first of their group; equal ones are neighbours."""
    first: Bools = np.append(True, groups[1:] != groups[:-1])[: len(groups)]
    return first


def _ends(groups: Ints) -> Bools:
    last: Bools = np.append(groups[1:] != groups[:-1], True)[: len(groups)]
    return last


def renewals(compiled: CompiledRule, before: RuleMemory, changes: Changes, span: Span) -> tuple[Ints, Ints]:
    """Assets and instants at which a want with `every` is made again: at each multiple while the rule holds."""
    want = compiled.rule.definition.then.want
    if want is None or want.every is None:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    every = want.every // _MICROSECOND
    held = np.flatnonzero(before.raised & compiled.covers)
    found: list[tuple[int, Ints]] = []
    up = dict(zip(held.tolist(), before.raised_us[held].tolist(), strict=True))
    for asset, rises, at, phase in zip(
        changes.asset.tolist(), changes.rises.tolist(), changes.at_us.tolist(), changes.phase.tolist(), strict=True
    ):
        if rises:
            up[asset] = at
        else:
            end = at - (phase == DELAY)  # a delay at that very instant is applied with the renewal, and ends it
            found.append((asset, _multiples(up.pop(asset), every, int(span.start_us[asset]), end)))
    for asset, start in up.items():
        found.append((asset, _multiples(start, every, int(span.start_us[asset]), int(span.end_us[asset]))))
    pairs = [(asset, at) for asset, instants in found for at in instants.tolist()]
    return np.array([asset for asset, _ in pairs], np.int64), np.array([at for _, at in pairs], np.int64)


def _multiples(start: int, every: int, after: int, until: int) -> Ints:
    """start + k · every for k ≥ 1, in (after, until]."""
    first = max(1, (after - start) // every + 1)
    return np.arange(start + first * every, until + 1, every, dtype=np.int64)
