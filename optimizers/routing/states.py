"""What a vehicle does and where it then stands, as the clock sees it: see `timing.Clock`."""

from typing import NamedTuple

from optimizers.routing.problem import Window

_STATES = 24  # kept after each thing done


class Task(NamedTuple):
    """A stop, an unloading or the end as the clock sees it."""

    code: int
    place: int
    lasts_s: float
    windows: tuple[Window, ...]
    queue: tuple[tuple[Window, float], ...] = ()


class Step(NamedTuple):
    """What was done: a task, or where it is None a rest. `by_s`: the latest it might have begun."""

    task: Task | None
    drive_s: float
    arrive_s: float
    begin_s: float
    end_s: float
    by_s: float
    before: "Step | None"


class State(NamedTuple):
    """Where a vehicle stands after a step: the time, rests taken as bits, and what its work rules count.

    idle_s, counted   what it has waited and rested without anything in between, and whether that is a break, or a part
                      of one, already: what follows at once is no other
    """

    at_s: float
    taken: int
    drive_s: float  # since the last break
    work_s: float  # since the last break
    parts: int  # of a split break
    worked_s: float  # in the day
    step: Step | None
    idle_s: float = 0.0
    counted: bool = False


def first_wait_s(end: State) -> float:
    """Before the first thing done; 0 where that is a rest."""
    step = end.step
    while step is not None and step.before is not None:
        step = step.before
    return 0.0 if step is None or step.task is None else step.begin_s - step.arrive_s


def least(states: list[State]) -> list[State]:
    """Without those that another is no worse than in everything."""
    if len(states) < 2:
        return states
    kept: list[State] = []
    for state in sorted(states, key=lambda one: (one.at_s, one.drive_s, one.work_s, -one.parts)):
        if not any(
            one.taken == state.taken
            and one.drive_s <= state.drive_s
            and one.work_s <= state.work_s
            and one.worked_s <= state.worked_s
            and one.parts >= state.parts
            and one.idle_s >= state.idle_s
            and one.counted <= state.counted
            for one in kept
        ):
            kept.append(state)
    if len(kept) > _STATES:  # those that are earliest, and those that have most left before the next break
        kept = (
            kept[: _STATES // 2]
            + sorted(kept[_STATES // 2 :], key=lambda one: one.drive_s + one.work_s)[: _STATES // 2]
        )
    return kept
