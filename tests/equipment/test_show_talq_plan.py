"""A plan of the sample territory goes out to a TALQ gateway, night after night, and comes back as it was meant.

`.venv/bin/pytest -s tests/equipment/test_show_talq_plan.py` prints the table.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid5

import numpy as np
import polars as pl
import pytest

from engine.catalogue import load_catalogue
from engine.equipment.connections import Room, Site
from engine.equipment.talq import TalqLink
from engine.equipment.talq_programs import Limits, calendar_of
from engine.instants import PARIS, noon, to_us
from engine.inventory.territory import load_territory
from engine.model import AckStatus, Asset, Command, Level, Program
from jobs.lighting import LightingTask, body, build_problem, load_tables, to_setpoints
from jobs.lighting.holders import Keepers
from jobs.lighting.night import SLOT
from optimizers.lighting import LightingPlan, check, solve
from tests.equipment.peers.talq import TalqPeer
from tests.equipment.peers.talq_schema import Standard
from tests.equipment.test_talq_programs import in_action
from twin.traffic import made_counts

DATASETS = Path(__file__).resolve().parents[2] / "datasets"
TABLES = load_tables(DATASETS / "reference" / "lighting.yaml")
SERVICE = {"maximumPrograms": 24, "maxSwitchPointsPerProgram": 9}
NIGHTS = {
    "clocks go forward": (date(2026, 3, 27), date(2026, 3, 28)),
    "clocks go back": (date(2026, 10, 23), date(2026, 10, 24)),
}
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def address(lamp: str) -> str:
    """Of its lamp function, at the gateway."""
    return f"{uuid5(UUID(int=7), lamp)}/lamp"


@dataclass
class Town:
    """The sample's lamps behind one gateway."""

    lamps: Sequence[Asset]
    counters: Sequence[Asset]
    peer: TalqPeer
    link: TalqLink
    room: Room
    limits: Limits
    told: dict[str, Program] = field(default_factory=dict)

    def planned(self, day: date) -> tuple[LightingTask, LightingPlan]:
        """The night that begins at a noon, from four weeks of made counts."""
        start = noon(day)
        counts = made_counts(self.counters, start - 28 * DAY, 28, 1).filter(pl.col("observed_at") < to_us(start))
        keepers = Keepers({lamp.id: "connection talq" for lamp in self.lamps}, {"connection talq": self.room})
        task = build_problem(
            self.lamps, self.counters, counts, start_at=start, tables=TABLES, quantile=0.9, keepers=keepers
        )
        return task, solve(task.problem)

    def tell(self, task: LightingTask, plan: LightingPlan) -> list[str]:
        """An hour before it begins, over what is left of the night before. Returns the gateway's refusals."""
        now = self.peer.clock.at = task.night.start - HOUR
        commands = []
        for n, slot in enumerate(to_setpoints(body(task, plan), "plan", now)):
            before = self.told.get(slot.point, Program.constant(0.0, now, task.night.start)).clip(now, task.night.start)
            assert before is not None
            program = Program((*before.steps, *slot.program.steps), slot.program.until).clip(now, slot.program.until)
            assert program is not None
            self.told[slot.point] = program
            name = f"{now:%m%d}-{n}"
            commands.append(Command(name, slot.point, "T-1", 1, program, now, now + HOUR, level=Level.DAY_AHEAD_PLAN))
        for begin in range(0, len(commands), 100):
            self.link.send(commands[begin : begin + 100])
        answers = self.link.receive(0.0)
        self.link.confirm(answers)
        assert (len(answers.acks), answers.malformed) == (len(commands), ())
        return [ack.reason for ack in answers.acks if ack.status is not AckStatus.ACCEPTED]


WAYS = [
    pytest.param((12, False), id="days begin at noon"),
    pytest.param((0, False), id="days begin at midnight"),
    pytest.param((12, True), id="days begin at noon, whole standard", marks=pytest.mark.reference),
]


@pytest.fixture(params=WAYS)
def town(request: pytest.FixtureRequest, tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Town]:
    offset, whole = request.param
    standard = Standard(request.getfixturevalue("reference")) if whole else None
    sample = load_territory(DATASETS / "sample", load_catalogue(DATASETS / "reference" / "catalogue.yaml"))
    lamps = [asset for asset in sample.assets if asset.type == "Streetlight"]
    counters = [asset for asset in sample.assets if asset.type == "TrafficFlowObserved"]
    addresses = {lamp.id: address(lamp.id) for lamp in lamps}
    peer = TalqPeer(tmp_path, free_port(), standard, addresses, **SERVICE, dayOffset=offset)
    peer.start()
    room = peer.connection.announced(Site(peer.clock, "show"))
    limits = Limits(offset=timedelta(hours=offset))
    with TalqLink(peer.connection, peer.clock) as link:
        yield Town(lamps, counters, peer, link, room, limits)
    peer.stop()


@pytest.mark.parametrize("name", NIGHTS)
def test_a_plan_goes_out_and_comes_back(town: Town, name: str) -> None:
    for day in NIGHTS[name]:
        task, plan = town.planned(day)
        assert [v for v in check(task.problem, plan) if v.constraint in {"programs", "switch_points"}] == []
        assert town.tell(task, plan) == []
        lit = _follows(town, task, plan)
        assert lit > 0.4
    _print(town, task, plan, name)


def _follows(town: Town, task: LightingTask, plan: LightingPlan) -> float:
    """Every lamp follows its calendar, and each of these is every quarter of an hour at the level that was planned: at
    the gateway, and by another reading of the standard. Returns the share of lamp-slots with light.
    """
    gateway, clock = town.peer.gateway_, town.peer.clock
    wanted = np.round(100 * plan.flux).astype(int)
    said = {lamp: calendar_of(town.told[f"{lamp}/illuminanceLevel"], town.limits, clock.at) for lamp in plan.lamps}
    assert {address(lamp): calendar.id for lamp, calendar in said.items()} == gateway.follows
    of = {calendar.id: (lamp, i) for i, (lamp, calendar) in enumerate(said.items())}
    for lamp, i in of.values():
        alike = [k for k, other in enumerate(plan.lamps) if said[other] == said[lamp]]
        assert (wanted[alike] == wanted[i]).all()
        for t, at in enumerate(task.night.slots):
            clock.at = _within(task, t)
            assert in_action(said[lamp], clock.at, town.limits.offset) == wanted[i, t], (lamp, at)
            assert gateway.level(address(lamp)) == wanted[i, t], (lamp, at)
    return float((wanted > 0).mean())


def _within(task: LightingTask, slot: int) -> datetime:
    """An instant of a slot, of those at dusk and dawn one at which lamps burn."""
    at, night = task.night.slots[slot], task.night
    if at <= night.on_at < at + SLOT:
        return night.on_at
    return at if at < night.off_at <= at + SLOT else at + SLOT / 2


def _print(town: Town, task: LightingTask, plan: LightingPlan, name: str) -> None:
    gateway, service = town.peer.gateway_, town.peer.gateway_.service
    held = np.unique(plan.flux, axis=0)
    changes = (np.diff(np.pad(held, ((0, 0), (1, 1))), axis=1) != 0).sum(axis=1).max()
    points = max(len(program["fixedTimeControls"]) for program in gateway.programs.values())
    assert len(gateway.programs) <= int(service["maximumPrograms"])  # type: ignore[call-overload]
    assert points <= int(service["maxSwitchPointsPerProgram"])  # type: ignore[call-overload]
    night, local = task.night, [at.astimezone(PARIS) for at in (task.night.on_at, task.night.off_at)]
    print(
        f"\n{name}, night of {night.start:%Y-%m-%d}, {len(night.slots)} quarters, dayOffset {service['dayOffset']}\n"
        f"  {len(plan.lamps)} lamps; {len(held)} programs of {town.room.programs} that are planned for, "
        f"{changes} changes of {town.room.switch_points}\n"
        f"  at the gateway {len(gateway.programs)} programs of {service['maximumPrograms']}, {points} switching points "
        f"of {service['maxSwitchPointsPerProgram']}, {len(gateway.calendars)} calendars\n"
        f"  lamps burn {local[0]:%H:%M:%S %z} to {local[1]:%H:%M:%S %z}"
    )
    most = max(range(len(held)), key=lambda k: int((np.diff(held[k]) != 0).sum()))
    lamp = plan.lamps[int(np.flatnonzero((plan.flux == held[most]).all(axis=1))[0])]
    told = calendar_of(town.told[f"{lamp}/illuminanceLevel"], town.limits, night.start - HOUR)
    for on, program in told.days[-2 if town.limits.offset == timedelta(0) else -1 :]:
        times = ", ".join(f"{at:%H:%M:%S} {value} %" for at, value in program.controls)
        print(f"  {lamp} on {on}, {program.begins:%H:%M} to {program.ends:%H:%M}: {times}")
