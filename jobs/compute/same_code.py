"""Whether two processes run the same code: what is equal here gives equal plans there."""

import hashlib
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

_OURS = ("engine", "optimizers", "jobs")
_LIBRARIES = ("numpy", "scipy", "highspy", "ortools", "pulp", "pyomo")


@cache
def versions() -> dict[str, str]:
    """Of consigne, by its source, of Python and of every library that a plan comes from."""
    found = {"consigne": f"{_version('consigne')} (source {_digest()})"}
    found["python"] = ".".join(platform.python_version_tuple()[:2])
    return found | {library: _version(library) for library in _LIBRARIES}


def differences(theirs: dict[str, str]) -> str:
    """What is not as here, by name, in one line; empty where all is."""
    ours = versions()
    unequal = [name for name in ours if theirs.get(name) != ours[name]]
    return ", ".join(f"{name} {theirs.get(name, 'missing')} there and {ours[name]} here" for name in unequal)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _digest() -> str:
    digest = hashlib.sha256()
    for package in _OURS:
        spec = find_spec(package)
        for folder in map(Path, (spec and spec.submodule_search_locations) or ()):
            for file in sorted(folder.rglob("*.py")):
                digest.update(f"{package}/{file.relative_to(folder).as_posix()}\0".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
