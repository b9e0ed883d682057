"""The forms of evcc's optimizer: what its charge schedules are asked with, and how it answers.

Energy is in Wh a slot, power in W, money in the request's currency for a Wh.
"""

from typing import Annotated, Literal

from pydantic import Field

from optimizers.documents import Document, ViolationDocument

Amount = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(gt=0, le=1)]

Charging = Literal[
    "none", "charge_before_export", "attenuate_demand_peaks", "attenuate_feedin_peaks", "attenuate_grid_peaks"
]
Discharging = Literal["none", "discharge_before_import"]


class EvccStrategy(Document):
    """What is preferred of schedules that cost the same."""

    charging_strategy: Charging = "none"
    discharging_strategy: Discharging = "none"


class EvccGrid(Document):
    """Limits of power, and what a W beyond the import limit costs: without that price it is to be kept."""

    p_max_imp: Amount | None = None
    p_max_exp: Amount | None = None
    prc_p_exc_imp: Amount | None = None


class EvccBattery(Document):
    """A store, or a vehicle: `s_goal` is what it is to hold after slots, 0 for no goal; `p_demand` what it is to be
    given in slots.
    """

    charge_from_grid: bool = False
    discharge_to_grid: bool = False
    s_capacity: Amount | None = None
    s_min: Amount
    s_max: Amount
    s_initial: Amount
    p_demand: list[Amount] | None = None
    s_goal: list[Amount] | None = None
    c_min: Amount
    c_max: Amount
    d_max: Amount
    p_a: float
    c_priority: Annotated[int, Field(ge=0, le=2)] = 0


class EvccSeries(Document):
    """By slot: its length, what is drawn (`gt_add` on top of `gt`), what the sun gives, and both prices."""

    dt: list[Annotated[float, Field(ge=1, le=86_400)]]
    gt: list[Amount]
    gt_add: list[list[Amount]] | None = None
    ft: list[Amount]
    p_N: list[float]  # noqa: N815
    p_E: list[float]  # noqa: N815


class EvccRequest(Document):
    """`M` is evcc's own way to write either-or, and nothing to us."""

    strategy: EvccStrategy = EvccStrategy()
    grid: EvccGrid = EvccGrid()
    batteries: Annotated[list[EvccBattery], Field(min_length=1)]
    time_series: EvccSeries
    eta_c: Fraction = 0.95
    eta_d: Fraction = 0.95
    M: float | None = None


class EvccFlags(Document):
    grid_import_limit_exceeded: bool = False
    grid_export_limit_hit: bool = False


class EvccBatteryResult(Document):
    charging_power: list[float]
    discharging_power: list[float]
    state_of_charge: list[float]


class EvccResponse(Document):
    """All in Wh a slot, nothing of it without a schedule. Where a limit of import is to be kept, `grid_import` is the
    part within it. `violations`, which only we write, name what could not be met.
    """

    status: str
    objective_value: float | None
    limit_violations: EvccFlags = EvccFlags()
    batteries: list[EvccBatteryResult]
    grid_import: list[float]
    grid_export: list[float]
    flow_direction: list[int]
    grid_import_overshoot: list[float] = Field(default_factory=list)
    grid_export_overshoot: list[float] = Field(default_factory=list)
    violations: list[ViolationDocument] = Field(default_factory=list)
