"""Importing: what came is stored with its run, what did not is told, and the age of a source is an alarm."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.alarms import current
from engine.errors import ConsigneError, InputError
from engine.forecasts.sources import Source
from engine.instants import PARIS, to_us
from engine.model import AlarmState
from engine.settings import Settings
from engine.store import Store
from engine.store.ledger import RunReport, RunState
from jobs.bootstrap import StoryClock, catalogue_of, read_territory
from jobs.forecasts import RULE, Freshness, Known, ask, known, sources_in, take_in, validators_of
from jobs.runs import run_occasion
from jobs.table import JOBS, JobContext, Occasion
from tests.conftest import BOTH
from tests.forecasts.conftest import HOUR, JSON, NOW, ROOT, hourly
from tests.forecasts.test_fetching import Weather, weather  # noqa: F401 - a fixture

MINUTE = timedelta(minutes=1)


class Site:
    """A site with sources in a folder of its own; `clock` says what time it is."""

    def __init__(self, store: Store, folder: Path, database_url: str) -> None:
        self.store, self.folder, self.clock = store, folder, StoryClock(NOW)
        self.settings = Settings(database_url=database_url, rules_dir=folder, datasets_dir=ROOT / "datasets")

    def has(self, **sources: dict[str, Any]) -> None:
        told = {name: JSON | {"file": f"{name}.json"} | changes for name, changes in sources.items()}
        clean = {name: {k: v for k, v in one.items() if v is not None} for name, one in told.items()}
        (self.folder / "forecasts.yaml").write_bytes(orjson.dumps({"sources": clean}))

    def gives(self, name: str, values: list[Any], start: datetime = NOW, **others: Any) -> None:
        (self.folder / f"{name}.json").write_bytes(orjson.dumps(hourly(values, start) | others))

    def imports(self, *names: str) -> RunReport:
        """One occurrence of the job, at the clock's time."""
        territory = read_territory(self.store, catalogue_of(self.settings))
        context = JobContext(self.settings, self.store, territory, self.clock)
        at = self.clock.now()
        arguments = {"sources": list(names)} if names else {}
        occasion = Occasion("import-forecasts", at.isoformat(), at, arguments=arguments)
        return run_occasion(context, JOBS["import-forecasts"], occasion).run.report

    def knows(self, name: str, at: datetime | None = None, hours: float = 3) -> Known:
        with self.store.read() as unit:
            source = sources_in(self.settings)[name]
            return known(unit, name, source, at or self.clock.now(), NOW, NOW + hours * HOUR)

    def values(self, name: str, at: datetime | None = None) -> list[float]:
        return self.knows(name, at).values["value"].to_list()

    def alarm(self, name: str) -> Any:
        with self.store.read() as unit:
            return current(unit.alarms, RULE, name)

    def issues(self, name: str) -> int:
        with self.store.read() as unit:
            return len(unit.forecasts.issues(name, 99))


@pytest.fixture
def site(store: Store, tmp_path: Path, database_url: str) -> Site:
    return Site(store, tmp_path, database_url)


@BOTH
def test_what_came_is_stored_and_read_as_it_was_known(site: Site) -> None:
    site.has(rain={})
    site.gives("rain", [1, 2, 3])
    assert site.imports() == RunReport(counts={"imported": {"rain": 3}, "unchanged": [], "failed": {}})
    site.clock.at += HOUR
    site.gives("rain", [4, 5, 6])
    site.imports()
    assert site.values("rain") == [4, 5, 6]
    assert site.values("rain", NOW) == [1, 2, 3]
    assert site.values("rain", NOW - MINUTE) == []


@BOTH
def test_one_that_is_away_or_refused_stops_no_other(site: Site) -> None:
    site.has(rain={}, snow={}, hail={})
    site.gives("rain", [1, 2, 3])
    site.gives("hail", [1, 200, 3])
    report = site.imports()
    assert (report.state, report.counts["imported"]) == (RunState.DEGRADED, {"rain": 3})
    assert set(report.counts["failed"]) == {"snow", "hail"}
    assert "snow: " in str(report.error)
    assert "hail.json hourly.rain[1] 200 mm is outside 0 to 100 mm" in str(report.error)
    assert site.issues("hail") == 0
    assert [site.alarm(name) is not None for name in ("rain", "snow", "hail")] == [False, True, True]
    site.gives("hail", [1, 2, 3])
    site.clock.at += MINUTE
    assert list(site.imports("hail", "rain").counts["failed"]) == []
    assert site.alarm("hail").state is AlarmState.RTN_UNACKNOWLEDGED


def test_the_alarm_of_age_is_raised_and_cleared(site: Site) -> None:
    site.has(rain={"issued_at": "made", "max_age": "6h"})
    site.gives("rain", [1, 2, 3], made=f"{NOW:%Y-%m-%dT%H:%M}")
    assert site.imports().state is RunState.DONE
    site.clock.at = NOW + 6 * HOUR
    assert site.imports().state is RunState.DONE
    site.clock.at += MINUTE
    report = site.imports()
    assert (report.state, report.counts["unchanged"]) == (RunState.DEGRADED, ["rain"])
    assert "older than 6:00:00" in report.counts["failed"]["rain"]
    raised = site.alarm("rain")
    assert raised.detail["issued_at"] == "2025-10-25T13:00:00Z"
    assert site.knows("rain").freshness is Freshness.STALE
    site.clock.at += MINUTE
    site.imports()
    assert site.alarm("rain").id == raised.id
    site.gives("rain", [1, 2, 3], start=NOW + 6 * HOUR, made=f"{NOW + 6 * HOUR:%Y-%m-%dT%H:%M}")
    site.clock.at += MINUTE
    assert site.imports().state is RunState.DONE
    assert site.alarm("rain").state is AlarmState.RTN_UNACKNOWLEDGED


def test_the_alarm_of_a_source_that_was_taken_out_is_cleared(site: Site) -> None:
    site.has(rain={}, wind={})
    site.imports()
    assert site.alarm("rain").cleared_at is None
    site.has(wind={})
    site.clock.at += MINUTE
    site.imports("wind")
    assert site.alarm("rain").cleared_at is not None
    assert site.alarm("wind").cleared_at is None


def test_what_has_no_time_of_issue_is_no_newer_for_coming_again(site: Site) -> None:
    """Else a server that hangs on one answer for ever would be fresh for ever."""
    site.has(rain={})
    site.gives("rain", [1] * 12)
    site.imports()
    site.clock.at += 7 * HOUR
    report = site.imports()
    assert (report.counts["unchanged"], site.issues("rain")) == (["rain"], 1)
    assert site.knows("rain").freshness is Freshness.STALE
    site.gives("rain", [1] * 11 + [2])
    site.clock.at += MINUTE
    assert site.imports().state is RunState.DONE


def test_a_changed_definition_makes_a_further_issue(site: Site) -> None:
    site.has(rain={"issued_at": "made"})
    site.gives("rain", [1, 2, 3], made=f"{NOW:%Y-%m-%dT%H:%M}")
    site.imports()
    site.has(rain={"issued_at": "made", "variables": {"rain": {"unit": "mm", "unit_in": "cm", "range": [0, 100]}}})
    site.clock.at += MINUTE
    site.imports()
    assert (site.values("rain", NOW), site.values("rain")) == ([1, 2, 3], [10, 20, 30])


def test_a_clock_that_was_put_back_stops_one_source_only(site: Site) -> None:
    site.has(rain={}, snow={})
    site.gives("rain", [1, 2, 3])
    site.imports("rain")
    site.gives("rain", [2, 2, 3])
    site.gives("snow", [1, 2, 3])
    site.clock.at -= HOUR
    report = site.imports()
    assert report.counts["imported"] == {"snow": 3}
    assert "check the clock" in report.counts["failed"]["rain"]


def test_unknown_sources_and_a_file_that_is_wrong(site: Site) -> None:
    site.has(rain={})
    with pytest.raises(InputError, match="rian is no source → did you mean rain"):
        site.imports("rian")
    (site.folder / "forecasts.yaml").write_text("sources: {rain: {format: xml}}")
    site.clock.at += MINUTE
    with pytest.raises(InputError, match=r"forecasts\.yaml:1"):
        site.imports()
    (site.folder / "forecasts.yaml").unlink()
    site.clock.at += MINUTE
    assert site.imports() == RunReport(counts={"imported": {}, "unchanged": [], "failed": {}})


def test_nothing_of_a_run_that_died_is_there_and_it_is_done_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.has(rain={})
    site.gives("rain", [1, 2, 3])
    job = JOBS["import-forecasts"]

    def dies(context: JobContext, occasion: Occasion) -> Callable[..., RunReport]:
        finish = job.run(context, occasion)

        def end(unit: Any, now: datetime) -> RunReport:
            finish(unit, now)
            raise ConsigneError("killed")

        return end

    with monkeypatch.context() as patch:
        patch.setitem(JOBS, job.name, replace(job, run=dies))
        with pytest.raises(ConsigneError, match="killed"):
            site.imports()
    assert (site.issues("rain"), site.knows("rain").freshness) == (0, Freshness.MISSING)
    assert site.imports().counts["imported"] == {"rain": 3}


def test_over_http_what_has_not_changed_is_not_fetched_again(site: Site, weather: Weather) -> None:  # noqa: F811
    there = {"file": None, "url": f"{weather.url}/rain", "plain": True, "networks": ["127.0.0.0/8"]}
    site.has(rain=there)
    weather.body = orjson.dumps(hourly([1, 2, 3]))
    assert site.imports().counts["imported"] == {"rain": 3}
    site.clock.at += MINUTE
    assert site.imports().counts["unchanged"] == ["rain"]
    assert weather.seen["if-none-match"] == '"1"'
    site.has(rain=there | {"horizon": "1h"})  # read otherwise: it is to be read again
    site.clock.at += MINUTE
    site.imports()
    assert "if-none-match" not in weather.seen
    weather.stop()
    site.clock.at += MINUTE
    report = site.imports()
    assert "rain: " in str(report.error)
    assert (report.state, site.alarm("rain")) == (RunState.DEGRADED, None)  # what is there is fresh still
    weather.start()


def test_how_good_what_is_known_is(site: Site) -> None:
    site.has(rain={"max_age": "2h"})
    nothing = site.knows("rain")
    assert (nothing.freshness, nothing.issue, nothing.lacking) == (Freshness.MISSING, None, 3)
    site.gives("rain", [1, 2])
    site.imports()
    there = site.knows("rain")
    assert (there.freshness, there.lacking) == (Freshness.FRESH, 1)
    assert there.issue is not None
    assert there.issue.issued_at == NOW
    assert site.knows("rain", NOW + 2 * HOUR).freshness is Freshness.FRESH
    assert site.knows("rain", NOW + 2 * HOUR + MINUTE).freshness is Freshness.STALE
    assert site.knows("rain", NOW - MINUTE).freshness is Freshness.MISSING


def test_slots_are_counted_through_the_night_the_clocks_change(site: Site) -> None:
    site.has(rain={})
    source = sources_in(site.settings)["rain"]
    noon = datetime(2025, 10, 25, 12, tzinfo=PARIS)
    with site.store.read() as unit:
        night = known(unit, "rain", source, NOW, noon, noon + timedelta(days=1))
        half = known(
            unit, "rain", source, NOW, noon + 30 * MINUTE, noon + 90 * MINUTE, variables=["rain"], places=["a", "b"]
        )
    assert (night.lacking, half.lacking) == (25, 2)


def test_a_plan_made_of_what_was_known_can_be_made_again(site: Site) -> None:
    """Whatever is imported later, also of an older time of issue or as a correction."""
    site.has(rain={"issued_at": "made"})
    site.gives("rain", [1, 2, 3], made=f"{NOW:%Y-%m-%dT%H:%M}")
    site.imports()
    then = site.knows("rain", NOW + MINUTE)
    for minutes, made in ((2, NOW), (3, NOW - HOUR), (4, NOW + MINUTE)):
        site.gives("rain", [9] * 5, made=f"{made:%Y-%m-%dT%H:%M}")
        site.clock.at = NOW + minutes * MINUTE
        assert site.imports().counts["imported"] == {"rain": 5}
    again = site.knows("rain", NOW + MINUTE)
    assert again.values.equals(then.values)
    assert again.issue == then.issue
    assert site.values("rain") == [9, 9, 9]


def test_sources_are_asked_side_by_side_and_one_fault_is_its_own(tmp_path: Path, store: Store) -> None:
    sources = {f"s{n}": Source.model_validate(JSON | {"file": f"{n}.json"}) for n in range(20)}
    for n in range(0, 20, 2):
        (tmp_path / f"{n}.json").write_bytes(orjson.dumps(hourly([1, 2, n])))
    with store.read() as unit:
        arrivals = ask(sources, tmp_path, validators_of(unit, sources, NOW), NOW, MINUTE)
    assert [arrival.name for arrival in arrivals] == list(sources)
    assert [bool(arrival.problem) for arrival in arrivals] == [False, True] * 10
    with store.begin() as unit:
        report = take_in(unit, arrivals, NOW)
    assert len(report.counts["imported"]) == len(report.counts["failed"]) == 10
    with store.read() as unit:
        last = unit.forecasts.as_of(NOW, "s18", NOW, NOW + 3 * HOUR)
    assert last["value"].to_list() == [1, 2, 18]
    assert last["valid_at"].to_list() == [to_us(NOW + n * HOUR) for n in range(3)]
