"""One stream of log lines, with no secret in it."""

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from engine.settings import Settings, load_settings
from jobs.logs import HIDDEN, LibraryLines, Redactor, adopt, log_beside_a_command, secrets_of, set_up_logging

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """What a service sets up once and for all is taken back."""
    root, shown = logging.getLogger(), warnings.showwarning
    level, hooks = root.level, (sys.excepthook, threading.excepthook)
    yield
    sys.excepthook, threading.excepthook = hooks
    logging.captureWarnings(False)
    warnings.showwarning = shown
    root.setLevel(level)
    for handler in [one for one in root.handlers if isinstance(one, LibraryLines)]:
        root.removeHandler(handler)


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def chosen(tmp_path: Path, **more: Any) -> Settings:
    (tmp_path / "token").write_text("tok-7f3a9\n")
    (tmp_path / "mail").write_text("mail-pass\n")
    return load_settings(
        database_url="postgresql://consigne:db%2Fpass@db/consigne",
        broker_url="mqtt://consigne:brokerpass@broker:1883",
        http_token_file=tmp_path / "token",
        smtp_url="smtp://me@mail:25",
        smtp_from="a@b.fr",
        smtp_password_file=tmp_path / "mail",
        **more,
    )


SECRETS = ("db%2Fpass", "db/pass", "brokerpass", "tok-7f3a9", "mail-pass")


def test_no_secret_of_the_settings_is_ever_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = chosen(tmp_path)
    set_up_logging(settings)
    log = structlog.get_logger()
    said = "connecting to " + settings.database_url
    log.info(said, broker=settings.broker_url, nested={"urls": [settings.broker_url]})
    log.error("refused", header="Authorization: Bearer tok-7f3a9", object=Path("tok-7f3a9"), token=SECRETS[3])
    logging.getLogger("psycopg").error("connection failed: %s password=%s", settings.database_url, "mail-pass")
    try:
        raise ValueError(f"{settings.broker_url} does not answer; tried db/pass")
    except ValueError:
        log.exception("failed")
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 4
    assert [secret for secret in SECRETS if secret in said] == []
    assert "mqtt://consigne:***@broker:1883" in said


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="/@: \n"), min_size=4, max_size=20), st.text(max_size=30)
)
def test_a_known_secret_is_hidden_wherever_it_stands(secret: str, around: str) -> None:
    redact = Redactor([secret])
    event = {"event": f"{around}{secret}{around}", "list": [secret, {"deep": (secret,)}], "number": 5}
    said = redact(None, "info", event)
    assert secret not in str(said["event"]).replace(HIDDEN, "") or secret in f"{around}{HIDDEN}{around}"
    assert said["list"] == [HIDDEN, {"deep": [HIDDEN]}]
    assert said["number"] == 5


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql+psycopg://u:p@h/n", "postgresql+psycopg://u:***@h/n"),
        ("mqtts://u:p%40q@h:8883?version=5", "mqtts://u:***@h:8883?version=5"),
        ("Authorization: Bearer abcdefgh.ijk", "Authorization: Bearer ***"),
        ("password=abc, host=db", "password=***, host=db"),
        ("api_key: 12345 next", "api_key: *** next"),
        ("12:30 at mqtt://h:1883 by a@b.fr", "12:30 at mqtt://h:1883 by a@b.fr"),
        ("plan:lighting token bucket of 5", "plan:lighting token bucket of 5"),
    ],
)
def test_what_looks_like_a_secret_is_hidden_and_nothing_else(text: str, shown: str) -> None:
    assert Redactor().text(text) == shown


def test_secrets_are_found_where_the_settings_name_them(tmp_path: Path) -> None:
    assert secrets_of(chosen(tmp_path)) == {"db%2Fpass", "brokerpass", "tok-7f3a9", "mail-pass"}
    assert secrets_of(load_settings()) == set()


def test_lines_carry_the_run_they_belong_to(lines: Lines) -> None:
    set_up_logging(load_settings())
    with structlog.contextvars.bound_contextvars(job="plan-lighting", occurrence="2026-11-22", attempt=2):
        structlog.get_logger().info("solved", seconds=1.5)
        logging.getLogger("a.library.part").warning("missed by %s", "0:01")
    structlog.get_logger().info("after")
    solved, missed, after = lines()
    run = {"job": "plan-lighting", "occurrence": "2026-11-22", "attempt": 2}
    assert run.items() <= solved.items() and run.items() <= missed.items()
    assert not run.keys() & after.keys()
    assert (solved["event"], solved["level"], solved["seconds"]) == ("solved", "info", 1.5)
    assert solved["timestamp"].endswith("Z")
    assert (missed["event"], missed["level"], missed["logger"]) == (
        "missed by 0:01",
        "warning",
        "a.library.part",
    )


def test_libraries_speak_in_the_same_stream_from_warnings_on(lines: Lines) -> None:
    set_up_logging(load_settings())
    logging.getLogger("a.library").info("Started server process")
    logging.getLogger("distributed.worker").warning("lost %d", 3)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.warn("deprecated", UserWarning, stacklevel=1)
    said = lines()
    assert [one["logger"] for one in said] == ["distributed.worker", "py.warnings"]
    assert said[0]["event"] == "lost 3"
    set_up_logging(load_settings(log_level="DEBUG"))
    logging.getLogger("a.library").info("Started server process")
    assert [one["logger"] for one in lines()] == ["a.library"]  # once, though set up twice


def test_a_library_with_handlers_of_its_own_speaks_through_ours(lines: Lines) -> None:
    logger = logging.getLogger("stubborn.client")
    logger.addHandler(logging.StreamHandler(sys.stderr))
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        adopt("stubborn")  # nothing, where no log is set up
        assert logger.handlers
        set_up_logging(load_settings())
        adopt("stubborn")
        logger.warning("lost a worker")
        logger.info("not told")
        assert [(line["event"], line["logger"]) for line in lines()] == [("lost a worker", "stubborn.client")]
    finally:
        logger.handlers.clear()


def test_what_nobody_catches_is_a_line_too(lines: Lines) -> None:
    set_up_logging(load_settings())

    def fail() -> None:
        raise ValueError("mqtt://u:brokerpass@h is wrong")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    (line,) = lines()
    assert (line["event"], line["level"]) == ("uncaught", "critical")
    assert line["exception"][0]["exc_value"] == "mqtt://u:***@h is wrong"


def test_a_line_whose_format_does_not_fit_is_written_as_it_is(lines: Lines) -> None:
    set_up_logging(load_settings())
    LibraryLines().emit(logging.LogRecord("pymodbus", logging.ERROR, "", 1, "unit %d is silent", ("x",), None))
    assert [line["event"] for line in lines()] == ["unit %d is silent"]


@pytest.mark.parametrize(("theirs", "ours"), [(35, "warning"), (60, "critical"), (25, None)])
def test_levels_of_a_librarys_own_are_rounded_down(theirs: int, ours: str | None, lines: Lines) -> None:
    set_up_logging(load_settings())
    logging.getLogger("loud").log(theirs, "heard")
    assert [line["level"] for line in lines()] == ([ours] if ours else [])


def test_errors_are_structured_and_show_no_local_variables(lines: Lines) -> None:
    set_up_logging(load_settings())
    hidden_local = "never-shown"
    try:
        raise ValueError("wrong")
    except ValueError:
        structlog.get_logger().exception("failed")
    del hidden_local
    (line,) = lines()
    (told,) = line["exception"]
    assert (told["exc_type"], told["exc_value"]) == ("ValueError", "wrong")
    assert told["frames"][-1]["name"] == "test_errors_are_structured_and_show_no_local_variables"
    assert "never-shown" not in json.dumps(line)


@pytest.mark.parametrize(
    ("log_format", "terminal", "as_json"),
    [("auto", True, False), ("auto", False, True), ("json", True, True), ("console", False, False)],
)
def test_the_form_follows_the_setting_or_the_terminal(
    log_format: str, terminal: bool, as_json: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    set_up_logging(load_settings(log_format=log_format))
    structlog.get_logger().info("here", point="L-1/state")
    said = capsys.readouterr().err
    assert said.startswith("{") is as_json
    assert "L-1/state" in said


def test_a_command_warns_beside_its_answer_and_never_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    log_beside_a_command()
    structlog.get_logger().info("not told")
    structlog.get_logger().warning("equipment away", why="mqtt://u:p@h")
    said = capsys.readouterr()
    assert said.out == ""
    assert "equipment away" in said.err and "mqtt://u:***@h" in said.err and "not told" not in said.err


def test_lines_below_the_level_are_left_out(lines: Lines) -> None:
    set_up_logging(load_settings(log_level="WARNING"))
    structlog.get_logger().info("not told")
    structlog.get_logger().warning("told")
    assert [line["event"] for line in lines()] == ["told"]


def test_a_line_is_written_in_one_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of processes that write to one file, none puts its line between another's and its end."""
    pieces: list[str] = []

    class Pieces(io.StringIO):
        def write(self, piece: str) -> int:
            pieces.append(piece)
            return len(piece)

    monkeypatch.setattr(sys, "stderr", Pieces())
    set_up_logging(chosen(tmp_path))
    structlog.get_logger().warning("first")
    logging.getLogger("library").warning("second")
    assert [json.loads(piece)["event"] for piece in pieces] == ["first", "second"]
    assert all(piece.endswith("}\n") for piece in pieces)
