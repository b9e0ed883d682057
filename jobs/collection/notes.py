"""What people should read of a day's plan: containers, kilometres, trucks; who is left out, and why."""

from collections.abc import Iterator, Sequence

from engine.instants import clock
from jobs.collection.body import Body, open_body
from jobs.collection.fleet import said
from jobs.collection.saying import why_left
from jobs.planning.domain import Note
from jobs.words import LANGUAGES, Lang, number, percent, say, some
from optimizers.fill import Verdict

_RISK = 0.05
"""Of overflowing, from which a container that is left out by its prize is told of."""


def notes(block: bytes) -> Sequence[Note]:
    """What the rounds come to; required containers that nobody empties; trucks that are out, sensors not believed."""
    return list(_notes(open_body(block)))


def _notes(found: Body) -> Iterator[Note]:
    if found.head["closed"]:
        yield Note({lang: say("collect_closed", lang, why=found.head["closed"][lang]) for lang in LANGUAGES})
        return
    yield Note({lang: _planned(found, lang) for lang in LANGUAGES})
    for line in found.head["told"]:
        yield Note(line)
    if found.head["again"]:
        yield Note({lang: _again(found, lang) for lang in LANGUAGES})
    must = [stop.id for stop in found.problem.stops if stop.required and stop.id in found.unserved]
    if must:
        yield Note({lang: _must(found, must, lang) for lang in LANGUAGES})
    if may := _may(found):
        yield Note({lang: _waits(found, may, lang) for lang in LANGUAGES})
    yield from _out(found)
    if found.head["approximate"]:
        yield Note(said("collect_approximate"))


def _planned(found: Body, lang: Lang) -> str:
    lasts_s = sum(visits[-1].visit.end_s - visits[0].visit.begin_s for visits in found.days.values())
    return say(
        "collect_planned",
        lang,
        bins=number(len(found.served), lang),
        all=number(len(found.containers), lang),
        trucks=number(len(found.days), lang),
        fleet=number(len(found.head["fleet"]), lang),
        km=number(found.distance_m / 1000, lang, 1),
        hours=number(lasts_s / 3600, lang, 1),
        kg=number(sum(found.expected(name)[1] for name in found.served), lang),
    )


def _again(found: Body, lang: Lang) -> str:
    former = {stop.id: stop.former for stop in found.problem.stops if stop.former}
    moved = sum(name in found.served and found.served[name][0] != truck for name, truck in former.items())
    done = sum(one.done for _, one in found.served.values())
    return say("collect_again", lang, at=clock(found.at), done=number(done, lang), moved=number(moved, lang))


def _must(found: Body, names: Sequence[str], lang: Lang) -> str:
    why = " / ".join(dict.fromkeys(why_left(found, name, lang) for name in names))
    return say("collect_must_but", lang, names=some(names), why=why)


def _may(found: Body) -> list[str]:
    """Optional ones that are left out, at some risk: the greatest first."""
    risk = {stop.id: found.column("by_next", stop.id) for stop in found.problem.stops if stop.id in found.unserved}
    left = [stop.id for stop in found.problem.stops if not stop.required and risk.get(stop.id, 0.0) >= _RISK]
    return sorted(left, key=lambda name: (-risk[name], name))


def _waits(found: Body, names: Sequence[str], lang: Lang) -> str:
    risk = percent(found.column("by_next", names[0]), lang, 0)
    return say("collect_may_but", lang, count=number(len(names), lang), names=some(names), risk=risk)


def _out(found: Body) -> Iterator[Note]:
    out = found.head["left_out"]
    equipment = [name for name in out if name not in found.place_of and name in found.head["spots"]]
    if equipment:
        yield Note(said("collect_trucks_out", names=some(equipment)))
    if strange := [name for name in out if name not in found.head["spots"]]:
        yield Note(said("collect_out", names=some(strange)))
    told = zip(found.containers, found.head["verdicts"], strict=True)
    if doubtful := [name for name, verdict in told if not Verdict(verdict).believed]:
        yield Note(said("collect_sensors", names=some(doubtful)))
