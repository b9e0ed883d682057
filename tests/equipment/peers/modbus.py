"""A Modbus TCP peer: pymodbus's own server on loopback, with a switch for each fault."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pymodbus.constants import ExcCodes
from pymodbus.pdu import ExceptionResponse
from pymodbus.server import ModbusTcpServer
from pymodbus.server.requesthandler import ServerRequestHandler
from pymodbus.simulator import DataType, SimData, SimDevice

from engine.equipment.modbus import ModbusConnection
from tests.equipment.peers.peer import Base, Mood

SIZE = 256
_HOLDING, _COILS = 3, 1


class _Handler(ServerRequestHandler):
    """One connection, at the mercy of the peer's switches."""

    async def handle_request(self) -> None:
        peer: ModbusPeer = self.server.peer
        request = self.last_pdu
        assert request is not None
        peer.heard.append((request.dev_id, request.function_code, request.address))
        if request.dev_id in peer.deaf:
            return
        if peer.refuse is not None:
            answer = ExceptionResponse(request.function_code, peer.refuse, request.dev_id, request.transaction_id)
            self.server_send(answer, self.last_addr)
            return
        if peer.nonsense is not None:
            said = peer.nonsense(request) if callable(peer.nonsense) else peer.nonsense
            self.low_level_send(said, addr=self.last_addr)
            return
        await super().handle_request()
        peer.note(request)

    def server_send(self, pdu: Any, addr: Any) -> None:
        peer: ModbusPeer = self.server.peer
        if peer.mute:
            peer.kept.append(lambda: ServerRequestHandler.server_send(self, pdu, addr))
        else:
            super().server_send(pdu, addr)


class ModbusPeer:
    """Units 1 to 3, each with coils and holding and input registers 0 to 255, while the block lasts.

    `deaf` units carry nothing out and say nothing; with `refuse` every request is answered by that exception; with
    `nonsense`, by that; when `mute`, requests are carried out and the answers kept, until `let_go`.
    """

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.deaf: set[int] = set()
        self.refuse: ExcCodes | None = None
        self.mute = False
        self.nonsense: bytes | Callable[[Any], bytes] | None = None
        self.heard: list[tuple[int, int, int]] = []
        self.kept: list[Any] = []
        self._server: Any = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """On the port it had before, with every register 0."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._do(self._start())

    def stop(self) -> None:
        """Close every connection and take no more."""
        if self._server is None:
            return
        self._do(self._server.shutdown())
        self._server = None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def let_go(self) -> None:
        """Send the answers kept, too late."""

        async def send() -> None:
            for answer in self.kept:
                answer()

        self._do(send())
        self.kept.clear()

    def holding(self, unit: int, address: int, count: int = 1) -> list[int]:
        return list(self._do(self._server.async_getValues(unit, _HOLDING, address, count)))

    def coil(self, unit: int, address: int) -> bool:
        return bool(self._do(self._server.async_getValues(unit, _COILS, address, 1))[0])

    def put(self, unit: int, address: int, *words: int) -> None:
        """As the unit's own program does."""
        self._do(self._server.async_setValues(unit, 16, address, list(words)))

    def put_input(self, unit: int, address: int, *words: int) -> None:
        """What the unit measures."""
        self._do(self._server.async_setValues(unit, 4, address, list(words)))

    def say_unasked(self, data: bytes) -> None:
        """Send bytes on every open connection."""

        async def send() -> None:
            for handler in self._server.active_connections.values():
                handler.low_level_send(data)

        self._do(send())

    def note(self, request: Any) -> None:
        """A request was carried out."""

    async def _start(self) -> None:
        bits = [SimData(0, count=SIZE, values=False, datatype=DataType.BITS)]
        words = [SimData(0, count=SIZE, values=0, datatype=DataType.REGISTERS)]
        units = [SimDevice(unit, (bits, bits, words, words)) for unit in (1, 2, 3)]
        server = ModbusTcpServer(units, address=("127.0.0.1", self.port))
        server.peer = self
        server.callback_new_connection = lambda: _Handler(server, None, None, None)
        await server.serve_forever(background=True)
        self.port = server.transport.sockets[0].getsockname()[1]
        self._server = server

    def _do(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)


MAP = """
points:
  L-1/illuminanceLevel: {unit: 2, write: {address: 7, scale: 0.01}}
"""


class ModbusLamp(Base):
    """For the contract suite: one register, which survives a restart."""

    def __init__(self, folder: Path, port: int) -> None:
        self._kept = 100
        self._peer = ModbusPeer(port)
        self._peer.note = self._note  # type: ignore[method-assign]
        super().__init__()
        (folder / "map.yaml").write_text(MAP)
        self.connection = ModbusConnection(
            id="plc", kind="modbus", url=f"modbus://127.0.0.1:{port}", gateways=("A-*",), map=folder / "map.yaml",
            timeout="0.3 s",
        )  # fmt: skip

    def start(self) -> None:
        self._peer.start()
        self._peer.put(2, 7, self._kept)

    def stop(self) -> None:
        self._kept = self._peer.holding(2, 7)[0]
        self._peer.stop()

    def value(self) -> float:
        return self._peer.holding(2, 7)[0] / 100

    def pass_time(self) -> None:
        self.clock.forward(seconds=1)

    @property
    def mood(self) -> Mood:
        return self._mood

    @mood.setter
    def mood(self, mood: Mood) -> None:
        self._mood = mood
        self._peer.refuse = ExcCodes.DEVICE_FAILURE if mood is Mood.REFUSES else None
        self._peer.mute = mood is Mood.HANGS
        self._peer.nonsense = b"HTTP/1.1 400 Bad Request\r\n" if mood is Mood.BABBLES else None

    def lose(self, *, everything: bool) -> None:
        """What is asked never gets to the unit."""
        self._peer.deaf = {2} if everything else set()

    def _note(self, request: Any) -> None:
        if request.function_code == 6:
            self.applied.append(request.registers[0] / 100)
