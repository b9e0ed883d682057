"""What valves do where no plan could be made: the cycles of the last plan tonight, or a refill of what is dry.

No solver is asked: it may be what failed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from jobs.irrigation.body import open_body
from jobs.irrigation.task import IrrigationTask
from jobs.words import some
from optimizers.arrays import Ints
from optimizers.irrigation import TOLERANCE, IrrigationPlan, IrrigationProblem
from optimizers.irrigation.problem import Stay, joined
from optimizers.irrigation.reckoning import reckoned
from optimizers.result import Status

_UNKNOWN = 0.25
"""Share of TAW beyond which a standard deviation says that the soil is not known: a third is where nothing is."""


def shift(task: IrrigationTask, block: bytes) -> IrrigationPlan:
    """The cycles of an earlier plan in tonight's hours: as many as they and the pipes leave room for, and no more than
    a hydrozone lacks. Of a plan of this same night only what it had still to do.
    """
    last, behind = open_body(block), task.behind
    again = behind is not None and last.start == behind.start_at
    since = max(last.at, behind.at) if behind is not None and again else last.start
    names, wanted = task.problem.hydrozones.names, dict.fromkeys(last.valves, 0)
    for valve, start, _ in last.openings:
        if valve in wanted and (not again or start >= since):
            wanted[valve] += 1
    cycles = np.array([wanted.get(name, 0) for name in names], np.int64)
    new = [name for name in names if name not in wanted]
    reasons = [f"the last plan does not know them, they stay closed: {some(new)} valves"] if new else []
    zones = task.problem.hydrozones
    lacking = np.ceil(zones.depletion_mm / zones.cycle_mm - TOLERANCE).astype(np.int64)
    return timed(task.problem, np.minimum(cycles, lacking), "the last plan, shifted", reasons)


def threshold(task: IrrigationTask) -> IrrigationPlan:
    """What a probe threshold does: hydrozones whose plants lack water are refilled, as far as nothing percolates.

    Those of whose soil nothing is known get a share of what the monthly timer gives, over several nights exactly.
    """
    problem, zones = task.problem, task.problem.hydrozones
    refill = np.maximum(np.floor(zones.depletion_mm / zones.cycle_mm + TOLERANCE), 1)
    cycles = np.where(zones.depletion_mm > zones.raw_mm, refill, 0).astype(np.int64)
    unknown = task.belief.sd_mm > _UNKNOWN * zones.taw_mm
    cycles = np.where(unknown, _timer(task), cycles)
    names = [name for name, lost in zip(zones.names, unknown.tolist(), strict=True) if lost]
    share = task.tables.usual.without_belief
    reasons = [f"their soil is not known, {share:.0%} of the monthly timer: {some(names)} valves"] if names else []
    return timed(problem, cycles, "refill beyond a threshold", reasons)


def _timer(task: IrrigationTask) -> Ints:
    """(n,) cycles of the night such that, whole as they are, many nights come to the timer's share."""
    day = task.behind.start_at.date() if task.behind is not None else None
    if day is None:
        return np.zeros(len(task.zones), np.int64)
    m3 = task.zones.usual_m3_day(task.tables, day.month) * task.tables.usual.without_belief
    a_night = m3 / task.zones.cycle_m3
    count = day.toordinal()
    cycles: Ints = (np.floor(a_night * (count + 1)) - np.floor(a_night * count)).astype(np.int64)
    return cycles


def timed(problem: IrrigationProblem, cycles: Ints, solver: str, reasons: Sequence[str] = ()) -> IrrigationPlan:
    """A plan of no more than these cycles: within budgets, and each opened as early as its hours, its soaks and the
    flow of its network allow, the driest first, a cycle each before a second. Later nights are not planned.
    """
    cycles = within_budgets(problem, np.minimum(cycles, problem.windows.most_cycles[:, 0]))
    networks = range(len(problem.networks.names))
    openings = sorted(opening for network in networks for opening in _timed(problem, cycles, network))
    n, days, scenarios = problem.shape
    which = np.array([z for _, z in openings], np.int64)
    start_s = np.array([start for start, _ in openings], np.float64)
    done = np.bincount(which, minlength=n).astype(np.int64)
    late = [problem.hydrozones.names[z] for z in np.flatnonzero(done < cycles).tolist()]
    told = [*reasons, *([f"the night has no room for all their cycles: {some(late)} valves"] if late else [])]
    every = np.zeros((scenarios, days, n))
    every[:, 0] = done
    return IrrigationPlan(
        status=Status.FEASIBLE,
        objective=reckoned(problem, every).total_eur,
        bound=0.0,  # nothing costs less than nothing; no more is claimed
        seconds=0.0,
        seed=0,
        solver=solver,
        version="1",
        reasons=tuple(told),
        hydrozones=problem.hydrozones.names,
        cycles=done,
        opened=which,
        start_s=start_s,
        end_s=start_s + problem.hydrozones.cycle_s[which],
        later_cycles=every[:, 1:],
    )


def within_budgets(problem: IrrigationProblem, cycles: Ints) -> Ints:
    """(n,) no more cycles tonight than every budget has water for; who lacks least gives way first."""
    budgets, zones, left = problem.budgets, problem.hydrozones, cycles.copy()
    if budgets is None:
        return left
    for b in np.flatnonzero(budgets.nights[:, 0]).tolist():
        while left @ np.where(budgets.member[b], zones.cycle_m3, 0.0) > budgets.limit_m3[b] + TOLERANCE:
            after = (zones.depletion_mm - left * zones.cycle_mm) / zones.raw_mm
            left[int(np.argmin(np.where(budgets.member[b] & (left > 0), after, np.inf)))] -= 1
    return left


def _timed(problem: IrrigationProblem, cycles: Ints, network: int) -> Iterator[tuple[float, int]]:
    """When each opening of a network begins, and whose it is."""
    zones = problem.hydrozones
    mine = np.flatnonzero((zones.network == network) & (cycles > 0))
    driest = mine[np.argsort(-(zones.depletion_mm / zones.raw_mm)[mine], kind="stable")].tolist()
    pipe = _Pipe(float(problem.networks.capacity_m3_h[network]))
    ready_s = dict.fromkeys(driest, -np.inf)
    for turn in range(int(cycles[mine].max(initial=0))):
        for z in driest:
            if turn >= cycles[z]:
                continue
            lasts_s, flow = float(zones.cycle_s[z]), float(zones.flow_m3_h[z])
            start_s = pipe.earliest(_stays(problem, z), ready_s[z], lasts_s, flow)
            if start_s is None:
                ready_s[z] = np.inf
                continue
            pipe.open(start_s, start_s + lasts_s, flow)
            ready_s[z] = start_s + lasts_s + float(zones.soak_s[z])
            yield start_s, z


def _stays(problem: IrrigationProblem, z: int) -> list[Stay]:
    """From when to when a hydrozone may be open tonight."""
    windows = problem.windows
    tonight = (windows.night == 0) & windows.allowed[z]
    return joined(windows.start_s[tonight], windows.end_s[tonight])


@dataclass
class _Pipe:
    """What is open when on a network."""

    capacity_m3_h: float

    def __post_init__(self) -> None:
        self._open: list[tuple[float, float, float]] = []

    def open(self, start_s: float, end_s: float, flow_m3_h: float) -> None:
        self._open.append((start_s, end_s, flow_m3_h))

    def earliest(
        self, stays: Sequence[Stay], ready_s: float, lasts_s: float, flow_m3_h: float
    ) -> float | None:  # fmt: skip
        """The first instant from `ready_s` on at which so much more may flow for so long within one stay."""
        for start, end in stays:
            first = max(start, ready_s)
            for at in sorted({first, *(over for _, over, _ in self._open if over > first)}):
                if at + lasts_s > end:
                    break
                if self._most(at, at + lasts_s) + flow_m3_h <= self.capacity_m3_h + TOLERANCE:
                    return at
        return None

    def _most(self, start_s: float, end_s: float) -> float:
        """The greatest flow within a while: it is reached where something opens, or at its start."""
        during = [one for one in self._open if one[0] < end_s and one[1] > start_s]
        instants = {start_s, *(one[0] for one in during if one[0] > start_s)}
        return max(sum(flow for a, b, flow in during if a <= at < b) for at in instants)
