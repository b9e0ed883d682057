"""Made weeks of rounds to try the optimiser on."""

from dataclasses import replace

import numpy as np

from optimizers.crews.problem import Crew, CrewProblem, CrewWeights, Round, Span, Wish

_HOUR_S, _DAY_S = 3_600.0, 86_400.0
_WEEK_S = 35 * _HOUR_S
_MORNING_S, _AFTERNOON_S = 5 * _HOUR_S, 13 * _HOUR_S


def example(seed: int = 0) -> CrewProblem:
    """Three days of six rounds in two quarters, for three crews. The same seed gives the same problem."""
    return generated(3, 2, 3, seed)


def full_example(seed: int = 0) -> CrewProblem:
    """Five days with everything that can be asked: a round that may be done on either of two days, one that is not
    required, one that takes a crane, a crew that is away, and wishes.
    """
    plain = generated(5, 3, 5, seed)
    rounds, crews = list(plain.rounds), list(plain.crews)
    start, end = rounds[0].spans[0]
    rounds[0] = replace(rounds[0], spans=((start, end), (start + _DAY_S, end + _DAY_S)))
    rounds[1] = replace(rounds[1], required=False, worth=40.0)
    rounds[2] = replace(rounds[2], skills=("crane",))
    crews[0] = replace(crews[0], skills=("crane",), there=crews[0].there[:-1])
    crews[1] = replace(
        crews[1],
        wishes=(Wish(cost=25.0, quarter="Q-1"), Wish(cost=15.0, begins=(_AFTERNOON_S - _HOUR_S, _DAY_S))),
    )
    return replace(plain, rounds=tuple(rounds), crews=tuple(crews))


def generated(days: int, quarters: int, crews: int, seed: int = 0) -> CrewProblem:
    """A made stretch of days with a round in each quarter each day, of six to eight hours, always in the morning or
    always in the afternoon, with a lorry of its own; crews of 35 hours that know two quarters each and are there at any
    time. Raises InvalidProblem where there is no day.
    """
    rng = np.random.default_rng(seed)
    begins_s = np.where(rng.random(quarters) < 0.7, _MORNING_S, _AFTERNOON_S).tolist()
    rounds = tuple(_round(rng, day, q, begins_s[q]) for day in range(days) for q in range(quarters))
    there: tuple[Span, ...] = tuple((day * _DAY_S, (day + 1) * _DAY_S) for day in range(days))
    names = [f"Q-{q + 1}" for q in range(quarters)]
    return CrewProblem(
        rounds=rounds,
        crews=tuple(
            Crew(
                id=f"C-{c + 1}", there=there, most_s=_WEEK_S, most_day_s=10 * _HOUR_S,
                quarters=tuple(sorted({names[c % quarters], names[(c + 1) % quarters]})) if names else (),
            )
            for c in range(crews)
        ),
        day_starts_s=tuple(day * _DAY_S for day in range(days)),
        weights=CrewWeights(stranger=20.0, change=10.0, uneven_per_h=2.0),
    )  # fmt: skip


def _round(rng: np.random.Generator, day: int, quarter: int, begins_s: float) -> Round:
    start_s = day * _DAY_S + begins_s
    lasts_s = round(float(rng.uniform(6, 8)) * 12) * 300.0
    return Round(
        id=f"R-{day + 1}-{quarter + 1}", spans=((start_s, start_s + lasts_s),), quarter=f"Q-{quarter + 1}",
        vehicle=f"T-{quarter + 1}",
    )  # fmt: skip
