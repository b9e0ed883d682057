"""Rules decided group by group on workers leave behind what one engine leaves, whoever dies on the way."""

import os
import random
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.errors import ConsigneError, Unavailable
from engine.instants import to_us
from engine.settings import Settings
from engine.store import Store
from engine.store.leases import Deposed
from jobs.bootstrap import Territory, read_territory
from jobs.compute import Compute, Fault, FaultKind, Inline, Outcome, Processes
from jobs.cycle import CURSOR, CycleResult, run_cycle
from jobs.groups import task
from jobs.groups.fan import RuleGroups
from jobs.groups.task import GroupReport, GroupTask, run_group
from jobs.groups.trays import arrangement, memory_key, tray
from optimizers.result import Limits

from .conftest import ALARM, NOON, Desk, at_work, rule, tell
from .groups_at_work import MINUTE, frame, left_behind, story

Cycle = Callable[[Any], CycleResult]


@pytest.fixture(autouse=True)
def cold() -> Iterator[None]:
    task.cool()
    yield
    task.cool()


@pytest.fixture
def shared(settings: Settings) -> Settings:
    return settings.model_copy(update={"rule_groups": 3})


@pytest.fixture
def another(sqlite_template: Path, tmp_path: Path) -> Iterator[Store]:
    """The same territory in a database of its own, which one engine decides."""
    with closing(Store.open(f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'another.db')}")) as opened:
        yield opened


def late(result: CycleResult) -> bool:
    """Whether some group did not come to the tick."""
    return any(fault.startswith("group ") for fault in result.faults)


def groups_of(
    settings: Settings, store: Store, territory: Territory, compute: Compute | None = None
) -> tuple[RuleGroups, Cycle]:
    """The groups, and a cycle of them until every group has come to its tick."""
    groups, rules = RuleGroups(settings, store, territory, compute or Inline()), at_work(settings, territory)

    def cycle(now: Any) -> CycleResult:
        result = groups.cycle(rules, now)
        for _ in range(20):
            if not result.more and not late(result):
                break
            result = groups.cycle(rules, now)
        return result

    return groups, cycle


def play(
    store: Store, territory: Territory, cycle: Cycle, seed: int, ticks: int, before: Callable[[], object] = lambda: None
) -> int:
    edges = cycle(NOON).edges
    for now, rows in story(territory, seed, ticks):
        tell(store, territory, frame(rows), now)
        before()
        edges += cycle(now).edges
    return edges


def wholly(store: Store, settings: Settings, territory: Territory) -> Cycle:
    rules = at_work(settings, territory)
    return lambda now: run_cycle(store, territory, rules, now)


def test_groups_leave_behind_what_one_engine_leaves(
    store: Store, another: Store, settings: Settings, shared: Settings, territory: Territory
) -> None:
    edges = play(another, territory, wholly(another, settings, territory), 1, 6)
    _, cycle = groups_of(shared, store, territory)
    play(store, territory, cycle, 1, 6)
    expected = left_behind(another)
    assert left_behind(store) == expected
    assert edges > 100
    assert all(expected[name] for name in ("alarm", "slot", "command", "work_order", "edges"))
    assert any(edge[1] in {"territory", *territory.communes.values()} for edge in expected["edges"])


def test_from_one_engine_to_groups_to_other_groups_and_back(
    store: Store, another: Store, settings: Settings, shared: Settings, territory: Territory
) -> None:
    play(another, territory, wholly(another, settings, territory), 2, 8)
    turns = iter(story(territory, 2, 8))
    ways: list[Callable[[], Cycle]] = [
        lambda: wholly(store, settings, territory),
        lambda: groups_of(shared, store, territory)[1],
        lambda: groups_of(shared.model_copy(update={"rule_groups": 5}), store, territory)[1],
        lambda: wholly(store, settings, territory),
    ]
    ways[0]()(NOON)
    for way in ways:
        cycle = way()
        for now, rows in (next(turns), next(turns)):
            tell(store, territory, frame(rows), now)
            cycle(now)
    assert left_behind(store) == left_behind(another)
    with store.read() as unit:
        assert arrangement(unit) is None
        assert unit.state.get(CURSOR)


def test_what_groups_told_is_not_lost_where_one_engine_goes_on(
    store: Store, another: Store, settings: Settings, shared: Settings, territory: Territory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The process died after its groups had committed, before the step above did."""
    play(another, territory, wholly(another, settings, territory), 3, 3)
    groups, cycle = groups_of(shared, store, territory)
    cycle(NOON)
    (*first, (now, rows)) = story(territory, 3, 3)
    for at, said in first:
        tell(store, territory, frame(said), at)
        cycle(at)
    tell(store, territory, frame(rows), now)
    with monkeypatch.context() as patched:
        patched.setattr(groups, "_conclude", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            cycle(now)
    with store.read() as unit:
        assert any(tray(unit, group).touched for group in range(3))
    wholly(store, settings, territory)(now)
    assert left_behind(store) == left_behind(another)


# tasks


def test_a_task_done_twice_or_late_does_nothing_more(store: Store, shared: Settings, territory: Territory) -> None:
    _, cycle = groups_of(shared, store, territory)
    play(store, territory, cycle, 4, 2)
    with store.read() as unit:
        digest = _digest(unit)
        before = [unit.state.get(memory_key(group)) for group in range(3)]
    last = NOON + 40 * MINUTE
    for now in (last, last - MINUTE, NOON):
        for group in range(3):
            report = run_group(GroupTask(shared, digest, group, now), Limits())
            assert (report.readings, sum(report.edges.values()), report.away) == (0, 0, "")
    with store.read() as unit:
        assert [unit.state.get(memory_key(group)) for group in range(3)] == before


def _digest(unit: Any) -> str:
    found = arrangement(unit)
    assert found is not None
    return found.digest


def test_a_task_of_an_arrangement_that_is_over_writes_nothing(
    store: Store, settings: Settings, shared: Settings, territory: Territory
) -> None:
    _, cycle = groups_of(shared, store, territory)
    cycle(NOON)
    with store.read() as unit:
        digest = _digest(unit)
    wholly(store, settings, territory)(NOON + MINUTE)
    report = run_group(GroupTask(shared, digest, 0, NOON + 2 * MINUTE), Limits())
    assert "shared out otherwise" in report.away
    with pytest.raises(Unavailable, match="shared out otherwise"):
        cycle(NOON + 2 * MINUTE)
    cycle(NOON + 2 * MINUTE)
    with store.read() as unit:
        assert _digest(unit) == digest


def test_who_was_deposed_writes_nothing_through_its_workers(
    store: Store, shared: Settings, territory: Territory
) -> None:
    life = 10 * MINUTE
    with store.begin() as unit:
        old = unit.leases.take(["rules"], "old", NOON, life)
    assert old is not None
    _, cycle = groups_of(shared, store.under(old), territory)
    cycle(NOON)
    before = left_behind(store)
    with store.begin() as unit:
        unit.leases.take(["rules"], "old", NOON, life)
    ((now, rows),) = story(territory, 5, 1)
    tell(store, territory, frame(rows), now)
    with pytest.raises(Deposed):
        cycle(now)
    assert left_behind(store) == before


class Forgetful(Inline):
    """Loses the first tasks it is given, some after they committed, as a machine that goes away does."""

    def __init__(self, losses: int, seed: int) -> None:
        self._losses, self._rng = losses, random.Random(seed)

    def map(self, fn: Any, items: Any, limits: Limits, **keywords: Any) -> Iterator[Outcome[Any]]:
        for outcome, item in zip(super().map(fn, items, limits, **keywords), items, strict=True):
            if self._losses and self._rng.random() < 0.5:
                self._losses -= 1
                if self._rng.random() < 0.5:
                    fn(item, limits)  # it ran elsewhere, too
                task.cool()
                yield Outcome(None, Fault(FaultKind.LOST, "by a test"))
            else:
                yield outcome


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.soak), pytest.param(2, marks=pytest.mark.soak)])
def test_tasks_that_are_lost_or_done_twice_change_nothing(
    store: Store, another: Store, settings: Settings, shared: Settings, territory: Territory, seed: int
) -> None:
    play(another, territory, wholly(another, settings, territory), seed, 3)
    play(store, territory, groups_of(shared, store, territory, Forgetful(4, seed))[1], seed, 3)
    assert left_behind(store) == left_behind(another)


def test_a_group_without_a_worker_waits_and_the_others_go_on(
    store: Store, shared: Settings, territory: Territory
) -> None:
    class Partly(Inline):
        broken = True

        def map(self, fn: Any, items: Any, limits: Limits, **keywords: Any) -> Iterator[Outcome[Any]]:
            for outcome, item in zip(super().map(_maybe(fn), items, limits, **keywords), items, strict=True):
                lost = self.broken and item.group == 1
                yield Outcome(None, Fault(FaultKind.LOST, "by a test")) if lost else outcome

    compute = Partly()

    def _maybe(fn: Any) -> Any:
        return lambda item, limits: GroupReport() if compute.broken and item.group == 1 else fn(item, limits)

    groups, rules = RuleGroups(shared, store, territory, compute), at_work(shared, territory)
    result = groups.cycle(rules, NOON)
    assert [fault for fault in result.faults if "group 1" in fault]
    assert not result.more  # it is tried again with the next cycle, and not at once for ever
    with store.read() as unit:
        assert [tray(unit, group).tick_us for group in range(3)] == [to_us(NOON), None, to_us(NOON)]
    compute.broken = False
    assert not late(groups.cycle(rules, NOON + MINUTE))


@pytest.mark.parametrize(("kind", "asked"), [(FaultKind.CRASHED, 2), (FaultKind.TIMED_OUT, 1)])
def test_a_group_that_took_too_long_is_not_waited_for_twice(
    store: Store, shared: Settings, territory: Territory, kind: FaultKind, asked: int
) -> None:
    tasks: list[int] = []

    class Stuck(Inline):
        def map(self, fn: Any, items: Any, limits: Limits, **keywords: Any) -> Iterator[Outcome[Any]]:
            tasks.extend(item.group for item in items)
            for outcome, item in zip(super().map(fn, items, limits, **keywords), items, strict=True):
                yield Outcome(None, Fault(kind, "by a test")) if item.group == 1 else outcome

    groups, rules = RuleGroups(shared, store, territory, Stuck()), at_work(shared, territory)
    result = groups.cycle(rules, NOON)
    assert late(result)
    assert not result.whole  # or the service would be ready though a part of the town is not decided
    assert tasks.count(1) == asked


def test_rules_whose_files_are_gone_are_not_shared_out(store: Store, shared: Settings, territory: Territory) -> None:
    others = {"owners.yaml": b"owners: {}"}
    groups = RuleGroups(shared, store, territory, Inline(), lambda _rulebook: others)
    with pytest.raises(ConsigneError):
        groups.cycle(at_work(shared, territory), NOON)
    with store.read() as unit:
        assert arrangement(unit) is None


def test_other_rules_are_taken_up_between_two_cycles(
    store: Store, desk: Desk, territory: Territory
) -> None:  # fmt: skip
    settings = desk.settings.model_copy(update={"rule_groups": 2})
    lamp = territory.of_type("Streetlight")[0].id
    desk.put(rule("lit", "powerConsumption > 1 W"), rule("gone", "powerConsumption > 1 W"))
    groups = RuleGroups(settings, store, territory, Inline())
    first = at_work(settings, territory)
    groups.cycle(first, NOON)
    tell(store, territory, frame([(lamp, "powerConsumption", 9.0, NOON)]), NOON + MINUTE)
    assert groups.cycle(first, NOON + MINUTE).alarms_raised == 2
    everybody = rule("many", "any(lit in territory)", for_each={"each": "territory"}, then=ALARM)
    desk.put(rule("lit", "powerConsumption > 1 W"), everybody)
    second = at_work(settings, territory)
    result = groups.cycle(second, NOON + 2 * MINUTE)
    assert (result.alarms_cleared, result.alarms_raised) == (1, 0)
    tell(store, territory, frame([(lamp, "powerConsumption", 0.0, NOON + 3 * MINUTE)]), NOON + 3 * MINUTE)
    tell(store, territory, frame([(lamp, "powerConsumption", 9.0, NOON + 4 * MINUTE)]), NOON + 4 * MINUTE)
    assert groups.cycle(second, NOON + 5 * MINUTE).edges == 3


def test_a_worker_that_outlives_the_service_has_the_territory_of_the_next(
    store: Store, desk: Desk, territory: Territory
) -> None:
    """As those of a cluster do: a lamp was given a tag that a rule asks for, and the service was started again."""
    settings = desk.settings.model_copy(update={"rule_groups": 2})
    lamp = territory.of_type("Streetlight")[0]
    desk.put(rule("lit", "powerConsumption > 1 W", for_each={"type": "Streetlight", "tag": "new"}))
    RuleGroups(settings, store, territory, Inline()).cycle(at_work(settings, territory), NOON)
    tagged = replace(lamp, attributes={**lamp.attributes, "tags": ["new"]})
    with store.begin() as unit:
        unit.inventory.save([], [], [tagged], territory.catalogue)
    after = read_territory(store, territory.catalogue)
    groups, rules = RuleGroups(settings, store, after, Inline()), at_work(settings, after)
    groups.cycle(rules, NOON + MINUTE)
    tell(store, after, frame([(lamp.id, "powerConsumption", 9.0, NOON + 2 * MINUTE)]), NOON + 2 * MINUTE)
    assert groups.cycle(rules, NOON + 2 * MINUTE).alarms_raised == 1


# workers that die


class Killer:
    """Kills one of `processes` so often, each in the middle of a cycle, at a moment of its own; `mend` follows."""

    def __init__(
        self, processes: Callable[[], list[psutil.Process]], seed: int, kills: int,
        mend: Callable[[], object] = lambda: None,
    ) -> None:  # fmt: skip
        self._processes, self._mend = processes, mend
        self._rng, self._kills = random.Random(seed), kills
        self.done = 0

    def around(self, cycle: Cycle) -> Cycle:
        """A cycle during which one is killed; the first ones are let through, so that workers are warm."""

        def killing(now: Any) -> CycleResult:
            if now <= NOON + 20 * MINUTE or self.done == self._kills:
                return cycle(now)
            over = threading.Event()
            thread = threading.Thread(target=self._kill, args=(over,))
            thread.start()
            try:
                return cycle(now)
            finally:
                over.set()
                thread.join()
                self._mend()

        return killing

    def _kill(self, over: threading.Event) -> None:
        if over.wait(self._rng.uniform(0.0, 0.15)):
            return
        for process in self._rng.sample(found := self._processes(), min(1, len(found))):
            os.kill(process.pid, signal.SIGKILL)
            self.done += 1


def workers_of(process: psutil.Process) -> list[psutil.Process]:
    return [child for child in process.children() if "jobs.compute.worker" in _command(child)]


def _command(process: psutil.Process) -> str:
    """Empty for one that has ended meanwhile."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


LONG = [pytest.mark.soak, pytest.mark.timeout(3_600)]
POSTGRES = pytest.mark.parametrize(
    ("database_url", "kills", "ticks"),
    [
        pytest.param("postgresql", 2, 5, marks=[pytest.mark.postgres, pytest.mark.timeout(300)]),
        pytest.param("postgresql", 60, 100, marks=[pytest.mark.postgres, *LONG]),
    ],
    indirect=["database_url"],
)
EITHER = pytest.mark.parametrize(
    ("database_url", "kills", "ticks"),
    [
        pytest.param("postgresql", 2, 5, marks=[pytest.mark.postgres, pytest.mark.timeout(300)]),
        pytest.param("postgresql", 60, 100, marks=[pytest.mark.postgres, *LONG]),
        pytest.param("sqlite", 60, 100, marks=LONG),
    ],
    indirect=["database_url"],
)


def compare(
    store: Store, another: Store, shared: Settings, territory: Territory, compute: Compute, killer: Killer, ticks: int
) -> None:
    """Show 5: as if nobody had been killed, and as if one engine had decided it all."""
    play(another, territory, wholly(another, shared, territory), 9, ticks)
    try:
        cycle = groups_of(shared, store, territory, compute)[1]
        edges = play(store, territory, killer.around(cycle), 9, ticks)
    finally:
        compute.close()
    assert left_behind(store) == left_behind(another)
    print(f"\n{compute.name}: {killer.done} killed in the middle, {edges} edges: no decision changed")
    assert edges > 20
    assert killer.done > 0


@EITHER
def test_killing_workers_in_the_middle_changes_no_decision(
    store: Store, another: Store, shared: Settings, territory: Territory, kills: int, ticks: int
) -> None:
    killer = Killer(lambda: workers_of(psutil.Process()), 9, kills)
    compare(store, another, shared, territory, Processes(2), killer, ticks)


@POSTGRES
def test_killing_workers_of_a_cluster_in_the_middle_changes_no_decision(
    store: Store, another: Store, shared: Settings, territory: Territory, kills: int, ticks: int,
    free_port: Callable[[], int],
) -> None:  # fmt: skip
    pytest.importorskip("distributed", reason="Dask is not installed: pip install consigne[dask]")
    from jobs.compute.cluster import Dask
    from tests.compute.cluster import Cluster

    with Cluster(free_port(), workers=2) as cluster:

        def alive() -> list[psutil.Process]:
            return [psutil.Process(worker.pid) for worker in cluster.workers if worker.poll() is None]

        killer = Killer(alive, 9, kills, lambda: cluster.mend(workers=2))
        compare(store, another, shared, territory, Dask(cluster.url), killer, ticks)
