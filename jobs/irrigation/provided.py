"""The flow that a plan provides for: no more than that is drawn by a network whose valves are open as it is planned."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from jobs.irrigation.body import open_body
from optimizers.arrays import Floats, Ints

NETWORK, PROPERTY = "IrrigationNetwork", "flowProvided"
TOLD_EVERY = timedelta(minutes=1)
SLACK = timedelta(minutes=5)
"""How far from its planned instant a valve may move: what its read-back is allowed, and more than clocks are apart."""


def provided(block: bytes, at: datetime) -> Mapping[tuple[str, str], float]:
    """The most (m³/h) that the plan in a body draws from each of its networks at any instant within SLACK of one; empty
    outside the plan's span.
    """
    plan = _drawing(block)
    if not plan.start <= at < plan.until:
        return {}
    now_s, slack_s = (at - plan.start).total_seconds(), SLACK.total_seconds()
    since_s, until_s = now_s - slack_s, now_s + slack_s
    near = (plan.end_s > since_s) & (plan.start_s <= until_s)
    start_s, end_s = plan.start_s[near], plan.end_s[near]
    # Flow rises where a valve opens only.
    moments_s = np.unique(np.maximum(start_s, since_s))
    is_open = (start_s <= moments_s[:, None]) & (moments_s[:, None] < end_s)
    drawn = np.zeros((len(moments_s) + 1, len(plan.networks)))
    moment, opening = np.nonzero(is_open)
    np.add.at(drawn, (moment, plan.network[near][opening]), plan.flow_m3_h[near][opening])
    return {(name, PROPERTY): float(most) for name, most in zip(plan.networks, drawn.max(axis=0), strict=True)}


class _Drawing(NamedTuple):
    """The openings of a plan, (k,) each, in seconds from its start."""

    start: datetime
    until: datetime
    networks: tuple[str, ...]
    network: Ints
    flow_m3_h: Floats
    start_s: Floats
    end_s: Floats


@lru_cache(maxsize=2)
def _drawing(block: bytes) -> _Drawing:
    """Kept, as it is asked for every minute. A valve that opened before the plan knew no such valve is not counted."""
    found = open_body(block)
    zones = found.problem.hydrozones
    row = {valve: z for z, valve in enumerate(found.valves)}
    openings = [(row[valve], start, end) for valve, start, end in found.openings if valve in row]
    at = np.array([z for z, _, _ in openings], np.int64)
    return _Drawing(
        found.start,
        found.until,
        found.problem.networks.names,
        zones.network[at],
        zones.flow_m3_h[at],
        np.array([(start - found.start).total_seconds() for _, start, _ in openings]),
        np.array([(end - found.start).total_seconds() for _, _, end in openings]),
    )
