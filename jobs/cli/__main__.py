"""`python -m jobs.cli` is `consigne`."""

from jobs.cli import main

main()
