"""The loads the rule engine is measured under: assets, their rules as files, and what the assets send.

All of it follows from a seed.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import orjson

from engine.catalogue import Catalogue
from engine.instants import from_us, isoformat, to_us
from engine.model import Asset
from engine.rulebook.definitions import Rule, Rulebook
from engine.rulebook.language import Threshold, Value, properties_of, scale_of, walk
from engine.rulebook.loading import load_rules

START = datetime(2026, 11, 22, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
QUARTERS_A_DAY = 96
_TEXT = {"fr": "charge d'essai", "en": "load for measuring"}


class Columns(NamedTuple):
    """Readings in order of arrival: the places of asset and property in their load, µs since 1970, and the value."""

    asset: np.ndarray
    property: np.ndarray
    observed_at_us: np.ndarray
    value: np.ndarray

    def cut(self, size: int) -> Iterator["Columns"]:
        """Batches of neighbours."""
        for first in range(0, len(self.value), size):
            yield Columns(*(column[first : first + size] for column in self))


@dataclass(frozen=True)
class Load:
    """A catalogue, assets of one of its types, and the texts of rules about them."""

    catalogue: Catalogue
    kind: str
    assets: Sequence[Asset]
    texts: Sequence[str]

    @property
    def properties(self) -> tuple[str, ...]:
        return tuple(self.catalogue.types[self.kind].properties)

    def write_rules(self, folder: Path) -> None:
        """The rule files of a territory: owners, and eight domains that share the rules."""
        (folder / "owners.yaml").write_text(_OWNERS, encoding="utf-8")
        for domain in range(min(8, len(self.texts))):
            path = folder / f"domain-{domain}" / "rules.yaml"
            path.parent.mkdir(parents=True)
            path.write_text("rules:\n" + "\n".join(self.texts[domain::8]), encoding="utf-8")

    def rulebook(self) -> Rulebook:
        with TemporaryDirectory() as folder:
            self.write_rules(Path(folder))
            return load_rules(Path(folder), self.catalogue)

    def payloads(self, readings: Columns) -> list[bytes]:
        """One JSON message a reading, as gateways send them."""
        names, ids = self.properties, [asset.id for asset in self.assets]
        return [
            orjson.dumps({"asset": ids[a], "property": names[p], "value": v, "observed_at": isoformat(from_us(at))})
            for a, p, at, v in zip(*(column.tolist() for column in readings), strict=True)
        ]


# Stations


class Quantity(NamedTuple):
    """A property: its unit, what it can be, and where its values lie around."""

    name: str
    unit: str
    low: float
    high: float
    middle: float
    spread: float

    def at(self, spreads: float) -> str:
        """The value so many spreads from the middle, as rules write it."""
        return f"{self.middle + spreads * self.spread:.3f} {self.unit}"


QUANTITIES = (
    Quantity("level", "m", 0, 30, 5, 1),
    Quantity("flow", "m3/h", 0, 10_000, 500, 100),
    Quantity("power", "kW", 0, 2_000, 60, 12),
    Quantity("temperature", "Cel", -40, 60, 14, 3),
)
_MIDDLES = np.array([each.middle for each in QUANTITIES])
_SPREADS = np.array([each.spread for each in QUANTITIES])
TAGS = 50
FARTHEST = 3.0  # spreads from the middle that no value passes
LIVE = (1.3, 1.7)  # where live thresholds lie, on either side
DEAD = (3.2, 4.5)
DAY = 0.3  # amplitude of the daily pattern


def _types(name: str, properties: Mapping[str, Any], points: Mapping[str, Any]) -> dict[str, Any]:
    """A catalogue of one type, as its file has it."""
    return {"types": {name: {"about": _TEXT, "source": "bench", "properties": properties, "points": points}}}


STATION_FILE = _types(
    "Station",
    {each.name: {"unit": each.unit, "range": [each.low, each.high], "stale_after": "3h"} for each in QUANTITIES},
    {
        "speed": {
            "minimum": 0,
            "maximum": 1,
            "safe": 1,
            "domain": "water",
            "time_to_live": "1h",
            "verify": {"property": "flow", "tolerance": 50, "within": "15min"},
        }
    },
)
STATION = Catalogue.model_validate(STATION_FILE)


@dataclass(frozen=True)
class Stations:
    """`rules` rules, the first `live` of them live, over stations that each tell four quantities once an hour.

    A tag narrows each rule to one station in fifty: a reading meets rules / 200 of them. The walks cross the
    thresholds of live rules; those of the others lie where no value comes. `crossing` is how many thresholds a reading
    crosses on average, of its station's live rules, since the one before it. Loads that differ in `rules` or `windows`
    alone send the same readings and want the same edges.

    Without `windows` the rules that are not live are thresholds only: a reading that crosses none of them asks nothing
    of an engine, where a mean or a silence changes with every reading.
    """

    rules: int
    live: int
    count: int = 50_000
    zones: int = 1_000
    crossing: float = 0.06
    windows: bool = True
    seed: int = 1

    @cached_property
    def load(self) -> Load:
        assets = [
            Asset(f"S-{n:05}", "Station", f"Z-{n % self.zones:04}", -0.55, 47.47, attributes={"tags": [self._tag(n)]})
            for n in range(self.count)
        ]
        random = Random(self.seed)
        live = [_station_rule(n, random, LIVE, windows=True) for n in range(self.live)]
        dead = [_station_rule(n, random, DEAD, windows=self.windows) for n in range(self.live, self.rules)]
        return Load(STATION, "Station", assets, live + dead)

    def told(self, rulebook: Rulebook, before: Columns, after: Columns) -> tuple[float, float]:
        """How many rules a reading meets, and the share of readings across a threshold from the one an hour before.

        `before` and `after` are four quarters each, one after the other.
        """
        names = self.load.properties
        met = np.zeros((TAGS, len(names)))
        across = np.zeros(len(after.value), np.bool_)
        tag = np.array([_number(asset.attributes["tags"]) for asset in self.load.assets])[after.asset]
        for rule in rulebook.rules:
            own_tag = _number(rule.definition.for_each.tag)
            met[own_tag, [names.index(name) for name in properties_of(rule.when)]] += 1
            for name, level in _thresholds(rule):
                own = np.flatnonzero((tag == own_tag) & (after.property == names.index(name)))
                across[own] |= (before.value[own] > level) != (after.value[own] > level)
        return float(met[tag, after.property].mean()), float(across.mean())

    def _tag(self, station: int) -> str:
        """Neighbours in time differ in their tag, and so do the stations of a zone."""
        return f"t{(station + station // self.zones) % TAGS}"


def _number(tags: Sequence[str]) -> int:
    return int(tags[0].removeprefix("t"))


def _thresholds(rule: Rule) -> Iterator[tuple[str, float]]:
    properties = STATION.types["Station"].properties
    for node in walk(rule.when):
        if isinstance(node, Threshold) and isinstance(node.left, Value):
            yield node.left.property, node.constant / scale_of(properties[node.left.property])


class Walks:
    """What the stations send, a quarter of an hour after the other: each tells one of its quantities, in turn.

    How long a walk remembers follows from how often it is to cross a level. Two normal readings of correlation ρ lie
    on either side of a level u spreads from the middle with probability arccos ρ / π · exp(-u²/2). Rice, 1944.
    """

    def __init__(self, stations: Stations) -> None:
        self._stations = stations
        self._random = np.random.default_rng(stations.seed)
        self._state = self._random.standard_normal((stations.count, len(QUANTITIES)))
        self._phase = self._random.uniform(0, 2 * math.pi, stations.count)
        self._station = np.arange(stations.count)
        self._delay_us = self._station * (QUARTER // timedelta(microseconds=1)) // stations.count
        self._turn = 0

    def quarter(self, crossing: float | None = None) -> Columns:
        """The readings of the next quarter of an hour; `crossing` in place of the stations'."""
        memory = self._memory(self._stations.crossing if crossing is None else crossing)
        quantity = (self._station + self._turn) % len(QUANTITIES)
        noise = self._random.standard_normal(len(self._station)) * math.sqrt(1 - memory**2)
        state = self._state[self._station, quantity] * memory + noise
        self._state[self._station, quantity] = state
        at = to_us(START + self._turn * QUARTER) + self._delay_us
        day = DAY * np.sin(2 * math.pi * self._turn / QUARTERS_A_DAY + self._phase)
        spreads = np.clip(state * math.sqrt(1 - DAY**2 / 2) + day, -FARTHEST, FARTHEST)
        self._turn += 1
        return Columns(self._station, quantity, at, np.round(_MIDDLES[quantity] + _SPREADS[quantity] * spreads, 3))

    def quarters(self, count: int, crossing: float | None = None) -> Columns:
        """As many quarters of an hour, one after the other."""
        parts = [self.quarter(crossing) for _ in range(count)]
        return Columns(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def _memory(self, crossing: float) -> float:
        """Correlation of a reading with the one an hour before."""
        live_a_reading = self._stations.live / (TAGS * len(QUANTITIES))
        level = sum(LIVE) / 2
        return math.cos(math.pi * min(0.5, crossing / live_a_reading * math.exp(level**2 / 2)))


def _station_rule(number: int, random: Random, band: tuple[float, float], *, windows: bool) -> str:
    """Of twenty rules fifteen are thresholds, most with delays or hysteresis; two are of two quantities; one each is
    of a mean, a change and a silence."""
    group = number // TAGS
    first = QUANTITIES[(number + group) % len(QUANTITIES)]
    second = QUANTITIES[(number + group + 1) % len(QUANTITIES)]
    side = random.choice((1, -1))
    far, other = random.uniform(*band), random.uniform(*band)
    above, below = (">", "<") if side > 0 else ("<", ">")
    beyond = f"{first.name} {above} {first.at(side * far)}"
    back = f"    clear_when: {first.name} {below} {first.at(side * (far - 0.2))}\n    clear_after: 20min\n"
    held = "    for: 30min\n"
    change = far * first.spread * (0.3 if band is LIVE else 2)
    kinds = (
        (5, beyond, ""),
        (5, beyond, held),
        (4, beyond, back),
        (1, beyond, held + back),
        (2, f"{beyond} {random.choice(('and', 'or'))} {second.name} > {second.at(other)}", ""),
        (1, f"avg({first.name}, 3h) {above} {first.at(side * far)}", ""),
        (1, f"delta({first.name}, 150min) > {change:.3f} {first.unit}", "    clear_after: 20min\n"),
        (1, f"absent({first.name}, 150min)", ""),
    )
    choice = kinds if windows else kinds[:-3]
    ((_, when, timing),) = random.choices(choice, [weight for weight, _, _ in choice])
    want = "      want: {point: speed, value: 50 %, level: 12, ttl: 1h}\n" if random.random() < 0.1 else ""
    priority = random.choice(("low", "medium", "high"))
    return _rule(f"station-{number:05}", f"{{type: Station, tag: t{number % TAGS}}}", when, timing, priority) + want


# Meters: the work that other engines do too


METRICS = tuple(f"m{n:02}" for n in range(20))
METER = Catalogue.model_validate(
    _types("Meter", {name: {"unit": "1", "range": [0, 100], "stale_after": "1 d"} for name in METRICS}, {})
)


@dataclass(frozen=True)
class Meters:
    """A hundred thresholds over twenty metrics of 2,500 meters; each meter tells each metric once, in random order.

    So every rule that holds for a reading is one edge of ours, and one firing of an engine without memory. About one
    reading in twenty meets a rule that holds.
    """

    readings: int = 50_000
    rules: int = 100
    seed: int = 1

    @cached_property
    def load(self) -> Load:
        count = self.readings // len(METRICS)
        assets = [Asset(f"M-{n:04}", "Meter", f"Z-{n % 100:03}", -0.55, 47.47) for n in range(count)]
        texts = [
            _rule(f"meter-{n:03}", "{type: Meter}", f"{metric} > {above}", "", "low")
            for n, (metric, above) in enumerate(self.thresholds)
        ]
        return Load(METER, "Meter", assets, texts)

    @cached_property
    def thresholds(self) -> list[tuple[str, float]]:
        """Metric and level of each rule."""
        random = Random(self.seed)
        return [(METRICS[n % len(METRICS)], round(random.uniform(95, 99), 2)) for n in range(self.rules)]

    @cached_property
    def columns(self) -> Columns:
        random = np.random.default_rng(self.seed)
        meter, metric = np.divmod(random.permutation(self.readings), len(METRICS))
        at = to_us(START) + np.arange(self.readings) * 1_000
        return Columns(meter, metric, at, np.round(random.uniform(0, 100, self.readings), 2))

    @cached_property
    def firings(self) -> set[tuple[int, int]]:
        """Every (rule, reading) that holds."""
        return {
            (rule, reading)
            for rule, (metric, above) in enumerate(self.thresholds)
            for reading in np.flatnonzero(
                (self.columns.property == METRICS.index(metric)) & (self.columns.value > above)
            ).tolist()
        }

    def write_work(self, path: Path) -> None:
        """What `peers` reads."""
        rows = zip(self.columns.property.tolist(), self.columns.value.tolist(), strict=True)
        readings = [(METRICS[place], value) for place, value in rows]
        path.write_bytes(orjson.dumps({"rules": self.thresholds, "readings": readings}))


# Lamps at sunset


def dusk(catalogue: Catalogue, zones: int) -> Load:
    """Thirty lamps in each of at most 1,000 zones, spread over 80 km, that one rule lights when the sun has set."""
    text = """\
  - id: dusk
    about: {fr: Le soleil est couché., en: The sun has set.}
    owner: bench
    for_each: {type: Streetlight}
    when: sun_elevation < -2 deg
    then:
      want: {point: illuminanceLevel, value: 70 %, level: 12, ttl: 14h}
"""
    assets = [
        Asset(f"L-{n:04}-{lamp:02}", "Streetlight", f"Z-{n:04}", -1.1 + n % 40 * 0.03, 47.1 + n // 40 * 0.03)
        for n in range(zones)
        for lamp in range(30)
    ]
    return Load(catalogue, "Streetlight", assets, [text])


# Rule files

_OWNERS = """\
owners:
  bench:
    name: {fr: Service d'essai, en: Measuring service}
"""


def _rule(name: str, for_each: str, when: str, timing: str, priority: str) -> str:
    """A rule that raises an alarm, as its author writes it; `timing` and what may follow it are whole lines."""
    return f"""\
  - id: {name}
    about:
      fr: La grandeur mesurée sort de son domaine habituel.
      en: What is measured leaves its usual range.
    owner: bench
    for_each: {for_each}
    when: {when}
{timing}    then:
      alarm:
        priority: {priority}
        consequence:
          fr: La station ne tient plus son service.
          en: The station does not keep up its service.
        action:
          fr: Vérifier la station sur place et prévenir l'exploitant.
          en: Check the station on site and tell the operator.
        respond_within: 4h
"""
