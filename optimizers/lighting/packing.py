"""A problem as bytes: what a worker on another machine solves, and what is kept to solve it again."""

import json
from dataclasses import fields
from io import BytesIO

import numpy as np

from optimizers.lighting.problem import LightingProblem, PowerCurve

_APART = ("lamps", "curves", "slot_s")  # everything else is an array


def pack(problem: LightingProblem) -> bytes:
    """The same problem gives the same bytes, uncompressed. `unpack` gives it again, to the last bit."""
    curves = [[curve.name, curve.flux, curve.power] for curve in problem.curves]
    head = json.dumps({"lamps": problem.lamps, "curves": curves, "slot_s": problem.slot_s})
    arrays = {one.name: getattr(problem, one.name) for one in fields(problem) if one.name not in _APART}
    block = BytesIO()
    np.savez(block, allow_pickle=False, head=np.frombuffer(head.encode(), np.uint8), **arrays)
    return block.getvalue()


def unpack(block: bytes) -> LightingProblem:
    """Raises InvalidProblem for one that contradicts itself."""
    with np.load(BytesIO(block), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    head = json.loads(arrays.pop("head").tobytes())
    curves = tuple(PowerCurve(name, tuple(flux), tuple(power)) for name, flux, power in head["curves"])
    return LightingProblem(lamps=tuple(head["lamps"]), curves=curves, slot_s=head["slot_s"], **arrays)
