"""What is scraped is what happened: readings, cycles, commands and cursors of real work."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from engine.errors import Unavailable
from engine.model import Command, Program
from engine.settings import Settings
from engine.store import Store
from jobs.bootstrap import StoryClock, Territory
from jobs.cycle import RulesAtWork, run_cycle
from jobs.health import LOOP, is_live
from jobs.service import Service, Spared
from jobs.service.loop import Turn, Work, take_turns
from jobs.status import everything
from jobs.vitals import Vitals
from tests.conftest import BOTH

from .conftest import NOON, readings, tell

MINUTE = timedelta(minutes=1)
Sample = dict[tuple[str, tuple[str, ...]], float]
Scrape = Callable[[], Sample]


@pytest.fixture
def clock() -> StoryClock:
    return StoryClock(NOON)


@pytest.fixture
def scrape(store: Store, clock: StoryClock) -> Scrape:
    """A scrape, as if the last one were long ago."""

    def once() -> Sample:
        page = generate_latest(everything(store.read, Vitals(), clock)).decode()
        families = text_string_to_metric_families(page)
        return {(s.name, tuple(s.labels.values())): s.value for family in families for s in family.samples}

    return once


@BOTH
def test_every_reading_is_counted_once_by_what_became_of_it(store: Store, territory: Territory, scrape: Scrape) -> None:
    detector = territory.of_type("PresenceDetector")[0].id
    before = scrape()
    rows = [(detector, "presence", minute % 2 == 0, NOON + minute * MINUTE) for minute in range(20)]
    late = (detector, "presence", True, NOON - MINUTE)
    wrong = [("nobody", "presence", True, NOON), (detector, "colour", True, NOON)]
    tell(store, territory, readings(*rows, rows[0], rows[0]), NOON + 20 * MINUTE)
    tell(store, territory, readings(late, *wrong), NOON + 20 * MINUTE)
    after = scrape()

    def grown(name: str, label: str) -> float:
        return after.get((name, (label,)), 0.0) - before.get((name, (label,)), 0.0)

    outcomes = {outcome: grown("consigne_readings_total", outcome) for outcome in ("stored", "late", "refused")}
    assert outcomes == {"stored": 20, "late": 1, "refused": 4}
    reasons = {key[1][0] for key in after if key[0] == "consigne_readings_refused_total"}
    assert sum(grown("consigne_readings_refused_total", reason) for reason in reasons) == 4
    assert grown("consigne_readings_refused_total", "duplicate") == 2


@BOTH
def test_a_cycle_is_counted_and_the_cursor_follows(
    store: Store, territory: Territory, rules: RulesAtWork, scrape: Scrape, clock: StoryClock
) -> None:
    detector = territory.of_type("PresenceDetector")[0]
    run_cycle(store, territory, rules, NOON)
    before = scrape()
    at = NOON + MINUTE
    tell(store, territory, readings((detector.id, "presence", True, at)), at)
    clock.at = at + MINUTE
    waiting = scrape()
    assert waiting["consigne_cursor_behind_readings", ("rules",)] == 1
    assert waiting["consigne_cursor_behind_zone_readings", ("rules",)] == 1
    assert waiting["consigne_cursor_behind_seconds", ("rules",)] == 60
    run_cycle(store, territory, rules, clock.at)
    with store.begin() as unit:
        program = Program.constant(1.0, clock.at, clock.at + 60 * MINUTE)
        unit.commands.enqueue([Command("c", "L-1/dim", "gw", 1, program, clock.at, clock.at + 60 * MINUTE)])
    after = scrape()
    assert after["consigne_cursor_behind_readings", ("rules",)] == 0
    assert after["consigne_cursor_behind_seconds", ("rules",)] == 0
    assert after["consigne_cycle_seconds_count", ()] == before["consigne_cycle_seconds_count", ()] + 1
    edges = "consigne_rule_edges_total", ("presence-boost",)
    assert after[edges] == before.get(edges, 0) + 1
    assert after["consigne_commands", ("queued",)] == 1
    clock.at += 5 * MINUTE
    assert scrape()["consigne_queue_age_seconds", ()] == 300


# Marks of the loop


def work(vitals: Vitals, stop: Any) -> Work:
    return Work(cast("Service", SimpleNamespace(vitals=vitals)), stop)


class Stop:
    """A wait that takes no time, and moves the clock."""

    def __init__(self, clock: list[float]) -> None:
        self.clock = clock

    def is_set(self) -> bool:
        return self.clock[0] > 1_000

    def wait(self, seconds: float) -> None:
        self.clock[0] += seconds


def test_a_loop_that_waits_for_what_is_away_gives_signs_of_life_and_no_success() -> None:
    clock = [0.0]
    vitals = Vitals(lambda: clock[0])
    silences: list[float] = []

    def away() -> None:
        sign = vitals.signs().get(LOOP)
        silences.append(sign.silent_s if sign else 0.0)
        raise Unavailable("the database is away")

    work(vitals, Stop(clock)).patiently(away, "cycle")
    sign = vitals.signs()["cycle"]
    assert (sign.success_s, sign.why) == (None, "the database is away")
    assert clock[0] > 1_000
    assert max(silences) <= 60.0 < Settings().live_s


def test_a_turn_that_hangs_is_seen_while_the_process_goes_on() -> None:
    clock, stop = [0.0], threading.Event()
    vitals, settings = Vitals(lambda: clock[0]), Settings()
    entered, released = threading.Event(), threading.Event()

    def turn(_wait_s: float) -> None:
        entered.set()
        released.wait(30)

    @contextmanager
    def part() -> Iterator[Turn]:
        yield turn

    loop = threading.Thread(target=take_turns, args=([part()], work(vitals, stop)))
    loop.start()
    try:
        assert entered.wait(30)
        assert is_live(settings, vitals).state == "ok"
        clock[0] += settings.live_s + 1
        assert is_live(settings, vitals).state == "down"
        entered.clear()
        released.set()
        assert entered.wait(30)  # the next turn has begun
        assert is_live(settings, vitals).state == "ok"
    finally:
        stop.set()
        released.set()
        loop.join()


def test_a_step_that_is_spared_marks_why(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, away = [0.0], [True]
    vitals = Vitals(lambda: clock[0])

    def send() -> None:
        if away[0]:
            raise Unavailable("MQTT broker h:1 is away")

    spared = Spared(work(vitals, Stop(clock)).marked("dispatch", send), lambda: clock[0])
    spared()
    assert vitals.signs()["dispatch"].why == "MQTT broker h:1 is away"
    away[0] = False
    clock[0] += 5
    spared()
    assert vitals.signs()["dispatch"].success_s == 0
