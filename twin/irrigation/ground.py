"""The ground of hydrozones as it really is: water in two layers, hour by hour, that no planner sees.

Not the planner's model. The planner keeps one bucket a day after FAO-56, which is full at field capacity and loses
what is above it at once; here rain wets leaves, stands before it seeps, moves from an upper layer to a lower one and
drains over days (Ritchie 1998, the cascade of CERES), and plants close their stomata along a curve (Raes et al. 2009,
AquaCrop), with parameters of each hydrozone that differ from what is believed of it.

What is followed is the quarter of a hydrozone that sprinklers reach least, which turns brown first: of the water of a
valve it gets the share `uniformity`, the rest is lost on the other quarters. Depths are mm, arrays are (n,).
"""

from dataclasses import dataclass, replace

import numpy as np

from optimizers.arrays import Bools, Floats

SURFACE_M = 0.1
"""Depth of the layer that dries to the air: FAO-56 has 0.10 to 0.15 m."""

_AIR_DRY = 0.5  # of the wilting point: what the air takes from the surface (FAO-56 eq. 73)
_BY_DEMAND = 0.04  # of TAW, for each mm a day (FAO-56, table 22, note 2; AquaCrop has the same)
_BARE_KC = 1.1  # most that wet bare ground evaporates, over ET0
_CURVE = 3.0  # how long stomata stay open as the ground dries (AquaCrop, shape factor of most crops)
_DRAINED_AT, _DRAINED_H = (0.12, 0.25, 0.36), (24.0, 48.0, 72.0)
_INTAKE_AT, _INTAKE_MM_H = (0.12, 0.23, 0.25, 0.33, 0.36), (30.0, 25.0, 15.0, 7.0, 4.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground:
    """n hydrozones.

    field_capacity, wilting_point, saturation   m³/m³
    root_depth_m         more than SURFACE_M
    readily              share of TAW that plants take without lack, 0…1, where a day demands 5 mm
    kc                   transpiration of plants that lack nothing, over ET0
    cover                share of the ground under leaves, 0…1
    leaves_mm            rain that leaves hold back
    intake_mm_h          water that the ground takes in
    ponding_mm           water that may stand on it before it runs off
    drainage_h           time in which a layer loses all but 1/e of what is above field capacity
    uniformity           share of a valve's water that reaches the driest quarter, 0…1
    flow_m3_h, area_m2   of the open valve, of the ground
    """

    field_capacity: Floats
    wilting_point: Floats
    saturation: Floats
    root_depth_m: Floats
    readily: Floats
    kc: Floats
    cover: Floats
    leaves_mm: Floats
    intake_mm_h: Floats
    ponding_mm: Floats
    drainage_h: Floats
    uniformity: Floats
    flow_m3_h: Floats
    area_m2: Floats

    @property
    def taw_mm(self) -> Floats:
        """Water between field capacity and wilting point over the depth of the roots."""
        taw: Floats = self._held_mm * self.root_depth_m
        return taw

    def raw_mm(self, demand_mm_day: Floats | float = 5.0) -> Floats:
        """Of it, what plants take without lack on a day that demands so much of them: the less, the more it does."""
        readily = np.clip(self.readily + _BY_DEMAND * (5.0 - demand_mm_day), 0.1, 0.8)
        raw: Floats = readily * self.taw_mm
        return raw

    @property
    def rate_mm_h(self) -> Floats:
        """Depth that the open valve brings in an hour, on average over the area."""
        rate: Floats = 1000.0 * self.flow_m3_h / self.area_m2
        return rate

    @property
    def _held_mm(self) -> Floats:
        """mm for each metre."""
        held: Floats = 1000.0 * (self.field_capacity - self.wilting_point)
        return held

    @property
    def _layers_full_mm(self) -> tuple[Floats, Floats]:
        return self._held_mm * SURFACE_M, self._held_mm * (self.root_depth_m - SURFACE_M)

    @property
    def _layers_pores_mm(self) -> tuple[Floats, Floats]:
        pores = 1000.0 * (self.saturation - self.wilting_point)
        return pores * SURFACE_M, pores * (self.root_depth_m - SURFACE_M)

    @property
    def _air_dry_mm(self) -> Floats:
        """What the air may take from the surface below the wilting point."""
        dry: Floats = 1000.0 * _AIR_DRY * self.wilting_point * SURFACE_M
        return dry


@dataclass(frozen=True, kw_only=True, eq=False)
class Water:
    """Where water is now: above the wilting point in the upper layer (below it where dried by the air) and the lower
    one, standing on the ground, held by leaves."""

    surface_mm: Floats
    root_mm: Floats
    standing_mm: Floats
    leaves_mm: Floats

    @property
    def total_mm(self) -> Floats:
        total: Floats = self.surface_mm + self.root_mm + self.standing_mm + self.leaves_mm
        return total


@dataclass(frozen=True, kw_only=True, eq=False)
class Passed:
    """Where water went in a while: `wanted_mm` is what plants would have transpired had they lacked nothing."""

    transpired_mm: Floats
    wanted_mm: Floats
    evaporated_mm: Floats
    percolated_mm: Floats
    runoff_mm: Floats
    lost_mm: Floats


def filled(ground: Ground, depletion_mm: Floats | float = 0.0) -> Water:
    """Ground from which so much of TAW is missing, alike in both layers."""
    share = 1.0 - np.clip(depletion_mm / ground.taw_mm, 0.0, 1.0)
    surface, root = (share * full for full in ground._layers_full_mm)
    return Water(surface_mm=surface, root_mm=root, standing_mm=np.zeros_like(root), leaves_mm=np.zeros_like(root))


def depletion_mm(ground: Ground, water: Water) -> Floats:
    """Water that is missing to field capacity in the root zone, 0…TAW; ground wetter than that lacks none."""
    depletion: Floats = np.clip(ground.taw_mm - np.maximum(water.surface_mm, 0.0) - water.root_mm, 0.0, ground.taw_mm)
    return depletion


def moisture(ground: Ground, water: Water, depth_m: Floats | float) -> Floats:
    """m³/m³ at a depth: of the layer it lies in."""
    depth = np.broadcast_to(depth_m, water.root_mm.shape)
    upper, lower = water.surface_mm / SURFACE_M, water.root_mm / (ground.root_depth_m - SURFACE_M)
    at_depth: Floats = ground.wilting_point + np.where(depth < SURFACE_M, upper, lower) / 1000.0
    return at_depth


def passed(
    ground: Ground, water: Water, *, et0_mm: Floats | float, rain_mm: Floats | float, valve_mm: Floats | float,
    demand_mm_day: Floats | float = 5.0, hours: float = 1.0,
) -> tuple[Water, Passed]:  # fmt: skip
    """The ground `hours` later, at most one: what rained, what the valve brought (mean depth over its area).

    `demand_mm_day` is what plants would transpire in the whole day, had they all they want.
    """
    rain, valve = np.broadcast_to(rain_mm, ground.kc.shape), np.broadcast_to(valve_mm, ground.kc.shape)
    caught = np.minimum(rain, ground.leaves_mm - water.leaves_mm)
    water, runoff = _taken_in(ground, water, rain - caught + ground.uniformity * valve, hours)
    water, percolated = _drained(ground, water, hours)
    from_leaves = np.minimum(water.leaves_mm + caught, et0_mm)
    water = replace(water, leaves_mm=water.leaves_mm + caught - from_leaves)
    water, transpired, wanted = _transpired(ground, water, et0_mm - from_leaves, demand_mm_day)
    water, evaporated = _evaporated(ground, water, et0_mm - from_leaves)
    return water, Passed(
        transpired_mm=transpired,
        wanted_mm=wanted,
        evaporated_mm=evaporated + from_leaves,
        percolated_mm=percolated,
        runoff_mm=runoff,
        lost_mm=(1.0 - ground.uniformity) * valve,
    )


def _taken_in(ground: Ground, water: Water, arrived_mm: Floats, hours: float) -> tuple[Water, Floats]:
    """What stands seeps as fast as the ground takes it, what cannot stand runs off."""
    standing = water.standing_mm + arrived_mm
    room = sum(ground._layers_pores_mm) - np.maximum(water.surface_mm, 0.0) - water.root_mm
    seeped = np.minimum(standing, np.minimum(ground.intake_mm_h * hours, np.maximum(room, 0.0)))
    runoff = np.maximum(standing - seeped - ground.ponding_mm, 0.0)
    surface, standing = water.surface_mm + seeped, standing - seeped - runoff
    return replace(water, surface_mm=surface, standing_mm=standing), runoff


def _drained(ground: Ground, water: Water, hours: float) -> tuple[Water, Floats]:
    (surface_full, root_full), (surface_pores, root_pores) = ground._layers_full_mm, ground._layers_pores_mm
    share = -np.expm1(-hours / ground.drainage_h)
    down = _above(water.surface_mm, surface_full, surface_pores, share)
    root = water.root_mm + down
    out = _above(root, root_full, root_pores, share)
    return replace(water, surface_mm=water.surface_mm - down, root_mm=root - out), out


def _above(held_mm: Floats, full_mm: Floats, pores_mm: Floats, share: Floats) -> Floats:
    """What leaves a layer: a share of what is above field capacity, and all that its pores cannot hold."""
    leaves: Floats = np.maximum(share * np.maximum(held_mm - full_mm, 0.0), held_mm - pores_mm)
    return leaves


def _transpired(
    ground: Ground, water: Water, et0_mm: Floats, demand_mm_day: Floats | float
) -> tuple[Water, Floats, Floats]:
    """Roots draw from each layer in the share of what it has to give, and less as little is left."""
    wanted = ground.kc * et0_mm
    given = np.maximum(water.surface_mm, 0.0), np.maximum(water.root_mm, 0.0)
    open_share = stomata(ground, depletion_mm(ground, water), demand_mm_day)
    drawn = np.minimum(wanted * open_share, sum(given))
    upper = drawn * given[0] / np.maximum(sum(given), 1e-9)
    return replace(water, surface_mm=water.surface_mm - upper, root_mm=water.root_mm - drawn + upper), drawn, wanted


def stomata(ground: Ground, missing_mm: Floats, demand_mm_day: Floats | float = 5.0) -> Floats:
    """How far stomata are open, 0…1, where so much of TAW is missing: wide down to RAW, then along AquaCrop's curve."""
    raw = ground.raw_mm(demand_mm_day)
    lack = np.clip((missing_mm - raw) / (ground.taw_mm - raw), 0.0, 1.0)
    share: Floats = 1.0 - np.expm1(_CURVE * lack) / np.expm1(_CURVE)
    return share


def _evaporated(ground: Ground, water: Water, et0_mm: Floats) -> tuple[Water, Floats]:
    """Bare ground loses what it is wet, down to what the air leaves."""
    full, dry = ground._layers_full_mm[0], ground._air_dry_mm
    wetness = np.clip((water.surface_mm + dry) / (full + dry), 0.0, 1.0)
    evaporated = np.minimum(_BARE_KC * (1.0 - ground.cover) * et0_mm * wetness**2, water.surface_mm + dry)
    return replace(water, surface_mm=water.surface_mm - evaporated), evaporated


def stressed(ground: Ground, missing_mm: Floats, demand_mm_day: Floats | float = 5.0) -> Bools:
    """Whether plants lack water: more is missing than they take readily."""
    lack: Bools = missing_mm > ground.raw_mm(demand_mm_day)
    return lack


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How far hydrozones are from what is believed of them: standard deviations, relative but where a unit is named.

    Ours: soil held within a texture varies by some 10 to 15 % (FAO-56 table 19 gives ranges twice as wide), gardeners
    know roots less well than soils, coefficients of plants from tables less well than measured ones.
    """

    held: float = 0.10
    root_depth: float = 0.15
    readily: float = 0.10
    kc: float = 0.08
    uniformity: float = 0.06
    flow: float = 0.05
    intake: float = 0.25
    drainage: float = 0.30
    field_capacity_m3_m3: float = 0.015


ORDINARY = Spread()


def drawn(believed: Ground, random: np.random.Generator, spread: Spread = ORDINARY) -> Ground:
    """Ground that could be where `believed` is thought to be. Shares stay shares; twice the deviation is the most."""

    def near(values: Floats, deviation: float) -> Floats:
        off: Floats = values * np.exp(deviation * np.clip(random.standard_normal(values.shape), -2.0, 2.0))
        return off

    held = near(believed.field_capacity - believed.wilting_point, spread.held)
    shift = spread.field_capacity_m3_m3 * np.clip(random.standard_normal(held.shape), -2.0, 2.0)
    capacity = np.maximum(believed.field_capacity + shift, held + 0.01)
    return replace(
        believed,
        field_capacity=capacity,
        wilting_point=capacity - held,
        saturation=np.maximum(believed.saturation, capacity + 0.05),
        root_depth_m=np.maximum(near(believed.root_depth_m, spread.root_depth), 1.5 * SURFACE_M),
        readily=np.clip(near(believed.readily, spread.readily), 0.1, 0.8),
        kc=near(believed.kc, spread.kc),
        uniformity=np.clip(near(believed.uniformity, spread.uniformity), 0.3, 1.0),
        flow_m3_h=near(believed.flow_m3_h, spread.flow),
        intake_mm_h=near(believed.intake_mm_h, spread.intake),
        drainage_h=near(believed.drainage_h, spread.drainage),
    )


def textured(
    *, field_capacity: Floats, wilting_point: Floats, root_depth_m: Floats, readily: Floats, kc: Floats, cover: Floats,
    uniformity: Floats, flow_m3_h: Floats, area_m2: Floats,
) -> Ground:  # fmt: skip
    """Ground of which this is known; the rest goes by its texture, for which its field capacity stands.

    Pores after Rawls, Brakensiek and Saxton (1982), 0.44 in sand to 0.475 in clay; nine tenths of what is free drain in
    a day from sand and in three from clay, as field capacity is reached in one to three (FAO-56, chapter 8); intake
    after FAO training manual 5 (Brouwer et al. 1988, table 7), 30 mm/h in sand to 4 in clay.
    """
    saturation = np.maximum(0.42 + 0.15 * field_capacity, field_capacity + 0.05)
    return Ground(
        field_capacity=field_capacity,
        wilting_point=wilting_point,
        saturation=saturation,
        root_depth_m=root_depth_m,
        readily=readily,
        kc=kc,
        cover=cover,
        leaves_mm=0.3 + 0.7 * cover,
        intake_mm_h=np.interp(field_capacity, _INTAKE_AT, _INTAKE_MM_H),
        ponding_mm=np.full_like(kc, 3.0),
        drainage_h=np.interp(field_capacity, _DRAINED_AT, _DRAINED_H) / np.log(10.0),
        uniformity=uniformity,
        flow_m3_h=flow_m3_h,
        area_m2=area_m2,
    )
