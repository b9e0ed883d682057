"""How a process begins: nobody looks for garbage in what it lives with."""

import gc

import pytest

from jobs.starting import importing


class Kept:
    """Something of ours that goes round in a circle, as modules do."""

    def __init__(self) -> None:
        self.itself = self


def test_nobody_looks_for_garbage_among_what_is_imported() -> None:
    before = gc.get_freeze_count()
    with importing():
        assert not gc.isenabled()
        kept = Kept()
    assert gc.isenabled()
    assert gc.get_freeze_count() > before
    assert not any(one is kept for one in gc.get_objects())


def test_who_has_it_off_keeps_it_off() -> None:
    gc.disable()
    try:
        with importing():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_start_that_fails_leaves_it_on() -> None:
    with pytest.raises(ImportError), importing():
        raise ImportError
    assert gc.isenabled()
