"""The model of one network: whole cycles tonight, fractions later in each scenario, seconds of sets of valves.

Depletion after a day is a sum of three layers, up to RAW, up to the middle between RAW and TAW, and beyond, each with
its own cost a mm. As costs grow from layer to layer they fill in order, and stress needs no rows of its own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pulp
from pulp import constants

from optimizers.arrays import Floats, Ints
from optimizers.irrigation.engines import Answer, Effort, floats, run
from optimizers.irrigation.stretches import Stretch, stretches_of
from optimizers.irrigation.supplies import Supply

_HOUR_S = 3600.0
TONIGHT = (0, 0)

Node = tuple[int, int]
"""A scenario and a day: the first day is the same in every scenario, and stands as scenario 0."""


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """Whole cycles (m,) tonight, and fractions (S, D-1, m) later."""

    cycles: Ints
    later: Floats


@dataclass(slots=True, eq=False)
class Model:
    """The program of one supply in PuLP, built once and solved under several bounds of tonight's cycles.

    cycles      by node and hydrozone, absent where a night leaves it no room
    shared      by node and stretch of equals: the row that shares its time out, and the sets that may run in it
    opened      by node and hydrozone: the row that holds cycles within the time its valve is open
    """

    supply: Supply
    program: Any
    cycles: dict[tuple[Node, int], Any] = field(default_factory=dict)

    def solve(self, effort: Effort, most: Ints | None = None, least: Ints | None = None) -> Answer:
        """The least expected cost in EUR with tonight's cycles from `least` to `most` (m,), as far as they are told."""
        m = self.supply.shape[0]
        most = self.supply.most[0] if most is None else most
        for z in range(m):
            if (column := self.cycles.get((TONIGHT, z))) is not None:
                column.lowBound = 0 if least is None else int(least[z])
                column.upBound = int(most[z])
        return run(self.program, effort)

    @property
    def decided(self) -> Decided:
        """What the last solution says."""
        m, days, scenarios = self.supply.shape
        tonight, later = np.zeros(m), np.zeros((scenarios, days, m))
        values = floats(list(self.cycles.values()))
        for ((s, d), z), value in zip(self.cycles, values.tolist(), strict=True):
            if d:
                later[s, d, z] = value
            else:
                tonight[z] = value
        return Decided(np.rint(tonight).astype(np.int64), np.clip(later[:, 1:], 0.0, self.supply.most[1:]))


def build(supply: Supply, price_eur: Floats | None = None) -> Model:
    """`price_eur` (D, m) of a cycle of each night instead of the supply's own."""
    model = Model(supply, pulp.LpProblem("network", constants.LpMinimize))
    costs: list[tuple[Any, float]] = []
    _add_cycles(model, supply.price_eur if price_eur is None else price_eur, costs)
    _add_balances(model, costs)
    stretches = stretches_of(supply)
    for node in _nodes(supply):
        _add_timing(model, node, stretches[node[1]])
    model.program += pulp.LpAffineExpression(costs)
    return model


def _nodes(supply: Supply) -> Iterable[Node]:
    _, days, scenarios = supply.shape
    yield TONIGHT
    yield from ((s, d) for s in range(scenarios) for d in range(1, days))


def _add_cycles(model: Model, price_eur: Floats, costs: list[tuple[Any, float]]) -> None:
    supply = model.supply
    for node in _nodes(supply):
        s, d = node
        share = 1.0 if node == TONIGHT else float(supply.probability[s])
        kind = constants.LpInteger if node == TONIGHT else constants.LpContinuous
        for z in np.flatnonzero(supply.most[d]).tolist():
            column = model.program.add_variable(f"n{s}.{d}.{z}", 0, int(supply.most[d, z]), kind)
            model.cycles[node, z] = column
            costs.append((column, share * float(price_eur[d, z])))


def _add_balances(model: Model, costs: list[tuple[Any, float]]) -> None:
    supply, program = model.supply, model.program
    m, days, scenarios = supply.shape
    layers = [layer.tolist() for layer in (supply.raw_mm, supply.middle_mm - supply.raw_mm)]
    slopes = np.cumsum([np.zeros(m), supply.stress_eur_mm, supply.wilting_eur_mm], axis=0)
    for s in range(scenarios):
        share = float(supply.probability[s])
        for z in range(m):
            before: list[tuple[Any, float]] = []
            carried = float(supply.depletion_mm[z])
            for d in range(days):
                paid = share * (slopes[:, z] + (supply.terminal_eur_mm[z] if d == days - 1 else 0.0))
                name = f"{s}.{d}.{z}"
                after = [
                    program.add_variable("a" + name, 0, layers[0][z]),
                    program.add_variable("b" + name, 0, layers[1][z]),
                    program.add_variable("c" + name, 0),
                ]
                costs += zip(after, paid.tolist(), strict=True)
                terms = [(column, 1.0) for column in after] + before
                if (cycles := model.cycles.get((TONIGHT if d == 0 else (s, d), z))) is not None:
                    terms.append((cycles, float(supply.cycle_mm[z])))
                _row(program, terms, constants.LpConstraintGE, carried + float(supply.need_mm[s, d, z]))
                before, carried = [(column, -1.0) for column in after], 0.0


def _add_timing(model: Model, node: Node, stretches: Sequence[Stretch]) -> None:
    """Valves open for their cycles, in sets that may run together, for no longer than stretches last."""
    supply, program, (s, d) = model.supply, model.program, node
    running: dict[int, list[tuple[Any, float]]] = {z: [] for z in np.flatnonzero(supply.most[d]).tolist()}
    for k, stretch in enumerate(stretches):
        columns = [program.add_variable(f"x{s}.{d}.{k}.{p}", 0) for p in range(len(stretch.sets))]
        _row(program, [(column, 1.0) for column in columns], constants.LpConstraintLE, stretch.seconds / _HOUR_S)
        for column, together in zip(columns, stretch.sets, strict=True):
            for z in together:
                running[z].append((column, 1.0))
    for z, columns_of in running.items():
        cycle = (model.cycles[node, z], -float(supply.cycle_s[z]) / _HOUR_S)
        _row(program, [*columns_of, cycle], constants.LpConstraintGE, 0.0)


def _row(program: Any, terms: list[tuple[Any, float]], sense: int, wants: float) -> None:
    program.addConstraint(pulp.LpConstraint(pulp.LpAffineExpression(terms), sense, rhs=wants))
