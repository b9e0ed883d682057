"""What goes into a lane, and what comes out of it, as columns."""

from dataclasses import dataclass

from engine.rulebook.conditions.arrays import Floats, Ints

# The order of what happens at one instant of a group.
BIRTH, ZONE_DELAY, DELAY, EXPIRY, MESSAGE = range(5)

# What a turn says: the latch fell, rose, was renewed; or the truth an own part took.
FALL, RISE, RENEWAL, PART = 0, 1, 2, 3


@dataclass(slots=True)
class Rows:
    """Readings in order of subject, then arrival: `e` is the instant each is evaluated at, `message` its number."""

    subject: Ints
    series: Ints
    at: Ints
    value: Ints
    e: Ints
    message: Ints


@dataclass(slots=True)
class Turns:
    """What turned: which instance, when, in which phase and message; what (see FALL …), since when its run went.

    `cause_at` and `cause_value` (n, K) are the newest samples of its item's properties; `value` what its want works
    out (NaN: nothing).
    """

    instance: Ints
    t: Ints
    phase: Ints
    message: Ints
    what: Ints
    since: Ints
    cause_at: Ints
    cause_value: Ints
    value: Floats

    def __len__(self) -> int:
        return len(self.instance)
