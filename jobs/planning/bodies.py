"""How a plan's body lies in one compressed block: plain values in a head, and arrays by name."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
import orjson


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
