"""Models that a process keeps from one solve to the next, by their structure."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
CAPACITY = 16  # models a process; the one used longest ago is given up

_models: OrderedDict[Hashable, Any] = OrderedDict()
_lock = threading.Lock()


@contextmanager
def kept(key: Hashable, build: Callable[[], T]) -> Iterator[T]:
    """The model of this structure, for one use: what an earlier use left here, else built now.

    `key` names the solver and everything that `build` depends on; what differs between two solves (bounds, costs,
    right-hand sides) is set anew by every use. A cold process must give the same answer to the byte, so forget where
    the last solve ended before the next one begins (HiGHS: `clearSolver`): a basis left behind leads to another of
    several optima. Nobody else has the model meanwhile, and one whose use raised is given up.
    """
    with _lock:
        model = _models.pop(key, None)
    if model is None:
        model = build()
    yield model
    with _lock:
        _models[key] = model
        while len(_models) > CAPACITY:
            _models.popitem(last=False)
