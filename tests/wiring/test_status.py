"""What a process tells of itself over HTTP: metrics, whether it is alive, whether it is ready."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from engine.errors import ConsigneError, InputError
from engine.model import Reason
from engine.settings import Settings, load_settings
from engine.store import Intake, Store
from jobs import metrics
from jobs.bootstrap import StoryClock
from jobs.collecting import DatabaseCollector
from jobs.compute import Fault, FaultKind, Outcome
from jobs.cycle import CycleResult
from jobs.health import LOOP, PARTS, Probe
from jobs.service import Role
from jobs.service.ending import Ending
from jobs.service.loop import Work, _cycle
from jobs.service.process import Process
from jobs.status import Onlooker, status_app, status_server
from jobs.vitals import Vitals

NOW = datetime(2026, 11, 26, 20, tzinfo=UTC)
ROLES = ("ingest", "rules", "plan", "dispatch", "console")
LIFE = timedelta(seconds=15)


class Client:
    """Asks an application without a socket in between."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    def get(self, path: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://status") as client:
                return await client.get(path)

        return asyncio.run(ask())


class Stage:
    """A process with a database of its own, watched from outside. Its two clocks move together."""

    def __init__(self, database_url: str, roles: tuple[str, ...] = ROLES) -> None:
        self.settings = load_settings(database_url=database_url)
        self.store = Store.open(database_url)
        self.clock, self.seconds = StoryClock(NOW), 0.0
        self.vitals = Vitals(lambda: self.seconds)
        self.roles = roles

    def client(self, roles: tuple[str, ...] | None = None) -> Client:
        roles = self.roles if roles is None else roles
        return Client(status_app(self.settings, self.store.read, self.vitals, roles, self.clock))

    def wait(self, seconds: float) -> None:
        self.seconds += seconds
        self.clock.at += timedelta(seconds=seconds)

    def lead(self, *names: str, owner: str = "us") -> dict[str, int]:
        with self.store.begin() as unit:
            fences = unit.leases.take(names, owner, self.clock.now(), LIFE)
        assert fences is not None
        return fences

    def work(self) -> None:
        for part in PARTS:
            self.vitals.success(part.name)
        self.vitals.beat(LOOP)


@pytest.fixture
def stage(database_url: str) -> Iterator[Stage]:
    stage = Stage(database_url)
    yield stage
    stage.store.close()


def parts(answer: httpx.Response) -> dict[str, str]:
    return {part["name"]: part["state"] for part in answer.json()["parts"]}


def samples(client: Client) -> dict[tuple[str, tuple[str, ...]], float]:
    """Name and values of labels, in the order of their names → value."""
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {
        (sample.name, tuple(sample.labels.values())): sample.value for family in families for sample in family.samples
    }


# Alive


def test_a_loop_that_hangs_is_not_live_though_the_process_answers(stage: Stage) -> None:
    client = stage.client()
    assert client.get("/livez").status_code == 200  # it has only just begun
    stage.wait(100)
    stage.vitals.beat(LOOP)
    stage.wait(119)
    assert client.get("/livez").status_code == 200
    stage.wait(2)
    hung = client.get("/livez")
    assert hung.status_code == 503
    (found,) = hung.json()["parts"]
    assert (found["name"], found["state"], found["age_s"], found["bound_s"]) == ("loop", "down", 121, 120)
    assert found["hint"] == "start the process again"
    stage.vitals.failure(LOOP, "the database is away")  # it waits, and says so
    assert client.get("/livez").status_code == 200


def test_one_that_never_came_to_its_loop_is_not_live(stage: Stage) -> None:
    stage.wait(121)
    assert stage.client().get("/livez").status_code == 503
    assert stage.client(("console",)).get("/livez").status_code == 200


# Ready


def test_a_process_is_ready_once_every_part_of_its_roles_has_succeeded(stage: Stage) -> None:
    client = stage.client()
    before = client.get("/readyz")
    assert before.status_code == 503
    assert parts(before)["database"] == "ok"
    assert parts(before)["cycle"] == "down"
    assert parts(before)["messages"] == "degraded"
    stage.vitals.lead(stage.lead("ingest", "rules", "plan", "dispatch"))
    stage.work()
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["state"] == "ok"
    leases = {f"lease {role}" for role in ROLES[:-1]}
    assert set(parts(ready)) == {"database", "jobs", "queue", *(part.name for part in PARTS), *leases}


@pytest.mark.parametrize("late", [part.name for part in PARTS])
def test_a_part_whose_last_success_is_too_old_is_named_with_what_to_do(stage: Stage, late: str) -> None:
    stage.work()
    stage.vitals.failure(late, "MQTT broker 127.0.0.1:1883 is away")
    stage.wait(61)
    for part in PARTS:
        if part.name != late:
            stage.vitals.success(part.name)
    answer = stage.client().get("/readyz")
    (found,) = [part for part in answer.json()["parts"] if part["state"] != "ok"]
    of = {part.name: part for part in PARTS}[late]
    assert (found["name"], found["state"], found["age_s"], found["bound_s"]) == (late, of.lost, 61.0, 60.0)
    assert "MQTT broker 127.0.0.1:1883 is away" in found["what"]
    assert found["hint"] == of.hint
    assert answer.status_code == (503 if of.lost == "down" else 200)


def test_zones_that_are_left_out_of_every_cycle_are_told(stage: Stage) -> None:
    stage.vitals.lead(stage.lead("rules"))
    results = iter([CycleResult(0, 0, 0, 0, 0, 0, (), more=False, whole=whole) for whole in (False, True)])
    work: Any = Work(SimpleNamespace(vitals=stage.vitals, cycle=lambda: next(results)), threading.Event())  # type: ignore[arg-type]
    for state in ("degraded", "ok"):
        _cycle(work)
        found = parts(stage.client(("rules",)).get("/readyz"))
        assert (found["cycle"], found["zones"]) == ("ok", state)


@pytest.mark.parametrize("role", ROLES)
def test_a_process_answers_for_its_own_roles_alone(stage: Stage, role: str) -> None:
    names = set(parts(stage.client((role,)).get("/readyz")))
    more = {"plan": {"jobs"}, "dispatch": {"queue"}, "console": {"leases", "jobs", "queue"}}
    assert names == {"database", *(part.name for part in PARTS if part.role == role), *more.get(role, ())}


def test_a_standby_is_ready_and_says_who_leads(stage: Stage) -> None:
    stage.lead("rules", "dispatch", owner="another:1")
    answer = stage.client(("rules", "dispatch")).get("/readyz")
    assert answer.status_code == 200
    told = {part["name"]: part["what"] for part in answer.json()["parts"]}
    assert told["cycle"] == "standing by: another:1 leads rules"
    assert told["lease dispatch"] == "standing by: another:1 leads under fence 1"


def test_a_service_that_was_never_started_is_not_ready(stage: Stage) -> None:
    answer = stage.client(("console",)).get("/readyz")
    assert (answer.status_code, parts(answer)["leases"]) == (503, "down")
    stage.lead("rules", owner="another:1")
    answer = stage.client(("console",)).get("/readyz")
    assert (answer.status_code, "leases" in parts(answer)) == (200, False)


def test_where_nobody_leads_any_more_that_is_told(stage: Stage) -> None:
    stage.lead("rules", owner="another:1")
    stage.wait(16)
    assert parts(stage.client(("console",)).get("/readyz"))["lease rules"] == "degraded"
    stage.wait(60)
    answer = stage.client(("console",)).get("/readyz")
    assert (answer.status_code, parts(answer)["lease rules"]) == (503, "down")


def test_a_sender_that_was_given_up_is_missed_by_nobody(stage: Stage) -> None:
    stage.lead("dispatch/old", owner="another:1")
    stage.wait(1_000)
    console = stage.client(("console",))
    assert parts(console.get("/readyz"))["lease dispatch"] == "down"
    stage.lead("dispatch/new", owner="another:2")
    assert parts(console.get("/readyz"))["lease dispatch"] == "ok"
    assert "another:2 leads" in console.get("/readyz").text


def test_who_lost_the_lead_is_not_ready_by_what_it_did_before(stage: Stage) -> None:
    stage.vitals.lead(stage.lead("rules"))
    stage.work()
    client = stage.client(("rules",))
    assert client.get("/readyz").status_code == 200
    stage.wait(16)
    stage.lead("rules", owner="another:1")
    stage.vitals.lead({})
    assert "standing by" in client.get("/readyz").text
    stage.wait(100)
    answer = client.get("/readyz")
    assert (answer.status_code, parts(answer)["cycle"]) == (503, "down")


def test_a_database_that_is_away_is_one_part_that_is_down(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.work()

    def away(_self: object) -> Any:
        raise ConsigneError("SQLite database x: disk I/O error → check the file")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "read", away)
        answer = stage.client().get("/readyz")
        stood_by = stage.client(("rules",)).get("/readyz")
        stage.vitals.lead({"rules": 1})
        leads = stage.client(("rules",)).get("/readyz")
    assert answer.status_code == 503
    assert {name for name, state in parts(answer).items() if state == "down"} == {"database"}
    assert parts(stood_by) == {"database": "down"}  # who else leads is not known
    assert parts(leads).keys() == {"database", "cycle", "zones", "seal", "messages"}
    stage.vitals.lead({})
    stage.work()
    assert stage.client().get("/readyz").status_code == 200


def test_a_database_that_comes_later_is_found(tmp_path: Path) -> None:
    settings = load_settings(database_url=f"sqlite:///{tmp_path / 'later.db'}")
    onlooker = Onlooker(settings.database_url)
    client = Client(status_app(settings, onlooker.read, Vitals(), ("console",), StoryClock(NOW)))
    before = client.get("/readyz")
    assert before.status_code == 503
    assert "consigne db upgrade" in before.text
    store = Store.open(settings.database_url, create=True)
    assert "consigne db upgrade" in client.get("/readyz").text  # it has no schema yet
    store.upgrade()
    assert parts(client.get("/readyz"))["database"] == "ok"
    onlooker.close()
    store.close()


def test_a_database_that_hangs_hangs_nobody_who_asks(stage: Stage) -> None:
    probe, answered = Probe(stage.store.read, 0.05), threading.Event()
    try:
        found, value = probe.ask(lambda _: answered.wait(30))
        assert (found.state, value) == ("down", None)
        assert "has not answered within 0.05 s" in found.what
        assert probe.ask(lambda _: True)[0].state == "down"  # the first still hangs: no thread is added
    finally:
        answered.set()


def test_a_console_that_nobody_could_look_at_does_not_start(stage: Stage) -> None:
    with pytest.raises(InputError, match="CONSIGNE_METRICS_PORT a console without a port"):
        Process(stage.settings, frozenset({Role.CONSOLE}), None, Ending(1.0)).run()


# Metrics


@pytest.fixture
def grown(stage: Stage) -> Callable[[Callable[[], object]], dict[tuple[str, tuple[str, ...]], float]]:
    """By how much each sample grows over what is done."""
    client = stage.client()

    def over(deed: Callable[[], object]) -> dict[tuple[str, tuple[str, ...]], float]:
        before = samples(client)
        deed()
        after = samples(client)
        return {key: after[key] - before.get(key, 0.0) for key in after if after[key] != before.get(key, 0.0)}

    return over


def test_readings_are_counted_by_what_became_of_them(grown: Any) -> None:
    refused = {Reason.DUPLICATE: 3, Reason.OUT_OF_RANGE: 1}
    found = grown(lambda: metrics.count_intake(Intake(received=20, stored=16, late=5, refused=refused)))
    of = {labels: value for (name, labels), value in found.items() if name == "consigne_readings_total"}
    assert of == {("stored",): 11, ("late",): 5, ("refused",): 4}
    assert found["consigne_readings_refused_total", ("duplicate",)] == 3
    assert found["consigne_readings_refused_total", ("out_of_range",)] == 1


def test_what_a_process_does_is_counted(stage: Stage, grown: Any) -> None:
    def deed() -> None:
        metrics.count_cycle(0.3)
        metrics.count_solve("lighting", "optimal", 7.0)
        metrics.count_fallback("lighting", "shifted")
        metrics.count_task("processes", Outcome(1, None, 2.0, 5_000))
        metrics.count_task("processes", Outcome(None, Fault(FaultKind.TIMED_OUT, ""), 3.0))
        metrics.watch_workers("processes", lambda: 2)

    found = grown(deed)
    assert found["consigne_cycle_seconds_sum", ()] == pytest.approx(0.3)
    assert found["consigne_cycle_seconds_bucket", ("0.5",)] == 1
    assert ("consigne_cycle_seconds_bucket", ("0.25",)) not in found
    assert found["consigne_solves_total", ("lighting", "optimal")] == 1
    assert found["consigne_solve_seconds_sum", ("lighting",)] == 7
    assert found["consigne_plan_fallbacks_total", ("lighting", "shifted")] == 1
    assert found["consigne_compute_tasks_total", ("processes", "done")] == 1
    assert found["consigne_compute_tasks_total", ("processes", "timed_out")] == 1
    assert found["consigne_compute_task_seconds_sum", ("processes",)] == 5
    shown = samples(stage.client())
    assert shown["consigne_compute_task_peak_bytes", ("processes",)] == 5_000
    assert shown["consigne_compute_workers", ("processes",)] == 2


def test_the_database_is_looked_at_when_somebody_asks(stage: Stage) -> None:
    fences = stage.lead("rules", "dispatch")
    stage.vitals.lead({"rules": fences["rules"]})
    stage.vitals.success("cycle")
    with stage.store.begin() as unit:
        unit.ledger.start("plan-lighting", "d", due_at=NOW - LIFE, at=NOW, host="h", cause="schedule")
    stage.wait(5)
    found = samples(stage.client())
    assert found["consigne_database_up", ()] == 1
    assert found["consigne_lease_held", ("rules", "rules")] == 1
    assert found["consigne_lease_held", ("dispatch", "dispatch")] == 0
    assert found["consigne_lease_remaining_seconds", ("dispatch", "dispatch")] == 10
    assert found["consigne_lease_fence", ("rules", "rules")] == fences["rules"]
    assert found["consigne_job_runs", ("plan-lighting", "started")] == 1
    assert found["consigne_job_late_seconds", ("plan-lighting",)] == 15
    assert found["consigne_alarms", ("critical", "unacknowledged")] == 0
    assert found["consigne_commands", ("queued",)] == 0
    assert found["consigne_queue_age_seconds", ()] == 0
    assert found["consigne_audit_unsealed_lines", ()] >= 0
    assert found["consigne_part_success_age_seconds", ("cycle",)] == 5
    assert found["consigne_part_silent_seconds", ("cycle",)] == 5


def test_a_part_that_never_succeeded_is_as_old_as_the_lead(stage: Stage) -> None:
    stage.wait(50)
    stage.vitals.lead({"ingest": 1, "dispatch/2": 1})
    stage.wait(130)
    stage.vitals.success("dispatch")
    found = samples(stage.client())
    ages = {labels[0]: age for (name, labels), age in found.items() if name == "consigne_part_success_age_seconds"}
    assert ages == {"broker": 130, "dispatch": 0}


def test_a_scrape_is_answered_while_the_database_is_away(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_self: object) -> Any:
        raise ConsigneError("away")

    monkeypatch.setattr(Store, "read", away)
    metrics.count_cycle(0.1)
    found = samples(stage.client())
    assert found["consigne_database_up", ()] == 0
    assert found["consigne_cycle_seconds_count", ()] >= 1
    assert ("consigne_commands", ("queued",)) not in found


def test_a_scrape_is_answered_while_the_database_hangs(stage: Stage) -> None:
    answered = threading.Event()

    def hangs() -> AbstractContextManager[Any]:
        answered.wait(30)
        raise ConsigneError("away")

    collector = DatabaseCollector(hangs, stage.clock, bound_s=0.05, kept_s=0)
    try:
        for _ in range(2):
            (up,) = [family for family in collector.collect() if family.samples]
            assert [(sample.name, sample.value) for sample in up.samples] == [("consigne_database_up", 0)]
    finally:
        answered.set()


def test_scrapes_that_come_together_look_once(stage: Stage) -> None:
    looks, at = [], [0.0]

    def looked() -> AbstractContextManager[Any]:
        looks.append(at[0])
        return stage.store.read()

    collector = DatabaseCollector(looked, stage.clock, kept_s=5, timer=lambda: at[0])
    for at[0] in (0.0, 1.0, 4.9, 5.0, 9.0):
        collector.collect()
    assert looks == [0.0, 5.0]


# From outside


def test_the_server_answers_on_the_port_of_the_settings(
    stage: Stage, free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    settings: Settings = stage.settings.model_copy(update={"metrics_port": port})
    with status_server(settings, stage.vitals, ROLES, stage.clock) as told:
        assert told == port
        answer = httpx.get(f"http://127.0.0.1:{port}/metrics")
        assert answer.headers["content-type"].startswith("text/plain")
        assert "consigne_database_up 1.0" in answer.text
        assert httpx.get(f"http://127.0.0.1:{port}/livez").status_code == 200
        assert httpx.get(f"http://127.0.0.1:{port}/").status_code == 404
        again = status_server(settings, stage.vitals, ROLES, stage.clock)
        with pytest.raises(ConsigneError, match="choose another CONSIGNE_METRICS_PORT"), again:
            pass
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/livez")
    with status_server(stage.settings, stage.vitals, ROLES, stage.clock) as told:
        assert told == 0
