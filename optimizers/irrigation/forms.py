"""What an irrigation problem and its plan look like as JSON: ids as the user wrote them, units in the field names."""

from typing import Annotated

from pydantic import Field

from optimizers.documents import Document, PlanHead
from optimizers.irrigation.problem import EUR

UNLIMITED_CYCLES = 1_000

Night = Annotated[int, Field(ge=0, le=366)]


class NetworkDocument(Document):
    capacity_m3_h: float = Field(description="most that may flow at once")
    price_eur_m3: float = Field(description="of its water, pumping included")


class HydrozoneDocument(Document):
    id: str
    network: str = Field(description="name of the network that feeds its valve")
    flow_m3_h: float = Field(description="of its open valve")
    cycle_s: float = Field(description="how long a cycle opens the valve")
    soak_s: float = Field(0.0, description="least pause between two cycles of a night")
    cycle_mm: float = Field(description="net depth that a cycle brings to the root zone")
    taw_mm: float = Field(description="total available water of the root zone, in mm, no fraction and no percentage")
    raw_mm: float = Field(description="readily available water, less than taw_mm")
    depletion_mm: float = Field(description="what the root zone lacks now, 0 to taw_mm")
    stress_eur_mm: float = Field(description="what a day with one mm of depletion beyond raw_mm costs")
    wilting_eur_mm: float = Field(0.0, description="beyond the middle of raw_mm and taw_mm, on top of it")
    terminal_eur_mm: float = Field(0.0, description="what one mm of depletion after the last day costs")
    most_cycles: list[int] | int = Field(UNLIMITED_CYCLES, description="of a night, by night or for all of them")
    etc_mm: list[list[float]] = Field(description="evapotranspiration, for each scenario one value a day")
    rain_mm: list[list[float]] = Field(description="rain that reaches the root zone, likewise")


class WindowDocument(Document):
    night: Night = Field(description="0 is the one that is decided")
    start_s: float = Field(description="seconds since the start of the plan")
    end_s: float
    hydrozones: list[str] | None = Field(None, description="ids of those that may be watered in it; null for all")


class BudgetDocument(Document):
    limit_m3: float | None = Field(description="most water, expected over scenarios; null for no limit")
    hydrozones: list[str] | None = Field(None, description="ids of those whose water counts; null for all")
    nights: list[Night] | None = Field(None, description="the nights that count; null for all")


class ProblemDocument(Document):
    """An irrigation problem: hydrozones over nights and weather scenarios, see optimizers.irrigation."""

    probability: list[float] = Field(description="of each weather scenario; they sum to 1")
    networks: dict[str, NetworkDocument]
    hydrozones: list[HydrozoneDocument]
    windows: list[WindowDocument] = Field(description="stretches of time in order and apart; those that touch are one")
    budgets: dict[str, BudgetDocument] = Field({}, description="limits on water, by name")


class OpeningDocument(Document):
    hydrozone: str
    start_s: float = Field(description="seconds since the start of the plan")
    end_s: float


class HydrozonePlanDocument(Document):
    id: str
    cycles: int = Field(ge=-UNLIMITED_CYCLES, le=UNLIMITED_CYCLES, description="of the coming night")
    later_cycles: list[list[float]] = Field(description="for each scenario one value a later night, no promise")


class PlanDocument(PlanHead):
    """An irrigation plan of the coming night. Objective and bound are in `unit`, expected over scenarios and days."""

    unit: str = EUR
    reproducible: bool = Field(True, description="false where the clock cut the solve short")
    openings: list[OpeningDocument] = Field(description="in the order they begin")
    hydrozones: list[HydrozonePlanDocument]
