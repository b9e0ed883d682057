"""Progress: at a terminal, of what takes long, and nowhere else."""

import threading
import time
from contextlib import redirect_stderr

import pytest

from jobs import progress as progress_module
from jobs.cli.optimise import _telling
from jobs.progress import progress
from tests.terminal import Terminal
from tests.waiting import wait_for


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    return terminal


def test_what_takes_long_is_shown_with_how_far_it_is_and_taken_away_again(terminal: Terminal) -> None:
    with redirect_stderr(terminal.stream), progress("reading the files", 4, after_s=0.05) as bar:
        bar.reach(3, "lamps.csv")
        wait_for(lambda: "reading the files" in terminal.shown and "lamps.csv" in terminal.shown)
    shown = terminal.close()
    assert shown.rstrip().endswith("\x1b[2K")  # the line is cleared


def test_a_solve_shows_its_best_so_far(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSIGNE_LANG", "en")
    with redirect_stderr(terminal.stream), progress("solving", after_s=0.05) as bar:
        told = _telling(bar)
        told(150.5641, 0.0)
        told(160.0, 0.0)
        wait_for(lambda: "best so far 150.564, 0." in terminal.shown)
        told(149.25, 0.0)
        wait_for(lambda: "best so far 149.25, " in terminal.shown)
    assert "160" not in terminal.close()


def test_what_is_quick_shows_nothing(terminal: Terminal) -> None:
    before = threading.active_count()
    with redirect_stderr(terminal.stream), progress("reading the files", 4) as bar:
        bar.advance(4)
    assert terminal.close() == ""
    assert threading.active_count() <= before


def test_nobody_is_shown_anything_where_no_terminal_reads(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_module, "AFTER_S", 0.0)
    with progress("reading the files") as bar:
        time.sleep(0.1)
        bar.tell("lamps.csv")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("quiet", "term"), [(True, "xterm"), (False, "dumb")])
def test_a_quiet_command_and_a_dumb_terminal_show_nothing(
    quiet: bool, term: str, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    with redirect_stderr(terminal.stream), progress("reading the files", after_s=0.0, quiet=quiet):
        time.sleep(0.1)
    assert terminal.close() == ""


def test_an_error_ends_the_bar_and_is_raised(terminal: Terminal) -> None:
    bar = progress("reading the files", after_s=0.0)
    with redirect_stderr(terminal.stream), pytest.raises(ZeroDivisionError), bar:
        wait_for(lambda: "reading" in terminal.shown)
        _ = 1 / 0
    assert terminal.close().rstrip().endswith("\x1b[2K")


def test_items_pass_unchanged_and_are_counted() -> None:
    with progress("playing") as bar:
        assert list(bar.track(iter("abc"), total=3)) == ["a", "b", "c"]
