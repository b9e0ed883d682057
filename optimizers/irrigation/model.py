"""The model of one network, or of a few that share a budget: whole cycles tonight, fractions later in each scenario,
and seconds of sets of valves.

Depletion after a day is a sum of three layers, up to RAW, up to the middle between RAW and TAW, and beyond, each with
its own cost a mm. As costs grow from layer to layer they fill in order, and stress needs no rows of its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pulp
from pulp import constants

from optimizers.arrays import Floats, Ints
from optimizers.engines import Effort
from optimizers.irrigation.engines import Answer, floats, run
from optimizers.irrigation.patterns import Pattern
from optimizers.irrigation.stretches import Stretch, stretches_of
from optimizers.irrigation.supplies import Decided, Supply

_HOUR_S = 3600.0
Node = tuple[int, int]
"""A scenario and a day: the first day is the same in every scenario, and stands as scenario 0."""

TONIGHT: Node = (0, 0)

Terms = list[tuple[Any, float]]
"""Variables and their coefficients."""


@dataclass(slots=True, eq=False)
class Slot:
    """A stretch of a node: the row that shares its hours out, and the sets that may run in them.

    `tag` begins the names of their columns: PuLP hands columns over in the order of names, which no run may change.
    """

    stretch: Stretch
    row: Any
    tag: str
    sets: set[Pattern] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class Part:
    """What a supply has in a program.

    cycles    by node and hydrozone, absent where a night leaves it no room
    opened    by node and hydrozone, the row that holds cycles within the hours their valve is open
    slots     by node
    share     of tonight's hours that may be planned: less than all where all of them cannot be filled
    """

    supply: Supply
    tag: str
    share: float = 1.0
    cycles: dict[tuple[Node, int], Any] = field(default_factory=dict)
    opened: dict[tuple[Node, int], Any] = field(default_factory=dict)
    slots: dict[Node, list[Slot]] = field(default_factory=dict)

    def leave(self, share: float, least: Ints, most: Ints) -> None:
        """Plan from `least` to `most` cycles (m,) tonight, in no more than a share of its hours.

        What is to be done in any case has its time already: the sets that are known need not make room for it.
        """
        for z in np.flatnonzero(self.supply.most[0]).tolist():
            column = self.cycles[TONIGHT, z]
            column.lowBound, column.upBound = int(least[z]), int(most[z])
            self.opened[TONIGHT, z].changeRHS(-float(self.supply.cycle_s[z]) / _HOUR_S * int(least[z]))
        for slot in self.slots[TONIGHT]:
            slot.row.changeRHS(share * slot.stretch.seconds / _HOUR_S)

    @property
    def fractions(self) -> tuple[Floats, Floats]:
        """Cycles of the last solution, tonight's (m,) and later ones (S, D-1, m)."""
        m, days, scenarios = self.supply.shape
        tonight, later = np.zeros(m), np.zeros((scenarios, days, m))
        for ((s, d), z), value in zip(self.cycles, floats(list(self.cycles.values())).tolist(), strict=True):
            if d:
                later[s, d, z] = value
            else:
                tonight[z] = value
        return tonight, np.clip(later[:, 1:], 0.0, self.supply.most[1:])


class Model:
    """A program in PuLP, built once and solved under several bounds of tonight's cycles and several prices of water."""

    def __init__(self, supplies: Sequence[Supply], limits_m3: Floats, *, loose: bool = False) -> None:
        """`limits_m3` (B,) of budgets, infinite for those that this model need not keep by itself.

        `loose`: where sets are too many to write them all out, only the flow in a stretch is limited, and no valve runs
        longer than it lasts. What is decided so may not be possible; nothing possible is better.
        """
        self.program = pulp.LpProblem("night", constants.LpMinimize)
        self.limits_m3, self.eur_m3 = limits_m3, np.zeros(limits_m3.size)
        self.parts = [Part(supply, f"{i}.") for i, supply in enumerate(supplies)]
        self._costs: Terms = []
        for part in self.parts:
            _add_cycles(self.program, part)
            self._costs += _add_balances(self.program, part)
            stretches = stretches_of(part.supply)
            for node in nodes(part.supply):
                part.slots[node] = _add_timing(self.program, part, node, stretches[node[1]], loose=loose)
        for b in np.flatnonzero(np.isfinite(limits_m3)).tolist():
            terms = [term for part in self.parts for term in _counted(part, part.supply.counted_m3[b])]
            add_row(self.program, terms, constants.LpConstraintLE, float(limits_m3[b]))
        self.price(self.eur_m3)

    @property
    def supplies(self) -> tuple[Supply, ...]:
        return tuple(part.supply for part in self.parts)

    @property
    def decided(self) -> list[Decided]:
        """What the last solution says, whole tonight."""
        told = [part.fractions for part in self.parts]
        return [Decided(np.rint(tonight).astype(np.int64), later) for tonight, later in told]

    @property
    def incomplete(self) -> bool:
        """Whether there are sets that it does not know."""
        return any(not slot.stretch.complete for part in self.parts for row in part.slots.values() for slot in row)

    def loosened(self) -> "Model":
        """The `loose` model of the same at the same prices."""
        loose = Model(self.supplies, self.limits_m3, loose=True)
        loose.price(self.eur_m3)
        return loose

    def leave_all(self) -> None:
        """Let all of tonight's hours be planned."""
        for part in self.parts:
            part.share = 1.0

    def price(self, eur_m3: Floats) -> None:
        """Charge water that budgets count (B,) on top of its own price."""
        self.eur_m3 = eur_m3
        costs = list(self._costs)
        for part in self.parts:
            supply = part.supply
            costs += _counted(part, supply.price_eur + np.tensordot(eur_m3, supply.counted_m3, 1))
        self.program.objective = pulp.LpAffineExpression(costs)

    def solve(self, effort: Effort) -> Answer:
        """The least expected cost in EUR."""
        for part in self.parts:
            part.leave(part.share, np.zeros_like(part.supply.most[0]), part.supply.most[0])
        return run(self.program, effort)

    def relax(self, effort: Effort, fixed: Sequence[Ints] | None = None) -> Answer:
        """The least with fractions of cycles tonight, or with tonight's cycles (m,) of each supply where `fixed`."""
        for i, part in enumerate(self.parts):
            least, most = (
                (np.zeros_like(part.supply.most[0]), part.supply.most[0]) if fixed is None else (fixed[i],) * 2
            )
            part.leave(1.0, least, most)
        return run(self.program, effort, whole=False)

    def add_set(self, part: Part, node: Node, slot: Slot, together: Pattern) -> None:
        """One more set that may run in a stretch of a node; one that is there already adds nothing."""
        if together in slot.sets:
            return
        column = self.program.add_variable(f"{slot.tag}{len(slot.sets)}", 0)
        slot.sets.add(together)
        slot.row.expr.addterm(column, 1.0)
        for z in together:
            part.opened[node, z].expr.addterm(column, 1.0)


def nodes(supply: Supply) -> Iterator[Node]:
    _, days, scenarios = supply.shape
    yield TONIGHT
    yield from ((s, d) for s in range(scenarios) for d in range(1, days))


def _counted(part: Part, by_night: Floats) -> Terms:
    """What cycles come to in the expectation, at so much (D, m) each."""
    share = part.supply.probability.tolist()
    rows = by_night.tolist()
    return [
        (column, (share[s] if d else 1.0) * rows[d][z])
        for ((s, d), z), column in part.cycles.items()
        if rows[d][z]
    ]  # fmt: skip


def _add_cycles(program: Any, part: Part) -> None:
    for node in nodes(part.supply):
        kind = constants.LpInteger if node == TONIGHT else constants.LpContinuous
        most = part.supply.most[node[1]]
        for z in np.flatnonzero(most).tolist():
            name = f"n{part.tag}{node[0]}.{node[1]}.{z}"
            part.cycles[node, z] = program.add_variable(name, 0, int(most[z]), kind)


def _add_balances(program: Any, part: Part) -> Terms:
    """Layers of depletion of each hydrozone and day, and what they cost."""
    supply, costs = part.supply, Terms()
    m, days, scenarios = supply.shape
    to_raw, to_middle = supply.raw_mm.tolist(), (supply.middle_mm - supply.raw_mm).tolist()
    slopes = np.cumsum([np.zeros(m), supply.stress_eur_mm, supply.wilting_eur_mm], axis=0)
    for s in range(scenarios):
        for z in range(m):
            before: Terms = []
            for d in range(days):
                name = f"{part.tag}{s}.{d}.{z}"
                after = [
                    program.add_variable("a" + name, 0, to_raw[z]),
                    program.add_variable("b" + name, 0, to_middle[z]),
                    program.add_variable("c" + name, 0),
                ]
                last = float(supply.terminal_eur_mm[z]) if d == days - 1 else 0.0
                costs += zip(after, (supply.probability[s] * (slopes[:, z] + last)).tolist(), strict=True)
                terms = [(layer, 1.0) for layer in after] + before
                if (cycles := part.cycles.get((TONIGHT if d == 0 else (s, d), z))) is not None:
                    terms.append((cycles, float(supply.cycle_mm[z])))
                carried = 0.0 if d else float(supply.depletion_mm[z])
                add_row(program, terms, constants.LpConstraintGE, carried + float(supply.need_mm[s, d, z]))
                before = [(layer, -1.0) for layer in after]
    return costs


def _add_timing(program: Any, part: Part, node: Node, stretches: Sequence[Stretch], *, loose: bool) -> list[Slot]:
    """Valves open for their cycles, in sets that may run together, for no longer than stretches last."""
    supply, (s, d) = part.supply, node
    open_in: dict[int, Terms] = {z: [] for z in np.flatnonzero(supply.most[d]).tolist()}
    slots = []
    for k, stretch in enumerate(stretches):
        alone = loose and not stretch.complete
        sets = [(z,) for z in stretch.valves] if alone else stretch.sets
        hours, tag = stretch.seconds / _HOUR_S, f"x{part.tag}{s}.{d}.{k}."
        # Where sets are still to be found, what time is worth must stand in its row alone, not in bounds of columns.
        longest = hours if alone or stretch.complete else None
        columns = [program.add_variable(f"{tag}{p}", 0, longest) for p in range(len(sets))]
        weight = [float(supply.flow_m3_h[z]) / stretch.fills_m3_h for (z,) in sets] if alone else [1.0] * len(sets)
        row = add_row(program, list(zip(columns, weight, strict=True)), constants.LpConstraintLE, hours)
        slots.append(Slot(stretch, row, tag, set(sets)))
        for column, together in zip(columns, sets, strict=True):
            for z in together:
                open_in[z].append((column, 1.0))
    for z, terms in open_in.items():
        cycle = (part.cycles[node, z], -float(supply.cycle_s[z]) / _HOUR_S)
        part.opened[node, z] = add_row(program, [*terms, cycle], constants.LpConstraintGE, 0.0)
    return slots


def add_row(program: Any, terms: Terms, sense: int, wants: float) -> Any:
    row = pulp.LpConstraint(pulp.LpAffineExpression(terms), sense, rhs=wants)
    program.addConstraint(row)
    return row
