"""Whatever the windows, soaks and limits of a night: its plan keeps every word, can be explained and told as JSON."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.irrigation import (
    IrrigationProblem,
    Windows,
    check,
    explain,
    generated,
    plan_from_json,
    plan_to_json,
    solve,
)
from optimizers.result import Limits

NEAR = Limits(seconds=30, gap=0.005)


def ragged(hydrozones: int, networks: int, days: int, stretches: int, seed: int) -> IrrigationProblem:
    """Stretches of any length by night, some that touch; soaks longer than the gaps; nights off; thirsty plants."""
    plain, rng = generated(hydrozones, networks, days, 2, seed), np.random.default_rng([seed, 2])
    cuts = np.sort(rng.choice(np.arange(36_000.0, 64_800.0, 300.0), 2 * stretches, replace=False))
    later = 86_400.0 * np.arange(days)[:, None]
    start, end = (later + cuts[::2]).ravel(), (later + cuts[1::2]).ravel()
    near = start[1:] - end[:-1] < 3_600
    end[:-1] = np.where(near & (rng.random(near.size) < 0.5), start[1:], end[:-1])
    zones = plain.hydrozones
    return replace(
        plain,
        windows=Windows(
            night=np.repeat(np.arange(days), stretches),
            start_s=start,
            end_s=end,
            allowed=rng.random((hydrozones, start.size)) < 0.8,
            most_cycles=rng.integers(0, 9, (hydrozones, days)),
        ),
        hydrozones=replace(
            zones,
            soak_s=rng.choice([0.0, 600.0, 1_800.0, 3_600.0], hydrozones),
            depletion_mm=np.minimum(1.3 * zones.raw_mm, zones.taw_mm),
        ),
    )


@settings(max_examples=25)
@given(st.integers(1, 8), st.integers(1, 3), st.integers(1, 3), st.integers(1, 6), st.integers(0, 10**6))
def test_whatever_the_windows_a_plan_keeps_every_word(
    hydrozones: int, networks: int, days: int, stretches: int, seed: int
) -> None:
    problem = ragged(hydrozones, networks, days, stretches, seed)
    plan = solve(problem, NEAR)
    assert check(problem, plan) == []
    assert 0 <= plan.bound <= plan.objective * (1 + 1e-9)
    assert [told.cycles for told in explain(problem, plan)] == plan.cycles.tolist()
    assert plan_from_json(plan_to_json(plan)).start_s.tobytes() == plan.start_s.tobytes()
