"""Other rule engines on one piece of work: `python peers.py PEER WORK.json`, run by bench_rules, each in a process.

The work: rules (metric, threshold) that hold for a reading of the metric above the threshold, and readings (metric,
value). Prints one JSON object: seconds of each run over all readings, and every (rule, reading) that fired. Each peer
is handed readings as Python objects, already parsed, in the form that suits it best; its rules are compiled before,
and a fiftieth of the readings has warmed it up. Nothing of Consigne is imported: they have a virtualenv of their own.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

ENOUGH_S = 5.0
RUNS = 3
Reading = dict[str, Any]  # id, metric, value
Pair = tuple[int, int]  # the numbers of a rule and of a reading it holds for
Peer = Callable[[list[Reading]], list[Pair]]


@dataclass(frozen=True, slots=True)
class Threshold:
    number: int
    metric: str
    above: float


def durable_facts(rules: list[Threshold]) -> Peer:
    """Every reading asserted as a fact, and retracted. An event would be consumed by the first rule that matches it."""
    from durable.engine import Host, MessageNotHandledException

    fired: list[Pair] = []

    def run(number: int) -> Callable[[Any], None]:
        return lambda context: fired.append((number, context.m.id))

    host = Host()
    conditions = {rule.number: {"$and": [{"metric": rule.metric}, {"$gt": {"value": rule.above}}]} for rule in rules}
    definition = {f"r{n}": {"all": [{"m": one}], "run": run(n)} for n, one in conditions.items()}
    host.register_rulesets({"bench": definition})

    def feed(readings: list[Reading]) -> list[Pair]:
        fired.clear()
        for reading in readings:
            try:
                host.assert_fact("bench", reading)
            except MessageNotHandledException:  # it matches no rule and is not kept
                continue
            host.retract_fact("bench", reading)
        return list(fired)

    return feed


def clips_single(rules: list[Threshold]) -> Peer:
    """One reading asserted, run and retracted at a time."""
    environment, template, fired = _clips(rules)

    def feed(readings: list[Reading]) -> list[Pair]:
        fired.clear()
        for reading in readings:
            fact = template.assert_fact(**reading)
            environment.run()
            fact.retract()
        return list(fired)

    return feed


def clips_batch(rules: list[Threshold]) -> Peer:
    """A thousand readings asserted, one run, and all of them forgotten."""
    environment, template, fired = _clips(rules)

    def feed(readings: list[Reading]) -> list[Pair]:
        fired.clear()
        for first in range(0, len(readings), 1_000):
            for reading in readings[first : first + 1_000]:
                template.assert_fact(**reading)
            environment.run()
            environment.reset()
        return list(fired)

    return feed


def _clips(rules: list[Threshold]) -> tuple[Any, Any, list[Pair]]:
    import clips

    fired: list[Pair] = []
    environment = clips.Environment()
    environment.define_function(lambda rule, n: fired.append((int(rule), int(n))), name="fired")
    environment.build("(deftemplate reading (slot id) (slot metric (type STRING)) (slot value (type FLOAT)))")
    for rule in rules:
        pattern = f'(reading (id ?n) (metric "{rule.metric}") (value ?v&:(> ?v {rule.above!r})))'
        environment.build(f"(defrule r{rule.number} {pattern} => (fired {rule.number} ?n))")
    return environment, environment.find_template("reading"), fired


def zen(rules: list[Threshold]) -> Peer:
    """One decision table, a row for each rule, hit policy collect."""
    from zen import ZenEngine

    rows = [
        {"_id": f"r{rule.number}", "m": f'"{rule.metric}"', "v": f"> {rule.above!r}", "o": str(rule.number)}
        for rule in rules
    ]
    columns = [{"id": key, "name": field, "field": field} for key, field in (("m", "metric"), ("v", "value"))]
    content = {"hitPolicy": "collect", "inputs": columns, "outputs": [{"id": "o", "name": "rule", "field": "rule"}]}
    nodes = [
        {"id": "in", "name": "in", "type": "inputNode"},
        {"id": "table", "name": "table", "type": "decisionTableNode", "content": {**content, "rules": rows}},
        {"id": "out", "name": "out", "type": "outputNode"},
    ]
    ways = [("in", "table"), ("table", "out")]
    edges = [{"id": f"{a}-{b}", "type": "edge", "sourceId": a, "targetId": b} for a, b in ways]
    decision = ZenEngine().create_decision(json.dumps({"nodes": nodes, "edges": edges}))

    def feed(readings: list[Reading]) -> list[Pair]:
        fired: list[Pair] = []
        for reading in readings:
            found = decision.evaluate(reading)["result"]
            fired.extend((hit["rule"], reading["id"]) for hit in found)
        return fired

    return feed


def rule_engine_all(rules: list[Threshold]) -> Peer:
    """Every rule tried on every reading, as its documentation shows."""
    from rule_engine import Rule

    compiled = [(rule.number, Rule(f'metric == "{rule.metric}" and value > {rule.above!r}')) for rule in rules]

    def feed(readings: list[Reading]) -> list[Pair]:
        fired: list[Pair] = []
        for reading in readings:
            fired.extend((number, reading["id"]) for number, rule in compiled if rule.matches(reading))
        return fired

    return feed


def rule_engine_indexed(rules: list[Threshold]) -> Peer:
    """Only the rules of the reading's metric, found by a dict of our own."""
    from rule_engine import Rule

    compiled = defaultdict(list)
    for rule in rules:
        compiled[rule.metric].append((rule.number, Rule(f"value > {rule.above!r}")))

    def feed(readings: list[Reading]) -> list[Pair]:
        fired: list[Pair] = []
        for reading in readings:
            fired.extend(
                (number, reading["id"]) for number, rule in compiled[reading["metric"]] if rule.matches(reading)
            )
        return fired

    return feed


def plain_lambdas(rules: list[Threshold]) -> Peer:
    """No engine: Python functions in a dict by metric. It has no memory, no time, no unknown, no explanation."""
    compiled = defaultdict(list)
    for rule in rules:
        compiled[rule.metric].append((rule.number, lambda value, above=rule.above: value > above))

    def feed(readings: list[Reading]) -> list[Pair]:
        fired: list[Pair] = []
        for reading in readings:
            for number, test in compiled[reading["metric"]]:
                if test(reading["value"]):
                    fired.append((number, reading["id"]))
        return fired

    return feed


PEERS = {
    "durable_rules, fact by fact": durable_facts,
    "clipspy, one by one": clips_single,
    "clipspy, batches of 1,000": clips_batch,
    "zen-engine, decision table": zen,
    "rule-engine, all rules": rule_engine_all,
    "rule-engine, by metric": rule_engine_indexed,
    "plain lambdas by metric": plain_lambdas,
}


def main(name: str, work: Path) -> None:
    """Three runs, fewer where they take long. Exit status 3 says that the peer is not installed."""
    told = json.loads(work.read_text(encoding="utf-8"))
    rules = [Threshold(n, metric, above) for n, (metric, above) in enumerate(told["rules"])]
    readings = [{"id": n, "metric": metric, "value": value} for n, (metric, value) in enumerate(told["readings"])]
    try:
        feed = PEERS[name](rules)
    except ImportError:
        sys.exit(3)
    feed(readings[: len(readings) // 50])
    seconds: list[float] = []
    fired: list[Pair] = []
    while len(seconds) < RUNS and sum(seconds) < ENOUGH_S:
        began = perf_counter()
        fired = feed(readings)
        seconds.append(perf_counter() - began)
    print(json.dumps({"seconds": seconds, "fired": fired}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
