"""A truck's round of a day as it is handed to people and equipment: what to do, where, when, in which order."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from pydantic import AwareDatetime, TypeAdapter, ValidationError


class Doing(StrEnum):
    """What one line of a round is."""

    START = "start"
    STOP = "stop"
    UNLOAD = "unload"
    REST = "rest"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing to do. To get there takes `drive_s` and `distance_m` from the line before.

    number      of a stop, from 1 up in the order of the day, as the point `stopNumber` counts them; 0 of anything else
    asset       the container or the disposal site; '' of a rest, of start and end the depot
    place       as people know it: an address, a commune
    fill        expected when it is emptied, a share of the container (0…1); None where nobody knows
    mass_kg     expected to be taken on, of a stop; aboard before, of an unloading
    """

    doing: Doing
    number: int = 0
    asset: str = ""
    place: str = ""
    lon: float
    lat: float
    arrive_at: AwareDatetime
    begin_at: AwareDatetime
    end_at: AwareDatetime
    drive_s: float = 0.0
    distance_m: float = 0.0
    fill: float | None = None
    mass_kg: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What a vehicle does on a day, from its START to its END; without lines it stays where it is.

    day           local, of the plan
    plan          its version: a newer one replaces the whole round
    fractions     kinds of waste it collects, as containers say them
    approximate   drives were reckoned without a map
    """

    vehicle: str
    day: date
    plan: str
    fractions: tuple[str, ...] = ()
    approximate: bool = False
    lines: tuple[Line, ...] = ()

    @property
    def stops(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.doing is Doing.STOP)

    @property
    def distance_m(self) -> float:
        return sum(line.distance_m for line in self.lines)

    @property
    def drive_s(self) -> float:
        return sum(line.drive_s for line in self.lines)

    @property
    def mass_kg(self) -> float:
        """Expected to be collected, of stops of which that is known."""
        return sum(line.mass_kg or 0.0 for line in self.stops)

    @property
    def start_at(self) -> datetime:
        """When it leaves. Raises IndexError for a round without lines."""
        return self.lines[0].begin_at

    @property
    def end_at(self) -> datetime:
        return self.lines[-1].end_at


_ADAPTER: TypeAdapter[Round] = TypeAdapter(Round)


def encode_round(found: Round) -> bytes:
    """The JSON document that a tablet is sent; equal rounds have equal bytes."""
    return _ADAPTER.dump_json(found)


def decode_round(payload: bytes) -> Round:
    """Raises ValueError for anything that is not of its shape."""
    try:
        return _ADAPTER.validate_json(payload)
    except ValidationError as error:
        raise ValueError(
            f"not a round: {error.error_count()} mistakes, the first: {error.errors()[0]['msg']}"
        ) from None
