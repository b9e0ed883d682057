"""The rounds of least cost, on the real clock, with a proved bound: see `solve`."""

from dataclasses import replace
from functools import cached_property
from math import inf
from time import monotonic

from optimizers.arrays import Bools
from optimizers.result import Limits
from optimizers.routing.ask import Ask
from optimizers.routing.asking import balanced, capped_over_trips, first, known_whole, narrowed, settled
from optimizers.routing.bound import lower_bound
from optimizers.routing.engine import Told, improve
from optimizers.routing.mending import mended, put_in
from optimizers.routing.plans import planned
from optimizers.routing.problem import RoutingPlan, RoutingProblem, Unserved
from optimizers.routing.reasons import hopeless
from optimizers.routing.reckoning import objective
from optimizers.routing.timing import Clock
from optimizers.routing.tours import Tours, holders, served
from optimizers.routing.zones import FROM, by_zones, zoned

_WHOLE = (1.0,)
_ANEW = 200  # stops up to which a round that begins anew comes as far as one that goes on, and elsewhere
_SHARES = (0.2, 0.3, 0.3, 0.2)  # of time and work, by rounds of asking PyVRP, where it does not know the whole problem
_BALANCED = (0.4, 0.2, 0.4)  # where rounds are to last alike, which the last is for
_ZONES = 0.95  # of the time; the rest is for reasons
_EXPLAINED, _EXPLAINED_S = 0.1, 2.0  # of the time, and seconds at the least, that reasons may take beyond it


def solve(
    problem: RoutingProblem, limits: Limits | None = None, told: Told | None = None, initial: Tours | None = None
) -> RoutingPlan:
    """The rounds of least cost that are found within the limits, timed on the real clock.

    Stops that no vehicle could serve even alone are set aside. PyVRP searches tours of the rest (`engine`); what it
    does not know of the problem is mended (`mending`), and where something had to be, it is asked again more narrowly
    (`asking`), from the mended tours. The best of these are the plan: the fewest required stops left out, then the
    least objective. No plan breaks anything but that.

    OPTIMAL: the bound is the objective. FEASIBLE: all required stops are served. BEST_EFFORT: some are not, each
    among the violations and with its reason. `work` is PyVRP's iterations: with it, and time enough, the same problem
    has the same plan. `told` hears of better plans in PyVRP's reckoning, before they are timed, and of those that are.
    `initial` tours are where the search begins. Many stops are cut into zones (`zones.zoned`),
    which `threads` search side by side.
    """
    return _Solve(problem, limits or Limits(), told, initial).plan()


def searched(problem: RoutingProblem, limits: Limits, initial: Tours | None) -> Tours:
    """Tours as `solve` finds them without zones, mended and not yet a plan."""
    return _Solve(problem, limits, None, initial).tours()


class _Solve:
    def __init__(self, problem: RoutingProblem, limits: Limits, told: Told | None, initial: Tours | None) -> None:
        self.problem, self.limits, self.told, self.started = problem, limits, told, monotonic()
        self.initial = initial
        self.clock = Clock(problem)
        self.may: Bools = holders(problem)
        self.lost: dict[int, Unserved] = hopeless(problem, self.clock, self.may)

    def plan(self) -> RoutingPlan:
        if self._zoned and not self.initial:
            bound, tours = self.bound, self._by_zones()  # its seconds are of the search's time, and none beyond it
        else:
            tours, bound = self.tours(), self.bound
        return planned(
            self.problem, self.clock, tours, self.limits, self.seconds, self.lost, bound, until_s=self._explained_s
        )

    def tours(self) -> Tours:
        if not self._stops:
            return mended(self.problem, self.clock, self.may, ((),) * len(self.problem.vehicles), ())
        return self._searched(first(self.problem, self.may, self._stops, self.initial or ()))

    @property
    def _zoned(self) -> bool:
        """Caps over trips, which one search knows only roughly, are better kept by several smaller ones."""
        capped = any(capped_over_trips(self.problem, vehicle) for vehicle in self.problem.vehicles)
        return zoned(len(self._stops), self.limits) or (capped and len(self._stops) >= FROM)

    def _by_zones(self) -> Tours:
        """What no zone had room for may find it in another one, and who is out with a load brings it home."""
        limits = replace(self.limits, seconds=max(1e-3, self.limits.seconds * _ZONES - self.seconds))
        tours = by_zones(self.problem, limits, self._stops, searched, self.clock, self._heard)
        return mended(self.problem, self.clock, self.may, tours, self._stops, self._until_s)

    def _heard(self, found: float) -> None:
        if self.told is not None:
            self.told(found, self.seconds)

    @property
    def _stops(self) -> list[int]:
        return [s for s in range(len(self.problem.stops)) if s not in self.lost]

    @property
    def seconds(self) -> float:
        return monotonic() - self.started

    def _searched(self, ask: Ask) -> Tours:
        """The best tours of a few rounds of asking, each with its share of time and work."""
        shares = _BALANCED if self.problem.weights.balance_per_s else _WHOLE if known_whole(self.problem) else _SHARES
        best = self.initial and self._kept(self.initial, ask)
        for round_, share in enumerate(shares):
            if round_ and monotonic() > self._until_s:
                break  # asking alone takes a while
            limits = replace(self._part(share, sum(shares[round_:])), seed=self.limits.seed + round_)
            anew = shares is _SHARES and round_ == 2 and len(ask.stops) <= _ANEW
            found = improve(self.problem, limits, None if anew else best, self.told, ask, self._enough)
            kept = self._kept(found, ask)
            if best is None or self._worth(kept) < self._worth(best):
                best = kept
                self._tell(best)
            ask = self._next(ask, found, best, last=round_ == len(shares) - 2)
        return put_in(self.problem, self.clock, self.may, best or (), ask.stops, self._until_s)

    def _kept(self, tours: Tours, ask: Ask) -> Tours:
        """What PyVRP left out for its prize is not asked for again each time."""
        wanted = served(tours) | {s for s in ask.stops if self.problem.stops[s].required}
        return mended(self.problem, self.clock, self.may, tours, sorted(wanted), self._until_s)

    @property
    def _until_s(self) -> float:
        """When the time is up; never where work decides what the plan is."""
        return inf if self.limits.work else self.started + self.limits.seconds

    @property
    def _explained_s(self) -> float:
        """When what optional stops would add has no more time, likewise."""
        return self._until_s + max(_EXPLAINED_S, _EXPLAINED * self.limits.seconds)

    def _next(self, ask: Ask, found: Tours, best: Tours, *, last: bool) -> Ask:
        """What to ask after tours were found, in the last round or in one before."""
        if last and self.problem.weights.balance_per_s:
            return balanced(self.problem, self.clock, ask, best)
        if last and ask.daily:
            return settled(self.problem, ask, best)
        return narrowed(self.problem, self.clock, ask, found, best)

    @cached_property
    def bound(self) -> float:
        return lower_bound(self.problem, self.lost)

    @property
    def _enough(self) -> float:
        """An objective that is within the gap asked for; none where none is asked for."""
        return self.bound / (1 - self.limits.gap) if 0 < self.limits.gap < 1 else -1.0

    def _part(self, share: float, left: float) -> Limits:
        limits = self.limits
        share_s = 1.0 if limits.work else share / left  # work ends a round; time only where it is over
        seconds = max(1e-3, (limits.seconds - self.seconds) * share_s)
        return replace(limits, seconds=seconds, work=limits.work and max(1, round(limits.work * share)))

    def _tell(self, tours: Tours) -> None:
        missing, cost = self._worth(tours)
        if self.told is not None and not missing:
            self.told(cost, self.seconds)

    def _worth(self, tours: Tours) -> tuple[int, float]:
        missing = set(range(len(self.problem.stops))) - served(tours)
        return sum(self.problem.stops[s].required for s in missing), objective(self.problem, self.clock, tours)
