"""How a plan's body lies in one compressed block: plain values in a head, and arrays by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any

import numpy as np
import orjson

from engine.instants import from_us


@dataclass(frozen=True, eq=False)
class Opened:
    """A body that was read: `head` and `columns` as they were written."""

    head: Mapping[str, Any]
    columns: Mapping[str, Any]

    @property
    def start(self) -> datetime:
        return from_us(self.head["start_us"])

    @property
    def until(self) -> datetime:
        return from_us(self.head["until_us"])

    @property
    def at(self) -> datetime:
        """When it was asked."""
        return from_us(self.head["at_us"])


def closed(head: Mapping[str, Any], columns: Mapping[str, Any]) -> bytes:
    """The same head and columns give the same bytes."""
    block = BytesIO()
    np.savez_compressed(block, allow_pickle=False, head=np.frombuffer(orjson.dumps(head), np.uint8), **columns)
    return block.getvalue()


def opened(block: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Head and columns as they were closed."""
    with np.load(BytesIO(block), allow_pickle=False) as archive:
        columns: dict[str, Any] = {name: archive[name] for name in archive.files}
    return orjson.loads(columns.pop("head").tobytes()), columns
