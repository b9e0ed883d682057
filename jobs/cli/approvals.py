"""`consigne approval`: the second person, without whom very large moves do not go."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from engine.errors import InputError, Problem
from engine.instants import isoformat
from engine.model import BatchState
from engine.setpoints.batches import Batch, Tally
from engine.settings import language
from jobs.batches import decide
from jobs.bootstrap import open_store
from jobs.cli.common import (
    Json,
    emit,
    instant,
    local,
    person,
    sealing,
    settings,
    show_lines,
    store_and_territory,
)
from jobs.words import Lang, labelled, say

app = typer.Typer(help="Large moves that wait for a second person.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID")]


@app.command("list")
def list_batches(
    every: Annotated[bool, typer.Option("--all", help="decided ones and those that needed nobody, too")] = False,
    as_json: Json = False,
) -> None:
    """What waits for a second person.

    Example: consigne approval list
    """
    chosen = settings()
    states = tuple(BatchState) if every else (BatchState.PENDING,)
    with open_store(chosen).read() as unit:
        found = unit.batches.list(states)
    words = language(chosen)
    if as_json:
        emit([_as_json(batch) for batch in found])
    else:
        # Lines, not a table: an id that a narrow terminal breaks cannot be copied.
        show_lines(
            [f"{batch.id}  {batch.made_by}  {batch.facts['share']:.1%}  {_state(batch, words)}" for batch in found]
        )


@app.command("show")
def show_batch(batch: Id, as_json: Json = False) -> None:
    """One batch: what it moves, why it is held, how its commands fare.

    Example: consigne approval show lighting-2026-11-22T11:00:00Z-0a1b2c3d
    """
    chosen = settings()
    with open_store(chosen).read() as unit:
        found = unit.batches.get(batch)
        canary, everything = unit.batches.tallies(batch)
    if found is None:
        raise InputError([Problem(batch, 0, 0, "is not a batch", "see consigne approval list --all")])
    if as_json:
        emit(_as_json(found) | {"fares": _counts(everything), "canary_fares": _counts(canary)})
    else:
        show_lines(list(_told(found, canary, everything, language(chosen))))


@app.command("approve")
def approve(batch: Id) -> None:
    """Let it go: the first few, and the rest once these are verified. Not by whoever made it.

    Example: consigne approval approve lighting-2026-11-22T11:00:00Z-0a1b2c3d
    """
    _decide(batch)


@app.command("refuse")
def refuse(batch: Id, reason: Annotated[str, typer.Option(help="why, for those who made it")]) -> None:
    """Nothing of it is sent.

    Example: consigne approval refuse lighting-2026-11-22T11:00:00Z-0a1b2c3d --reason "a market tonight"
    """
    if not reason.strip():
        raise InputError([Problem("--reason", 0, 0, "is empty", "say why")])
    _decide(batch, reason)


def _decide(batch: str, refusal: str | None = None) -> None:
    chosen = settings()
    store, ground = store_and_territory(chosen)
    sealing(store)
    with store.begin() as unit:
        decided = decide(unit, ground, batch, person(), instant(None), refusal)
    show_lines([f"{decided.id}: {_state(decided, language(chosen))}"])


def _state(batch: Batch, words: Lang) -> str:
    return say(f"batch_{batch.state.value}", words, until=local(batch.until_at), by=batch.decided_by)


def _told(batch: Batch, canary: Tally, everything: Tally, words: Lang) -> Iterator[str]:
    facts = {"commands": batch.facts["commands"], "made_by": batch.made_by, "at": local(batch.made_at)}
    yield say("batch_head", words, id=batch.id, domain=batch.domain, **facts)
    yield _state(batch, words)
    yield labelled("batch_because", words, "; ".join(batch.facts["over"]))
    yield labelled("batch_fares", words, everything)
    yield labelled("batch_first", words, canary)


def _counts(tally: Tally) -> dict[str, int]:
    return {state.value: count for state, count in sorted(tally.states.items())}


def _as_json(batch: Batch) -> dict[str, Any]:
    return {
        "id": batch.id,
        "domain": batch.domain,
        "made_by": batch.made_by,
        "made_at": isoformat(batch.made_at),
        "state": batch.state.value,
        "until_at": isoformat(batch.until_at),
        "decided_by": batch.decided_by,
        "decided_at": None if batch.decided_at is None else isoformat(batch.decided_at),
        **batch.facts,
    }
