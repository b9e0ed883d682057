"""A class of vehicle as roads see it: where it may drive, and how fast."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from math import inf

from optimizers.result import InvalidProblem
from optimizers.roads.graph import CLASSES, Access

HEAVY_KG = 3_500.0
"""Above this a vehicle is a heavy goods vehicle (EU category N2 and N3): signs for lorries are meant for it."""

_KM_H = 1 / 3.6
# Means with what junctions, bends and others cost: OSRM's car profile (profiles/car.lua, commit 0012f45), which has no
# pedestrian streets. Of tracks it says 5 km/h, switched off.
_CAR_KM_H = {
    "motorway": 90, "motorway_link": 75, "trunk": 85, "trunk_link": 70, "primary": 65, "primary_link": 60,
    "secondary": 55, "secondary_link": 50, "tertiary": 40, "tertiary_link": 30, "unclassified": 25, "residential": 25,
    "living_street": 10, "service": 15, "track": 5, "pedestrian": 5,
}  # fmt: skip
CAR_M_S: Mapping[str, float] = {name: km_h * _KM_H for name, km_h in _CAR_KM_H.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """What turning takes at a junction, in seconds: our own guesses (UNVERIFIED), for turning back OSRM's.

    left_s, right_s    for more than `straight_deg` off the way ahead; right is the near side
    back_s             turning round, which is done at dead ends alone
    give_way_s         more, where a road of a larger class meets
    """

    left_s: float = 6.0
    right_s: float = 3.0
    back_s: float = 20.0
    give_way_s: float = 3.0
    straight_deg: float = 45.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A class of vehicle.

    speeds_m_s                     by road class; it does not use a class that is missing
    top_m_s                        it is never faster
    pace                           durations on roads are multiplied by it: what traces of real drives say
    height_m, width_m, weight_kg   of the vehicle, laden
    enters                         the most closed roads it may use, also to pass through
    crow_m_s                       over `crow` distances, where there is no map

    Raises InvalidProblem with everything that is wrong.
    """

    name: str = ""
    speeds_m_s: Mapping[str, float] = field(default_factory=lambda: CAR_M_S)
    top_m_s: float = inf
    pace: float = 1.0
    height_m: float = 0.0
    width_m: float = 0.0
    weight_kg: float = 0.0
    enters: Access = Access.DESTINATION
    turns: Turns = field(default_factory=Turns)
    crow_m_s: float = 25 * _KM_H

    def __post_init__(self) -> None:
        speeds = self.speeds_m_s.items()
        known = ", ".join(CLASSES)
        figures = {name: getattr(self, name) for name in (*_ABOVE_0, *_FROM_0)}
        figures |= {name: getattr(self.turns, name) for name in _TURNS}
        wrong = [
            *((name not in CLASSES, f"{name!r} is no class of roads; they are {known}") for name in self.speeds_m_s),
            *(
                (not 0 < speed < inf, f"the speed on {name} is {speed} m/s, wants more than 0")
                for name, speed in speeds
            ),
            *((not figures[name] > 0, f"{name} is {figures[name]}, wants more than 0") for name in _ABOVE_0),
            *((not figures[name] >= 0, f"{name} is {figures[name]}, wants 0 or more") for name in (*_FROM_0, *_TURNS)),
        ]
        if problems := [f"profile {self.name!r}: {text}" for bad, text in wrong if bad]:
            raise InvalidProblem(problems)

    @property
    def heavy(self) -> bool:
        return self.weight_kg > HEAVY_KG

    @property
    def digest(self) -> str:
        """Of all that it is, save its name: equal for profiles that drive alike."""
        said = [
            sorted(self.speeds_m_s.items()), self.top_m_s, self.pace, self.height_m, self.width_m, self.weight_kg,
            int(self.enters), *(getattr(self.turns, name) for name in _TURNS), self.crow_m_s,
        ]  # fmt: skip
        return sha256(repr(said).encode()).hexdigest()


_ABOVE_0 = ("top_m_s", "pace", "crow_m_s")
_FROM_0 = ("height_m", "width_m", "weight_kg")
_TURNS = ("left_s", "right_s", "back_s", "give_way_s", "straight_deg")

# Heights, widths and weights: Directive 96/53/EC, annex I, allows 4 m, 2.55 m and, on three axles, 26 t. What the
# others weigh is theirs by French and European licences (C1: 7.5 t, B: 3.5 t); their sizes are ours (UNVERIFIED).
LORRY = Profile(name="lorry", top_m_s=80 * _KM_H, height_m=4.0, width_m=2.55, weight_kg=26_000.0)
SMALL_LORRY = Profile(name="small_lorry", top_m_s=80 * _KM_H, height_m=3.2, width_m=2.3, weight_kg=7_500.0)
VAN = Profile(name="van", height_m=2.7, width_m=2.1, weight_kg=3_500.0)
CAR = Profile(name="car", height_m=2.0, width_m=1.9, weight_kg=2_000.0)
PROFILES: Mapping[str, Profile] = {one.name: one for one in (LORRY, SMALL_LORRY, VAN, CAR)}
