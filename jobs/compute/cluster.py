"""The engine of those who outgrow one machine: a Dask cluster, whose workers run each task in a process of theirs."""

import itertools
import os
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import replace
from typing import Any

import structlog

from engine.errors import Unavailable
from jobs.compute.base import Fault, FaultKind, I, O, Outcome, fault_of
from jobs.compute.child import Work
from jobs.compute.processes import MEMORY_BYTES, opened, packed, usual_grace
from jobs.compute.remote import BEGUN, run_here
from jobs.compute.same_code import differences, versions
from jobs.logs import adopt
from optimizers.result import Limits

_log = structlog.get_logger()
_HOMES = 100_000
_LOOK_EVERY_S = 1.0
_INSTALL = "pip install consigne[dask], or requirements-scale.lock"


class Dask:
    """The workers of `dask://HOST:PORT`, each with the same code as here and one thread.

    A task is bounded there as `Processes` bounds it. Where its worker dies it is begun again on another, three times
    at most; where the cluster is away, or has had no worker for `patience_s`, it is LOST, and the next call looks for
    the cluster again. Raises Unavailable at the start where it does not answer or runs other code.
    """

    name = "dask"

    def __init__(
        self, url: str, *, memory_bytes: int = MEMORY_BYTES, grace: Callable[[float], float] = usual_grace,
        answer_s: float = 10.0, patience_s: float = 60.0,
    ) -> None:  # fmt: skip
        self._address = url.replace("dask://", "tcp://", 1)
        self._memory_bytes, self._grace = memory_bytes, grace
        self._answer_s, self._patience_s = answer_s, patience_s
        self._lock, self._closing = threading.Lock(), threading.Event()
        self._begun: Counter[str] = Counter()
        self._homes: OrderedDict[Hashable, str] = OrderedDict()
        self._names = (f"{os.getpid()}-{time.time_ns():x}-{n}" for n in itertools.count())
        self._client: Any = None
        self._client = self._connect()
        self._refuse_other_code()

    def map(
        self, fn: Callable[[I, Limits], O], items: Sequence[I], limits: Limits, *,
        memory_bytes: int | None = None, key: Callable[[I], Hashable] | None = None,
    ) -> Iterator[Outcome[O]]:  # fmt: skip
        """See `Compute.map`."""
        bounds = (limits.seconds + self._grace(limits.seconds), memory_bytes or self._memory_bytes, limits.threads)
        try:
            client = self._running()
            homes = self._at_home(client, [key(item) for item in items]) if key else [None] * len(items)
            sent = [
                self._send(client, fn, item, limits, bounds, home)
                for item, home in zip(items, homes, strict=True)
            ]  # fmt: skip
        except Exception as error:  # noqa: BLE001 - whatever the library raises of a cluster that is away
            return iter([self._lost(error)] * len(items))
        return map(opened, self._outcomes(client, sent))

    def close(self) -> None:
        """See `Compute.close`. What runs on the cluster's machines ends there, within its bounds."""
        self._closing.set()
        with self._lock:
            _close(self._client)

    def _connect(self) -> Any:
        try:
            import dask  # noqa: PLC0415 - an optional library
            from distributed import Client  # noqa: PLC0415
        except ImportError as error:
            raise Unavailable(
                f"CONSIGNE_COMPUTE names a Dask cluster, and {error.name} is missing → {_INSTALL}"
            ) from None
        adopt("distributed", "tornado", "bokeh")
        # A whole territory is some 40 MB, and the scheduler shall keep it: whoever dies, it can begin again.
        dask.config.set({"distributed.admin.large-graph-warning-threshold": "2 GB"})
        try:
            client = Client(self._address, timeout=self._answer_s, set_as_default=False)
        except (OSError, ValueError) as error:
            raise Unavailable(
                f"the Dask scheduler at {self._address} does not answer ({error}) → start it (docs/scale.md), "
                "or CONSIGNE_COMPUTE=processes"
            ) from None
        client.subscribe_topic(BEGUN, self._heard)
        return client

    def _refuse_other_code(self) -> None:
        try:  # as `Client.run`, with an end
            found = self._client.sync(self._client._run, versions, on_error="return", callback_timeout=self._answer_s)
        except Exception as error:  # noqa: BLE001 - whatever unpickling and the network raise
            self.close()
            raise Unavailable(f"a Dask worker at {self._address} does not say what it runs: {error}") from None
        for address, theirs in sorted(found.items()):
            unequal = str(theirs) if isinstance(theirs, BaseException) else differences(theirs)
            if unequal:
                self.close()
                raise Unavailable(f"the Dask worker {address} runs other code: {unequal} → install the same on all")

    def _running(self) -> Any:
        """The client, or a new one where it lost its cluster. Raises Unavailable."""
        with self._lock:
            if self._closing.is_set() or self._client.status == "running":
                return self._client
            _close(self._client)
            self._client = self._connect()
            return self._client

    def _at_home(self, client: Any, keys: Sequence[Hashable]) -> list[str]:
        """The worker of each key: the one it had, else one that has the fewest."""
        workers = dict.fromkeys(client.nthreads(), 0)
        with self._lock:
            for home in self._homes.values():
                if home in workers:
                    workers[home] += 1
            for key in keys:
                if workers and self._homes.get(key) not in workers:
                    self._homes[key] = min(workers, key=workers.__getitem__)
                    workers[self._homes[key]] += 1
            while len(self._homes) > _HOMES:
                self._homes.popitem(last=False)
            return [self._homes.get(key, "") for key in keys]

    def _send(
        self, client: Any, fn: Callable[[I, Limits], O], item: I, limits: Limits, bounds: tuple[float, int, int],
        home: str | None,
    ) -> Any:  # fmt: skip
        """The future of a task, or the outcome of one that cannot travel."""
        try:
            work = Work(packed(fn, item, limits), *bounds)
        except Exception as error:  # noqa: BLE001 - pickling raises whatever the item's classes raise
            what = f"function or item do not pickle: {fault_of(error).what}"
            return Outcome(None, Fault(FaultKind.RAISED, what))
        name = f"{fn.__name__}-{next(self._names)}"
        bound = {"workers": [home], "allow_other_workers": True} if home else {}
        return client.submit(run_here, name, work, versions(), key=name, pure=False, retries=2, **bound)

    def _outcomes(self, client: Any, sent: list[Any]) -> Iterator[Outcome[bytes]]:
        """A future that nobody holds any more is cancelled, unless it runs."""
        sent.reverse()
        while sent:
            future = sent.pop()
            yield future if isinstance(future, Outcome) else self._waited(client, future)

    def _waited(self, client: Any, future: Any) -> Outcome[bytes]:
        try:
            outcome = self._patiently(client, future)
        except (Exception, CancelledError) as error:  # noqa: BLE001 - of a cluster that is away, or its workers
            outcome = self._lost(error)
        attempts = self._begun.pop(future.key, 0)
        return replace(outcome, attempts=max(outcome.attempts, attempts))

    def _patiently(self, client: Any, future: Any) -> Outcome[bytes]:
        """The outcome of a task that waits for its turn as long as there are workers."""
        alone_since: float | None = None
        while True:
            try:
                outcome: Outcome[bytes] = future.result(timeout=_LOOK_EVERY_S)
            except TimeoutError:
                if future.status == "error":  # the task's own
                    raise
            else:
                return outcome
            now = time.monotonic()
            alone_since = None if client.nthreads() else alone_since or now
            if alone_since is not None and now - alone_since > self._patience_s:
                raise Unavailable(f"the cluster has had no worker for {self._patience_s:.0f} s")

    def _lost(self, error: BaseException) -> Outcome[Any]:
        if self._closing.is_set():
            return Outcome(None, Fault(FaultKind.STOPPED, "the engine was closed"), attempts=0)
        _log.warning("task lost", cluster=self._address, error=str(error))
        attempts = getattr(error, "allowed_failures", -1) + 1  # of a task that its workers did not survive
        return Outcome(None, Fault(FaultKind.LOST, f"{type(error).__name__}: {error}"), attempts=attempts)

    def _heard(self, event: tuple[float, str]) -> None:
        """Some worker began a task, of ours or of others."""
        if self._client is not None and event[1] in self._client.futures:
            self._begun[event[1]] += 1


def _close(client: Any) -> None:
    try:
        client.close(timeout=2)
    except Exception as error:  # noqa: BLE001 - it was away
        _log.info("cluster left", error=str(error))
