"""What the ways over HTTP share: who may be spoken to, and one exchange a command, several at a time."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import ClassVar, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import IPvAnyNetwork, model_validator

from engine.equipment.connections import Connection
from engine.equipment.inbox import Answer, Inbox
from engine.equipment.single import Refused, answer, no_question, value_now
from engine.errors import Unavailable, Undelivered
from engine.model import AckStatus, Command
from engine.ports import Answers, Capabilities, Clock
from engine.web import Allow, NoAnswer, NotSent, Reply, SafeClient

_WIDTH = 8  # exchanges at a time
_T = TypeVar("_T")
# Answers of 4xx that say "not now" rather than "not this".
NOT_NOW = frozenset({408, 425, 429})


class HttpConnection(Connection):
    """A peer over https. `plain: true` allows http; `private`: networks its address may lie in, not being public."""

    private: tuple[IPvAnyNetwork, ...] = ()
    plain: bool = False

    schemes: ClassVar[tuple[str, ...]] = ("https", "http")
    largest_answer: ClassVar[int] = 65_536

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        if urlsplit(self.url).scheme == "http" and not self.plain:
            raise ValueError("url: http is readable by everybody on the way: use https, or say plain: true")
        return self

    def client(self) -> SafeClient:
        allow = Allow(frozenset({str(urlsplit(self.url).hostname)}), self.private, self.plain)
        tls = self.tls.context()
        return SafeClient(allow, timeout_s=self.timeout_s, largest_answer=self.largest_answer, tls=tls)

    def probe(self) -> str:
        with self.client() as web:
            return f"answers with HTTP status {web.get(self.url).status}"


class AtOnce(ABC):
    """A link whose peer answers at once. A kind says what one exchange is; answers wait in the inbox, and so does, as
    malformed, the text of a ValueError.

    After an exchange that met nobody, or had no answer in time, those not begun yet are left: the peer is away.
    """

    def __init__(self, connection: HttpConnection, clock: Clock) -> None:
        self._clock = clock
        self._capabilities = connection.capabilities
        self._web = connection.client()
        self._inbox = Inbox()
        self._pool = ThreadPoolExecutor(_WIDTH, thread_name_prefix=connection.id)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()
        self._web.close()

    def capabilities(self, gateway: str) -> Capabilities:  # noqa: ARG002 - one peer, the same for all it serves
        return self._capabilities

    def send(self, commands: Sequence[Command]) -> None:
        failed = self._side_by_side(commands, self._order_or_reject)
        if failed:
            unsent = [command.id for command, error in failed if not isinstance(error, NoAnswer)]
            raise Undelivered(str(failed[0][1]), unsent)

    def ask(self, points: Mapping[str, str]) -> None:
        failed = self._side_by_side(list(points.items()), lambda item: self._read(*item))
        if failed:
            raise Unavailable(str(failed[0][1]))

    def receive(self, timeout_s: float) -> Answers:
        return self._inbox.receive(timeout_s)

    def confirm(self, answers: Answers) -> None:
        self._inbox.confirm(answers)

    def _order_or_reject(self, command: Command) -> Iterable[Answer]:
        try:
            if not self._capabilities.selects:
                no_question(command)
            if not self._capabilities.programs:
                value_now(command, self._clock.now())
        except Refused as refused:
            return [refused.ack]
        return self._order(command)

    @abstractmethod
    def _order(self, command: Command) -> Iterable[Answer]:
        """Bring one command. Raises NotSent or NoAnswer."""

    @abstractmethod
    def _read(self, point: str, gateway: str) -> Iterable[Answer]:
        """Read one point back. Raises NotSent or NoAnswer."""

    def _side_by_side(
        self, items: Sequence[_T], exchange: Callable[[_T], Iterable[Answer]]
    ) -> list[tuple[_T, Unavailable]]:
        """Returns those that failed, with why; the first failure first."""
        away = threading.Event()
        failed: list[tuple[_T, Unavailable]] = []

        def one(item: _T) -> None:
            if away.is_set():
                failed.append((item, NotSent("not tried: the peer is away")))
                return
            try:
                self._inbox.put(exchange(item))
            except Unavailable as error:
                failed.append((item, error))
                away.set()
            except ValueError as error:
                self._inbox.put([str(error)])

        for done in [self._pool.submit(one, item) for item in items]:
            done.result()
        return failed


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Whatever a foreign body provokes becomes one ValueError that says what was being read."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise ValueError(f"{what}: {error!r}"[:300]) from None


def verdict(command: Command, reply: Reply) -> list[Answer]:
    """What a status says of a command: 2xx accepted, 3xx and 4xx rejected; nothing where it may have been applied or
    may be taken later (5xx, 408, 425, 429)."""
    if reply.ok:
        return [answer(command, AckStatus.ACCEPTED)]
    if reply.status >= 500 or reply.status in NOT_NOW or reply.status < 200:
        return []
    said = reply.body[:200].decode(errors="replace").strip()
    return [answer(command, AckStatus.REJECTED, f"HTTP {reply.status}" + (f": {said}" if said else ""))]
