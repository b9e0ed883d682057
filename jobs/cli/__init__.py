"""The `consigne` command. Exit codes: 0 done, 1 failed, 2 what was given is wrong, 3 done in a degraded way."""

import sys

from jobs.starting import importing

with importing():
    from engine.errors import ConsigneError
    from jobs.cli.app import app
    from jobs.cli.common import complain, seal_written
    from jobs.logs import log_beside_a_command

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line; a fault of ours becomes its message and its exit code, never a traceback."""
    log_beside_a_command()
    try:
        try:
            app()
        finally:
            seal_written()
    except ConsigneError as error:
        complain(str(error))
        sys.exit(error.exit_code)
