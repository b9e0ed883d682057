"""What people should read of a night's plan: its water beside the timer's, who goes short of it and why."""

from collections.abc import Iterator, Sequence

import numpy as np

from jobs.irrigation.body import Body, open_body
from jobs.irrigation.saying import bounds_of, held_of
from jobs.planning.domain import Note
from jobs.words import LANGUAGES, Lang, number, say, some

_LACKS_MM = 0.5
"""Expected depletion beyond RAW from which a hydrozone is told of: less is within what cycles can be told apart by."""


def notes(block: bytes) -> Sequence[Note]:
    """Water planned; hydrozones expected to lack some; those left out. What orders and budgets withhold gives way."""
    found = open_body(block)
    return list(_notes(found))


def _notes(found: Body) -> Iterator[Note]:
    yield Note({lang: _planned(found, lang) for lang in LANGUAGES})
    for line in found.head["told"]:
        yield Note(line)
    lacking = np.flatnonzero(found.expected_lack_mm[0] > _LACKS_MM).tolist()
    for withheld in (True, False):
        if some_lack := [z for z in lacking if _withheld(found, z) is withheld]:
            yield Note({lang: _lacks(found, some_lack, lang) for lang in LANGUAGES}, gives_way=withheld)
    if found.head["left_out"]:
        yield Note({lang: _out(found, lang) for lang in LANGUAGES})


def _planned(found: Body, lang: Lang) -> str:
    planned = found.planned_m3
    return say(
        "water_planned",
        lang,
        m3=number(sum(planned.values()), lang, 1),
        zones=number(sum(volume > 0 for volume in planned.values()), lang),
        all=number(len(planned), lang),
        usual=number(float(found.columns["usual_m3"].sum()), lang, 1),
    )


def _withheld(found: Body, z: int) -> bool:
    """Whether an order or a budget bounds its water: people have decided that."""
    budgets = found.problem.budgets
    return bool(found.head["ordered"][z]) or (budgets is not None and bool(budgets.member[:, z].any()))


def _lacks(found: Body, zones: Sequence[int], lang: Lang) -> str:
    bounds = " / ".join(dict.fromkeys(bounds_of(found, z, lang) for z in zones))
    held = dict.fromkeys(held_of(found.weighed[z], lang) or say("water_held_nothing", lang) for z in zones)
    names = some([found.valves[z] for z in zones])
    return say("water_lacks", lang, names=names, held=" / ".join(held), bounds=bounds)


def _out(found: Body, lang: Lang) -> str:
    return say("water_out", lang, names=some(list(found.head["left_out"])))
