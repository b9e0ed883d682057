"""A problem as bytes: what a worker on another machine solves, and what is kept to solve it again."""

import json
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
    parts: dict[str, dict[str, Any]] = {}
    for name, kind in PARTS.items():
        part = getattr(problem, name)
        if part is not None:
            arrays |= {f"{name}.{array}": getattr(part, array) for array in kind.arrays}
            parts[name] = {one.name: getattr(part, one.name) for one in fields(kind) if one.name not in kind.arrays}
    head = json.dumps({"lamps": problem.lamps, "curves": curves, "slot_s": problem.slot_s, "parts": parts})
    block = BytesIO()
    np.savez(block, allow_pickle=False, head=np.frombuffer(head.encode(), np.uint8), **arrays)
    return block.getvalue()


def unpack(block: bytes) -> LightingProblem:
    """Raises InvalidProblem for one that contradicts itself."""
    with np.load(BytesIO(block), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    head = json.loads(arrays.pop("head").tobytes())
    curves = tuple(PowerCurve(name, tuple(flux), tuple(power)) for name, flux, power in head["curves"])
    parts = {name: _part(name, rest, arrays) for name, rest in head["parts"].items()}
    return LightingProblem(lamps=tuple(head["lamps"]), curves=curves, slot_s=head["slot_s"], **arrays, **parts)


def _part(name: str, rest: dict[str, Any], arrays: dict[str, Any]) -> Any:
    """A part of the problem; its arrays are taken out of the others."""
    kind: Any = PARTS[name]
    plain = {key: tuple(value) if isinstance(value, list) else value for key, value in rest.items()}
    return kind(**plain, **{array: arrays.pop(f"{name}.{array}") for array in kind.arrays})
