from collections.abc import Callable
from typing import Any

import orjson
import polars as pl
import pytest

from engine.broker import Message
from engine.catalogue import Catalogue
from engine.model import Reason
from engine.telemetry.batch import Normalised
from engine.telemetry.source import parse_messages
from engine.wire import topic

Judge = Callable[[pl.DataFrame], Normalised]
AT = "2026-11-22T11:50:00Z"


def message(document: Any, name: str = topic("gw-a", "telemetry")) -> Message:
    return Message(name, document if isinstance(document, bytes) else orjson.dumps(document), mid=1, qos=1, link=1)


def reading(asset: str = "L-1", **changes: Any) -> dict[str, Any]:
    return {"asset": asset, "property": "powerConsumption", "value": 5, "observed_at": AT} | changes


def test_messages_in_order_with_their_gateway() -> None:
    frame = parse_messages(
        [
            message([reading("L-1"), reading("L-2")]),
            message(b"{"),
            message(reading("L-3"), "consigne/v1/gw-b/telemetry"),
        ]
    )
    assert frame["gateway"].to_list() == ["gw-a", "gw-a", "gw-a", "gw-b"]
    assert frame["asset"].to_list() == ["L-1", "L-2", None, "L-3"]


def test_who_speaks_is_never_read_from_the_payload(judge: Judge) -> None:
    forged = [reading("L-2", gateway="gw-b"), {"gateway": "gw-b", "readings": [reading("L-2")]}]
    result = judge(parse_messages([message(one) for one in forged]))
    assert result.refused["reason"].to_list() == [Reason.WRONG_GATEWAY] * 2


@pytest.mark.parametrize(
    "name",
    ["consigne/v1/gw-a/ack", "consigne/v2/gw-a/telemetry", "telemetry", "", "consigne/v1/telemetry",
     "x/consigne/v1/gw-a/telemetry",
     "consigne/v1/gw-a/telemetry/x", "consigne/v1//telemetry"],
)  # fmt: skip
def test_a_topic_that_names_no_gateway_is_trusted_with_nothing(judge: Judge, name: str) -> None:
    result = judge(parse_messages([message(reading("L-free"), name), message(reading("L-1"), name)]))
    assert result.refused["reason"].to_list() == [Reason.MALFORMED] * 2


def test_good_messages_beside_strangers(judge: Judge) -> None:
    result = judge(parse_messages([message(reading()), message(reading(), "a/b/c"), message(reading(value=6))]))
    assert result.accepted["value"].to_list() == [5.0, 6.0]


def test_entities_come_with_the_catalogue(judge: Judge, catalogue: Catalogue) -> None:
    entity = {"id": "urn:ngsi-ld:Streetlight:L-1", "type": "Streetlight", "powerConsumption": 5, "dateObserved": AT}
    assert judge(parse_messages([message(entity)], catalogue)).accepted["value"].to_list() == [5.0]
    assert judge(parse_messages([message(entity)])).refused["reason"].to_list() == [Reason.MALFORMED]


def test_no_message_no_row() -> None:
    assert parse_messages([]).height == 0
