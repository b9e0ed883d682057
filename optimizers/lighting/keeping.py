"""Yesterday's programs kept where they still serve and new ones would not pay for the telling."""

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.lighting.parts import Yesterday
from optimizers.lighting.power import lamp_energy_wh, power_share
from optimizers.lighting.problem import TOLERANCE, LightingProblem


def changed(problem: LightingProblem, flux: Floats) -> Bools:
    """(n,) lamps that are told another program than yesterday's, those among them of which yesterday is not known."""
    if problem.yesterday is None:
        return np.zeros(len(problem.lamps), np.bool_)
    apart = ~(np.abs(flux - problem.yesterday.flux) <= TOLERANCE)
    return np.asarray(apart.any(axis=1))


class Keeping:
    """One problem's yesterday. What telling lamps another program counts, (n,) Wh, is said with each question."""

    def __init__(self, problem: LightingProblem, yesterday: Yesterday) -> None:
        self.problem, self.yesterday = problem, yesterday
        self.energy_wh = lamp_energy_wh(problem, np.nan_to_num(yesterday.flux))

    def serves(self, need: Floats, lamps: Ints | None = None) -> Bools:
        """(n,) whether yesterday's program of each lamp keeps to everything above `need` (n, T); of some lamps only."""
        lamps = np.arange(len(self.problem.lamps)) if lamps is None else lamps
        serves = np.zeros(len(self.problem.lamps), np.bool_)
        serves[lamps] = _serves(self.problem, lamps, need[lamps], self.yesterday.flux[lamps, None, :])[:, 0]
        return serves

    def savings_wh(self, flux: Floats) -> Floats:
        """(n,) energy that each lamp's new program saves beside yesterday's."""
        saved: Floats = self.energy_wh - lamp_energy_wh(self.problem, flux)
        return saved

    def over(self, need: Floats, flux: Floats, telling_wh: Floats, holders: Ints | None) -> Floats:
        """New programs `flux` (n, T) with yesterday's instead where those pay; in some `holders` only, or in all."""
        parts = self.problem.holders
        lamps = None if holders is None or parts is None else np.flatnonzero(np.isin(parts.of, holders))
        serves = self.serves(need, lamps)
        if parts is None:
            keeps = serves & (self.savings_wh(flux) <= telling_wh)
            return np.where(keeps[:, None], self.yesterday.flux, flux)
        if parts.fleet_programs < len(self.problem.lamps):
            return self._over_fleet(need, flux, telling_wh, serves)
        flux, sizes = flux.copy(), np.bincount(parts.of, minlength=len(parts.names))
        if (free := serves & (parts.programs >= sizes)[parts.of]).any():
            free &= self.savings_wh(flux) <= telling_wh
            flux[free] = self.yesterday.flux[free]
        lamps_of = np.split(np.argsort(parts.of, kind="stable"), np.cumsum(sizes)[:-1])
        limited = np.flatnonzero((parts.programs < sizes) & (np.bincount(parts.of, serves, sizes.size) > 0))
        for h in limited.tolist():
            self._over_holder(need, flux, telling_wh, serves, lamps_of[h], int(parts.programs[h]))
        return flux

    def _over_holder(
        self, need: Floats, flux: Floats, telling_wh: Floats, serves: Bools, lamps: Ints, programs: int
    ) -> None:
        """The best few of the new rows and of yesterday's, for the lamps of one holder."""
        new = numbered(flux[lamps])[0]
        rows, number = numbered(np.concatenate([new, self.yesterday.flux[lamps[serves[lamps]]]]))
        cost = self._costs(need, lamps, rows)
        own = np.zeros(cost.shape, np.bool_)
        own[np.flatnonzero(serves[lamps]), number[len(new) :]] = True
        cost += np.where(own, 0.0, telling_wh[lamps, None])
        starts = [np.unique(number[: len(new)])]
        if (mine := np.unique(number[len(new) :])).size <= programs:
            starts.append(mine)
        start = min(starts, key=lambda chosen: float(cost[:, chosen].min(axis=1).sum()))
        best = _best_rows(cost, start, programs)
        if np.isfinite(cost[:, best].min(axis=1)).all():
            flux[lamps] = rows[best[cost[:, best].argmin(axis=1)]]

    def _over_fleet(self, need: Floats, flux: Floats, telling_wh: Floats, serves: Bools) -> Floats:
        """All of yesterday's programs that serve, the other lamps on one of those of their holder; or all new ones."""
        parts = self.problem.holders
        assert parts is not None  # noqa: S101
        kept = np.where(serves[:, None], self.yesterday.flux, flux)
        for h in np.unique(parts.of[~serves]).tolist():
            lamps = np.flatnonzero(parts.of == h)
            if not (mine := lamps[serves[lamps]]).size:
                continue
            others, rows = lamps[~serves[lamps]], numbered(kept[mine])[0]
            cost = self._costs(need, others, rows)
            able = np.isfinite(cost).any(axis=1)
            kept[others[able]] = rows[cost[able].argmin(axis=1)]
        spared = (telling_wh * (changed(self.problem, flux) & ~changed(self.problem, kept))).sum()
        more = lamp_energy_wh(self.problem, kept).sum() - lamp_energy_wh(self.problem, flux).sum()
        return kept if more <= spared and _within_programs(self.problem, kept) else flux

    def _costs(self, need: Floats, lamps: Ints, rows: Floats) -> Floats:
        """(m, p) energy of each lamp on each row, inf where the row does not serve it."""
        problem, lanes, cost = self.problem, self.problem.lanes, np.empty((lamps.size, len(rows)))
        drawn: dict[tuple[int, float, bytes], Floats] = {}
        for k, (lamp, index) in enumerate(zip(lamps.tolist(), problem.curve[lamps].tolist(), strict=True)):
            boost = float(lanes.boost[lamp]) if lanes is not None else 0.0
            key = index, boost, lanes.detection[lamp].tobytes() if lanes is not None and boost > 0 else b""
            if key not in drawn:
                drawn[key] = power_share(problem, rows, np.full(len(rows), lamp)).sum(axis=1)
            cost[k] = drawn[key]
        cost *= problem.power_full_w[lamps, None] * (problem.slot_s / 3600)
        cost[~_serves(problem, lamps, need[lamps], rows[None])] = np.inf
        return cost


def _serves(problem: LightingProblem, lamps: Ints, need: Floats, rows: Floats) -> Bools:
    """(m, p) whether lamps (m,) may follow rows (m or 1, p, T), above `need` (m, T), within all else of their own."""
    ceiling, ramp = problem.ceiling[lamps], problem.ramp_per_slot[lamps, None] + TOLERANCE
    serves = np.all(rows >= need[:, None] - TOLERANCE, axis=2)
    serves &= (rows[:, :, ~problem.burning] == 0).all(axis=2)
    steps = np.abs(np.diff(rows, axis=2))
    bound = problem.burning[1:] & problem.burning[:-1]
    if (ceiling >= 1).all():
        steepest = np.where(bound, steps, 0.0).max(axis=2, initial=0.0)
    else:
        serves &= np.all(rows <= np.maximum(ceiling, need)[:, None] + TOLERANCE, axis=2)
        lit = (ceiling[:, 1:] > 0) & (ceiling[:, :-1] > 0) & (np.abs(np.diff(ceiling, axis=1)) <= ramp)
        steepest = np.where((bound & lit)[:, None], steps, 0.0).max(axis=2, initial=0.0)
    whole = ((rows == 0) | (rows == 1)).all(axis=2)
    serves &= np.where(problem.dimmable[lamps, None], steepest <= ramp, whole)
    if (holders := problem.holders) is not None:
        edges = np.concatenate([rows[:, :, :1], rows[:, :, -1:]], axis=2)
        count = (steps > TOLERANCE).sum(axis=2) + (edges > TOLERANCE).sum(axis=2)
        serves &= count <= holders.switch_points[holders.of[lamps], None]
    return np.asarray(serves)


def _best_rows(cost: Floats, start: Ints, most: int) -> Ints:
    """Columns of cost (m, p), `most` at most, on which all are cheapest: from a start by single swaps, additions and
    removals until none helps.
    """
    chosen = start
    best = float(cost[:, chosen].min(axis=1).sum())
    while True:
        trials = []
        if chosen.size < most:
            trials.append((chosen, cost[:, chosen].min(axis=1)))
        for k in range(chosen.size if chosen.size > 1 else 0):
            rest = np.delete(chosen, k)
            trials.append((rest, cost[:, rest].min(axis=1)))
        found = best, chosen
        for rest, without in trials:
            totals = np.minimum(without[:, None], cost).sum(axis=0)
            column = int(totals.argmin())
            if totals[column] < found[0] - TOLERANCE or (not np.isfinite(found[0]) and np.isfinite(totals[column])):
                found = float(totals[column]), np.union1d(rest, [column])
        if found[1] is chosen:
            return chosen
        best, chosen = found


def numbered(rows: Floats) -> tuple[Floats, Ints]:
    """Rows without those that are the same within what rounding does, in order; and which of them each row is."""
    seen: dict[bytes, int] = {}
    of = np.array([seen.setdefault(row.tobytes(), len(seen)) for row in np.round(rows, 9) + 0.0], np.int64)
    _, first = np.unique(of, return_index=True)
    return rows[first], of


def _within_programs(problem: LightingProblem, flux: Floats) -> bool:
    holders = problem.holders
    assert holders is not None  # noqa: S101
    rows, of = numbered(flux)
    held = np.zeros((len(holders.names), len(rows)), np.bool_)
    held[holders.of, of] = True
    return len(rows) <= holders.fleet_programs and bool((held.sum(axis=1) <= holders.programs).all())
