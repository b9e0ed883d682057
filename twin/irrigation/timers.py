"""What waters green spaces where no plan does: clocks, clocks with a rain sensor, probes with a threshold.

They are what a plan is measured beside, so they are not made worse than they are: they know the pipes and the hours
that the plan knows, set minutes to the second, and share a pipe as closely as whoever comes first allows.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import numpy as np

from optimizers.arrays import Floats, Ints
from optimizers.irrigation.problem import Windows

NIGHTS = (0, 2, 4)
"""Monday, Wednesday and Friday: three a week."""
_LEAST_S = 1.0  # no clock is set to less


@dataclass(frozen=True, kw_only=True, eq=False)
class Evening:
    """What a controller may know in the evening.

    day                calendar day
    rain_mm            that fell in the last 24 h
    depletion_mm (n,)  by the probes, NaN where none says anything
    """

    day: date
    rain_mm: float
    depletion_mm: Floats


class Timer(Protocol):
    """Says (n,) gross depth in mm for the coming night."""

    def wanted_mm(self, evening: Evening) -> Floats: ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Clock:
    """So much in every month, on three nights of a week.

    gross_mm_day (12, n)   January first
    rain_switch_mm         of rain in a day, after which the night is left out and not made up for; None without sensor
    """

    gross_mm_day: Floats
    rain_switch_mm: float | None = None

    def wanted_mm(self, evening: Evening) -> Floats:
        depth: Floats = self.gross_mm_day[evening.day.month - 1]
        wet = self.rain_switch_mm is not None and evening.rain_mm >= self.rain_switch_mm
        if evening.day.weekday() not in NIGHTS or wet:
            return np.zeros_like(depth)
        return depth * 7 / len(NIGHTS)


def peak(gross_mm_day: Floats, rain_switch_mm: float | None = None) -> Clock:
    """A clock that is set once, for July."""
    return Clock(gross_mm_day=np.broadcast_to(gross_mm_day[6], gross_mm_day.shape), rain_switch_mm=rain_switch_mm)


@dataclass(frozen=True, kw_only=True, eq=False)
class Threshold:
    """Fill up to field capacity where the probe says that more is missing than `from_mm` (n,)."""

    from_mm: Floats
    uniformity: Floats

    def wanted_mm(self, evening: Evening) -> Floats:
        dry = np.nan_to_num(evening.depletion_mm) > self.from_mm
        return np.where(dry, np.nan_to_num(evening.depletion_mm) / self.uniformity, 0.0)


@dataclass(frozen=True, eq=False)
class Openings:
    """Of valves, each (m,): index of the hydrozone, seconds since the start of the plan."""

    opened: Ints
    start_s: Floats
    end_s: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Pipes:
    """n valves on N networks: network (n,) is an index, flow_m3_h (n,) of an open valve, capacity_m3_h (N,); cycle_s
    (n,) after which water would run off, soak_s (n,) until it is in the ground.
    """

    network: Ints
    flow_m3_h: Floats
    cycle_s: Floats
    soak_s: Floats
    capacity_m3_h: Floats


def opened_for(wanted_s: Floats, pipes: Pipes, windows: Windows) -> Openings:
    """Open each valve `wanted_s` (n,) in night 0, in equal pulses no longer than its cycle, each soaked in.

    Whoever has most pulses left goes first where the pipe takes it. What does not fit into the windows is not given.
    """
    rows: list[tuple[int, float, float]] = []
    for network, capacity in enumerate(pipes.capacity_m3_h):
        zones = np.flatnonzero((pipes.network == network) & (wanted_s >= _LEAST_S)).tolist()
        queue = [_Valve.of(z, float(wanted_s[z]), pipes, windows) for z in zones]
        rows += _shared(queue, float(capacity))
    rows.sort(key=lambda row: row[1])
    zone, start, end = ([row[k] for row in rows] for k in range(3))
    return Openings(np.array(zone, np.int64), np.array(start, float), np.array(end, float))


@dataclass
class _Valve:
    """A valve in the queue: pulses left, seconds of each, when the next may begin."""

    zone: int
    left: int
    pulse_s: float
    soak_s: float
    flow_m3_h: float
    spans: Sequence[tuple[float, float]]
    ready_s: float = 0.0

    @classmethod
    def of(cls, zone: int, wanted_s: float, pipes: Pipes, windows: Windows) -> "_Valve":
        pulses = int(np.ceil(wanted_s / pipes.cycle_s[zone] - 1e-9))
        flow, soak = float(pipes.flow_m3_h[zone]), float(pipes.soak_s[zone])
        return cls(zone, pulses, wanted_s / pulses, soak, flow, tuple(_spans(windows, zone)))

    def next_s(self, now_s: float) -> float:
        """The first instant from now on at which a whole pulse is allowed; infinity where there is none left."""
        earliest = max(self.ready_s, now_s)
        fits = (max(start, earliest) for start, end in self.spans if max(start, earliest) + self.pulse_s <= end)
        return next(fits, np.inf) if self.left else np.inf

    def opened(self, now_s: float) -> tuple[int, float, float]:
        end = now_s + self.pulse_s
        self.left, self.ready_s = self.left - 1, end + self.soak_s
        return self.zone, now_s, end


def _spans(windows: Windows, zone: int) -> Iterator[tuple[float, float]]:
    """Of night 0, stretches that touch as one."""
    spans: list[tuple[float, float]] = []
    for k in np.flatnonzero(windows.allowed[zone] & (windows.night == 0)).tolist():
        start, end = float(windows.start_s[k]), float(windows.end_s[k])
        if spans and spans[-1][1] == start:
            start = spans.pop()[0]
        spans.append((start, end))
    return iter(spans)


def _shared(queue: list[_Valve], capacity_m3_h: float) -> Iterator[tuple[int, float, float]]:
    """From one event to the next: a valve closes, or one may open."""
    now, room = 0.0, capacity_m3_h
    running: list[tuple[float, int, float]] = []
    while True:
        for valve in sorted(queue, key=lambda valve: (-valve.left, valve.zone)):
            if valve.next_s(now) == now and valve.flow_m3_h <= room + 1e-9:
                room -= valve.flow_m3_h
                row = valve.opened(now)
                heapq.heappush(running, (row[2], valve.zone, valve.flow_m3_h))
                yield row
        coming = min((valve.next_s(now) for valve in queue if valve.next_s(now) > now), default=np.inf)
        now = min(running[0][0] if running else np.inf, coming)
        if np.isinf(now):
            return
        while running and running[0][0] <= now:
            room += heapq.heappop(running)[2]


def most_at_once_m3_h(openings: Openings, flow_m3_h: Floats, network: Ints, networks: int) -> Floats:
    """(N,) greatest flow of each network at any instant; a valve that closes as another opens is closed."""
    events: defaultdict[int, list[tuple[float, int, float]]] = defaultdict(list)
    for z, start, end in zip(openings.opened.tolist(), openings.start_s, openings.end_s, strict=True):
        events[int(network[z])] += [(float(start), 1, float(flow_m3_h[z])), (float(end), 0, -float(flow_m3_h[z]))]
    most = np.zeros(networks)
    for n, changes in events.items():
        most[n] = np.cumsum([change for _, _, change in sorted(changes)]).max()
    return most
