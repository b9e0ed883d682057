"""A problem in blocks that only what is above them ties together, and what blocks do put together again."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.energy.assembling.wasting import Wasteful
from optimizers.energy.contract import NONE, Orders
from optimizers.energy.problem import PARTS, EnergyProblem
from optimizers.energy.reading import Flows

MOST_TOGETHER = 30
"""Sites of a group that are one program: a feeder's limits are then its own affair, and need no price."""

_OF: dict[str, str] = {
    "import_w": "sites", "export_w": "sites", "solar_w": "solar", "charge_w": "batteries", "discharge_w": "batteries",
    "stored_wh": "batteries", "vehicle_charge_w": "vehicles", "vehicle_discharge_w": "vehicles",
    "vehicle_stored_wh": "vehicles", "room_heat_w": "rooms", "room_cool_w": "rooms", "room_c": "rooms",
    "room_mass_c": "rooms", "tank_heat_w": "tanks", "tank_c": "tanks", "on": "loads", "given_w": "sheddable",
}  # fmt: skip
"""Of each array of flows, the part whose members its rows are."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Sites that are planned together, with the groups that hold no others.

    members   by part, indices of those that are in it, in the whole problem
    above     index of the group it draws through, among those that hold several blocks; -1 for none
    """

    problem: EnergyProblem
    members: dict[str, Ints]
    above: int


def sliced(problem: EnergyProblem, most: int = MOST_TOGETHER) -> tuple[list[Block], EnergyProblem]:
    """All blocks, none of more than `most` sites; and the problem with only the groups that hold several."""
    within = members(problem)
    size = within.sum(axis=1)
    parent = np.zeros(0, np.int64) if problem.groups is None else problem.groups.parent
    high: Bools = (size > most) | (size == 0)
    place = _placed(np.flatnonzero(high), size.size)
    roots = np.flatnonzero(~high & ((parent == NONE) | high[parent]))
    blocks = [
        _block(
            problem,
            np.flatnonzero(within[g]),
            np.flatnonzero(within[:, within[g]].any(axis=1) & ~high),
            place[parent[g]],
        )
        for g in roots.tolist()
    ]
    none = np.zeros(0, np.int64)
    single = np.flatnonzero(~within[roots].any(axis=0)).tolist()
    blocks += [_block(problem, np.array([site]), none, place[problem.sites.group[site]]) for site in single]
    return blocks, _above(problem, blocks, np.flatnonzero(high), place)


def wasteful_of(waste: Wasteful, block: Block) -> Wasteful:
    """What others and groups above make worth wasting is known of the whole."""
    return Wasteful(*(getattr(waste, one.name)[block.members["sites"]] for one in fields(Wasteful)))


def members(problem: EnergyProblem) -> Bools:
    """(G, n) whether a site draws through a group, or through one below it."""
    if problem.groups is None:
        return np.zeros((0, problem.shape[0]), np.bool_)
    return problem.groups.within(problem.sites.group)


def _block(problem: EnergyProblem, sites: Ints, inside: Ints, above: int) -> Block:
    """Sites with all that is theirs, and the groups `inside`."""
    chosen = {"sites": sites} | {name: _devices(problem, name, sites) for name in PARTS if _is_device(problem, name)}
    at = _placed(sites, problem.shape[0])
    groups = _placed(inside, 0 if problem.groups is None else len(problem.groups.names))
    parts: dict[str, Any] = {
        name: _taken(problem, name, mine, {"group": groups} if name == "sites" else {"site": at})
        for name, mine in chosen.items()
        if mine.size
    }
    if inside.size:
        parts["groups"] = _taken(problem, "groups", inside, {"parent": groups})
        parts["orders"] = _orders(problem, groups)
    return Block(EnergyProblem(horizon=problem.horizon, **parts), chosen, int(above))


def _orders(problem: EnergyProblem, place: Ints) -> Orders | None:
    """Those of the groups that have a place."""
    if problem.orders is None:
        return None
    mine = np.flatnonzero(place[problem.orders.group] != NONE)
    taken: Orders | None = _taken(problem, "orders", mine, {"group": place}) if mine.size else None
    return taken


def _above(problem: EnergyProblem, blocks: Sequence[Block], groups: Ints, place: Ints) -> EnergyProblem:
    """Each site draws through what is above its block."""
    through = np.full(problem.shape[0], NONE)
    for block in blocks:
        through[block.members["sites"]] = block.above
    sites = replace(problem.sites, group=through)
    if problem.groups is None or not groups.size:
        return replace(problem, sites=sites, groups=None, orders=None)
    high = _taken(problem, "groups", groups, {"parent": place})
    return replace(problem, sites=sites, groups=high, orders=_orders(problem, place))


def _is_device(problem: EnergyProblem, name: str) -> bool:
    return "site" in PARTS[name].arrays and getattr(problem, name) is not None


def _devices(problem: EnergyProblem, name: str, sites: Ints) -> Ints:
    mine: Ints = np.flatnonzero(np.isin(getattr(problem, name).site, sites))
    return mine


def _placed(chosen: Ints, count: int) -> Ints:
    """(count + 1,) where each is among the chosen; -1 for those that are not, and for none."""
    place: Ints = np.full(count + 1, NONE)
    place[chosen] = np.arange(chosen.size)
    return place


def _taken(problem: EnergyProblem, name: str, mine: Ints, renumbered: dict[str, Ints]) -> Any:
    """Some members of a part, and to whom they point by its new index."""
    part, kind = getattr(problem, name), PARTS[name]
    arrays = {array: getattr(part, array)[mine] for array in kind.arrays}
    arrays |= {array: place[arrays[array]] for array, place in renumbered.items()}
    return kind(names=tuple(part.names[k] for k in mine.tolist()), **arrays)


def gathered(problem: EnergyProblem, blocks: Sequence[Block], flows: Sequence[Flows]) -> Flows:
    """What each block does, by the whole problem's members."""
    each = {name: [getattr(one, name) for one in flows] for name in _OF}
    return Flows(**{name: spread(problem, blocks, part, each[name]) for name, part in _OF.items()})


def spread(problem: EnergyProblem, blocks: Sequence[Block], part: str, rows: Sequence[Any]) -> Any:
    """Rows of the members that each block has of a part, as rows of all members."""
    found = getattr(problem, part)
    whole: Floats = np.zeros((0 if found is None else len(found.names), problem.shape[1]), rows[0].dtype)
    for block, mine in zip(blocks, rows, strict=True):
        if mine.size:
            whole[block.members[part]] = mine
    return whole
