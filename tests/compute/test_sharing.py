"""How workers are shared out, whatever is asked for and in whatever order they come free."""

from collections import Counter
from collections.abc import Hashable

from hypothesis import given
from hypothesis import strategies as st

from jobs.compute.child import Work
from jobs.compute.sharing import Call, Queue, Seat, Task

Asked = list[tuple[Hashable | None, int]]  # key and threads of each task of a call
calls = st.lists(
    st.lists(st.tuples(st.sampled_from([None, "a", "b", "c", "d"]), st.integers(1, 2)), max_size=8), max_size=4
)


def task(key: Hashable | None, threads: int) -> Task:
    return Task(lambda: Work(b"", 1.0, 1, threads), threads, key)


class Shop:
    """Seats that take tasks as the threads of an engine do, one step at a time."""

    def __init__(self, seats: int) -> None:
        self.seats = [Seat(n) for n in range(seats)]
        self.queue = Queue(self.seats)
        self.taken: list[tuple[Seat, Call, Task]] = []

    def take(self, n: int) -> bool:
        """Whether a seat that is free found something."""
        seat = self.seats[n % len(self.seats)]
        found = None if seat.call else self.queue._next(seat)
        if found is not None:
            seat.threads = found[1].threads
            self.taken.append((seat, *found))
        return found is not None

    def free(self, n: int) -> None:
        self.seats[n % len(self.seats)].call = None

    def finish(self) -> None:
        """Until nobody finds anything: a task that suits nobody would wait for ever."""
        while True:
            for n in range(len(self.seats)):
                self.free(n)
            if not sum(self.take(n) for n in range(len(self.seats))):
                return


@given(calls, st.integers(1, 3), st.lists(st.tuples(st.booleans(), st.integers(0, 2)), max_size=30))
def test_every_task_is_taken_once(asked: list[Asked], seats: int, steps: list[tuple[bool, int]]) -> None:
    shop = Shop(seats)
    tasks = [[task(*one) for one in call] for call in asked]
    for call, (takes, n) in zip(tasks, [*steps, *[(True, 0)] * len(tasks)], strict=False):
        shop.queue.add(call)
        shop.take(n) if takes else shop.free(n)
    for takes, n in steps:
        shop.take(n) if takes else shop.free(n)
    shop.finish()
    assert Counter(id(one) for *_, one in shop.taken) == Counter(id(one) for call in tasks for one in call)


@given(st.lists(st.sampled_from("abcde"), max_size=20), st.integers(1, 3))
def test_within_a_call_a_key_keeps_to_one_seat_and_its_order(keys: list[str], seats: int) -> None:
    shop = Shop(seats)
    tasks = [task(key, 1) for key in keys]
    shop.queue.add(tasks)
    shop.finish()
    for key in set(keys):
        mine = [(seat.number, one) for seat, _, one in shop.taken if one.key == key]
        assert len({number for number, _ in mine}) == 1
        assert [one for _, one in mine] == [one for one in tasks if one.key == key]
    homes = Counter({key: seat.number for seat, _, one in shop.taken for key in [one.key]}.values())
    assert not homes or max(homes.values()) - min(homes.get(n, 0) for n in range(seats)) <= 1


@given(st.integers(1, 6), st.integers(1, 6))
def test_two_callers_take_turns(one: int, other: int) -> None:
    shop = Shop(1)
    first, second = (shop.queue.add([task(None, 1) for _ in range(n)]) for n in (one, other))
    shop.finish()
    order = [call for _, call, _ in shop.taken]
    both = min(one, other)
    assert order[: 2 * both] == [first, second] * both


def test_a_seat_whose_process_has_the_threads_goes_first() -> None:
    shop = Shop(3)
    shop.seats[0].threads, shop.seats[1].threads = 1, 2
    shop.queue.add([task(None, 2)])
    assert not shop.take(0)
    assert not shop.take(2)
    assert shop.take(1)
    shop.queue.add([task(None, 2)])
    assert not shop.take(0), "an empty seat is there: nobody's process is given up"
    assert shop.take(2)
