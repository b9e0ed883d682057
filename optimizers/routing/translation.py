"""A routing problem in PyVRP's terms, and its solutions in ours: see `Translation`."""

from collections.abc import Sequence
from functools import cached_property
from math import ceil, inf, isfinite
from typing import Any

import numpy as np
from pyvrp import (
    Activity,
    ActivityType,
    Client,
    ClientGroup,
    Depot,
    Location,
    ProblemData,
    Route,
    Solution,
    VehicleType,
)

from optimizers.arrays import Floats, Ints
from optimizers.routing.ask import Ask, single
from optimizers.routing.dims import Dims, alike, dims_of
from optimizers.routing.drives import ending, openings, speed
from optimizers.routing.problem import RoutingProblem, Vehicle, Window
from optimizers.routing.scaling import MOST, Scale, scale_of
from optimizers.routing.tours import Tour, Tours, sites_of

_END = tuple[int | None, tuple[int, ...]]  # where it ends, and the sites at one of which it unloads before


class Translation:
    """PyVRP's data of a problem, and the way there and back.

    Places become locations; where a drive's price depends on more than its places, on the zone of the stops or the
    vehicle that served them, stops have locations of their own. Stops that not everybody may serve have a load of
    which the others may carry none. A vehicle that empties ends at a location to which every drive leads by the site
    that is the best detour: one column, no copies of sites. Windows of a site, with what is waited there, are depots.
    """

    def __init__(self, problem: RoutingProblem, ask: Ask) -> None:
        self.problem, self.ask = problem, ask
        self.scale: Scale = scale_of(problem)
        self._place: list[int] = []  # of every location
        self._tag: list[tuple[str, str]] = []  # zone and former vehicle of its stops
        self._at: dict[tuple[int, str, str, int], int] = {}
        self._share_of: dict[int, int] = {}  # the stop at a location of its own
        self._ends: dict[_END, int] = {}
        self._depots: list[Depot] = []
        self._depot_site: list[int | None] = []
        self._clients: list[Client] = []
        self._groups: list[ClientGroup] = []
        self._client_stop: list[int] = []
        self._stop_client: dict[int, int] = {}
        self._matrices: list[Any] = []  # PyVRP's stubs say ndarray[int]
        self._durations: list[Any] = []
        self.kinds: list[list[int]] = []
        self.data = self._data()

    def tours(self, solution: Solution) -> Tours:
        """What the vehicles do in a solution; sites before the end are not yet named."""
        tours: list[Tour] = [()] * len(self.problem.vehicles)
        left = [list(kind) for kind in self.kinds]
        for route in solution.routes():
            codes: list[int] = []
            v = left[route.vehicle_type()].pop(0)
            laden = any(self.problem.vehicles[v].aboard)
            for activity in route.schedule()[1:-1]:
                if activity.is_client():
                    codes.append(self._client_stop[activity.idx])
                elif (codes[-1] >= 0 if codes else laden) and (site := self._depot_site[activity.idx]) is not None:
                    codes.append(~site)
            tours[v] = tuple(codes)
        return tuple(tours)

    def solution(self, tours: Tours) -> Solution:
        """Tours as PyVRP sees them: the last unloading is part of the end."""
        routes = []
        for kind, vehicles in enumerate(self.kinds):
            for v in vehicles:
                tour = tours[v][:-1] if tours[v] and tours[v][-1] < 0 else tours[v]
                known = [code for code in tour if code < 0 or code in self._stop_client]
                if any(code >= 0 for code in known):
                    routes.append(Route(self.data, [self._activity(code) for code in known], kind))
        return Solution(self.data, routes)

    def _activity(self, code: int) -> Activity:
        if code >= 0:
            return Activity(ActivityType.CLIENT, self._stop_client[code])
        return Activity(ActivityType.DEPOT, self._depot_site.index(~code))

    def _data(self) -> ProblemData:
        groups = alike(self.ask.vehicles, self.ask.holders[:, list(self.ask.stops)], self._formers)
        self._read_sites()
        self._read_stops()
        kinds = []
        for vehicles in groups:
            vehicle = self.ask.vehicles[vehicles[0]]
            start = self._depot(Depot(self._location(vehicle.start)))
            end = self._depot(Depot(self._end(vehicle)))
            kinds.append((vehicle, start, end))
        self.kinds = groups
        dims = dims_of(self.problem, self.ask, self.scale, groups)
        profiles: dict[object, int] = {}
        types = [
            self._type(vehicle, start, end, len(vehicles), dims.capacity[g], profiles)
            for g, ((vehicle, start, end), vehicles) in enumerate(zip(kinds, groups, strict=True))
        ]
        self._pick_up(dims)
        places = self.problem.places
        locations = [Location(places[p].x, places[p].y) for p in self._place]
        return ProblemData(locations, self._clients, self._depots, types, self._matrices, self._durations, self._groups)

    @cached_property
    def _formers(self) -> frozenset[str]:
        return frozenset(stop.former for stop in self.problem.stops if stop.former and self.problem.weights.moved > 0)

    def _location(self, place: int, zone: str = "", former: str = "", own: int = -1) -> int:
        key = (place, zone, former, own)
        if key not in self._at:
            self._at[key] = len(self._place)
            self._place.append(place)
            self._tag.append((zone, former))
        return self._at[key]

    def _end(self, vehicle: Vehicle) -> int:
        empties = vehicle.empties and self.problem.dimensions
        key: _END = (vehicle.end, sites_of(self.problem, vehicle) if empties else ())
        if vehicle.end is not None and not key[1]:
            return self._location(vehicle.end)
        if key not in self._ends:
            self._ends[key] = len(self._place)
            self._place.append(vehicle.start if vehicle.end is None else vehicle.end)
            self._tag.append(("", ""))
        return self._ends[key]

    def _depot(self, depot: Depot, site: int | None = None) -> int:
        self._depots.append(depot)
        self._depot_site.append(site)
        return len(self._depots) - 1

    def _read_sites(self) -> None:
        for k, site in enumerate(self.problem.sites):
            where = self._location(site.place)
            for (opens_s, closes_s), wait_s in openings(site.windows, site.queue):
                early, late = self._window((opens_s, max(opens_s, closes_s - wait_s)))
                self._depot(Depot(where, early, late, self.scale.up_s(site.unload_s + wait_s)), k)

    def _read_stops(self) -> None:
        bordered = self.problem.weights.border > 0
        for s in self.ask.stops:
            stop = self.problem.stops[s]
            former = stop.former if stop.former in self._formers else ""
            where = self._location(stop.place, stop.zone if bordered else "", former, s if self.ask.daily else -1)
            if self.ask.daily:
                self._share_of[where] = s
            windows: Sequence[Window] = stop.windows or ((-inf, inf),)
            required = stop.required and not self.ask.prized
            group = len(self._groups) if len(windows) > 1 else None
            first = len(self._clients)
            for window in windows:
                early, late = self._window(window)
                self._client_stop.append(s)
                self._clients.append(
                    Client(
                        where,
                        service_duration=self.scale.up_s(stop.service_s),
                        tw_early=early,
                        tw_late=late,
                        prize=self._prize(s),
                        required=required and group is None,
                        group=group,
                    )
                )
            if group is not None:
                self._groups.append(ClientGroup(list(range(first, len(self._clients))), required))
            self._stop_client[s] = first

    def _prize(self, s: int) -> int:
        stop = self.problem.stops[s]
        if not stop.required:
            return self.scale.costs(stop.prize)
        return self.beyond if self.ask.prized else 0

    @cached_property
    def _never(self) -> int:
        """Longer than any shift, for where there is no way; not much longer, for penalties multiply it."""
        last_s = max((v.shift[1] for v in self.problem.vehicles if isfinite(v.shift[1])), default=inf)
        return min(4 * self.scale.up_s(last_s) + self.scale.up_s(86400.0), MOST >> 4)

    @cached_property
    def dearest(self) -> int:
        """Of any drive that there is."""
        costs = max((int(whole[whole < whole.max()].max(initial=0)) for whole in self._matrices), default=0)
        return max(costs, 1)

    @cached_property
    def beyond(self) -> int:
        """More than serving any one stop can add."""
        problem = self.problem
        finite = [values[np.isfinite(values)] for values in (problem.matrices.distance_m, problem.matrices.duration_s)]
        metres, seconds = (float(values.max(initial=0.0)) for values in finite)
        longest_s = max((stop.service_s for stop in problem.stops), default=0.0)
        most = max(
            v.fixed + 4 * v.per_m * metres + (v.per_s + v.overtime_per_s) * (4 * seconds + longest_s + 86400.0)
            for v in problem.vehicles
        )
        optional = max((stop.prize for stop in problem.stops if not stop.required), default=0.0)
        return min(2 * self.scale.costs(max(most, optional)) + 1, MOST >> 4)

    def _window(self, window: Window) -> tuple[int, int]:
        opens_s, closes_s = (self.ask.compressed(at) for at in window)
        early, late = (-self.scale.down_s(-opens_s) if opens_s > 0 else 0), self.scale.down_s(closes_s)
        return min(early, max(late, 0)), max(late, 0)

    def _pick_up(self, dims: Dims) -> None:
        position = {s: k for k, s in enumerate(self.ask.stops)}
        self._clients = [
            Client(
                client.location,
                pickup=dims.loads[position[self._client_stop[c]]],
                service_duration=client.service_duration,
                tw_early=client.tw_early,
                tw_late=client.tw_late,
                prize=client.prize,
                required=client.required,
                group=client.group,
            )
            for c, client in enumerate(self._clients)
        ]

    def _type(
        self, vehicle: Vehicle, start: int, end: int, number: int, capacity: list[int], profiles: dict[object, int]
    ) -> VehicleType:
        spent, sites = vehicle.spent, set(sites_of(self.problem, vehicle))
        aboard = [self.scale.up_load(load) for load in vehicle.aboard]
        early, late = self._window(vehicle.shift)
        reloads = MOST if vehicle.most_trips is None else max(0, vehicle.most_trips - spent.trips - 1)
        return VehicleType(
            num_available=number,
            capacity=capacity,
            start_depot=start,
            end_depot=end,
            fixed_cost=0 if vehicle.out else self.scale.costs(vehicle.fixed),
            tw_early=early,
            tw_late=late,
            shift_duration=self.scale.down_s(max(0.0, vehicle.longest_s - spent.duration_s)),
            max_distance=self._most_distance(vehicle),
            unit_distance_cost=0 if self._by_time(vehicle) else 1,
            unit_duration_cost=self._per_s(vehicle),
            profile=self._profile(vehicle, profiles),
            initial_load=aboard + [0] * (len(capacity) - len(aboard)) if aboard else [],
            reload_depots=[d for d, k in enumerate(self._depot_site) if k in sites] if reloads else [],
            max_reloads=reloads,
            max_overtime=self.scale.down_s(vehicle.overtime_s),
            unit_overtime_cost=self.scale.per_s(vehicle.overtime_per_s),
        )

    def _single(self, vehicle: Vehicle) -> bool:
        """Whether it makes one trip at most."""
        return single(self.problem, vehicle)

    def _by_time(self, vehicle: Vehicle) -> bool:
        return self.ask.daily and not self._single(vehicle)

    def _per_s(self, vehicle: Vehicle) -> int:
        per_s = vehicle.per_s
        if self._by_time(vehicle):
            per_s += vehicle.per_m * speed(self.problem, vehicle.profile)
        return self.scale.per_s(per_s) or int(per_s > 0)

    def _most_distance(self, vehicle: Vehicle) -> int:
        if self._by_time(vehicle):
            return _SHARES
        if not isfinite(vehicle.most_m):
            return MOST << 4
        left_m = max(0.0, vehicle.most_m - vehicle.spent.distance_m)
        return self.scale.costs(left_m * vehicle.per_m) if vehicle.per_m > 0 else MOST << 4

    def _profile(self, vehicle: Vehicle, profiles: dict[object, int]) -> int:
        former = vehicle.id if vehicle.id in self._formers else ""
        daily = (vehicle.daily, vehicle.most_stops, vehicle.spent) if self._by_time(vehicle) else None
        key = (vehicle.profile, vehicle.per_m, vehicle.per_s, former, daily)
        if key not in profiles:
            profiles[key] = len(self._matrices)
            self._drives(vehicle)
        return profiles[key]

    def _drives(self, vehicle: Vehicle) -> None:
        places = np.array(self._place)
        metres, seconds = self.problem.matrices.between(vehicle.profile, places, places)
        extra = self._extra(vehicle)
        for (end, sites), column in self._ends.items():
            metres[:, column], seconds[:, column] = ending(self.problem, vehicle, places, end, sites)
            metres[column], seconds[column] = inf, inf
            metres[column, column] = seconds[column, column] = 0.0
        none = ~(np.isfinite(metres) & np.isfinite(seconds))
        metres[none] = 0.0
        whole: Ints = np.rint((metres * vehicle.per_m + extra) * self.scale.cost).astype(np.int64)
        del metres  # as large as any; a few such are all the memory that there is
        if self._by_time(vehicle):
            whole = np.broadcast_to(self._shares(vehicle), whole.shape).copy()
        dear = 20 * int(whole.max(initial=1)) + self.scale.costs(1.0)
        whole = np.where(none, min(dear, MOST), whole)
        np.fill_diagonal(whole, 0)
        times = np.where(none, self._never, self.scale.times(seconds))
        np.fill_diagonal(times, 0)
        self._matrices.append(whole)
        self._durations.append(times)

    def _extra(self, vehicle: Vehicle) -> Floats:
        """(locations, locations), or one for all: what driving into another zone, and serving somebody else's stop,
        costs beside.
        """
        weights, tags = self.problem.weights, self._tag
        if not weights.border and not self._formers:
            return np.zeros((1, 1))
        zones = np.array([zone for zone, _ in tags])
        crossing = (zones[:, None] != zones[None, :]) & (zones[:, None] != "") & (zones[None, :] != "")
        moved = np.array([bool(was) and was != vehicle.id for _, was in tags]) if self._formers else np.zeros(len(tags))
        answer: Floats = crossing * weights.border + moved[None, :] * weights.moved
        return answer

    def _shares(self, vehicle: Vehicle) -> Ints:
        """(locations,): the part of the day's caps that a stop there takes, of the dimension where it is largest."""
        answer = np.zeros(len(self._place), np.int64)
        spent = vehicle.spent
        for where, s in self._share_of.items():
            shares = [0.0]
            for d, most in enumerate(vehicle.daily):
                left = most - (spent.loads[d] if spent.loads else 0.0)
                shares.append(self.problem.stops[s].load[d] / left if left > 0 else 1.0)
            if vehicle.most_stops is not None:
                shares.append(1.0 / max(1, vehicle.most_stops - spent.stops))
            answer[where] = ceil(max(shares) * _SHARES - 1e-6)
        return answer


_SHARES = 1_000_000
