"""Whatever a peer answers over HTTP, a link says something sound or counts it as malformed."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.equipment.connections import Connection
from engine.equipment.http import AtOnce
from engine.equipment.ngsild import MappedPoint, NgsiLdConnection
from engine.equipment.talq import TalqConnection, TalqLink
from engine.equipment.webhook import WebhookConnection
from engine.errors import Unavailable
from engine.model import Ack, Level, ReadBack
from engine.web import Reply
from tests.equipment.peers.peer import Base, an_order

PEER = Base()
COMMON: dict[str, Any] = {"id": "x", "url": "https://peer.example.org", "gateways": ("*",)}
POINT = MappedPoint(entity="urn:{asset}", command="dim", actual="out")

# Words that the links look for, so that chance gets past the first of them.
WORDS = st.sampled_from(
    ["id", "point", "seq", "status", "states", "value", "observedAt", "modifiedAt", "observed_at", "digest", "name",
     "ControlService", "dayOffset", "rules", "program", "endDate", "2026-11-22", "2026-11-22T11:00:00", "notUpdated",
     "2026-11-22T11:00:00Z", "accepted", "out", "dim_status", "OK", "timestamp", "key", "consigne-c-1", PEER.point]
)  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=5)
DATA = st.recursive(
    LEAVES | WORDS, lambda part: st.lists(part, max_size=4) | st.dictionaries(WORDS, part, max_size=6), max_leaves=20
)
BODIES = DATA.map(orjson.dumps) | st.binary(max_size=20)
STATUSES = st.sampled_from([200, 200, 201, 201, 204, 207, 302, 404, 409, 422, 429, 500, 503])


START = (b'{"name": "ControlService"}', b"[]", b"[]")  # how a TALQ gateway that is well begins


class Web:
    """Answers each request with the next of its replies, and then with the last."""

    def __init__(self, replies: list[Reply]) -> None:
        self._replies = replies

    def request(self, *_: object) -> Reply:
        return self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]

    get = post = request

    def close(self) -> None:
        return


@pytest.fixture(scope="module", params=["webhook", "ngsild", "talq"])
def link(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AtOnce]:
    folder: Path = tmp_path_factory.mktemp("link")
    (folder / "secret").write_text("s")
    (folder / "lamps.csv").write_text(f"asset,device,function\nL-1,{UUID(int=1)},lamp\n")
    made: dict[str, Connection] = {
        "webhook": WebhookConnection(
            **COMMON, kind="webhook", state_url=COMMON["url"], secret_file=folder / "secret", programs=True
        ),
        "ngsild": NgsiLdConnection(**COMMON, kind="ngsild", points={"illuminanceLevel": POINT}),
        "talq": TalqConnection(**COMMON, kind="talq", client_address=UUID(int=7), devices=folder / "lamps.csv"),
    }
    with made[request.param].open(PEER.site) as opened:
        assert isinstance(opened, AtOnce)
        yield opened


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.builds(Reply, STATUSES, BODIES, cut=st.booleans()), min_size=1, max_size=6),
    st.booleans(),
    st.integers(0, 3),
)
def test_nothing_that_is_answered_does_harm(link: AtOnce, replies: list[Reply], plan: bool, begun: int) -> None:
    link._web = Web(replies)  # type: ignore[assignment]
    if isinstance(link, TalqLink):
        link._gateway._web = Web([Reply(200, body) for body in START[:begun]] + replies)  # type: ignore[assignment]
        link._library.forget()
    command = an_order(PEER, 0.4, 1, (30, 0.7), level=Level.DAY_AHEAD_PLAN if plan else Level.RULE)
    for act in (lambda: link.send([command]), lambda: link.ask({PEER.point: PEER.gateway})):
        try:
            act()
        except Unavailable:
            continue
    answers = link.receive(0.0)
    link.confirm(answers)
    assert all(isinstance(ack, Ack) and ack.gateway == PEER.gateway for ack in answers.acks)
    assert all(isinstance(text, str) and len(text) < 1_000 for text in answers.malformed)
    assert all(sound(readback) for readback in answers.readbacks)


def sound(readback: ReadBack) -> bool:
    at: datetime = readback.observed_at
    return at.tzinfo is not None and isinstance(readback.value, float) and isinstance(readback.seq, int | None)
