"""Who rules speak of: assets, and the places they lie in; who sees whom."""

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from statistics import fmean

from engine.model import Asset
from engine.rulebook.almanac import Place
from engine.rulebook.definitions import Rule, Rulebook
from engine.rulebook.language import Scope

TERRITORY = "territory"


class Roster:
    """Assets, and one more subject for each zone, commune and the territory where a rule speaks of these.

    Every subject belongs to one group, which has a clock and an order of its own: its zone; for a commune or the
    territory, that place. Zones without a commune lie in the commune "".

    `share` are the zones whose groups are decided here; None for all there is, none of them for the places above. All
    assets are given whatever the share is: a rule may reach points anywhere, and places above look at every zone.
    """

    def __init__(
        self, rulebook: Rulebook, assets: Sequence[Asset], communes: Mapping[str, str] | None = None,
        share: Collection[str] | None = None,
    ) -> None:  # fmt: skip
        self._rules = rulebook.rules
        self._covered: dict[str, frozenset[str]] = {}
        self.communes = {zone: (communes or {}).get(zone, "") for zone in sorted({asset.zone for asset in assets})}
        each = {rule.definition.for_each.each for rule in rulebook.rules}
        insees = sorted(set(self.communes.values()))
        places = [Asset(zone, "zone", zone, 0.0, 0.0) for zone in self.communes if "zone" in each]
        places += [Asset(insee, "commune", f"commune {insee}", 0.0, 0.0) for insee in insees if "commune" in each]
        places += [Asset(TERRITORY, "territory", TERRITORY, 0.0, 0.0)] if TERRITORY in each else []
        self.subjects = (*assets, *places)
        self.by_id = {asset.id: asset for asset in self.subjects}
        self.held = tuple(subject for subject in self.subjects if self._in_share(subject, share))
        self.groups = tuple(dict.fromkeys(asset.zone for asset in sorted(self.held, key=_by_reach)))
        self._held = frozenset(subject.id for subject in self.held)

    def _in_share(self, subject: Asset, share: Collection[str] | None) -> bool:
        if share is None:
            return True
        return subject.zone in share if self.reach(subject) == 0 else not share

    def holds(self, subject: str) -> bool:
        """Whether a subject is decided here."""
        return subject in self._held

    def covers(self, rule: Rule, subject: Asset) -> bool:
        return rule.definition.for_each.covers(subject, self.commune_of(subject))

    def rules_of(self, rules: Sequence[Rule]) -> Iterator[tuple[Asset, tuple[int, ...]]]:
        """Every subject decided here that some of the rules cover, with the places of those that do.

        Subjects alike in all that a rule of their type asks for are looked at once.
        """
        asked = {name: _Asked([r for r in rules if _kind(r) == name]) for name in {_kind(rule) for rule in rules}}
        known: dict[Hashable, tuple[int, ...]] = {}
        for subject in self.held:
            if subject.type not in asked:
                continue
            likeness = asked[subject.type].likeness(subject, self.commune_of(subject))
            if likeness not in known:
                known[likeness] = tuple(n for n, rule in enumerate(rules) if self.covers(rule, subject))
            if known[likeness]:
                yield subject, known[likeness]

    def subjects_of(self, rule: str) -> tuple[Asset, ...]:
        """The subjects of a rule decided here, those alike in what rules ask of them side by side."""
        return tuple(subject for alike in self._alike_of.get(rule, ()) for subject in alike)

    def covered(self, rule: str) -> frozenset[str]:
        """The ids of a rule's subjects decided here."""
        if rule not in self._covered:
            self._covered[rule] = frozenset(subject.id for subject in self.subjects_of(rule))
        return self._covered[rule]

    @cached_property
    def _alike_of(self) -> dict[str, list[list[Asset]]]:
        """The subjects of each rule, in lists that rules share."""
        alike: dict[tuple[int, ...], list[Asset]] = defaultdict(list)
        for subject, places in self.rules_of(self._rules):
            alike[places].append(subject)
        found: dict[str, list[list[Asset]]] = defaultdict(list)
        for places, subjects in alike.items():
            for place in places:
                found[self._rules[place].id].append(subjects)
        return found

    def commune_of(self, subject: Asset) -> str:
        return subject.id if subject.type == "commune" else self.communes.get(subject.zone, "")

    def reach(self, subject: Asset) -> int:
        """0 for what lies in a zone, 1 for a commune, 2 for the territory: the order groups are decided in."""
        return _by_reach(subject)[0]

    @cached_property
    def reaches(self) -> dict[str, int]:
        """The reach of each group, wherever it is decided."""
        return {subject.zone: self.reach(subject) for subject in self.subjects}

    def in_group(self, group: str) -> tuple[Asset, ...]:
        """The subjects of a group."""
        return self._in_group.get(group, ())

    @cached_property
    def _in_group(self) -> dict[str, tuple[Asset, ...]]:
        found: dict[str, list[Asset]] = defaultdict(list)
        for subject in self.subjects:
            found[subject.zone].append(subject)
        return {group: tuple(subjects) for group, subjects in found.items()}

    def place_of(self, subject: Asset) -> Place:
        """Where the sun is looked at: the middle of the zone (commune, territory), to a hundredth of a degree.

        Where nothing lies: at 0°, 0°.
        """
        return self._places.get(subject.zone, Place(0.0, 0.0))

    def seen(self, subject: Asset, scope: Scope) -> tuple[str, ...]:
        """The ids of the subjects in scope, in no order that means anything."""
        look: dict[Scope, Callable[[], tuple[str, ...]]] = {
            Scope.SELF: lambda: (subject.id,),
            Scope.PARENT: lambda: (subject.parent,) if subject.parent in self.by_id else (),
            Scope.CHILDREN: lambda: self._children.get(subject.id, ()),
            Scope.SIBLINGS: lambda: self._children.get(subject.parent, ()) if subject.parent else (subject.id,),
            Scope.ZONE: lambda: self._in_zone.get(subject.zone, ()),
            Scope.COMMUNE: lambda: self._in_commune.get(self.commune_of(subject), ()),
            Scope.TERRITORY: lambda: tuple(self.by_id),
        }
        return look[scope]()

    @cached_property
    def _places(self) -> dict[str, Place]:
        around: dict[str, list[Asset]] = defaultdict(list)
        for asset in self.subjects:
            if self.reach(asset) == 0 and asset.type != "zone":
                for group in (asset.zone, f"commune {self.commune_of(asset)}", TERRITORY):
                    around[group].append(asset)
        return {
            group: Place(round(fmean(a.lon for a in found), 2), round(fmean(a.lat for a in found), 2))
            for group, found in around.items()
        }

    @cached_property
    def _children(self) -> dict[str, tuple[str, ...]]:
        return _grouped((asset.parent, asset.id) for asset in self.subjects if asset.parent is not None)

    @cached_property
    def _in_zone(self) -> dict[str, tuple[str, ...]]:
        return _grouped((asset.zone, asset.id) for asset in self.subjects if self.reach(asset) == 0)

    @cached_property
    def _in_commune(self) -> dict[str, tuple[str, ...]]:
        return _grouped((self.commune_of(asset), asset.id) for asset in self.subjects if self.reach(asset) < 2)


class _Asked:
    """What the rules of one type ask of a subject."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        narrowed = [rule.definition.for_each for rule in rules]
        self._attributes = sorted({name for each in narrowed for name in each.where})
        self._tags = frozenset(tag for each in narrowed for tag in each.tag)
        self._zones = frozenset(zone for each in narrowed for zone in each.zone)
        self._communes = frozenset(commune for each in narrowed for commune in each.commune)

    def likeness(self, subject: Asset, commune: str) -> Hashable:
        attributes = subject.attributes
        return (
            subject.type,
            tuple(repr(attributes.get(name)) for name in self._attributes),
            self._tags.intersection(attributes.get("tags", ())) if self._tags else None,
            subject.zone if subject.zone in self._zones else None,
            commune if commune in self._communes else None,
        )


def _kind(rule: Rule) -> str:
    return rule.definition.for_each.type or rule.definition.for_each.each or ""


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return {key: tuple(values) for key, values in found.items()}


def _by_reach(subject: Asset) -> tuple[int, str]:
    return {"commune": 1, "territory": 2}.get(subject.type, 0), subject.zone
