"""A step aside is begun when it is time, and less often when it takes long."""

from types import SimpleNamespace

import pytest

from jobs.service import Aside
from jobs.service import aside as service_aside


@pytest.mark.parametrize(("cpu_s", "share", "next_at"), [(1.0, 0.1, 12.0), (0.1, 0.1, 4.0), (100.0, 1.0, 102.0)])
def test_a_step_takes_its_share_at_most(
    monkeypatch: pytest.MonkeyPatch, cpu_s: float, share: float, next_at: float
) -> None:
    clock = SimpleNamespace(wall=0.0, cpu=0.0)
    begun: list[float] = []
    monkeypatch.setattr(
        service_aside, "time", SimpleNamespace(monotonic=lambda: clock.wall, thread_time=lambda: clock.cpu)
    )

    def step() -> None:
        begun.append(clock.wall)
        clock.cpu += cpu_s

    def poll(at: float) -> None:
        clock.wall = at
        aside.poll()
        if aside._running is not None:
            aside._running.result()

    with Aside(step, 2.0, share) as aside:
        for at in (0.0, 1.9, 2.0, next_at - 0.1, next_at):
            poll(at)
    assert begun == [2.0, next_at]
