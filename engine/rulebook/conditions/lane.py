"""From readings to turns: every subject is taken through its own instants, all subjects side by side.

A wave takes each subject that has something due to its next instant: the first timer of its own (a delay, an age, the
end of a window, the sun), or else its next message. Timers precede messages of one instant; delays precede expiries.
However the readings are cut into steps, a subject goes through the same instants in the same order.

A rule whose evaluation raises is quarantined: it stays as it stands, and is not looked at again.
"""

from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.rulebook.conditions.agenda import Agenda
from engine.rulebook.conditions.arrays import (
    ALWAYS,
    NEVER,
    TRUE,
    UNKNOWN,
    AnyArray,
    Bools,
    Floats,
    Ints,
    Truths,
    distinct,
    grouped,
    lowest,
    spread,
)
from engine.rulebook.conditions.calendars import Calendars
from engine.rulebook.conditions.layout import Layout
from engine.rulebook.conditions.signals import Signals
from engine.rulebook.conditions.state import IDLE, RESET, SET, Moment, State
from engine.rulebook.conditions.turns import (
    BIRTH,
    DELAY,
    EXPIRY,
    FALL,
    MESSAGE,
    PART,
    RENEWAL,
    RISE,
    Rows,
    Turns,
)

if TYPE_CHECKING:
    from engine.rulebook.conditions.keeping import Places

_CLEAR, _RAISE = 1, 2


class Lane:
    """The rules of one lateness (µs) over all subjects. Its state moves on with every `run`.

    Its time is that much behind its group's; what is born is born by the group's.
    """

    def __init__(
        self, layout: Layout, state: State, calendars: Calendars, lateness: int = 0, recalled: "Places | None" = None
    ) -> None:  # fmt: skip
        self.layout, self.state, self.lateness = layout, state, lateness
        self.signals = Signals(layout, state)
        self._calendars = calendars
        self.quarantined: dict[str, str] = {}  # rule → error
        self._stopped = np.zeros(len(layout.items), np.bool_)
        self._turns: list[Turns] = []
        self._causes = layout.item_cause.shape[1]
        self._board = np.zeros(len(layout.subjects), np.int64)
        self._agenda = Agenda(len(layout.instance_item))
        self.recalled = recalled  # where a state that was put back had its places
        self._unborn = np.arange(len(layout.instance_item))

    def run(self, rows: Rows, start: Ints, end: Ints) -> Turns:
        """Every turn after `start` (of each group, µs) up to and with `end`, in no order."""
        self._turns = []
        self._calendars.cover(int(start.min(initial=ALWAYS)), int(end.max(initial=NEVER)))
        self._bear(start)
        begins = np.flatnonzero(np.append(True, np.diff(rows.message) != 0)) if len(rows.message) else _NONE
        subject = rows.subject[begins]
        self._go(rows, begins, subject, end)
        self._agenda.tidy(self.state.due, self.state.wake)
        return self._joined()

    def resume(self, clock: Ints) -> None:
        """Work out what follows from a state that was put back, at the groups' clocks."""
        state, layout = self.state, self.layout
        t = clock - self.lateness
        self.signals.refresh(t[layout.group])
        self._unborn = np.flatnonzero(state.born == NEVER)
        self._agenda.add(np.flatnonzero(state.due != ALWAYS))
        alive = np.flatnonzero((state.born != NEVER) & layout.item_timed[layout.instance_item])
        if len(alive):
            now = t[layout.group[layout.instance_subject[alive]]]
            self._calendars.cover(int(now.min()), int(now.max()))
            self._rewake(alive, now)
        subjects = np.arange(len(layout.subjects))
        state.subject_due[subjects] = self.due_of(subjects)

    def _go(self, rows: Rows, begins: Ints, subject: Ints, end: Ints) -> None:
        state, layout = self.state, self.layout
        due = np.flatnonzero(state.subject_due <= end[layout.group])
        active = distinct(np.concatenate([subject, due]))
        following = np.searchsorted(subject, active)
        until = np.searchsorted(subject, active, side="right")
        horizon = end[layout.group[active]]
        message_e = np.append(rows.e[begins], ALWAYS)
        stops = np.append(begins[1:], len(rows.message))
        while len(active):
            limit = np.minimum(np.where(following < until, message_e[following], ALWAYS), horizon)
            timer = state.subject_due[active] <= limit
            if timer.any():
                self._timers(active[timer], limit[timer])
            told = ~timer & (following < until)
            if told.any():
                taken = following[told]
                index, _ = spread(begins[taken], stops[taken] - begins[taken])
                self._messages(rows, index)
                following[told] += 1
            keep = (following < until) | (state.subject_due[active] <= horizon)
            if not keep.all():
                active, following, until, horizon = active[keep], following[keep], until[keep], horizon[keep]

    # what happens to a subject

    def _bear(self, start: Ints) -> None:
        """Instances that were never evaluated are born at their group's start, and evaluated there."""
        state, layout = self.state, self.layout
        born, self._unborn = self._unborn, _NONE
        if not len(born):
            return
        t = start[layout.group[layout.instance_subject[born]]]
        state.born[born] = t + self.lateness
        subjects = distinct(layout.instance_subject[born])
        self.signals.refresh(start[layout.group])
        self._evaluate(born, t, BIRTH, np.full(len(born), -1))
        state.subject_due[subjects] = self.due_of(subjects)

    def _timers(self, subjects: Ints, limit: Ints) -> None:
        """Take subjects to their next own instant, where it lies within the limit."""
        state, layout = self.state, self.layout
        exact = self.due_of(subjects)
        state.subject_due[subjects] = exact
        fires = exact <= limit
        subjects, t = subjects[fires], exact[fires]
        if not len(subjects):
            return
        parts = self._agenda.of(layout.instance_start[subjects], layout.instance_count[subjects])
        instances, owner = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        self._delays(instances, t[owner])
        woken = state.wake[instances] <= t[owner]
        faded = self.signals.fade(subjects, t)
        touched = distinct(np.concatenate([instances[woken], faded]))
        if len(touched):
            at = self._instants(subjects, t)[layout.instance_subject[touched]]
            self._evaluate(touched, at, EXPIRY, np.full(len(touched), -1))
        state.subject_due[subjects] = self.due_of(subjects)

    def _instants(self, subjects: Ints, t: Ints) -> Ints:
        """The instant of each subject, by subject."""
        self._board[subjects] = t
        return self._board

    def _delays(self, instances: Ints, t: Ints) -> None:
        """Runs that have lasted their delay turn the latch; then what stands is renewed."""
        state, layout = self.state, self.layout
        due = state.due[instances] <= t
        turned, at = instances[due], t[due]
        state.due[turned] = ALWAYS
        rises = state.run[turned] == SET
        self._turn(turned, at, rises, DELAY, np.full(len(turned), -1))
        item = layout.instance_item[instances]
        every = layout.item_every[item]
        again = (every > 0) & ~self._stopped[item] & state.raised[instances] & (state.raised_at[instances] < t)
        if again.any():
            renewed, at = instances[again], t[again]
            on_time = (at - state.raised_at[renewed]) % every[again] == 0
            self._say(renewed[on_time], at[on_time], DELAY, np.full(int(on_time.sum()), -1), RENEWAL)
        if len(turned):
            self._rewake(turned[layout.item_timed[layout.instance_item[turned]]], None)

    def _messages(self, rows: Rows, index: Ints) -> None:
        """The rows of one message of each of some subjects."""
        subject, e, said = rows.subject[index], rows.e[index], rows.message[index]
        touched, due = self.signals.take(rows.series[index], rows.at[index], rows.value[index], e)
        np.minimum.at(self.state.subject_due, subject, due)
        if len(touched):
            who = self.layout.instance_subject[touched]
            place = np.searchsorted(subject, who)
            self._evaluate(touched, e[place], MESSAGE, said[place])

    def due_of(self, subjects: Ints) -> Ints:
        """When something of each subject is due next: a signal turns, a delay ends, an instance wakes."""
        state, layout = self.state, self.layout
        due = self.signals.due_of(subjects)
        for instances, owner in self._agenda.of(layout.instance_start[subjects], layout.instance_count[subjects]):
            turns = np.minimum(state.due[instances], state.wake[instances])
            due = np.minimum(due, lowest(len(subjects), owner, turns))
        return due

    # what happens to an instance

    def _evaluate(self, instances: Ints, t: Ints, phase: int, message: Ints) -> None:
        instances, t, message = self._at_work(instances, t, message)
        instances, t, message, sets, resets = self._at_work(instances, t, message, *self._truths(instances, t))
        item = self.layout.instance_item[instances]
        part = self.layout.item_part[item] >= 0
        if part.any():
            self._hand_on(instances[part], t[part], sets[part], phase, message[part])
            rest = ~part
            instances, t, message, item = instances[rest], t[rest], message[rest], item[rest]
            sets, resets = sets[rest], resets[rest]
        self._settle(instances, t, self._runs(item, sets, resets), phase, message)
        timed = self.layout.item_timed[self.layout.instance_item[self._looked]]
        self._rewake(self._looked[timed], self._looked_at[timed])

    def _truths(self, instances: Ints, t: Ints) -> tuple[Truths, Truths]:
        """The set and the reset condition of each, family by family."""
        self._looked, self._looked_at = instances, t
        item = self.layout.instance_item[instances]
        sets, resets = np.empty(len(item), np.int8), np.empty(len(item), np.int8)

        def look(rows: Ints) -> None:
            family = self.layout.families[self.layout.item_family[item[rows[0]]]]
            moment = Moment(self.state, self._calendars, instances[rows], t[rows])
            place = self.layout.item_row[item[rows]]
            sets[rows] = family.sets.truth(moment, lambda k: family.columns[k][place])
            if family.resets is None:
                resets[rows] = TRUE - sets[rows]
            else:
                resets[rows] = family.resets.truth(moment, lambda k: family.reset_columns[k][place])

        for _, rows in grouped(self.layout.item_family[item]):
            self._guarded(look, rows, item)
        return sets, resets

    def _guarded(self, look: Callable[[Ints], None], rows: Ints, item: Ints) -> None:
        """Look at some rows; where that fails, item by item, and the rule of one that fails is quarantined."""
        try:
            look(rows)
        except Exception as error:  # noqa: BLE001 - one rule must not end the others
            parts = grouped(item[rows].astype(np.int64))
            if len(parts) == 1:
                self._quarantine(self.layout.items[parts[0][0]].rule.id, error)
                return
            for _, part in parts:
                self._guarded(look, rows[part], item)

    def _quarantine(self, rule: str, error: Exception) -> None:
        self.quarantined.setdefault(rule, f"{type(error).__name__}: {error}")
        self._stopped |= np.array([item.rule.id == rule for item in self.layout.items])
        stopped = self._stopped[self.layout.instance_item]
        self.state.wake[stopped] = self.state.due[stopped] = ALWAYS

    def _at_work(self, instances: Ints, *columns: AnyArray) -> tuple[AnyArray, ...]:
        """Without the instances of quarantined rules."""
        if not self.quarantined:
            return instances, *columns
        kept = ~self._stopped[self.layout.instance_item[instances]]
        return tuple(column[kept] for column in (instances, *columns))

    def _runs(self, item: Ints, sets: Truths, resets: Truths) -> Truths:
        unknown = self.layout.item_unknown[item]
        is_set = (sets == TRUE) | ((sets == UNKNOWN) & (unknown == _RAISE))
        is_reset = ~is_set & ((resets == TRUE) | ((resets == UNKNOWN) & (unknown == _CLEAR)))
        runs: Truths = np.where(is_set, SET, np.where(is_reset, RESET, IDLE)).astype(np.int8)
        return runs

    def _settle(self, instances: Ints, t: Ints, runs: Truths, phase: int, message: Ints) -> None:
        """Runs that begin: those without a delay turn at once, the others are due later if they will turn anything."""
        state, layout = self.state, self.layout
        begins = runs != state.run[instances]
        instances, t, runs, message = instances[begins], t[begins], runs[begins], message[begins]
        state.run[instances], state.since[instances] = runs, t
        delay = layout.item_delay[runs, layout.instance_item[instances]]
        turns = (runs != IDLE) & (state.raised[instances] != (runs == SET))
        state.due[instances] = np.where(turns & (delay > 0), t + delay, ALWAYS)
        self._await(instances, state.due[instances])
        now = turns & (delay == 0)
        self._turn(instances[now], t[now], runs[now] == SET, phase, message[now])

    def _turn(self, instances: Ints, t: Ints, rises: Bools, phase: int, message: Ints) -> None:
        state = self.state
        state.raised[instances] = rises
        state.raised_at[instances] = np.where(rises, t, state.raised_at[instances])
        self._say(instances, t, phase, message, np.where(rises, RISE, FALL))

    def _hand_on(self, instances: Ints, t: Ints, truth: Truths, phase: int, message: Ints) -> None:
        changed = truth != self.state.run[instances]
        instances, t, truth = instances[changed], t[changed], truth[changed]
        self.state.run[instances], self.state.since[instances] = truth, t
        self._say(instances, t, phase, message[changed], PART + truth.astype(np.int64))

    def _rewake(self, instances: Ints, t: Ints | None) -> None:
        """When to look at instances again though nothing is read: what `forms` says, and the next renewal."""
        if not len(instances):
            return
        state, layout = self.state, self.layout
        item = layout.instance_item[instances]
        now = state.raised_at[instances] if t is None else t
        wake = state.wake[instances] if t is None else self._next(instances, item, now)
        every = layout.item_every[item]
        stands = (every > 0) & state.raised[instances]
        safe = np.maximum(every, 1)
        renewal = state.raised_at[instances] + ((now - state.raised_at[instances]) // safe + 1) * safe
        instances, wake = self._at_work(instances, np.where(stands, np.minimum(wake, renewal), wake))
        state.wake[instances] = wake
        self._await(instances, wake)

    def _await(self, instances: Ints, due: Ints) -> None:
        """Be there when instances are due."""
        waits = due != ALWAYS
        instances, due = instances[waits], due[waits]
        self._agenda.add(instances)
        np.minimum.at(self.state.subject_due, self.layout.instance_subject[instances], due)

    def _next(self, instances: Ints, item: Ints, t: Ints) -> Ints:
        wake = np.full(len(instances), ALWAYS)

        def look(rows: Ints) -> None:
            family = self.layout.families[self.layout.item_family[item[rows[0]]]]
            moment = Moment(self.state, self._calendars, instances[rows], t[rows])
            place = self.layout.item_row[item[rows]]
            for form, columns in ((family.sets, family.columns), (family.resets, family.reset_columns)):
                if form is not None and form.next is not None:
                    read = lambda k, c=columns: c[k][place]  # noqa: E731
                    wake[rows] = np.minimum(wake[rows], form.next(moment, read))

        for _, rows in grouped(self.layout.item_family[item]):
            self._guarded(look, rows, item)
        return wake

    # what is said

    def _say(self, instances: Ints, t: Ints, phase: int, message: Ints, what: Any) -> None:
        if not len(instances):
            return
        cause_at, cause_value = self._cause(instances)
        count = len(instances)
        self._turns.append(
            Turns(
                instances,
                t,
                np.full(count, phase),
                message,
                np.broadcast_to(np.asarray(what, np.int64), count),
                self.state.since[instances],
                cause_at,
                cause_value,
                self._values(instances, t),
            )
        )

    def _cause(self, instances: Ints) -> tuple[Ints, Ints]:
        """The newest samples of each instance's properties."""
        layout, state = self.layout, self.state
        places = layout.item_cause[layout.instance_item[instances]]
        series = layout.series_start[layout.instance_subject[instances]][:, None] + np.maximum(places, 0)
        if not series.size or not len(state.at):
            return np.full(series.shape, NEVER), np.zeros_like(series)
        series = np.minimum(series, len(state.at) - 1)  # what an item does not read is not shown
        return np.where(places >= 0, state.at[series], NEVER), np.where(places >= 0, state.value[series], 0)

    def _values(self, instances: Ints, t: Ints) -> Floats:
        """What the wants of rises and renewals work out."""
        values = np.full(len(instances), np.nan)
        if not self.layout.valued:
            return values
        item = self.layout.instance_item[instances].astype(np.int64)

        def look(rows: Ints) -> None:
            valued = self.layout.valued[int(item[rows[0]])]
            moment = Moment(self.state, self._calendars, instances[rows], t[rows])
            found, known = valued.number(moment, lambda k: np.repeat(valued.columns[k], len(rows)))
            values[rows] = np.where(known, found, np.nan)

        for number, rows in grouped(item):
            if number in self.layout.valued and not self._stopped[number]:
                self._guarded(look, rows, item)
        return values

    def _joined(self) -> Turns:
        if not self._turns:
            empty = np.empty(0, np.int64)
            none = np.empty((0, self._causes), np.int64)
            return Turns(empty, empty, empty, empty, empty, empty, none, none, np.empty(0))
        return Turns(*(np.concatenate([getattr(part, f.name) for part in self._turns]) for f in fields(Turns)))


_NONE = np.empty(0, np.int64)
