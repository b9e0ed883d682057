"""Telemetry from the broker: messages on consigne/v1/<gateway>/telemetry to RAW rows."""

from collections.abc import Sequence

import polars as pl

from engine.broker import Message
from engine.catalogue import Catalogue
from engine.telemetry.jsonlines import parse_payloads
from engine.wire import TELEMETRY, gateway_of, topic


def parse_messages(messages: Sequence[Message], catalogue: Catalogue | None = None) -> pl.DataFrame:
    """One RAW frame of many messages, in order. Who speaks is read from the topic, which the broker's ACL vouches for,
    never from the payload. With the catalogue, NGSI entities are read too."""
    gateways = [_gateway(message.topic) for message in messages]
    frame = parse_payloads([message.payload for message in messages], catalogue=catalogue, gateway=gateways)
    foreign = pl.col("gateway") == _NOBODY
    fault = pl.when(foreign).then(pl.lit(f"came on a topic that is not consigne/v1/<gateway>/{TELEMETRY}"))
    return frame.with_columns(fault.otherwise("fault").alias("fault"))


# No broker identity: the null of a trusted file must never stand for a topic that names nobody.
_NOBODY = ""


def _gateway(name: str) -> str:
    try:
        gateway = gateway_of(name)
    except ValueError:
        return _NOBODY
    return gateway if name == topic(gateway, TELEMETRY) else _NOBODY
