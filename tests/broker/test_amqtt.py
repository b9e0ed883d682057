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


def test_what_is_sent_while_nobody_listens_waits(amqtt_url: str, connect: Connect, gather: Gather) -> None:
    connect(amqtt_url, "in", "a").close()
    outbox = connect(amqtt_url, "out")
    for number in range(5):
        outbox.publish("a", str(number).encode())
    outbox.flush()
    messages = gather(connect(amqtt_url, "in", "a"), 5)
    assert sorted(message.payload for message in messages) == [b"0", b"1", b"2", b"3", b"4"]


def test_a_denied_subscription_is_one_clear_line(amqtt_url: str, connect: Connect) -> None:
    limited = amqtt_url.replace("mqtt://", "mqtt://limited:any@")
    connect(limited, "allowed", "open").close()
    broker = Broker(limited, "in", ["open", "secret"])
    with pytest.raises(Unavailable, match=r"refused the subscription to secret →") as error:
        broker.connect(timeout_s=60)
    assert str(error.value).count("\n") == 0
    assert not broker.connected


def test_mqtt_5_is_refused_where_it_is_not_spoken(amqtt_url: str) -> None:
    with pytest.raises(Unavailable):
        Broker(f"{amqtt_url}?version=5", "in").connect(timeout_s=2)
