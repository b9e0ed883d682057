"""`datasets/reference/lighting_costs.yaml`: what energy costs by contract and local time, and the carbon behind it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.documents import read_document


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Carbon(_Entry):
    """Grams of CO2-equivalent for a kWh from a day on."""

    from_day: date
    g_per_kwh: float = Field(ge=0, le=2000)
    source: str = Field(min_length=1)


class Price(_Entry):
    """A price and when it holds: in these months, between these local times (half-open, perhaps over midnight)."""

    eur_per_kwh: float = Field(ge=0, le=10)
    months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = ()
    from_time: time | None = None
    until_time: time | None = None

    @model_validator(mode="after")
    def _both_times(self) -> Self:
        if (self.from_time is None) != (self.until_time is None) or (
            self.from_time and self.from_time == self.until_time
        ):
            raise ValueError("from_time and until_time want to be both there, and to differ")
        return self

    @property
    def always(self) -> bool:
        return not self.months and self.from_time is None

    def holds(self, local: datetime) -> bool:
        if self.months and local.month not in self.months:
            return False
        if self.from_time is None or self.until_time is None:
            return True
        at = local.time()
        if self.from_time < self.until_time:
            return self.from_time <= at < self.until_time
        return at >= self.from_time or at < self.until_time


class About(_Entry):
    """In both languages."""

    en: str
    fr: str


class Contract(_Entry):
    """Prices of energy, the first line that holds."""

    about: About
    prices: tuple[Price, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _always_a_price(self) -> Self:
        if not self.prices[-1].always:
            raise ValueError("the last price wants neither months nor times: every hour needs one")
        return self

    def eur_per_kwh(self, local: datetime) -> float:
        return next(price.eur_per_kwh for price in self.prices if price.holds(local))


class Costs(_Entry):
    """The whole file."""

    carbon: tuple[Carbon, ...] = Field(min_length=1)
    contracts: Mapping[str, Contract] = Field(min_length=1)
    contract: str
    of_communes: Mapping[str, str]
    of_cabinets: Mapping[str, str]

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        named = {self.contract, *self.of_communes.values(), *self.of_cabinets.values()}
        if lost := sorted(named - set(self.contracts)):
            raise ValueError(f"no contract {', '.join(lost)}")
        if any(a.from_day >= b.from_day for a, b in pairwise(self.carbon)):
            raise ValueError("carbon wants its days in order")
        return self

    def carbon_on(self, day: date) -> Carbon:
        return next((entry for entry in reversed(self.carbon) if entry.from_day <= day), self.carbon[0])

    def contract_of(self, cabinet: str, commune: str) -> str:
        """Name of the contract of a cabinet in a commune (INSEE code)."""
        return self.of_cabinets.get(cabinet, self.of_communes.get(commune, self.contract))

    def prices(self, names: Sequence[str], local: Sequence[datetime]) -> tuple[tuple[float, ...], ...]:
        """For each local time the price in each of the named contracts, €/kWh."""
        return tuple(tuple(self.contracts[name].eur_per_kwh(at) for name in names) for at in local)


def load_costs(path: Path) -> Costs:
    """Read and check the costs. Raises InputError with every problem and its place."""
    return read_document(path).validate(Costs)
