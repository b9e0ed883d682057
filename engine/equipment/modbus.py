"""Equipment that speaks Modbus TCP, as a register map says. MODBUS Application Protocol V1.1b3.

Only points of the map are ever written. A write that is not answered may have been carried out: it is left unanswered,
so that dispatch reads back before it writes again; nothing is repeated here.
"""

import logging
import select
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
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
from engine.errors import Unavailable
from engine.model import Ack, AckStatus, Command, ReadBack
from engine.ports import Answers, Capabilities, Clock

# Without a handler of its own its every lost connection would be printed; we say in our own words what came of it.
logging.getLogger("pymodbus").addHandler(logging.NullHandler())

_UNSURE = {ExcCodes.ACKNOWLEDGE, ExcCodes.DEVICE_BUSY, ExcCodes.GATEWAY_PATH_UNAVIABLE, ExcCodes.GATEWAY_NO_RESPONSE}
"""Exceptions after which the value may be, or may soon be, in action."""

_STEP_TIMEOUTS = 4
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

    def open(self, site: Site) -> "closing[ModbusLink]":
        """Opens no socket yet: the first write or read does."""
        return closing(ModbusLink(load_register_map(self.map), self._client(), site.clock, self.timeout))

    def probe(self) -> str:
        """Connects, and asks nothing: what may be read is not known of every unit."""
        client = self._client()
        try:
            if not client.connect():
                raise Unavailable(f"{self.id}: {self.url} takes no connection → switch it on, or correct its url")
        finally:
            client.close()
        return "takes connections"

    def _client(self) -> ModbusTcpClient:
        parts = urlsplit(self.url)
        # Retries would shift answers against questions; a late answer to the first is no answer to the second.
        return ModbusTcpClient(str(parts.hostname), port=parts.port or 502, timeout=self.timeout_s, retries=0)


class ModbusLink:
    """The `Link` to one peer and the units behind it: one socket, one request at a time.

    After a time-out, or an answer to another request, the socket is closed, and the next request opens a new one. A
    unit that does not answer, or a peer that takes no connection, is left in peace for 1, 2, 4 … 60 s. One call
    takes at most some four time-outs; what it does not get to stays unanswered, as what was not answered does.
    """

    def __init__(self, registers: RegisterMap, client: ModbusTcpClient, clock: Clock, timeout: timedelta) -> None:
        self._map = registers
        self._line = _Line(client, clock)
        self._clock = clock
        self._timeout = timeout
        self._inbox = Inbox()
        self._beaten: dict[Watchdog, datetime] = {}

    def capabilities(self, gateway: str) -> Capabilities:  # noqa: ARG002 - all units are registers and no more
        return Capabilities(programs=False, expiry=False, key=False, round_trip=2 * self._timeout)

    def send(self, commands: Sequence[Command]) -> None:
        over = self._step_ends()
        for command in commands:
            answer = self._write(command, over)
            if answer is not None:
                status, reason = answer
                self._inbox.put([Ack(command.id, command.point, command.gateway, command.seq, status, reason)])

    def ask(self, points: Mapping[str, str]) -> None:
        over = self._step_ends()
        for name, gateway in points.items():
            if name in self._map.points and time.monotonic() < over:
                self._inbox.put(self._read(name, gateway, self._map.points[name]))

    def receive(self, timeout_s: float) -> Answers:  # noqa: ARG002 - whatever comes has come when it was asked for
        self._beat()
        return self._inbox.receive(0.0)

    def confirm(self, answers: Answers) -> None:
        self._inbox.confirm(answers)

    def close(self) -> None:
        self._line.close()

    def _step_ends(self) -> float:
        return time.monotonic() + _STEP_TIMEOUTS * self._timeout.total_seconds()

    def _write(self, command: Command, over: float) -> tuple[AckStatus, str] | None:
        """The answer to a command; None where it is not known whether the value is in action."""
        try:
            unit, register, words = self._prepared(command)
        except _Refused as refused:
            return refused.answer
        if time.monotonic() >= over:
            return None
        reply = self._line.call(unit, _writing(unit, register, words))
        if reply is None or (reply.isError() and reply.exception_code in _UNSURE):
            return None
        return (AckStatus.REJECTED, _spelled(reply)) if reply.isError() else (AckStatus.ACCEPTED, "")

    def _prepared(self, command: Command) -> tuple[int, Register, list[int]]:
        """Unit, register and words to write."""
        point, now = self._map.points.get(command.point), self._clock.now()
        if point is None:
            raise _Refused(AckStatus.REJECTED, "the point is not in the register map")
        if now >= command.expires_at:
            raise _Refused(AckStatus.EXPIRED, "its life was over before it could be written")
        value = command.program.at(now)
        if value is None:
            raise _Refused(AckStatus.REJECTED, "its program asks for nothing now, and a register keeps no program")
        try:
            return point.unit, point.write, point.write.words_of(value)
        except ValueError as error:
            raise _Refused(AckStatus.REJECTED, str(error)) from None

    def _read(self, name: str, gateway: str, point: MappedPoint) -> Iterator[ReadBack | str]:
        register = point.read or point.write
        reply = self._line.call(point.unit, _reading(point.unit, register))
        if reply is None:
            return
        if reply.isError():
            yield f"{name}: {_spelled(reply)}"
            return
        try:
            value = register.value_in([int(word) for word in (reply.bits if register.is_bit else reply.registers)])
        except ValueError as error:
            yield f"{name}: {error}"
        else:
            yield ReadBack(name, gateway, None, None, value, self._clock.now())

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


class _Refused(Exception):
    """Why nothing is written."""

    def __init__(self, status: AckStatus, reason: str) -> None:
        self.answer = (status, reason)
        super().__init__(reason)


_Request = Callable[[ModbusTcpClient], ModbusPDU]


def _writing(unit: int, register: Register, words: Sequence[int]) -> _Request:
    if register.is_bit:
        return lambda client: client.write_coil(register.address, bool(words[0]), device_id=unit)
    if len(words) == 1:
        return lambda client: client.write_register(register.address, words[0], device_id=unit)
    return lambda client: client.write_registers(register.address, list(words), device_id=unit)


def _reading(unit: int, register: Register) -> _Request:
    def ask(client: ModbusTcpClient) -> ModbusPDU:
        read = {
            "holding": client.read_holding_registers,
            "input": client.read_input_registers,
            "coil": client.read_coils,
            "discrete": client.read_discrete_inputs,
        }[register.table]
        return read(register.address, count=register.words, device_id=unit)

    return ask


def _spelled(reply: ModbusPDU) -> str:
    code = reply.exception_code
    known = code in {known.value for known in ExcCodes}
    return f"Modbus exception {code}" + (f", {ExcCodes(code).name.lower().replace('_', ' ')}" if known else "")


class _Line:
    """One socket, opened when needed, and the rests it takes from those who do not answer."""

    def __init__(self, client: ModbusTcpClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._failures: dict[int, tuple[int, datetime]] = {}  # by unit; 0 is the peer itself

    def call(self, unit: int, request: _Request) -> ModbusPDU | None:
        """The answer, which may be an exception; None where none came, or none can be had at the moment."""
        now = self._clock.now()
        if any(now < self._failures[key][1] for key in (0, unit) if key in self._failures):
            return None
        self._drop_if_stale()
        if not self._client.connect():
            self._fail(0, now)
            return None
        self._failures.pop(0, None)
        try:
            reply = request(self._client)
        except (ModbusException, OSError, struct.error, IndexError, ValueError):  # the last three: a frame of nonsense
            self._client.close()
            self._fail(unit, now)
            return None
        self._failures.pop(unit, None)
        return reply

    def close(self) -> None:
        self._client.close()

    def _drop_if_stale(self) -> None:
        """Nothing is asked, so whatever can be read is the peer's farewell or an answer too late."""
        if self._client.socket is not None and select.select([self._client.socket], [], [], 0)[0]:
            self._client.close()

    def _fail(self, key: int, now: datetime) -> None:
        failures = self._failures.get(key, (0, now))[0] + 1
        self._failures[key] = (failures, now + min(timedelta(seconds=2 ** min(failures - 1, 6)), _LONGEST_REST))
