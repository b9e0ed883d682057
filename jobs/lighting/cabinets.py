"""The cabinet that a lamp is fed from."""

from collections.abc import Iterator, Mapping

from engine.model import Asset

CABINET = "StreetlightControlCabinet"


def cabinet_of(lamp: Asset, by_id: Mapping[str, Asset]) -> Asset | None:
    """The cabinet above a lamp, through feeders, else by its gateway; None where it hangs at none."""
    around = (*_above(lamp, by_id), by_id.get(lamp.gateway or ""))
    return next((asset for asset in around if asset is not None and asset.type == CABINET), None)


def _above(asset: Asset, by_id: Mapping[str, Asset]) -> Iterator[Asset]:
    seen: set[str] = set()
    while asset.id not in seen and (above := by_id.get(asset.parent or "")) is not None:
        seen.add(asset.id)
        asset = above
        yield asset
