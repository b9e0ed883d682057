"""Arrays of the problems: their types, and how a frozen dataclass makes its fields read-only ones."""

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
