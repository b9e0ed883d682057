"""One link over several: each command by the connection that serves its gateway."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Self

from engine.equipment.connections import Connection, Directory, Site
from engine.equipment.inbox import Inbox
from engine.errors import Unavailable, Undelivered
from engine.model import Ack, AckStatus, Command
from engine.ports import Answers, Capabilities, Link

_LOOK_S = 0.02  # how long one link is waited for before the next is looked at

Tell = Callable[[str, str | None], None]


class Router:
    """The `Link` over a file's connections; use it as a context.

    They are opened on entering, or when next used, and spoken to side by side. One that is away stops none of the
    others: `send` raises Undelivered with what may not have left by it, `ask` leaves its points unasked, and for
    `pause_s` it is not tried again, so that a peer that hangs costs its time-out once in a while and not at every step.
    `tell(id, why)` is called when one goes away, and with None when it is back.
    """

    def __init__(
        self,
        connections: Sequence[Connection],
        site: Site,
        tell: Tell = lambda _id, _why: None,
        *,
        pause_s: float = 15.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ways = [_Way(connection, site, tell, pause_s, monotonic) for connection in connections]
        self._way_of = {way.connection.id: way for way in self._ways}
        self._directory = Directory(connections)
        self._rejections = Inbox()
        self._monotonic = monotonic
        self._pool = ThreadPoolExecutor(max(1, len(self._ways)), thread_name_prefix="equipment")

    def __enter__(self) -> Self:
        try:
            self._each({way: lambda _link: None for way in self._ways})
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()
        for way in self._ways:
            way.close()

    def capabilities(self, gateway: str) -> Capabilities:
        """`NOWHERE` for a gateway that no connection serves."""
        return self._directory.capabilities(gateway)

    def send(self, commands: Sequence[Command]) -> None:
        going: defaultdict[_Way, list[Command]] = defaultdict(list)
        for command in commands:
            way = self._way(command.gateway)
            if way is None:
                self._reject(command)
            else:
                going[way].append(command)
        failed = self._each({way: lambda link, part=part: link.send(part) for way, part in going.items()})  # type: ignore[misc]
        if failed:
            lost = [key for way, error in failed.items() for key in _lost(error, going[way])]
            raise Undelivered("; ".join(f"{way.connection.id}: {error}" for way, error in failed.items()), lost)

    def ask(self, points: Mapping[str, str]) -> None:
        asked: defaultdict[_Way, dict[str, str]] = defaultdict(dict)
        for point, gateway in points.items():
            if way := self._way(gateway):
                asked[way][point] = gateway
        self._each({way: lambda link, part=part: link.ask(part) for way, part in asked.items()})  # type: ignore[misc]

    def receive(self, timeout_s: float) -> Answers:
        deadline = self._monotonic() + timeout_s
        found = self._look(0.0)
        while not found and (left_s := deadline - self._monotonic()) > 0:
            found = self._look(min(_LOOK_S, left_s))
        return Answers(
            acks=tuple(ack for _, answers in found for ack in answers.acks),
            readbacks=tuple(readback for _, answers in found for readback in answers.readbacks),
            malformed=tuple(text for _, answers in found for text in answers.malformed),
            receipt=tuple(found),
        )

    def confirm(self, answers: Answers) -> None:
        if isinstance(answers.receipt, tuple):
            for link, part in answers.receipt:
                link.confirm(part)

    def _way(self, gateway: str) -> "_Way | None":
        connection = self._directory.find(gateway)
        return self._way_of[connection.id] if connection else None

    def _reject(self, command: Command) -> None:
        why = f"no connection of the equipment file serves the gateway {command.gateway}"
        ack = Ack(command.id, command.point, command.gateway, command.seq, AckStatus.REJECTED, why)
        self._rejections.put([ack])

    def _each(self, work: Mapping["_Way", Callable[[Link], None]]) -> dict["_Way", Unavailable]:
        """Do each way's part, all at once. Returns those that are away, and why."""
        done = {way: self._pool.submit(way.use, part) for way, part in work.items()}
        results = {way: future.result() for way, future in done.items()}
        return {way: error for way, error in results.items() if error is not None}

    def _look(self, wait_s: float) -> list[tuple["Link | Inbox", Answers]]:
        """What each has, waiting for each in turn until one has something."""
        found: list[tuple[Link | Inbox, Answers]] = []
        links: list[Link | Inbox] = [self._rejections, *(way.link for way in self._ways if way.link is not None)]
        for link in links:
            answers = link.receive(0.0 if found or link is self._rejections else wait_s)
            if answers.acks or answers.readbacks or answers.malformed or answers.receipt:
                found.append((link, answers))
        if not found and len(links) == 1:
            time.sleep(wait_s)  # nothing is open yet that could be waited for
        return found


def _lost(error: Unavailable, commands: Iterable[Command]) -> list[str]:
    return list(error.commands) if isinstance(error, Undelivered) else [command.id for command in commands]


class _Way:
    """One connection, opened when it is first used and left alone for a while when it is away."""

    def __init__(
        self, connection: Connection, site: Site, tell: Tell, pause_s: float, monotonic: Callable[[], float]
    ) -> None:
        self.connection = connection
        self.link: Link | None = None
        self._site, self._tell, self._pause_s, self._monotonic = site, tell, pause_s, monotonic
        self._stack = ExitStack()
        self._away: Unavailable | None = None
        self._again_at = 0.0

    def use(self, part: Callable[[Link], None]) -> Unavailable | None:
        if self._away is not None and self._monotonic() < self._again_at:
            return Unavailable(str(self._away))  # of what it was told then, nothing is said here
        try:
            if self.link is None:
                self.link = self._stack.enter_context(self.connection.open(self._site))
            part(self.link)
        except Unavailable as error:
            self._turn(error)
            return error
        self._turn(None)
        return None

    def _turn(self, error: Unavailable | None) -> None:
        if (error is None) != (self._away is None):
            self._tell(self.connection.id, None if error is None else str(error))
        self._away = error
        self._again_at = self._monotonic() + self._pause_s

    def close(self) -> None:
        self._stack.close()
