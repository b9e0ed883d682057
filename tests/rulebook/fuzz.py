"""Random rulebooks over every construct of the language, random sequences, random cuts and restarts.

Two engines are held to each other: the plain one, fed everything at once, and the fast one, fed in pieces.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from engine.calendar import SchoolCalendar, load_school_calendar
from engine.catalogue import Catalogue
from engine.errors import InputError
from engine.instants import from_us, to_us
from engine.model import Asset
from engine.rulebook import READINGS, Almanac, Decisions, Inference, PlainEngine, Rulebook, RuleEngine, load_rules

ROOT = Path(__file__).resolve().parents[2]
BIRTH = datetime(2026, 10, 24, 22, 30, tzinfo=UTC)  # the night the clocks go back, at half past midnight in Paris
TEXT = {"fr": "mots", "en": "words"}
ALARM = {"priority": "low", "consequence": TEXT, "action": TEXT, "respond_within": "1 d"}
OWNERS = {"owners": {"tests": {"name": TEXT, "levels": [5]}}}
POINT = {"minimum": 0, "maximum": 1, "safe": 1, "domain": "lighting", "time_to_live": "30min"}


def _catalogue(stale: str | None) -> Catalogue:
    """Properties that grow stale within minutes, each after its own; or all after the same long time."""

    def entry(after: str, **fields: Any) -> dict[str, Any]:
        return fields | {"stale_after": stale or after}

    power = {"unit": "W", "range": [0, 100]}
    lamp = {
        "power": entry("7min", **power),
        "mode": entry("11min", kind="choice", choices=["off", "on", "low"]),
        "door": entry("30min", kind="switch"),
        "energy": entry("20min", kind="counter", unit="kW.h", range=[0, 1000]),
    }
    points = {"level": POINT | {"verify": {"property": "power", "tolerance": 0.1, "within": "5min"}}}
    cabinet = {"power": entry("5min", **power), "door": entry("9min", kind="switch")}
    about = {"about": TEXT, "source": "tests"}
    types = {"Lamp": about | {"properties": lamp, "points": points}, "Cabinet": about | {"properties": cabinet}}
    return Catalogue.model_validate({"types": types})


# Where values last, nothing but what is tested wakes a rule.
CATALOGUES = (_catalogue(None), _catalogue("1 d"))
ASSETS = (
    Asset("C1", "Cabinet", "east", -0.55, 47.47, attributes={"limit": 40}),
    Asset("C2", "Cabinet", "west", -0.60, 47.40, attributes={"limit": 60.5, "kind": "old"}),
    Asset("C3", "Cabinet", "north", -0.60, 47.60),
    Asset("L1", "Lamp", "east", -0.55, 47.47, parent="C1", attributes={"near": ["L1", "L2"], "led": True, "limit": 55}),
    Asset("L2", "Lamp", "east", -0.55, 47.47, parent="C1", attributes={"near": [], "tags": ["old"], "kind": "old"}),
    Asset("L3", "Lamp", "west", -0.60, 47.40, parent="C2", attributes={"near": ["L3"], "led": True}),
    Asset("L4", "Lamp", "north", -0.60, 47.60, parent="C3", attributes={"near": "L4", "limit": 30}),
    Asset("L5", "Lamp", "north", -0.60, 47.60, attributes={"near": [], "led": False, "tags": ["old", "new"]}),
)
COMMUNES = {"east": "49007", "west": "49007", "north": "49015"}
PROPERTIES = {"Lamp": ("power", "mode", "door", "energy"), "Cabinet": ("power", "door")}


def school() -> SchoolCalendar:
    return load_school_calendar(ROOT / "datasets/reference/school_holidays.yaml")


ALMANAC = Almanac(school())


class Author:
    """Writes random rules. `used` counts the constructs."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.used: Counter[str] = Counter()

    def one(self, *choices: Any) -> Any:
        return self.rng.choice(choices)

    def minutes(self, low: int = 1, high: int = 15) -> str:
        return f"{self.rng.randint(low, high)}min"

    def sign(self) -> str:
        return str(self.one("<", "<=", ">", ">=", "==", "!="))

    def watts(self) -> str:
        return f"{self.rng.choice((0, 10, 20, 30, 50, 70, 100))} W"

    def clock(self, *minutes: str) -> str:
        return f"0{self.rng.randint(0, 5)}:{self.rng.choice(minutes)}"

    def leaf(self, kind: str) -> str:
        numeric = ["power"] if kind == "Cabinet" else ["power", "power", "energy"]
        prop = self.rng.choice(numeric)
        unit, top = ("W", 100) if prop == "power" else ("kWh", 40)
        level = f"{self.rng.randrange(0, top + 1, 10)} {unit}"
        other = self.rng.choice(PROPERTIES[kind])
        leaves: dict[str, Callable[[], str]] = {
            "threshold": lambda: f"{prop} {self.sign()} {level}",
            "choice": lambda: (
                f"mode {self.one('==', '!=')} {self.one('off', 'on', 'low')}" if kind == "Lamp" else "door"
            ),
            "switch": lambda: str(self.one("door", "not door", "door == false")),
            "window": lambda: (
                f"{self.one('avg', 'min', 'max', 'p95', 'sum')}({prop}, {self.minutes()}) {self.sign()} {level}"
            ),
            "at least": lambda: f"avg({prop}, {self.minutes(3)}, at least {self.one(2, 3)}) > {level}",
            "count": lambda: f"count({other}, {self.minutes()}) {self.sign()} {self.rng.randint(0, 4)}",
            "delta": lambda: f"delta({prop}, {self.minutes(3)}) {self.sign()} {self.one(0, 5, 20)} {unit}",
            "rate": lambda: f"rate({prop}, {self.minutes(3)}) > {self.one(10, 100, 1000)} {unit}/h",
            "absent": lambda: f"absent({other}, {self.minutes(1, 20)})",
            "age": lambda: f"age({other}) {self.sign()} {self.minutes()}",
            "changed": lambda: f"changed({other})",
            "changed within": lambda: f"changed({other}, {self.minutes()})",
            "was": lambda: f"{prop} was {self.sign()} {level} {self.minutes()} before",
            "was switch": lambda: f"door was {self.one('true', 'false')} {self.minutes()} before",
            "relation": lambda: (
                f"power {self.sign()} {self.one('0.5', '1.5', '2')} * avg(power, {self.minutes()}) + 3 W"
            ),
            "attribute": lambda: f"power {self.sign()} attribute(limit, W)",
            "ratio": lambda: f"power / (max(power, {self.minutes()}) - 30 W) > {self.one('0.5', '1', '2')}",
            "minus": lambda: f"{self.watts()} - power > -{self.watts()}",
            "text": lambda: f"attribute(kind) {self.one('==', '!=')} old",
            "truth attribute": lambda: "attribute(led)",
            "hours": lambda: f"hours({self.clock('00', '15', '40')}-{self.clock('05', '30')})",
            "weekdays": lambda: str(self.one("weekdays(sat)", "weekdays(sun, mon)")),
            "holidays": lambda: str(self.one("public_holiday", "school_holiday")),
            "dates": lambda: str(self.one("dates(10-25/11-02)", "dates(2026-10-24/2026-10-24)")),
            "sun": lambda: f"sun_elevation {self.one('<', '>')} {self.one('-6', '-40', '-49.5')} deg",
            "between": lambda: str(self.one("between(sunset, sunrise)", "between(sunset + 5h, sunrise - 6h)")),
            "constant": lambda: str(self.one("true", "false")),
        }
        name = self.rng.choice(sorted(leaves))
        self.used[name] += 1
        return leaves[name]()

    def tree(self, leaf: Callable[[], str], depth: int) -> str:
        if depth == 0 or self.rng.random() < 0.35:
            return leaf()
        word = self.rng.choice(("and", "or", "not"))
        self.used[word] += 1
        if word == "not":
            return f"not ({self.tree(leaf, depth - 1)})"
        return f"({self.tree(leaf, depth - 1)}) {word} ({self.tree(leaf, depth - 1)})"

    def own(self, kind: str, depth: int = 2) -> str:
        """A condition on a subject's own readings."""
        if self.rng.random() < 0.12:
            self.used["sequence"] += 1
            first, second = self.tree(lambda: self.leaf(kind), 1), self.tree(lambda: self.leaf(kind), 1)
            return f"({first}) then ({second}) within {self.minutes()}"
        return self.tree(lambda: self.leaf(kind), depth)

    def look(self, known: list[str], scopes: tuple[str, ...]) -> str:
        """A condition on other rules."""
        rule, scope = self.rng.choice(known), self.rng.choice(scopes)
        name = self.one("any", "none", "count", "together", "count ==")
        self.used[f"{name} in {scope}"] += 1
        if name in {"any", "none"}:
            return f"{name}({rule} in {scope})"
        if name == "together":
            return f"together({rule}, {self.rng.choice(known)} in {scope}, {self.minutes()})"
        return f"count({rule} in {scope}) {self.sign()} {self.rng.randint(0, 3)}"

    def crossing(self, kind: str | None, known: list[str], scopes: tuple[str, ...]) -> str:
        def leaf() -> str:
            if kind is not None and self.rng.random() < 0.4:
                return self.leaf(kind)
            return self.look(known, scopes)

        text = f"({self.look(known, scopes)}) {self.one('and', 'or')} ({self.tree(leaf, 1)})"
        return text if "together" not in text else self.tree(lambda: self.look(known, scopes), 0)

    def fields(self, kind: str | None, when: str, clear: str | None) -> dict[str, Any]:
        rng = self.rng
        found: dict[str, Any] = {"about": TEXT, "owner": "tests", "when": when}
        if rng.random() < 0.35:
            found["for"] = self.minutes(1, 6)
        if clear is not None and rng.random() < 0.3:
            found["clear_when"] = clear
        if rng.random() < 0.35:
            found["clear_after"] = self.minutes(1, 6)
        if rng.random() < 0.2:
            found["schedule"] = self.one(
                {"hours": "00:40-01:10"}, {"hours": ["01:00-02:30", "03:00-03:20"], "weekdays": ["sun"]},
                {"sun": {"from": "sunset + 5h", "to": "sunrise - 1h"}}, {"school_holidays": "only"},
                {"public_holidays": "never", "dates": "10-25/10-25"},
            )  # fmt: skip
            self.used["schedule"] += 1
        found["on_unknown"] = self.one("hold", "clear", "raise")
        found["mode"] = self.one("active", "active", "active", "shadow")
        del kind
        return found

    def then(self, kind: str | None) -> dict[str, Any]:
        rng = self.rng
        found: dict[str, Any] = {}
        if rng.random() < 0.6:
            found["alarm"] = ALARM
        if kind == "Lamp" and rng.random() < 0.5:
            found["want"] = self.want(self.one("self", "near", "siblings-of-type"))
        elif kind is None and rng.random() < 0.3:
            found["want"] = {"point": "level", "value": 0.5, "ttl": "20min", "targets": {"type": "Lamp"}}
        elif kind == "Cabinet" and rng.random() < 0.4:
            found["want"] = self.want(self.one("children", "siblings-of-type"))
        if rng.random() < 0.2:
            found["fact"] = self.one("odd_thing", "sad_thing")
        if rng.random() < 0.2:
            found["replan"] = {"domain": "lighting"}
        if rng.random() < 0.2 or not found:
            found["workorder"] = {"title": TEXT, "within": "2 d"}
        return found

    def want(self, targets: str) -> dict[str, Any]:
        found: dict[str, Any] = {"point": "level", "value": self.one(0, 1, "50 %"), "ttl": "20min"}
        found["targets"] = {"type": "Lamp"} if targets == "siblings-of-type" else targets
        if self.rng.random() < 0.5:
            found["every"] = self.minutes(1, 9)
            self.used["every"] += 1
        return found

    def rules(self, count: int) -> list[dict[str, Any]]:
        """Rules in an order in which each looks at earlier ones only."""
        found: list[dict[str, Any]] = []
        for number in range(count):
            stage = self.rng.choice(("own", "own", "own", "asset", "zone", "commune", "territory"))
            below = [r["id"] for r in found if _reach(r) <= _RANK[stage]]
            found.append(self.rule(f"r{number}", "own" if not below else stage, below))
            over = [r["id"] for r in found[:-1] if _reach(r) == 0 and _reach(found[-1]) == 0]
            self.cover(found[-1], over)
        return found

    def rule(self, name: str, stage: str, below: list[str]) -> dict[str, Any]:
        self.used[f"stage {stage}"] += 1
        if stage in {"zone", "commune", "territory"}:
            when = self.crossing(None, below, (stage,))
            fields = self.fields(None, when, self.crossing(None, below, (stage,)))
            return {"id": name, "for_each": {"each": stage}, **fields, "then": self.then(None)}
        kind = self.one("Lamp", "Lamp", "Cabinet")
        scopes = ("self", "parent", "children", "siblings", "zone")
        if stage == "asset":
            when, clear = self.crossing(kind, below, scopes), self.crossing(kind, below, scopes)
            if "together" in clear:
                clear = self.own(kind)
        else:
            when, clear = self.own(kind), self.own(kind)
        fields = self.fields(kind, when, clear)
        if stage == "own" and self.rng.random() < 0.15:
            fields["lateness"] = self.minutes(1, 4)
            self.used["lateness"] += 1
        narrowed = self.one(
            {}, {}, {"where": {"led": True}}, {"tag": "old"}, {"zone": ["east", "west"]}, {"commune": "49007"}
        )
        return {"id": name, "for_each": {"type": kind, **narrowed}, **fields, "then": self.then(kind)}

    def cover(self, rule: dict[str, Any], others: list[str]) -> None:
        """Let an earlier rule silence or block it."""
        if not others or self.rng.random() > 0.35:
            return
        over = {"rule": self.rng.choice(others), "via": self.one("self", "parent", "zone")}
        if "alarm" in rule["then"]:
            rule["silenced_by"] = over
            self.used["silenced"] += 1
        if "want" in rule["then"] and self.rng.random() < 0.7:
            rule["blocked_by"] = over
            self.used["blocked"] += 1


_RANK = {"own": 0, "asset": 0, "zone": 0, "commune": 1, "territory": 2}


def _reach(rule: dict[str, Any]) -> int:
    return _RANK[rule["for_each"].get("each", "own")]


def book(rules: list[dict[str, Any]], catalogue: Catalogue) -> Rulebook:
    """The rulebook of some rules, through files."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "owners.yaml").write_text(json.dumps(OWNERS))
        (folder / "some").mkdir()
        (folder / "some" / "rules.yaml").write_text(json.dumps({"rules": rules}))
        return load_rules(folder, catalogue)


def random_book(author: Author, count: int, catalogue: Catalogue) -> Rulebook:
    """Rules that never change are refused by the loader: others are written in their place."""
    while True:
        try:
            return book(author.rules(count), catalogue)
        except InputError as error:
            if not all(any(odd in problem.what for odd in _POINTLESS) for problem in error.problems):
                raise


_POINTLESS = ("never changes", "is never", "is always", "never stands")
Reading = tuple[str, str, int, float]
Item = list[Reading] | int  # a message, or a tick


def sequence(rng: random.Random, count: int) -> list[Item]:
    """Messages and ticks: some early, some late, some corrections, often at the very instant of another."""
    found: list[Item] = []
    clock = BIRTH
    for _ in range(count):
        clock += timedelta(seconds=rng.choice((0, 0, 20, 60, 60, 120, 180, 420)))
        if rng.random() < 0.2:
            found.append(to_us(clock))
            continue
        asset = rng.choice(ASSETS)
        late = timedelta(minutes=rng.choice((0, 0, 0, 0, 1, 2, 5, 9)))
        at = to_us(clock - late)
        names = rng.sample(PROPERTIES[asset.type], rng.randint(1, 2))
        found.append([(asset.id, name, at, value(rng, name)) for name in names])
    found.append(to_us(clock + timedelta(hours=1)))
    found.append(to_us(clock + timedelta(hours=1, seconds=1)))
    return found


def value(rng: random.Random, name: str) -> float:
    return {
        "power": rng.choice((0.0, 10.0, 20.0, 20.000001, 33.3, 50.0, 70.0, 100.0)),
        "mode": float(rng.randrange(3)),
        "door": float(rng.randrange(2)),
        "energy": rng.choice((0.0, 1.0, 5.0, 10.0, 20.0, 40.0)),
    }[name]


def frame(readings: list[Reading]) -> pl.DataFrame:
    return pl.DataFrame(readings, schema=READINGS, orient="row")


def plainly(rulebook: Rulebook, items: list[Item], catalogue: Catalogue) -> dict[str, list[Any]]:
    """The plain engine, one item at a time."""
    engine = PlainEngine(rulebook, catalogue, ASSETS, ALMANAC, COMMUNES)
    said = seen(engine.step(frame([]), BIRTH))
    tick = BIRTH
    for item in items:
        tick = from_us(item) if isinstance(item, int) else tick
        add(said, seen(engine.step(frame([] if isinstance(item, int) else item), tick)))
    return said


def quickly(
    rulebook: Rulebook, items: list[Item], rng: random.Random, inference: Callable[[], Inference], catalogue: Catalogue
) -> dict[str, list[Any]]:
    """The fast engine, in random cuts, with random restarts."""

    def fresh() -> RuleEngine:
        return RuleEngine(rulebook, catalogue, ASSETS, inference(), almanac=ALMANAC, communes=COMMUNES)

    engine = fresh()
    said = seen(engine.step(frame([]), BIRTH))
    often = rng.choice((0.0, 0.1, 0.5, 1.0))
    waiting: list[Reading] = []
    tick = BIRTH
    for item in items:
        if not isinstance(item, int):
            if waiting and waiting[-1][0] == item[0][0] and waiting[-1][2] == item[0][2]:
                add(said, seen(engine.step(frame(waiting), tick)))  # or two messages would be one
                waiting = []
            waiting.extend(item)
        tick = from_us(item) if isinstance(item, int) else tick
        if isinstance(item, int) or rng.random() < often:
            add(said, seen(engine.step(frame(waiting), tick)))
            waiting = []
            if rng.random() < often / 2:
                state = engine.snapshot()
                engine = fresh()
                engine.restore(state)
                assert engine.snapshot() == state
    return said


def seen(said: Decisions) -> dict[str, list[Any]]:
    """Decisions in words of their own."""
    assert not [fault for fault in said.faults if "names no asset here" not in fault.error]
    return {
        "edges": [(e.at, e.rule, e.asset, e.truth.name, e.cause["since"]) for e in said.edges],
        "alarms": [(a.at, a.rule, a.asset, a.raised, a.suppressed) for a in said.alarms],
        "wants": [(w.start_at, w.rule, w.source_asset, w.point, w.value, w.until_at, w.shadow) for w in said.wants],
        "requests": [(r.at, r.rule, r.asset, r.asking, r.shadow) for r in said.requests],
    }


def add(total: dict[str, list[Any]], said: dict[str, list[Any]]) -> None:
    for key, found in said.items():
        total[key] += found


def differences(left: dict[str, list[Any]], right: dict[str, list[Any]]) -> Iterator[str]:
    """What one says and the other does not."""
    for key, found in left.items():
        one, two = Counter(found), Counter(right[key])
        yield from (f"{key}: only plain {said}" for said in (one - two).elements())
        yield from (f"{key}: only fast {said}" for said in (two - one).elements())
