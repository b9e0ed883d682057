"""What the field, people and authorities say of points at an instant, beside what everybody wants of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from engine.model import Hold, Scope
from engine.setpoints.points import Interlock, PointInfo, Sample, Watch


@dataclass(frozen=True)
class Conditions:
    """The newest reading of every watch that has one, and the holds in force. `unkept`: (version, point) of what a plan
    asks → the orders that it does not keep there, which it has told: they bind others, not it.
    """

    samples: Mapping[Watch, Sample] = field(default_factory=dict)
    holds: tuple[Hold, ...] = ()
    unkept: Mapping[tuple[str, str], Collection[str]] = field(default_factory=dict)

    def locked_out(self, point: PointInfo) -> bool:
        """Whether somebody may have his hands in it: nothing may be sent, whoever wants it.

        The last word of the field stands, however old: silence does not say that he has gone.
        """
        sample = self.samples.get(point.lockout.watch) if point.lockout else None
        return sample is not None and point.lockout is not None and sample.value == point.lockout.value

    def broken(self, point: PointInfo, now: datetime) -> list[Interlock]:
        """The interlocks of a point that do not hold, or of which nothing is known."""
        return [lock for lock in point.interlocks if not self._holds(lock, now)]

    def held(self, point: PointInfo, now: datetime) -> Hold | None:
        """The hold that stops the automation of a point; of several the one that lasts longest."""
        named = ((Scope.DOMAIN, point.domain), (Scope.ZONE, point.zone), (Scope.POINT, point.id))
        found = [hold for name in named for hold in self._holds_of.get(name, ()) if hold.active(now)]
        return max(found, key=lambda hold: hold.until_at, default=None)

    def _holds(self, lock: Interlock, now: datetime) -> bool:
        sample = self.samples.get(lock.watch)
        if sample is None or now - sample.observed_at > lock.watch.stale_after:
            return False
        return lock.at_least <= sample.value <= lock.at_most

    @cached_property
    def _holds_of(self) -> dict[tuple[Scope, str], list[Hold]]:
        found: dict[tuple[Scope, str], list[Hold]] = {}
        for hold in self.holds:
            found.setdefault((hold.scope, hold.subject), []).append(hold)
        return found


NOTHING_KNOWN = Conditions()
