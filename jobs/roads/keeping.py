"""A road network kept as one file in the data folder."""

import json
import zipfile
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import InputError, Problem
from engine.settings import Settings
from optimizers.result import InvalidProblem
from optimizers.roads import CLASSES, RoadGraph

VERSION = 1
"""Of the file's layout: another one is read by nobody but who wrote it."""

_ABOUT = ("origin", "licence", "approximate")


def kept_file(settings: Settings) -> Path:
    return settings.data_dir / "roads" / "roads.npz"


def keep(graph: RoadGraph, path: Path) -> None:
    """Write a network, whole or not at all. Raises InputError where that cannot be done."""
    about = {"version": VERSION, "classes": CLASSES} | {name: getattr(graph, name) for name in _ABOUT}
    arrays: dict[str, Any] = {one.name: getattr(graph, one.name) for one in fields(graph) if one.name not in _ABOUT}
    draft = path.with_name(f".{path.name}.draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as file:
            np.savez_compressed(file, about=np.array(json.dumps(about)), **arrays)
        draft.replace(path)
    except OSError as error:
        raise InputError([Problem(str(path), 0, 0, f"cannot be written: {error.strerror}", "check the path")]) from None


def kept(path: Path) -> RoadGraph:
    """A network that `keep` wrote. Raises InputError for a file that is none."""
    hint = "import the extract again: consigne roads import FILE.osm.pbf"
    try:
        with np.load(path, allow_pickle=False) as file:
            about = json.loads(str(file["about"]))
            if (found := about.get("version")) != VERSION or tuple(about["classes"]) != CLASSES:
                raise InputError([Problem(str(path), 0, 0, f"is of version {found}, wants {VERSION}", hint)])
            arrays = {one.name: file[one.name] for one in fields(RoadGraph) if one.name not in _ABOUT}
            return RoadGraph(**arrays, **{name: about[name] for name in _ABOUT if name in about})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, InvalidProblem) as error:
        raise InputError([Problem(str(path), 0, 0, f"is no road network of ours: {error}", hint)]) from None


def kept_roads(settings: Settings) -> RoadGraph | None:
    """The network in the data folder; None where nothing was imported. Raises InputError for a file that is none."""
    path = kept_file(settings)
    return _read(path, path.stat().st_mtime_ns) if path.is_file() else None


@lru_cache(maxsize=1)
def _read(path: Path, _written_ns: int) -> RoadGraph:
    return kept(path)
