"""What readings and time do to the signals of each subject, and which instances that concerns.

A signal is a series' value, its age, or a window of it. Each has its spot among the cuts of its profile: only the
comparisons between two spots can have changed their truth, and only their instances are looked at.
"""

import numpy as np

from engine.rulebook.conditions.arrays import ALWAYS, NEVER, Bools, Ints, distinct, grouped, lowest, spread
from engine.rulebook.conditions.cuts import FUNCTIONS, UNSEEN, Cuts, Table
from engine.rulebook.conditions.layout import Layout
from engine.rulebook.conditions.samples import Samples
from engine.rulebook.conditions.state import State
from engine.rulebook.language import WindowFunction

# What these make of samples lies between what they make of the least and of the greatest.
_BOUNDED = frozenset(
    {WindowFunction.AVG, WindowFunction.MIN, WindowFunction.MAX, WindowFunction.P95, WindowFunction.DELTA}
)
_AVG, _DELTA = FUNCTIONS.index(WindowFunction.AVG), FUNCTIONS.index(WindowFunction.DELTA)


class Signals:
    """The series and windows of a lane."""

    def __init__(self, layout: Layout, state: State) -> None:
        self._layout, self._state = layout, state

    def refresh(self, t: Ints) -> None:
        """Work out the spots anew from what the series are, at each subject's instant; those of windows when they are
        looked at next."""
        layout, state = self._layout, self._state
        known = np.flatnonzero(state.at != NEVER)
        now = t[layout.series_subject[known]]
        state.spot[known] = np.where(self._stale(known) > now, self._value_spot(known), -1)
        state.age_spot[known] = self._age_spot(known, now)
        state.term_spot[:], state.term_calm[:] = UNSEEN, False
        for number, terms in grouped(layout.series_property[layout.term_series]):
            ring, now = state.ring[layout.term_series[terms]], t[layout.term_subject[terms]]
            state.term_due[terms] = state.samples[number].departs(ring, now, layout.term_width[terms])

    def take(self, series: Ints, at: Ints, value: Ints, e: Ints) -> tuple[Ints, Ints]:
        """One message of each of some subjects. Returns the instances it concerns, and when the signals of each of its
        series turn by themselves next."""
        layout, state = self._layout, self._state
        self._store(series, at, value, e)
        newest = at >= state.at[series]
        before, age_before, latest = state.spot[series], state.age_spot[series], state.at[series]
        self._accept(series[newest], at[newest], value[newest], e[newest])
        subject, group = layout.series_subject[series], layout.series_group[series]
        concerned = [
            self._between(subject, layout.cuts, group, before, state.spot[series]),
            self._between(subject, layout.ages, group, age_before, state.age_spot[series]),
            self._of(subject, layout.rich, group),
        ]
        due = self._series_due(series)
        terms, owner = self._fed(series)
        if len(terms):
            stirred = np.flatnonzero(~self._stays_calm(terms, value[owner], at[owner], latest[owner]))
            terms, owner = terms[stirred], owner[stirred]
            concerned.append(self._measure(terms, e[owner]))
            np.minimum.at(due, owner, state.term_due[terms])
        return distinct(np.concatenate(concerned)), due

    def fade(self, subjects: Ints, t: Ints) -> Ints:
        """Values and ages that pass an age, and samples that leave a window, by t. Returns the instances concerned."""
        layout, state = self._layout, self._state
        series, owner = spread(layout.series_start[subjects], layout.series_count[subjects])
        now = t[owner]
        gone = series[(state.spot[series] >= 0) & (self._stale(series) <= now)]
        state.spot[gone] = -1
        group, subject = layout.series_group[gone], layout.series_subject[gone]
        nowhere = np.full(len(gone), -1)
        concerned = [
            self._between(subject, layout.cuts, group, nowhere, np.zeros_like(nowhere)),
            self._of(subject, layout.rich, group),
            self._grow_old(series, now),
        ]
        terms, owner = spread(layout.term_start[subjects], layout.term_count[subjects])
        due = state.term_due[terms] <= t[owner]
        if due.any():
            concerned.append(self._measure(terms[due], t[owner[due]]))
        return distinct(np.concatenate(concerned))

    def due_of(self, subjects: Ints) -> Ints:
        """When a signal of each subject turns by itself next."""
        layout = self._layout
        series, owner = spread(layout.series_start[subjects], layout.series_count[subjects])
        fades = lowest(len(subjects), owner, self._series_due(series))
        terms, owner = spread(layout.term_start[subjects], layout.term_count[subjects])
        return np.minimum(fades, lowest(len(subjects), owner, self._state.term_due[terms]))

    def _accept(self, series: Ints, at: Ints, value: Ints, e: Ints) -> None:
        """Readings that are the newest of their series."""
        state = self._state
        differs = (state.at[series] != NEVER) & (state.value[series] != value)
        state.changed_at[series] = np.where(differs, at, state.changed_at[series])
        state.differs[series] = differs
        state.at[series], state.value[series] = at, value
        state.spot[series] = np.where(self._stale(series) > e, self._value_spot(series), -1)
        state.age_spot[series] = self._age_spot(series, e)

    def _store(self, series: Ints, at: Ints, value: Ints, e: Ints) -> None:
        """Samples for the windows."""
        ring = self._state.ring[series]
        wanted = np.flatnonzero(ring >= 0)
        for number, rows in grouped(self._layout.series_property[series[wanted]]):
            chosen = wanted[rows]
            self._state.samples[number].add(ring[chosen], at[chosen], value[chosen], e[chosen])

    def _grow_old(self, series: Ints, now: Ints) -> Ints:
        """Ages that reach a cut."""
        layout, state = self._layout, self._state
        before = state.age_spot[series]
        reached = (before >= 0) & (self._age_due(series) <= now)
        series, before = series[reached], before[reached]
        state.age_spot[series] = self._age_spot(series, now[reached])
        group, subject = layout.series_group[series], layout.series_subject[series]
        return self._between(subject, layout.ages, group, before, state.age_spot[series])

    def _measure(self, terms: Ints, t: Ints) -> Ints:
        """Work windows out. Returns the instances that the change of their spots concerns."""
        layout, state = self._layout, self._state
        before = state.term_spot[terms]
        series = layout.term_series[terms]
        kind = layout.series_property[series] * len(FUNCTIONS) + layout.term_function[terms]
        for number, rows in grouped(kind):
            prop, function = divmod(number, len(FUNCTIONS))
            chosen = terms[rows]
            self._work_out(prop, FUNCTIONS[function], chosen, state.ring[series[rows]], t[rows])
        after = state.term_spot[terms]
        return self._between(layout.term_subject[terms], layout.cuts, layout.term_group[terms], before, after)

    def _work_out(self, prop: int, function: WindowFunction, terms: Ints, ring: Ints, t: Ints) -> None:
        """Windows of one property and function: where they stand among the cuts, and when to look at them again."""
        layout, state = self._layout, self._state
        samples, width = state.samples[prop], layout.term_width[terms]
        made, count, _ = samples.window(function, ring, t, width)
        if function is WindowFunction.AVG:
            whole, part = np.divmod(made, np.maximum(count, 1))
            made = 2 * whole + (part > 0)
        known = (count >= layout.term_at_least[terms]) | (function is WindowFunction.COUNT)
        state.term_spot[terms] = np.where(known, layout.cuts.spot(layout.term_group[terms], made), -1)
        state.term_due[terms] = samples.departs(ring, t, width)
        if function in _BOUNDED:
            self._calm(samples, terms, ring, t, known)

    def _calm(self, samples: Samples, terms: Ints, ring: Ints, t: Ints, known: Bools) -> None:
        """Windows that nothing but a new sample can move are left alone until too few samples are left."""
        layout, state = self._layout, self._state
        low, high, thins_out = samples.extent(ring, t, layout.term_width[terms], layout.term_at_least[terms])
        state.term_low[terms], state.term_high[terms] = low, high
        calm = known.copy()
        calm[known] = self._narrow(terms[known], low[known], high[known])
        state.term_calm[terms] = calm
        state.term_due[terms] = np.where(calm, thins_out, state.term_due[terms])

    def _stays_calm(self, terms: Ints, value: Ints, at: Ints, latest: Ints) -> Bools:
        """Whether calm windows stay so with one more sample, which their bounds take in. `latest` was the newest."""
        state = self._state
        calm = state.term_calm[terms].copy()
        quiet, value, at, latest = terms[calm], value[calm], at[calm], latest[calm]
        state.term_low[quiet] = np.minimum(state.term_low[quiet], value)
        state.term_high[quiet] = np.maximum(state.term_high[quiet], value)
        calm[calm] = self._narrow(quiet, state.term_low[quiet], state.term_high[quiet])
        # The last sample too many to lose is the new one, or where two are wanted the one before it.
        at_least = self._layout.term_at_least[quiet]
        last = np.where(at_least == 1, at, np.where((at_least == 2) & (latest < at), latest, NEVER))
        state.term_due[quiet] = np.maximum(state.term_due[quiet], last + self._layout.term_width[quiet])
        return calm

    def _narrow(self, terms: Ints, low: Ints, high: Ints) -> Bools:
        """Whether no cut lies between the least and the greatest that windows of such samples can make."""
        cuts, group, kind = self._layout.cuts, self._layout.term_group[terms], self._layout.term_function[terms]
        doubled, spread_out = kind == _AVG, kind == _DELTA
        least = np.where(spread_out, low - high, np.where(doubled, 2 * low, low))
        most = np.where(spread_out, high - low, np.where(doubled, 2 * high, high))
        narrow: Bools = (cuts.spot(group, least) == cuts.spot(group, most)) & ~(spread_out & self._counts(terms))
        return narrow

    def _counts(self, terms: Ints) -> Bools:
        """Whether windows are of counters, whose growth their extremes do not bound."""
        number = self._layout.series_property[self._layout.term_series[terms]]
        found: Bools = self._layout.properties.counter[number]
        return found

    def _fed(self, series: Ints) -> tuple[Ints, Ints]:
        """The windows that look at some series, and the place of the series of each."""
        layout = self._layout
        group = layout.series_group[series]
        rank, owner = spread(layout.fed.start[group], layout.fed.count[group])
        return layout.term_start[layout.series_subject[series[owner]]] + layout.fed.rank[rank], owner

    def _between(self, subject: Ints, cuts: Cuts, group: Ints, before: Ints, after: Ints) -> Ints:
        rank, owner = cuts.between(group, before, after)
        return self._layout.instance_start[subject[owner]] + rank

    def _of(self, subject: Ints, table: Table, group: Ints) -> Ints:
        rank, owner = spread(table.start[group], table.count[group])
        return self._layout.instance_start[subject[owner]] + table.rank[rank]

    def _value_spot(self, series: Ints) -> Ints:
        return self._layout.cuts.spot(self._layout.series_group[series], self._state.value[series])

    def _age_spot(self, series: Ints, t: Ints) -> Ints:
        return self._layout.ages.spot(self._layout.series_group[series], t - self._state.at[series])

    def _stale(self, series: Ints) -> Ints:
        """When each value becomes UNKNOWN."""
        found: Ints = self._state.at[series] + self._layout.properties.stale[self._layout.series_property[series]]
        return found

    def _age_due(self, series: Ints) -> Ints:
        """When each age reaches its next cut."""
        ages, state = self._layout.ages, self._state
        spot, end = state.age_spot[series], ages.end[self._layout.series_group[series]]
        waits = (spot >= 0) & (spot < end)
        if not len(ages.value):
            return np.full(len(series), ALWAYS)
        return np.where(waits, state.at[series] + ages.value[np.where(waits, spot, 0)], ALWAYS)

    def _series_due(self, series: Ints) -> Ints:
        fades = np.where(self._state.spot[series] >= 0, self._stale(series), ALWAYS)
        return np.minimum(fades, self._age_due(series))
