"""One night looked back at, lamp by lamp."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from engine.errors import ConsigneError
from engine.instants import noon
from engine.model import Asset
from engine.settings import Settings
from engine.store import Store
from jobs.bootstrap import Territory
from jobs.lighting.domain import around
from jobs.lighting.night import Night
from jobs.lighting.reporting.ground import read_ground
from jobs.lighting.reporting.making import need_seen, plans_of
from jobs.lighting.reporting.tally import fixed_steps
from jobs.lighting.tables import tables_of
from jobs.nights import plans_in_force
from optimizers.arrays import Floats
from optimizers.lighting import UNLIMITED, LightingProblem


@dataclass(frozen=True, slots=True)
class Programs:
    """How many different programs a plan asks for, at all keepers and at the one with most; the least that one of those
    that state a limit takes, None where none does."""

    all: int
    most: int
    takes: int | None

    @classmethod
    def of(cls, problem: LightingProblem, flux: Floats) -> "Programs":
        holders = problem.holders
        keeper = np.zeros(len(flux), np.int64) if holders is None else holders.of
        counts = [len(np.unique(flux[keeper == h], axis=0)) for h in np.unique(keeper)]
        takes = UNLIMITED if holders is None else int(holders.programs.min())
        return cls(sum(counts), max(counts), None if takes == UNLIMITED else takes)


@dataclass(frozen=True, eq=False)
class Review:
    """Relative flux (n, T) of each lamp: what was planned, slot by slot by the plan then in force; what the fixed
    program would have done; what the night turned out to call for. `programs` are those of the first plan."""

    lamps: tuple[Asset, ...]
    night: Night
    planned: Floats
    fixed: Floats
    needed: Floats
    programs: Programs


def review(store: Store, territory: Territory, settings: Settings, day: date) -> Review:
    """The night that begins at the noon of a day. Raises ConsigneError if no plan was in force in it."""
    ground = read_ground(territory.assets, territory.communes, territory.series_names, tables_of(settings), day)
    with store.read() as unit:
        records = plans_in_force(unit, "lighting", noon(day), noon(day + timedelta(days=1))).get(day)
        if records is None:
            raise ConsigneError(f"lighting: no plan was in force in the night of {day} → consigne plan list")
        plans = plans_of(unit, records)
        need = need_seen(unit, territory, ground, around(territory), plans.night)
    body, night = plans.bodies[-1], plans.night
    told = Programs.of(plans.bodies[0].problem, plans.bodies[0].flux)
    rows = ground.rows(body.lamps)
    known = np.flatnonzero(rows >= 0)
    grid, rows = body.head["flux_grid"], rows[known]
    fixed = np.zeros((rows.size, len(night.slots)))
    fixed[:, night.burning] = fixed_steps(night, ground, rows, grid) * grid
    lamps = tuple(territory.by_id[ground.fleet.lamps[row]] for row in rows)
    return Review(lamps, night, plans.levels()[known] * grid, fixed, need.flux[rows], told)
