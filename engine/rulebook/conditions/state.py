"""What a lane remembers between two steps, as columns; and how its instances look at it at an instant."""

import numpy as np

from engine.rulebook.conditions.arrays import ALWAYS, FALSE, NEVER, TRUE, UNKNOWN, Bools, Floats, Ints, Truths, distinct
from engine.rulebook.conditions.calendars import Calendars
from engine.rulebook.conditions.cuts import UNSEEN
from engine.rulebook.conditions.layout import Layout
from engine.rulebook.conditions.samples import Samples
from engine.rulebook.language import WindowFunction

IDLE, SET, RESET = 0, 1, 2


class State:
    """The newest reading of every series, the samples of windows, and where every instance stands.

    A series: `at` (NEVER: none), scaled `value`, its `spot` among the cuts (−1: UNKNOWN), that of its age, when its
    value last changed. A window: its spot, when it has to be looked at again, and, where it is calm (no
    choice among its samples could leave the spot), bounds of these.
    An instance: `run` (of its set condition, of its reset condition, or neither; of an own part: its truth), since
    when, whether `raised` and since when, when its run's delay is `due`, when to look again (`wake`), when it was born.
    A subject: `due`, no later than anything of it is due.
    """

    def __init__(self, layout: Layout) -> None:
        series, instances = len(layout.series_subject), len(layout.instance_subject)
        self.layout = layout
        self.at = np.full(series, NEVER)
        self.value = np.zeros(series, np.int64)
        self.spot = np.full(series, -1, np.int64)
        self.changed_at = np.full(series, NEVER)
        self.differs = np.zeros(series, np.bool_)
        self.run = np.where(layout.item_part[layout.instance_item] >= 0, UNKNOWN, IDLE).astype(np.int8)
        self.since = np.full(instances, NEVER)
        self.raised = np.zeros(instances, np.bool_)
        self.raised_at = np.full(instances, NEVER)
        self.due = np.full(instances, ALWAYS)
        self.wake = np.full(instances, ALWAYS)
        self.born = np.full(instances, NEVER)
        self.subject_due = np.full(len(layout.subjects), ALWAYS)
        self.age_spot = np.full(series, -1, np.int64)
        self.term_spot = np.full(len(layout.term_subject), UNSEEN, np.int64)
        self.term_due = np.full(len(layout.term_subject), ALWAYS)
        self.term_low = np.zeros(len(layout.term_subject), np.int64)
        self.term_high = np.zeros(len(layout.term_subject), np.int64)
        self.term_calm = np.zeros(len(layout.term_subject), np.bool_)
        self._set_up_samples()
        self._set_up_successions()

    def _set_up_samples(self) -> None:
        properties, series_property = self.layout.properties, self.layout.series_property
        self.samples: dict[int, Samples] = {}
        self.ring = np.full(len(series_property), -1, np.int64)
        for number, retain in enumerate(properties.retain):
            if retain:
                places = np.flatnonzero(series_property == number)
                self.ring[places] = np.arange(len(places))
                self.samples[number] = Samples(len(places), retain, counter=bool(properties.counter[number]))

    def _set_up_successions(self) -> None:
        """For each instance of a sequence: the last rise of its first part, both truths before, whether it holds."""
        keys = [
            (number << 40) | np.flatnonzero(self.layout.instance_item == item)
            for number, (item, _) in enumerate(self.layout.successions)
        ]
        self.succession_key = np.concatenate(keys) if keys else np.empty(0, np.int64)
        self.succession_rise = np.full(len(self.succession_key), NEVER)
        self.succession_before = np.zeros((2, len(self.succession_key)), np.int8)
        self.succession_holds = np.zeros(len(self.succession_key), np.bool_)


class Moment:
    """Some instances, each at its own instant: what `forms` asks of them."""

    def __init__(self, state: State, calendars: Calendars, instances: Ints, t: Ints) -> None:
        layout = state.layout
        self._state, self._calendars = state, calendars
        self._instances = instances
        self._subject = layout.instance_subject[instances].astype(np.int64)
        self._start = layout.series_start[self._subject]
        self.t = t

    def newest(self, place: Ints) -> tuple[Ints, Ints, Bools]:
        series = self._start + place
        state = self._state
        return state.at[series], state.value[series], state.spot[series] >= 0

    def scale(self, place: Ints) -> Floats:
        found: Floats = self._state.layout.properties.scale[self._properties(place)]
        return found

    def stale(self, place: Ints) -> Ints:
        found: Ints = self._state.layout.properties.stale[self._properties(place)]
        return found

    def _properties(self, place: Ints) -> Ints:
        found: Ints = self._state.layout.series_property[self._start + place]
        return found

    def born(self) -> Ints:
        return self._state.born[self._instances]

    def window(self, function: WindowFunction, place: Ints, width: Ints) -> tuple[Ints, Ints, Ints]:
        out = tuple(np.zeros(len(place), np.int64) for _ in range(3))
        for samples, rows, ring in self._rings(place):
            for column, made in zip(out, samples.window(function, ring, self.t[rows], width[rows]), strict=True):
                column[rows] = made
        return out[0], out[1], out[2]

    def departs(self, place: Ints, width: Ints) -> Ints:
        out = np.full(len(place), ALWAYS)
        for samples, rows, ring in self._rings(place):
            out[rows] = samples.departs(ring, self.t[rows], width[rows])
        return out

    def before(self, place: Ints, instant: Ints) -> tuple[Ints, Ints]:
        at, value = np.full(len(place), NEVER), np.zeros(len(place), np.int64)
        for samples, rows, ring in self._rings(place):
            at[rows], value[rows] = samples.before(ring, instant[rows])
        return at, value

    def _rings(self, place: Ints) -> list[tuple[Samples, Ints, Ints]]:
        series = self._start + place
        number = self._state.layout.series_property[series]
        found = []
        for prop in distinct(number):
            rows = np.flatnonzero(number == prop)
            found.append((self._state.samples[int(prop)], rows, self._state.ring[series[rows]]))
        return found

    def changed(self, place: Ints) -> tuple[Ints, Bools]:
        series = self._start + place
        return self._state.changed_at[series], self._state.differs[series]

    def calendar(self, atom: Ints) -> tuple[Truths, Ints]:
        return self._calendars.look(atom, self._state.layout.group[self._subject], self.t)

    def text(self, test: Ints) -> Truths:
        found: Truths = self._state.layout.texts[test, self._subject]
        return found

    def attribute(self, number: Ints) -> tuple[Floats, Bools]:
        found = self._state.layout.attributes[number, self._subject]
        return found, np.isfinite(found)

    def succession(self, number: Ints, first: Truths, second: Truths, within: Ints) -> Truths:
        """Takes both parts' truths down, and says whether the second follows the first."""
        state = self._state
        place = np.searchsorted(state.succession_key, (number << 40) | self._instances)
        was_first, was_second = state.succession_before[:, place]
        rise = (second == TRUE) & (was_second != TRUE)
        in_time = (state.succession_rise[place] != NEVER) & (state.succession_rise[place] >= self.t - within)
        holds = np.where(rise, in_time, state.succession_holds[place] & (second == TRUE))
        state.succession_holds[place] = holds
        state.succession_rise[place] = np.where(
            (first == TRUE) & (was_first != TRUE), self.t, state.succession_rise[place]
        )
        state.succession_before[:, place] = first, second
        found: Truths = np.where(second == UNKNOWN, UNKNOWN, np.where(holds, TRUE, FALSE)).astype(np.int8)
        return found
