"""`consigne energy`: buildings, their contracts, what days came to."""

import typer

from jobs.cli.contracts import contracts

app = typer.Typer(help="Energy: buildings, their contracts, what days came to.", no_args_is_help=True)
app.command("contracts")(contracts)


@app.callback()
def energy() -> None:
    """Energy: buildings, their contracts, what days came to."""
