"""Rule files that change under a running service: tried aside, taken over between two cycles, or refused."""

import shutil
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from prometheus_client import REGISTRY

from engine.broker import Broker
from engine.equipment.mqtt import MqttLink
from engine.errors import ConsigneError, InputError, Unavailable
from engine.rulebook import ReferenceInference
from engine.rulebook.conditions.state import Moment
from engine.store import Store
from jobs import reload
from jobs.bootstrap import StoryClock, Territory
from jobs.doctor import Finding, examine
from jobs.groups import task
from jobs.reload import COPIES, RuleFiles, keep_copy, read_texts, roll_back
from jobs.service import Aside, Service, serve
from tests.conftest import BOTH
from tests.waiting import wait_for

from .conftest import NOON, WORK_ORDER, Desk, audited, readings, rule, tell

MINUTE = timedelta(minutes=1)
ON = "powerState == on"
DELAYED = {"for": "20min"}


class Inference(ReferenceInference):
    """Counts those that are open."""

    open = 0

    def __init__(self) -> None:
        super().__init__()
        Inference.open += 1

    def close(self) -> None:
        Inference.open -= 1


class Line:
    """A broker over which nothing comes."""

    def take(self, _limit: int, timeout_s: float) -> list[Any]:
        time.sleep(min(timeout_s, 0.01))
        return []

    def __getattr__(self, _name: str) -> Any:
        return lambda *_: None


class House:
    """A service over the sample territory, whose clock stands where a test puts it."""

    def __init__(self, store: Store, territory: Territory, desk: Desk, *rules: dict[str, Any]) -> None:
        self.store, self.territory, self.desk, self.settings = store, territory, desk, desk.settings
        self.clock = StoryClock(NOON)
        self.lamp = territory.of_type("Streetlight")[0].id
        desk.put(*rules)
        self.files = RuleFiles(self.settings, territory, Inference)
        line = MqttLink(cast("Broker", Line()))
        self.service = Service(self.settings, store, territory, self.files.first(), self.clock, line, self.files)
        self.service.announce()
        self.service.cycle()

    @property
    def version(self) -> str:
        return self.service.rules.rulebook.version

    def at(self, minute: float, state: str | None = None) -> None:
        """A cycle, where a state is given after the lamp has told it."""
        self.clock.at = NOON + minute * MINUTE
        if state is not None:
            tell(self.store, self.territory, readings((self.lamp, "powerState", state, self.clock.at)), self.clock.at)
        self.service.cycle()

    def change(self, *rules: dict[str, Any]) -> bool:
        """Write other rules; returns whether they were taken over."""
        self.desk.put(*rules)
        return self.look()

    def look(self) -> bool:
        before = self.service.rules
        self.service.look_at_rules()
        self.service.take_over()
        return self.service.rules is not before

    def alarms(self) -> list[tuple[str, float]]:
        """Rule and minute of what stands raised on the lamp."""
        with self.store.read() as unit:
            found = unit.alarms.active([self.lamp])
        return [(alarm.rule, (alarm.raised_at - NOON) / MINUTE) for alarm in found if alarm.cleared_at is None]

    def told(self) -> Finding:
        return next(finding for finding in examine(self.settings, quick=True) if finding.name == "service")


@pytest.fixture
def rule_groups(request: pytest.FixtureRequest) -> int:
    """One engine, but for a test that is marked IN_GROUPS, too."""
    found: int = getattr(request, "param", 0)
    return found


IN_GROUPS = pytest.mark.parametrize("rule_groups", [0, 2], indirect=True, ids=["whole", "in groups"])


@pytest.fixture
def house(store: Store, territory: Territory, desk: Desk, rule_groups: int) -> Iterator[House]:
    Inference.open = 0
    task.cool()
    desk.settings = desk.settings.model_copy(update={"rule_groups": rule_groups})
    made = House(store, territory, desk, rule("same", ON, **DELAYED), rule("other", ON, **DELAYED))
    yield made
    made.service.close()
    task.cool()
    assert Inference.open == 0


@pytest.fixture
def counted() -> Any:
    """How many reloads of an outcome there were since."""

    def count(outcome: str) -> float:
        return REGISTRY.get_sample_value("consigne_rule_reloads_total", {"outcome": outcome}) or 0.0

    before = {outcome: count(outcome) for outcome in ("taken", "refused")}
    return lambda outcome: count(outcome) - before[outcome]


# Taken over


@BOTH
@IN_GROUPS
def test_an_unchanged_rule_goes_on_where_it_was(house: House, counted: Any) -> None:
    house.at(1, "on")
    house.at(10, "on")
    old = house.version
    assert house.change(rule("same", ON, **DELAYED), rule("other", "powerState != off", **DELAYED))
    house.at(25, "on")
    assert house.alarms() == [("same", 21)]
    house.at(35)
    assert house.alarms() == [("same", 21), ("other", 30)]  # born at the clock of the zone, minute 10
    (line,) = audited(house.settings, "reload")
    assert line == {"old": old, "new": house.version, "added": [], "removed": [], "changed": ["other"]}
    assert (counted("taken"), counted("refused")) == (1, 0)


@IN_GROUPS
def test_what_a_rule_that_is_gone_had_raised_falls(house: House, rule_groups: int) -> None:
    house.at(1, "on")
    house.at(25, "on")
    assert {name for name, _ in house.alarms()} == {"same", "other"}
    assert house.change(rule("same", ON, **DELAYED), rule("third", ON))
    house.at(26)
    assert {name for name, _ in house.alarms()} == {"same", "third"}
    assert audited(house.settings, "reload")[0]["removed"] == ["other"]
    assert ("shared out over 2 groups of zones" in house.told().what) == (rule_groups == 2)


def test_files_that_say_the_same_are_nothing_new(house: House) -> None:
    rules = house.desk.folder / "some" / "rules.yaml"
    assert not house.look()
    rules.touch()
    assert not house.look()
    rules.write_text("# a comment\n" + rules.read_text())
    assert not house.look()
    assert audited(house.settings, "reload") == []


def test_a_rule_in_a_new_file_is_seen_and_one_in_a_file_removed_is_gone(house: House) -> None:
    added = house.desk.write("more/rules.yaml", {"rules": [rule("third", ON)]})
    assert house.look()
    assert "third" in house.service.rules.rulebook.by_id
    added.unlink()
    assert house.look()
    assert "third" not in house.service.rules.rulebook.by_id
    assert [line["added"] + line["removed"] for line in audited(house.settings, "reload")] == [["third"], ["third"]]


def test_nothing_read_is_lost_over_a_swap(house: House) -> None:
    for minute in range(1, 40):
        house.desk.put(rule("same", ON, **DELAYED), rule("other", f"powerConsumption > {minute} W"))
        house.service.look_at_rules()
        house.clock.at = NOON + minute * MINUTE
        state = readings((house.lamp, "powerState", "on", house.clock.at))
        tell(house.store, house.territory, state, house.clock.at)
        house.service.take_over()
        house.service.cycle()
    assert len(audited(house.settings, "reload")) == 39
    assert house.alarms() == [("same", 21)]
    with house.store.read() as unit:
        assert unit.cursors.get("rules") == unit.readings.heads()


def test_each_engine_has_an_inference_of_its_own_until_it_is_replaced(house: House) -> None:
    assert Inference.open == 1
    house.desk.put(rule("third", ON))
    house.service.look_at_rules()
    assert Inference.open == 2
    house.at(1, "on")  # the rules in service are not touched by those that wait
    assert house.alarms() == []
    house.service.take_over()
    assert Inference.open == 1


def test_what_is_written_once_is_looked_at_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[Path] = []
    load = reload.load_rules
    monkeypatch.setattr(reload, "load_rules", lambda folder, catalogue: loads.append(folder) or load(folder, catalogue))
    house.change(rule("third", ON))
    house.look()
    (house.desk.folder / "some" / "rules.yaml").touch()
    house.look()
    assert len(loads) == 1


def test_files_that_are_written_to_meanwhile_are_looked_at_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    run = reload.run_scenarios

    def slowly(*given: Any) -> Any:
        house.desk.put(rule("fourth", ON))
        return run(*given)

    house.desk.put(rule("third", ON))
    with monkeypatch.context() as patched:
        patched.setattr(reload, "run_scenarios", slowly)
        assert not house.look()
    assert house.look()
    assert set(house.service.rules.rulebook.by_id) == {"fourth"}


def test_a_target_nobody_reaches_is_told_by_the_first_cycle(house: House) -> None:
    want = {"want": {"point": "illuminanceLevel", "value": 1, "ttl": "5min", "targets": "road_class"}}
    assert house.change(rule("boost", ON, then=want))
    house.at(1)
    faults = audited(house.settings, "decide")[-1]["faults"]
    assert {name for name, _ in faults} == {"boost"}
    house.at(2)
    assert audited(house.settings, "decide")[-1]["faults"] == faults


def test_metrics_show_the_rules_in_service_and_those_that_failed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def shown(state: str) -> float | None:
        return REGISTRY.get_sample_value("consigne_rules", {"state": state})

    assert (shown("in_service"), shown("quarantined")) == (2, 0)
    with monkeypatch.context() as patched:
        patched.setattr(Moment, "newest", lambda *_: 1 / 0)
        house.at(1, "on")
    assert (shown("in_service"), shown("quarantined")) == (2, 2)
    assert {name for name, _ in audited(house.settings, "decide")[-1]["faults"]} == {"same", "other"}
    assert house.change(rule("same", ON, **DELAYED), rule("third", ON))
    house.at(25, "on")
    assert (shown("in_service"), shown("quarantined")) == (2, 0)
    assert {name for name, _ in house.alarms()} == {"same", "third"}


# Refused


def test_a_file_that_does_not_compile_never_replaces_the_running_one(house: House, counted: Any) -> None:
    old = house.version
    house.at(1, "on")
    assert not house.change(rule("same", "powerState == onn", **DELAYED), rule("other", "powerFactor < 2", **DELAYED))
    assert not house.look()
    house.at(25, "on")
    assert house.version == old
    assert sorted(house.alarms()) == [("other", 21), ("same", 21)]
    assert counted("refused") == 1
    told = house.told()
    assert told.state == "degraded"
    assert "onn" in told.what
    assert "powerFactor" in told.what
    assert f"{house.desk.folder}/some/rules.yaml:1:" in told.what


def test_mended_files_are_taken_and_the_refusal_forgotten(house: House, counted: Any) -> None:
    good = house.desk.folder / "some" / "rules.yaml"
    before = good.read_text()
    good.write_text(before[:-5])
    assert not house.look()
    assert house.told().state == "degraded"
    good.write_text(before)
    assert not house.look()  # they say again what is in service
    assert house.told().state == "ok"
    good.write_text("rules: [")
    assert not house.look()
    assert house.change(rule("third", ON))
    told = house.told()
    assert (told.state, told.what.split(" rules in service")[0]) == ("ok", "1")
    assert house.version in told.what
    assert (counted("refused"), counted("taken")) == (2, 1)


def test_files_whose_own_scenarios_fail_are_refused(house: House) -> None:
    scenario = {
        "name": "a lamp that is switched on",
        "rules": ["third"],
        "series": {"L1.powerState": "off on on"},
        "until": "10min",
        "expect": [{"at": "5min", "edge": "third L1 true", "alarm": "third L1 raised"}],
    }
    shared = {"start": "2026-11-16T12:00", "every": "5min", "assets": {"L1": {"type": "Streetlight"}}}
    house.desk.write("some/rules.test.yaml", {**shared, "scenarios": [scenario]})
    assert not house.change(rule("third", "powerState == off"))
    told = house.told()
    assert told.state == "degraded"
    assert "rules.test.yaml:1:" in told.what
    assert "the scenario 'a lamp that is switched on' fails" in told.what
    assert house.change(rule("third", ON))


def test_a_rule_that_fails_at_its_first_look_is_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.at(1, "on")

    with monkeypatch.context() as patched:
        patched.setattr(Moment, "newest", lambda *_: 1 / 0)
        assert not house.change(rule("third", ON))
    assert "third fails: ZeroDivisionError: division by zero" in house.told().what
    house.at(25)
    assert {name for name, _ in house.alarms()} == {"same", "other"}


def test_whatever_goes_wrong_with_the_files_the_rules_in_service_go_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(reload, "run_scenarios", lambda *_: 1 / 0)
        assert not house.change(rule("third", ON))
    assert "ZeroDivisionError" in house.told().what
    for name in ("some/rules.yaml", "owners.yaml"):
        (house.desk.folder / name).unlink()
    assert not house.look()
    assert house.told().state == "degraded"
    house.at(1, "on")
    house.at(25)
    assert {name for name, _ in house.alarms()} == {"same", "other"}


def test_a_database_that_is_away_is_no_fault_of_the_files(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.desk.put(rule("third", ON))

    def away(*_: Any) -> Any:
        raise Unavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "read", away)
        with pytest.raises(Unavailable):
            house.service.look_at_rules()
    assert house.look()


# Copies


def test_the_files_of_the_last_versions_are_kept_and_can_be_put_back(house: House) -> None:
    old, text = house.version, (house.desk.folder / "some" / "rules.yaml").read_bytes()
    house.desk.write("more/rules.yaml", {"rules": [rule("third", ON, then=WORK_ORDER)]})
    assert house.look()
    assert roll_back(house.settings) == old
    assert (house.desk.folder / "some" / "rules.yaml").read_bytes() == text
    assert not (house.desk.folder / "more" / "rules.yaml").exists()
    assert house.look()
    assert house.version == old


def test_files_that_were_refused_are_rolled_back_to_those_in_service(house: House) -> None:
    (house.desk.folder / "some" / "rules.yaml").write_text("rules: [")
    assert not house.look()
    assert roll_back(house.settings) == house.version
    assert not house.look()
    assert house.told().state == "ok"


def test_a_start_on_a_mistake_begins_with_the_rules_last_in_service_and_tells(house: House) -> None:
    (house.desk.folder / "some" / "rules.yaml").write_text("rules: [")
    files = RuleFiles(house.settings, house.territory, Inference)
    rules = files.first()
    try:
        assert rules.rulebook.version == house.version
        trial = files.look(house.store, rules.rulebook, NOON)
        assert trial is not None
        assert trial.ready is None
        assert "rules.yaml:" in trial.problems[0]
        assert files.look(house.store, rules.rulebook, NOON) is None
    finally:
        rules.close()


def test_a_start_on_a_mistake_with_nothing_kept_is_refused(house: House) -> None:
    (house.desk.folder / "some" / "rules.yaml").write_text("rules: [")
    shutil.rmtree(house.settings.data_dir / COPIES)
    with pytest.raises(InputError):
        RuleFiles(house.settings, house.territory, Inference).first()


def test_without_other_files_nothing_is_rolled_back(house: House) -> None:
    before = read_texts(house.desk.folder)
    with pytest.raises(ConsigneError, match="keeps no other rules; nothing was changed"):
        roll_back(house.settings)
    assert read_texts(house.desk.folder) == before


def test_a_few_copies_are_kept(tmp_path: Path) -> None:
    for number in range(9):
        keep_copy(tmp_path / COPIES, f"v{number}", {"some/rules.yaml": b"%d" % number})
        time.sleep(0.02)  # more than a tick of the file system's clock
    assert sorted(path.name for path in (tmp_path / COPIES).iterdir()) == [f"v{number}" for number in range(4, 9)]
    assert read_texts(tmp_path / COPIES / "v8") == {"some/rules.yaml": b"8"}


def test_a_copy_that_cannot_be_kept_is_no_reason_to_stand_still(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    def full(*_: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(reload, "keep_copy", full)
    assert house.change(rule("third", ON))


# In the service's own loop


def test_the_service_takes_changed_files_over_by_itself(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    settings = house.settings.model_copy(update={"rules_reload_s": 0.02})
    monkeypatch.setattr(house.service, "settings", settings)
    stop = threading.Event()
    loop = threading.Thread(target=serve, args=(house.service, cast("Broker", Line()), stop))
    loop.start()
    try:
        (house.desk.folder / "some" / "rules.yaml").write_text("rules: [")
        wait_for(lambda: house.told().state == "degraded")
        house.desk.put(rule("third", ON))
        wait_for(lambda: set(house.service.rules.rulebook.by_id) == {"third"})
    finally:
        stop.set()
        loop.join(10)
    assert not loop.is_alive()
    assert house.told().state == "ok"


def test_a_service_that_is_told_never_to_look_does_not(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house.service, "settings", house.settings.model_copy(update={"rules_reload_s": 0.0}))
    monkeypatch.setattr(house.service, "look_at_rules", lambda: 1 / 0)
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    serve(house.service, cast("Broker", Line()), stop)


def test_a_step_aside_runs_one_at_a_time_and_says_what_went_wrong() -> None:
    gate, ran = threading.Event(), []

    def step() -> None:
        ran.append(len(ran))
        gate.wait(5)
        if len(ran) > 1:
            raise ConsigneError("by a test")

    with Aside(step, 0.0) as aside:
        for _ in range(3):
            aside.poll()
        wait_for(lambda: ran)
        assert ran == [0]
        gate.set()
        with pytest.raises(ConsigneError, match="by a test"):
            wait_for(aside.poll)


def test_doctor_says_that_no_service_has_run(store: Store, desk: Desk) -> None:
    desk.put(rule("same", ON))
    (told,) = [finding for finding in examine(desk.settings, quick=True) if finding.name == "service"]
    assert (told.state, told.what) == ("ok", "has not run on this database")


def test_doctor_says_which_rules_and_who_answers(house: House) -> None:
    told = house.told()
    assert told.what == (
        f"2 rules in service since 2026-11-16 12:00:00, version {house.version}; the reference answers"
    )
