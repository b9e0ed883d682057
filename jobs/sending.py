"""The dispatcher of this process, as the settings say."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import cast

from engine.ports import Clock, DispatchUnit, Link
from engine.setpoints.conditions import Conditions
from engine.setpoints.dispatch import Dispatcher, DispatchPolicy
from engine.setpoints.points import PointInfo, Sample, Watch
from engine.settings import Settings
from engine.store import Store, Unit
from jobs.settling import conditions_of


def dispatcher_of(
    settings: Settings, store: Store, link: Link, clock: Clock, points: Mapping[str, PointInfo], owner: str
) -> Dispatcher:
    """`owner` is how histories name this process, and no other that sends at the same time."""
    policy = dispatch_policy(settings, owner)
    return Dispatcher(store.begin, link, clock, policy, points, conditions=_conditions, samples=_samples)


def dispatch_policy(settings: Settings, owner: str) -> DispatchPolicy:
    """How patient dispatch is."""
    return DispatchPolicy(
        owner=owner,
        lease=timedelta(seconds=settings.lease_s),
        ack_within=timedelta(seconds=settings.ack_within_s),
        max_attempts=settings.max_attempts,
        rate_per_gateway=settings.commands_per_second,
        rate_per_domain=settings.commands_per_second_domain,
        grace=timedelta(seconds=settings.grace_s),
        settle=timedelta(seconds=settings.settle_s),
    )


# Dispatch asks less of a transaction than the store has, whose it is.


def _conditions(unit: DispatchUnit, points: Collection[PointInfo], now: datetime) -> Conditions:
    return conditions_of(cast("Unit", unit), points, now)


def _samples(unit: DispatchUnit, watches: Collection[Watch]) -> Mapping[Watch, Sample]:
    return cast("Unit", unit).readings.samples(watches)
