"""The lamps and cabinets of a field."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

from engine.errors import InputError, Problem
from engine.model import Asset
from twin.faults import Faults
from twin.field.equipment import Device
from twin.field.story import Story
from twin.lighting import NOBODY, Boost, Cabinet, Lamp, drive_of


def lighting(assets: Sequence[Asset], story: Story, faults: Faults) -> list[Device]:
    """Every lamp, then every cabinet. Raises InputError for a lamp whose flux curve the story does not have."""
    _check_curves(assets, story)
    lamps = list(_lamps(assets, story, faults))
    cabinets = (asset for asset in assets if asset.type == "StreetlightControlCabinet")
    behind: defaultdict[str, list[Lamp]] = defaultdict(list)
    for lamp in lamps:
        behind[lamp.gateway].append(lamp)
    return [*lamps, *(Cabinet(asset, behind[asset.gateway or asset.id], faults.of(asset.id)) for asset in cabinets)]


def _lamps(assets: Sequence[Asset], story: Story, faults: Faults) -> Iterator[Lamp]:
    darkness = story.darkness
    seen: defaultdict[str, list[datetime]] = defaultdict(list)
    for somebody in story.presence:
        seen[somebody.detector].append(somebody.at)
    for asset in assets:
        if asset.type == "Streetlight":
            detector = asset.attributes.get("detector")
            yield Lamp(
                asset,
                story.flux_curves[asset.attributes["flux_curve"]],
                darkness,
                faults.of(asset.id, asset.gateway or asset.parent),
                story.start_at,
                boost=Boost.of(asset, seen[detector]) if detector else NOBODY,
                drive=drive_of(asset, story.start_at),
            )


def _check_curves(assets: Sequence[Asset], story: Story) -> None:
    lamps = [(asset.id, asset.attributes.get("flux_curve")) for asset in assets if asset.type == "Streetlight"]
    problems = [
        Problem(lamp, 0, 0, f"has the unknown flux curve {curve!r}", f"one of: {', '.join(story.flux_curves)}")
        for lamp, curve in lamps
        if curve not in story.flux_curves
    ]
    if problems:
        raise InputError(problems)
