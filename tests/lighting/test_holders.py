"""Who keeps the programs of which lamps, and nights in which clocks show an hour twice."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.equipment.connections import Connection, Room
from engine.equipment.mqtt import MqttConnection
from engine.equipment.talq import TalqConnection
from engine.equipment.talq_programs import Limits, calendar_of
from engine.errors import InputError
from engine.instants import PARIS, noon
from engine.model import Asset, Level
from jobs.bootstrap import Territory
from jobs.lighting import body, build_problem, explain, to_setpoints
from jobs.lighting.holders import Keepers, keepers_of, steady
from jobs.lighting.night import night_of
from jobs.rooms import Announced
from optimizers.lighting import solve
from optimizers.lighting.parts import UNLIMITED

from .test_jobs import DAY, NOON, STREET, TABLES, counter, counts
from .test_jobs import lamp as lamp_of

WEST = MqttConnection(id="west", kind="mqtt", url="mqtt://localhost", gateways=("A-*",), version="5")
SAID = datetime(2026, 11, 25, 9, tzinfo=UTC)
AUTUMN, SPRING = date(2026, 10, 24), date(2026, 3, 28)


def lamp(name: str, cabinet: str | None = "C-1", gateway: str | None = "A-1") -> Asset:
    return Asset(name, "Streetlight", "Z-1", -0.55, 47.47, cabinet, gateway)


def cabinet(name: str = "C-1", **stated: Any) -> Asset:
    return Asset(name, "StreetlightControlCabinet", "Z-1", -0.55, 47.47, attributes=stated)


def territory(assets: Sequence[Asset], *connections: Connection) -> Territory:
    nothing: Any = None
    return Territory(nothing, tuple(assets), nothing, {}, {}, (), connections)


@pytest.fixture
def talq(tmp_path: Any) -> TalqConnection:
    (tmp_path / "lamps.csv").write_text("asset,device,function\n")
    return TalqConnection(
        id="east", kind="talq", url="https://talq.example.org", gateways=("T-*",), client_address=UUID(int=1),
        devices=tmp_path / "lamps.csv",
    )  # fmt: skip


def test_without_a_limit_there_are_no_holders() -> None:
    keepers = keepers_of(territory([lamp("L-1"), cabinet()], WEST), {})
    assert keepers.holders(["L-1"]) is None
    assert keepers.reasons() == []


def test_the_equipment_file_states_what_each_gateway_takes() -> None:
    stated = WEST.model_copy(update={"holds": type(WEST.holds)(programs=6, switch_points=8)})
    lamps = [lamp("L-1"), lamp("L-2", gateway="A-2"), lamp("L-3"), lamp("L-4", gateway="B-1"), lamp("L-5", None, None)]
    keepers = keepers_of(territory(lamps, stated), {})
    holders = keepers.holders([one.id for one in lamps])
    assert holders is not None
    assert holders.names == ("cabinet C-1", "gateway A-1", "gateway A-2", "gateway None")
    assert np.array(holders.of).tolist() == [1, 2, 1, 0, 3]
    assert np.array(holders.programs).tolist() == [UNLIMITED, 6, 6, UNLIMITED]
    assert np.array(holders.switch_points).tolist() == [UNLIMITED, 8, 8, UNLIMITED]
    assert keepers.reasons() == ["no limit of programs is known: 2 (cabinet C-1, gateway None) keepers of programs"]


def test_a_cabinet_states_what_it_takes_itself() -> None:
    assets = [lamp("L-1"), lamp("L-2", "C-2"), cabinet(programs=4), cabinet("C-2", switch_points=6)]
    holders = keepers_of(territory(assets), {}).holders(["L-2", "L-1"])
    assert holders is not None
    assert holders.names == ("cabinet C-1", "cabinet C-2")
    assert np.array(holders.of).tolist() == [1, 0]
    assert np.array(holders.programs).tolist() == [4, UNLIMITED]
    assert np.array(holders.switch_points).tolist() == [UNLIMITED, 6]


def test_what_a_gateway_announces_is_shared_by_all_that_it_serves(talq: TalqConnection) -> None:
    lamps = [lamp("L-1", gateway="T-1"), lamp("L-2", "C-2", "T-2"), lamp("L-3", "C-2")]
    announced = {"east": Announced(Room(15, 9, shared=True), SAID)}
    assets = [*lamps, cabinet("C-2", programs=3, switch_points=6)]
    holders = keepers_of(territory(assets, talq, WEST), announced).holders(["L-1", "L-2", "L-3"])
    assert holders is not None
    assert holders.names == ("cabinet C-2", "connection east")
    assert np.array(holders.of).tolist() == [1, 1, 0]
    assert np.array(holders.programs).tolist() == [3, 15]
    assert np.array(holders.switch_points).tolist() == [6, 6]


def test_before_a_gateway_was_asked_what_the_file_states_is_shared_as_well(talq: TalqConnection) -> None:
    stated = talq.model_copy(update={"holds": type(talq.holds)(programs=6)})
    holders = keepers_of(territory([lamp("L-1", gateway="T-1"), lamp("L-2", "C-2", "T-2")], stated), {}).holders(
        ["L-1", "L-2"]
    )
    assert holders is not None
    assert (holders.names, np.array(holders.programs).tolist()) == (("connection east",), [6])


def test_cabinets_that_state_nonsense_are_all_named() -> None:
    assets = [lamp("L-1"), cabinet("C-1", programs=0), cabinet("C-2", switch_points=1, programs="many")]
    with pytest.raises(InputError) as error:
        keepers_of(territory(assets), {})
    assert [str(problem).partition(" → ")[0] for problem in error.value.problems] == [
        "C-1 programs is 0, a number of 1 or more is wanted",
        "C-2 programs is 'many', a number of 1 or more is wanted",
        "C-2 switch_points is 1, a number of 2 or more is wanted",
    ]


def test_the_problem_names_its_holders() -> None:
    lamps = [one.id for one in STREET]
    keepers = Keepers(dict.fromkeys(lamps, "cabinet C-1"), {"cabinet C-1": Room(2, 4), "cabinet C-9": Room()})
    task = build_problem(
        STREET, [counter()], counts(lambda _: 100.0), start_at=NOON, tables=TABLES, quantile=0.9, keepers=keepers
    )
    assert task.problem.holders is not None
    assert task.problem.holders.names == ("cabinet C-1",)
    assert "no limit of programs is known: 1 (cabinet C-9) keepers of programs" in task.reasons


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.05, 0.25, 1.0]))
def test_needs_are_steady_while_clocks_show_an_hour_twice(seed: int, ramp: float) -> None:
    night, chance = night_of(noon(AUTUMN), TABLES), np.random.default_rng(seed)
    dims = np.array([True, True, False])
    flux = np.where(night.burning, chance.integers(0, 101, (3, len(night.slots))) / 100, 0.0)
    found = steady(flux, np.ones(flux.shape), night, ramp, dims)
    held = night.repeated
    assert (found >= flux).all() and np.array_equal(found[:, ~held], flux[:, ~held])
    assert (np.ptp(found[:, held], axis=1) == 0).all()
    assert (found.max(axis=1) <= flux.max(axis=1)).all()
    ahead, after = np.flatnonzero(held)[0] - 1, np.flatnonzero(held)[-1] + 1
    for edge in (ahead, after):  # nothing beside it asks for a ramp into it
        assert (flux[dims][:, edge] - ramp - 1e-12 <= found[dims][:, held].T).all()


def test_what_is_put_out_by_order_stays_out_in_that_hour() -> None:
    night = night_of(noon(AUTUMN), TABLES)
    flux = np.where(night.burning, 0.5, 0.0)[None]
    dark = np.where(night.repeated, 0.0, 1.0)[None]
    flux = np.minimum(flux, dark)
    assert np.array_equal(steady(flux, dark, night, 0.25, np.array([True])), flux)


def test_on_other_nights_needs_are_as_they_were() -> None:
    for day in (SPRING, DAY):
        night = night_of(noon(day), TABLES)
        flux = np.random.default_rng(1).random((2, len(night.slots)))
        assert steady(flux, np.ones(flux.shape), night, 0.25, np.ones(2, np.bool_)) is flux


@pytest.mark.parametrize("day", [SPRING, AUTUMN, DAY])
@pytest.mark.parametrize("offset_h", [0, 12])
def test_every_lamp_can_be_told_its_night(day: date, offset_h: int) -> None:
    """Traffic falls through the night and rises again, most of all in the hour that comes twice."""
    busy = lambda at: 900.0 if at.hour in {2, 18, 19} else 20.0 * at.hour
    task = build_problem(STREET, [counter()], counts(busy, before=day), start_at=noon(day), tables=TABLES, quantile=0.9)
    plan = solve(task.problem)
    limits = Limits(offset=timedelta(hours=offset_h), seconds=False)
    slots = to_setpoints(body(task, plan), "v", SAID)
    assert {slot.level for slot in slots} == {Level.DAY_AHEAD_PLAN}
    for slot in slots:
        calendar = calendar_of(slot.program, limits, noon(day) - timedelta(hours=1))
        assert calendar.days
        for at, _ in slot.program.steps:
            local = at.astimezone(PARIS)
            assert local.replace(fold=0).utcoffset() == local.replace(fold=1).utcoffset()
    lit = [slot.program.at(noon(day) + timedelta(hours=14)) for slot in slots]
    assert all(level is not None and level > 0 for level in lit)


def test_why_tells_of_the_program_and_of_the_need_that_lifts_it() -> None:
    """A dim street and a bright one at a cabinet that holds one program: the dim one is as bright as the other."""
    bright = [lamp_of("L-5", segment="S-2", counter="T-2", order=n) for n in range(1)]
    lamps = [*STREET, *bright]
    keepers = Keepers({one.id: "cabinet C-1" for one in lamps}, {"cabinet C-1": Room(1, 4)})
    history = pl.concat([counts(lambda at: 20.0 + at.hour), counts(lambda at: 900.0 + at.hour, asset="T-2")])
    task = build_problem(
        lamps, [counter(), counter("T-2")], history, start_at=NOON, tables=TABLES, quantile=0.9, keepers=keepers
    )
    plan = solve(task.problem)
    assert len(np.unique(plan.flux, axis=0)) == 1
    at = NOON + timedelta(hours=11)
    told = explain(body(task, plan), "L-0/illuminanceLevel", at)
    assert (told["program"], told["programs"], told["program_lamps"]) == (1, 1, 5)
    assert told["program_kept_by"] == "cabinet C-1"
    assert told["floor"] < told["flux"]
    assert told["held_by"][0] == f"program L-0 at 23:00: {told['flux']:.6g}"
    assert told["held_by"][-1].startswith("floor L-5 at ")
    own = explain(body(task, plan), "L-5/illuminanceLevel", at)
    assert own["held_by"] == [f"floor L-5 at 23:00: {told['flux']:.6g}"]
