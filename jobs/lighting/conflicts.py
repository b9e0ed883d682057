"""Where an order allows less light than people need: which lamps stay lit against it, and what has to be decided."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jobs.lighting.body import Body, open_body
from jobs.lighting.fleet import some
from jobs.planning.domain import Conflict
from jobs.words import LANGUAGES, say
from optimizers.lighting import TOLERANCE
from optimizers.lighting import explain as chain


def conflicts(block: bytes) -> list[Conflict]:
    """One for each order that a plan breaks, in the order of their ids: the floor holds until a person decides."""
    found = open_body(block)
    over = found.flux > found.problem.ceiling + TOLERANCE
    by = found.columns["bound_by"]
    heads = found.head["orders"]
    made = [_conflict(found, heads[k], over & (by == k + 1)) for k in range(len(heads))]
    return sorted((one for one in made if one is not None), key=lambda one: one.order)


def _conflict(found: Body, order: Mapping[str, Any], over: np.ndarray) -> Conflict | None:
    if not over.any():
        return None
    problem, constant = found.problem, found.columns["constant"]
    needing = over & (problem.floor > problem.ceiling + TOLERANCE)
    crossings = [found.lamps[i] for i in np.flatnonzero(needing.any(axis=1) & constant)]
    streets = [found.lamps[i] for i in np.flatnonzero(needing.any(axis=1) & ~constant)]
    beside = int((over.any(axis=1) & ~needing.any(axis=1)).sum())
    i, t = map(int, np.argwhere(needing if needing.any() else over)[0])
    links = [str(link) for link in chain(problem, found.flux, i, t)]
    facts: dict[str, Any] = {
        "order": order["id"],
        "crossings": crossings,
        "streets": streets,
        "beside": beside,
        "chain": [f"order {order['id']} at {problem.ceiling[i, t]:g} for {found.lamps[i]}", *links],
    }
    kind = "crossings" if crossings else "streets" if streets else "beside"
    words = {"order": order["id"], "crossings": some(crossings), "streets": some(streets), "beside": beside}
    about = {lang: say(f"conflict-{kind}-about", lang, **words, text=order[lang]) for lang in LANGUAGES}
    action = {lang: say(f"conflict-{kind}-action", lang, **words) for lang in LANGUAGES}
    return Conflict(order["id"], {"about": about, "action": action, **facts})
