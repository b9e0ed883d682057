"""What a process knows of the newest readings, and when it must ask again."""

import numpy as np
import pytest

from engine.store.newest import NEVER, Newest, Version


def _ints(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int32)


def _instants(*instants: int) -> np.ndarray:
    return np.array(instants, np.int64)


@pytest.fixture
def newest() -> Newest:
    """Zone 1 with series 0 and 5, zone 2 with series 3."""
    made = Newest()
    made.load({1: Version(7, 1), 2: Version(4, 1)}, _ints(0, 5, 3), _ints(1, 1, 2), _instants(10, 20, 30))
    return made


def test_nothing_is_known_at_first() -> None:
    newest = Newest()
    assert newest.unknown({1: Version(0, 0)}) == [1]
    zone, instants = newest.of(_ints(0, 9))
    assert zone.tolist() == [-1, -1]
    assert instants.tolist() == [NEVER, NEVER]


def test_what_was_loaded_is_known(newest: Newest) -> None:
    assert newest.unknown({1: Version(7, 1), 2: Version(4, 1)}) == []
    zone, instants = newest.of(_ints(5, 3, 0, 3))
    assert zone.tolist() == [1, 2, 1, 2]
    assert instants.tolist() == [20, 30, 10, 30]


@pytest.mark.parametrize("number", [-1, 1, 4, 6, 2**31 - 1])
def test_a_series_nobody_has_is_in_no_zone(newest: Newest, number: int) -> None:
    assert newest.of(_ints(number))[0].tolist() == [-1]


@pytest.mark.parametrize("version", [Version(8, 1), Version(6, 1), Version(7, 2)])
def test_a_zone_that_moved_on_is_not_known(newest: Newest, version: Version) -> None:
    assert newest.unknown({1: version, 2: Version(4, 1)}) == [1]


def test_loading_a_zone_again_replaces_all_of_it(newest: Newest) -> None:
    newest.load({1: Version(8, 2)}, _ints(0, 7), _ints(1, 1), _instants(11, NEVER))
    zone, instants = newest.of(_ints(0, 3, 5, 7))
    assert zone.tolist() == [1, 2, -1, 1]
    assert instants[[0, 1, 3]].tolist() == [11, 30, NEVER]
    assert newest.unknown({1: Version(8, 2), 2: Version(4, 1)}) == []


def test_advancing_is_trusted_only_at_the_commit(newest: Newest) -> None:
    newest.forget({1: Version(7, 1)})
    newest.advance(_ints(5), _instants(25))
    assert newest.unknown({1: Version(7, 1)}) == [1]
    assert newest.unknown({1: Version(8, 1)}) == [1]
    newest.trust({1: Version(8, 1)})
    assert newest.unknown({1: Version(8, 1)}) == []
    assert newest.of(_ints(5))[1].tolist() == [25]


def test_forgetting_what_is_not_known_is_nothing(newest: Newest) -> None:
    newest.forget({99: Version(1, 1)})
    assert newest.unknown({1: Version(7, 1), 2: Version(4, 1)}) == []


def test_clearing_forgets_everything(newest: Newest) -> None:
    newest.clear()
    assert newest.unknown({1: Version(7, 1), 2: Version(4, 1)}) == [1, 2]
