"""Equipment that speaks Modbus TCP, as a register map says. MODBUS Application Protocol V1.1b3.

Only points of the map are ever written. A write that is not answered may have been carried out: it is left unanswered,
so that dispatch reads back before it writes again; nothing is repeated here.
"""

import logging
import select
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import model_validator
from pymodbus.client import ModbusTcpClient
from pymodbus.constants import ExcCodes
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from engine.equipment.connections import Connection, File, Site
from engine.equipment.inbox import Inbox
from engine.equipment.registers import MappedPoint, Register, RegisterMap, Watchdog, load_register_map
from engine.equipment.single import Refused, answer, value_now
from engine.errors import Unavailable, Undelivered
from engine.model import Ack, AckStatus, Command, ReadBack
from engine.ports import Answers, Capabilities, Clock

# Without a handler of its own its every lost connection would be printed; we say in our own words what came of it.
logging.getLogger("pymodbus").addHandler(logging.NullHandler())

_UNSURE = {ExcCodes.ACKNOWLEDGE, ExcCodes.DEVICE_BUSY, ExcCodes.GATEWAY_PATH_UNAVIABLE, ExcCodes.GATEWAY_NO_RESPONSE}
"""Exceptions after which the value may be, or may soon be, in action."""

_STEP_ROUND_TRIPS = 2
_AWAY = "the peer takes no connection → see whether it is on and reachable"
_LONGEST_REST = timedelta(seconds=60)


class ModbusConnection(Connection):
    """One Modbus TCP peer, modbus://HOST[:PORT], and its register map. It has neither users nor encryption: what keeps
    others away is the network it is in."""

    kind: Literal["modbus"]
    map: File
    schemes: ClassVar[tuple[str, ...]] = ("modbus",)

    @model_validator(mode="after")
    def _no_secrets(self) -> Self:
        if {"user", "secret_file", "tls"} & self.model_fields_set:
            raise ValueError("Modbus TCP has no users and no TLS: leave user, secret_file and tls out")
        return self

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(programs=False, expiry=False, key=False, round_trip=2 * self.timeout)

    def open(self, site: Site) -> "closing[ModbusLink]":
        """Opens no socket yet: the first write or read does."""
        return closing(ModbusLink(self, load_register_map(self.map), site.clock))

    def probe(self) -> str:
        """Connects, and asks nothing: whatever is read may be what a unit has not."""
        points = load_register_map(self.map).points
        try:
            socket.create_connection(self.address, self.timeout_s).close()
        except OSError as error:
            raise Unavailable(f"{self.id}: {self.url}: {error} → switch it on, or correct its url") from None
        return f"takes connections; {len(points)} points mapped"

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return str(parts.hostname), parts.port or 502


class ModbusLink:
    """The `Link` to one peer and the units behind it: one socket, one request at a time.

    After a time-out, or an answer to another request, the socket is closed, and the next request opens a new one. A
    unit that does not answer, or a peer that takes no connection, is left in peace for the rest of the call, and from
    the second time on for 1, 2, 4 … 60 s. One call takes hardly more than two round trips; what it does not get to
    stays unanswered, as what was not answered does.
    """

    def __init__(self, connection: ModbusConnection, registers: RegisterMap, clock: Clock) -> None:
        self._map = registers
        self._line = _Line(connection.address, connection.timeout_s, clock)
        self._clock = clock
        self._can = connection.capabilities
        self._inbox = Inbox()
        self._beaten: dict[Watchdog, datetime] = {}

    def capabilities(self, gateway: str) -> Capabilities:  # noqa: ARG002 - all units are registers and no more
        return self._can

    def send(self, commands: Sequence[Command]) -> None:
        over = self._step_ends()
        unsent: list[str] = []
        for command in commands:
            try:
                self._inbox.put(self._write(command, over))
            except Refused as refused:
                self._inbox.put([refused.ack])
            except _Garbled as error:
                self._inbox.put([f"{command.point}: {error}"])
            except Unavailable:
                unsent.append(command.id)
        if unsent:
            raise Undelivered(_AWAY, unsent)

    def ask(self, points: Mapping[str, str]) -> None:
        over = self._step_ends()
        for name, gateway in points.items():
            if name in self._map.points and time.monotonic() < over:
                self._inbox.put(self._read(name, gateway, self._map.points[name]))

    def receive(self, timeout_s: float) -> Answers:  # noqa: ARG002 - whatever comes has come when it was asked for
        self._line.begin()
        with suppress(Unavailable, _Garbled):
            self._beat()
        return self._inbox.receive(0.0)

    def confirm(self, answers: Answers) -> None:
        self._inbox.confirm(answers)

    def close(self) -> None:
        self._line.close()

    def _step_ends(self) -> float:
        self._line.begin()
        return time.monotonic() + _STEP_ROUND_TRIPS * self._can.round_trip.total_seconds()

    def _write(self, command: Command, over: float) -> Iterator[Ack]:
        """Nothing, where it is not known whether the value is in action."""
        unit, register, words = self._prepared(command)
        reply = self._line.call(unit, _writing(unit, register, words)) if time.monotonic() < over else None
        if reply is None or (reply.isError() and reply.exception_code in _UNSURE):
            return
        status = AckStatus.REJECTED if reply.isError() else AckStatus.ACCEPTED
        yield answer(command, status, _spelled(reply) if reply.isError() else "")

    def _prepared(self, command: Command) -> tuple[int, Register, list[int]]:
        """Unit, register and words to write. Raises Refused."""
        point = self._map.points.get(command.point)
        if point is None:
            raise Refused(command, AckStatus.REJECTED, "the point is not in the register map")
        try:
            return point.unit, point.write, point.write.words_of(value_now(command, self._clock.now()))
        except ValueError as error:
            raise Refused(command, AckStatus.REJECTED, str(error)) from None

    def _read(self, name: str, gateway: str, point: MappedPoint) -> Iterator[ReadBack | str]:
        register = point.read or point.write
        try:
            reply = self._line.call(point.unit, _reading(point.unit, register))
            if reply is not None and reply.isError():
                yield f"{name}: {_spelled(reply)}"
            elif reply is not None:
                words = [int(word) for word in (reply.bits if register.is_bit else reply.registers)]
                yield ReadBack(name, gateway, None, None, register.value_in(words), self._clock.now())
        except (_Garbled, ValueError) as error:
            yield f"{name}: {error}"

    def _beat(self) -> None:
        """Copy each counter whose time has come. One that cannot be copied is what the unit's own watchdog is for."""
        now = self._clock.now()
        for dog in self._map.watchdogs:
            if dog in self._beaten and now < self._beaten[dog] + dog.every:
                continue
            self._beaten[dog] = now
            counted = self._line.call(dog.unit, _reading(dog.unit, Register(address=dog.counter)))
            if counted is not None and not counted.isError():
                self._line.call(dog.unit, _writing(dog.unit, Register(address=dog.echo), list(counted.registers[:1])))


@dataclass(frozen=True, slots=True)
class _Request:
    """Its function code, how to ask, and whether an answer without exception is one to it."""

    function: int
    ask: Callable[[ModbusTcpClient], ModbusPDU]
    fits: Callable[[ModbusPDU], bool] = lambda _: True

    def answered_by(self, reply: ModbusPDU) -> bool:
        return reply.function_code & 0x7F == self.function and (reply.isError() or self.fits(reply))


def _writing(unit: int, register: Register, words: Sequence[int]) -> _Request:
    at = register.address
    if register.is_bit:
        on = bool(words[0])
        return _Request(
            5,
            lambda client: client.write_coil(at, on, device_id=unit),
            lambda reply: (reply.address, list(reply.bits[:1])) == (at, [on]),
        )
    if len(words) == 1:
        return _Request(
            6,
            lambda client: client.write_register(at, words[0], device_id=unit),
            lambda reply: (reply.address, list(reply.registers)) == (at, list(words)),
        )
    return _Request(
        16,
        lambda client: client.write_registers(at, list(words), device_id=unit),
        lambda reply: (reply.address, reply.count) == (at, len(words)),
    )


def _reading(unit: int, register: Register) -> _Request:
    at, count = register.address, register.words
    return {
        "coil": _Request(1, lambda client: client.read_coils(at, count=count, device_id=unit)),
        "discrete": _Request(2, lambda client: client.read_discrete_inputs(at, count=count, device_id=unit)),
        "holding": _Request(3, lambda client: client.read_holding_registers(at, count=count, device_id=unit)),
        "input": _Request(4, lambda client: client.read_input_registers(at, count=count, device_id=unit)),
    }[register.table]


def _spelled(reply: ModbusPDU) -> str:
    code = reply.exception_code
    known = code in {known.value for known in ExcCodes}
    return f"Modbus exception {code}" + (f", {ExcCodes(code).name.lower().replace('_', ' ')}" if known else "")


class _Garbled(Exception):
    """An answer came, and nobody can read it."""


class _Line:
    """One socket, opened when needed, and the rests it takes from those who do not answer."""

    def __init__(self, address: tuple[str, int], timeout_s: float, clock: Clock) -> None:
        host, port = address
        # Retries would shift answers against questions; a late answer to the first is no answer to the second.
        self._client = ModbusTcpClient(host, port=port, timeout=timeout_s, retries=0, trace_packet=self._trace)
        self._clock = clock
        self._failures: dict[int, tuple[int, datetime]] = {}  # by unit; 0 is the peer itself
        self._silent: set[int] = set()
        self._heard = b""

    def begin(self) -> None:
        """A new round: whoever was silent once may be tried again."""
        self._silent.clear()

    def call(self, unit: int, request: _Request) -> ModbusPDU | None:
        """The answer, which may be an exception; None where none came, or the unit is left in peace.

        Raises Unavailable when there is no connection: then nothing has left. Raises _Garbled.
        """
        if self._rests(0):
            raise Unavailable(_AWAY)
        if self._rests(unit):
            return None
        self._drop_if_stale()
        if not self._client.connect():
            self._fail(0)
            raise Unavailable(_AWAY)
        self._failures.pop(0, None)
        self._heard = b""
        try:
            reply = request.ask(self._client)
            if not request.answered_by(reply):
                raise ModbusException("an answer to something else")
        except (ModbusException, OSError):
            self._client.close()
            if self._heard:
                raise _Garbled(f"unit {unit} answers what nobody can read: {self._heard.hex()[:80]}") from None
            self._fail(unit)
            return None
        self._failures.pop(unit, None)
        return reply

    def _trace(self, sending: bool, data: bytes) -> bytes:
        if not sending:
            self._heard = data
        return data

    def close(self) -> None:
        self._client.close()

    def _drop_if_stale(self) -> None:
        """Nothing is asked, so whatever can be read is the peer's farewell or an answer too late."""
        if self._client.socket is not None and select.select([self._client.socket], [], [], 0)[0]:
            self._client.close()

    def _rests(self, key: int) -> bool:
        return key in self._silent or (key in self._failures and self._clock.now() < self._failures[key][1])

    def _fail(self, key: int) -> None:
        self._silent.add(key)
        failures = self._failures.get(key, (0, None))[0] + 1
        rest = timedelta(seconds=2 ** min(failures - 2, 6)) if failures > 1 else timedelta(0)
        self._failures[key] = (failures, self._clock.now() + min(rest, _LONGEST_REST))
