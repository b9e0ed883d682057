"""A device behind Mosquitto."""

import subprocess
import threading
import time
from pathlib import Path

from engine.broker import Broker, Message
from engine.equipment.mqtt import MqttConnection
from engine.errors import Unavailable
from engine.model import Ack, AckStatus
from engine.wire import ACK, COMMAND, GET, STATE, decode_command, encode_ack, encode_readback, topic
from tests.equipment.peers.device import Device
from tests.equipment.peers.peer import Base, Mood
from tests.waiting import PATIENCE_S


class MqttPeer(Base):
    """Mosquitto and one device with its own session."""

    def __init__(self, mosquitto: str, folder: Path, port: int) -> None:
        super().__init__()
        self._url = f"mqtt://127.0.0.1:{port}"
        config = folder / "mosquitto.conf"
        config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest none\n")
        self._command = [mosquitto, "-c", str(config)]
        self._device = Device(self.clock, self.rest, self.applied)
        self.connection = MqttConnection(id="lamps", kind="mqtt", url=self._url, gateways=("A-*",), timeout="3 s")

    def start(self) -> None:
        self._server = subprocess.Popen(self._command)
        self._over = threading.Event()
        self._line = connected(Broker(self._url, "device", [topic(self.gateway, COMMAND), topic(self.gateway, GET)]))
        self._thread = threading.Thread(target=self._live)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()
        self._line.close()
        self._server.terminate()
        self._server.wait(10)

    def value(self) -> float:
        return self._device.value()

    def _live(self) -> None:
        while not self._over.is_set():
            messages = self._line.take(10, 0.02)
            for message in messages:
                self._hear(message)
            self._line.ack(messages)

    def _hear(self, message: Message) -> None:
        command = decode_command(message.payload, self.gateway) if message.topic.endswith(COMMAND) else None
        if self.mood is Mood.BABBLES:
            self._say(ACK, b'{"id": 7')
        elif command is not None and self.mood is Mood.REFUSES:
            self._say(ACK, encode_ack(Ack(command.id, command.point, "", command.seq, AckStatus.REJECTED, "no power")))
        elif command is not None:
            ack = self._device.obey(command)
            if self.mood is Mood.WELL:
                self._say(ACK, encode_ack(ack))
        elif self.mood is Mood.WELL:
            self._say(STATE, encode_readback(self._device.state(self.point, self.gateway)))

    def _say(self, channel: str, payload: bytes) -> None:
        self._line.publish(topic(self.gateway, channel), payload)


def connected(broker: Broker) -> Broker:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            broker.connect()
        except Unavailable:
            assert time.monotonic() < deadline, "Mosquitto does not start"
            time.sleep(0.05)
        else:
            return broker
