"""Made problems to try the optimiser on: small ones to read, and ones of any size to measure it by."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optimizers.arrays import Bools, Floats, Ints
from optimizers.irrigation.problem import Budgets, Hydrozones, IrrigationProblem, Networks, Scenarios, Windows

_DAY_S = 86_400.0
_HOUR_S = 3_600.0
# Of one night, hours after noon: drippers from 20:00 to 08:00, sprinklers from 22:00 to 06:00 only.
_STRETCHES_H = ((8.0, 10.0), (10.0, 18.0), (18.0, 20.0))
_SPRINKLED_H = 8.0
_SOILS = ((30.0, 0.08), (18.0, 0.14), (10.0, 0.18), (6.0, 0.17))
"""Infiltration in mm/h and available water in m3/m3, from sand to clay."""


def example(seed: int = 0) -> IrrigationProblem:
    """Six hydrozones on two networks, looking three days ahead with a dry and a wet scenario. The same seed gives the
    same problem.
    """
    return generated(6, 2, 3, 2, seed)


def full_example(seed: int = 0) -> IrrigationProblem:
    """Twelve hydrozones on two networks over five days with everything that can be asked: sprinklers are stopped from
    midnight to two, the first hydrozone may not be watered at all and the last one only every other night; all water
    has a budget, and so has the first network's of the first night.
    """
    plain = generated(12, 2, 5, 3, seed)
    n, days, _ = plain.shape
    drip = plain.windows.allowed[:, 0]
    windows = _windows(drip, days, ((8.0, 10.0), (10.0, 12.0), (12.0, 14.0), (14.0, 18.0), (18.0, 20.0)), (1, 3))
    allowed, most = windows.allowed.copy(), np.full((n, days), 1_000)
    allowed[0] = False
    most[-1, 1::2] = 0
    week_m3 = _wanted_m3(plain).sum(axis=0) * days
    members = np.stack([np.ones(n, np.bool_), plain.hydrozones.network == 0])
    nights = np.stack([np.ones(days, np.bool_), np.arange(days) == 0])
    budgets = Budgets(
        names=("week", "N-01 tonight"),
        limit_m3=_rounded([0.4 * week_m3, 0.6 * _wanted_m3(plain)[members[1]].sum()], 1),
        member=members,
        nights=nights,
    )
    whole = {"windows": Windows(**{**vars(windows), "allowed": allowed, "most_cycles": most}), "budgets": budgets}
    return IrrigationProblem(**{**vars(plain), **whole})


def generated(hydrozones: int, networks: int, days: int, scenarios: int, seed: int = 0) -> IrrigationProblem:
    """A made week of July. Valves are shared out evenly; a third of them drip at 4 mm/h, the others sprinkle at 12 mm/h
    in cycles that the soil takes in, on 80 to 1000 m2. Root zones are depleted by anything up to a little beyond RAW.
    Each network carries between 0.8 and 1.8 times what an average night wants, so that some nights are tight. Rain
    falls in every scenario but the first. Raises InvalidProblem where there is none of something.
    """
    rng = np.random.default_rng(seed)
    network = np.arange(hydrozones) * networks // max(hydrozones, 1)
    names = tuple(f"V-{k + 1:02d}-{z + 1:02d}" for k, z in zip(network.tolist(), _places(network), strict=True))
    supply = _supply(rng, networks)
    beds = _beds(rng, hydrozones)
    etc_mm, rain_mm = _weather(rng, beds, days, scenarios)
    return IrrigationProblem(
        networks=_networks(rng, supply, beds, network),
        hydrozones=_hydrozones(rng, names, network, beds, supply[network]),
        windows=_windows(beds.drip, days, _STRETCHES_H, (1,)),
        scenarios=Scenarios(probability=_probability(scenarios), etc_mm=etc_mm, rain_mm=rain_mm),
    )


@dataclass(frozen=True)
class _Beds:
    """n areas: what makes them need water and take it in."""

    drip: Bools
    area_m2: Floats
    rate_mm_h: Floats
    efficiency: Floats
    infiltration_mm_h: Floats
    taw_mm: Floats
    p: Floats
    kc: Floats
    worth: Floats

    @property
    def flow_m3_h(self) -> Floats:
        flow: Floats = self.rate_mm_h * self.area_m2 / 1e3
        return flow

    @property
    def night_m3(self) -> Floats:
        """What 5 mm of reference evapotranspiration take from the network."""
        volume: Floats = 5.0 * self.kc * self.area_m2 / self.efficiency / 1e3
        return volume


def _beds(rng: np.random.Generator, n: int) -> _Beds:
    """Turf sprinkled, shrubs and flowerbeds dripped; root zones of 0.3 to 0.7 m."""
    drip = rng.random(n) < 1 / 3
    soil = np.array(_SOILS)[rng.integers(len(_SOILS), size=n)]
    return _Beds(
        drip=drip,
        area_m2=_rounded(np.exp(rng.uniform(np.log(80), np.log(1_000), n))),
        rate_mm_h=np.where(drip, 4.0, 12.0),
        efficiency=_rounded(np.where(drip, 0.9, rng.uniform(0.6, 0.8, n)), 2),
        infiltration_mm_h=soil[:, 0],
        taw_mm=_rounded(np.clip(1_000 * soil[:, 1] * rng.uniform(0.3, 0.7, n), 30, 120), 1),
        p=np.where(drip, 0.5, 0.4),
        kc=_rounded(np.where(drip, rng.uniform(0.5, 0.8, n), rng.uniform(0.8, 0.95, n)), 2),
        worth=rng.choice([1.0, 2.0, 4.0], size=n, p=[0.5, 0.3, 0.2]),
    )


def _supply(rng: np.random.Generator, networks: int) -> Floats:
    """EUR/m3: drinking water for most, a river or well for the others."""
    return _rounded(np.where(rng.random(networks) < 0.7, rng.uniform(3, 4.5, networks), 0.8), 2)


def _networks(rng: np.random.Generator, price_eur_m3: Floats, beds: _Beds, network: Ints) -> Networks:
    k = price_eur_m3.size
    wanted = np.bincount(network, beds.night_m3, k) / _SPRINKLED_H * rng.uniform(0.8, 1.8, k)
    largest = np.ones(k)
    np.maximum.at(largest, network, beds.flow_m3_h)
    return Networks(
        names=tuple(f"N-{i + 1:02d}" for i in range(k)),
        capacity_m3_h=np.ceil(10 * np.maximum(wanted, 1.05 * largest)) / 10,
        price_eur_m3=price_eur_m3,
    )


def _hydrozones(
    rng: np.random.Generator, names: tuple[str, ...], network: Ints, beds: _Beds, price_eur_m3: Floats
) -> Hydrozones:
    """A cycle lasts until what the soil has not taken in yet would run off, 5 to 30 minutes; then that soaks in."""
    stands_mm = rng.uniform(0.8, 2.5, beds.drip.size)
    excess = np.maximum(beds.rate_mm_h - beds.infiltration_mm_h, 1e-3)
    cycle_s = np.clip(60 * _rounded(60 * stands_mm / excess), 300, 1_800)
    soaks = beds.rate_mm_h > beds.infiltration_mm_h
    raw_mm = _rounded(beds.p * beds.taw_mm, 1)
    mm_eur = price_eur_m3 * beds.area_m2 / beds.efficiency / 1e3
    return Hydrozones(
        names=names,
        network=network,
        flow_m3_h=_rounded(beds.flow_m3_h, 3),
        cycle_s=cycle_s,
        soak_s=np.where(soaks, 60 * _rounded(60 * stands_mm / beds.infiltration_mm_h), 0.0),
        cycle_mm=_rounded(beds.rate_mm_h * cycle_s / _HOUR_S * beds.efficiency, 3),
        taw_mm=beds.taw_mm,
        raw_mm=raw_mm,
        depletion_mm=_rounded(rng.uniform(0, 1.2, raw_mm.size) * raw_mm, 1),
        stress_eur_mm=_rounded(0.02 * beds.worth * beds.area_m2, 2),
        wilting_eur_mm=_rounded(0.04 * beds.worth * beds.area_m2, 2),
        terminal_eur_mm=_rounded(0.8 * mm_eur, 4),
    )


def _windows(
    drip: Bools, days: int, stretches_h: tuple[tuple[float, float], ...], sprinkled: tuple[int, ...]
) -> Windows:
    """The same stretches every night; drippers may run in all of them, sprinklers in some."""
    hours = np.array(stretches_h) * _HOUR_S
    start = (np.arange(days)[:, None] * _DAY_S + hours[:, 0]).ravel()
    mask = np.isin(np.arange(len(hours)), sprinkled)
    return Windows(
        night=np.repeat(np.arange(days), len(hours)),
        start_s=start,
        end_s=start + np.tile(hours[:, 1] - hours[:, 0], days),
        allowed=np.tile(drip[:, None] | mask, days),
        most_cycles=np.full((drip.size, days), 1_000),
    )


def _weather(rng: np.random.Generator, beds: _Beds, days: int, scenarios: int) -> tuple[Floats, Floats]:
    """(S, D, n) evapotranspiration and rain: July sun, showers of 1 to 15 mm one day in three, alike for all places."""
    et0 = rng.uniform(4, 6.5, (1, days)) + rng.normal(0, 0.3, (scenarios, days))
    rain = np.where(rng.random((scenarios, days)) < 1 / 3, rng.uniform(1, 15, (scenarios, days)), 0.0)
    rain[:1] = 0.0
    sun = np.where(rain > 0, 0.6, 1.0)
    etc_mm = _rounded((et0 * sun)[:, :, None] * beds.kc, 2)
    return etc_mm, _rounded(np.broadcast_to(rain[:, :, None] * 0.9, etc_mm.shape), 1)


def _probability(scenarios: int) -> Floats:
    weight = 1.0 / np.arange(1, scenarios + 1)
    probability: Floats = weight / weight.sum()
    return probability


def _rounded(values: npt.ArrayLike, digits: int = 0) -> Floats:
    rounded: Floats = np.asarray(values, np.float64).round(digits)
    return rounded


def _places(network: Ints) -> list[int]:
    """The how manyth of its network each valve is."""
    return [z - int(np.searchsorted(network, k)) for z, k in enumerate(network.tolist())]


def _wanted_m3(problem: IrrigationProblem) -> Floats:
    """(n,) water that makes good the evapotranspiration of an average day."""
    zones, scenarios = problem.hydrozones, problem.scenarios
    etc_mm = np.tensordot(scenarios.probability, scenarios.etc_mm, 1).mean(axis=0)
    volume: Floats = etc_mm / zones.cycle_mm * zones.cycle_m3
    return volume
