"""The command line as a stranger runs it, in a folder of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from jobs.cli import main
from tests.broker.conftest import Mosquitto

CONSIGNE = Path(sys.executable).with_name("consigne")
ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., subprocess.CompletedProcess[str]]


def environment(**variables: str) -> dict[str, str]:
    """This environment without any CONSIGNE_* of the caller's, plus the variables given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CONSIGNE_")}
    shipped = {"CONSIGNE_RULES_DIR": str(ROOT / "rules"), "CONSIGNE_DATASETS_DIR": str(ROOT / "datasets")}
    return kept | shipped | {"LANG": "C.UTF-8", "COLUMNS": "160"} | variables


def runner(folder: Path) -> Run:
    """Runs `consigne ...` to its end, in that folder."""

    def run(*words: object, timeout: float = 280, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(CONSIGNE), *map(str, words)],
            cwd=folder,
            env=environment(**variables),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run


def ok(consigne: Run, *words: object, code: int = 0) -> str:
    """What `consigne ...` prints, which ends as it should."""
    done = consigne(*words)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def consigne_apart(tmp_path: Path) -> Run:
    """Run `consigne ...` to its end in a process of its own, in an empty folder."""
    return runner(tmp_path)


@pytest.fixture
def consigne_in(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[Path], Run]:
    """The same in this process and a folder: each of its own takes seconds to start, and journeys have dozens."""

    def run(folder: Path, *words: object, **variables: str) -> subprocess.CompletedProcess[str]:
        code: object = 0
        with monkeypatch.context() as patch:
            patch.chdir(folder)
            for name in [name for name in os.environ if name.startswith("CONSIGNE_")]:
                patch.delenv(name)
            for name, value in environment(**variables).items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["consigne", *map(str, words)])
            patch.setattr(sys, "excepthook", sys.excepthook)  # which typer sets
            try:
                main()
            except SystemExit as end:
                code = end.code or 0
        said = capsys.readouterr()
        assert isinstance(code, int)
        return subprocess.CompletedProcess(words, code, said.out, said.err)

    return lambda folder: partial(run, folder)


@pytest.fixture
def consigne(consigne_in: Callable[[Path], Run], tmp_path: Path) -> Run:
    """Run `consigne ...` to its end, in this process and an empty folder."""
    return consigne_in(tmp_path)


def effects_of(folder: Path) -> list[dict[str, Any]]:
    """What the field applied, by its own log."""
    return [json.loads(line) for line in (folder / "effects.jsonl").read_text().splitlines()]


@pytest.fixture
def shipped_mosquitto(
    mosquitto: str, tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[str]:
    """Mosquitto with the shipped configuration; the URL of the service's own account."""
    running = Mosquitto(mosquitto, tmp_path_factory.mktemp("mosquitto"), free_port())
    running.start()
    yield running.url()
    running.stop()
