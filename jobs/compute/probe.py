"""Whether an engine answers."""

import platform
from contextlib import closing
from typing import TYPE_CHECKING

from engine.errors import Unavailable
from jobs.compute.choosing import compute_of
from optimizers.result import Limits

if TYPE_CHECKING:
    from engine.settings import Settings

_WITHIN = Limits(seconds=10)


def probe(settings: "Settings") -> str:
    """The engine of the settings, and where it did a task that does nothing. Raises Unavailable with what is wrong."""
    with closing(compute_of(settings)) as engine:
        (outcome,) = engine.map(where, [None], _WITHIN)
    if outcome.fault is not None:
        raise Unavailable(f"{settings.compute}: {outcome.fault}")
    return f"{settings.compute} answers on {outcome.value}"


def where(_item: None, _limits: Limits) -> str:
    """The name of the machine that this is done on."""
    return platform.node()
