"""Applications at LoRaWAN network servers, ChirpStack and The Things Stack, as an equipment file names them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, IPvAnyNetwork, model_validator

from engine.broker import Broker
from engine.equipment.connections import File, Site, first_line
from engine.equipment.downlinks import Bucket, LorawanLink, Network
from engine.equipment.mqtt import BrokerConnection
from engine.equipment.queues import MqttQueues, Queues, RestQueues
from engine.lorawan.chirpstack import ChirpStack
from engine.lorawan.devices import Devices, load_devices
from engine.lorawan.ttn import TheThingsStack
from engine.lorawan.words import Words
from engine.ports import Capabilities
from engine.web import Allow, SafeClient


class LorawanConnection(BrokerConnection):
    """An application at a network server, through its MQTT broker.

    `devices`: the file of its devices. `clock`: whose time readings have, the server's or the gateways'. At most
    `downlinks_per_hour` leave, `downlink_burst` at once: what the duty cycle of the gateways allows.
    """

    application: str = Field(min_length=1, pattern=r"^[^/+#\s]+$")
    devices: File
    clock: Literal["server", "gateway"] = "server"
    downlinks_per_hour: int = Field(60, ge=1, le=100_000)
    downlink_burst: int = Field(10, ge=1, le=1_000)

    @property
    def words(self) -> Words:
        raise NotImplementedError

    @cached_property
    def known(self) -> Devices:
        """Raises InputError with every problem of the file."""
        return load_devices(self.devices)

    @property
    def capabilities(self) -> Capabilities:
        """Its round trip is that of the device that speaks most often; `LorawanLink` knows each one's own."""
        return Capabilities(
            programs=False, expiry=False, key=False, reads_back=False, newest_only=True,
            round_trip=self.known.shortest_wait,
        )  # fmt: skip

    def probe(self) -> str:
        known = len(self.known)
        return f"{super().probe()}; {known} devices"

    @contextmanager
    def open(self, site: Site) -> Iterator[LorawanLink]:
        with ExitStack() as stack:
            broker = self.session(f"{site.owner}-{self.id}", *self.words.report_topics())
            broker.connect(self.timeout_s)
            stack.callback(broker.close)
            queues = self._queues(stack, broker)
            bucket = Bucket(self.downlinks_per_hour, self.downlink_burst)
            yield LorawanLink(self.network, broker, queues, site.clock, bucket)

    @property
    def network(self) -> Network:
        return Network(self.words, self.known, self.capabilities, self.timeout_s)

    def _queues(self, stack: ExitStack, broker: Broker) -> Queues:  # noqa: ARG002 - for those that need more
        return MqttQueues(self.words, broker.publish)


class ChirpStackConnection(LorawanConnection):
    """ChirpStack v4; `application` is its UUID.

    Only its REST API (`api`, with the key in `api_key_file`) takes back what waits for a device, and drops by itself
    what has expired. Without it a newer value waits behind an older one, and one whose life is over may still leave.
    """

    kind: Literal["chirpstack"]
    api: str | None = None
    api_key_file: File | None = None
    private: tuple[IPvAnyNetwork, ...] = ()
    plain: bool = False

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if (self.api is None) != (self.api_key_file is None):
            raise ValueError("api and api_key_file go together")
        if self.api is not None and urlsplit(self.api).scheme != "https" and not self.plain:
            raise ValueError("api: http is readable by everybody on the way: use https, or say plain: true")
        return self

    @property
    def words(self) -> Words:
        return ChirpStack(self.application)

    def probe(self) -> str:
        said = super().probe()
        with ExitStack() as stack:
            rest = self._rest(stack)
            if rest is None:
                return said
            rest.look(self.application)
        return f"{said}; its API answers"

    def _queues(self, stack: ExitStack, broker: Broker) -> Queues:
        return self._rest(stack) or super()._queues(stack, broker)

    def _rest(self, stack: ExitStack) -> RestQueues | None:
        if self.api is None or self.api_key_file is None:
            return None
        allow = Allow(frozenset({str(urlsplit(self.api).hostname)}), self.private, self.plain)
        web = stack.enter_context(SafeClient(allow, timeout_s=self.timeout_s, tls=self.tls.context()))
        return RestQueues(web, self.api, first_line(self.api_key_file))


class TtnConnection(LorawanConnection):
    """The Things Stack v3; `application` is NAME@TENANT, or NAME where there are no tenants."""

    kind: Literal["ttn"]

    @property
    def words(self) -> Words:
        return TheThingsStack(self.application)
