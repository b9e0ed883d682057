"""The rules of a territory decided group by group on an engine for heavy work; what they lead to is settled here.

A cycle has two steps. Each group of zones comes to the tick, in a transaction of its own, wherever there is a worker;
then, in one transaction of this process, the places above zones decide on what they were told, and the points that
any group touched are settled: so what moves equipment is weighed as one, however many groups wanted it.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

import orjson
import polars as pl
import structlog

from engine.errors import ConsigneError, Unavailable
from engine.instants import from_us
from engine.rulebook import Almanac, Decisions, Rulebook
from engine.rulebook.shares import shares_of
from engine.settings import Settings
from engine.store import Store, Unit
from engine.store.leases import Deposed
from jobs import metrics
from jobs.asking import note_replans
from jobs.bootstrap import Territory, almanac_of, engine_of
from jobs.compute import Compute, FaultKind, Outcome
from jobs.cycle import (
    CycleResult,
    RulesAtWork,
    apply_alarms,
    apply_wants,
    open_orders,
    rebound,
    record,
    replans,
)
from jobs.groups.task import GroupReport, GroupTask, rulebook_of, run_group
from jobs.groups.trays import (
    ABOVE,
    CURSOR,
    TEXTS,
    Arrangement,
    Tray,
    arrange,
    arrangement,
    digest_of,
    drop,
    joined,
    locked,
    memories,
    memory_key,
    tray_key,
)
from jobs.reload import Texts, service_texts
from jobs.settling import settle_points
from jobs.tracing import traced
from optimizers.result import Limits

_log = structlog.get_logger()
_AGAIN = {FaultKind.CRASHED, FaultKind.LOST, FaultKind.OUT_OF_MEMORY}  # all else of the service waits for a cycle


class RuleGroups:
    """Cycles of the rules of a territory in `settings.rule_groups` groups of zones, or fewer. It closes `compute`.

    How they are shared out is written down: where that or the rules change, it is done in a transaction between two
    cycles, and workers find that what they were asked for is over. `texts` are the files of a rulebook.
    """

    def __init__(
        self, settings: Settings, store: Store, territory: Territory, compute: Compute,
        texts: Callable[[Rulebook], Texts] | None = None,
    ) -> None:  # fmt: skip
        self._settings, self._store, self._territory, self._compute = settings, store, territory, compute
        self._shares = tuple(tuple(sorted(share)) for share in shares_of(territory.assets, settings.rule_groups))
        self._assets = digest_of(territory.assets, territory.communes, len(territory.series_names))
        self._almanac: Almanac = almanac_of(settings)
        self._texts = texts or (lambda rulebook: service_texts(settings, rulebook.version))
        self._rules: RulesAtWork | None = None
        self._above: RulesAtWork | None = None
        self._found: Arrangement | None = None
        self._sound = False
        self.outcomes: tuple[Outcome[GroupReport], ...] = ()  # of the last cycle, for who measures
        self.fan_out_s = 0.0  # how long its first step took

    @traced("cycle")
    def cycle(self, rules: RulesAtWork, now: datetime) -> CycleResult:
        """One cycle of all groups, by the rules that `rules` has, at `now`.

        A group whose worker was lost, or that could not commit, is tried once more, then left to the next cycle, as one
        that took too long is at once: the others and what they led to are committed all the same. Raises Deposed where
        another process leads the rules, Unavailable where no group could do anything.
        """
        began = time.perf_counter()
        if rules is not self._rules or not self._sound:
            self._arrange(rules, now)
        begun = time.perf_counter()
        self.outcomes = tuple(self._fan_out(now))
        self.fan_out_s = time.perf_counter() - begun
        reports = [_report(outcome) for outcome in self.outcomes]
        deposed = next((report.deposed for report in reports if report.deposed), None)
        if deposed is not None:
            raise Deposed(deposed)
        if reports and all(report.away for report in reports):
            self._sound = False  # perhaps they are shared out otherwise by now
            raise Unavailable(reports[0].away)
        result = self._conclude(reports, now)
        metrics.count_cycle(time.perf_counter() - began)
        return result

    def close(self) -> None:
        """End the workers."""
        self._compute.close()

    # sharing out

    def _arrange(self, rules: RulesAtWork, now: datetime) -> None:
        """Share the memory out, where it is not yet; write down by which rules."""
        watched = tuple(rules.watched.series)
        found = Arrangement(self._shares, rules.rulebook.version, self._assets, watched)
        with self._store.begin() as unit:
            before = arrangement(unit)
            if before is None or not before.same_shares(found):
                self._share_out(unit, rules, before, found)
            if before is None or before.digest != found.digest:
                unit.state.put(TEXTS, orjson.dumps(self._files(rules.rulebook)))
                arrange(unit, found)
                body = {"groups": len(found.shares), "version": found.version}
                unit.audit.append("rules", "share-out", found.digest, body, now)
        engine = engine_of(rules.rulebook, self._territory, self._almanac, rules.inference, ())
        self._above = RulesAtWork(engine, self._territory, rules.inference, ABOVE)
        self._rules, self._found, self._sound = rules, found, True
        _log.info("rules shared out", groups=len(found.shares), digest=found.digest, version=found.version)

    def _share_out(self, unit: Unit, rules: RulesAtWork, before: Arrangement | None, found: Arrangement) -> None:
        """Each group's part of what one engine, or other groups, remember; what these told is kept."""
        whole, told = rules.engine, Tray()
        states = memories(unit, CURSOR)
        whole.restore(*states)
        if before is not None:
            told = joined(locked(unit, before.groups))
            whole.hear(told.handed)
            drop(unit, before)
        if states:
            memory = whole.snapshot()
            for share, key in [*zip(found.shares, map(memory_key, found.groups), strict=True), ((), ABOVE)]:
                part = engine_of(rules.rulebook, self._territory, self._almanac, rules.inference, share)
                part.restore(memory)
                unit.state.put(key, part.snapshot())
        else:
            unit.cursors.set(CURSOR, unit.readings.heads())  # what was stored before is history
        unit.state.put(CURSOR, b"")
        for group in found.groups:
            tray = Tray(told.tick_us, (), told.touched, told.series, told.asked) if group == 0 else Tray(told.tick_us)
            unit.state.put(tray_key(group), tray.dump())

    def _files(self, rulebook: Rulebook) -> Mapping[str, str]:
        """The rule files for workers. Raises ConsigneError where they would load other rules."""
        texts = {path: text.decode() for path, text in self._texts(rulebook).items()}
        if rulebook_of(texts, self._territory.catalogue).version != rulebook.version:
            raise ConsigneError(f"no files of the rules {rulebook.version} are kept → set CONSIGNE_RULE_GROUPS=0")
        return texts

    # the two steps

    def _fan_out(self, now: datetime) -> list[Outcome[GroupReport]]:
        assert self._found is not None  # noqa: S101 - it was arranged
        digest, fences = self._found.digest, dict(self._store.fences)
        tasks = [GroupTask(self._settings, digest, group, now, fences) for group in self._found.groups]
        outcomes = list(self._map(tasks))
        again = [task for task, outcome in zip(tasks, outcomes, strict=True) if _is_again(outcome)]
        for task, outcome in zip(again, self._map(again), strict=True):
            _log.warning("group again", group=task.group, why=_report(outcomes[task.group]).away)
            outcomes[task.group] = outcome
        return outcomes

    def _map(self, tasks: Sequence[GroupTask]) -> Iterator[Outcome[GroupReport]]:
        limits = Limits(seconds=self._settings.rule_group_s)
        return self._compute.map(run_group, tasks, limits, key=lambda task: ("rules", task.group))

    def _conclude(self, reports: Sequence[GroupReport], now: datetime) -> CycleResult:
        above, found = self._above, self._found
        assert above is not None  # noqa: S101 - it was arranged
        assert found is not None  # noqa: S101 - it was arranged
        with self._store.begin() as unit:
            trays = locked(unit, found.groups)
            told = joined(trays)
            memory = above.recall(unit)
            said, opened, raised, cleared = Decisions(), 0, 0, 0
            if told.tick_us is not None:
                above.engine.hear(told.handed)
                said = above.decide(unit, _NOTHING, from_us(told.tick_us))
                raised, cleared = apply_alarms(unit, said.alarms)
                opened = open_orders(unit, above.rulebook, said.requests)
                record(unit, above.rulebook, said, now)
                memory = (above.engine.snapshot(),)
                unit.state.put(ABOVE, memory[0])
                for group, tray in enumerate(trays):
                    unit.state.put(tray_key(group), tray.emptied().dump())
            commands = self._settle(unit, told, said, now)
        above.keep(*memory)
        return self._result(reports, said, (raised, cleared, commands, opened), now)

    def _settle(self, unit: Unit, told: Tray, said: Decisions, now: datetime) -> int:
        assert self._rules is not None  # noqa: S101 - it was arranged
        touched = told.touched | apply_wants(unit, said.wants, now)
        came = pl.DataFrame({"series": sorted(told.series)}, schema={"series": pl.Int32})
        touched |= self._rules.watched.changed(unit, came, now)
        touched |= set(unit.renewals.due(now))
        asked = {**told.asked, **replans(said.requests), **rebound(self._rules.watched, now)}
        note_replans(unit, asked, now)
        return settle_points(unit, self._territory, touched, now)

    def _result(
        self, reports: Sequence[GroupReport], said: Decisions, done: tuple[int, int, int, int], now: datetime
    ) -> CycleResult:
        """What the cycle did; counts what was decided elsewhere in this process's figures."""
        raised, cleared, commands, opened = done
        edges = Counter(edge.rule for edge in said.edges)
        faults = [(fault.rule, fault.error) for fault in said.faults]
        for report in reports:
            edges.update(report.edges)
            faults.extend(report.faults)
        metrics.count_edges(edges, Counter(rule for rule, _ in faults))
        assert self._above is not None  # noqa: S101 - it was arranged
        quarantined = {
            rule for report in reports for rule in report.quarantined
        } | self._above.engine.quarantined.keys()
        metrics.show_rules(len(self._above.rulebook.rules), len(quarantined))
        newest = max((report.newest_us for report in reports if report.newest_us is not None), default=None)
        if newest is not None:
            metrics.show_cycle(now.timestamp() - newest / 1e6)
        away = [f"group {number}: {report.away}" for number, report in enumerate(reports) if report.away]
        return CycleResult(
            sum(report.readings for report in reports),
            edges.total(),
            raised + sum(report.raised for report in reports),
            cleared + sum(report.cleared for report in reports),
            commands,
            opened + sum(report.work_orders for report in reports),
            (*(f"{rule or 'inference'}: {error}" for rule, error in dict.fromkeys(faults)), *away),
            any(report.more for report in reports),
            not away,
        )


def _report(outcome: Outcome[GroupReport]) -> GroupReport:
    return outcome.value if outcome.value is not None else GroupReport(away=str(outcome.fault))


def _is_again(outcome: Outcome[GroupReport]) -> bool:
    if outcome.fault is not None:
        return outcome.fault.kind in _AGAIN
    return outcome.value is not None and bool(outcome.value.away)


_NOTHING = pl.DataFrame(schema={"series": pl.Int32, "observed_at": pl.Int64, "value": pl.Float64})
