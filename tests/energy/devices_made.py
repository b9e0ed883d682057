"""A building with devices for tests, as the wiring sees it: its site, what is known of it now, its plan by rules."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from engine.model import Asset, Program
from jobs.energy.body import body
from jobs.energy.contracts import Terms
from jobs.energy.fallback import rules
from jobs.energy.occupancy import Occupancy
from jobs.energy.setpoints import to_setpoints
from jobs.energy.sites import Site, Sites, Span
from jobs.energy.state import Now, Stay
from jobs.energy.tables import EnergyTables, load_tables
from jobs.energy.task import EnergyTask, build_problem
from jobs.energy.usual import Foreseen
from optimizers.energy import EnergyPlan
from tests.conftest import ROOT

from .territory_made import asset

START = datetime(2026, 11, 24, 6, tzinfo=UTC)
QUARTER, HOUR = timedelta(minutes=15), timedelta(hours=1)
PLAIN: EnergyTables = load_tables(ROOT / "datasets/reference/energy.yaml")
SLOTS = Span.between(START, START + 12 * HOUR, QUARTER)
T = len(SLOTS)


def battery(name: str = "BT", **told: Any) -> Asset:
    sizes = {"capacity_wh": 10_000.0, "charge_max_w": 4_000.0, "discharge_max_w": 4_000.0, "reserve": 0.2}
    return asset(name, "StorageBatteryDevice", "B1", **(sizes | told))


def charger(name: str = "EV", **told: Any) -> Asset:
    return asset(name, "EVChargingStation", "B1", **({"charge_max_w": 11_040.0, "charge_least_w": 4_140.0} | told))


def heater(name: str = "WH", **told: Any) -> Asset:
    return asset(name, "WaterHeater", "B1", **({"volume_l": 300.0, "heat_max_w": 3_000.0} | told))


def site(*devices: Asset, heat: str = "", use: str = "office", name: str = "B1") -> Site:
    told = {"heat_loss_w_k": 200.0, "heat_capacity_wh_k": 10_000.0, "heat_max_w": 9_000.0}
    kinds = ("StorageBatteryDevice", "PhotovoltaicDevice", "EVChargingStation", "WaterHeater")
    of = [tuple(one for one in devices if one.type == kind) for kind in kinds]
    return Site(
        building=asset(name, "Building", **told), meter=f"M-{name}", contract="c", subscribed=36.0, use=use,
        floor_m2=500.0, heat=heat, feeder="", batteries=of[0], roofs=of[1], chargers=of[2], heaters=of[3],
        probes=(f"I-{name}",),
    )  # fmt: skip


def now_of(sites: Sites, **told: Mapping[str, Any]) -> Now:
    """Half full, 19 °C, tanks of 55 °C never seen hotter, nobody to be charged."""
    known = {
        "stored_wh": {one.id: 0.5 * float(one.attributes["capacity_wh"]) for s in sites for one in s.batteries},
        "room_c": {one.name: 19.0 for one in sites},
        "tank_c": {one.id: 55.0 for s in sites for one in s.heaters},
        "hot_at": {one.id: START for s in sites for one in s.heaters},
        "stays": {},
    }
    return Now(START, **(known | told))


def terms(limit_w: float = 33_480.0, *, firm: bool = True, slots: Span = SLOTS, **told: Any) -> Terms:
    count = len(slots)
    known = {
        "import_eur_kwh": np.full(count, 0.2), "export_eur_kwh": np.full(count, 0.04),
        "import_limit_w": np.full(count, limit_w), "over_eur_kwh": np.full(count, 1.0),
        "export_limit_w": np.full(count, np.inf), "carbon_g_kwh": np.zeros(count), "classes": ("a",) * count,
        "kinds": ("",) * count, "firm": firm, "peak_eur_kw": 0.0, "carbon_eur_kg": 0.0,
    }  # fmt: skip
    return Terms(**(known | told))


def people(present: Sequence[float] | float = 1.0, low_c: Sequence[float] | float = 19.0, slots: Span = SLOTS) -> Any:
    count = len(slots)
    return Occupancy(*(np.broadcast_to(np.array(of, float), (count,)).copy() for of in (present, low_c, 22.0)))


def task(
    sites: Sites, now: Now | None = None, *, base_w: float = 2_000.0, slots: Span = SLOTS, present: Any = None,
    contract: Terms | None = None, sun_w: float = 0.0,
) -> EnergyTask:  # fmt: skip
    n, count = len(sites), len(slots)
    roofs = sum(len(one.roofs) for one in sites)
    foreseen = Foreseen(
        base_w=np.full((n, count), base_w), margin_w=np.zeros((n, count)), solar_w=np.full((roofs, count), sun_w),
        outdoor_c=np.full((n, count), 5.0),
    )  # fmt: skip
    return build_problem(
        (slots.start, slots.until), slots, sites, [contract or terms(slots=slots)] * n,
        [present or people(slots=slots)] * n, foreseen, now or now_of(sites), PLAIN,
    )  # fmt: skip


def one_site(*devices: Asset, **told: Any) -> Sites:
    return Sites((site(*devices, **told),), {})


def asked(made: EnergyTask, plan: EnergyPlan | None = None, **changed: Any) -> dict[str, Program]:
    """What goes out, by point: of rules, or of a plan; with some of what it has the devices do changed."""
    found = plan or rules(made)
    block = body(made, replace(found, **changed) if changed else found)
    return {slot.point: slot.program for slot in to_setpoints(block, "v", START)}


def values(program: Program, slots: Span = SLOTS) -> list[float]:
    """In each slot."""
    found = [program.at(start) for start in slots.starts]
    assert all(value is not None for value in found)
    return [float(value) for value in found if value is not None]


def stay(wanted_wh: float, hours: float) -> Stay:
    return Stay(wanted_wh, START + timedelta(hours=hours))
