"""A coherent territory from facts, counts and a seed: communes, zones, streets, lamps, and everything beside them."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from engine.errors import InputError, Problem
from engine.inventory.model import Origin, Territory
from engine.inventory.outlines import Polygons
from engine.inventory.territory import load_communes
from engine.model import Asset, Commune
from twin.territory.apportion import apportion
from twin.territory.cells import commune_cells
from twin.territory.chance import stream
from twin.territory.details import detailed
from twin.territory.furniture import SHARE_A_STREAM, Furniture
from twin.territory.inventory import Inventory, Roads, load_inventory, load_roads, scaled
from twin.territory.lighting import light, settle
from twin.territory.streets import lay_streets

__all__ = ["commune_cells", "generate"]

LARGEST_SCALE = 1.5
_SOURCE = "made by consigne territory generate; facts of communes from INSEE, DGCL and IGN"
_LICENCE = "Licence Ouverte / Open Licence 2.0"


def generate(
    scale: float,
    seed: int,
    *,
    reference: Path,
    inventory: Path | None = None,
    communes: Collection[str] | None = None,
    outlines: Mapping[str, Polygons] | None = None,
) -> Territory:
    """A territory with an inventory's counts times `scale`, in (0, 1.5]; at least one of each type.

    `reference` is the folder of communes.yaml, roads.yaml and inventory.yaml; another `inventory` file, or some of the
    `communes` by INSEE code, may be named. A small scale keeps the most populous communes only, one zone or more in
    each. Without `outlines`, communes are power cells of their centroids and areas; with them, every asset lies inside
    its commune. The same arguments give the same territory on any machine. Raises InputError.
    """
    chosen = _chosen(load_communes(reference / "communes.yaml"), communes, str(reference / "communes.yaml"))
    counted = load_inventory(inventory or reference / "inventory.yaml")
    roads = load_roads(reference / "roads.yaml")
    _refuse_wrong(scale, seed, chosen, outlines)
    return _build(scale, seed, chosen, counted, roads, outlines if outlines is not None else commune_cells(chosen))


def _chosen(known: Sequence[Commune], codes: Collection[str] | None, source: str) -> list[Commune]:
    names = {commune.insee for commune in known}
    unknown = sorted(set(codes or ()) - names)
    if unknown:
        raise InputError(
            Problem(source, 0, 0, f"has no commune {code}", "give INSEE codes of the file") for code in unknown
        )
    return [commune for commune in known if codes is None or commune.insee in codes]


def _build(
    scale: float,
    seed: int,
    communes: Sequence[Commune],
    inventory: Inventory,
    roads: Roads,
    shapes: Mapping[str, Polygons],
) -> Territory:
    random = np.random.Generator(np.random.PCG64(seed))
    counts = inventory.scaled(scale)
    zones, cabinets = scaled(inventory.zones, scale), counts["StreetlightControlCabinet"]
    kept = _most_populous(communes, min(zones, counts["Streetlight"]))
    lamps = apportion(counts["Streetlight"], [commune.population for commune in kept], at_least=1)
    streets = {
        commune.insee: lay_streets(commune, shapes[commune.insee], share, roads, random)
        for commune, share in zip(kept, lamps, strict=True)
    }
    made_zones, sites = settle(streets, zones, cabinets)
    made: dict[str, list[Asset]] = light(sites, counts, scaled(inventory.dimmable, scale), roads, random)
    furniture = Furniture(kept, shapes, sites)
    for name, quantity in inventory.types.items():
        if name not in made:
            own = random if name in SHARE_A_STREAM else stream(seed, name)
            made[name] = furniture.add(name, counts[name], quantity, made, own)
            if more := scaled(quantity.more, scale) if quantity.more else 0:
                made[name] += furniture.add(name, more, quantity, made, stream(seed, name, "more"))
    made = detailed(made, seed)
    assets = tuple(asset for name in inventory.types for asset in made[name])
    return Territory(tuple(kept), tuple(made_zones), assets, Origin(_SOURCE, _LICENCE, seed, float(scale)))


def _most_populous(communes: Sequence[Commune], count: int) -> list[Commune]:
    """In order of INSEE code."""
    ranked = sorted(communes, key=lambda commune: (-commune.population, commune.insee))
    return sorted(ranked[:count], key=lambda commune: commune.insee)


def _refuse_wrong(
    scale: float, seed: int, communes: Sequence[Commune], outlines: Mapping[str, Polygons] | None
) -> None:
    problems: list[Problem] = []
    if not 0 < scale <= LARGEST_SCALE:
        hint = f"give a scale in (0, {LARGEST_SCALE:g}]"
        problems.append(Problem("--scale", 0, 0, f"the scale is {scale:g}", hint))
    if seed < 0:
        problems.append(Problem("--seed", 0, 0, f"the seed is {seed}", "give a whole number from 0"))
    if not communes:
        problems.append(Problem("communes", 0, 0, "there is no commune", "give at least one"))
    problems += [
        Problem("--outlines", 0, 0, f"has no outline of {commune.insee} {commune.name}", "add the feature")
        for commune in communes
        if outlines is not None and commune.insee not in outlines
    ]
    if problems:
        raise InputError(problems)
