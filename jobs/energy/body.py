"""A plan's body: what went in and what came out, in one compressed block from which `why` reads."""

from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np

from engine.instants import from_us, to_us
from jobs.energy.sites import CHARGER, ROOF, Span
from jobs.energy.task import EnergyTask, told_of
from jobs.planning.bodies import Opened, closed, opened
from optimizers.arrays import Floats
from optimizers.energy import Bands, EnergyPlan, EnergyProblem, names_of, pack, unpack
from optimizers.energy.levels import Apart, steered
from optimizers.energy.reading import Flows
from optimizers.result import Status

_FORMAT = 1
_FLOWS = (*Flows.__dataclass_fields__, "value_eur_kwh", "stored_eur_kwh")
_LEVELS = ("sent_w", "held_wh", "worth_eur_kwh", "reserve_wh", "filled_wh", "apart")
"""Of batteries, in a body whose plan says what a stored kWh is worth."""


def body(task: EnergyTask, plan: EnergyPlan) -> bytes:
    """The same task and plan give the same bytes."""
    head = {
        "format": _FORMAT,
        "start_us": to_us(task.span[0]),
        "until_us": to_us(task.span[1]),
        "at_us": to_us(task.now.at),
        "slots_us": to_us(task.slots.start),
        "slot_s": task.slots.slot.total_seconds(),
        "meters": [site.meter for site in task.sites],
        "contract": [site.contract for site in task.sites],
        "use": [site.use for site in task.sites],
        "heat": [site.heat for site in task.sites],
        "feeder": [site.feeder for site in task.sites],
        "classes": [list(one.classes) for one in task.terms],
        "kinds": [list(one.kinds) for one in task.terms],
        "chargers": [
            [charger.id, task.sites.names[i], float(charger.attributes["charge_max_w"]), _least_w(charger)]
            for i, charger in task.sites.hung(CHARGER)
        ],
        "peaks_w": {roof.id: float(roof.attributes["peak_power_w"]) for _, roof in task.sites.hung(ROOF)},
        "departs_us": {name: to_us(stay.departs_at) for name, stay in task.now.stays.items()},
        "wanted_wh": {name: stay.wanted_wh for name, stay in task.now.stays.items()},
        "left_out": {name: {"fr": why.fr, "en": why.en} for name, why in task.sites.left_out.items()},
        "told": list(told_of(task)),
        "tank_play_k": task.tables.water.play_k,
        "tank_hot_c": task.tables.water.hot,
        "facts": dict(task.facts),
    }
    columns = {
        "problem": np.frombuffer(pack(task.problem), np.uint8),
        "present": np.stack([one.present for one in task.occupancies]),
        **_decided(task.problem, plan),
    }
    return closed(head, columns)


def _least_w(charger: Any) -> float:
    return float(charger.attributes.get("charge_least_w", 0.0))


def with_plan(block: bytes, plan: EnergyPlan) -> bytes:
    """The same body with another plan of its problem. Raises ValueError for one of other buildings."""
    found = open_body(block)
    if plan.sites != found.problem.sites.names:
        wanted = len(found.problem.sites.names)
        raise ValueError(f"a plan of {len(plan.sites)} buildings, wants the {wanted} of the body")
    kept = {name: column for name, column in found.columns.items() if name not in _LEVELS}
    return closed(found.head, {**kept, **_decided(found.problem, plan)})


def _decided(problem: EnergyProblem, plan: EnergyPlan) -> dict[str, Any]:
    """What the plan says, what follows for batteries, and how it came about."""
    flows = {name: np.asarray(getattr(plan, name)) for name in _FLOWS}
    solver = np.frombuffer(plan.solver.encode(), np.uint8)
    decided = {**flows, "solver": solver, "cost_eur": np.array(plan.objective)}
    if problem.batteries is None:
        return decided
    return {**decided, **_sent(problem, plan)}


def _sent(problem: EnergyProblem, plan: EnergyPlan) -> dict[str, Any]:
    """What batteries are told, and of a plan that says what a stored kWh is worth the levels that it follows from."""
    if not plan.stored_eur_kwh.size:
        band = band_of(problem, plan)
        return {"least_w": band.import_least_w, "most_w": band.import_most_w}
    found = steered(problem, plan)
    apart = np.array([list(Apart).index(why) for why in found.apart], np.int64)
    levels = (
        found.bands.power_w, found.stored_wh, found.worth_eur_kwh, found.rule.reserve_wh, found.rule.filled_wh, apart
    )  # fmt: skip
    return {
        "least_w": found.bands.import_least_w,
        "most_w": found.bands.import_most_w,
        **dict(zip(_LEVELS, levels, strict=True)),
    }


def band_of(problem: EnergyProblem, plan: EnergyPlan) -> Bands:
    """Of a plan that says what a stored kWh is worth, levels' bands; of any other plain self-consumption."""
    if plan.stored_eur_kwh.size:
        return steered(problem, plan).bands
    none = np.zeros_like(plan.charge_w)
    return Bands(import_least_w=none, import_most_w=none, power_w=plan.charge_w - plan.discharge_w)


class Body(Opened):
    """A body that was read, and what is in it."""

    @cached_property
    def problem(self) -> EnergyProblem:
        return unpack(self.columns["problem"].tobytes())

    @cached_property
    def plan(self) -> EnergyPlan:
        """What devices do; how good that was thought to be is in the plan's record."""
        columns, names = self.columns, names_of(self.problem)
        told: dict[str, Any] = {**names, **{name: columns[name] for name in _FLOWS}}
        cost = float(columns["cost_eur"])
        return EnergyPlan(
            status=Status.FEASIBLE, objective=cost, bound=cost, seconds=0.0, seed=0, solver=self.solver, version="",
            **told,
        )  # fmt: skip

    @property
    def solver(self) -> str:
        name: str = self.columns["solver"].tobytes().decode()
        return name

    def dropped(self, battery: int) -> dict[str, Any] | None:
        """Why a battery is not to follow the plan: what its building lost by it; None where it does."""
        cells = self.problem.batteries
        site = None if cells is None else self.problem.sites.names[int(cells.site[battery])]
        found: dict[str, Any] | None = self.head["facts"].get("dropped", {}).get(site)
        return found

    @property
    def slots(self) -> Span:
        slot = timedelta(seconds=self.head["slot_s"])
        return Span.between(from_us(self.head["slots_us"]), self.until, slot)

    def slot_at(self, at: datetime) -> int:
        """The slot that holds an instant of the plan; the first one for what is before it."""
        first = from_us(self.head["slots_us"])
        return max(int((at - first).total_seconds() // self.head["slot_s"]), 0)

    @property
    def power_w(self) -> Floats:
        """(B, T) of batteries, positive when they charge: what they are told for want of a meter, and do if all comes
        as it is expected.
        """
        power: Floats = self.columns["charge_w"] - self.columns["discharge_w"]
        sent: Floats = self.columns.get("sent_w", power)
        return sent

    @property
    def meter_w(self) -> Floats:
        """(n, T) what sites draw, less than 0 where they feed in, if batteries do what they are told."""
        columns, cells = self.columns, self.problem.batteries
        net: Floats = columns["import_w"] - columns["export_w"]
        if cells is not None:
            np.add.at(net, cells.site, self.power_w - (columns["charge_w"] - columns["discharge_w"]))
        return net

    @property
    def held_wh(self) -> Floats:
        """(B, T) what batteries then hold after each slot."""
        held: Floats = self.columns.get("held_wh", self.columns["stored_wh"])
        return held

    def apart(self, battery: int) -> Apart | None:
        """Why a battery goes by the plan's bands, `Apart.NOT` where it goes by levels; None where nothing is said."""
        columns = self.columns
        return list(Apart)[int(columns["apart"][battery])] if "apart" in columns else None


def open_body(block: bytes) -> Body:
    return Body(*opened(block))
