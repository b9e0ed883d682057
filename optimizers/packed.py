"""Problems as bytes: what a worker on another machine solves, and what is kept to solve it again."""

import json
from collections.abc import Mapping
from dataclasses import fields
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]
Kinds = Mapping[str, Any]
"""The parts that a problem may have: by their field, the dataclass, whose `arrays` names those of its fields."""


def packed(head: Any, arrays: Arrays) -> bytes:
    """Plain values and arrays as one block, the same ones as the same bytes, uncompressed."""
    block = BytesIO()
    # How an array lies in memory is no part of it, and would be kept.
    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    np.savez(block, allow_pickle=False, head=np.frombuffer(json.dumps(head).encode(), np.uint8), **arrays)
    return block.getvalue()


def unpacked(block: bytes) -> tuple[Any, Arrays]:
    """What was packed: plain values, and arrays to the last bit."""
    with np.load(BytesIO(block), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    return json.loads(arrays.pop("head").tobytes()), arrays


def pack_parts(problem: Any, kinds: Kinds) -> tuple[str, Arrays]:
    """The parts that a problem has: their plain values as JSON, and their arrays as `part.array`."""
    plain: dict[str, dict[str, Any]] = {}
    arrays: Arrays = {}
    for name, kind in kinds.items():
        part = getattr(problem, name)
        if part is not None:
            arrays |= {f"{name}.{array}": getattr(part, array) for array in kind.arrays}
            plain[name] = {one.name: getattr(part, one.name) for one in fields(kind) if one.name not in kind.arrays}
    return json.dumps(plain), arrays


def unpack_parts(plain: str, arrays: Mapping[str, npt.NDArray[Any]], kinds: Kinds) -> dict[str, Any]:
    """The parts again, by their names in the problem."""
    return {name: _part(name, rest, arrays, kinds[name]) for name, rest in json.loads(plain).items()}


def _part(name: str, rest: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]], kind: Any) -> Any:
    plain = {key: tuple(value) if isinstance(value, list) else value for key, value in rest.items()}
    return kind(**plain, **{array: arrays[f"{name}.{array}"] for array in kind.arrays})
