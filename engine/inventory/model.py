"""A territory in memory."""

from dataclasses import dataclass

from engine.model import Asset, Commune, Zone


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a territory comes from, and under which licence it may be shared. Seed and scale of a made one."""

    source: str = ""
    licence: str = ""
    seed: int | None = None
    scale: float | None = None


@dataclass(frozen=True, slots=True)
class Territory:
    """Communes, zones and assets. `check_territory` says whether they fit together."""

    communes: tuple[Commune, ...]
    zones: tuple[Zone, ...]
    assets: tuple[Asset, ...]
    origin: Origin = Origin()
