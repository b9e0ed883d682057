"""A problem as bytes: what a worker on another machine solves, and what is kept to solve it again."""

from optimizers.energy.problem import PARTS, EnergyProblem
from optimizers.packed import pack_parts, packed, unpack_parts, unpacked


def pack(problem: EnergyProblem) -> bytes:
    """The same problem gives the same bytes, uncompressed. `unpack` gives it again, to the last bit."""
    return packed(*pack_parts(problem, PARTS))


def unpack(block: bytes) -> EnergyProblem:
    """Raises InvalidProblem for one that contradicts itself."""
    return EnergyProblem(**unpack_parts(*unpacked(block), PARTS))
