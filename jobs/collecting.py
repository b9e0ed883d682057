"""What Prometheus reads of the database, whichever process wrote it, and of this one's parts: looked up when asked."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from engine.model import AlarmState, CommandState, Priority, Scope
from engine.ports import Clock
from engine.store import Unit
from engine.store.leases import Fences
from jobs.health import PARTS, Probe, Read, role_of
from jobs.vitals import Vitals

Sample = tuple[str, tuple[str, ...], float]
DAY = timedelta(days=1)
REMEMBERED = timedelta(days=62)
"""A job that had no run due for this long is no longer told of: it has left the schedule."""
_KEPT_S = 5.0
_UP = "consigne_database_up"
_OF_DATABASE: dict[str, tuple[str, tuple[str, ...]]] = {
    "consigne_cursor_behind_readings": ("Readings a cursor has not passed yet", ("cursor",)),
    "consigne_cursor_behind_zone_readings": ("The same of the zone that has most of them", ("cursor",)),
    "consigne_cursor_behind_seconds": ("Age of the oldest reading a cursor has not passed", ("cursor",)),
    "consigne_alarms": ("Alarms that stand", ("state", "priority")),
    "consigne_commands": ("Commands that are open, and those of the last day that have ended", ("state",)),
    "consigne_queue_age_seconds": ("How long the oldest queued command has been free to go", ()),
    "consigne_holds": ("Holds in force", ("scope",)),
    "consigne_lease_held": ("1 where this process holds the lease", ("role", "lease")),
    "consigne_lease_remaining_seconds": (
        "Until the lease runs out, whoever holds it; negative once it has",
        ("role", "lease"),
    ),
    "consigne_lease_fence": ("The fence under which the lease was last taken", ("role", "lease")),
    "consigne_job_runs": ("Runs that were due in the last day", ("job", "state")),
    "consigne_job_success_timestamp_seconds": ("When a job last succeeded", ("job",)),
    "consigne_job_late_seconds": ("How long after it was due the last run of a job began", ("job",)),
    "consigne_plan_made_timestamp_seconds": ("When the plan in force was made", ("domain",)),
    "consigne_plan_gap_ratio": ("Relative optimality gap of the plan in force", ("domain",)),
    "consigne_forecast_age_seconds": ("Age of the newest forecast of a source, by its time of issue", ("source",)),
    "consigne_messages_waiting": ("Messages to people that are not sent yet", ("state",)),
    "consigne_audit_unsealed_lines": ("Lines of the audit that no seal covers yet", ()),
}


class DatabaseCollector(Collector):
    """Gauges of the database, read in one transaction and kept for some seconds. It raises nothing when that is away,
    and waits `bound_s` when it hangs.

    `fences` are the leases this process holds now.
    """

    def __init__(
        self, read: Read, clock: Clock, fences: Callable[[], Fences] = dict,
        kept_s: float = _KEPT_S, timer: Callable[[], float] = time.monotonic, bound_s: float = _KEPT_S,
    ) -> None:  # fmt: skip
        self._probe, self._clock, self._fences = Probe(read, bound_s), clock, fences
        self._kept_s, self._timer = kept_s, timer
        self._lock = threading.Lock()
        self._read_at: float | None = None
        self._samples: list[Sample] | None = None

    def describe(self) -> Iterable[GaugeMetricFamily]:
        return _families([])

    def collect(self) -> Iterable[GaugeMetricFamily]:
        with self._lock:
            if self._read_at is None or self._timer() - self._read_at >= self._kept_s:
                self._samples = self._read()
                self._read_at = self._timer()
            samples = self._samples
        return _families([(_UP, (), 0.0)] if samples is None else [(_UP, (), 1.0), *samples])

    def _read(self) -> list[Sample] | None:
        _, samples = self._probe.ask(lambda unit: [*_samples(unit, self._clock.now(), self._fences())])
        return samples  # type: ignore[no-any-return] # as it was asked for


def _families(samples: Iterable[Sample]) -> list[GaugeMetricFamily]:
    families = {name: GaugeMetricFamily(name, what, labels=labels) for name, (what, labels) in _OF_DATABASE.items()}
    families[_UP] = GaugeMetricFamily(_UP, "1 where the database answers", labels=())
    for name, labels, value in samples:
        families[name].add_metric(labels, value)
    return list(families.values())


def _samples(unit: Unit, now: datetime, fences: Fences) -> Iterator[Sample]:
    yield from _lags(unit, now)
    yield from _control(unit, now)
    yield from _leases(unit, now, fences)
    yield from _runs(unit, now)
    yield from _plans(unit, now)
    for state, count in unit.gauges.messages().items():
        yield "consigne_messages_waiting", (state.value,), count
    yield "consigne_audit_unsealed_lines", (), unit.gauges.unsealed()


def _lags(unit: Unit, now: datetime) -> Iterator[Sample]:
    for cursor, lag in unit.gauges.lags().items():
        yield "consigne_cursor_behind_readings", (cursor,), lag.readings
        yield "consigne_cursor_behind_zone_readings", (cursor,), lag.zone_readings
        yield "consigne_cursor_behind_seconds", (cursor,), age_s(lag.oldest_at, now)


def _control(unit: Unit, now: datetime) -> Iterator[Sample]:
    alarms, commands, holds = unit.gauges.alarms(), unit.gauges.commands(now - DAY), unit.holds.active(now)
    for state in AlarmState:
        if state is not AlarmState.NORMAL:
            for priority in Priority:
                yield "consigne_alarms", (state.value, priority.value), alarms.get((state, priority.value), 0)
    for one in CommandState:
        yield "consigne_commands", (one.value,), commands.get(one, 0)
    yield "consigne_queue_age_seconds", (), age_s(unit.gauges.queued_since(now), now)
    for scope in Scope:
        yield "consigne_holds", (scope.value,), sum(hold.scope is scope for hold in holds)


def _leases(unit: Unit, now: datetime, fences: Fences) -> Iterator[Sample]:
    for lease in unit.leases.all():
        named = role_of(lease.name), lease.name
        yield "consigne_lease_held", named, fences.get(lease.name) == lease.fence
        yield "consigne_lease_remaining_seconds", named, (lease.until_at - now).total_seconds()
        yield "consigne_lease_fence", named, lease.fence


def _runs(unit: Unit, now: datetime) -> Iterator[Sample]:
    for (job, state), count in unit.gauges.runs(now - DAY).items():
        yield "consigne_job_runs", (job, state.value), count
    for job, figures in unit.gauges.jobs(now - REMEMBERED).items():
        yield "consigne_job_late_seconds", (job,), figures.late.total_seconds()
        if figures.succeeded_at is not None:
            yield "consigne_job_success_timestamp_seconds", (job,), figures.succeeded_at.timestamp()


def _plans(unit: Unit, now: datetime) -> Iterator[Sample]:
    for domain, plan in unit.gauges.plans().items():
        yield "consigne_plan_made_timestamp_seconds", (domain,), plan.made_at.timestamp()
        if plan.gap is not None:
            yield "consigne_plan_gap_ratio", (domain,), plan.gap
    for source, issued_at in unit.gauges.forecasts().items():
        yield "consigne_forecast_age_seconds", (source,), age_s(issued_at, now)


def age_s(at: datetime | None, now: datetime) -> float:
    """Seconds since an instant; 0 for none and for one to come."""
    return 0.0 if at is None else max((now - at).total_seconds(), 0.0)


class VitalsCollector(Collector):
    """The age of each part's last success and last sign of life."""

    def __init__(self, vitals: Vitals) -> None:
        self._vitals = vitals

    def describe(self) -> Iterable[GaugeMetricFamily]:
        return self._families()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        success, silent = self._families()
        signs = self._vitals.signs()
        roles = {role_of(name) for name in self._vitals.fences}
        ages = {part.name: self._vitals.leads_s for part in PARTS if part.role in roles}  # as long as it never was
        ages |= {part: sign.success_s for part, sign in signs.items() if sign.success_s is not None}
        for part, age_s in sorted(ages.items()):
            success.add_metric((part,), age_s)
        for part, sign in sorted(signs.items()):
            silent.add_metric((part,), sign.silent_s)
        return success, silent

    def _families(self) -> tuple[GaugeMetricFamily, GaugeMetricFamily]:
        success = "Since a part of this process last did its work, or since it was to"
        silent = "Since a part of this process last gave a sign of life"
        return (
            GaugeMetricFamily("consigne_part_success_age_seconds", success, labels=("part",)),
            GaugeMetricFamily("consigne_part_silent_seconds", silent, labels=("part",)),
        )
