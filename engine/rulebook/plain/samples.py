"""What has been measured, as scaled integers: the samples of one property of one asset, as one lane has taken them."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby

from engine.catalogue import AssetType, Property
from engine.instants import in_us
from engine.rulebook.language import scale_of


@dataclass(frozen=True, slots=True)
class Kind:
    """What the catalogue says of a property; `stale_after` in µs, None for what is planned: that never grows stale."""

    found: Property
    stale_after: int | None

    @property
    def scale(self) -> int:
        return scale_of(self.found)

    def scaled(self, value: float) -> int | None:
        """Rounded half to even; None for what is no finite number."""
        return round(value * self.scale) if math.isfinite(value * self.scale) else None


def kinds_of(asset_type: AssetType) -> dict[str, Kind]:
    """By name: an asset type's properties, and `planned(point)` for each of its points."""
    kinds = {name: Kind(found, in_us(found.stale_after)) for name, found in asset_type.properties.items()}
    for name, point in asset_type.points.items():
        if point.minimum < point.maximum:
            bounds = (point.minimum, point.maximum)
            planned = Property(unit=point.unit, range=bounds, stale_after=timedelta.max)
            kinds[f"planned({name})"] = Kind(planned, None)
    return kinds


@dataclass(slots=True)
class Series:
    """Samples that have arrived, by observed_at; a later one of the same instant takes the place of the first.

    `newest_at` and `value` are the current sample; `changed` whether it took another value than the one it came after;
    `changed_at` when that was last so.
    """

    samples: dict[int, int] = field(default_factory=dict)
    newest_at: int | None = None
    value: int = 0
    changed: bool = False
    changed_at: int | None = None

    def take(self, at: int, value: int) -> None:
        self.samples[at] = value
        if self.newest_at is not None and at < self.newest_at:
            return
        self.changed = self.newest_at is not None and value != self.value
        self.changed_at = at if self.changed else self.changed_at
        self.newest_at, self.value = at, value

    def within(self, after: int, until: int) -> list[tuple[int, int]]:
        """The samples with after < observed_at ≤ until, in their order."""
        return sorted((at, value) for at, value in self.samples.items() if after < at <= until)


@dataclass(frozen=True, slots=True)
class Message:
    """All an asset says of one instant: scaled values by property."""

    asset: str
    at: int
    values: Mapping[str, int]


@dataclass(slots=True)
class Lane:
    """The samples as the rules of one lateness, in µs, see them."""

    lateness: int
    series: dict[tuple[str, str], Series] = field(default_factory=dict)

    def take(self, message: Message) -> None:
        for name, value in message.values.items():
            self.series.setdefault((message.asset, name), Series()).take(message.at, value)


Row = tuple[str, int, str, int]  # asset, observed_at, property, scaled value


def messages(rows: Iterable[Row]) -> Iterator[Message]:
    """Neighbouring rows of one asset and instant are one message, until a property comes again."""
    for (asset, at), together in groupby(rows, key=lambda row: row[:2]):
        values: dict[str, int] = {}
        for _, _, name, value in together:
            if name in values:
                yield Message(asset, at, values)
                values = {}
            values[name] = value
        yield Message(asset, at, values)
