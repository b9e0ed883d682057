"""`consigne roads`: an extract of OpenStreetMap brought in, what it holds, and how far it is between places."""

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.errors import InputError, Problem
from engine.inventory.territory import load_territory
from engine.settings import Settings
from jobs.bootstrap import catalogue_of
from jobs.cli.common import DEGRADED, Json, Language, chosen_in, emit, show_lines, underway, write
from jobs.roads import Drives, drives, kept_file, kept_roads
from jobs.roads.checking import ALL, LITTLE, Found, examined
from jobs.roads.keeping import keep
from jobs.roads.points import read_points
from jobs.roads.reading import Skipped, read_roads
from jobs.words import Lang, aligned, number, percent, say
from optimizers.roads import PROFILES, Profile, RoadGraph
from optimizers.routing import Place
from twin.territory.roads import made_roads

app = typer.Typer(help="Roads, and how far it is on them.", no_args_is_help=True)
Class = Annotated[str, typer.Option("--profile", help=f"class of vehicle: {', '.join(PROFILES)}")]


@app.command("import")
def bring_in(
    extract: Annotated[Path, typer.Argument(help="FILE.osm.pbf")],
    even_so: Annotated[bool, typer.Option("--even-so", help="keep also what falls apart")] = False,
    lang: Language = "",
    as_json: Json = False,
) -> None:
    """Read the roads of an OpenStreetMap extract and keep them in the data folder, in place of those before.

    Ends with 3 where part of the roads cannot be reached from the rest, and keeps nothing where that is most.

    Example: consigne roads import lorraine.osm.pbf
    """
    chosen, words = chosen_in(lang)
    with underway("roads_import", lang=words) as bar:
        graph, skipped = read_roads(extract, bar.tell)
        found = [examined(graph, profile) for profile in PROFILES.values()]
        worst = max(one.cut_share for one in found)
        if worst >= ALL and not even_so:
            what = say("roads_apart", words, cut=percent(worst, words))
            raise InputError([Problem(str(extract), 0, 0, what, say("roads_advice", words))])
        keep(graph, kept_file(chosen))
    _show(chosen, graph, found, words, skipped=skipped, as_json=as_json)
    if worst > LITTLE:
        raise typer.Exit(DEGRADED)


@app.command()
def make(
    folder: Annotated[Path, typer.Argument(help="a territory: territory.yaml and assets.csv")],
    lang: Language = "",
    as_json: Json = False,
) -> None:
    """Roads without a map, along a territory's lamps and between its streets: kept as an import's, and approximate.

    Example: consigne roads make datasets/sample
    """
    chosen, words = chosen_in(lang)
    with underway("roads_make", lang=words):
        graph = made_roads(load_territory(folder, catalogue_of(chosen)).assets)
        found = [examined(graph, profile) for profile in PROFILES.values()]
        keep(graph, kept_file(chosen))
    _show(chosen, graph, found, words, as_json=as_json)


@app.command()
def check(lang: Language = "", as_json: Json = False) -> None:
    """What is known of the roads, and how far they hold together for each class of vehicle.

    Example: consigne roads check
    """
    chosen, words = chosen_in(lang)
    graph = kept_roads(chosen)
    if graph is None:
        hint = "consigne roads import FILE.osm.pbf; without, distances are straight ones times 1.3"
        raise InputError([Problem(str(kept_file(chosen)), 0, 0, "there is no such file: no roads are known", hint)])
    with underway("roads_check", lang=words):
        found = [examined(graph, profile) for profile in PROFILES.values()]
    _show(chosen, graph, found, words, as_json=as_json)
    if max(one.cut_share for one in found) > LITTLE:
        raise typer.Exit(DEGRADED)


@app.command()
def matrix(
    points: Annotated[Path, typer.Argument(help="CSV: id,lon,lat, and kerb: yes where a stop is on the right")],
    profile: Class = "lorry",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="a CSV file; standard output by default")] = None,
    lang: Language = "",
    as_json: Json = False,
) -> None:
    """How far and how long it is from every point to every other: CSV from,to,distance_m,duration_s.

    Ends with 3 where a point lies on no road, and where there is no map.

    Example: consigne roads matrix points.csv --profile lorry -o matrix.csv
    """
    chosen, words = chosen_in(lang)
    vehicle = _profile(profile)
    listed = read_points(points)
    with underway("roads_matrix", lang=words):
        found = drives(chosen, [vehicle], listed.places, kerb=listed.kerb)
    text = _csv(found, listed.places)
    if as_json:
        emit(_document(found, listed.places))
    elif out is not None:
        write(out, text)
    else:
        typer.echo(text, nl=False)
    notes = list(_notes(found, words, kept=kept_file(chosen).is_file()))
    for note in notes:
        typer.echo(note, err=True)
    if notes:
        raise typer.Exit(DEGRADED)


def _profile(name: str) -> Profile:
    if name not in PROFILES:
        raise InputError([Problem("--profile", 0, 0, f"{name!r} is no profile", f"one of: {', '.join(PROFILES)}")])
    return PROFILES[name]


def _csv(found: Drives, places: tuple[Place, ...]) -> str:
    """A pair without a way has neither figure."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(("from", "to", "distance_m", "duration_s"))
    distance_m, duration_s = found.matrices.distance_m[0].tolist(), found.matrices.duration_s[0].tolist()
    for i, one in enumerate(places):
        for j, two in enumerate(places):
            known = distance_m[i][j] < float("inf")
            figures = (f"{distance_m[i][j]:.1f}", f"{duration_s[i][j]:.1f}") if known else ("", "")
            lines.writerow((one.id, two.id, *figures))
    return text.getvalue()


def _document(found: Drives, places: tuple[Place, ...]) -> dict[str, Any]:
    def rows(name: str) -> list[list[float | None]]:
        return [[v if v < float("inf") else None for v in row] for row in getattr(found.matrices, name)[0].tolist()]

    return {
        "places": [place.id for place in places],
        "distance_m": rows("distance_m"),
        "duration_s": rows("duration_s"),
        "approximate": found.matrices.approximate,
        "missed": found.missed,
        "far": [asdict(one) for one in found.far],
        "licence": found.licence,
    }


def _notes(found: Drives, lang: Lang, *, kept: bool) -> Iterator[str]:
    if found.missed:
        yield say("roads_missed", lang, why=found.missed)
    if found.matrices.approximate:
        yield say("roads_made" if kept else "roads_none", lang)
    for one in found.far:
        yield one.said(lang)


def _show(
    chosen: Settings,
    graph: RoadGraph,
    found: list[Found],
    lang: Lang,
    *,
    skipped: Skipped | None = None,
    as_json: bool,
) -> None:
    if as_json:
        about = {"file": str(kept_file(chosen)), "origin": graph.origin, "licence": graph.licence}
        told = {"skipped": asdict(skipped)} if skipped is not None else {}
        emit(
            {**about, "nodes": len(graph.lon_deg), "pieces": graph.pieces, **told, "profiles": list(map(asdict, found))}
        )
        return
    show_lines(list(_lines(graph, found, lang)))
    if skipped is not None and (skipped.nodes_missing or skipped.restrictions):
        missing, restrictions = number(skipped.nodes_missing, lang), number(skipped.restrictions, lang)
        show_lines([say("roads_skipped", lang, nodes=missing, restrictions=restrictions)])


def _lines(graph: RoadGraph, found: list[Found], lang: Lang) -> Iterator[str]:
    nodes, pieces = number(len(graph.lon_deg), lang), number(graph.pieces, lang)
    yield say("roads_head", lang, origin=graph.origin, nodes=nodes, pieces=pieces, licence=graph.licence)
    heads = [say(f"roads_{head}", lang) for head in ("profile", "usable", "parts", "main", "cut", "detour")]
    yield from aligned([heads, *(list(_row(one, lang)) for one in found)])
    if max(one.cut_share for one in found) > LITTLE:
        yield say("roads_advice", lang)


def _row(one: Found, lang: Lang) -> Iterator[str]:
    yield one.profile
    yield number(one.pieces, lang)
    yield number(one.parts, lang)
    yield percent(one.main_share, lang)
    yield percent(one.cut_share, lang)
    yield "–" if one.detour is None else number(one.detour, lang, 2)
