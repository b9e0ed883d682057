"""The two inferences give one answer, whatever happens to the worker."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.rulebook.durable import LIMIT, MAX_FACTS, DurableInference, durable_available
from engine.rulebook.inference import (
    Answer,
    Circuit,
    Conclusion,
    Condition,
    Gate,
    GateOp,
    Implied,
    Inference,
    Program,
    Stand,
    Transaction,
)
from engine.rulebook.reference import ReferenceInference

# b is silenced by a rule that also wants; "self" names itself, which silences nothing.
PROGRAM = Program(
    frozenset({"a", "b", "c", "self"}), frozenset({"w", "c"}), {"a": "b", "c": "a", "w": "a", "z": "a", "self": "self"}
)
TRUTHS = {"false": 0, "unknown": 1, "true": 2}


def needs_durable() -> None:
    """Skip where durable_rules cannot be; fail where it must."""
    if not durable_available():
        required = os.environ.get("CONSIGNE_REQUIRE_SERVICES") == "1" and sys.version_info < (3, 13)
        (pytest.fail if required else pytest.skip)("durable_rules does not import")


@pytest.fixture(scope="module")
def durable() -> Iterator[DurableInference]:
    needs_durable()
    with DurableInference(check_every=1) as inference:
        inference.load(PROGRAM)
        yield inference


@pytest.fixture
def plain() -> ReferenceInference:
    inference = ReferenceInference()
    inference.load(PROGRAM)
    return inference


def implied(*triples: tuple[Conclusion, str, str]) -> frozenset[Implied]:
    return frozenset(Implied(*triple) for triple in triples)


def told(*conditions: tuple[str, str, str, bool]) -> Transaction:
    return Transaction(frozenset(Condition(*condition) for condition in conditions))


def asked(*circuits: Circuit) -> Transaction:
    return Transaction(frozenset(), circuits)


ALARM, SUPPRESSED, WANT = Conclusion
SAID = {
    "nothing": ([], []),
    "alarm": ([("a", "L", "C", False)], [(ALARM, "a", "L")]),
    "silenced": (
        [("a", "L", "C", False), ("b", "C", "", False)],
        [(ALARM, "a", "L"), (SUPPRESSED, "a", "L"), (ALARM, "b", "C")],
    ),
    "other cabinet": ([("a", "L", "D", False), ("b", "C", "", False)], [(ALARM, "a", "L"), (ALARM, "b", "C")]),
    "over nothing": ([("a", "L", "", False), ("b", "", "", False)], [(ALARM, "a", "L"), (ALARM, "b", "")]),
    "silenced on itself": (
        [("a", "L", "L", False), ("b", "L", "", False)],
        [(ALARM, "a", "L"), (SUPPRESSED, "a", "L"), (ALARM, "b", "L")],
    ),
    "want": ([("w", "P", "", True)], [(WANT, "w", "P")]),
    "stale want": ([("w", "P", "", False)], []),
    "want blocked": (
        [("w", "P", "Z", True), ("a", "Z", "", False)],
        [(WANT, "w", "P"), (SUPPRESSED, "w", "P"), (ALARM, "a", "Z")],
    ),
    "stale want blocked": (
        [("w", "P", "Z", False), ("a", "Z", "", False)],
        [(SUPPRESSED, "w", "P"), (ALARM, "a", "Z")],
    ),
    "both": ([("c", "P", "", True)], [(ALARM, "c", "P"), (WANT, "c", "P")]),
    "both, stale": ([("c", "P", "", False)], [(ALARM, "c", "P")]),
    "both, silenced": (
        [("c", "P", "P", True), ("a", "P", "", False)],
        [(ALARM, "c", "P"), (WANT, "c", "P"), (SUPPRESSED, "c", "P"), (ALARM, "a", "P")],
    ),
    "no such rule": ([("z", "P", "P", True), ("a", "P", "", True)], [(ALARM, "a", "P")]),
    "never by itself": ([("self", "P", "P", True), ("self", "Q", "P", True)], [(ALARM, "self", p) for p in "PQ"]),
    "chain": (
        [("c", "L", "L", False), ("a", "L", "L", False), ("b", "L", "L", False)],
        [*((ALARM, rule, "L") for rule in "abc"), (SUPPRESSED, "a", "L"), (SUPPRESSED, "c", "L")],
    ),
}


@pytest.fixture(params=["reference", "durable"])
def inference(request: pytest.FixtureRequest, plain: ReferenceInference) -> Inference:
    return plain if request.param == "reference" else request.getfixturevalue("durable")


@pytest.mark.parametrize(("conditions", "expected"), SAID.values(), ids=SAID.keys())
def test_what_conditions_imply(
    inference: Inference,
    conditions: list[tuple[str, str, str, bool]],
    expected: list[tuple[Conclusion, str, str]],
) -> None:
    assert inference.decide([told(*conditions)]) == [Answer(implied(*expected), ())]
    assert inference.take_faults() == ()


# What Kleene's tables say, false < unknown < true.
TABLES = {
    GateOp.AND: [(0, 0, 0), (0, 1, 0), (0, 2, 0), (1, 1, 1), (1, 2, 1), (2, 2, 2)],
    GateOp.OR: [(0, 0, 0), (0, 1, 1), (0, 2, 2), (1, 1, 1), (1, 2, 2), (2, 2, 2)],
}


@pytest.mark.parametrize("op", TABLES)
def test_pairs_join_as_kleene_says(inference: Inference, op: GateOp) -> None:
    rows = TABLES[op] + [(b, a, out) for a, b, out in TABLES[op]]
    circuits = [Circuit(((0, a), (1, b)), (), (Gate(op, 2, 0, 1),), 2) for a, b, _ in rows]
    circuits += [Circuit(((0, truth),), (), (Gate(op, 1, 0, 0),), 1) for truth in range(3)]  # of one key with itself
    (answer,) = inference.decide([asked(*circuits)])
    assert answer.truths == (*(out for *_, out in rows), 0, 1, 2)


def test_not_and_at_least(inference: Inference) -> None:
    circuits = [Circuit(((0, truth),), (), (Gate(GateOp.NOT, 1, 0),), 1) for truth in range(3)]
    circuits += [Circuit(((0, 3),), (), (Gate(GateOp.AT_LEAST, 1, 0, m=m),), 1) for m in range(6)]
    (answer,) = inference.decide([asked(*circuits)])
    assert answer.truths == (2, 1, 0, 2, 2, 2, 2, 0, 0)
    assert inference.take_faults() == ()


ONE, TWO = Stand(0, 7, 10**15), Stand(1, 7, 10**15 + 60)


@pytest.mark.parametrize(
    ("stands", "gate", "truth"),
    [
        ((ONE, TWO), (0, 1, 60), 2),
        ((TWO, ONE), (0, 1, 60), 2),
        ((ONE, TWO), (1, 0, 60), 2),
        ((ONE, TWO), (0, 1, 59), 0),
        ((ONE, TWO), (0, 0, 60), 0),
        ((ONE,), (0, 1, 60), 0),
        ((), (0, 1, 60), 0),
        ((ONE, ONE), (0, 0, 60), 0),
        ((ONE, ONE._replace(subject=8)), (0, 0, 0), 2),
        ((ONE, ONE._replace(at_us=10**15 + 61)), (0, 0, 60), 0),
        ((ONE, ONE._replace(at_us=10**15 + 61), ONE._replace(at_us=10**15 + 90)), (0, 0, 60), 2),
        ((ONE._replace(at_us=-5), TWO._replace(at_us=5)), (0, 1, 10), 2),
        ((ONE._replace(at_us=0), TWO._replace(at_us=LIMIT - 1)), (0, 1, LIMIT - 1), 2),
        ((ONE._replace(at_us=0), TWO._replace(at_us=LIMIT - 1)), (0, 1, LIMIT - 2), 0),
        ((ONE._replace(at_us=0), TWO._replace(at_us=2**60)), (0, 1, 5), 0),
        ((ONE, TWO), (0, 1, -7), 0),
    ],
)
def test_together(inference: Inference, stands: tuple[Stand, ...], gate: tuple[int, int, int], truth: int) -> None:
    a, b, m = gate
    held = Circuit((), stands, (Gate(GateOp.TOGETHER, 5, a, b, m),), 5)
    (answer,) = inference.decide([asked(held)])
    assert answer.truths == (truth,)
    assert inference.take_faults() == ()


def test_not_above_together_is_right_though_no_rule_says_it(inference: Inference) -> None:
    gates = (Gate(GateOp.TOGETHER, 5, 0, 1, 60), Gate(GateOp.AT_LEAST, 6, 5, m=1), Gate(GateOp.NOT, 7, 6))
    (answer,) = inference.decide([asked(Circuit((), (ONE, TWO), gates, 7), Circuit((), (ONE,), gates, 7))])
    assert answer.truths == (0, 2)


@pytest.mark.parametrize("depth", [100, 1_500])
def test_a_circuit_may_be_deep(inference: Inference, depth: int) -> None:
    gates = tuple(Gate(GateOp.NOT, key + 1, key) for key in range(depth))
    (answer,) = inference.decide([asked(Circuit(((0, 2),), (), gates[::-1], depth))])
    assert answer.truths == (2,)


@pytest.mark.parametrize("size", [60, 150])
def test_many_stands_that_meet(durable: DurableInference, plain: ReferenceInference, size: int) -> None:
    """All pairs up to a bound; beyond it the reference answers, and that is no fault."""
    stands = tuple(Stand(n % 2, n, n) for n in range(2 * size))
    circuit = Circuit((), stands, (Gate(GateOp.TOGETHER, 5, 0, 1, 1_000),), 5)
    assert durable.decide([asked(circuit)]) == plain.decide([asked(circuit)]) == [Answer(frozenset(), (2,))]
    assert durable.take_faults() == ()


@pytest.mark.parametrize("gates", [(Gate(GateOp.NOT, 1, 2), Gate(GateOp.NOT, 2, 1)), (Gate(GateOp.NOT, 1, 9),)])
def test_a_circuit_that_is_none_is_an_error(gates: tuple[Gate, ...]) -> None:
    with pytest.raises((ValueError, KeyError)):
        ReferenceInference().decide([asked(Circuit((), (), gates, 1))])


# kzgbhqbn and gqbvhtpq have one FNV-1a hash: durable_rules takes the one for the other where it sees names.
ASSETS = ["L1", "L2", "C1", "kzgbhqbn", "gqbvhtpq", "é à", "9", "True", ""]
RULES = ["a", "b", "c", "w", "z", "self"]
TIMES = [0, 1, 60, 10**6, 10**6 + 1, 2**40]


def random_circuit(source: random.Random) -> Circuit:
    """Shared nodes, any depth, gates in any order; no NOT above a TOGETHER."""
    truths, counts, above = list(range(source.randint(1, 5))), [30, 31], set[int]()
    values = [(key, source.randint(0, 2)) for key in truths] + [(key, source.randint(0, 6)) for key in counts]
    gates = []
    for out in range(10, 10 + source.randint(0, 9)):
        op = source.choice(list(GateOp))
        a, b = source.choice(truths), source.choice(truths)
        if op is GateOp.NOT:
            a, b = source.choice([key for key in truths if key not in above]), -1
        elif op is GateOp.AT_LEAST:
            a, b = source.choice(truths + counts), -1
        elif op is GateOp.TOGETHER:
            a, b = source.randint(0, 2), source.randint(0, 2)
        if op is GateOp.TOGETHER or a in above or b in above:
            above.add(out)
        gates.append(Gate(op, out, a, b, source.choice([0, 1, 2, 3, 10**6])))
        truths.append(out)
    stands = [
        Stand(source.randint(0, 2), source.randint(0, 3), source.choice(TIMES)) for _ in range(source.choice([0, 3, 9]))
    ]
    source.shuffle(gates)
    return Circuit(tuple(values), tuple(stands), tuple(gates), source.choice(truths))


def random_transaction(source: random.Random) -> Transaction:
    conditions = frozenset(
        Condition(source.choice(RULES), source.choice(ASSETS), source.choice(ASSETS), source.random() < 0.5)
        for _ in range(source.randint(0, 9))
    )
    return Transaction(conditions, tuple(random_circuit(source) for _ in range(source.randint(0, 3))))


def brute_force(transaction: Transaction) -> Answer:
    """The meaning once more, in other words: all rules over all conditions, and all gates until nothing changes."""
    found = set()
    for one in transaction.conditions:
        found |= {(ALARM, one.rule, one.asset)} if one.rule in PROGRAM.alarms else set()
        found |= {(WANT, one.rule, one.asset)} if one.rule in PROGRAM.wants and one.fresh else set()
    for one, other in permutations(transaction.conditions, 2):
        known = one.rule in {"a", "b", "c", "self", "w"} and one.rule != other.rule
        if known and one.over != "" and (PROGRAM.silencers.get(one.rule), one.over) == (other.rule, other.asset):
            found.add((SUPPRESSED, one.rule, one.asset))
    return Answer(implied(*found), tuple(map(brute_truth, transaction.circuits)))


def brute_truth(circuit: Circuit) -> int:
    known = dict(circuit.values)
    for _ in circuit.gates:
        for op, out, a, b, m in circuit.gates:
            apart = [
                abs(s.at_us - t.at_us) for s, t in permutations(set(circuit.stands), 2) if (s.key, t.key) == (a, b)
            ]
            if op == GateOp.TOGETHER:
                known[out] = 2 * any(gap <= m for gap in apart)
            elif op == GateOp.AT_LEAST and a in known:
                known[out] = 2 * (known[a] >= m)
            elif op == GateOp.NOT and a in known:
                known[out] = {0: 2, 1: 1, 2: 0}[known[a]]
            elif op in {GateOp.AND, GateOp.OR} and a in known and b in known:
                known[out] = sorted((known[a], known[b]))[op == GateOp.OR]
    return known[circuit.root]


SOURCES = st.builds(random.Random, st.integers(0, 2**32))
TRANSACTIONS = st.lists(st.builds(random_transaction, SOURCES), min_size=1, max_size=20)


@settings(max_examples=100)
@given(TRANSACTIONS)
def test_the_reference_is_right(transactions: list[Transaction]) -> None:
    inference = ReferenceInference()
    inference.load(PROGRAM)
    assert inference.decide(transactions) == [brute_force(transaction) for transaction in transactions]


@settings(max_examples=100)
@given(TRANSACTIONS)
def test_both_say_the_same(durable: DurableInference, transactions: list[Transaction]) -> None:
    plain = ReferenceInference()
    plain.load(PROGRAM)
    assert durable.decide(transactions) == plain.decide(transactions)
    assert durable.take_faults() == ()
    assert durable.worker_pid is not None


@settings(max_examples=25)
@given(TRANSACTIONS)
def test_an_answer_depends_on_its_transaction_alone(durable: DurableInference, transactions: list[Transaction]) -> None:
    together = durable.decide(transactions)
    assert [durable.decide([transaction])[0] for transaction in reversed(transactions)] == together[::-1]


@pytest.mark.parametrize("number", [2_000, pytest.param(100_000, marks=pytest.mark.soak)])
def test_thousands_of_transactions_without_a_difference(number: int, plain: ReferenceInference) -> None:
    needs_durable()
    source, differences, spent_s, facts = random.Random(number), 0, 0.0, 0
    with DurableInference() as inference:
        inference.load(PROGRAM)
        inference.decide([told()])
        for _ in range(number // 100):
            batch = [random_transaction(source) for _ in range(100)]
            start = time.perf_counter()
            found = inference.decide(batch)
            spent_s += time.perf_counter() - start
            differences += sum(one != other for one, other in zip(found, plain.decide(batch), strict=True))
            facts += sum(
                len(t.conditions) + sum(1 + len(c.values + c.gates + c.stands) for c in t.circuits) for t in batch
            )
        assert inference.take_faults() == ()
        assert inference.worker_pid is not None
    print(f"{number} transactions, {facts} facts, {differences} differences, {number / spent_s:.0f} transactions/s")
    assert differences == 0


@pytest.mark.parametrize("size", [999, 1_000, MAX_FACTS, MAX_FACTS + 1, 5_000])
def test_a_large_transaction_is_answered_whole(durable: DurableInference, plain: ReferenceInference, size: int) -> None:
    large = told(*(("a", f"L{n}", "C", False) for n in range(size - 1)), ("b", "C", "", False))
    assert durable.decide([large, told()]) == plain.decide([large, told()])
    assert durable.take_faults() == ()


def test_a_new_program_replaces_the_one_before(durable: DurableInference) -> None:
    both = [told(("a", "L", "C", True), ("b", "C", "", True))]
    try:
        durable.load(Program(wants=frozenset({"a"})))
        pid = durable.worker_pid
        assert durable.decide(both) == [Answer(implied((WANT, "a", "L")), ())]
        assert durable.worker_pid == pid  # nothing is compiled anew
    finally:
        durable.load(PROGRAM)
    assert len(durable.decide(both)[0].implied) == 3


def gone(pid: int) -> bool:
    """Neither running nor a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


HOLDS = Circuit(((0, 2), (1, 1)), (), (Gate(GateOp.AND, 2, 0, 1),), 2)
QUESTION = [told(("a", "L", "C", False), ("b", "C", "", False))._replace(circuits=(HOLDS,))]


def test_a_killed_worker_costs_no_answer_and_leaves_no_zombie(plain: ReferenceInference) -> None:
    needs_durable()
    right = plain.decide(QUESTION)
    with DurableInference(check_every=1) as inference:
        inference.load(PROGRAM)
        assert inference.worker_pid is None
        assert inference.decide(QUESTION) == right
        first = inference.worker_pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        assert inference.decide(QUESTION) == right
        assert len(inference.take_faults()) == 1
        assert gone(first)
        assert inference.decide(QUESTION) == right  # the reference, while the worker is left alone
        assert inference.worker_pid is None
        assert inference.decide(QUESTION) == right
        second = inference.worker_pid
        assert second not in {None, first}
        assert inference.take_faults() == ()
    assert second is not None
    assert gone(second)


def script(folder: Path, body: str) -> tuple[str, ...]:
    """A worker of our own making."""
    path = folder / "worker.py"
    path.write_text(
        "import sys, time, os\nfrom multiprocessing.connection import Connection\n"
        f"line = Connection(int(sys.argv[1]))\n{body}\n"
    )
    return (sys.executable, str(path))


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("sys.exit(3)", "ended"),
        ("time.sleep(600)", "did not answer within 0.5 s"),
        ("line.send('ready'); line.recv(); time.sleep(600)", "did not answer within 0.5 s"),
        ("line.send('ready'); line.recv(); os.abort()", "ended"),
        ("line.send('ready'); line.recv(); line.send('nonsense')", "answered 1 transactions with 'nonsense'"),
        ("line.send('ready'); line.recv(); line.send([[], []])", "answered 1 transactions with [[], []]"),
        ("line.send('ready'); line.recv(); line.send([5])", "answered 5"),
        ("line.send('ready'); line.recv(); line.send([([(9, 0)], [1])])", "answered ([(9, 0)], [1])"),
        ("line.send('ready'); line.recv(); line.send([([(1, 7)], [1])])", "answered ([(1, 7)], [1])"),
        ("line.send('ready'); line.recv(); line.send([([], [])])", "answered ([], [])"),
        ("line.send('ready'); line.recv(); line.send([([], [-1])])", "answered ([], [-1])"),
        ("line.send('ready'); line.recv(); line.send([([], [1])])", "durable_rules answered [] (1,), the reference ["),
    ],
    ids=[
        "dies at once",
        "never ready",
        "hangs",
        "crashes",
        "babbles",
        "too many",
        "no answer",
        "no such conclusion",
        "no such fact",
        "a truth too few",
        "no such truth",
        "lies",
    ],
)
def test_whatever_a_worker_does_the_answer_is_right(
    body: str, fault: str, tmp_path: Path, plain: ReferenceInference, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Recorded(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *args: Any, **fields: Any) -> None:
            super().__init__(*args, **fields)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    command = script(tmp_path, body)
    within = 0.5 if "did not answer" in fault else 20.0
    with DurableInference(answer_within_s=within, start_within_s=20.0 if "ready" in body else within,
                          check_every=1, worker=command) as inference:  # fmt: skip
        inference.load(PROGRAM)
        assert inference.decide(QUESTION) == plain.decide(QUESTION)
        (said,) = inference.take_faults()
        assert fault in said
        assert inference.worker_pid is None
        assert [process.returncode is None for process in started] == [False]


def test_failures_in_a_row_are_tried_again_ever_more_rarely(tmp_path: Path, plain: ReferenceInference) -> None:
    with DurableInference(worker=script(tmp_path, "sys.exit(1)")) as inference:
        inference.load(PROGRAM)
        failed = []
        for call in range(20):
            assert inference.decide(QUESTION) == plain.decide(QUESTION)
            failed += [call] * len(inference.take_faults())
    assert failed == [0, 2, 5, 10, 19]


def test_a_worker_killed_in_the_middle_costs_no_answer(tmp_path: Path, plain: ReferenceInference) -> None:
    """Some batches are answered by the first worker, which then dies; the rest of the call by the reference."""
    needs_durable()
    body = (
        "from engine.rulebook.rete import Network\nnetwork = Network()\nline.send('ready')\n"
        "line.send([network.answer(facts) for facts in line.recv()])\nline.recv()\nos.abort()"
    )
    source = random.Random(5)
    many = [random_transaction(source) for _ in range(300)]
    with DurableInference(worker=script(tmp_path, body), check_every=1) as inference:
        inference.load(PROGRAM)
        assert inference.decide(many) == plain.decide(many)
        assert len(inference.take_faults()) == 1
        assert inference.worker_pid is None


def test_a_lie_out_of_the_sample_is_the_price_of_sampling(tmp_path: Path) -> None:
    liar = script(tmp_path, "line.send('ready')\nwhile True: line.send([([], []) for _ in line.recv()])")
    question, silent = [told(("a", "L", "", False))], Answer(frozenset(), ())
    with DurableInference(worker=liar, check_every=3) as inference:
        inference.load(PROGRAM)
        assert inference.decide([told()]) == [silent]  # checked, and true
        assert inference.decide(question * 2) == [silent] * 2
        assert inference.decide(question) != [silent]  # the fourth is checked
        assert len(inference.take_faults()) == 1


# What the far side refuses, in this very process.


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ([()], "integers"),
        ([(4, 0)], "no such fact"),
        ([(4, 0, 1, 1)], "no such fact"),
        ([(1,)], "no such fact"),
        ([(2,)], "no such fact"),
        ([(9, 0, 0)], "no such fact"),
        ([(4, 0, 1.0)], "integers"),
        ([(4, 0, True)], "integers"),
        ([(4, 0, "1")], "integers"),
        ([(4, 0, 2**53)], "integers"),
        ([(4, 0, -2)], "integers"),
        ([(3, 0, 5, 1, 0, 0, 5)], "silence itself"),
        ([(5, 1, 2, 0, 0, 0)], "inputs differ"),
        ([(4, n, 0) for n in range(MAX_FACTS + 1)], "at most 2000"),
    ],
)
def test_the_network_takes_small_integers_only(facts: Sequence[tuple[int, ...]], why: str) -> None:
    needs_durable()
    from engine.rulebook.rete import Network

    with pytest.raises(ValueError, match=why):
        Network().answer(facts)


def test_a_root_nothing_drives_is_told_from_a_false_one() -> None:
    needs_durable()
    from engine.rulebook.rete import Network

    assert Network().answer([(7, 0, 3), (7, 1, 4), (4, 4, 0)]) == ([], [-1, 0])
