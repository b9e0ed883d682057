"""Arrays of the problems: their types, and how a frozen dataclass makes its fields read-only ones."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

Shapes = dict[str, tuple[type, tuple[int, ...]]]


def freeze(owner: object, shapes: Shapes) -> list[str]:
    """Make fields read-only arrays of a type and shape, broadcast where they are smaller; what is wrong with them.

    They are copies, but for arrays that are as they should be and that nobody can write any more.
    """
    problems = []
    for name, (kind, shape) in shapes.items():
        value = getattr(owner, name)
        if _frozen(value, kind, shape):
            continue
        try:
            array: npt.NDArray[Any] = np.array(value, kind)
            array = array if array.shape == shape else np.broadcast_to(array, shape)
        except (ValueError, TypeError, OverflowError) as error:
            problems.append(f"{name}: {error}; wants {kind.__name__} values of shape {shape}")
            continue
        array.flags.writeable = False
        object.__setattr__(owner, name, array)
    return problems


def _frozen(value: object, kind: type, shape: tuple[int, ...]) -> bool:
    if not isinstance(value, np.ndarray) or value.dtype != kind or value.shape != shape:
        return False
    return value.flags.owndata and not value.flags.writeable  # a view could be written by what it is a view of


def twice(kind: str, names: Iterable[str]) -> Iterator[str]:
    """Names of a kind of thing that stand more than once, each told as a problem."""
    for name, times in Counter(names).items():
        if times > 1:
            yield f"{kind} {name!r} stands {times} times, wants once"


def out_of_range(
    kind: str, names: Sequence[str], part: object, field_name: str, *,
    above: float | None = None, least: float = -np.inf, most: float = np.inf,
) -> Iterator[str]:  # fmt: skip
    """Values out of their range, a NaN among them, each told as a problem; of a row of values the first."""
    values: Floats = getattr(part, field_name)
    fits = ((values > above) if above is not None else (values >= least)) & (values <= most)
    wanted = f"more than {above:g}" if above is not None else f"{least:g} or more"
    upper = f", {most:g} at most" if np.isfinite(most) else ""
    for i in np.flatnonzero(~fits.all(axis=tuple(range(1, fits.ndim)))).tolist():
        row, fit = np.atleast_1d(values[i]), np.atleast_1d(fits[i])
        t = int(np.argmin(fit))
        slot = f" of slot {t}" if values.ndim > 1 else ""
        yield f"{kind} {names[i]!r}: {field_name}{slot} is {row[t]}, wants {wanted}{upper}"


def known_median(values: Floats, axis: int = 0) -> Floats:
    """Along an axis, the median of what is not NaN; NaN where nothing is."""
    known: Ints = np.isfinite(values).sum(axis=axis, keepdims=True)
    if not values.shape[axis]:
        return np.full(known.squeeze(axis).shape, np.nan)
    ordered = np.sort(np.where(np.isfinite(values), values, np.nan), axis=axis)  # NaN goes last
    low, high = np.maximum(known - 1, 0) // 2, known // 2
    pair = [np.take_along_axis(ordered, np.minimum(at, values.shape[axis] - 1), axis) for at in (low, high)]
    middle: Floats = ((pair[0] + pair[1]) / 2).squeeze(axis)
    return middle
