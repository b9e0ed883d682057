"""Containers, trucks and disposal sites as the inventory states them, and why some are left out."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from engine.inventory.collection import (
    ContainerAttributes,
    SiteAttributes,
    TruckAttributes,
    read_container,
    read_site,
    read_truck,
)
from engine.model import Asset
from engine.setpoints.dated import weekdays
from jobs.bootstrap import Territory
from jobs.collection.tables import CollectionTables
from jobs.words import LANGUAGES, say
from optimizers.arrays import Floats, Ints

T = TypeVar("T")

Said = Mapping[str, str]
"""The same in both languages."""


def said(key: str, **values: object) -> Said:
    return {lang: say(key, lang, **values) for lang in LANGUAGES}


@dataclass(frozen=True, eq=False)
class Fleet:
    """What a territory collects, with what, and where it unloads; of each what its asset says.

    left_out   assets that cannot be planned, and why
    """

    containers: tuple[tuple[Asset, ContainerAttributes], ...]
    trucks: tuple[tuple[Asset, TruckAttributes], ...]
    sites: tuple[tuple[Asset, SiteAttributes], ...]
    communes: Mapping[str, str]
    left_out: Mapping[str, Said]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the containers."""
        return tuple(asset.id for asset, _ in self.containers)

    @property
    def fractions(self) -> tuple[str, ...]:
        """Of each container."""
        return tuple(stated.fraction for _, stated in self.containers)

    @property
    def volume_m3(self) -> Floats:
        return np.array([stated.volume_l / 1000.0 for _, stated in self.containers], np.float64)

    @property
    def markets(self) -> Ints:
        """Weekday of the market that each container stands at, -1 for none."""
        return np.array(
            [next(iter(weekdays([of.market_day])), -1) if of.market_day else -1 for _, of in self.containers], np.int64
        )

    def commune(self, asset: Asset) -> str:
        return self.communes.get(asset.zone, "")


def fleet_of(territory: Territory, tables: CollectionTables) -> Fleet:
    """The containers, trucks and sites of a territory, in the order of their ids."""
    left: dict[str, Said] = {}
    containers = tuple(_read(territory.of_type("WasteContainer"), read_container, left))
    known = [pair for pair in containers if _known(pair[0], (pair[1].fraction,), tables, left)]
    trucks = [
        pair for pair in _read(territory.of_type("Vehicle"), read_truck, left)
        if _known(pair[0], pair[1].fractions, tables, left)
    ]  # fmt: skip
    sites = tuple(_read(territory.of_type("DisposalSite"), read_site, left))
    return Fleet(tuple(known), tuple(trucks), sites, territory.communes, left)


def _read(
    assets: Sequence[Asset],
    read: Callable[[Mapping[str, Any]], tuple[T | None, list[tuple[str, str]]]],
    left: dict[str, Said],
) -> Iterator[tuple[Asset, T]]:
    for asset in sorted(assets, key=lambda one: one.id):
        stated, problems = read(asset.attributes)
        if stated is None:
            left[asset.id] = said("collect_asset_wrong", what="; ".join(" → ".join(filter(None, p)) for p in problems))
        else:
            yield asset, stated


def _known(asset: Asset, fractions: Collection[str], tables: CollectionTables, left: dict[str, Said]) -> bool:
    strange = [name for name in fractions if name not in tables.fractions]
    if strange:
        left[asset.id] = said(
            "collect_fraction_unknown", fraction=", ".join(strange), known=", ".join(tables.fractions)
        )
    return not strange
