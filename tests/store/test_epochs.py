"""A database that replaces another begins a later epoch."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier

from engine.model import sequence
from engine.store import Store

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTES = 3_625_200  # from 2020-01-01T00:00Z until NOW


def current(store: Store, at: datetime) -> int:
    with store.begin() as unit:
        return unit.epochs.current(at)


def advance(store: Store, at: datetime) -> int:
    with store.begin() as unit:
        return unit.epochs.advance(at)


def test_an_epoch_is_set_once(bare: Store) -> None:
    assert current(bare, NOW) == MINUTES
    assert current(bare, NOW + timedelta(days=400)) == MINUTES
    with bare.read() as unit:
        assert unit.epochs.current(NOW + timedelta(days=800)) == MINUTES


def test_each_advance_is_later_whatever_the_clock_says(bare: Store) -> None:
    assert advance(bare, NOW) == MINUTES
    assert advance(bare, NOW) == MINUTES + 1
    assert advance(bare, NOW - timedelta(days=1)) == MINUTES + 2
    assert advance(bare, NOW + timedelta(hours=1)) == MINUTES + 60
    assert current(bare, NOW) == MINUTES + 60


def test_two_who_ask_first_hear_the_same(bare: Store, another: Callable[[], Store]) -> None:
    stores = [bare, another(), another()]
    together = Barrier(len(stores))

    def ask(number: int) -> int:
        together.wait(30)
        return current(stores[number], NOW + timedelta(minutes=number))

    with ThreadPoolExecutor(len(stores)) as pool:
        assert len(set(pool.map(ask, range(len(stores))))) == 1


def test_after_a_restore_every_sequence_is_greater(bare: Store, tmp_path: Path) -> None:
    """The database that was backed up went on sending; the restored one must still be heard."""
    before = current(bare, NOW)
    bare.backup(tmp_path / "x.zip")
    for name, at in (("soon.db", NOW), ("later.db", NOW + timedelta(days=1))):
        restored = Store.open(f"sqlite:///{tmp_path / name}", create=True)
        restored.restore(tmp_path / "x.zip", at)
        assert sequence(current(restored, at), 1) > sequence(before, 2**30 - 1)
        restored.close()
