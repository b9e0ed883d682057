"""Three `consigne serve` on one PostgreSQL and the leader killed again and again: every occurrence is committed once,
none is lost, and no reading either."""

import json
import random
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.broker.conftest import Mosquitto
from tests.leading.house import Gateway, House
from tests.waiting import wait_for

PROCESSES = 3


@dataclass(frozen=True)
class Length:
    """How much of the show. A kill comes every `every_s`, of whoever leads then."""

    kills: int
    every_s: float
    spacing_s: int


SHORT = Length(kills=3, every_s=3.0, spacing_s=2)
FULL = Length(kills=15, every_s=20.0, spacing_s=1)


def play(house: House, broker_url: str, length: Length, seed: int) -> dict[str, Any]:
    """Returns what was done and what came of it."""
    rng = random.Random(seed)
    for _ in range(PROCESSES):
        house.serve()
    house.wait_for_leader()
    wait_for(house.committed)  # it is at work, and has its session with the broker
    without: list[float] = []
    with Gateway(broker_url) as gateway:
        for _ in range(length.kills):
            time.sleep(length.every_s * rng.uniform(0.8, 1.2))
            victim, fence = house.wait_for_term()
            house.kill(victim)
            began = time.monotonic()
            house.serve()
            house.wait_for_leader(past=fence)
            without.append(round(time.monotonic() - began, 2))
        time.sleep(length.every_s / 2)
    until = datetime.now(UTC)
    wanted = house.expected(until)
    wait_for(lambda: wanted <= house.committed().keys())
    wait_for(lambda: house.stored() >= gateway.told)
    wait_for(house.ready)
    assert house.stop(*house.running) == [0] * PROCESSES
    return {"kills": length.kills, "seconds_without_a_leader": without, "told": gateway.told, "until": until}


def audit(house: House, until: datetime) -> dict[str, Any]:
    wanted, committed, attempts = house.expected(until), house.committed(), house.attempts()
    return {
        "expected": len(wanted),
        "committed_once": sum(committed[one] == 1 for one in wanted),
        "committed_twice": sum(count > 1 for count in committed.values()),
        "lost": len(wanted - committed.keys()),
        "attempts": len(attempts),
        "attempts_by_end": dict(Counter(one.state.value for one in attempts)),
        "leaders": house.leases()["plan"].fence,
        "stored": house.stored(),
    }


def show(folder: Path, url: str, server: Mosquitto, length: Length, seed: int) -> None:
    with House(folder, url, server.url(), spacing_s=length.spacing_s) as house:
        played = play(house, server.url(), length, seed)
        found = audit(house, played.pop("until"))
        left = [lease.name for lease in house.leases().values() if lease.until_at > datetime.now(UTC)]
    print(f"\n{json.dumps(played)}\n  {json.dumps(found)}")
    assert found["lost"] == found["committed_twice"] == 0
    assert found["committed_once"] == found["expected"] >= length.kills * length.every_s / length.spacing_s
    assert found["attempts"] >= found["expected"]
    assert found["leaders"] >= length.kills + 1
    assert found["stored"] == played["told"], "readings were lost or stored twice"
    assert left == [], "whoever is told to stop gives its leases back"


@pytest.mark.postgres
@pytest.mark.mosquitto
@pytest.mark.timeout(300)
def test_three_kills_of_the_leader(tmp_path: Path, postgres_url: str, server: Mosquitto) -> None:
    show(tmp_path, postgres_url, server, SHORT, seed=1)


@pytest.mark.soak
@pytest.mark.postgres
@pytest.mark.mosquitto
@pytest.mark.timeout(900)
def test_fifteen_kills_of_the_leader_in_five_minutes(tmp_path: Path, postgres_url: str, server: Mosquitto) -> None:
    show(tmp_path, postgres_url, server, FULL, seed=1)
