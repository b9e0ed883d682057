"""What a process with some of the roles has, and what it notices of the others."""

import math
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from engine.broker import Broker
from engine.errors import ConsigneError, Outdated
from engine.settings import Settings
from engine.store import Store
from jobs.bootstrap import StoryClock, read_territory
from jobs.service import Service, loop, serve
from jobs.service.ending import Ending
from jobs.service.process import Process
from jobs.service.roles import Role
from tests.store.conftest import NOW, append
from tests.wiring.conftest import ROOT
from twin.gateway.town import made_town, names_of


@pytest.fixture
def service(store: Store, catalogue: Any, tmp_path: Path) -> Service:
    """A service that neither decides nor sends."""
    town = made_town(names_of("A-1"), 2)
    with store.begin() as unit:
        unit.inventory.save(town.communes, town.zones, town.assets, catalogue)
    settings = Settings(rules_dir=ROOT / "rules", datasets_dir=ROOT / "datasets", data_dir=tmp_path)
    return Service(settings, store, read_territory(store, catalogue), None, StoryClock(NOW), None)


def test_it_says_what_it_has_not(service: Service) -> None:
    with pytest.raises(ConsigneError, match="has no rules"):
        service.cycle()
    with pytest.raises(ConsigneError, match="sends nothing"):
        service.dispatcher.step(0.0)
    service.close()


def test_readings_that_another_process_committed_are_seen_within_a_tenth_of_a_second(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: now))
    heads, store = loop.Heads(service.store), service.store
    assert heads.moved()
    with store.read() as unit:
        row = unit.inventory.series().row(0, named=True)
    append(store, [(row["series"], row["zone"], 0, 1.0)])
    now = 0.05
    assert not heads.moved(), "not looked at again so soon"
    now = 0.1
    assert heads.moved()
    now = 0.2
    assert not heads.moved()


@pytest.mark.parametrize("told", [True, False])
def test_a_cycle_is_due_when_readings_came_whoever_took_them(
    service: Service, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    """Where nothing else would make it."""
    monkeypatch.setattr(loop, "_QUIET_TICK_S", math.inf)
    for name in ("announce", "look_at_rules", "take_over", "tell", "post"):
        monkeypatch.setattr(service, name, lambda: None)
    cycles: list[float] = []
    monkeypatch.setattr(service, "cycle", lambda: cycles.append(time.monotonic()))
    looks = iter([False] * 3 + [True] + [False] * 10_000)
    monkeypatch.setattr(loop.Heads, "moved", lambda _self: next(looks))
    roles = frozenset({Role.RULES, Role.INGEST} if told else {Role.RULES})
    stop = threading.Event()
    threading.Timer(1.0, stop.set).start()
    serve(service, cast("Broker", Quiet()) if told else None, stop, roles)
    assert len(cycles) == (0 if told else 1)


class Quiet:
    """A broker that has nothing to say."""

    connected, name = True, "quiet"

    def take(self, _limit: int, timeout_s: float = 0.0) -> list[Any]:
        time.sleep(min(timeout_s, 0.01))
        return []


def test_what_is_not_so_any_more_ends_the_process_and_frees_its_leases(
    service: Service, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An inventory imported anew is read by whoever is started again, or by who stood by."""

    @contextmanager
    def away(_process: Process, _term: object) -> Any:
        raise Outdated("read the inventory again")
        yield

    settings = service.settings.model_copy(update={"database_url": database_url})
    monkeypatch.setattr(Process, "_opened", away)
    with pytest.raises(Outdated, match="inventory"):
        Process(settings, frozenset({Role.DISPATCH}), "1", Ending(1.0)).run()
    with service.store.read() as unit:
        (lease,) = unit.leases.all()
    assert lease.name == "dispatch/1"
    assert (lease.until_at - lease.taken_at).total_seconds() < settings.lead_s
    service.close()
