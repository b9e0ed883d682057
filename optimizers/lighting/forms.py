"""What a lighting problem and its plan look like as JSON: ids as the user wrote them, units in the field names."""

from typing import Annotated

from pydantic import Field

from optimizers.documents import Document, PlanHead

Fraction = Annotated[float, Field(ge=0, le=1)]
# The problem judges levels itself: it tells a wrong scale from a wrong value.
Level = Annotated[float, Field(json_schema_extra={"minimum": 0, "maximum": 1})]


class CurveDocument(Document):
    flux: list[float] = Field(description="relative flux, strictly increasing from 0 to 1")
    power: list[float] = Field(description="fraction of full power at each flux, strictly increasing to 1")


class LampDocument(Document):
    id: str
    power_full_w: float
    floor: list[Level] = Field(description="relative flux needed, one value for each slot")
    ceiling: list[Level] | Level = Field(1.0, description="relative flux allowed, by slot or for all of them")
    ramp_per_slot: float | None = Field(None, description="largest change from slot to slot; null for no limit")
    dimmable: bool = True
    curve: str = Field(description="name of a power curve")
    cabinet: str | None = Field(None, description="name of the cabinet or gateway that keeps its program")
    relaxed: list[Level] | None = Field(None, description="floor it may be gone down to for a budget; null: its floor")
    weight: float = Field(1.0, description="what its light is worth beside that of others, for a budget")
    shares: list[str] = Field([], description="names of the smaller budgets that it counts in")
    yesterday: list[Level] | None = Field(None, description="flux that yesterday's program asks on today's slots")
    boost: Fraction | None = Field(None, description="flux while its detector sees somebody; null: it has none")
    detection: list[Fraction] | Fraction = Field(
        0.0, description="probability that it sees somebody, by slot or for all"
    )


class CabinetDocument(Document):
    programs: int | None = Field(None, description="most different programs it holds; null for no limit")
    switch_points: int | None = Field(
        None, description="most changes of level a day in a program, on and off too; null for no limit"
    )


class BudgetDocument(Document):
    energy_wh: float | None = Field(None, description="energy over all slots to stay within; null for no limit")
    peak_w: list[float | None] | float | None = Field(
        None, description="power to stay within, by slot or for all of them; null for no limit"
    )


class ChangesDocument(Document):
    most: int | None = Field(None, description="most lamps told another program than yesterday's; null for no limit")
    cost_wh: float = Field(0.0, description="what telling one lamp another program must save at least")


class PairDocument(Document):
    lamps: tuple[str, str]
    step: float = Field(description="largest difference of their relative flux")


class ProblemDocument(Document):
    """A lighting problem: lamps over slots, see optimizers.lighting."""

    slot_s: float
    burning: list[bool] = Field(description="whether it is dark, one value for each slot")
    curves: dict[str, CurveDocument]
    lamps: list[LampDocument]
    neighbours: list[PairDocument] = Field([])
    cabinets: dict[str, CabinetDocument] = Field({}, description="what keeps programs, by name; none: no limits")
    fleet_programs: int | None = Field(None, description="most different programs of all cabinets; null for no limit")
    budget: BudgetDocument | None = Field(None, description="null: floors never give way")
    shares: dict[str, BudgetDocument] = Field({}, description="budgets of some lamps each, beside that of all, by name")
    changes: ChangesDocument | None = Field(None, description="null: yesterday does not matter")


class LampPlanDocument(Document):
    id: str
    flux: list[float]


class CabinetPlanDocument(Document):
    id: str
    objective_wh: float = Field(description="energy of its lamps")
    bound_wh: float = Field(description="no programs that it holds take less above the floors that this plan keeps")


class PlanDocument(PlanHead):
    """A lighting plan. Objective and bound are in `unit`."""

    unit: str = Field("Wh", description='"Wh" of energy, or "Wh given up" of light, for a budget')
    energy_wh: float | None = None
    given_up: float = 0.0
    given_up_bound: float = 0.0
    changes: int = 0
    cabinets: list[CabinetPlanDocument] = Field([])
    lamps: list[LampPlanDocument]
