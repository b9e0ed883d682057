"""Sharing a whole number among weights."""

from collections.abc import Sequence


def apportion(total: int, weights: Sequence[int], at_least: int = 0) -> list[int]:
    """Shares of `total` in proportion to whole `weights`, by largest remainder (Hamilton); ties go to the first.

    Shares add up to `total`, and each is `at_least` or more. Raises ValueError where that cannot be.
    """
    if not weights or min(weights) < 0 or total < at_least * len(weights) or sum(weights) == 0 < total:
        raise ValueError(f"cannot share {total} by {list(weights)} with at least {at_least} each")
    shares = _hamilton(total, weights)
    low = [share < at_least for share in shares]
    while any(share < at_least for share in shares):
        low = [was or share < at_least for was, share in zip(low, shares, strict=True)]
        rest = _hamilton(
            total - at_least * sum(low), [0 if is_low else w for is_low, w in zip(low, weights, strict=True)]
        )
        shares = [at_least if is_low else share for is_low, share in zip(low, rest, strict=True)]
    return shares


def _hamilton(total: int, weights: Sequence[int]) -> list[int]:
    whole = sum(weights)
    if whole == 0:
        return [0] * len(weights)
    parts = [divmod(total * weight, whole) for weight in weights]
    shares = [quotient for quotient, _ in parts]
    by_remainder = sorted(range(len(parts)), key=lambda k: (-parts[k][1], k))
    for k in by_remainder[: total - sum(shares)]:
        shares[k] += 1
    return shares
