"""Distances of an OSRM server, where one is installed: the table service of its HTTP API, version 1.

https://project-osrm.org/docs/v26.4.0/api/#table-service. A server knows one profile, which it was prepared with: what
it is called in the address is of no account to `osrm-routed`, and chooses the server behind a proxy.
"""

from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np
import orjson

from engine.errors import Unavailable
from engine.web import Allow, SafeClient
from jobs.roads.remembering import Points, Reach
from optimizers.arrays import Floats

TIMEOUT_S = 20.0
_BLOCK = 50  # sources, and destinations, of one request: a server allows 100 places unless told otherwise
_NEXT = "%3B"  # a semicolon: httpcore takes all behind a plain one in a path for something else, and drops it
_LARGEST = 1 << 22
# The operator names the server, and it is mostly their own: addresses of private networks are as good as public ones.
_PRIVATE = tuple(
    map(ip_network, ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"))
)


def osrm_reach(url: str, profile: str, points: Points) -> Reach:
    """Between points by the server at an address; inf where it knows no way.

    Raises Unavailable where it does not answer, or not as an OSRM server does.
    """
    count = len(points)
    distance_m, duration_s = np.zeros((2, count, count))
    off_m = np.zeros(count)
    allow = Allow(frozenset({urlsplit(url).hostname or ""}), _PRIVATE, plain=True)
    starts = range(0, count, _BLOCK)
    with SafeClient(allow, timeout_s=TIMEOUT_S, largest_answer=_LARGEST) as client:
        for rows in (np.arange(first, min(first + _BLOCK, count)) for first in starts):
            for columns in (np.arange(first, min(first + _BLOCK, count)) for first in starts):
                answer = _table(client, url, profile, points, rows.tolist(), columns.tolist())
                at = np.ix_(rows, columns)
                distance_m[at], duration_s[at] = answer[0], answer[1]
                off_m[rows] = answer[2]
    for one in (distance_m, duration_s):
        np.fill_diagonal(one, 0.0)
    return Reach(distance_m, duration_s, off_m)


def _table(
    client: SafeClient, url: str, profile: str, points: Points, rows: list[int], columns: list[int]
) -> tuple[Floats, Floats, Floats]:
    """(metres, seconds, metres from each source to its road) of one block."""
    where = f"{url.rstrip('/')}/table/v1/{quote(profile or 'driving', safe='')}/"
    reply = client.get(where + _query(points, rows, columns))
    try:
        told = orjson.loads(reply.body)
        if told["code"] != "Ok":
            raise Unavailable(f"{url}: OSRM says {told['code']}, {told.get('message', '')} → see its own log")
        shape = (len(rows), len(columns))
        off_m = np.array([one["distance"] for one in told["sources"]], np.float64)
        return _matrix(told["distances"], shape), _matrix(told["durations"], shape), off_m
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        hint = "see whether osrm-routed, version 5.18 or later, answers there"
        raise Unavailable(f"{url}: HTTP {reply.status}, no answer of OSRM's table service → {hint}") from None


def _query(points: Points, rows: Sequence[int], columns: Sequence[int]) -> str:
    places = [*rows, *(k for k in columns if k not in set(rows))]
    places = places * 2 if len(places) == 1 else places  # a server wants two
    number = {k: at for at, k in reversed(list(enumerate(places)))}
    spots = _NEXT.join(f"{points.lon_deg[k]:.6f},{points.lat_deg[k]:.6f}" for k in places)
    sources, destinations = (";".join(str(number[k]) for k in some) for some in (rows, columns))
    query = f"{spots}?sources={sources}&destinations={destinations}&annotations=duration,distance&generate_hints=false"
    kerb = points.kerb[np.array(places)]
    approaches = ";".join("curb" if held else "unrestricted" for held in kerb.tolist())
    return f"{query}&approaches={approaches}" if kerb.any() else query


def _matrix(rows: list[list[Any]], shape: tuple[int, int]) -> Floats:
    table = np.array([[np.inf if value is None else value for value in row] for row in rows], np.float64)
    if table.shape != shape:
        raise ValueError(table.shape)
    return table
