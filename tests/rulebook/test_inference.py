"""The two inferences give one answer, whatever happens to the worker; each hazard of durable_rules has its guard."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.rulebook import DurableInference, Inference, ReferenceInference, durable_available
from engine.rulebook.inference import Conclusion, Condition, Implied, Program, Transaction

# durable_rules 2.0.28 calls it on every action; in service only the worker process sees that.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcfromtimestamp:DeprecationWarning")

PROGRAM = Program(frozenset({"a", "b", "c"}), frozenset({"w"}), {"a": "b", "c": "a"})


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


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], implied()),
        ([("a", "L", "C", False)], implied((Conclusion.ALARM, "a", "L"))),
        (
            [("a", "L", "C", False), ("b", "C", "", False)],
            implied(
                (Conclusion.ALARM, "a", "L"), (Conclusion.SUPPRESSED, "a", "L"), (Conclusion.ALARM, "b", "C")
            ),
        ),
        (
            [("a", "L", "D", False), ("b", "C", "", False)],
            implied((Conclusion.ALARM, "a", "L"), (Conclusion.ALARM, "b", "C")),
        ),
        (
            [("a", "L", "", False), ("b", "", "", False)],
            implied((Conclusion.ALARM, "a", "L"), (Conclusion.ALARM, "b", "")),
        ),
        ([("w", "P", "", True)], implied((Conclusion.WANT, "w", "P"))),
        ([("w", "P", "", False)], implied()),
        ([("unknown", "P", "", True)], implied()),
        (
            [("c", "L", "L", False), ("a", "L", "L", False), ("b", "L", "L", False)],
            implied(
                *((Conclusion.ALARM, rule, "L") for rule in "abc"),
                (Conclusion.SUPPRESSED, "a", "L"), (Conclusion.SUPPRESSED, "c", "L"),
            ),
        ),
    ],
    ids=["nothing", "alarm", "silenced", "other cabinet", "no parent", "want", "stale want", "no such rule", "chain"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["reference", "durable"])
def test_what_conditions_imply(
    kind: str,
    conditions: list[tuple[str, str, str, bool]],
    expected: frozenset[Implied],
    plain: ReferenceInference,
    request: pytest.FixtureRequest,
) -> None:
    inference: Inference = plain if kind == "reference" else request.getfixturevalue("durable")
    transaction = frozenset(Condition(*condition) for condition in conditions)
    assert inference.decide([transaction]) == [expected]
    assert inference.take_faults() == ()


# kzgbhqbn and gqbvhtpq have one FNV-1a hash: durable_rules takes the one for the other where it sees names.
ASSETS = st.sampled_from(["L1", "L2", "C1", "C2", "kzgbhqbn", "gqbvhtpq", "é à", "9", "10", "True", ""])
TRANSACTIONS = st.lists(
    st.frozensets(
        st.builds(Condition, st.sampled_from(["a", "b", "c", "w", "z"]), ASSETS, ASSETS, st.booleans()), max_size=9
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=150)
@given(TRANSACTIONS)
def test_both_say_the_same_over_thousands_of_transactions(
    durable: DurableInference, transactions: list[Transaction]
) -> None:
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


@pytest.mark.parametrize("size", [999, 1_000, 2_000, 2_001, 5_000])
def test_a_large_transaction_is_answered_whole(durable: DurableInference, plain: ReferenceInference, size: int) -> None:
    large = frozenset(Condition("a", f"L{n}", "C", fresh=False) for n in range(size - 1))
    large |= {Condition("b", "C", "", fresh=False)}
    assert durable.decide([large, frozenset()]) == plain.decide([large, frozenset()])
    assert durable.take_faults() == ()


def test_a_new_program_replaces_the_one_before(durable: DurableInference) -> None:
    told = [frozenset({Condition("a", "L", "C", fresh=True), Condition("b", "C", "", fresh=True)})]
    try:
        durable.load(Program(wants=frozenset({"a"})))
        assert durable.decide(told) == [implied((Conclusion.WANT, "a", "L"))]
    finally:
        durable.load(PROGRAM)
    assert len(durable.decide(told)[0]) == 3


def gone(pid: int) -> bool:
    """Neither running nor a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


QUESTION = [frozenset({Condition("a", "L", "C", fresh=False), Condition("b", "C", "", fresh=False)})]


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
        ("line.send('ready'); line.recv(); line.send([[(9, 0)]])", "answered [(9, 0)]"),
        ("line.send('ready'); line.recv(); line.send([[(1, 7)]])", "answered [(1, 7)]"),
        ("line.send('ready'); line.recv(); line.send([[]])", "durable_rules answered [], the reference ["),
    ],
    ids=[
        "dies at once",
        "never ready",
        "hangs",
        "crashes",
        "babbles",
        "too many",
        "no such answer",
        "no such fact",
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


def test_a_lie_out_of_the_sample_is_the_price_of_sampling(tmp_path: Path) -> None:
    liar = script(tmp_path, "line.send('ready')\nwhile True: line.send([[] for _ in line.recv()])")
    with DurableInference(worker=liar, check_every=3) as inference:
        inference.load(PROGRAM)
        assert inference.decide([frozenset()]) == [frozenset()]  # checked, and true
        assert inference.decide(QUESTION * 2) == [frozenset()] * 2
        assert inference.decide(QUESTION) != [frozenset()]  # the fourth is checked
        assert len(inference.take_faults()) == 1


# What the far side refuses, and the hazards themselves, in this very process: none of these crashes it.


def test_names_are_told_apart_by_a_hash_of_32_bits() -> None:
    needs_durable()
    from engine.rulebook.rete import distinct, fnv1a32

    assert fnv1a32("") == 0x811C9DC5
    assert fnv1a32("a") == 0xE40C292C  # draft-eastlake-fnv, appendix C
    assert fnv1a32("foobar") == 0xBF9CF968
    assert fnv1a32("kzgbhqbn") == fnv1a32("gqbvhtpq")
    names = distinct("f", {fnv1a32("f1")})
    assert [next(names) for _ in range(3)] == ["f0", "f2", "f3"]


def test_the_names_in_use_do_not_collide() -> None:
    needs_durable()
    from engine.rulebook.rete import _FIELDS, Network, fnv1a32

    network = Network()
    names = [*_FIELDS, *network._sids, *network._ids]
    assert len({fnv1a32(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    "facts",
    [
        [(1, 0, -1)],
        [(1, 0, -1, 0, 0)],
        [(1.0, 0, -1, 0)],
        [(True, 0, -1, 0)],
        [("1", 0, -1, 0)],
        [(1, 2**31, -1, 0)],
        [(1, -2, -1, 0)],
        [(1, 5, 5, 0)],
        [(1, n, -1, 0) for n in range(2_001)],
    ],
    ids=["short", "long", "float", "boolean", "text", "large", "negative", "silences itself", "too many"],
)
def test_the_network_takes_small_integers_only(facts: list[tuple[int, int, int, int]]) -> None:
    needs_durable()
    from engine.rulebook.rete import Network

    with pytest.raises(ValueError, match="fact"):
        Network(sids=1).answer(facts)


def test_a_posted_decision_would_be_consumed_by_one_rule() -> None:
    """The hazard behind the guard: why the decision is a fact."""
    needs_durable()
    from engine.rulebook.rete import _RULESET, Network

    network = Network(sids=1)
    facts = [(1, n, -1, 0) for n in range(3)]
    assert sorted(network.answer(facts)) == [(1, 0), (1, 1), (1, 2)]
    sid = network._sids[0]
    for n in range(3):
        network._assert({"id": f"g{n}", "sid": sid, "kind": 3, "n": n, "role": 1, "key": n, "silencer": -1, "fresh": 0})
    network._found = []
    network._host.post(_RULESET, {"id": "g9", "sid": sid, "kind": 2})
    assert len(network._found) == 1


def test_nothing_outlives_its_transaction() -> None:
    needs_durable()
    from engine.rulebook.rete import _RULESET, Network

    network = Network(sids=2)
    for _ in range(10):
        network.answer([(1, 0, 1, 0), (1, 1, -1, 0), (2, 2, -1, 1)])
    ruleset = network._host.get_ruleset(_RULESET)
    assert [ruleset.get_facts(sid) for sid in network._sids] == [[], []]


def test_a_fact_nobody_knows_is_passed_over() -> None:
    needs_durable()
    from engine.rulebook.rete import Network

    assert Network(sids=1).answer([(0, 0, -1, 1)]) == []
