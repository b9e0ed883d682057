"""Sets of valves of large networks, found as they are wanted, and the bound that holds over those never found."""

from collections.abc import Iterator, Sequence
from time import monotonic

import numpy as np

from optimizers.arrays import Floats, Ints
from optimizers.engines import Effort
from optimizers.irrigation.engines import Answer
from optimizers.irrigation.model import Model, Node, Part, Slot
from optimizers.irrigation.patterns import Pattern, best_set

_HOUR_S = 3600.0
_ROUNDS = 60
_NEAR = 1e-7  # relative: what another round may still gain and is not worth


def relax(model: Model, effort: Effort, fixed: Sequence[Ints] | None = None) -> Answer:
    """The linear relaxation, with tonight's cycles of each supply where they are `fixed`, over all sets there are.

    It is as near as a tenth of the gap. Sets are added to the model until
    the worth of time, as the rows that share it out price it, is nowhere less than that of the best set.

    A set that pays more than its time breaks no bound by more than its surplus times the length of its stretch, so that
    the value less all these is one, in any round.
    """
    until, bound, near = monotonic() + effort.seconds, -np.inf, max(_NEAR, effort.gap / 10)
    for _ in range(_ROUNDS):
        answer = model.relax(effort.within(until), fixed)
        if not answer.found or not model.incomplete:
            return Answer(answer.value, max(bound, answer.bound), answer.solver, answer.late)
        wanted = list(_wanted(model))
        bound = max(bound, answer.bound - sum(surplus for *_, surplus in wanted))
        answer = Answer(answer.value, bound, answer.solver, late=monotonic() > until)
        if answer.late or answer.value - bound <= near * abs(answer.value):
            return answer
        for part, node, slot, together, _ in wanted:
            model.add_set(part, node, slot, together)
    return answer


def _wanted(model: Model) -> Iterator[tuple[Part, Node, Slot, Pattern, float]]:
    """The best set of each stretch, where it pays more than the time in it, and how much more over its length."""
    for part in model.parts:
        for node, slots in part.slots.items():
            worth = _worth(part, node)
            for slot in slots:
                if not slot.stretch.complete:
                    supply, stretch = part.supply, slot.stretch
                    together, most = best_set(stretch.valves, worth, supply.flow_m3_h, supply.capacity_m3_h)
                    surplus = (most + slot.row.pi) * stretch.seconds / _HOUR_S
                    if surplus > 0:
                        yield part, node, slot, together, surplus


def _worth(part: Part, node: Node) -> Floats:
    """(m,) EUR that another hour of each valve is worth."""
    worth = np.zeros(part.supply.shape[0])
    for z in range(worth.size):
        if (row := part.opened.get((node, z))) is not None:
            worth[z] = max(0.0, row.pi)
    return worth
