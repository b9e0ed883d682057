"""Array types and the few operations on them that every part of the conditions uses."""

from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Truths = npt.NDArray[np.int8]
AnyArray = npt.NDArray[Any]

# Before and after every instant, and far enough from the edge of 64 bits that a duration may be added.
NEVER = -(2**62)
ALWAYS = 2**62

FALSE, UNKNOWN, TRUE = 0, 1, 2


def spread(start: Ints, count: Ints) -> tuple[Ints, Ints]:
    """The indices start[k] … start[k] + count[k] − 1 of every k, one after the other, and the k of each."""
    owner = np.repeat(np.arange(len(count)), count)
    index = np.arange(len(owner)) + np.repeat(start - (np.cumsum(count) - count), count)
    return index, owner


def distinct(values: AnyArray) -> Ints:
    """The values, ascending, each once. Sorting beats numpy's hashing here."""
    ordered = np.sort(values)
    if not len(ordered):
        return ordered.astype(np.int64)
    once: Ints = ordered[np.append(True, ordered[1:] != ordered[:-1])]
    return once


def grouped(keys: Ints) -> list[tuple[int, Ints]]:
    """Each distinct key with the places where it stands, both ascending."""
    if not len(keys):
        return []
    if keys[0] == keys[-1] and (keys == keys[0]).all():
        return [(int(keys[0]), np.arange(len(keys)))]
    order = np.argsort(keys, kind="stable")
    cuts = np.flatnonzero(np.diff(keys[order])) + 1
    return [(int(keys[part[0]]), part) for part in np.split(order, cuts)]


def lowest(count: int, owner: Ints, value: Ints) -> Ints:
    """The least value of each owner 0 … count − 1; ALWAYS for one without any. Owners come ascending."""
    out = np.full(count, ALWAYS)
    if len(owner):
        begins = np.flatnonzero(np.append(True, owner[1:] != owner[:-1]))
        out[owner[begins]] = np.minimum.reduceat(value, begins)
    return out
