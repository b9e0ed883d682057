"""Marks of a process's parts."""

import threading

import pytest

from jobs.vitals import Sign, Vitals


class Seconds:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def test_ages_are_counted_from_the_last_mark_of_each_kind() -> None:
    clock = Seconds()
    vitals = Vitals(clock)
    vitals.success("cycle")
    clock.at += 5
    vitals.failure("cycle", "the broker is away")
    clock.at += 2
    vitals.beat("cycle")
    vitals.beat("loop")
    clock.at += 1
    assert vitals.signs() == {"cycle": Sign(1, 8, 3, "the broker is away"), "loop": Sign(1)}
    assert vitals.leads_s == 8


def test_a_step_that_raises_is_a_failure_and_raises() -> None:
    vitals = Vitals(Seconds())
    with pytest.raises(ZeroDivisionError), vitals.step("dispatch"):
        _ = 1 / 0
    assert vitals.signs()["dispatch"] == Sign(0, None, 0, "division by zero")
    with vitals.step("dispatch"):
        pass
    assert vitals.signs()["dispatch"].success_s == 0


def test_who_no_longer_leads_has_done_nothing_yet_and_is_alive() -> None:
    clock = Seconds()
    vitals = Vitals(clock)
    vitals.lead({"rules": 3})
    vitals.success("cycle")
    assert vitals.fences == {"rules": 3}
    clock.at += 2
    vitals.lead({})
    assert (vitals.fences, vitals.leads_s) == ({}, 0)
    assert vitals.signs() == {"cycle": Sign(2)}


def test_threads_that_mark_at_once_lose_no_part() -> None:
    vitals = Vitals()

    def mark(number: int) -> None:
        for _ in range(200):
            vitals.success(f"part-{number}")
            vitals.failure(f"part-{number}", "x")

    threads = [threading.Thread(target=mark, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: sign.why for name, sign in vitals.signs().items()} == {f"part-{n}": "x" for n in range(8)}
