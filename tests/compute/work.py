"""Tasks for the engines' tests: functions that workers find by name, well-behaved and otherwise."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

from optimizers.result import InvalidProblem, Limits


def square(item: int, limits: Limits) -> int:
    return item * item


def limits_of(_item: object, limits: Limits) -> Limits:
    return limits


def nothing(_item: object, limits: Limits) -> None:
    return None


def process_of(_item: object, limits: Limits) -> int:
    return os.getpid()


def threads_of_process(_item: object, limits: Limits) -> tuple[int, str]:
    return os.getpid(), os.environ["OMP_NUM_THREADS"]


def sleep(item: float, limits: Limits) -> float:
    time.sleep(item)
    return item


def refuse_odd(item: int, limits: Limits) -> int:
    if item % 2:
        raise InvalidProblem([f"{item} is odd", "and more"])
    return item


def ask_for_too_much(item: int, limits: Limits) -> int:
    return len(bytearray(item))


def turned(item: bytes, limits: Limits) -> bytes:
    return item[::-1]


def time_out(*_: object) -> NoReturn:
    raise TimeoutError("by a test")


def leave(item: int, limits: Limits) -> NoReturn:
    sys.exit(item)


def leave_at_once(item: int, limits: Limits) -> NoReturn:
    os._exit(item)


def kill_itself(item: int, limits: Limits) -> None:
    os.kill(os.getpid(), item)
    time.sleep(60)


def segfault(_item: object, limits: Limits) -> None:
    ctypes.string_at(0)


def hold_the_interpreter(item: float, limits: Limits) -> None:
    """Sleep in C without letting go of the interpreter: no other thread of the process runs."""
    ctypes.PyDLL(None).usleep(int(item * 1e6))


def eat(item: int, limits: Limits) -> int:
    """Touch `item` bytes and keep them a while."""
    held = []
    for _ in range(0, item, 1 << 20):
        held.append(b"x" * (1 << 20))  # noqa: PERF401 - bit by bit, as a solver would
    time.sleep(30)
    return len(held)


def eat_in_a_child(item: int, limits: Limits) -> None:
    subprocess.run([sys.executable, "-c", f"import time; x = b'x' * {item}; time.sleep(30)"], check=True)


def start_a_child_and_hang(item: str, limits: Limits) -> None:
    """Write the numbers of this process and of the child into the file `item`."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    written = Path(item)
    written.with_suffix(".part").write_text(f"{os.getpid()} {child.pid}")
    written.with_suffix(".part").rename(written)
    ctypes.PyDLL(None).usleep(600_000_000)


def start_a_child_and_crash(item: str, limits: Limits) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(item).write_text(str(child.pid))
    os._exit(3)


def stop_oneself(_item: object, limits: Limits) -> None:
    """As a debugger or a frozen container would."""
    os.kill(os.getpid(), signal.SIGSTOP)


def give_a_lock(_item: object, limits: Limits) -> Any:
    return threading.Lock()


class Unreadable:
    """Pickles, and does not come back."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return _fail, ("there is no way back",)


def _fail(text: str) -> NoReturn:
    raise ValueError(text)


def give_unreadable(_item: object, limits: Limits) -> Unreadable:
    return Unreadable()


def group_and_interrupt(_item: object, limits: Limits) -> tuple[int, bool]:
    """The process group, and whether it ignores that a service is told to stop."""
    told = (signal.SIGINT, signal.SIGTERM)
    return os.getpgrp(), {signal.getsignal(number) for number in told} == {signal.SIG_IGN}


def standing(_item: object, limits: Limits) -> tuple[int, int]:
    """Niceness, and how readily a system out of memory takes this process."""
    return os.getpriority(os.PRIO_PROCESS, 0), int(Path("/proc/self/oom_score_adj").read_text())


def open_files(_item: object, limits: Limits) -> list[str]:
    """What the descriptors of this process stand for, but the one that looks."""
    links = [f"/proc/self/fd/{entry}" for entry in os.listdir("/proc/self/fd")]  # noqa: PTH208 - closes before we look
    return [os.readlink(link) for link in links if os.path.lexists(link)]  # noqa: PTH115


def wait_for(item: str, limits: Limits) -> int:
    """The number of this process, once the file `item` is there."""
    while not Path(item).exists():
        time.sleep(0.01)
    return os.getpid()


def await_all(item: tuple[int, str], limits: Limits) -> int:
    """Put a file into the folder `item[1]` once there are `item[0]` in it, its own among them unless that is 0."""
    count, folder = item
    while len(list(Path(folder).iterdir())) < count - 1:
        time.sleep(0.01)
    Path(folder, f"{time.monotonic_ns()}").touch()
    return count


def take_a_little(item: int, limits: Limits) -> int:
    """Touch `item` bytes, and let go of them."""
    return (bytearray(b"x") * item).count(b"x")


def close_everything(_item: object, limits: Limits) -> None:
    """Every descriptor, the way to the parent among them, and go on."""
    os.closerange(0, 1024)
    time.sleep(60)


def crash_at_five(item: int, limits: Limits) -> int:
    if item == 5:
        os._exit(1)
    return item


def note_and_wait(item: str, limits: Limits) -> int:
    """Say in the folder `item` who began, the process above and this one; this one's number once `go` is there."""
    Path(item, f"begun-{os.getppid()}-{os.getpid()}").touch()
    return wait_for(str(Path(item, "go")), limits)


def kill_the_worker_above(item: int, limits: Limits) -> None:
    os.kill(os.getppid(), item)
    time.sleep(60)


def misbehave(item: str, limits: Limits) -> str:
    """Hang in C with the interpreter held, eat memory, crash or raise, as `item` says; else be done."""
    if item == "hang":
        ctypes.PyDLL(None).usleep(600_000_000)
    elif item == "eat":
        eat(4 << 30, limits)
    elif item == "segfault":
        ctypes.string_at(0)
    elif item == "exit":
        os._exit(7)
    elif item == "raise":
        raise InvalidProblem(["told to"])
    return "done"
