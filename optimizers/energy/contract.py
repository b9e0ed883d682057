"""What energy is planned against: slots of time, sites with their contracts, what sites share, orders to draw less."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from optimizers.arrays import Bools, Floats, Ints, Shapes, freeze, out_of_range, twice

LARGEST_W = 1e9
LARGEST_EUR = 1e4
"""Beyond which a price is none: the day-ahead exchange stops at 4 EUR/kWh."""

NONE = -1
"""Index of nothing: of a site that shares with none, of a group below none."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Horizon:
    """T slots of time, each beginning where the one before ends: 92, 96 or 100 quarters make a day.

    duration_s (T,)   of each
    """

    arrays: ClassVar[tuple[str, ...]] = ("duration_s",)

    duration_s: Floats

    @property
    def hours(self) -> Floats:
        """(T,) of each slot."""
        hours: Floats = self.duration_s / 3600.0
        return hours

    def __len__(self) -> int:
        return int(np.size(self.duration_s))

    def freeze(self) -> list[str]:
        if problems := freeze(self, {"duration_s": (np.float64, (len(self),))}):
            return problems
        fits = (self.duration_s >= 1) & (self.duration_s <= 86_400)
        told = [f"slot {t}: duration_s is {self.duration_s[t]}, wants 1 to 86400" for t in np.flatnonzero(~fits)]
        return told if len(self) else ["there are no slots, wants one at least"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Sites:
    """n meters, each with its contract. Power is positive into the site; over T slots unless said.

    group (n,)               index of the group it draws through; -1 for none
    base_w                   what it draws whatever is planned, as expected; never negative (what produces is solar)
    margin_w                 with so much more drawn than expected its limits still hold
    import_eur_kwh           price of energy bought: may be negative
    export_eur_kwh           paid for energy fed in
    import_limit_w           contracted power; inf for none
    firm (n,)                whether passing its limits trips the supply (up to 36 kVA): else each kWh beyond costs
    over_eur_kwh             what a kWh beyond limits that are not firm costs, on top of its price
    export_limit_w           most that may be fed in; inf for none
    peak_eur_kw (n,)         what each kW costs by which the highest power bought passes `peak_so_far_w`
    peak_so_far_w (n,)       the highest of the billing period until now
    carbon_g_kwh             of energy bought
    carbon_eur_kg (n,)       what a kg of it is weighed by
    """

    arrays: ClassVar[tuple[str, ...]] = (
        "group", "base_w", "margin_w", "import_eur_kwh", "export_eur_kwh", "import_limit_w", "firm", "over_eur_kwh",
        "export_limit_w", "peak_eur_kw", "peak_so_far_w", "carbon_g_kwh", "carbon_eur_kg",
    )  # fmt: skip

    names: tuple[str, ...]
    base_w: Floats
    import_eur_kwh: Floats
    export_eur_kwh: Floats = field(default_factory=lambda: np.array(0.0))
    group: Ints = field(default_factory=lambda: np.array(NONE))
    margin_w: Floats = field(default_factory=lambda: np.array(0.0))
    import_limit_w: Floats = field(default_factory=lambda: np.array(np.inf))
    firm: Bools = field(default_factory=lambda: np.array(False))
    over_eur_kwh: Floats = field(default_factory=lambda: np.array(0.0))
    export_limit_w: Floats = field(default_factory=lambda: np.array(np.inf))
    peak_eur_kw: Floats = field(default_factory=lambda: np.array(0.0))
    peak_so_far_w: Floats = field(default_factory=lambda: np.array(0.0))
    carbon_g_kwh: Floats = field(default_factory=lambda: np.array(0.0))
    carbon_eur_kg: Floats = field(default_factory=lambda: np.array(0.0))

    def freeze(self, slots: int, groups: int) -> list[str]:
        n = len(self.names)
        kinds = {"group": np.int64, "firm": np.bool_}
        once = {"group", "firm", "peak_eur_kw", "peak_so_far_w", "carbon_eur_kg"}
        shapes: Shapes = {
            name: (kinds.get(name, np.float64), (n,) if name in once else (n, slots)) for name in self.arrays
        }
        return freeze(self, shapes) or list(self._problems(groups))

    def _problems(self, groups: int) -> Iterator[str]:
        yield from twice("site", self.names)
        for problem in out_of_range("site", self.names, self, "base_w", least=0.0, most=LARGEST_W):
            yield f"{problem}: what produces is solar"
        for name in ("margin_w", "peak_so_far_w"):
            yield from out_of_range("site", self.names, self, name, least=0.0, most=LARGEST_W)
        for name in ("import_eur_kwh", "export_eur_kwh"):
            yield from out_of_range("site", self.names, self, name, least=-LARGEST_EUR, most=LARGEST_EUR)
        for name in ("over_eur_kwh", "peak_eur_kw", "carbon_g_kwh", "carbon_eur_kg"):
            yield from out_of_range("site", self.names, self, name, least=0.0, most=LARGEST_EUR)
        yield from out_of_range("site", self.names, self, "import_limit_w", above=0.0)
        yield from out_of_range("site", self.names, self, "export_limit_w", least=0.0)
        for i, name in enumerate(self.names):
            if not NONE <= (group := int(self.group[i])) < groups:
                yield f"site {name!r}: group is {group}, wants -1 or an index below {groups}"
            yield from self._small(i, name)
        yield from idle_limits("site", self.names, self)

    def _small(self, i: int, name: str) -> Iterator[str]:
        """A limit that what nobody plans passes in every slot is in another unit, or of another site."""
        limit, base = self.import_limit_w[i], self.base_w[i]
        if base.size and (limit < base).all():
            wanted = "a limit that holds in some slot at least (is it in kW, and the load in W?)"
            yield f"site {name!r}: import_limit_w is {limit[0]:g} where base_w is {base[0]:g}, wants {wanted}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Groups:
    """G limits that sites share: a campus, a feeder. What it draws is the sum of its sites and of groups below it.

    parent (G,)              index of the group it draws through, which stands before it; -1 for none
    import_limit_w (G, T)    most that it may draw; inf for none
    export_limit_w (G, T)    most that it may feed in; inf for none
    firm (G,)                whether passing its limits trips something: else each kWh beyond costs
    over_eur_kwh (G, T)      what a kWh beyond limits that are not firm costs
    peak_eur_kw (G,)         what each kW costs by which its highest power passes `peak_so_far_w`
    peak_so_far_w (G,)       the highest of the billing period until now
    """

    arrays: ClassVar[tuple[str, ...]] = (
        "parent", "import_limit_w", "export_limit_w", "firm", "over_eur_kwh", "peak_eur_kw", "peak_so_far_w",
    )  # fmt: skip

    names: tuple[str, ...]
    import_limit_w: Floats
    parent: Ints = field(default_factory=lambda: np.array(NONE))
    export_limit_w: Floats = field(default_factory=lambda: np.array(np.inf))
    firm: Bools = field(default_factory=lambda: np.array(False))
    over_eur_kwh: Floats = field(default_factory=lambda: np.array(0.0))
    peak_eur_kw: Floats = field(default_factory=lambda: np.array(0.0))
    peak_so_far_w: Floats = field(default_factory=lambda: np.array(0.0))

    def within(self, group: Ints) -> Bools:
        """(G, k) whether what draws through `group` (k,), -1 for none, draws through each, or through one below it."""
        found: Bools = np.arange(len(self.names))[:, None] == group
        for g in reversed(range(len(self.names))):
            if (parent := int(self.parent[g])) != NONE:
                found[parent] |= found[g]
        return found

    def drawn(self, group: Ints, power: Floats) -> Floats:
        """(G, T) what groups draw of what sites do (n, T), each through its group (n,), -1 for none."""
        drawn = np.zeros((len(self.names), power.shape[1]))
        member = group != NONE
        np.add.at(drawn, group[member], power[member])
        for g in reversed(range(len(self.names))):  # whom it draws through stands before it
            if (parent := int(self.parent[g])) != NONE:
                drawn[parent] += drawn[g]
        return drawn

    def freeze(self, slots: int) -> list[str]:
        g = len(self.names)
        kinds = {"parent": np.int64, "firm": np.bool_}
        long = {"import_limit_w", "export_limit_w", "over_eur_kwh"}
        shapes: Shapes = {
            name: (kinds.get(name, np.float64), (g, slots) if name in long else (g,)) for name in self.arrays
        }
        return freeze(self, shapes) or list(self._problems())

    def _problems(self) -> Iterator[str]:
        yield from twice("group", self.names)
        for name in ("import_limit_w", "export_limit_w"):
            yield from out_of_range("group", self.names, self, name, least=0.0)
        for name in ("over_eur_kwh", "peak_eur_kw"):
            yield from out_of_range("group", self.names, self, name, least=0.0, most=LARGEST_EUR)
        yield from out_of_range("group", self.names, self, "peak_so_far_w", least=0.0, most=LARGEST_W)
        for g, name in enumerate(self.names):
            if not NONE <= (parent := int(self.parent[g])) < g:
                yield f"group {name!r}: parent is {parent}, wants -1 or the index of a group before it, below {g}"
        yield from idle_limits("group", self.names, self)


@dataclass(frozen=True, kw_only=True, eq=False)
class Orders:
    """O orders to draw less than usual for a while (in France NEBEF), each of one group.

    group (O,)             index of the group that is to draw less
    first, last (O,)       slots, from the first to before the last
    baseline_w (O, T)      what the group would have drawn: what it is certified by
    ordered_w (O,)         by how much less
    paid_eur_kwh (O,)      for each kWh less, up to what is ordered
    short_eur_kwh (O,)     for each kWh of what is ordered that is not delivered
    """

    arrays: ClassVar[tuple[str, ...]] = (
        "group", "first", "last", "baseline_w", "ordered_w", "paid_eur_kwh", "short_eur_kwh",
    )  # fmt: skip

    names: tuple[str, ...]
    group: Ints
    first: Ints
    last: Ints
    baseline_w: Floats
    ordered_w: Floats
    paid_eur_kwh: Floats
    short_eur_kwh: Floats = field(default_factory=lambda: np.array(0.0))

    def freeze(self, slots: int, groups: Sequence[str]) -> list[str]:
        o = len(self.names)
        shapes: Shapes = dict.fromkeys(self.arrays, (np.float64, (o,)))
        shapes |= dict.fromkeys(("group", "first", "last"), (np.int64, (o,)))
        shapes["baseline_w"] = (np.float64, (o, slots))
        return freeze(self, shapes) or list(self._problems(slots, len(groups)))

    def _problems(self, slots: int, groups: int) -> Iterator[str]:
        yield from twice("order", self.names)
        yield from out_of_range("order", self.names, self, "baseline_w", least=0.0, most=LARGEST_W)
        yield from out_of_range("order", self.names, self, "ordered_w", above=0.0, most=LARGEST_W)
        for name in ("paid_eur_kwh", "short_eur_kwh"):
            yield from out_of_range("order", self.names, self, name, least=0.0, most=LARGEST_EUR)
        for o, name in enumerate(self.names):
            if not 0 <= (group := int(self.group[o])) < groups:
                yield f"order {name!r}: group is {group}, wants an index below {groups}"
            yield from wrong_stay(f"order {name!r}", int(self.first[o]), int(self.last[o]), slots)


def idle_limits(kind: str, names: Sequence[str], part: "Sites | Groups") -> Iterator[str]:
    """Limits that bind nobody: neither firm nor dear to pass."""
    for i, name in enumerate(names):
        for limit in ("import_limit_w", "export_limit_w"):
            idle = np.flatnonzero(np.isfinite(getattr(part, limit)[i]) & (part.over_eur_kwh[i] == 0))
            if idle.size and not part.firm[i]:
                found = (
                    f"{limit} of slot {idle[0]} is {getattr(part, limit)[i, idle[0]]:g}, and passing it costs nothing"
                )
                yield f"{kind} {name!r}: {found}, wants it firm, or an over_eur_kwh more than 0"


def during(first: Ints, last: Ints, slots: int) -> Bools:
    """(k, T) whether each slot lies within k stays, from the first to before the last."""
    t = np.arange(slots)
    within: Bools = (t >= first[:, None]) & (t < last[:, None])
    return within


def wrong_stay(what: str, first: int, last: int, slots: int) -> Iterator[str]:
    """Whether slots from the first to before the last lie within the plan, told as a problem where they do not."""
    if not 0 <= first < last <= slots:
        yield f"{what}: from slot {first} to before {last}, wants a first before a last within the plan's {slots} slots"
