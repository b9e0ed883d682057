"""The story the field tells: a JSON file that says when what happens.

    {"start_at": "2026-11-22T11:00:00Z",            first slot, an instant with an offset
     "slots": 96, "slot_s": 900, "seed": 7,
     "nights": [["2026-11-22T16:10:00Z", "2026-11-23T07:15:00Z"]],       sunset, sunrise
     "counts": [["T-49007-001", "2026-11-22T12:00:00Z", 412.0, 0.08]],   counter, at, vehicles/h, occupancy or null
     "presence": [["D-49007-001", "2026-11-22T22:41:07Z"]],              detector, at
     "presence_hold_s": 120,                                             how long a detector stays on
     "weather": [["W-49007-0001", "precipitation", "2026-11-22T22:00:00Z", 1.4]],   station, what, at, value
     "sky": [["2026-11-22T12:00:00Z", 0.1, 0.0, 9.5]],                   end of an hour, ET0 and rain in mm, °C
     "plots": [{"valve": "V-49007-0001", …}],                            ground: twin.irrigation.plots.Plot
     "meters": {"N-49007-0001": 1234.5},                                 m³ on the meters of networks
     "bins": [{"asset": "R-49329-0001", …}],                             containers: twin.collection.containers.Bin
     "dumped": [["R-49329-0001", "2026-11-22T10:00:00Z", 2500.0]],       container, at, litres brought at once
     "premises": [{"building": "B-49329-0001", …}],                      buildings: twin.energy.premises.Premises
     "outside": [["2026-11-22T11:15:00Z", 9.5, 120.0]],                  end of a quarter, °C, sun in W/m²
     "pace": 1.05,                                                       what trucks' drives take, over what is planned
     "faults": [{"asset": "L-49007-00012", "kind": "lie", "from_at": …, "until_at": …,
                 "probability": 1, "delay_s": 60}],                      kinds: twin.faults.FaultKind
     "flux_curves": {"led": [[0, 0], [1, 1]]}}                           flux → share of power; default FLUX_CURVES

What happened since the last slot is told with a slot, each thing with its own instant.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar, NamedTuple

from pydantic import AwareDatetime, ConfigDict, TypeAdapter, ValidationError

from engine.errors import InputError, Problem
from twin.collection.containers import Bin, Dumped
from twin.energy.outside import Outside
from twin.energy.premises import Premises
from twin.faults import Fault
from twin.irrigation.plots import Plot, Sky
from twin.lighting import FLUX_CURVES, Darkness


class Count(NamedTuple):
    """One hour of a counter: vehicles an hour, and the share of time the loop is covered."""

    asset: str
    observed_at: AwareDatetime
    intensity: float
    occupancy: float | None = None


class Presence(NamedTuple):
    """Somebody passes a detector."""

    detector: str
    at: AwareDatetime


class Measured(NamedTuple):
    """What a station tells of the weather, in the catalogue's unit; of rain what it has caught since it last told."""

    asset: str
    property: str
    at: AwareDatetime
    value: float


@dataclass(frozen=True)
class Story:
    """What happens in the field, slot by slot from `start_at`."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    start_at: AwareDatetime
    slots: int
    nights: tuple[tuple[AwareDatetime, AwareDatetime], ...]
    counts: tuple[Count, ...] = ()
    presence: tuple[Presence, ...] = ()
    weather: tuple[Measured, ...] = ()
    sky: tuple[Sky, ...] = ()
    plots: tuple[Plot, ...] = ()
    meters: Mapping[str, float] = field(default_factory=dict)
    bins: tuple[Bin, ...] = ()
    dumped: tuple[Dumped, ...] = ()
    premises: tuple[Premises, ...] = ()
    outside: tuple[Outside, ...] = ()
    pace: float = 1.0
    faults: tuple[Fault, ...] = ()
    seed: int = 0
    slot_s: int = 900
    presence_hold_s: float = 120.0
    flux_curves: Mapping[str, tuple[tuple[float, float], ...]] = field(
        default_factory=lambda: {name: tuple(points) for name, points in FLUX_CURVES.items()}
    )

    def at(self, slot: int) -> datetime:
        """The instant of a slot; its end is the next one's."""
        return self.start_at + slot * timedelta(seconds=self.slot_s)

    @property
    def darkness(self) -> Darkness:
        return Darkness(self.nights)

    def save(self, path: Path) -> None:
        path.write_bytes(_ADAPTER.dump_json(self))

    @classmethod
    def load(cls, path: Path) -> "Story":
        """Raises InputError with everything that is wrong with the file."""
        try:
            return _ADAPTER.validate_json(path.read_bytes())
        except OSError as error:
            raise InputError([Problem(str(path), 0, 0, f"cannot be read: {error.strerror}", "give another")]) from None
        except ValidationError as error:
            raise InputError(
                Problem(str(path), 0, 0, f"{'.'.join(map(str, item['loc']))}: {item['msg']}", "see twin/field/story.py")
                for item in error.errors()
            ) from None


_ADAPTER: TypeAdapter[Story] = TypeAdapter(Story)
