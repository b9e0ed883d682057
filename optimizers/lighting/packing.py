"""A problem as bytes: what a worker on another machine solves, and what is kept to solve it again."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from optimizers import packed
from optimizers.lighting.parts import PARTS
from optimizers.lighting.problem import LightingProblem, PowerCurve

_APART = ("lamps", "curves", "slot_s", *PARTS)  # everything else is an array


def pack(problem: LightingProblem) -> bytes:
    """The same problem gives the same bytes, uncompressed. `unpack` gives it again, to the last bit."""
    curves = [[curve.name, curve.flux, curve.power] for curve in problem.curves]
    arrays = {one.name: getattr(problem, one.name) for one in fields(problem) if one.name not in _APART}
    parts, more = pack_parts(problem)
    head = {"lamps": problem.lamps, "curves": curves, "slot_s": problem.slot_s, "parts": parts}
    return packed.packed(head, arrays | more)


def unpack(block: bytes) -> LightingProblem:
    """Raises InvalidProblem for one that contradicts itself."""
    head, arrays = packed.unpacked(block)
    curves = tuple(PowerCurve(name, tuple(flux), tuple(power)) for name, flux, power in head["curves"])
    parts = unpack_parts(head.get("parts") or "{}", arrays)  # problems packed before there were any parts have none
    plain: dict[str, Any] = {name: array for name, array in arrays.items() if "." not in name}
    return LightingProblem(lamps=tuple(head["lamps"]), curves=curves, slot_s=head["slot_s"], **plain, **parts)


def pack_parts(problem: LightingProblem) -> tuple[str, dict[str, np.ndarray]]:
    """What a problem asks beyond floors and steps: its plain values as JSON, and its arrays as `part.array`."""
    return packed.pack_parts(problem, PARTS)


def unpack_parts(plain: str, arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The parts again, by their names in the problem."""
    return packed.unpack_parts(plain, arrays, PARTS)
