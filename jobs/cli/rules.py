"""`consigne rules`: check, test, replay, why, why-not, schema, rollback."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from engine.catalogue import Catalogue
from engine.errors import InputError, Problem
from engine.forecasts.sources import FORECASTS, site_sources
from engine.rulebook.definitions import Rulebook
from engine.rulebook.loading import OWNERS, load_rules
from engine.rulebook.scenarios import Results, Scenario, Stage, read_scenarios, run_scenarios
from engine.rulebook.schema import schema_text
from engine.rulebook.sensitivity import Sensitivity
from engine.setpoints.drought import load_drought
from engine.setpoints.events import load_events
from engine.setpoints.limits import load_blast
from engine.setpoints.orders import load_orders
from engine.settings import Settings
from engine.store import Store
from jobs.bootstrap import BLAST, DROUGHT, EVENTS, ORDERS, almanac_of, catalogue_of
from jobs.cli.common import (
    DemoFolder,
    Json,
    Language,
    OfDemo,
    chosen_in,
    emit,
    instant,
    settings,
    show_lines,
    store_and_territory,
    underway,
)
from jobs.cli.rulings import Moves, comparison_json, comparison_lines, results_json, results_lines
from jobs.collection.closures import CLOSURES, load_closures
from jobs.energy.contracts import CONTRACTS, load_contracts
from jobs.outcome import DEMO_FOLDER
from jobs.reload import roll_back
from jobs.replay import Ground, Stretch, compare, from_files, stored, tell
from jobs.schedules import SCHEDULES, load_schedule
from jobs.standing import local, stand, to_json, to_lines
from jobs.words import Lang, say

app = typer.Typer(help="The rule files.", no_args_is_help=True)
Place = Annotated[
    Path | None, typer.Argument(help="a folder of rules, or one file of it; the settings' folder by default")
]


def _folder(path: Path) -> Path:
    """The folder of rules a path is, or lies in: the one with an owners file. Raises InputError."""
    for folder in (path, *path.absolute().parents):
        if (folder / OWNERS).is_file():
            return folder
    what = f"is not a folder of rules, and lies in none: no {OWNERS}"
    raise InputError([Problem(str(path), 0, 0, what, "name the folder that holds the domains' folders")])


@app.command()
def check(path: Place = None, lang: Language = "") -> None:
    """Every problem of rules, scenarios and the files beside them, as file:line:col. Exit 2 if there is one.

    Example: consigne rules check
    """
    chosen, words = chosen_in(lang)
    place = path or chosen.rules_dir
    folder, catalogue = _folder(place), catalogue_of(chosen)
    with underway("rules", lang=words):
        rulebook, scenarios = _read(folder, place, catalogue)
    about = [(rule.id, getattr(rule.definition.about, words)) for rule in rulebook.rules]
    show_lines([f"{name:<32} {text}" for name, text in about])
    show_lines([say("check_none", words, rules=len(rulebook.rules), scenarios=len(scenarios))])


def _read(folder: Path, place: Path, catalogue: Catalogue) -> tuple[Rulebook, Sequence[Scenario]]:
    """The rules of a folder and their scenarios. Raises InputError with every problem of a place in it."""
    beside = [one for one in _beside(folder, catalogue) if Path(one.source).is_relative_to(place)]
    try:
        rulebook = load_rules(folder, catalogue)
        scenarios = read_scenarios(folder, rulebook, catalogue)
    except InputError as error:
        raise _of_place(InputError([*error.problems, *beside]), place) from None
    if beside:
        raise InputError(beside)
    return rulebook, scenarios


def _beside(folder: Path, catalogue: Catalogue) -> Iterator[Problem]:
    """The problems of the files beside the rules: what these may do, what runs when, where forecasts come from."""
    loads: dict[str, Callable[[Path], object]] = {
        ORDERS: partial(load_orders, catalogue=catalogue),
        DROUGHT: lambda path: load_drought(path, _orders_beside(path.parent, catalogue) or ()),
        EVENTS: lambda path: load_events(path, _orders_beside(path.parent, catalogue)),
        CLOSURES: load_closures,
        CONTRACTS: load_contracts,
        BLAST: partial(load_blast, catalogue=catalogue),
        SCHEDULES: load_schedule,
        FORECASTS: lambda path: site_sources(path.parent),
    }
    for name, load in loads.items():
        try:
            load(folder / name)
        except InputError as error:
            yield from error.problems


def _orders_beside(folder: Path, catalogue: Catalogue) -> list[str] | None:
    """The orders of the file beside; None where they cannot be read, which is told by itself."""
    try:
        return [entry.id for entry in load_orders(folder / ORDERS, catalogue)]
    except InputError:
        return None


def _of_place(error: InputError, place: Path) -> InputError:
    """The problems of a folder or file; where it has none all of them, since they stand in its way."""
    own = [one for one in error.problems if Path(one.source).absolute().is_relative_to(place.absolute())]
    return InputError(own) if own else error


@app.command()
def test(
    path: Place = None,
    sensitivity: Annotated[bool, typer.Option("--sensitivity", help="move every number both ways as well")] = False,
    lang: Language = "",
    as_json: Json = False,
) -> None:
    """Play the scenarios. Exit 1 if one fails, or a rule wants a scenario; with --sensitivity if a number is not held.

    Example: consigne rules test
    """
    chosen, words = chosen_in(lang)
    place = path or chosen.rules_dir
    folder, catalogue, almanac = _folder(place), catalogue_of(chosen), almanac_of(chosen)
    rulebook = load_rules(folder, catalogue)
    with underway("scenarios", lang=words):
        results = run_scenarios(place, rulebook, catalogue, almanac)
    moves = _moved(folder, rulebook, results, Stage(catalogue, almanac)) if sensitivity else None
    if as_json:
        emit(results_json(results, moves))
    else:
        show_lines(results_lines(results, moves, words))
    if not results.passed or (moves and moves.survivors):
        raise typer.Exit(1)


def _moved(folder: Path, rulebook: Rulebook, results: Results, stage: Stage) -> Moves:
    """The numbers of the rules that were tested, moved; only scenarios that pass can hold one."""
    good = [outcome.scenario for outcome in results.outcomes if outcome.passed]
    found = Sensitivity(folder, rulebook, good, stage)
    rules = {one.rule for one in results.coverage}
    numbers = [number for number in found.numbers if number.rules[0] in rules]
    with underway("numbers") as bar:
        survivors = tuple(found.survivors(bar.track(numbers, len(numbers))))
    return Moves(len(numbers), survivors)


@app.command("replay")
def replay_rules(
    since: Annotated[str | None, typer.Option("--from", help="the first instant; with --file, of the file")] = None,
    until: Annotated[str | None, typer.Option("--to", help="the last instant; with --file, of the file")] = None,
    rules: Annotated[Path | None, typer.Option(help="a folder with the new version")] = None,
    file: Annotated[list[Path] | None, typer.Option(help="CSV, JSON lines or Parquet, not what is stored")] = None,
    examples: Annotated[int, typer.Option(min=0, help="of each difference")] = 3,
    of_demo: OfDemo = False,
    folder: DemoFolder = DEMO_FOLDER,
    lang: Language = "",
    as_json: Json = False,
) -> None:
    """Past telemetry through the rules again: what they would say, or with --rules where a new version differs.

    Example: consigne rules replay --from 2026-11-01 --to 2026-11-15 --rules new-rules
    """
    chosen, words = chosen_in(lang, folder if of_demo else None)
    store, ground = _ground(chosen)
    old = load_rules(chosen.rules_dir, ground.territory.catalogue)
    new = old if rules is None else load_rules(_folder(rules), ground.territory.catalogue)
    stretch = _stretch(store, ground, (old, new), file or [], since, until)
    with underway("replay", (stretch.until - stretch.start).total_seconds(), words) as bar:

        def watch(at: datetime) -> None:
            bar.reach((at - stretch.start).total_seconds(), local(at))

        over = (ground, stretch, examples, watch)
        found = compare(old, new, *over) if rules else tell(old, *over)
    if as_json:
        emit(comparison_json(found, stretch))
    else:
        show_lines(comparison_lines(found, stretch, words))


def _ground(chosen: Settings) -> tuple[Store, Ground]:
    store, territory = store_and_territory(chosen)
    return store, Ground(territory, almanac_of(chosen))


def _stretch(
    store: Store, ground: Ground, books: Sequence[Rulebook], files: Sequence[Path], since: str | None, until: str | None
) -> Stretch:
    start, end = (None if text is None else instant(text) for text in (since, until))
    if files:
        return from_files(files, ground.territory, books, start, end)
    if start is None or end is None or start > end:
        what = "what is stored is replayed from one instant to a later one"
        raise InputError([Problem("--from, --to", 0, 0, what, "as --from 2026-11-01 --to 2026-11-15")])
    return stored(store, ground.territory, books, start, end)


Rule = Annotated[str, typer.Argument(help="the rule's id")]
Subject = Annotated[str, typer.Argument(help="an asset; for a rule over places a zone, a commune or territory")]
At = Annotated[str | None, typer.Argument(help="2026-11-22T23:40 in Paris, or with an offset; now by default")]


@app.command()
def why(
    rule: Rule, subject: Subject, at: At = None, of_demo: OfDemo = False, folder: DemoFolder = DEMO_FOLDER,
    lang: Language = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Why a rule stands: its condition part by part, with what was measured. Exit 1 if it does not stand.

    Example: consigne rules why lamp-failure L-49028-00012 2026-11-22T23:40
    """
    _explain((rule, subject, at), chosen_in(lang, folder if of_demo else None), as_json=as_json, wanted=True)


@app.command("why-not")
def why_not(
    rule: Rule, subject: Subject, at: At = None, of_demo: OfDemo = False, folder: DemoFolder = DEMO_FOLDER,
    lang: Language = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Why a rule does not stand: what of its condition is false or unknown. Exit 1 if it does stand.

    Example: consigne rules why-not lamp-failure L-49028-00012 2026-11-22T23:40
    """
    _explain((rule, subject, at), chosen_in(lang, folder if of_demo else None), as_json=as_json, wanted=False)


def _explain(
    asked: tuple[str, str, str | None], how: tuple[Settings, Lang], *, as_json: bool, wanted: bool
) -> None:  # fmt: skip
    (rule, subject, at), (chosen, words) = asked, how
    store, ground = _ground(chosen)
    rulebook = load_rules(chosen.rules_dir, ground.territory.catalogue)
    found = stand(store, ground, rulebook, rule, subject, instant(at))
    if as_json:
        emit(to_json(found))
    else:
        show_lines(to_lines(found, words))
    if found.raised is not wanted:
        raise typer.Exit(1)


@app.command()
def schema() -> None:
    """JSON Schema of a rule file, for editors: with the catalogue's asset types and points.

    Example: consigne rules schema > rules/schema.json
    """
    typer.echo(schema_text(catalogue_of(settings())), nl=False)


@app.command()
def rollback(lang: Language = "") -> None:
    """The rule files as they were in service before; a running service takes them up. Exit 1 if none are kept.

    Example: consigne rules rollback
    """
    chosen, words = chosen_in(lang)
    show_lines([say("rules_rolled_back", words, version=roll_back(chosen))])
