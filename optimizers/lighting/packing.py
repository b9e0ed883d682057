"""A problem as bytes: what a worker on another machine solves, and what is kept to solve it again."""

import json
from collections.abc import Mapping
from dataclasses import fields
from io import BytesIO
from typing import Any

import numpy as np

from optimizers.lighting.parts import PARTS
from optimizers.lighting.problem import LightingProblem, PowerCurve

_APART = ("lamps", "curves", "slot_s", *PARTS)  # everything else is an array


def pack(problem: LightingProblem) -> bytes:
    """The same problem gives the same bytes, uncompressed. `unpack` gives it again, to the last bit."""
    curves = [[curve.name, curve.flux, curve.power] for curve in problem.curves]
    arrays = {one.name: getattr(problem, one.name) for one in fields(problem) if one.name not in _APART}
    parts, more = pack_parts(problem)
    head = json.dumps({"lamps": problem.lamps, "curves": curves, "slot_s": problem.slot_s, "parts": parts})
    block = BytesIO()
    np.savez(block, allow_pickle=False, head=np.frombuffer(head.encode(), np.uint8), **arrays, **more)
    return block.getvalue()


def unpack(block: bytes) -> LightingProblem:
    """Raises InvalidProblem for one that contradicts itself."""
    with np.load(BytesIO(block), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    head = json.loads(arrays.pop("head").tobytes())
    curves = tuple(PowerCurve(name, tuple(flux), tuple(power)) for name, flux, power in head["curves"])
    parts = unpack_parts(head.get("parts") or "{}", arrays)  # problems packed before there were any parts have none
    arrays = {name: array for name, array in arrays.items() if "." not in name}
    return LightingProblem(lamps=tuple(head["lamps"]), curves=curves, slot_s=head["slot_s"], **arrays, **parts)


def pack_parts(problem: LightingProblem) -> tuple[str, dict[str, np.ndarray]]:
    """What a problem asks beyond floors and steps: its plain values as JSON, and its arrays as `part.array`."""
    plain: dict[str, dict[str, Any]] = {}
    arrays: dict[str, np.ndarray] = {}
    for name, kind in PARTS.items():
        part = getattr(problem, name)
        if part is not None:
            arrays |= {f"{name}.{array}": getattr(part, array) for array in kind.arrays}
            plain[name] = {one.name: getattr(part, one.name) for one in fields(kind) if one.name not in kind.arrays}
    return json.dumps(plain), arrays


def unpack_parts(plain: str, arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The parts again, by their names in the problem."""
    return {name: _part(name, rest, arrays) for name, rest in json.loads(plain).items()}


def _part(name: str, rest: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Any:
    kind: Any = PARTS[name]
    plain = {key: tuple(value) if isinstance(value, list) else value for key, value in rest.items()}
    return kind(**plain, **{array: arrays[f"{name}.{array}"] for array in kind.arrays})
