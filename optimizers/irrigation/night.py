"""One network's night, or that of a few with a budget in common: decided, timed, and decided again where time lacks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from time import monotonic

import numpy as np

from optimizers.arrays import Floats
from optimizers.engines import Effort
from optimizers.irrigation.columns import relax
from optimizers.irrigation.engines import Answer
from optimizers.irrigation.model import Model
from optimizers.irrigation.supplies import Decided, Supply
from optimizers.irrigation.timing import Opening, Timetable, searched_timetable, timetable

_ROUNDS = 3
_MENDING = 0.3  # of the time, held back by the first decision for what mends it


@dataclass(frozen=True, slots=True, eq=False)
class Night:
    """What supplies do: decisions and openings of each, expected EUR at the prices they were made at, and its bound.

    `late`: the clock cut it short, so that another run may find another one.
    """

    supplies: tuple[Supply, ...]
    decided: tuple[Decided, ...]
    openings: tuple[tuple[Opening, ...], ...]
    value: float
    bound: float = 0.0
    solver: str = ""
    late: bool = False
    reasons: tuple[str, ...] = ()

    @property
    def used_m3(self) -> Floats:
        """(B,) what budgets count of it."""
        each = [one.used_m3(do.cycles, do.later) for one, do in zip(self.supplies, self.decided, strict=True)]
        used: Floats = np.sum(each, axis=0)
        return used


def night_of(model: Model, effort: Effort) -> Night:
    """The best night that was found a time for.

    Cycles that find no time are left out and the rest of the plan is made again without them; where that costs more
    than the gap allows, all is decided again with less room, by as much as was left out. Networks of too many sets to
    write out are first decided by their flow alone, which gives the bound and mostly a night that can be timed.
    """
    deciding = _Deciding(model, effort)
    if model.incomplete:
        deciding.turn(model.loosened(), proves=True)
        if not deciding.done:
            deciding.prove(relax(model, effort.within(deciding.until)))
    model.leave_all()
    for turn in range(_ROUNDS):
        if deciding.done:
            break
        deciding.turn(model, proves=not (turn or model.incomplete))
    return deciding.best


class _Deciding:
    """Nights of a model so far, within some effort."""

    def __init__(self, model: Model, effort: Effort) -> None:
        self._model, self._effort = model, effort
        self.until = monotonic() + effort.seconds
        self._nights, self._bound, self._late = [dry(model)], 0.0, False
        self.done = False

    @property
    def best(self) -> Night:
        best = min(self._nights, key=lambda one: one.value)
        return replace(best, bound=max(0.0, min(self._bound, best.value)), late=self._late or best.late)

    def prove(self, answer: Answer) -> None:
        """Take in what no plan goes below."""
        self._bound = max(self._bound, answer.bound)

    def turn(self, by: Model, *, proves: bool) -> None:
        """One more night, decided by a model; is it not good enough, that has less room afterwards."""
        held_back = _MENDING * self._effort.seconds if len(self._nights) == 1 else 0.0
        answer = by.solve(self._effort.within(self.until - held_back))
        if proves:
            self.prove(answer)
        self._late |= answer.late
        wanted = by.decided
        if not answer.found:
            answer, wanted = self._rounded()
        if not answer.found:
            self.done = True
            return
        night = self._timed(wanted, answer)
        near = night.value - self._bound <= self._effort.gap * abs(night.value)
        self.done = near or self._late or (not night.reasons and not self._model.incomplete)
        if not self.done:
            _shorten(self._model, wanted, night)

    def _rounded(self) -> tuple[Answer, list[Decided]]:
        """The whole cycles within what fractions of them would do, where time was too short for better ones."""
        answer = relax(self._model, self._effort.within(self.until))
        told = [part.fractions for part in self._model.parts]
        return answer, [Decided(np.floor(tonight + 1e-6).astype(np.int64), later) for tonight, later in told]

    def _timed(self, wanted: Sequence[Decided], answer: Answer) -> Night:
        """Timed by lists, and where what they leave out is missed, by a search."""
        pairs = list(zip(self._model.supplies, wanted, strict=True))
        tables = [timetable(supply, each.cycles) for supply, each in pairs]
        night = self._add(wanted, tables, answer)
        missed = night.value - self._bound > self._effort.gap * abs(night.value)
        if night.reasons and missed and not self._late:
            found = zip(pairs, tables, strict=True)
            tables = [searched_timetable(supply, each.cycles, table) for (supply, each), table in found]
            night = min(night, self._add(wanted, tables, answer), key=lambda one: one.value)
        return night

    def _add(self, wanted: Sequence[Decided], tables: Sequence[Timetable], answer: Answer) -> Night:
        night = _night(self._model, wanted, tables, answer, self._effort.within(self.until))
        self._nights.append(night)
        self._late |= night.late or monotonic() > self.until
        return night


def dry(model: Model) -> Night:
    """No water at all, which breaks nothing, and is worth nothing beside a night that was decided."""
    decided = []
    for part in model.parts:
        m, days, scenarios = part.supply.shape
        decided.append(Decided(np.zeros(m, np.int64), np.zeros((scenarios, days - 1, m))))
    reasons = tuple(f"network {part.supply.name!r}: no plan within its time, it stays dry" for part in model.parts)
    return Night(model.supplies, tuple(decided), ((),) * len(decided), np.inf, late=True, reasons=reasons)


def _night(
    model: Model, wanted: Sequence[Decided], tables: Sequence[Timetable], answer: Answer, effort: Effort
) -> Night:
    """What is wanted, less what finds no time."""
    openings = tuple(table.openings for table in tables)
    reasons = tuple(_left_out(model, wanted, tables))
    if not (reasons or model.incomplete or answer.late):
        return Night(model.supplies, tuple(wanted), openings, answer.value, solver=answer.solver)
    mended = relax(model, effort, [table.cycles for table in tables])
    if not mended.found:
        return dry(model)
    decided = tuple(model.decided)
    return Night(model.supplies, decided, openings, mended.value, 0.0, answer.solver, mended.late, reasons)


def _left_out(model: Model, wanted: Sequence[Decided], tables: Sequence[Timetable]) -> Iterator[str]:
    for part, each, table in zip(model.parts, wanted, tables, strict=True):
        if missing := int((each.cycles - table.cycles).sum()):
            yield f"network {part.supply.name!r}: {missing} cycles wanted tonight find no time beside the others"


def _shorten(model: Model, wanted: Sequence[Decided], night: Night) -> None:
    """Leave each supply as much of its time as what it got is of what it wanted."""
    for part, each, openings in zip(model.parts, wanted, night.openings, strict=True):
        asked = float(part.supply.cycle_m3 @ each.cycles)
        got = _water_m3(part.supply, openings)
        if got < asked:
            part.share *= max(got / asked, 0.5)


def _water_m3(supply: Supply, openings: Sequence[Opening]) -> float:
    return float(sum(supply.cycle_m3[z] for _, z in openings))
