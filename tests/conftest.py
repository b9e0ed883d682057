"""Fixtures every room shares. An absent service skips its tests, unless CONSIGNE_REQUIRE_SERVICES=1."""

import logging
import os
import shutil
import signal
import socket
import sys
import threading
import uuid
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest
import structlog
from hypothesis import HealthCheck, settings
from sqlalchemy import make_url

from engine.catalogue import Catalogue, load_catalogue
from engine.store import Store
from jobs.starting import importing
from tests.pki import Pki, make_pki

ROOT = Path(__file__).resolve().parent.parent

settings.register_profile("consigne", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.load_profile("consigne")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Tests are found, and all that they import, as a command begins."""
    with importing():
        return (yield)


def absent(what: str) -> NoReturn:
    """Skip, or fail where the service is required (continuous integration)."""
    if os.environ.get("CONSIGNE_REQUIRE_SERVICES") == "1":
        pytest.fail(f"{what} is required here and does not answer")
    pytest.skip(f"{what} does not answer")


def of_the_process() -> dict[str, object]:
    """What all tests of a process share and any of them could change."""
    root = logging.getLogger()
    return {
        "environment": {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"},
        "folder": Path.cwd(),
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)],
        "hooks": (sys.excepthook, threading.excepthook, warnings.showwarning),
        "log": (root.level, [one for one in root.handlers if not type(one).__module__.startswith("_pytest")]),
        "modules looked for in": sys.path.copy(),
    }


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """A test that changes what others of its process share fails.

    Our log is put back for it: a command sets it up, on what stands for standard error in its test and is closed then.
    """
    before = of_the_process()
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    assert of_the_process() == before


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue(ROOT / "datasets" / "reference" / "catalogue.yaml")


@pytest.fixture(scope="session")
def reference() -> Path:
    """The public reference data, which is not part of the project."""
    folder = Path(os.environ.get("CONSIGNE_REFERENCE", ROOT.parent / "shared" / "reference"))
    if not folder.is_dir():
        pytest.skip(f"reference data not at {folder}; name its folder in CONSIGNE_REFERENCE")
    return folder


@contextmanager
def postgres_database(template: str = "template1") -> Iterator[str]:
    """A copy of a database on the server named by CONSIGNE_TEST_POSTGRES, dropped afterwards.

    Its commits do not wait for the disk: no test cuts the server's power.
    """
    server = os.environ.get("CONSIGNE_TEST_POSTGRES", "postgresql://127.0.0.1:5432/postgres?user=root")
    name = f"consigne_{uuid.uuid4().hex[:12]}"
    try:
        connection = psycopg.connect(server, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        absent("PostgreSQL")
    with connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
            base, _, query = server.partition("?")
            yield f"{base.rsplit('/', 1)[0]}/{name}?{query}".replace("postgresql://", "postgresql+psycopg://")
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def postgres_copy(url: str) -> AbstractContextManager[str]:
    """A database that holds what another does, to which nobody is connected."""
    template = make_url(url).database
    assert template is not None
    return postgres_database(template)


def migrate(url: str) -> None:
    with closing(Store.open(url, create=True)) as store:
        store.upgrade()


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """A fresh, empty database."""
    with postgres_database() as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of SQLite with our schema and nothing in it, for tests to copy: a migration takes longer than most."""
    path = tmp_path_factory.mktemp("template") / "consigne.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template() -> Iterator[str]:
    """The same on PostgreSQL."""
    with postgres_database() as url:
        migrate(url)
        yield url


BOTH = pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: Path) -> Iterator[str]:
    """A copy of the template. SQLite, but for a test that is marked BOTH."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield f"sqlite:///{shutil.copy(sqlite_template, tmp_path)}"
        return
    with postgres_copy(request.getfixturevalue("postgres_template")) as url:
        yield url


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with closing(Store.open(database_url)) as opened:
        yield opened


@pytest.fixture(scope="session")
def mosquitto() -> str:
    """The mosquitto program."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        absent("Mosquitto")
    return found


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """An authority of our own, a server and a client it vouches for."""
    return make_pki(tmp_path_factory.mktemp("pki"))


PORTS = range(20_000, 32_000)
"""None that a system gives to whoever asks for any, or speaks from: a server may be away from its own and come back."""


@pytest.fixture(scope="session")
def free_port() -> Iterator[Callable[[], int]]:
    """A function that names a TCP port on loopback which nobody holds, and which no other test is given meanwhile.

    The UDP port of the same number is held for it, as a mark that other processes of tests see and that dies with us.
    """
    marks: list[socket.socket] = []

    def take() -> int:
        for port in PORTS:
            mark = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                mark.bind(("127.0.0.1", port))
                with socket.socket() as candidate:
                    candidate.bind(("127.0.0.1", port))
            except OSError:
                mark.close()
                continue
            marks.append(mark)
            return port
        raise AssertionError("no port is free")

    yield take
    for mark in marks:
        mark.close()
