"""The log: one stream of structured lines on standard error, ours and the libraries', with no secret in it."""

import logging
import re
import sys
import threading
from collections.abc import Collection, Mapping, MutableMapping
from types import TracebackType
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import Processor

from engine.equipment.connections import first_line
from engine.settings import Settings

HIDDEN = "***"
_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://[^\s:/@]*):[^\s@/]+@", re.IGNORECASE)
_BEARER = re.compile(r"\b(?P<kind>bearer|basic)\s+[\w~+/.=-]{8,}", re.IGNORECASE)
_FIELD = re.compile(
    r"\b(?P<name>password|passwd|pwd|token|secret|api_?key)(?P<sign>\s*[=:]\s*)[^\s,;&'\"]+", re.IGNORECASE
)
_NAMES = re.compile(r"password|passwd|token|secret|authorization|api_?key|credential", re.IGNORECASE)
_SHORTEST = 4  # a shorter secret would hide half of what is said


def set_up_logging(settings: Settings) -> None:
    """Log lines to standard error: JSON, or for people where the setting says so or a terminal reads them.

    Lines of libraries below WARNING are left out unless the level is DEBUG.
    """
    level = logging.getLevelNamesMapping()[settings.log_level]
    for_people = settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
    _configure(level, Redactor(secrets_of(settings)), for_people=for_people)
    root, of_libraries = logging.getLogger(), level if level <= logging.DEBUG else max(level, logging.WARNING)
    for handler in [one for one in root.handlers if isinstance(one, LibraryLines)]:
        root.removeHandler(handler)
    root.addHandler(LibraryLines(of_libraries))
    root.setLevel(of_libraries)
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = lambda of: _uncaught(of.exc_type, of.exc_value or of.exc_type(), of.exc_traceback)


def log_beside_a_command() -> None:
    """What a command has to say besides its answer: warnings, for people, and never on standard output."""
    _configure(logging.WARNING, Redactor(), for_people=True)


def _configure(level: int, redact: Processor, *, for_people: bool) -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *_endings(redact, for_people=for_people),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),  # a line in one piece: several may write to one file
    )


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, Exception):
        structlog.get_logger().critical("uncaught", exc_info=(kind, error, trace))
    else:
        sys.__excepthook__(kind, error, trace)


def adopt(*libraries: str) -> None:
    """Have libraries that give themselves handlers on import speak through ours, where a log is set up."""
    if any(isinstance(one, LibraryLines) for one in logging.getLogger().handlers):
        names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in libraries]
        for logger in map(logging.getLogger, names):
            logger.handlers.clear()
            logger.propagate = True


def _endings(redact: Processor, *, for_people: bool) -> tuple[Processor, ...]:
    """How an error and the line itself are written, secrets taken out in between. Local variables are never shown."""
    if for_people:
        plain = structlog.processors.format_exc_info
        return (
            plain,
            redact,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        )
    structured = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
    return structured, redact, structlog.processors.JSONRenderer(default=str)


class LibraryLines(logging.Handler):
    """What libraries write through the standard library goes the way of our own lines, and names its logger."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            said = record.getMessage()
        except (TypeError, ValueError):  # a library's format does not fit its arguments
            said = str(record.msg)
        extra = {"exc_info": record.exc_info} if record.exc_info else {}
        level = min(max(record.levelno // 10 * 10, logging.DEBUG), logging.CRITICAL)  # levels of their own have no name
        structlog.get_logger().log(level, said, logger=record.name, **extra)


class Redactor:
    """A processor that hides secrets: passwords in URLs, bearer tokens, values named like secrets, and those given."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        known = {form for secret in secrets for form in (secret, quote(secret, safe=""), unquote(secret))}
        longest = sorted((one for one in known if len(one) >= _SHORTEST), key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest))) if longest else None

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        return {name: self._value(name, value) for name, value in event.items()}

    def text(self, text: str) -> str:
        """The text without what must not be read."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        text = _URL.sub(rf"\g<scheme>:{HIDDEN}@", text)
        text = _BEARER.sub(rf"\g<kind> {HIDDEN}", text)
        return _FIELD.sub(rf"\g<name>\g<sign>{HIDDEN}", text)

    def _value(self, name: str, value: Any) -> Any:
        if value is None or isinstance(value, bool | int | float):
            return value
        if _NAMES.search(name):
            return HIDDEN
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self._value(str(key), one) for key, one in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value("", one) for one in value]
        return self.text(str(value))


def secrets_of(settings: Settings) -> set[str]:
    """Every password and token the settings name, in themselves or in a file."""
    urls = (settings.database_url, settings.broker_url)
    files = (settings.broker_password_file, settings.http_token_file, settings.smtp_password_file)
    found = {urlsplit(url).password for url in urls} | {first_line(file) for file in files if file is not None}
    return {secret for secret in found if secret}
