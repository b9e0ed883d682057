"""`consigne audit`: is the chain whole, and taking a stretch of it away."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from engine.settings import language
from engine.store.chain import Chain
from engine.store.trail import export as write_file
from engine.store.trail import verify_file
from jobs.bootstrap import open_store
from jobs.cli.common import DemoFolder, Json, OfDemo, asked, emit, instant, settings, show_lines, underway
from jobs.outcome import DEMO_FOLDER
from jobs.words import Lang, say

app = typer.Typer(help="Who did what: the chain of acts.", no_args_is_help=True)


@app.command("verify")
def verify(
    file: Annotated[Path | None, typer.Argument(help="what audit export wrote; the database unless named")] = None,
    head: Annotated[str | None, typer.Option(help="a hash kept from before: the chain must hold it")] = None,
    of_demo: OfDemo = False,
    folder: DemoFolder = DEMO_FOLDER,
    as_json: Json = False,
) -> None:
    """Recompute the chain. Exit 1, naming the first line that does not fit.

    Example: consigne audit verify
    """
    chosen = settings()
    with underway("verify"):
        if file is not None:
            found = verify_file(file, head)
        else:
            with open_store(asked(chosen, demo=folder if of_demo else None)).read() as unit:
                found = unit.audit.verify(head)
    if as_json:
        emit(asdict(found))
    else:
        show_lines(_told(found, language(chosen)))
    if found.broken is not None:
        raise typer.Exit(1)


def _told(found: Chain, lang: Lang) -> Sequence[str]:
    waiting = [say("chain_unsealed", lang, count=found.unsealed)] if found.unsealed else []
    broken = found.broken
    if broken is None:
        return [say("chain_whole", lang, lines=found.lines), *waiting, say("chain_head", lang, head=found.head)]
    number = "" if broken.id is None else f" (id {broken.id})"
    said = say("chain_broken", lang, seq=broken.seq, number=number, what=broken.what, lines=found.lines)
    return [said, *waiting]


@app.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="a new file: JSON lines")],
    start: Annotated[str, typer.Option("--from", help="2026-11-22T12:00 in Paris, or with an offset")],
    until: Annotated[str | None, typer.Option("--to", help="now unless given")] = None,
) -> None:
    """Write the sealed lines of a time into a file that audit verify FILE checks without the database.

    Example: consigne audit export november.jsonl --from 2026-11-01T00:00 --to 2026-12-01T00:00
    """
    chosen = settings()
    with underway("audit_export"), open_store(chosen).read() as unit:
        count = write_file(unit.audit, instant(start), instant(until), file)
    show_lines([say("chain_exported", language(chosen), count=count, file=file)])
