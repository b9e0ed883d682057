"""`consigne solve | check | schema | example X`: the optimisers by themselves, without a database."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from time import monotonic
from typing import Annotated, Any, Protocol

import typer

from engine.errors import ConsigneError, InputError, Problem
from engine.settings import language
from jobs.cli.common import DEGRADED, emit, settings, show_lines, show_rows, underway, write
from jobs.cli.quiet import libraries_to_stderr
from jobs.collection.crew_figures import figures as crew_figures
from jobs.collection.figures import figures as routing_figures
from jobs.energy.evcc_figures import evcc_figures
from jobs.energy.figures import figures as energy_figures
from jobs.irrigation.figures import figures as irrigation_figures
from jobs.lighting.figures import figures as lighting_figures
from jobs.progress import Bar
from jobs.words import Lang, number, say
from optimizers import crews, energy, irrigation, lighting, routing
from optimizers.energy import formats as energy_formats
from optimizers.result import InvalidProblem, Limits, Status
from optimizers.routing import formats as routing_formats
from optimizers.routing.formats.texts import WrongText


class Formats(Protocol):
    """The formats of others that an optimiser reads and writes beside our JSON: a package `formats` of its own."""

    @property
    def FORMATS(self) -> Mapping[str, Any]:  # noqa: N802
        """By name, in the order in which they are tried."""

    def problem_form(self, text: str | bytes, name: str = "") -> str:
        """The format of a problem's text, read from a file of that name."""

    def read_problem(self, text: str | bytes, form: str, vehicles: int | None = None) -> Any:
        """Raises InvalidProblem with everything that is wrong."""

    def plan_form(self, form: str, name: str = "") -> str:
        """The format of a plan to write into a file of that name, of a problem in a format."""

    def read_plan(self, problem: Any, text: str | bytes) -> Any:
        """A plan in any of the formats it may be written in."""

    def write_plan(self, problem: Any, plan: Any, form: str) -> str: ...


@dataclass(frozen=True)
class Optimiser:
    """The same functions for every X: reading and writing JSON, solving, checking, schemas, a small example and one
    with everything that can be asked, and what a plan came to, in rows of figures. `formats`: of others, which it also
    reads and writes; `tells`: whether its solve tells a third argument of every better plan.
    """

    problem_from_json: Callable[[bytes], Any]
    plan_to_json: Callable[[Any], str]
    plan_from_json: Callable[[bytes], Any]
    solve: Callable[..., Any]
    check: Callable[[Any, Any], Any]
    problem_schema: Callable[[], Any]
    plan_schema: Callable[[], Any]
    example: Callable[[int], str]
    full_example: Callable[[int], str]
    figures: Callable[[Any, Any, Lang], list[dict[str, str]]]
    formats: Formats | None = None
    tells: bool = False


def _of_module(module: Any, figures: Callable[[Any, Any, Lang], list[dict[str, str]]], **more: Any) -> Optimiser:
    """An optimiser whose functions have the names of all others'."""
    return Optimiser(
        module.problem_from_json,
        module.plan_to_json,
        module.plan_from_json,
        module.solve,
        module.check,
        module.problem_schema,
        module.plan_schema,
        lambda seed: str(module.problem_to_json(module.example(seed))),
        lambda seed: str(module.problem_to_json(module.full_example(seed))),
        figures,
        **more,
    )


def _figures_of_energy(problem: Any, plan: Any, lang: Lang) -> list[dict[str, str]]:
    if isinstance(problem, energy_formats.EvccProblem):
        return evcc_figures(problem, plan, lang)
    return energy_figures(problem, plan, lang)


OPTIMISERS = {
    "lighting": _of_module(lighting, lambda _, plan, lang: lighting_figures(plan, lang)),
    "irrigation": _of_module(irrigation, irrigation_figures),
    "routing": _of_module(routing, routing_figures, formats=routing_formats, tells=True),
    "crews": _of_module(crews, crew_figures),
    "energy": replace(
        _of_module(energy, _figures_of_energy, formats=energy_formats),
        solve=energy_formats.solve,
        check=energy_formats.check,
    ),
}


def _formats_of_all() -> str:
    told = {name: one.formats.FORMATS for name, one in OPTIMISERS.items() if one.formats is not None}
    return "; ".join(f"of {name}: {', '.join(known)}" for name, known in told.items())


Name = Annotated[str, typer.Argument(help=", ".join(OPTIMISERS))]
Source = Annotated[str, typer.Argument(help="a JSON file, or - for standard input")]
Format = Annotated[
    str,
    typer.Option("--format", help=f"{_formats_of_all()}; told by content by default"),
]
Vehicles = Annotated[
    int | None, typer.Option("--vehicles", min=1, help="how many, of a routing problem in a format that does not say")
]
_TOLD = 20  # violations, and reasons, at a terminal; the plan has them all
_EXIT = {Status.OPTIMAL: 0, Status.FEASIBLE: 0, Status.BEST_EFFORT: DEGRADED, Status.TIME_LIMIT: DEGRADED}


def register(app: typer.Typer) -> None:
    """Add the four commands to the command line."""
    for command in (solve, check, schema, example):
        app.command()(command)


def solve(
    name: Name,
    source: Source,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="the plan; standard output by default")] = None,
    seconds: float = 60.0,
    work: int | None = None,
    gap: float = 0.0,
    threads: int = 1,
    seed: int = 0,
    form: Format = "",
    vehicles: Vehicles = None,
) -> None:
    """Solve a problem. Exit 3 for a best effort with named violations, 1 where there is no plan.

    Example: consigne example lighting | consigne solve lighting - -o plan.json

    Rounds: consigne solve routing X-n101-k25.vrp --seconds 10 -o plan.sol

    Charge schedules: consigne solve energy request.json --format evcc
    """
    chosen = _of(name)
    limits = _limits(seconds, work, gap, threads, seed)
    problem, form = _problem(source, chosen, form, vehicles)
    with underway("solve") as bar, libraries_to_stderr():
        plan = chosen.solve(problem, limits, *([_telling(bar)] if chosen.tells else []))
    text = _written(problem, plan, chosen, form, str(out or ""))
    if out is None:
        typer.echo(text)
    else:
        write(out, text)
        _tell(problem, plan, chosen)
    raise typer.Exit(_EXIT.get(plan.status, 1))


def check(name: Name, source: Source, plan: Source, form: Format = "", vehicles: Vehicles = None) -> None:
    """Check a plan against its problem, by code that shares nothing with solve. Exit 1 if anything is violated.

    Example: consigne check lighting problem.json plan.json

    Rounds: consigne check routing X-n101-k25.vrp X-n101-k25.sol
    """
    chosen = _of(name)
    problem, _ = _problem(source, chosen, form, vehicles)
    violations = chosen.check(problem, _read(plan, lambda text: _plan(text, problem, chosen)))
    if violations:
        raise ConsigneError("\n".join(map(str, violations)))
    show_lines(["nothing violated"])


def schema(
    name: Name, plan: Annotated[bool, typer.Option("--plan", help="of the plan, not the problem")] = False
) -> None:
    """The JSON schema of a problem, or of a plan.

    Example: consigne schema irrigation --plan
    """
    emit(_of(name).plan_schema() if plan else _of(name).problem_schema())


def example(
    name: Name,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    full: Annotated[bool, typer.Option("--full", help="with everything that can be asked")] = False,
) -> None:
    """A small problem, to see the shape and to try.

    Example: consigne example lighting --full > problem.json
    """
    typer.echo((_of(name).full_example if full else _of(name).example)(seed))


def _problem(source: str, chosen: Optimiser, form: str, vehicles: int | None) -> tuple[Any, str]:
    """A problem and the format it is in."""
    formats = chosen.formats
    if formats is None:
        if form not in ("", "json") or vehicles is not None:
            readers = ", ".join(name for name, one in OPTIMISERS.items() if one.formats is not None)
            raise InputError([Problem("--format", 0, 0, f"and --vehicles are for {readers}", "leave them out")])
        return _read(source, chosen.problem_from_json), "json"
    if form and form not in formats.FORMATS:
        known = ", ".join(formats.FORMATS)
        raise InputError([Problem("--format", 0, 0, f"{form!r} is no format of ours", f"one of: {known}")])
    found = form

    def parse(text: bytes) -> Any:
        nonlocal found
        found = form or formats.problem_form(text, source)
        return formats.read_problem(text, found, vehicles)

    return _read(source, parse), found


def _plan(text: bytes, problem: Any, chosen: Optimiser) -> Any:
    return chosen.formats.read_plan(problem, text) if chosen.formats else chosen.plan_from_json(text)


def _written(problem: Any, plan: Any, chosen: Optimiser, form: str, out: str) -> str:
    """A plan in the format that a file of that name asks for, of a problem in a format."""
    if chosen.formats is None:
        return chosen.plan_to_json(plan)
    return chosen.formats.write_plan(problem, plan, chosen.formats.plan_form(form, out))


def _telling(bar: Bar) -> Callable[[float, float], None]:
    """What a solve tells of every better plan, shown beside the bar: it may begin anew, and be worse at first."""
    lang, began, best = language(settings()), monotonic(), inf

    def told(objective: float, _: float) -> None:
        nonlocal best
        if objective < best:
            best = objective
            bar.tell(say("incumbent", lang, objective=f"{best:,.6g}", seconds=number(monotonic() - began, lang, 1)))

    return told


def _tell(problem: Any, plan: Any, chosen: Optimiser) -> None:
    """What a plan came to: its status, its figures, what it passes and why."""
    lang = language(settings())
    facts = {"objective": f"{plan.objective:.6g}", "gap": f"{plan.gap:.3g}", "violations": len(plan.violations)}
    show_lines([say("solved", lang, status=plan.status, **facts)])
    show_rows(chosen.figures(problem, plan, lang), as_json=False)
    told = {f"{one.object}: {one.detail}" for one in plan.violations}
    reasons = [one for one in plan.reasons if one not in told]
    show_lines([*map(str, plan.violations[:_TOLD]), *reasons[:_TOLD]])
    if more := sum(max(0, len(lines) - _TOLD) for lines in (plan.violations, reasons)):
        show_lines([say("solved_more", lang, more=number(more, lang))])


def _limits(seconds: float, work: int | None, gap: float, threads: int, seed: int) -> Limits:
    try:
        return Limits(seconds, work, gap, threads, seed)
    except InvalidProblem as error:
        raise InputError(Problem("limits", 0, 0, text) for text in error.problems) from None


def _of(name: str) -> Optimiser:
    if name not in OPTIMISERS:
        raise InputError([Problem(name, 0, 0, "is not an optimiser", f"one of: {', '.join(OPTIMISERS)}")])
    return OPTIMISERS[name]


def _read(source: str, parse: Callable[[bytes], Any]) -> Any:
    try:
        return parse(sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes())
    except OSError as error:
        raise InputError([Problem(source, 0, 0, f"cannot be read: {error.strerror}", "check the path")]) from None
    except WrongText as error:
        raise InputError(Problem(source, line, min(line, 1), what) for line, what in error.found) from None
    except InvalidProblem as error:
        raise InputError(Problem(source, 0, 0, text) for text in error.problems) from None
