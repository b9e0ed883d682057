"""The containers, trucks and tablets of a field."""

from collections.abc import Sequence

from engine.model import Asset
from twin.collection.containers import Containers
from twin.collection.trucks import Truck
from twin.faults import Faults
from twin.field.equipment import Device
from twin.field.story import Story


def collection(assets: Sequence[Asset], story: Story, faults: Faults) -> list[Device]:
    """The containers that the story has, which fill hour by hour, after the trucks that empty them: what trucks do
    until an instant is done before sensors tell of it.
    """
    known = {asset.id: asset for asset in assets}
    bins = [one for one in story.bins if one.asset in known]
    containers = Containers(bins, known, story.dumped, faults, story.start_at, story.seed)
    trucks = [
        Truck(asset, containers, faults, story.start_at, story.pace) for asset in assets if asset.type == "Vehicle"
    ]
    return [*trucks, containers]
