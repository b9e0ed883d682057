"""A plan's body: what went in and what came out, in one compressed block from which `why` reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from engine.instants import to_us
from jobs.collection.roads import NARROW, WIDE
from jobs.collection.task import CollectionTask
from jobs.planning.bodies import Opened, closed, opened
from optimizers.arrays import Floats
from optimizers.result import Status
from optimizers.routing import (
    Act,
    Route,
    RoutingPlan,
    RoutingProblem,
    Unserved,
    Visit,
    pack,
    pack_standing,
    unpack,
)
from optimizers.routing.standing import unpack_standing

_FORMAT = 1
_MOMENT = timedelta(microseconds=1)
_COLUMNS = ("before", "by_next", "by_after", "level", "load_level", "prize_eur")


def body(task: CollectionTask, plan: RoutingPlan) -> bytes:
    """The same task and plan give the same bytes."""
    wanted, before = task.wanted, task.underway
    done = tuple(Route(truck, visits, 0.0, 0.0) for truck, visits in sorted(before.done.items())) if before else ()
    columns = {
        "problem": np.frombuffer(pack(task.problem), np.uint8),
        "done": np.frombuffer(pack_standing(done), np.uint8),
        "now": task.fills.belief.level,
        "now_sd": task.fills.belief.level_sd,
        "rate": task.fills.belief.rate,
        "due": wanted.due,
        "required": wanted.required,
        "candidate": wanted.candidate,
        **{name: getattr(wanted, name) for name in _COLUMNS},
        **_decided(plan),
    }
    return closed(_head(task, plan), columns)


def _head(task: CollectionTask, plan: RoutingPlan) -> dict[str, Any]:
    behind, fleet, before = task.behind, task.fleet, task.underway
    return {
        "format": _FORMAT,
        "start_us": to_us(behind.start_at),
        "until_us": to_us(behind.until),
        "at_us": to_us(behind.at),
        "containers": fleet.names,
        "fractions": fleet.fractions,
        "volume_l": [stated.volume_l for _, stated in fleet.containers],
        "lids": [asset.id for asset, stated in fleet.containers if stated.motor_lid],
        "spots": {asset.id: [asset.lon, asset.lat, _address(asset.attributes)] for asset in _assets(task)},
        "fleet": [asset.id for asset, _ in fleet.trucks],
        "trucks": dict(task.trucks),
        "profile": {asset.id: NARROW if stated.narrow else WIDE for asset, stated in fleet.trucks},
        "left_out": {name: dict(why) for name, why in behind.left_out.items()},
        "closed": dict(behind.closed),
        "told": [dict(line) for line in behind.told],
        "reasons": [*task.reasons, *plan.reasons],
        "verdicts": [verdict.value for verdict in task.fills.verdicts],
        "heard_days": [None if np.isinf(days) else round(days, 2) for days in task.fills.heard_days.tolist()],
        "unseen_days": [task.tables.fractions[name].unseen_days for name in fleet.fractions],
        "approximate": plan.approximate,
        "solver": plan.solver,
        "terms": task.tables.choice.model_dump(mode="json"),
        "rho_eur": round(task.wanted.rho_eur, 4),
        "lid_terms": task.tables.lids.model_dump(mode="json"),
        "again": before.of if before is not None else "",
        "done_fills": dict(before.fills) if before is not None else {},
    }


def with_plan(block: bytes, plan: RoutingPlan) -> bytes:
    """The same body with another plan of its problem. Raises ValueError for one of other stops."""
    found = open_body(block)
    known = {stop.id for stop in found.problem.stops}
    told = {one.stop for one in plan.unserved} | {stop for route in plan.routes for stop in route.stops}
    if told != known:
        raise ValueError(f"a plan of {len(told)} containers, wants the {len(known)} of the body")
    head = {**found.head, "approximate": plan.approximate, "solver": plan.solver}
    return closed(head, {**found.columns, **_decided(plan)})


def _assets(task: CollectionTask) -> list[Any]:
    pairs = (*task.fleet.containers, *task.fleet.trucks, *task.fleet.sites)
    return [asset for asset, _ in pairs]


def _address(attributes: Mapping[str, Any]) -> str:
    told = attributes.get("address", "")
    return told if isinstance(told, str) else ""


def _decided(plan: RoutingPlan) -> dict[str, Any]:
    return {"plan": np.frombuffer(pack_standing(plan.routes, plan.unserved), np.uint8)}


@dataclass(frozen=True, slots=True)
class Numbered:
    """What a truck does, in the order of the day; `number` of a stop from 1 up, 0 of anything else."""

    number: int
    visit: Visit
    done: bool


class Body(Opened):
    """A body that was read, and what is in it."""

    @cached_property
    def problem(self) -> RoutingProblem:
        return unpack(self.columns["problem"].tobytes())

    @cached_property
    def _planned(self) -> tuple[tuple[Route, ...], tuple[Unserved, ...]]:
        return unpack_standing(self.columns["plan"].tobytes())

    @property
    def routes(self) -> tuple[Route, ...]:
        """Of what was left of the day when it was planned."""
        return self._planned[0]

    @property
    def unserved(self) -> dict[str, Unserved]:
        return {one.stop: one for one in self._planned[1]}

    @cached_property
    def done(self) -> dict[str, tuple[Visit, ...]]:
        """By truck, what it had done when the day was planned again."""
        return {route.vehicle: route.visits for route in unpack_standing(self.columns["done"].tobytes())[0]}

    @property
    def plan(self) -> RoutingPlan:
        """Of the problem, as far as others read it."""
        return RoutingPlan(
            status=Status.FEASIBLE, objective=np.nan, bound=np.nan, seconds=0.0, seed=0, solver=self.head["solver"],
            version="", routes=self.routes, unserved=self._planned[1], approximate=self.head["approximate"],
        )  # fmt: skip

    @property
    def containers(self) -> tuple[str, ...]:
        return tuple(self.head["containers"])

    @cached_property
    def place_of(self) -> dict[str, int]:
        """By container, its place in the columns."""
        return {name: n for n, name in enumerate(self.head["containers"])}

    def instant(self, seconds: float) -> datetime:
        """So many seconds after the day began, to the second."""
        return self.start + timedelta(seconds=round(seconds))

    def column(self, name: str, container: str) -> float:
        return float(self.columns[name][self.place_of[container]])

    @cached_property
    def days(self) -> dict[str, tuple[Numbered, ...]]:
        """By truck that drives, all that it does on the day: done before, and planned. In the order of the fleet."""
        planned = {route.vehicle: route.visits for route in self.routes if route.stops or len(route.visits) > 2}
        return {
            truck: _numbered(self.done.get(truck, ()), planned.get(truck, ()))
            for truck in self.head["fleet"]
            if truck in planned or truck in self.done
        }

    @cached_property
    def served(self) -> dict[str, tuple[str, Numbered]]:
        """By container, the truck that empties it on this day and the visit."""
        return {
            one.visit.of: (truck, one)
            for truck, visits in self.days.items()
            for one in visits
            if one.visit.act is Act.STOP
        }

    def expected(self, container: str) -> tuple[float, float]:
        """Level and mass in kg expected when it is emptied."""
        done = self.head["done_fills"].get(container)
        if done is not None:
            return float(done[0]), float(done[1])
        load = self._loads.get(container)
        return self.column("level", container), load[0] if load else 0.0

    @cached_property
    def _loads(self) -> dict[str, tuple[float, ...]]:
        return {stop.id: stop.load for stop in self.problem.stops}

    @property
    def distance_m(self) -> float:
        """Of the day, all trucks."""
        return sum(self.driven_m(truck) for truck in self.days)

    def driven_m(self, truck: str) -> float:
        """Of a truck's day."""
        return float(sum(distance for distance, _ in self.legs(truck)))

    def legs(self, truck: str) -> list[tuple[float, float]]:
        """Metres and seconds to each thing that a truck does, from the one before; 0 of the first."""
        matrices, visits = self.problem.matrices, [one.visit for one in self.days[truck]]
        profile = self.head["profile"][truck]
        found = [
            (
                float(matrices.distance_m[profile, a.place, b.place]),
                float(matrices.duration_s[profile, a.place, b.place]),
            )
            for a, b in pairwise(visits)
        ]
        return [(0.0, 0.0), *found]

    @property
    def levels(self) -> Floats:
        """(n,) believed when it was asked."""
        levels: Floats = self.columns["now"]
        return levels


def open_body(block: bytes) -> Body:
    return Body(*opened(block))


def _numbered(done: tuple[Visit, ...], planned: tuple[Visit, ...]) -> tuple[Numbered, ...]:
    """The START of what is planned again is where the truck is: what it has done says it already."""
    going_on = planned[1:] if done and planned else planned
    number, found = 0, []
    for k, visit in enumerate((*done, *going_on)):
        number += visit.act is Act.STOP
        found.append(Numbered(number if visit.act is Act.STOP else 0, visit, k < len(done)))
    return tuple(found)
