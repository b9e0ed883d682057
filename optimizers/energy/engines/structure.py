"""What stays of a program where prices, loads and states differ."""

import hashlib

import numpy as np

from optimizers.energy.linear import Linear


def structure(linear: Linear) -> str:
    """Of its matrix, what is whole, which bounds there are, and which kinds of columns cost anything."""
    digest = hashlib.blake2b(digest_size=16)
    for part in (
        linear.start, linear.index, linear.value, linear.whole, np.isfinite(linear.row_lower),
        np.isfinite(linear.row_upper), linear.row_lower == linear.row_upper,
    ):  # fmt: skip
        digest.update(np.ascontiguousarray(part).tobytes())
    paid = [bool(linear.cost[block.first : block.first + block.size].any()) for block in linear.columns]
    digest.update(repr((linear.columns, linear.rows, paid)).encode())
    return digest.hexdigest()
