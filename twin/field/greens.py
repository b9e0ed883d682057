"""The networks, valves and probes of a field."""

from collections import defaultdict
from collections.abc import Sequence

from engine.errors import InputError, Problem
from engine.model import Asset
from twin.faults import Faults
from twin.field.equipment import Device
from twin.field.story import Story
from twin.irrigation.network import Network
from twin.irrigation.plots import Plots


def irrigation(assets: Sequence[Asset], story: Story, faults: Faults) -> list[Device]:
    """The ground, which draws its water hour by hour, then every network with its valves. Raises as `networks_of`."""
    networks = networks_of(assets, story, faults)
    return [Plots(story.plots, story.sky, networks, faults, story.start_at, story.seed), *networks]


def networks_of(assets: Sequence[Asset], story: Story, faults: Faults) -> list[Network]:
    """Networks as they are at the story's start.

    Raises InputError for a network or a valve that does not say how much it carries.
    """
    _check_flows(assets)
    hung: defaultdict[str, list[Asset]] = defaultdict(list)
    for asset in assets:
        if asset.type == "IrrigationValve" and asset.parent:
            hung[asset.parent].append(asset)
    flows = {plot.valve: plot.ground["flow_m3_h"] for plot in story.plots}
    return [
        Network(
            asset,
            hung[asset.id],
            faults,
            story.start_at,
            flows_m3_h=flows,
            meter_m3=story.meters.get(asset.id, 0.0),
        )
        for asset in assets
        if asset.type == "IrrigationNetwork"
    ]


_SAYS = {"IrrigationNetwork": "capacity_m3_h", "IrrigationValve": "flow_m3_h"}


def _check_flows(assets: Sequence[Asset]) -> None:
    problems = [
        Problem(asset.id, 0, 0, f"has {wanted} {asset.attributes.get(wanted)!r}", "wants m³/h, more than 0")
        for asset in assets
        if (wanted := _SAYS.get(asset.type)) and not _positive(asset.attributes.get(wanted))
    ]
    if problems:
        raise InputError(problems)


def _positive(value: object) -> bool:
    return isinstance(value, int | float) and value > 0
