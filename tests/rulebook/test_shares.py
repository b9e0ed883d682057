"""Engines that share a territory decide together what one engine does: any shares, shared out anew at any time."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from engine.catalogue import Catalogue
from engine.instants import from_us, to_us
from engine.model import Asset
from engine.rulebook import READINGS, Decisions, ReferenceInference, Rulebook, RuleEngine, Want, load_rules
from engine.rulebook.handing import Handed, load_handed
from engine.rulebook.shares import shares_of
from tests.rulebook.fuzz import (
    ALMANAC,
    ASSETS,
    BIRTH,
    CATALOGUES,
    COMMUNES,
    Author,
    Item,
    Reading,
    frame,
    random_book,
    sequence,
)

ROOT = Path(__file__).resolve().parents[2]
Ground = tuple[Sequence[Asset], dict[str, str]]
GROUND: Ground = (ASSETS, COMMUNES)


def engine_of(
    rulebook: Rulebook, catalogue: Catalogue, ground: Ground, share: frozenset[str] | None = None
) -> RuleEngine:
    assets, communes = ground
    return RuleEngine(
        rulebook, catalogue, assets, ReferenceInference(), almanac=ALMANAC, communes=communes, share=share
    )  # fmt: skip


@dataclass
class Shared:
    """Several engines in place of one; now and then one begins again from its memory, as a cold worker does."""

    rulebook: Rulebook
    catalogue: Catalogue
    ground: Ground
    shares: list[frozenset[str]]
    rng: random.Random
    engines: dict[frozenset[str], RuleEngine] = field(default_factory=dict)
    memories: dict[frozenset[str], bytes | None] = field(default_factory=dict)
    trays: list[bytes] = field(default_factory=list)
    told: set[frozenset[str]] = field(default_factory=set)

    def step(self, rows: list[Reading], now: datetime, *, above: bool = True) -> list[Decisions]:
        """One step of all, those of zones in any order; without `above` what is handed up stays in the trays."""
        zone_of = {asset.id: asset.zone for asset in self.ground[0]}
        said = []
        for share in self.shares:
            mine = [row for row in rows if zone_of.get(row[0]) in share]
            said.append(self._step(share, mine, now))
        return [*said, self._step(frozenset(), [], now)] if above else said

    def _step(self, share: frozenset[str], rows: list[Reading], now: datetime) -> Decisions:
        if share not in self.engines:
            self.engines[share] = engine_of(self.rulebook, self.catalogue, self.ground, share)
        engine = self.engines[share]
        if self.rng.random() < 0.3:
            engine.restore(self.memories.get(share))
        if not share:
            engine.hear(map(load_handed, self.trays))
            self.trays, self.told = [], set()
        said = engine.step(frame(rows), now)
        if share:
            handed = engine.hand_up()
            self.trays.append((handed.later() if share in self.told else handed).dump())
            self.told.add(share)
        self.memories[share] = engine.snapshot()
        return said

    def whole(self) -> RuleEngine:
        """One engine that goes on from where all of these are."""
        engine = engine_of(self.rulebook, self.catalogue, self.ground)
        engine.restore(*self.memories.values())
        return engine

    def share_out(self, shares: list[frozenset[str]]) -> None:
        """Others from now on, each taking its own out of the memory of all."""
        memory = self.whole().snapshot()
        self.shares, self.memories, self.engines = shares, {}, {}
        for share in [*shares, frozenset[str]()]:
            self.engines[share] = engine = engine_of(self.rulebook, self.catalogue, self.ground, share)
            engine.restore(memory)
            self.memories[share] = engine.snapshot()

    def reload(self, rulebook: Rulebook) -> None:
        """Other rules from now on; each engine goes on from its own memory."""
        self.rulebook, self.engines = rulebook, {}
        for share in [*self.shares, frozenset[str]()]:
            self.engines[share] = engine_of(self.rulebook, self.catalogue, self.ground, share)
            self.engines[share].restore(self.memories[share])


def by_place(said: Sequence[Decisions], ground: Ground) -> dict[str, Any]:
    """What was said of each zone, commune and the territory: of a rule and a subject in its order; faults in none.

    Within one transaction rules and subjects come in no order that means anything.
    """
    zone_of = {asset.id: asset.zone for asset in ground[0]}
    found: dict[str, Any] = {}
    for kind in ("edges", "alarms", "wants", "requests"):
        for one in (entry for decisions in said for entry in getattr(decisions, kind)):
            who = one.source_asset if kind == "wants" else one.asset
            found.setdefault(f"{kind} {zone_of.get(who, who)}", []).append(one)
    for entries in found.values():
        entries.sort(key=lambda one: (one.rule, one.source_asset if isinstance(one, Want) else one.asset))
    faults = Counter((fault.rule, fault.asset, fault.error) for decisions in said for fault in decisions.faults)
    return found | {"faults": faults}


def same(found: dict[str, Any], expected: dict[str, Any], where: str) -> None:
    """Fails with the first difference: all of them would take minutes to be laid out."""
    odd = [(key, found.get(key), expected.get(key)) for key in found | expected if found.get(key) != expected.get(key)]
    if odd:
        pytest.fail(f"{where}: {str(odd[0])[:2_000]}")


def random_shares(rng: random.Random, zones: Sequence[str]) -> list[frozenset[str]]:
    count = rng.randint(1, len(zones))
    places = [rng.randrange(count) for _ in zones]
    found = [frozenset(zone for zone, at in zip(zones, places, strict=True) if at == place) for place in range(count)]
    return [share for share in found if share]


def steps(items: list[Item], rng: random.Random) -> Iterator[tuple[list[Reading], datetime]]:
    """The items in random cuts."""
    waiting: list[Reading] = []
    tick = BIRTH
    yield [], tick
    for item in items:
        if isinstance(item, int):
            tick = from_us(item)
        else:
            waiting.extend(item)
        if isinstance(item, int) or rng.random() < 0.4:
            yield waiting, tick
            waiting = []


@pytest.mark.parametrize("count", [7, pytest.param(1_000, marks=[pytest.mark.soak, pytest.mark.timeout(3_600)])])
def test_shares_say_step_by_step_what_one_engine_says(count: int) -> None:
    told: Counter[str] = Counter()
    for seed in range(70_030, 70_030 + count):
        rng = random.Random(seed)
        catalogue = rng.choice(CATALOGUES)
        rulebook = random_book(Author(rng), rng.randint(1, 9), catalogue)
        one = engine_of(rulebook, catalogue, GROUND)
        shared = Shared(rulebook, catalogue, GROUND, random_shares(rng, tuple(COMMUNES)), rng)
        for rows, now in steps(sequence(rng, 40), rng):
            expected = by_place([one.step(frame(rows), now)], GROUND)
            same(by_place(shared.step(rows, now), GROUND), expected, f"seed {seed}, {now}")
            told.update({key: len(found) for key, found in expected.items()})
            if rng.random() < 0.1:
                shared.share_out(random_shares(rng, tuple(COMMUNES)))
                told["shared out anew"] += 1
            if rng.random() < 0.05:
                one = shared.whole()
                told["made one again"] += 1
    print(f"\n{dict(sorted(told.items()))}: the same")
    assert told["edges east"] and told["edges territory"]
    assert told["edges 49007"] or told["edges 49015"]
    assert told["shared out anew"] and told["made one again"]


@pytest.mark.parametrize("seed", range(72_000, 72_004))
def test_other_rules_are_taken_over_as_by_one_engine(seed: int) -> None:
    """Half the rules change, go or come; alarms of those that went fall, places that are new are born."""
    rng = random.Random(seed)
    catalogue = CATALOGUES[0]
    one = engine_of(random_book(Author(rng), 9, catalogue), catalogue, GROUND)
    shared = Shared(one.rulebook, catalogue, GROUND, random_shares(rng, tuple(COMMUNES)), rng)
    for place, (rows, now) in enumerate(steps(sequence(rng, 30), rng)):
        if place % 7 == 6:
            memory = one.snapshot()
            one = engine_of(random_book(Author(rng), 9, catalogue), catalogue, GROUND)
            one.restore(memory)
            shared.reload(one.rulebook)
            if rng.random() < 0.6:  # and at once, before a step of theirs
                shared.share_out(random_shares(rng, tuple(COMMUNES)))
        expected = by_place([one.step(frame(rows), now)], GROUND)
        same(by_place(shared.step(rows, now), GROUND), expected, str(now))


@pytest.mark.parametrize("seed", range(71_000, 71_004))
def test_places_above_may_lag_behind_and_say_the_same_in_the_end(seed: int) -> None:
    rng = random.Random(seed)
    rulebook = random_book(Author(rng), rng.randint(3, 9), CATALOGUES[0])
    one = engine_of(rulebook, CATALOGUES[0], GROUND)
    shared = Shared(rulebook, CATALOGUES[0], GROUND, random_shares(rng, tuple(COMMUNES)), rng)
    whole, parts = [], []
    found = list(steps(sequence(rng, 40), rng))
    for place, (rows, now) in enumerate(found):
        whole.append(one.step(frame(rows), now))
        last = place == len(found) - 1
        parts.append(shared.step(rows, now, above=last or rng.random() < 0.3))
    same(by_place([said for step in parts for said in step], GROUND), by_place(whole, GROUND), f"seed {seed}")


def test_the_shipped_rules_over_the_sample_territory(catalogue: Catalogue) -> None:
    """Every type sends, every property, for some hours; the shipped rules and two of places above."""
    from engine.inventory.territory import load_territory

    sample = load_territory(ROOT / "datasets" / "sample", catalogue)
    ground = (sample.assets, {zone.id: zone.commune for zone in sample.zones})
    rulebook = load_rules(ROOT / "rules", catalogue)
    rng = random.Random(5)
    one = engine_of(rulebook, catalogue, ground)
    shared = Shared(rulebook, catalogue, ground, list(shares_of(sample.assets, 4)), rng)
    told = 0
    chosen = rng.sample(list(sample.assets), 150)
    for turn in range(12):
        now = BIRTH + turn * timedelta(minutes=20)
        rows = [row for asset in chosen for row in some_readings(catalogue, asset, now, rng)]
        said = one.step(frame(rows), now)
        told += len(said.edges)
        same(by_place(shared.step(rows, now), ground), by_place([said], ground), str(now))
    assert told > 100


def some_readings(catalogue: Catalogue, asset: Asset, now: datetime, rng: random.Random) -> Iterator[Reading]:
    at = to_us(now - timedelta(seconds=rng.randrange(900)))
    for name, prop in catalogue.types[asset.type].properties.items():
        if rng.random() < 0.5:
            low, high = prop.range or (0.0, 1.0)
            top = {"choice": len(prop.choices or ()) - 1.0, "switch": 1.0}
            kind = prop.kind
            value = float(rng.randint(0, int(top[kind]))) if kind in top else rng.choice((low, high, (low + high) / 2))
            yield asset.id, name, at, value


# shares of zones


def lamp(name: str, zone: str, parent: str | None = None) -> Asset:
    return Asset(name, "Lamp", zone, 0, 0, parent=parent)


def test_shares_are_about_equal_and_always_the_same() -> None:
    rng = random.Random(3)
    assets = [lamp(f"L{n}", f"z{rng.randrange(60)}") for n in range(3_000)]
    shares = shares_of(assets, 7)
    assert shares == shares_of(rng.sample(assets, len(assets)), 7)
    sizes = [sum(asset.zone in share for asset in assets) for share in shares]
    assert sum(map(len, shares)) == len({asset.zone for asset in assets})
    assert max(sizes) < 1.2 * min(sizes)


def test_zones_with_a_common_parent_stay_together() -> None:
    assets = [lamp("A", "a"), lamp("B", "b", "A"), lamp("C", "c", "nobody"), lamp("D", "d", "nobody"), lamp("E", "e")]
    assert set(shares_of(assets, 9)) == {frozenset("ab"), frozenset("cd"), frozenset("e")}


@pytest.mark.parametrize("count", [1, 3, 99])
def test_no_share_is_empty(count: int) -> None:
    assert len(shares_of(ASSETS, count)) == min(count, 3)
    assert shares_of((), count) == ()


# what is handed up


def test_what_is_handed_up_comes_once_and_travels(rule: Any, book: Any, small: Catalogue) -> None:
    busy = rule("busy", "any(lit in territory)", for_each={"each": "territory"})
    lamps = (Asset("L0", "Lamp", "z", 0, 0), Asset("L1", "Lamp", "y", 0, 0))
    rulebook = book(rule("lit", "power > 1 W"), busy)
    engine = engine_of(rulebook, small, (lamps, {}), frozenset({"z"}))
    engine.step(frame([]), BIRTH)
    assert engine.hand_up() == Handed(to_us(BIRTH), ())
    at = to_us(BIRTH + timedelta(minutes=1))
    said = engine.step(frame([("L0", "power", at, 9.0), ("L1", "power", at, 9.0)]), BIRTH + timedelta(minutes=2))
    assert [(edge.rule, edge.asset) for edge in said.edges] == [("lit", "L0")]
    handed = engine.hand_up()
    ((told,),) = (one.turns for one in handed.heard)
    assert (handed.earliest_us, told.rule, told.subject, told.rises, told.at) == (at, "lit", "L0", True, at)
    assert load_handed(handed.dump()) == handed
    assert engine.hand_up().heard == ()


def test_nothing_is_handed_up_where_nobody_is_above(rule: Any, book: Any, small: Catalogue) -> None:
    lamps = (Asset("L0", "Lamp", "z", 0, 0),)
    engine = engine_of(book(rule("lit", "power > 1 W")), small, (lamps, {}), frozenset({"z"}))
    assert engine.step(frame([("L0", "power", to_us(BIRTH), 9.0)]), BIRTH).edges
    assert engine.hand_up().heard == ()


def test_a_step_that_failed_holds_no_reading_back(rule: Any, book: Any, small: Catalogue) -> None:
    """Readings that waited for a rule with lateness when the step failed come again with the next, and only so."""
    engine = engine_of(book(rule("lit", "count(power, 9min) >= 2", lateness="3min")), small, GROUND)
    engine.step(pl.DataFrame(schema=READINGS), BIRTH)
    before = engine.snapshot()
    rows: list[Reading] = [("L1", "power", to_us(BIRTH), 1.0)]
    engine.step(frame(rows), BIRTH + timedelta(minutes=1))
    after = engine.snapshot()
    engine.restore(before)
    engine.step(frame(rows), BIRTH + timedelta(minutes=1))
    assert engine.snapshot() == after


def test_readings_held_back_for_a_rule_that_is_gone_are_nobody_else_s(rule: Any, book: Any, small: Catalogue) -> None:
    """The rule that waited for power has gone; another of the same lateness counts doors."""
    before = engine_of(book(rule("lit", "power > 1 W", lateness="3min")), small, GROUND)
    before.step(frame([]), BIRTH)
    before.step(frame([("L1", "power", to_us(BIRTH + timedelta(minutes=1)), 1.0)]), BIRTH + timedelta(minutes=1))
    after = engine_of(book(rule("open", "count(door, 20min) >= 1", lateness="3min")), small, GROUND)
    after.restore(before.snapshot())
    assert after.step(frame([]), BIRTH + timedelta(minutes=9)).edges == ()


def test_what_a_place_was_told_of_a_rule_that_is_gone_does_not_stand_there(
    rule: Any, book: Any, small: Catalogue
) -> None:
    """Told at the tick itself, it waited for the next; by then the rule spoke of others."""
    many = rule("many", "any(lit in territory)", for_each={"each": "territory"})
    before = engine_of(book(rule("lit", "power > 1 W"), many), small, GROUND)
    before.step(frame([]), BIRTH)
    before.step(frame([("L1", "power", to_us(BIRTH + timedelta(minutes=1)), 9.0)]), BIRTH + timedelta(minutes=1))
    between = engine_of(book(rule("lit", "power > 1 W", for_each={"type": "Cabinet"}), many), small, GROUND)
    between.restore(before.snapshot())
    assert between.step(frame([]), BIRTH + timedelta(minutes=2)).edges == ()
