"""How good forecasts of bins are in a made year: Brier's score, calibration error, coverage, beside persistence.

    PYTHONPATH=. .venv/bin/python tests/bench/bench_fill.py [--bins 320] [--days 365] [--seed 11]

Bins of `twin.collection`, with weekdays, seasons, holidays, markets, changes, and sensors with noise and faults, are
emptied each on its days, some days late, however full. Every morning each forecaster says how likely a bin is above
full by this evening and by the third one. Persistence takes the last reading and the mean rise of the last fortnight
for certain; "by its own past" takes the share of days on which the rise of the last fortnight would have done.
"""

import argparse
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from optimizers.arrays import Bools, Floats
from optimizers.fill import brier, calibration_error, coverage, level_quantile, overflow_probability
from tests.bench.show_collection_year import SCHOOL
from twin.collection.bins import Dates, amounts, shares_between
from twin.collection.heard import FAULTS, NO_FAULTS, Sensors
from twin.collection.policies import Hears, Ledger
from twin.collection.year import SLOTS, Today, made_town

WARM_UP, AHEAD, FORTNIGHT = 42, 3, 14


@dataclass(eq=False)
class Naive:
    """Last reading, and the rises of the last days between readings of evenings."""

    n: int
    last: Floats = field(init=False)
    rises: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.last, self.rises = np.zeros(self.n), np.full((FORTNIGHT, self.n), np.nan)

    def hear(self, readings: Floats, gone: Bools) -> None:
        before, now = np.where(gone, 0.0, self.last), np.where(gone, 0.0, self.last)
        for values in readings:
            now = np.where(np.isfinite(values), values, now)
        heard = np.isfinite(readings).any(axis=0)
        self.rises = np.concatenate([self.rises[1:], np.where(heard, now - before, np.nan)[None]])
        self.last = now

    def certain(self, days: int) -> Floats:
        mean = np.nan_to_num(np.nanmean(np.where(np.isfinite(self.rises), self.rises, np.nan), axis=0))
        return (self.last + days * np.maximum(mean, 0.0) > 1.0).astype(np.float64)

    def by_past(self, days: int) -> Floats:
        known = np.maximum(np.isfinite(self.rises).sum(axis=0), 1)
        reached = np.nansum(self.last + days * np.nan_to_num(self.rises, nan=-9.0) > 1.0, axis=0)
        return np.asarray(reached / known, np.float64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bins", type=int, default=320)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    print(f"{'forecaster':<28}{'Brier 1 d':>11}{'ECE 1 d':>9}{'Brier 3 d':>11}{'ECE 3 d':>9}{'80 % holds':>12}")
    for name, faults in (("sensor with faults", True), ("sensor without faults", False)):
        run(name, options.bins, options.days, options.seed, faults=faults, hears=Hears.SENSOR)
    run("no sensor", options.bins, options.days, options.seed, faults=True, hears=Hears.NOTHING)


def run(name: str, n: int, days: int, seed: int, *, faults: bool, hears: Hears) -> None:
    town, dates = made_town(n, seed, days=days + WARM_UP), Dates(date(2026, 1, 5), days + WARM_UP, SCHOOL)
    came = np.concatenate([amounts(town.bins, dates, seed), np.zeros((AHEAD, n))])
    sensors = Sensors(dates.count, n, seed, FAULTS if faults else NO_FAULTS)
    rng = np.random.default_rng([seed, 9])
    every, late = np.clip(0.65 / town.bins.rate, 1, 14).astype(np.int64), rng.integers(0, 3, n)
    ledger, naive, level = Ledger(town, hears), Naive(n), np.zeros(n)
    said: dict[str, list[tuple[Floats, Floats]]] = {}
    over, held = [], []
    for day in range(dates.count - AHEAD):
        today = Today(day, dates, 1, (0,), level)
        gone = (day + late) % every < 1
        late = np.where(gone, rng.integers(0, 3, n), late)
        found = np.where(gone, np.maximum(level + rng.normal(0.0, 0.08, n), 0.0), np.nan)
        if day >= WARM_UP:
            steps = ledger.belief.habits.days(ledger.kinds(today, AHEAD))
            chance = overflow_probability(ledger.belief, steps)
            three = level + came[day : day + AHEAD].sum(axis=0)
            over.append((level + came[day] > 1.0, three > 1.0))
            low, high = (level_quantile(ledger.belief, steps, share)[:, -1] for share in (0.1, 0.9))
            held.append(coverage(three, low, high))
            told = {"ours": (chance[:, 0], chance[:, -1])}
            if hears is Hears.SENSOR:
                told["persistence"] = (naive.certain(1), naive.certain(AHEAD))
                told["by its own past"] = (naive.by_past(1), naive.by_past(AHEAD))
            for who, pair in told.items():
                said.setdefault(who, []).append(pair)
        level = np.where(gone, 0.0, level)
        parts = level + np.cumsum(shares_between(SLOTS))[:, None] * came[day]
        readings = sensors.say(day, parts)
        ledger.hear(today, readings if hears is Hears.SENSOR else np.full(readings.shape, np.nan), gone, found)
        naive.hear(readings, gone)
        level = parts[-1]
    tell(name, said, over, float(np.mean(held)))


def tell(name: str, said: dict[str, list[tuple[Floats, Floats]]], over: list[tuple[Bools, Bools]], held: float) -> None:
    truth = [np.concatenate(column) for column in zip(*over, strict=True)]
    print(f"{name}: overflows by the evening {truth[0].mean():.2%}, by the third {truth[1].mean():.2%}")
    for who, pairs in said.items():
        cells = ""
        for chance, happened in zip(
            (np.concatenate(column) for column in zip(*pairs, strict=True)), truth, strict=True
        ):
            cells += f"{brier(chance, happened):>11.4f}{calibration_error(chance, happened):>9.4f}"
        print(f"  {who:<26}{cells}" + (f"{held:>12.1%}" if who == "ours" else ""), flush=True)


if __name__ == "__main__":
    main()
