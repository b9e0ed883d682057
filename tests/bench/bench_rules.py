"""The rule engine: `python tests/bench/bench_rules.py [--only json,peers] [--quick] [--peers PYTHON]`.

Each line says what was measured, the figure, the bound or peer beside it, and whether it is met. A figure is the median
of three runs of the same work, but for the replayed day and the memory, which are one run. Making the load is not
timed, nor is what warms up: every property read once, the first load of rules, the first question to a worker.
`--quick` is a part of the territory, for a look.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import NamedTuple, TypeVar

import numpy as np
import orjson
import polars as pl
from peers import PEERS
from rules_load import METRICS, QUARTERS_A_DAY, START, Columns, Load, Meters, Stations, Walks, dusk

from engine.calendar import load_school_calendar
from engine.catalogue import load_catalogue
from engine.instants import from_us
from engine.rulebook.almanac import Almanac
from engine.rulebook.decisions import Decisions
from engine.rulebook.definitions import Rulebook
from engine.rulebook.durable import DurableInference, durable_available
from engine.rulebook.evaluation import READINGS, RuleEngine
from engine.rulebook.inference import Circuit, Condition, Gate, GateOp, Inference, Program, Transaction
from engine.rulebook.loading import load_rules
from engine.rulebook.reference import ReferenceInference
from engine.telemetry.batch import normalise
from engine.telemetry.jsonlines import parse_payloads
from engine.telemetry.registry import SERIES, Registry

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "datasets" / "reference"
RUNS = 3
LATEST = START + timedelta(days=365)
T = TypeVar("T")
ROUND = 4  # quarters of an hour in which every property of every station is read once


@dataclass(frozen=True)
class Size:
    """How much of everything; the bounds are for FULL."""

    stations: int = 50_000
    rules: tuple[int, ...] = (100, 1_000, 10_000)
    peer_readings: int = 50_000
    zones: int = 1_000
    day: int = QUARTERS_A_DAY


FULL = Size()
QUICK = Size(stations=10_000, rules=(100, 1_000), peer_readings=10_000, zones=200, day=8)


class Line(NamedTuple):
    """What was measured, the figure, what it is held against, and whether that is met; None where nothing is asked."""

    what: str
    figure: str
    beside: str = ""
    met: bool | None = None


@cache
def almanac() -> Almanac:
    return Almanac(load_school_calendar(REFERENCE / "school_holidays.yaml"))


def compiled(load: Load, rulebook: Rulebook, inference: Inference | None = None) -> RuleEngine:
    return RuleEngine(rulebook, load.catalogue, load.assets, inference or ReferenceInference(), almanac=almanac())


class Ours:
    """The engine over a load, at its own entrances: nothing else here calls it."""

    def __init__(self, load: Load, engine: RuleEngine) -> None:
        self._properties = len(load.properties)
        self._engine = engine
        named = [(asset.id, name) for asset in load.assets for name in load.properties]
        rows = [(number, asset, load.kind, name, 0, None) for number, (asset, name) in enumerate(named)]
        # What telemetry is judged by. Its number of a series is the place of asset and property.
        self._registry = Registry(load.catalogue, pl.DataFrame(rows, dict(SERIES), orient="row"))
        self._series = np.array([engine.series_of(*each) for each in named])

    @classmethod
    def of(cls, load: Load, inference: Inference | None = None) -> "Ours":
        return cls(load, compiled(load, load.rulebook(), inference))

    @property
    def rulebook(self) -> Rulebook:
        return self._engine.rulebook

    def judge(self, payloads: Sequence[bytes]) -> pl.DataFrame:
        """JSON messages as they come in: decoded, and held against the catalogue."""
        return normalise(parse_payloads(payloads), self._registry, received_at=LATEST, skew=timedelta(0)).accepted

    def receive(self, payloads: Sequence[bytes]) -> int:
        """JSON messages to edges; how many."""
        return self._advance(*self._columns(payloads))

    def advance(self, readings: Columns) -> int:
        """Columns to edges; how many."""
        return self._advance(self._numbers(readings), readings.observed_at_us, readings.value)

    def decide(self, readings: Columns) -> Decisions:
        """Columns to decisions in full."""
        series, now = self._numbers(readings), from_us(int(readings.observed_at_us[-1]))
        return self._engine.decide(series, readings.observed_at_us, readings.value, now)

    def serve(self, payloads: Sequence[bytes]) -> Decisions:
        """JSON messages to decisions in full."""
        series, at, value = self._columns(payloads)
        return self._engine.decide(series, at, value, from_us(int(at[-1])))

    def tick(self, now: datetime) -> Decisions:
        """The clock alone."""
        return self._engine.step(pl.DataFrame(schema=READINGS), now)

    def adopt(self, other: "Ours") -> float:
        """Go on where another is; seconds it takes from the memory that the other's last cycle committed."""
        committed = other._engine.snapshot()
        began = perf_counter()
        self._engine.restore(committed)
        return perf_counter() - began

    def _advance(self, series: np.ndarray, at: np.ndarray, value: np.ndarray) -> int:
        return sum(map(len, self._engine.advance(series, at, value, int(at[-1])).values()))

    def _columns(self, payloads: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        found = self.judge(payloads)
        return self._series[found["series"].to_numpy()], found["observed_at"].to_numpy(), found["value"].to_numpy()

    def _numbers(self, readings: Columns) -> np.ndarray:
        numbers: np.ndarray = self._series[readings.asset * self._properties + readings.property]
        return numbers


# Readings to edges


def from_json(size: Size) -> Iterator[Line]:
    stations = Stations(1_000, live=1_000, count=size.stations)
    ours, walks = Ours.of(stations.load), Walks(stations)
    readings, count = walks.quarters(ROUND), ROUND * size.stations
    ours.advance(readings)
    for what, batch, bound, crossing in (
        ("batches of 5,000", 5_000, 300_000, None),
        ("batches of 1,000", 1_000, 100_000, None),
        ("bursts of 1,000", 1_000, 100_000, 0.8),
    ):
        spent, judging = [], []
        for _ in range(RUNS):
            before, readings = readings, walks.quarters(ROUND, crossing)
            messages = batched(stations.load.payloads(readings), batch)
            spent.append(over(ours.receive, messages))
            judging.append(over(ours.judge, messages))
        met, across = stations.told(ours.rulebook, before, readings)
        yield rate(f"JSON bytes to edges, 1,000 rules, {what}", count / median(spent), bound)
        yield Line("    a reading meets so many rules, crosses a threshold in", f"{met:.1f}, {across:.0%}")
        yield Line("    of which decoding and judging", f"{median(judging) / count * 1e6:.2f} µs a reading")


def from_columns(size: Size) -> Iterator[Line]:
    stations = Stations(1_000, live=1_000, count=size.stations)
    ours, walks = Ours.of(stations.load), Walks(stations)
    ours.advance(walks.quarters(ROUND))
    for batch, bound in ((50_000, 1_500_000), (5_000, None)):
        spent = [over(ours.advance, list(walks.quarters(ROUND).cut(batch))) for _ in range(RUNS)]
        yield rate(f"columns to edges, batches of {batch:,}", ROUND * size.stations / median(spent), bound)


def scaling(size: Size) -> Iterator[Line]:
    """Rules are added to the same hundred that no reading crosses; once thresholds only, once of every kind."""
    for kind, windows in (("thresholds", False), ("rules of every kind", True)):
        every = [Stations(rules, live=100, count=size.stations, windows=windows) for rules in size.rules]
        costs, edges = side_by_side(every)
        for stations, cost, count in zip(every, costs, edges, strict=True):
            what = f"100 rules and {stations.rules - 100:,} {kind} that stay silent"
            yield Line(what, f"{cost * 1e6:.2f} µs a reading", f"{count:,} edges, the same", count == edges[0])
        ratio = costs[-1] / costs[0]
        what = f"    cost of a reading, {size.rules[0]:,} to {size.rules[-1]:,} rules"
        yield Line(what, f"× {ratio:.2f}", "at most × 2.5", ratio <= 2.5)


def side_by_side(every: Sequence[Stations]) -> tuple[list[float], list[int]]:
    """Seconds a reading, and edges of all runs, under each load. A run's readings go to every engine in turn."""
    engines, walks = [Ours.of(stations.load) for stations in every], Walks(every[0])
    first = walks.quarters(ROUND)
    for engine in engines:
        engine.advance(first)
    spent: list[list[float]] = [[] for _ in engines]
    edges = [0 for _ in engines]
    for _ in range(RUNS):
        batches = list(walks.quarters(ROUND).cut(5_000))
        for place, engine in enumerate(engines):
            began = perf_counter()
            edges[place] += sum(map(engine.advance, batches))
            spent[place].append(perf_counter() - began)
    return [median(times) / (ROUND * every[0].count) for times in spent], edges


# Beside others


def beside_peers(size: Size, python: Path) -> Iterator[Line]:
    """A hundred thresholds. The others are handed Python objects; ours starts from the bytes of the messages."""
    meters = Meters(size.peer_readings)
    yield Line(f"100 rules over {meters.readings:,} readings: true firings", f"{len(meters.firings):,}")
    from_bytes, from_arrays, right = ours_on(meters)
    yield Line("ours, from JSON bytes", f"{from_bytes:,.0f}/s", "fires the same", right)
    yield Line("ours, from columns", f"{from_arrays:,.0f}/s", "fires the same", right)
    with TemporaryDirectory() as folder:
        work = Path(folder) / "work.json"
        meters.write_work(work)
        for peer in PEERS:
            yield beside(peer, python, work, meters, from_bytes, from_arrays)


def beside(peer: str, python: Path, work: Path, meters: Meters, from_bytes: float, from_arrays: float) -> Line:
    # durable_rules is one of our own dependencies, lambdas need none; the others live in a virtualenv of their own.
    own = Path(sys.executable) if peer.startswith(("durable", "plain")) else python
    if not own.exists():
        return Line(peer, "not installed", "skipped")
    told = subprocess.run([own, Path(__file__).with_name("peers.py"), peer, work], capture_output=True, check=False)
    if told.returncode == 3:
        return Line(peer, "not installed", "skipped")
    if told.returncode:
        return Line(peer, "failed", told.stderr.decode().strip().rpartition("\n")[2], met=False)
    answer = orjson.loads(told.stdout)
    theirs = meters.readings / median(answer["seconds"])
    ratios = f"ours × {from_bytes / theirs:,.1f}, from columns × {from_arrays / theirs:,.1f}"
    wrong = len(meters.firings ^ set(map(tuple, answer["fired"])))
    if wrong:
        return Line(peer, f"{theirs:,.0f}/s", f"{wrong:,} firings are wrong", met=False)
    return Line(peer, f"{theirs:,.0f}/s", ratios, None if "lambdas" in peer else from_bytes > theirs)


def ours_on(meters: Meters) -> tuple[float, float, bool]:
    """Readings/s from JSON bytes and from columns in batches of 5,000, and whether the edges are the true firings.

    Each run has an engine of its own, which has seen nothing.
    """
    load, rulebook = meters.load, meters.load.rulebook()
    messages, columns = batched(load.payloads(meters.columns), 5_000), list(meters.columns.cut(5_000))
    right = fired(Ours.of(load), meters) == meters.firings
    spent = [
        (
            over(Ours(load, compiled(load, rulebook)).receive, messages),
            over(Ours(load, compiled(load, rulebook)).advance, columns),
        )
        for _ in range(1 + RUNS)
    ]
    from_bytes, from_arrays = map(median, zip(*spent[1:], strict=True))
    return meters.readings / from_bytes, meters.readings / from_arrays, right


def fired(ours: Ours, meters: Meters) -> set[tuple[int, int]]:
    """Every (rule, reading) with an edge."""
    places = zip(meters.columns.asset.tolist(), meters.columns.property.tolist(), strict=True)
    reading = {(meters.load.assets[asset].id, METRICS[name]): number for number, (asset, name) in enumerate(places)}
    edges = [(int(edge.rule.removeprefix("meter-")), edge.asset) for edge in ours.decide(meters.columns).edges]
    return {(rule, reading[asset, meters.thresholds[rule][0]]) for rule, asset in edges}


# Zones


def zones(_: Size) -> Iterator[Line]:
    """Half of the facts are conditions that stand, with their silencers; half a circuit, as a count over a zone is."""
    if not durable_available():
        yield Line("zone transactions in durable_rules", "not installed", "skipped")
        return
    for facts, bound in ((10, 2_500), (30, None), (100, None)):
        rules = [f"rule-{n}" for n in range(facts // 2)]
        program = Program(
            frozenset(rules[::2]), frozenset(rules[1::2]), dict(zip(rules[::3], rules[1::3], strict=False))
        )
        asked = [transaction(program, rules, facts - len(rules), zone) for zone in range(20_000 // facts)]
        reference = ReferenceInference()
        reference.load(program)
        with DurableInference() as inference:
            inference.load(program)
            right = inference.decide(asked) == reference.decide(asked)
            spent = median(over(inference.decide, [asked]) for _ in range(RUNS))
            faults = inference.take_faults()
        yield rate(f"zone transactions of {facts} facts", len(asked) / spent, bound)
        if faults or not right:
            yield Line("    answers", "not those of the reference", "; ".join(faults), met=False)


def transaction(program: Program, rules: Sequence[str], more: int, zone: int) -> Transaction:
    """One condition of each rule, and a circuit of `more` facts."""
    lamp = f"lamp-{zone}"
    conditions = frozenset(Condition(rule, lamp, lamp if program.silencer(rule) else "", fresh=True) for rule in rules)
    return Transaction(conditions, (circuit(more, zone),))


def circuit(facts: int, seed: int) -> Circuit:
    """A root, values, and gates that join them one after the other: four facts at least."""
    values = facts // 2
    truths = Random(seed).choices((0, 1, 2), k=values)
    gates = [Gate(GateOp.AND, values, 0, 1)]
    gates += [Gate((GateOp.OR, GateOp.AND)[n % 2], values + n, values + n - 1, n + 1) for n in range(1, values - 1)]
    if facts % 2:
        gates.append(Gate(GateOp.NOT, gates[-1].out + 1, gates[-1].out))
    return Circuit(tuple(enumerate(truths)), (), tuple(gates), gates[-1].out)


def sunset(size: Size) -> Iterator[Line]:
    """One step from noon to midnight, three evenings."""
    load = dusk(load_catalogue(REFERENCE / "catalogue.yaml"), size.zones)
    inference = DurableInference() if durable_available() else ReferenceInference()
    ours = Ours.of(load, inference)
    spent, wants, instants = [], 0, 0
    ours.tick(START)
    for day in range(RUNS):
        noon = START + timedelta(days=day, hours=12)
        ours.tick(noon)
        began = perf_counter()
        lit = ours.tick(noon + timedelta(hours=12)).wants
        spent.append(perf_counter() - began)
        wants, instants = len(lit), len({want.start_at for want in lit})
    inference.close()
    yield bounded(f"sunset over {size.zones:,} zones", median(spent), 2.0, "s")
    yield Line("    lamps lit, at so many instants", f"{wants:,}, {instants:,}", "all", wants == len(load.assets))


# Files, days and memory


def reload(size: Size) -> Iterator[Line]:
    """The same rules, put in service again while readings come."""
    stations = Stations(1_000, live=1_000, count=size.stations)
    running, walks = Ours.of(stations.load), Walks(stations)
    for _ in range(ROUND):
        running.decide(walks.quarter())
    checking, compiling, stalls, same = [], [], [], True
    with TemporaryDirectory() as name:
        stations.load.write_rules(Path(name))
        for _ in range(RUNS):
            began = perf_counter()
            rulebook = load_rules(Path(name), stations.load.catalogue)
            checking.append(perf_counter() - began)
            engine = compiled(stations.load, rulebook)
            compiling.append(perf_counter() - began)
            following = Ours(stations.load, engine)
            following.adopt(running)  # the service rehearses aside, before it waits for the end of a cycle
            running.decide(walks.quarter())
            stalls.append(following.adopt(running))
            readings = walks.quarter()
            same = same and running.decide(readings) == following.decide(readings)
            running = following
    yield Line("1,000 rules in eight files, checked", f"{median(checking):.2f} s")
    yield bounded(f"    and compiled over {size.stations:,} stations", median(compiling), 1.5, "s")
    yield bounded("    a cycle stalls for the swap", median(stalls) * 1e3, 100, "ms")
    yield Line("    what is decided after the swap", "the same" if same else "another", "the same", same)


def replay(size: Size) -> Iterator[Line]:
    """Decisions in full, a quarter of an hour at a time. One run: it is long."""
    stations = Stations(1_000, live=1_000, count=size.stations)
    ours, walks = Ours.of(stations.load), Walks(stations)
    for _ in range(ROUND):
        ours.decide(walks.quarter())
    spent, edges = 0.0, 0
    for _ in range(size.day):
        readings = walks.quarter()
        began = perf_counter()
        edges += len(ours.decide(readings).edges)
        spent += perf_counter() - began
    share = size.day * size.stations / (FULL.day * FULL.stations)
    yield bounded(f"{size.day * size.stations:,} readings replayed, {edges:,} edges", spent, 40 * share, "s")


def memory(size: Size) -> Iterator[Line]:
    with ProcessPoolExecutor(1, get_context("spawn")) as fresh:
        libraries_mb, peak_mb, processes = fresh.submit(footprint, size.stations).result()
    what = f"{size.stations:,} stations × 1,000 rules, {processes} processes, the most seen"
    yield bounded(what, peak_mb, 800, "MB")
    yield Line("    before anything is loaded", f"{libraries_mb:,.0f} MB")


def footprint(count: int) -> tuple[float, float, int]:
    """In a fresh process: MB before anything is loaded, the most seen in five hours of service, and of how many
    processes."""
    before = sum(map(pss_mb, family(os.getpid())))
    stations = Stations(1_000, live=1_000, count=count)
    inference = DurableInference() if durable_available() else ReferenceInference()
    ours, walks = Ours.of(stations.load, inference), Walks(stations)
    peak, processes = 0.0, 0
    for _ in range(5 * ROUND):
        for batch in walks.quarter().cut(5_000):
            ours.serve(stations.load.payloads(batch))
        pids = family(os.getpid())
        peak, processes = max(peak, sum(map(pss_mb, pids))), max(processes, len(pids))
    inference.close()
    return before, peak, processes


def family(pid: int) -> list[int]:
    """A process and all below it."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    return [pid, *(below for child in children for below in family(child))]


def pss_mb(pid: int) -> float:
    """Proportional set size: memory that processes share counts once."""
    rows = map(str.split, Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines())
    return next(int(words[1]) for words in rows if words[0] == "Pss:") / 1024


# Lines


def over(work: Callable[[T], object], things: Sequence[T]) -> float:
    """Seconds the work takes over all things, one after the other."""
    began = perf_counter()
    for thing in things:
        work(thing)
    return perf_counter() - began


def batched(things: Sequence[T], size: int) -> list[Sequence[T]]:
    return [things[first : first + size] for first in range(0, len(things), size)]


def rate(what: str, found: float, bound: float | None) -> Line:
    beside = "" if bound is None else f"at least {bound:,.0f}/s"
    return Line(what, f"{found:,.0f}/s", beside, None if bound is None else found >= bound)


def bounded(what: str, found: float, bound: float, unit: str) -> Line:
    return Line(what, f"{found:,.2f} {unit}", f"at most {bound:,.3g} {unit}", found <= bound)


PARTS: dict[str, Callable[[Size], Iterator[Line]]] = {
    "json": from_json,
    "columns": from_columns,
    "scaling": scaling,
    "zones": zones,
    "sunset": sunset,
    "reload": reload,
    "replay": replay,
    "memory": memory,
}


def main() -> int:
    """Print every line; 1 when one falls short."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help=f"some of {', '.join([*PARTS, 'peers'])}")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--peers", type=Path, default=ROOT / ".venv-bench" / "bin" / "python", metavar="PYTHON")
    options = parser.parse_args()
    size = QUICK if options.quick else FULL
    parts = PARTS | {"peers": lambda size: beside_peers(size, options.peers)}
    chosen = options.only.split(",") if options.only else list(parts)
    unknown = sorted(set(chosen) - set(parts))
    if unknown:
        parser.error(f"{unknown[0]!r} is no part: some of {', '.join(parts)}")
    short = 0
    for name in chosen:
        for what, figure, beside, met in parts[name](size):
            short += met is False
            print(f"{what:<62} {figure:>22}   {beside:<40} {_SAID[met]}".rstrip(), flush=True)
    return int(short > 0)


_SAID = {None: "", True: "ok", False: "SHORT"}


if __name__ == "__main__":
    sys.exit(main())
