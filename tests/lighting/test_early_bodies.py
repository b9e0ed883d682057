"""Plans that were stored when bodies held no orders, events, detectors or borrowed traffic are read like others."""

import json
from datetime import timedelta
from io import BytesIO

import numpy as np
import pytest

from jobs.lighting import LightingTask, body, explain, to_setpoints
from jobs.lighting.body import open_body, read_body
from jobs.lighting.conflicts import conflicts
from jobs.lighting.fallback import shift
from jobs.lighting.provided import provided
from optimizers.lighting import check, pack, solve, unpack

from .test_jobs import STREET, counts, evening_traffic, task_of

LATER = {"ceiling", "raised_by", "bound_by", "detector", "place", "provided_veh_h"}
LATER_SAID = {"parts", "detectors", "loans", "doubts", "events", "orders"}


def without(block: bytes, columns: set[str], said: set[str]) -> bytes:
    """The same archive without some of its columns, and of what its head says."""
    with np.load(BytesIO(block)) as archive:
        kept = {name: archive[name] for name in archive.files if name not in columns}
    head = json.loads(kept.pop("head").tobytes())
    assert said <= head.keys()
    slim = json.dumps({name: value for name, value in head.items() if name not in said})
    again = BytesIO()
    np.savez_compressed(again, head=np.frombuffer(slim.encode(), np.uint8), **kept)
    return again.getvalue()


@pytest.fixture(scope="module")
def task() -> LightingTask:
    return task_of(STREET, counts(evening_traffic))


def test_an_early_body_says_what_a_newer_one_says(task: LightingTask) -> None:
    plan = solve(task.problem)
    block = body(task, plan)
    early = without(block, LATER, LATER_SAID)
    start = open_body(block).start
    for lamp in task.problem.lamps:
        at = start + timedelta(hours=8)
        assert explain(early, f"{lamp}/illuminanceLevel", at) == explain(block, f"{lamp}/illuminanceLevel", at)
    assert to_setpoints(early, "1", start) == to_setpoints(block, "1", start)
    assert np.array_equal(shift(task, early).flux, shift(task, block).flux)
    problem, rows = read_body(early)
    np.testing.assert_allclose(rows, plan.flux, atol=1e-12)
    assert check(problem, plan) == []
    assert conflicts(early) == []


def test_an_early_body_provides_for_nothing_that_rules_could_compare(task: LightingTask) -> None:
    block = body(task, solve(task.problem))
    evening = open_body(block).start + timedelta(hours=8)
    assert provided(block, evening)
    assert provided(without(block, LATER, LATER_SAID), evening) == {}


def test_a_problem_that_was_packed_without_parts_is_solved_again(task: LightingTask) -> None:
    again = unpack(without(pack(task.problem), set(), {"parts"}))
    assert np.array_equal(solve(again).flux, solve(task.problem).flux)
