"""Buildings that could be: fabric and heat by use, floor area and age, drawn: none is what is believed of it."""

from dataclasses import fields, replace
from enum import StrEnum

import numpy as np

from twin.energy.fabric import Fabric
from twin.energy.plant import Plant, Source
from twin.energy.premises import Timetable

TIMETABLES = {
    "school": Timetable(),
    "nursery": Timetable(warm_c=20.0),
    "office": Timetable(),
    "culture": Timetable(days=(1, 2, 3, 4, 5)),
    "sports": Timetable(days=(0, 1, 2, 3, 4, 5, 6), from_h=6.0, until_h=22.0, warm_c=16.0, back_c=12.0),
}
"""How heating controllers of public buildings are usually set: 19 °C from 05:00 to 20:00, set back by 3 K otherwise, on
every working day of the week, holidays or not; 20 °C for small children, 16 °C in sports halls and until they close."""


class Age(StrEnum):
    """When a building was built, or made tight again."""

    OLD = "old"  # before 1974, without insulation, windows changed since
    MIDDLE = "middle"  # of the nineties
    RENEWED = "renewed"  # insulated outside, with heat recovery


_WALLS_W_M2K = {Age.OLD: 1.25, Age.MIDDLE: 0.65, Age.RENEWED: 0.30}  # by floor area; 7/6 of it from their middle out
_LEAK_W_M2K = {Age.OLD: 0.75, Age.MIDDLE: 0.50, Age.RENEWED: 0.28}
_VENT_W_M2K = {Age.OLD: 0.25, Age.MIDDLE: 0.45, Age.RENEWED: 0.20}
_WALLS_WH_M2K = {Age.OLD: 70.0, Age.MIDDLE: 45.0, Age.RENEWED: 60.0}
_INNER_WH_M2K = {"sports": 40.0, "school": 65.0, "office": 45.0, "nursery": 45.0, "culture": 60.0}
_AIR_WH_M2K = {"sports": 6.0, "school": 4.5, "office": 4.0, "nursery": 4.0, "culture": 5.0}
_SUN_M2_M2 = {"sports": 0.025, "school": 0.05, "office": 0.05, "nursery": 0.04, "culture": 0.03}
_INNER_W_M2K = 5.0
_COUPLED = 3.5  # air to walls, over walls to outside: the middle of a wall lies far out where it is not insulated
_SPREAD = 0.12
_VENTED = 0.3  # of the week
_LOSSES = frozenset({"leak_w_k", "vent_w_k", "walls_out_w_k", "air_walls_w_k"})
_COLDEST_C, _ROOM_C, _LARGER = -7.0, 20.0, 1.5
"""A plant is sized for the coldest day, and half larger, so that it can warm up what has cooled down."""


def made_fabric(use: str, floor_m2: float, age: Age, random: np.random.Generator) -> Fabric:
    """Its true values, each drawn around those of its kind by some 12 %."""
    out = _WALLS_W_M2K[age] * floor_m2 * 7.0 / 6.0
    usual = Fabric(
        air_wh_k=_AIR_WH_M2K[use] * floor_m2,
        inner_wh_k=_INNER_WH_M2K[use] * floor_m2,
        walls_wh_k=_WALLS_WH_M2K[age] * floor_m2,
        air_inner_w_k=_INNER_W_M2K * floor_m2,
        air_walls_w_k=out * _COUPLED,
        walls_out_w_k=out,
        leak_w_k=_LEAK_W_M2K[age] * floor_m2,
        vent_w_k=_VENT_W_M2K[age] * floor_m2,
        sun_m2=_SUN_M2_M2[use] * floor_m2,
    )
    drawn = [one.name for one in fields(Fabric) if one.name != "sun_to_inner"]
    spread = np.exp(_SPREAD * np.clip(random.standard_normal(len(drawn)), -2.0, 2.0)).tolist()
    return replace(usual, **{name: getattr(usual, name) * by for name, by in zip(drawn, spread, strict=True)})


def around(use: str, floor_m2: float, loss_w_k: float, capacity_wh_k: float, random: np.random.Generator) -> Fabric:
    """A building of which it is believed that it loses and holds so much, as one room: true values are about that."""
    made = made_fabric(use, floor_m2, Age.MIDDLE, random)
    lost = loss_w_k / (made.loss_w_k + _VENTED * made.vent_w_k) * np.exp(_SPREAD * random.standard_normal())
    held = (
        capacity_wh_k
        / (made.air_wh_k + made.inner_wh_k + made.walls_wh_k / 2)
        * np.exp(_SPREAD * random.standard_normal())
    )
    scaled = {
        one.name: getattr(made, one.name) * float(lost if one.name in _LOSSES else held)
        for one in fields(Fabric)
        if one.name in _LOSSES or one.name.endswith("_wh_k")
    }
    return replace(made, **scaled)


def made_plant(source: Source, fabric: Fabric, *, heat_max_w: float | None = None) -> Plant:
    """One that keeps a building warm; `heat_max_w` where it is known."""
    needed = (fabric.loss_w_k + fabric.vent_w_k) * (_ROOM_C - _COLDEST_C) * _LARGER
    most = needed if heat_max_w is None else heat_max_w
    if source is Source.HEAT_PUMP:
        return Plant(
            source=source, heat_max_w=most, heat_least_w=0.25 * most, start_wh=0.004 * most, flow_c=25.0,
            flow_slope=0.7, aside_w=0.006 * most,
        )  # fmt: skip
    if source is Source.BOILER:
        return Plant(
            source=source, heat_max_w=most, heat_least_w=0.2 * most, start_wh=0.003 * most, efficiency=0.97,
            flow_c=30.0, flow_slope=1.2, aside_w=0.004 * most,
        )  # fmt: skip
    return Plant(source=source, heat_max_w=most, efficiency=0.98, flow_c=30.0, flow_slope=1.2, aside_w=0.003 * most)
