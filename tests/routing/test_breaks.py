"""Breaks are thought of where they may be needed, and tours are timed with them."""

from math import inf

from optimizers.routing import WorkRules
from optimizers.routing.breaks import ahead_of, breaks

EU = WorkRules(id="eu", longest_drive_s=16200.0, drive_break_s=2700.0, split_s=(900.0, 1800.0))
DAY = WorkRules(id="day", longest_work_s=21600.0, work_break_s=1800.0)


def test_what_is_ahead_adds_up() -> None:
    ahead = ahead_of([100.0, 200.0, 300.0], [10.0, 20.0, 0.0], [-inf, 500.0, -inf])
    assert [(one.drives_s, one.works_s, one.open) for one in ahead] == [
        (600.0, 630.0, False),
        (500.0, 520.0, False),
        (300.0, 300.0, True),
    ]


def test_a_break_that_is_not_needed_before_the_end_is_none() -> None:
    (ahead,) = ahead_of([3000.0], [0.0], [-inf])
    assert not list(breaks(EU, 0.0, 13000.0, 0.0, 0, ahead))
    assert list(breaks(EU, 0.0, 14000.0, 0.0, 0, ahead)) == [2700.0, 900.0]
    assert list(breaks(EU, 0.0, 14000.0, 0.0, 1, ahead)) == [2700.0, 1800.0]


def test_a_wait_is_a_time_for_a_break() -> None:
    (ahead,) = ahead_of([100.0], [30000.0], [5000.0])
    assert list(breaks(DAY, 1000.0, 0.0, 900.0, 0, ahead)) == [1800.0]
    assert list(breaks(DAY, 1000.0, 0.0, 0.0, 0, ahead)) == []
