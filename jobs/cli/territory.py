"""`consigne territory`: make, bring in, take out and check an inventory."""

from pathlib import Path
from typing import Annotated

import typer

from engine.errors import InputError
from engine.instants import PARIS
from engine.inventory.eclext import export_eclext, import_eclext
from engine.inventory.model import Territory
from engine.inventory.outlines import load_outlines
from engine.inventory.territory import check_territory, load_territory, save_territory
from engine.settings import Settings, language
from jobs.bootstrap import catalogue_of, open_store
from jobs.cli.common import instant, person, sealing, settings, show_lines, underway
from jobs.ingest import store_territory
from jobs.lighting.holders import rooms_stated
from jobs.lighting.lamps import lamp_report
from jobs.lighting.tables import tables_of
from jobs.words import number, say
from twin.territory import generate as make

app = typer.Typer(help="The inventory.", no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(help="a territory: territory.yaml and assets.csv")]
Eclext = Annotated[bool, typer.Option("--eclext", help="the lights, as CNIG EclExt tables")]


@app.command()
def generate(
    scale: Annotated[float, typer.Option(help="1 is about 70,000 objects")] = 1.0,
    seed: int = 1,
    out: Annotated[Path, typer.Option(help="the folder to write")] = Path("var/territory"),
    outlines: Annotated[Path | None, typer.Option(help="GeoJSON of the communes' real outlines")] = None,
) -> None:
    """Make a coherent territory from facts, counts and a seed.

    Example: consigne territory generate --scale 0.1 --seed 3 --out var/territory
    """
    chosen = settings()
    shapes = load_outlines(outlines) if outlines else None
    with underway("generate"):
        territory = make(scale, seed, reference=chosen.datasets_dir / "reference", outlines=shapes)
        save_territory(territory, out)
    show_lines(_counts(territory))


@app.command("import")
def bring_in(folder: Folder, eclext: Eclext = False) -> None:
    """Put a territory into the database: all of it or, if anything is wrong, nothing.

    Example: consigne territory import datasets/sample
    """
    chosen = settings()
    catalogue = catalogue_of(chosen)
    store = open_store(chosen)
    if eclext:
        with store.read() as unit:
            known = Territory(tuple(unit.inventory.communes()), tuple(unit.inventory.zones()), ())
        territory = import_eclext(folder, known)
    else:
        with underway("territory"):
            territory = load_territory(folder, catalogue)
    with underway("import"):
        store_territory(sealing(store), territory, catalogue, person(), instant(None))
    show_lines(_counts(territory))


@app.command()
def export(out: Annotated[Path, typer.Argument(help="the folder to write")], eclext: Eclext = False) -> None:
    """Take the territory out of the database.

    Example: consigne territory export --eclext var/eclext
    """
    with open_store(settings()).read() as unit:
        territory = Territory(
            tuple(unit.inventory.communes()), tuple(unit.inventory.zones()), tuple(unit.inventory.assets())
        )
    with underway("export"):
        (export_eclext if eclext else save_territory)(territory, out)
    show_lines(_counts(territory))


@app.command()
def check(folder: Folder) -> None:
    """Check a territory without putting it anywhere: also what lights could not be planned by.

    Example: consigne territory check datasets/sample
    """
    chosen = settings()
    catalogue = catalogue_of(chosen)
    with underway("territory"):
        territory = load_territory(folder, catalogue)
        problems = check_territory(territory, catalogue)
    if problems:
        raise InputError(problems)
    rooms_stated(asset for asset in territory.assets if asset.type == "StreetlightControlCabinet")
    notes = _of_lamps(chosen, territory)
    show_lines([*_counts(territory), *notes])


def _of_lamps(chosen: Settings, territory: Territory) -> list[str]:
    """Lamps too small for their class, or over the law. Raises InputError for those nothing can be planned by."""
    if not any(asset.type == "Streetlight" for asset in territory.assets):
        return []
    report = lamp_report(territory.assets, tables_of(chosen), instant(None).astimezone(PARIS).date())
    lang = language(chosen)
    return [
        f"{say(f'lighting_{kind}', lang, count=number(len(report[kind]), lang))} → consigne lighting lamps"
        for kind in ("too_small", "over_the_law")
        if report[kind]
    ]


def _counts(territory: Territory) -> list[str]:
    counts: dict[str, int] = {}
    for asset in territory.assets:
        counts[asset.type] = counts.get(asset.type, 0) + 1
    lines = [f"{len(territory.communes)} communes, {len(territory.zones)} zones, {len(territory.assets)} assets"]
    return lines + [f"  {count:>6} {name}" for name, count in sorted(counts.items())]
