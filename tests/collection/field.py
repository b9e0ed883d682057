"""A little field of trucks and containers, and rounds for it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from engine.model import Asset, Command, Program
from engine.rounds import Doing, Line, Round
from twin.collection.containers import Bin, Containers, Dumped
from twin.collection.trucks import Truck
from twin.faults import Fault, Faults

START = datetime(2026, 9, 29, 2, 0, tzinfo=UTC)  # 04:00 in Paris
LEAVES = START + timedelta(hours=1)
DRIVE, SERVE = timedelta(minutes=10), timedelta(minutes=5)
NAMES = ("R-1", "R-2", "R-3")


def at(minutes: float) -> datetime:
    """Minutes after the truck leaves."""
    return LEAVES + timedelta(minutes=minutes)


def asset(name: str, kind: str, **attributes: Any) -> Asset:
    return Asset(name, kind, "Z-1", -0.66, 47.4, gateway=f"GW-{name}", attributes=attributes)


def bins(*, content_l: float = 2000.0, daily_l: float = 0.0) -> tuple[Bin, ...]:
    return tuple(Bin(name, 4000.0, content_l, daily_l, 100.0) for name in NAMES)


def containers(
    known: Sequence[Bin] | None = None,
    *,
    faults: Sequence[Fault] = (),
    dumped: Sequence[Dumped] = (),
    attributes: Mapping[str, Any] | None = None,
    seed: int = 1,
) -> Containers:
    assets = {name: asset(name, "WasteContainer", **(attributes or {})) for name in NAMES}
    return Containers(bins() if known is None else known, assets, dumped, Faults(faults), START, seed)


def truck(of: Containers, *, faults: Sequence[Fault] = (), pace: float = 1.0, capacity_kg: float = 9000.0) -> Truck:
    return Truck(asset("VH-1", "Vehicle", capacity_kg=capacity_kg), of, Faults(faults), START, pace)


def round_of(names: Sequence[str] = NAMES, *, plan: str = "p1", unload_after: int | None = None) -> Round:
    """Ten minutes to each stop, five there; unloading of ten minutes after so many stops, else after the last."""
    lines = [Line(doing=Doing.START, lon=-0.66, lat=47.4, arrive_at=LEAVES, begin_at=LEAVES, end_at=LEAVES)]
    after = len(names) if unload_after is None else unload_after
    for k, name in enumerate(names):
        lines.append(_next(lines[-1], Doing.STOP, name, number=k + 1, mass_kg=200.0))
        if k + 1 == after:
            lines.append(_next(lines[-1], Doing.UNLOAD, "DS-1"))
    lines.append(_next(lines[-1], Doing.END, ""))
    return Round(vehicle="VH-1", day=date(2026, 9, 29), plan=plan, lines=tuple(lines))


def _next(before: Line, doing: Doing, name: str, **told: Any) -> Line:
    arrive = before.end_at + DRIVE
    ends = arrive + {Doing.STOP: SERVE, Doing.UNLOAD: DRIVE, Doing.END: timedelta(0)}[doing]
    return Line(
        doing=doing,
        asset=name,
        lon=before.lon + 0.01 if doing is not Doing.END else -0.66,
        lat=47.4,
        arrive_at=arrive,
        begin_at=arrive,
        end_at=ends,
        drive_s=DRIVE.total_seconds(),
        distance_m=4000.0,
        **told,
    )


def program_of(found: Round) -> Program:
    """Each stop's number from when the truck is to be under way to it."""
    steps = [(START, 0.0)]
    for before, line in zip(found.lines, found.lines[1:], strict=False):
        if line.doing is Doing.STOP:
            steps.append((before.end_at, float(line.number)))
    return Program(tuple(steps), found.end_at + timedelta(hours=2))


def told(to: Truck, program: Program, seq: int, when: datetime) -> Command:
    return Command(f"c-{seq}", to.point, to.gateway, seq, program, when, when + timedelta(hours=12))


def start(to: Truck, found: Round, when: datetime = START) -> None:
    """The tablet has the round, the point its program."""
    to.take_round(found, when)
    to.obey(told(to, program_of(found), 1, when), when)
