"""How the rules' memory is shared out over groups of zones, and what each group tells the step above them."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import orjson

from engine.model import Asset
from engine.rulebook import RuleEngine
from engine.rulebook.handing import Handed, load_handed
from engine.store import Unit

CURSOR = "rules"  # the key of the cursor and of the memory of an engine that has the whole territory
ABOVE = "rules/above"  # of the memory of the engine of places above zones
TEXTS = "rules/texts"  # of the rule files as workers load them
_GROUPS = "rules/groups"


def memory_key(group: int) -> str:
    """The key of a group's memory."""
    return f"{CURSOR}/{group}"


def tray_key(group: int) -> str:
    """The key of what a group has told; who holds its lock is the only one to work for the group."""
    return f"{CURSOR}/{group}/told"


@dataclass(frozen=True)
class Arrangement:
    """Who decides what: the zones of each group, the rules' version, and of which territory it speaks (a digest).

    `watched` are the series whose readings may lock points out, whichever group they come to.
    """

    shares: tuple[tuple[str, ...], ...]
    version: str
    assets: str
    watched: tuple[int, ...]

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.dump()).hexdigest()[:16]

    @property
    def groups(self) -> range:
        return range(len(self.shares))

    def same_shares(self, other: "Arrangement") -> bool:
        """Whether the memories may stay as they are: a subject is where it was."""
        return (self.shares, self.assets) == (other.shares, other.assets)

    def dump(self) -> bytes:
        return orjson.dumps([self.shares, self.version, self.assets, self.watched])


def digest_of(assets: Iterable[Asset], communes: Mapping[str, str], series: int) -> str:
    """What changes when an asset comes, goes or is another than it was, a zone changes its commune, or there are more
    `series`: workers that knew it otherwise must not go on."""
    told = [*sorted(assets, key=lambda asset: asset.id), sorted(communes.items()), series]
    total = hashlib.sha256()
    for one in told:
        total.update(orjson.dumps(one, default=dict, option=orjson.OPT_SORT_KEYS))
    return total.hexdigest()[:16]


def arrangement(unit: Unit) -> Arrangement | None:
    """How the memory is shared out; None where one engine has it all."""
    body = unit.state.get(_GROUPS)
    if not body:
        return None
    shares, version, assets, watched = orjson.loads(body)
    return Arrangement(tuple(map(tuple, shares)), version, assets, tuple(watched))


def arrange(unit: Unit, found: Arrangement) -> None:
    """From here on the memory is shared out so."""
    unit.state.put(_GROUPS, found.dump())


def memories(unit: Unit, key: str) -> tuple[bytes, ...]:
    """The memory at a key; of an engine of the whole territory, those of all groups where it is shared out."""
    shared = arrangement(unit) if key == CURSOR else None
    keys = [key] if shared is None else [*map(memory_key, shared.groups), ABOVE]
    return tuple(body for body in map(unit.state.get, keys) if body)


@dataclass(frozen=True)
class Tray:
    """What a group has told since the step above last took it.

    `tick_us` is how far the group has come, None before its first cycle. `touched` are points to be settled, `series`
    the watched readings that came, `asked` who asks that which domain's plan be made again.
    """

    tick_us: int | None = None
    handed: tuple[Handed, ...] = ()
    touched: frozenset[str] = frozenset()
    series: frozenset[int] = frozenset()
    asked: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def dump(self) -> bytes:
        handed = [told.dump().decode() for told in self.handed]
        return orjson.dumps([self.tick_us, handed, sorted(self.touched), sorted(self.series), self.asked])

    def emptied(self) -> "Tray":
        """Once it was taken."""
        return Tray(self.tick_us)

    def and_then(self, later: "Tray") -> "Tray":
        """With what the group told later."""
        first = later.handed if not self.handed else tuple(told.later() for told in later.handed)
        return replace(self.beside(later), handed=self.handed + first)

    def beside(self, later: "Tray") -> "Tray":
        """With what another group told."""
        return Tray(
            later.tick_us,
            self.handed + later.handed,
            self.touched | later.touched,
            self.series | later.series,
            {**self.asked, **later.asked},
        )


def tray(unit: Unit, group: int) -> Tray:
    """What a group has told."""
    body = unit.state.get(tray_key(group))
    if not body:
        return Tray()
    tick_us, handed, touched, series, asked = orjson.loads(body)
    return Tray(tick_us, tuple(map(load_handed, handed)), frozenset(touched), frozenset(series), asked)


def locked(unit: Unit, groups: Sequence[int]) -> list[Tray]:
    """The trays of groups that nobody works for until this transaction ends."""
    unit.state.lock([tray_key(group) for group in groups])
    return [tray(unit, group) for group in groups]


def joined(trays: Iterable[Tray]) -> Tray:
    """All of them as one: it has come as far as the last of them."""
    total = Tray()
    ticks = []
    for one in trays:
        total = total.beside(one)
        ticks.append(one.tick_us)
    known = [tick for tick in ticks if tick is not None]
    return replace(total, tick_us=min(known) if known and len(known) == len(ticks) else None)


def take_in(unit: Unit, engine: RuleEngine) -> Tray:
    """Where the memory is shared out, make it one again in this transaction, for the engine that has recalled it."""
    shared = arrangement(unit)
    if shared is None:
        return Tray()
    told = joined(locked(unit, shared.groups))
    engine.hear(told.handed)
    drop(unit, shared)
    return told


def drop(unit: Unit, shared: Arrangement) -> None:
    """Nothing is shared out any more: whoever is asked to work for one of its groups finds so."""
    for key in (_GROUPS, ABOVE, TEXTS, *map(memory_key, shared.groups), *map(tray_key, shared.groups)):
        unit.state.put(key, b"")
