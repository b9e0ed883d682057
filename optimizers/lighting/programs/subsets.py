"""The best partition of a few profiles into at most K groups, from the costs of all their subsets.

A subset is a number whose bits are its members. Costs are superadditive: a program for a whole group serves each part
of it, so that c(A ∪ B) ≥ c(A) + c(B) for A and B apart.
"""

from functools import lru_cache

import numpy as np

from optimizers.arrays import Floats, Ints

_BLOCK = 2**22  # pairs weighed at a time, 32 MB


def members_of(subset: int) -> list[int]:
    return [member for member in range(subset.bit_length()) if subset >> member & 1]


@lru_cache(maxsize=16)
def _splits(n: int) -> tuple[Ints, Ints, Ints]:
    """Each subset of n members with each of its parts that holds its lowest member: (part, rest, first).

    `first` (2^n + 1,) says where the pairs of a subset begin; the empty subset has one, of two empty parts.
    """
    whole, part = np.zeros(1, np.int64), np.zeros(1, np.int64)
    for member in range(n - 1, -1, -1):
        bit = 1 << member
        # The new lowest member joins the part, or both: what was the part then is the rest.
        rest = (whole ^ part)[whole > 0]
        part = np.concatenate([part, part | bit, rest | bit])
        whole = np.concatenate([whole, whole | bit, whole[whole > 0] | bit])
    pairs = np.sort(whole << n | part)
    whole, part = pairs >> n, pairs & (1 << n) - 1
    return part, whole ^ part, np.searchsorted(whole, np.arange((1 << n) + 1))


def parts_of(subset: int) -> Ints:
    """All parts of a subset, ascending, the empty one first."""
    parts = np.zeros(1, np.int64)
    for member in members_of(subset):
        parts = np.concatenate([parts, parts | 1 << member])
    return parts


def best_partitions(cost: Floats, groups: int) -> list[list[int]]:
    """Parts, `groups` at most, of least total cost for each row of costs (B, 2^n) of subsets; cost of none is 0."""
    n = cost.shape[1].bit_length() - 1
    block = max(1, _BLOCK // 3**n)
    return [
        parts
        for start in range(0, len(cost), block)
        for parts in _best_partitions(cost[start : start + block], n, min(groups, n))
    ]


def _best_partitions(cost: Floats, n: int, groups: int) -> list[list[int]]:
    """A part taken holds the lowest member left, so that what is left after k parts holds none of the k lowest."""
    if groups == 1:
        return [[(1 << n) - 1]] * len(cost)
    tables = [np.ascontiguousarray(cost[:, :: 1 << groups - 1])]
    for taken in range(groups - 2, 0, -1):
        part, rest, first = _splits(n - taken)
        here = np.ascontiguousarray(cost[:, :: 1 << taken])
        tables.append(np.minimum.reduceat(here[:, part] + tables[-1][:, rest >> 1], first[:-1], axis=1))
    return [_parts(cost[row], [table[row] for table in reversed(tables)], n) for row in range(len(cost))]


def _parts(cost: Floats, tables: list[Floats], n: int) -> list[int]:
    """`tables[k]` (2^(n - k - 1),) is the least cost of what may be left after k + 1 parts."""
    chosen, left = [], (1 << n) - 1
    for taken, table in enumerate(tables):
        lowest = left & -left
        parts = parts_of(left ^ lowest) | lowest
        chosen.append(int(parts[np.argmin(cost[parts] + table[(left ^ parts) >> taken + 1])]))
        left ^= chosen[-1]
    return [subset for subset in [*chosen, left] if subset]
