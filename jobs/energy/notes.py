"""What people should read of a plan of buildings: what it buys, whose contract is nearest, what is not reached."""

from collections.abc import Iterator, Sequence

import numpy as np

from engine.instants import PARIS
from jobs.energy.body import Body, open_body
from jobs.planning.domain import Note
from jobs.words import LANGUAGES, Lang, number, percent, say, some
from optimizers.energy.reading import Flows
from optimizers.energy.reckoning import shortfalls

_NEAR = 0.95
"""Share of what is contracted from which a building is told of."""


def notes(block: bytes) -> Sequence[Note]:
    """What is bought and fed in, contracts nearly used up, what was not known, what is wanted and not reached."""
    return list(_notes(open_body(block)))


def _notes(found: Body) -> Iterator[Note]:
    yield Note({lang: _planned(found, lang) for lang in LANGUAGES})
    if near := _near(found):
        yield Note({lang: say("energy_peaks", lang, names=_shares(near, lang)) for lang in LANGUAGES})
    for line in found.head["told"]:
        yield Note(line)
    flows = Flows(**{name: found.columns[name] for name in Flows.__dataclass_fields__})
    if left := shortfalls(found.problem, flows):
        named = some([f"{one.object} ({one.constraint}, {one.amount:.1f} {one.unit})" for one in left])
        yield Note({lang: say("energy_lacks", lang, names=named) for lang in LANGUAGES})
    if found.head["left_out"]:
        yield Note({lang: say("energy_out", lang, names=some(list(found.head["left_out"]))) for lang in LANGUAGES})


def _planned(found: Body, lang: Lang) -> str:
    net = found.meter_w * found.problem.horizon.hours / 1000
    bought, sold = float(np.maximum(net, 0.0).sum()), float(np.maximum(-net, 0.0).sum())
    return say(
        "energy_planned", lang, sites=number(len(found.problem.sites.names), lang),
        until=f"{found.until.astimezone(PARIS):%d/%m %H:%M}", bought=number(bought, lang), sold=number(sold, lang),
        eur=number(float(found.columns["cost_eur"]), lang, 2),
    )  # fmt: skip


def _near(found: Body) -> list[tuple[str, float]]:
    """Buildings and how much of what is contracted they are to draw at the most, the fullest first."""
    sites = found.problem.sites
    share = np.max(np.maximum(found.meter_w, 0.0) / sites.import_limit_w, axis=1)
    full = [(name, float(share[i])) for i, name in enumerate(sites.names) if share[i] >= _NEAR]
    return sorted(full, key=lambda one: (-one[1], one[0]))


def _shares(near: Sequence[tuple[str, float]], lang: Lang) -> str:
    return some([f"{name} ({percent(share, lang, 0)})" for name, share in near])
