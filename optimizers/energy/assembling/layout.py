"""Where in a model each part of a problem stands."""

from dataclasses import dataclass

from optimizers.arrays import Ints


@dataclass(frozen=True, slots=True)
class Meters:
    """Columns (n, T) of sites, kW, and the rows of their balances: import - export - drawn + given = base."""

    bought: Ints
    sold: Ints
    balance: Ints


@dataclass(frozen=True, slots=True)
class Stores:
    """Columns (B, T) of batteries or vehicles, kW and kWh after each slot, and the rows of their states."""

    charge: Ints
    discharge: Ints
    stored: Ints
    state: Ints


@dataclass(frozen=True, slots=True)
class Heats:
    """Columns (Z, T) of rooms or tanks, kW and °C after each slot; `walls_c` is NONE for one without."""

    heat: Ints
    cool: Ints
    warm_c: Ints
    walls_c: Ints


@dataclass(frozen=True, slots=True)
class Layout:
    """All parts; one that a problem has not has no columns: (0, T)."""

    meters: Meters
    solar: Ints
    batteries: Stores
    vehicles: Stores
    rooms: Heats
    tanks: Heats
    on: Ints
    given: Ints
