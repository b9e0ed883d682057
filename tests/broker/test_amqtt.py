from collections.abc import Callable

import pytest

from engine.broker import Broker, Message
from engine.errors import Unavailable

Connect = Callable[..., Broker]
Gather = Callable[[Broker, int], list[Message]]


def test_there_and_back(amqtt_url: str, connect: Connect, gather: Gather) -> None:
    inbox, outbox = connect(amqtt_url, "in", "a/+/b"), connect(amqtt_url, "out")
    payloads = [str(number).encode() for number in range(100)]
    for payload in payloads:
        outbox.publish("a/1/b", payload)
    outbox.flush()
    messages = gather(inbox, 100)
    inbox.ack(messages)
    assert [message.payload for message in messages] == payloads


def test_a_denied_subscription_is_one_clear_line(amqtt_url: str) -> None:
    broker = Broker(amqtt_url, "in", ["open", "top-secret"])
    with pytest.raises(Unavailable, match=r"refused the subscription to top-secret →") as error:
        broker.connect(timeout_s=60)
    assert str(error.value).count("\n") == 0
    assert not broker.connected


def test_mqtt_5_is_refused_where_it_is_not_spoken(amqtt_url: str) -> None:
    with pytest.raises(Unavailable):
        Broker(f"{amqtt_url}?version=5", "in").connect(timeout_s=2)
