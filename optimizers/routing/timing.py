"""When a vehicle does each thing of its tour, on the real clock: see `Clock`."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, isfinite

from optimizers.routing.breaks import Ahead, ahead_of, breaks
from optimizers.routing.caps import Broken, capped
from optimizers.routing.problem import TOLERANCE, Act, Rest, Route, RoutingProblem, Vehicle, Visit, Window, WorkRules
from optimizers.routing.states import State, Step, Task, first_wait_s, least
from optimizers.routing.tours import Tour, near_sites, place_of, sites_of

_TRIED = 12  # departures
_FREE = WorkRules(id="")


@dataclass(frozen=True, slots=True)
class Timed:
    """A tour that keeps everything, with what it costs by itself, in the problem's unit."""

    route: Route
    cost: float


class Clock:
    """Times tours of a problem on the real clock.

    A tour has the schedule of least cost among those that do everything as early as they can after they left, over
    a handful of departures: the start of the shift, and those after which a rest is no longer due or a later window
    of a stop is met without waiting. Each then leaves as late as lets it end at the same time. Rests and breaks
    are taken where the vehicle stands, before it drives on, at the places that let it end earliest; breaks of work
    rules among those that `breaks` thinks of.
    """

    def __init__(self, problem: RoutingProblem) -> None:
        self.problem = problem
        self._stops = [
            Task(s, stop.place, stop.service_s, tuple(sorted(stop.windows))) for s, stop in enumerate(problem.stops)
        ]
        self._sites = [
            Task(~k, site.place, site.unload_s, tuple(sorted(site.windows)), site.queue)
            for k, site in enumerate(problem.sites)
        ]
        self.sites = [sites_of(problem, vehicle) for vehicle in problem.vehicles]
        self._rules = {rules.id: rules for rules in problem.rules} | {"": _FREE}
        self._known: dict[tuple[int, Tour], Timed | Broken] = {}

    def timed(self, v: int, tour: Tour) -> Timed | Broken:
        """The schedule of a vehicle's tour; the constraint that it breaks where there is none."""
        key = (v, tour)
        if key not in self._known:
            if len(self._known) > 200_000:  # some hundred MB
                self._known.clear()
            self._known[key] = capped(self.problem, v, tour, self.sites[v]) or self._timed(v, tour)
        return self._known[key]

    def cost(self, v: int, tour: Tour) -> float:
        """What a tour costs, inf where it breaks a constraint; without anything to do the way home, see `away`."""
        if not tour and not self.away(v):
            return 0.0
        answer = self.timed(v, tour)
        return answer.cost if isinstance(answer, Timed) else inf if tour else 0.0

    def away(self, v: int) -> bool:
        """Whether a vehicle is out and not where it ends, so that it drives there whatever it serves. One that has a
        load to unload before is not: that is a tour.
        """
        vehicle = self.problem.vehicles[v]
        laden = vehicle.empties and any(vehicle.aboard)
        return vehicle.out and vehicle.end not in {None, vehicle.start} and not laden

    def closed(self, v: int, tour: Tour) -> Tour:
        """A tour that ends with unloading at the site where that costs least, if its vehicle empties and carries
        anything; else itself. Of many sites a few are tried: see `near_sites`.
        """
        vehicle = self.problem.vehicles[v]
        carries = any(vehicle.aboard) or any(any(self.problem.stops[code].load) for code in tour if code >= 0)
        if not vehicle.empties or not carries or (tour and tour[-1] < 0) or not (tour or vehicle.out):
            return tour
        last = place_of(self.problem, tour[-1]) if tour else vehicle.start
        choices = [(*tour, ~k) for k in near_sites(self.problem, vehicle, self.sites[v], last)]
        return min(choices, key=lambda one: self.cost(v, one), default=tour)

    def full(self, v: int, tour: Tour) -> bool:
        """Whether a tour takes on more than its vehicle holds at once."""
        answer = self.timed(v, tour)
        return isinstance(answer, Broken) and answer.constraint == "capacity"

    def _tasks(self, vehicle: Vehicle, tour: Tour) -> list[Task]:
        tasks = [self._stops[code] if code >= 0 else self._sites[~code] for code in tour]
        last = tasks[-1].place if tasks else vehicle.start
        tasks.append(Task(0, last if vehicle.end is None else vehicle.end, 0.0, ((-inf, vehicle.shift[1]),)))
        return tasks

    def _timed(self, v: int, tour: Tour) -> Timed | Broken:
        vehicle = self.problem.vehicles[v]
        tasks = self._tasks(vehicle, tour)
        drives, metres = self._drives(vehicle, tasks)
        if not isfinite(sum(drives) + metres):
            return Broken("unreachable", "there is no way between two of its places")
        if metres + vehicle.spent.distance_m > vehicle.most_m + TOLERANCE:
            return Broken("range", f"{metres + vehicle.spent.distance_m:.0f} m of {vehicle.most_m:.0f} m")
        runner = _Runner(vehicle, self._rules[vehicle.rules], tasks, drives)
        found = runner.best()
        if found is None:
            return Broken(runner.broken, self._late(runner) if runner.broken == "window" else runner.detail)
        start_s, end = found
        route = self._route(vehicle, start_s, end, metres, sum(drives))
        return Timed(route, _cost(vehicle, tour, route))

    def _late(self, runner: "_Runner") -> str:
        if runner.late is None:
            return runner.detail
        task, at_s = runner.late
        if task is not runner.tasks[-1]:
            return f"would be at {self._name(task)!r} only at {at_s:.0f} s"
        last = f" from {self._name(runner.tasks[-2])!r}" if len(runner.tasks) > 1 else ""
        return f"would end{last} at {at_s:.0f} s, its shift does at {runner.vehicle.shift[1]:.0f} s"

    def _name(self, task: Task) -> str:
        return self.problem.stops[task.code].id if task.code >= 0 else self.problem.sites[~task.code].id

    def _drives(self, vehicle: Vehicle, tasks: list[Task]) -> tuple[list[float], float]:
        matrices, at, metres = self.problem.matrices, vehicle.start, 0.0
        distance, duration = matrices.distance_m[vehicle.profile], matrices.duration_s[vehicle.profile]
        drives = []
        for task in tasks:
            drives.append(duration.item(at, task.place))
            metres += distance.item(at, task.place)
            at = task.place
        return drives, metres

    def _route(self, vehicle: Vehicle, start_s: float, end: State, metres: float, drive_s: float) -> Route:
        steps: list[Step] = []
        step = end.step
        while step is not None:
            steps.append(step)
            step = step.before
        none = (0.0,) * len(self.problem.dimensions)
        aboard, place = vehicle.aboard or none, vehicle.start
        visits = [Visit(Act.START, "", place, start_s, start_s, start_s, aboard)]
        for k, one in enumerate(reversed(steps)):
            act, of = Act.REST, ""
            if one.task is not None:
                place = one.task.place
                if k == len(steps) - 1:
                    act = Act.END
                elif one.task.code >= 0:
                    act, of = Act.STOP, self.problem.stops[one.task.code].id
                    aboard = tuple(a + b for a, b in zip(aboard, self.problem.stops[one.task.code].load, strict=True))
                else:
                    act, of, aboard = Act.UNLOAD, self.problem.sites[~one.task.code].id, none
            visits.append(Visit(act, of, place, one.arrive_s, one.begin_s, one.end_s, aboard))
        return Route(vehicle.id, tuple(visits), metres, drive_s)


def _cost(vehicle: Vehicle, tour: Tour, route: Route) -> float:
    over_s = max(0.0, route.duration_s + vehicle.spent.duration_s - vehicle.longest_s)
    used = any(code >= 0 for code in tour) and not vehicle.out
    return (
        vehicle.fixed * used
        + vehicle.per_m * route.distance_m
        + vehicle.per_s * route.duration_s
        + vehicle.overtime_per_s * over_s
    )


class _Runner:
    """Runs one tour through the day, from one departure or another."""

    def __init__(self, vehicle: Vehicle, rules: WorkRules, tasks: list[Task], drives: list[float]) -> None:
        self.vehicle, self.rules, self.tasks, self.drives = vehicle, rules, tasks, drives
        self.rests: tuple[Rest, ...] = vehicle.rests
        self.ruled = bool(rules.id)
        self.most_s = vehicle.longest_s + vehicle.overtime_s - vehicle.spent.duration_s
        self.busy_s = sum(drives) + sum(task.lasts_s for task in tasks)
        opens = [task.windows[0][0] if task.windows else -inf for task in tasks]
        self.ahead = ahead_of(drives, [task.lasts_s for task in tasks], opens)
        self.all_taken = (1 << len(vehicle.rests)) - 1
        self.broken, self.detail = "window", ""
        self.missed: tuple[Task, float] | None = None  # where the last run came too late, and when
        self.late: tuple[Task, float] | None = None  # of the first run, which leaves as early as may be

    def best(self) -> tuple[float, State] | None:
        """The departure and last state of the cheapest schedule."""
        chosen: tuple[float, float, float, State] | None = None
        for start_s in self._departures():
            end = self._run(start_s)
            if end is None:
                self.late = self.late or self.missed
                continue
            if not self.vehicle.out:
                start_s, end = self._left_later(start_s, end)  # noqa: PLW2901 - the same schedule
            lasts_s = end.at_s - start_s
            if lasts_s > self.most_s + TOLERANCE:
                self.broken, self.detail = "duration", f"{lasts_s:.0f} s of {self.most_s:.0f} s"
                continue
            cost = self.vehicle.per_s * lasts_s
            cost += self.vehicle.overtime_per_s * max(0.0, lasts_s - self.most_s + self.vehicle.overtime_s)
            if chosen is None or cost < chosen[0] - TOLERANCE:
                chosen = cost, lasts_s, start_s, end
            if not cost or lasts_s <= self.busy_s + TOLERANCE:
                break  # no later departure does better
        return None if chosen is None else (chosen[2], chosen[3])

    def _departures(self) -> list[float]:
        first_s, last_s = self.vehicle.shift
        if self.vehicle.out:
            return [first_s]
        later = {rest.earliest_s + 1.0 for rest in self.rests}
        passed_s = 0.0
        for task, drive_s in zip(self.tasks, self.drives, strict=True):
            passed_s += drive_s
            later |= {opens_s - passed_s for opens_s, _ in task.windows[1:]}
            passed_s += task.lasts_s
        return [first_s, *sorted(at for at in later if first_s < at <= last_s)[: _TRIED - 1]]

    def _run(self, start_s: float) -> State | None:
        spent = self.vehicle.spent
        states = [State(start_s, 0, spent.drive_since_s, spent.work_since_s, spent.split_taken, spent.work_s, None)]
        if self.ruled and sum(self.drives) + spent.drive_s > self.rules.most_drive_s + TOLERANCE:
            self.broken, self.detail = "rules", f"drives more than {self.rules.most_drive_s:.0f} s in a day"
            return None
        for task, drive_s, ahead in zip(self.tasks, self.drives, self.ahead, strict=True):
            rested = [after for state in states for after in self._resting(state, ahead)] if self._pauses else states
            states = least([after for state in rested if (after := self._do(state, task, drive_s)) is not None])
            if not states:
                self.broken = "rules" if self.ruled and self.broken == "rules" else "window"
                return None
        ended = [state for state in states if self._rested(start_s, state)]
        if not ended:
            self.broken, self.detail = "rest", "no rest that is due finds its time"
        soonest_s = min((state.at_s for state in ended), default=inf)
        alike = [state for state in ended if state.at_s <= soonest_s + TOLERANCE]
        return max(alike, key=self._latest) if len(alike) > 1 else next(iter(alike), None)

    @property
    def _pauses(self) -> bool:
        return bool(self.rests) or self.ruled

    def _resting(self, state: State, ahead: Ahead) -> Iterator[State]:
        """What may follow before driving on: going at once, one rest, one break; a rest may follow another."""
        yield state
        if state.taken == self.all_taken and not self.ruled:
            return
        for r, rest in enumerate(self.rests):
            begin_s = max(state.at_s, rest.earliest_s)
            if not state.taken >> r & 1 and begin_s <= rest.latest_s:
                after = self._pause(state, begin_s, rest.duration_s, rest.latest_s)._replace(taken=state.taken | 1 << r)
                yield from self._resting(after, ahead)
        if self.ruled:
            for length_s in breaks(self.rules, state.at_s, state.drive_s, state.work_s, state.parts, ahead):
                yield self._pause(state, state.at_s, length_s, inf)

    def _pause(self, state: State, begin_s: float, lasts_s: float, by_s: float) -> State:
        end_s = begin_s + lasts_s
        step = Step(None, 0.0, state.at_s, begin_s, end_s, by_s, state.step)
        idle = self._idle(state, begin_s - state.at_s)
        return self._idle(idle, lasts_s, rest=True)._replace(at_s=end_s, step=step)

    def _idle(self, state: State, lasts_s: float, *, rest: bool = False) -> State:
        """Neither driving nor serving: a break where it lasts long enough, else work unless it is a rest."""
        if not self.ruled or lasts_s <= 0:
            return state
        rules, drive_s, parts, counted = self.rules, state.drive_s, state.parts, state.counted
        idle_s = state.idle_s + lasts_s
        if not counted and parts < len(rules.split_s) and idle_s >= rules.split_s[parts] - TOLERANCE:
            parts, counted = parts + 1, True
        if idle_s >= rules.drive_break_s - TOLERANCE or 0 < len(rules.split_s) == parts:
            drive_s, parts, counted = 0.0, 0, True
        breaks = 0 < rules.work_break_s <= idle_s + TOLERANCE
        counts_s = 0.0 if rest or breaks else lasts_s
        return state._replace(
            drive_s=drive_s,
            work_s=0.0 if breaks else state.work_s + counts_s,
            parts=parts,
            worked_s=state.worked_s + counts_s,
            idle_s=idle_s,
            counted=counted,
        )

    def _do(self, state: State, task: Task, drive_s: float) -> State | None:
        arrive_s = state.at_s + drive_s
        opened = _opening(task, arrive_s + _queue(task, arrive_s))
        if opened is None:
            sooner = self.missed is None or self.missed[0] is not task or arrive_s < self.missed[1]
            self.broken, self.missed = "window", (task, arrive_s) if sooner else self.missed
            return None
        begin_s, by_s = opened
        end_s = begin_s + task.lasts_s
        step = Step(task, drive_s, arrive_s, begin_s, end_s, by_s, state.step)
        if not self.ruled:
            return State(end_s, state.taken, 0.0, 0.0, 0, 0.0, step)
        return self._worked(state, step)

    def _worked(self, state: State, step: Step) -> State | None:
        driven = self._busy(state, step.drive_s)._replace(drive_s=state.drive_s + step.drive_s)
        if not self._allowed(driven):
            return None
        after = self._busy(self._idle(driven, step.begin_s - step.arrive_s), step.end_s - step.begin_s)
        after = after._replace(at_s=step.end_s, step=step)
        return after if self._allowed(after) else None

    def _busy(self, state: State, lasts_s: float) -> State:
        """Driving or serving; for no time it is nothing."""
        if not lasts_s:
            return state
        work_s, worked_s = state.work_s + lasts_s, state.worked_s + lasts_s
        return state._replace(work_s=work_s, worked_s=worked_s, idle_s=0.0, counted=False)

    def _allowed(self, state: State) -> bool:
        rules = self.rules
        kept = (
            state.drive_s <= rules.longest_drive_s + TOLERANCE
            and state.work_s <= rules.longest_work_s + TOLERANCE
            and state.worked_s <= rules.most_work_s + TOLERANCE
        )
        if not kept:
            self.broken, self.detail = "rules", f"{rules.id}: no break finds its time"
        return kept

    def _rested(self, start_s: float, end: State) -> bool:
        return all(
            end.taken >> r & 1 or start_s > rest.earliest_s + TOLERANCE or end.at_s <= rest.latest_s
            for r, rest in enumerate(self.rests)
        )

    def _left_later(self, start_s: float, end: State) -> tuple[float, State]:
        """The departure and last state of what ends as early and leaves as late as can be; else without the wait for
        the first thing done, where later waits have to stay, being breaks.
        """
        for later_s in (self._latest(end), start_s + first_wait_s(end)):
            later = self._run(later_s) if later_s > start_s + TOLERANCE else None
            if later is not None and later.at_s <= end.at_s + TOLERANCE:
                return later_s, later
        return start_s, end

    def _latest(self, end: State) -> float:
        """The latest departure of the same steps that still ends when it does."""
        step, by_s = end.step, end.at_s
        while step is not None:
            latest_s = min(by_s - (step.end_s - step.begin_s), step.by_s)
            queue_s = _queue(step.task, step.arrive_s) if step.task is not None else 0.0
            by_s = latest_s - queue_s - step.drive_s
            step = step.before
        return by_s


def _opening(task: Task, ready_s: float) -> Window | None:
    """When a task begins that could at `ready_s`, and when it might have at the latest in the same window."""
    if not task.windows:
        return ready_s, inf
    for opens_s, closes_s in task.windows:
        if ready_s <= closes_s + TOLERANCE:
            return max(ready_s, opens_s), closes_s
    return None


def _queue(task: Task, arrive_s: float) -> float:
    return max((wait_s for (opens_s, closes_s), wait_s in task.queue if opens_s <= arrive_s <= closes_s), default=0.0)
