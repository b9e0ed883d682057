"""The steps of the service over one territory. Time is the clock's; the demo gives it a story's."""

import os
import socket
import threading
from collections.abc import Sequence
from datetime import timedelta

import structlog

from engine.broker import Broker, Message
from engine.errors import ConsigneError
from engine.ports import Clock, Link
from engine.setpoints.dispatch import Dispatcher
from engine.settings import Settings
from engine.store import Intake, Store
from jobs import metrics
from jobs.batches import tend_batches
from jobs.bootstrap import Territory
from jobs.collection.closures_read import closure_file, take_closures
from jobs.collection.tablets import Tablets
from jobs.compute import Compute, Inline, compute_of
from jobs.compute.counting import Counted
from jobs.cycle import CycleResult, RulesAtWork, run_cycle
from jobs.energy.contracts_read import contract_file, take_contracts
from jobs.groups.fan import RuleGroups
from jobs.holds import tend_holds
from jobs.ingest import store_messages
from jobs.law import LawFiles, Reading, note_reading
from jobs.notify import Notifier
from jobs.reload import RuleFiles, announce, differences, note_trial
from jobs.sending import dispatcher_of
from jobs.table import JobContext
from jobs.uplinks import UplinkSource
from jobs.vitals import Vitals

_log = structlog.get_logger()


class Service:
    """What one process does for one territory, as steps. Nothing here keeps what is not in the store.

    It has the steps of its roles: those of the rules with `rules`, those of dispatch with `link`. It closes the rules
    it was given, those it took over from `files`, where it has them to look at, and the engine for heavy work.
    `sender` is how the histories of commands name it; over `crews` the tablets of trucks are told their rounds.
    """

    def __init__(
        self, settings: Settings, store: Store, territory: Territory, rules: RulesAtWork | None, clock: Clock,
        link: Link | None, files: RuleFiles | None = None, uplinks: Sequence[UplinkSource] = (),
        compute: Compute | None = None, *, sender: str | None = None, vitals: Vitals | None = None,
        crews: Broker | None = None,
    ) -> None:  # fmt: skip
        self.uplinks = uplinks
        self.settings, self.store, self.territory, self.clock = settings, store, territory, clock
        self.compute: Compute = compute or Inline()
        self.vitals = vitals or Vitals()
        self._rules = rules
        self._files = files
        self._ready: RulesAtWork | None = None
        self._law = LawFiles(settings, territory, at_once=True)
        self._bill: Reading | None = None
        self._closures = closure_file(settings)
        self._contracts = contract_file(settings)
        self.news = threading.Event()  # readings have been committed beside the loop: a cycle is due
        self.notifier = Notifier(settings, store, territory, clock)
        # Workers of their own: a solve may take minutes, and no rule waits for it.
        shared = settings.rule_groups > 0 and rules is not None
        deciders = Counted(compute_of(settings, patient=True)) if shared and compute is not None else self.compute
        self._groups = RuleGroups(settings, store, territory, deciders) if shared else None
        self._crews, self._tablets = crews, Tablets()
        sender = sender or f"{socket.gethostname()}:{os.getpid()}"
        points = territory.points
        self._dispatcher = None if link is None else dispatcher_of(settings, store, link, clock, points, sender)

    @property
    def rules(self) -> RulesAtWork:
        """The rules in service."""
        if self._rules is None:
            raise ConsigneError("this process has no rules: its roles are others")
        return self._rules

    @property
    def dispatcher(self) -> Dispatcher:
        if self._dispatcher is None:
            raise ConsigneError("this process sends nothing: its roles are others")
        return self._dispatcher

    @property
    def context(self) -> JobContext:
        """What scheduled jobs see of it."""
        return JobContext(self.settings, self.store, self.territory, self.clock, self.compute, self.vitals)

    def ingest(self, messages: Sequence[Message], source: Broker) -> Intake:
        """Commit these messages, then acknowledge them."""
        skew = timedelta(seconds=self.settings.clock_skew_s)
        intake = store_messages(self.store, self.territory, messages, received_at=self.clock.now(), skew=skew)
        source.ack(messages)
        return intake

    def hear(self, source: UplinkSource) -> None:
        """Commit what has come from devices that have a network server of their own."""
        if source.step(self.context):
            self.news.set()

    def cycle(self) -> CycleResult:
        """One rule cycle at the clock's time."""
        if self._groups is not None:
            return self._groups.cycle(self.rules, self.clock.now())
        return run_cycle(self.store, self.territory, self.rules, self.clock.now())

    def tend_batches(self) -> int:
        """Move large batches on. Returns how many changed."""
        return tend_batches(self.store, self.territory, self.clock.now())

    def tend_holds(self) -> None:
        """See to the holds that end."""
        tend_holds(self.store, self.territory, self.clock.now())

    def tell_rounds(self) -> int:
        """Tell the tablets of trucks whose round has changed. Returns of how many; 0 where no truck is told."""
        if (line := self._crews) is None:
            return 0
        with self.store.read() as unit:
            news = self._tablets.news(unit, self.territory, self.clock.now())
        for topic, payload in news.items():
            line.publish(topic, payload, retain=True)
        if news:
            line.flush()
        self._tablets.remember(news)
        return len(news)

    def announce(self) -> None:
        """Write down which rules are in service."""
        with self.store.begin() as unit:
            announce(unit, self.rules, self.clock.now())

    def look_at_rules(self) -> None:
        """Try rule files that have changed, beside the cycles. What fails is told, and what is in service goes on."""
        if self._files is None or self._ready is not None:
            return
        now = self.clock.now()
        trial = self._files.look(self.store, self.rules.rulebook, now)
        if trial is None:
            return
        self._ready = trial.ready
        for problem in trial.problems:
            _log.error("rules refused", problem=problem, in_service=self.rules.rulebook.version)
        if trial.problems:
            metrics.count_reload("refused")
        if trial.ready is None:
            with self.store.begin() as unit:
                note_trial(unit, trial, now)

    def look_at_law(self) -> None:
        """Read orders that have changed, beside the cycles. What has a mistake is told, and what is in force stays."""
        if self._bill is not None:
            return
        reading = self._law.look()
        for problem in () if reading is None else reading.problems:
            _log.error("orders refused", problem=problem)
        self._bill = reading

    def look_at_closures(self) -> None:
        """Read closures that have changed, beside the cycles: rounds under way that they concern are to be planned
        again. What has a mistake is told.
        """
        reading = self._closures.look()
        if reading is None:
            return
        with self.store.begin() as unit:
            changed, asked = take_closures(unit, self.territory, reading, self.clock.now())
        self._closures.keep(reading)
        for problem in reading.problems:
            _log.error("closures refused", problem=problem)
        if changed:
            _log.info("closures changed", changed=changed, rounds_asked_for_again=asked)

    def look_at_contracts(self) -> None:
        """Read contracts of energy that have changed, beside the cycles: buildings are to be planned again by them.
        What has a mistake is told.
        """
        reading = self._contracts.look()
        if reading is None:
            return
        with self.store.begin() as unit:
            changed = take_contracts(unit, reading, self.clock.now())
        self._contracts.keep(reading)
        for problem in reading.problems:
            _log.error("contracts refused", problem=problem)
        if changed:
            _log.info("contracts changed, plans asked for again", changed=changed)

    def enact(self) -> None:
        """Have orders that were read bind, between two cycles: the next one, which is due at once, settles every point
        of a domain that they bind otherwise.
        """
        reading, now = self._bill, self.clock.now()
        if reading is None:
            return
        with self.store.begin() as unit:
            note_reading(unit, reading, reading.ready.law if reading.ready else self.territory.law, now)
        if reading.ready is not None:
            self.territory.enact(reading.ready)
            _log.info("orders in force", drought=[entry.id for entry in reading.ready.drought.levels])
            self.news.set()
        self._bill = None

    def take_over(self) -> None:
        """Put rules that are ready in service, between two cycles: they go on from what those before remember."""
        ready, before, now = self._ready, self.rules, self.clock.now()
        if ready is None:
            return
        changes = differences(before.rulebook, ready.rulebook)
        with self.store.begin() as unit:
            memory = ready.recall(unit)
            unit.audit.append("rules", "reload", ready.rulebook.version, changes, now)
            announce(unit, ready, now)
        ready.keep(*memory)
        self._rules, self._ready = ready, None
        before.close()
        metrics.count_reload("taken")
        _log.info("rules taken over", **changes)

    def tell(self) -> None:
        """Write to those who must hear of alarms."""
        self.notifier.tell(self.rules.rulebook)

    def post(self) -> None:
        """Send what was written."""
        self.notifier.post()

    def close(self) -> None:
        """End what runs behind the rules and behind the heavy work."""
        self.compute.close()
        if self._groups is not None:
            self._groups.close()
        for rules in (self._rules, self._ready):
            if rules is not None:
                rules.close()
