"""Where an order allows less light than people need: which lamps stay lit against it, and what has to be decided."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np

from jobs.lighting.body import open_body
from jobs.lighting.saying import told_links
from jobs.planning.domain import Conflict
from jobs.words import LANGUAGES, say, some
from optimizers.arrays import Bools, Floats
from optimizers.lighting import TOLERANCE, LightingProblem
from optimizers.lighting import explain as chain


def conflicts(block: bytes) -> list[Conflict]:
    """One for each order that a plan breaks, in the order of their ids: the floor holds until a person decides."""
    found = open_body(block)
    orders, by = found.head["orders"], found.columns["bound_by"]
    if not orders:
        return []
    problem, flux, slots = found.problem, found.flux, found.slots
    over = flux > problem.ceiling + TOLERANCE
    broken = [(order, over & (by == k)) for k, order in enumerate(orders, 1)]
    made = [
        Conflict(order["id"], _told(problem, flux, slots, found.columns["constant"], order, lit))
        for order, lit in broken
        if lit.any()
    ]
    return sorted(made, key=lambda one: one.order)


def _told(
    problem: LightingProblem, flux: Floats, slots: list[datetime], constant: Bools, order: Mapping[str, Any], lit: Bools
) -> dict[str, Any]:
    """What the alarm says. `lit` (n, T): where the order is not kept."""
    needing = lit & (problem.floor > problem.ceiling + TOLERANCE)
    needy = needing.any(axis=1)
    crossings = [problem.lamps[i] for i in np.flatnonzero(needy & constant)]
    streets = [problem.lamps[i] for i in np.flatnonzero(needy & ~constant)]
    beside = int((lit.any(axis=1) & ~needy).sum())
    i, t = map(int, np.argwhere(needing if needy.any() else lit)[0])
    links = told_links(chain(problem, flux, i, t), slots)
    kind = "crossings" if crossings else "streets" if streets else "beside"
    words = {"order": order["id"], "crossings": some(crossings), "streets": some(streets), "beside": beside}
    return {
        "about": {lang: say(f"conflict-{kind}-about", lang, **words, text=order[lang]) for lang in LANGUAGES},
        "action": {lang: say(f"conflict-{kind}-action", lang, **words) for lang in LANGUAGES},
        "order": order["id"],
        "crossings": crossings,
        "streets": streets,
        "beside": beside,
        "chain": [f"order {order['id']} at {problem.ceiling[i, t]:g} for {problem.lamps[i]}", *links],
    }
