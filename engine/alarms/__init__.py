"""Alarms after ISA-18.2 / IEC 62682: the life of one, moving it where several do, what many together amount to."""

from engine.alarms.machine import (
    LONGEST_SHELVING,
    Acknowledge,
    Clear,
    Elapse,
    Event,
    Raise,
    Reset,
    ReturnToService,
    Shelve,
    Step,
    Subject,
    Suppress,
    TakeOutOfService,
    Unshelve,
    Unsuppress,
    transition,
)
from engine.alarms.moving import Moved, current, move

__all__ = [
    "LONGEST_SHELVING",
    "Acknowledge",
    "Clear",
    "Elapse",
    "Event",
    "Moved",
    "Raise",
    "Reset",
    "ReturnToService",
    "Shelve",
    "Step",
    "Subject",
    "Suppress",
    "TakeOutOfService",
    "Unshelve",
    "Unsuppress",
    "current",
    "move",
    "transition",
]
