"""`consigne solve | check | schema | example X`: the optimisers by themselves, without a database."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.errors import ConsigneError, InputError, Problem
from engine.settings import language
from jobs.cli.common import DEGRADED, emit, settings, show_lines, show_rows, underway, write
from jobs.irrigation.figures import figures as irrigation_figures
from jobs.lighting.figures import figures as lighting_figures
from jobs.words import Lang, say
from optimizers import irrigation, lighting
from optimizers.result import InvalidProblem, Limits, Status


@dataclass(frozen=True)
class Optimiser:
    """The same functions for every X: reading and writing JSON, solving, checking, schemas, a small example and one
    with everything that can be asked, and what a plan came to, in rows of figures.
    """

    problem_from_json: Callable[[bytes], Any]
    plan_to_json: Callable[[Any], str]
    plan_from_json: Callable[[bytes], Any]
    solve: Callable[[Any, Limits], Any]
    check: Callable[[Any, Any], Any]
    problem_schema: Callable[[], Any]
    plan_schema: Callable[[], Any]
    example: Callable[[int], str]
    full_example: Callable[[int], str]
    figures: Callable[[Any, Any, Lang], list[dict[str, str]]]


OPTIMISERS = {
    "lighting": Optimiser(
        lighting.problem_from_json,
        lighting.plan_to_json,
        lighting.plan_from_json,
        lighting.solve,
        lighting.check,
        lighting.problem_schema,
        lighting.plan_schema,
        lambda seed: lighting.problem_to_json(lighting.example(seed)),
        lambda seed: lighting.problem_to_json(lighting.full_example(seed)),
        lambda _, plan, lang: lighting_figures(plan, lang),
    ),
    "irrigation": Optimiser(
        irrigation.problem_from_json,
        irrigation.plan_to_json,
        irrigation.plan_from_json,
        irrigation.solve,
        irrigation.check,
        irrigation.problem_schema,
        irrigation.plan_schema,
        lambda seed: irrigation.problem_to_json(irrigation.example(seed)),
        lambda seed: irrigation.problem_to_json(irrigation.full_example(seed)),
        irrigation_figures,
    ),
}
Name = Annotated[str, typer.Argument(help=", ".join(OPTIMISERS))]
Source = Annotated[str, typer.Argument(help="a JSON file, or - for standard input")]
_TOLD = 20  # violations at a terminal; the plan has them all
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
) -> None:
    """Solve a problem. Exit 3 for a best effort with named violations, 1 where there is no plan.

    Example: consigne example lighting | consigne solve lighting - -o plan.json
    """
    chosen = _of(name)
    limits = _limits(seconds, work, gap, threads, seed)
    problem = _read(source, chosen.problem_from_json)
    with underway("solve"):
        plan = chosen.solve(problem, limits)
    text = chosen.plan_to_json(plan)
    if out is None:
        typer.echo(text)
    else:
        write(out, text)
        _tell(problem, plan, chosen)
    raise typer.Exit(_EXIT.get(plan.status, 1))


def check(name: Name, source: Source, plan: Source) -> None:
    """Check a plan against its problem, by code that shares nothing with solve. Exit 1 if anything is violated.

    Example: consigne check lighting problem.json plan.json
    """
    chosen = _of(name)
    violations = chosen.check(_read(source, chosen.problem_from_json), _read(plan, chosen.plan_from_json))
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


def _tell(problem: Any, plan: Any, chosen: Optimiser) -> None:
    """What a plan came to: its status, its figures, what it passes and why."""
    lang = language(settings())
    facts = {"objective": f"{plan.objective:.6g}", "gap": f"{plan.gap:.3g}", "violations": len(plan.violations)}
    show_lines([say("solved", lang, status=plan.status, **facts)])
    show_rows(chosen.figures(problem, plan, lang), as_json=False)
    show_lines([*map(str, plan.violations[:_TOLD]), *plan.reasons])


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
    except InvalidProblem as error:
        raise InputError(Problem(source, 0, 0, text) for text in error.problems) from None
