"""Which zones are decided together, where several engines share a territory."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from engine.model import Asset


def shares_of(assets: Sequence[Asset], count: int) -> tuple[frozenset[str], ...]:
    """At most `count` shares of all zones, about equal by assets; the same for the same assets.

    A rule of a zone looks at subjects of its zone, at parents, children and siblings, and no further: so zones that are
    tied by a parent stay together (an inventory of this store has none), and others may be anywhere.
    """
    sizes = Counter(asset.zone for asset in assets)
    clusters = [(sum(sizes[zone] for zone in zones), zones) for zones in _tied(assets)]
    shares: list[list[str]] = [[] for _ in range(min(count, len(clusters)))]
    filled = [0] * len(shares)
    for size, zones in sorted(clusters, key=lambda cluster: (-cluster[0], cluster[1])):
        place = filled.index(min(filled))
        shares[place].extend(zones)
        filled[place] += size
    return tuple(frozenset(share) for share in shares)


def _tied(assets: Sequence[Asset]) -> list[list[str]]:
    """The zones, those with a common parent side by side."""
    leader = {asset.zone: asset.zone for asset in assets}

    def find(zone: str) -> str:
        while leader[zone] != zone:
            zone = leader[zone]
        return zone

    homes = {asset.id: asset.zone for asset in assets}
    for asset in assets:
        if asset.parent is not None:
            one, other = find(asset.zone), find(homes.setdefault(asset.parent, asset.zone))
            leader[max(one, other)] = min(one, other)
    found: dict[str, list[str]] = defaultdict(list)
    for zone in sorted(leader):
        found[find(zone)].append(zone)
    return list(found.values())
