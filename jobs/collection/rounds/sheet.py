"""A round as a page to print: what to do in which order, where, when, and what is expected there."""

from collections.abc import Iterator, Sequence
from html import escape

from engine.instants import clock
from engine.rounds import Doing, Line, Round
from jobs.collection.saying import fraction_name
from jobs.words import Lang, number, percent, say

_COLUMNS = ("number", "time", "what", "place", "fill", "mass", "done")
_STYLE = """
body { font: 11pt sans-serif; margin: 1.5em; }
section { page-break-after: always; }
table { border-collapse: collapse; width: 100%; }
th, td { border: 1px solid #888; padding: 3px 6px; text-align: left; }
td.figure { text-align: right; }
tr.unload td, tr.rest td { background: #eee; font-style: italic; }
"""


def to_sheet(rounds: Sequence[Round], lang: Lang) -> str:
    """One HTML page a truck, in the order given, without scripts and without anything to be loaded."""
    day = rounds[0].day if rounds else ""
    title = escape(say("rounds_of_day", lang, day=day))
    pages = "\n".join(_page(found, lang) for found in rounds)
    return (
        f'<!doctype html>\n<html lang="{lang}"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body>\n{pages}\n</body></html>\n"
    )


def _page(found: Round, lang: Lang) -> str:
    if not found.lines:
        return _section(found, [f"<p>{escape(say('round_none', lang))}</p>"], lang)
    facts = {
        "stops": number(len(found.stops), lang),
        "km": number(found.distance_m / 1000, lang, 1),
        "kg": number(found.mass_kg, lang),
        "start": clock(found.start_at),
        "end": clock(found.end_at),
    }
    heads = "".join(f"<th>{escape(say(f'round_head_{name}', lang))}</th>" for name in _COLUMNS)
    rows = "\n".join(_row(line, lang) for line in found.lines)
    body = [f"<p>{escape(say('round_facts', lang, **facts))}</p>"]
    if found.approximate:
        body.append(f"<p>{escape(say('round_approximate', lang))}</p>")
    body.append(f"<table><thead><tr>{heads}</tr></thead><tbody>\n{rows}\n</tbody></table>")
    return _section(found, body, lang)


def _section(found: Round, body: Sequence[str], lang: Lang) -> str:
    kinds = ", ".join(fraction_name(name, lang) for name in found.fractions)
    head = f"{found.vehicle} – {found.day}" + (f" – {kinds}" if kinds else "")
    plan = escape(say("round_plan", lang, plan=found.plan))
    return f"<section><h1>{escape(head)}</h1>{''.join(body)}<p><small>{plan}</small></p></section>"


def _row(line: Line, lang: Lang) -> str:
    cells = "".join(
        f'<td class="figure">{escape(text)}</td>' if figure else f"<td>{escape(text)}</td>"
        for text, figure in _cells(line, lang)
    )
    return f'<tr class="{line.doing.value}">{cells}</tr>'


def _cells(line: Line, lang: Lang) -> Iterator[tuple[str, bool]]:
    yield str(line.number or ""), True
    long = line.doing in {Doing.REST, Doing.UNLOAD}
    yield f"{clock(line.begin_at)}–{clock(line.end_at)}" if long else clock(line.begin_at), False
    what = say(f"round_{line.doing.value}", lang)
    yield line.asset if line.doing is Doing.STOP else f"{what} {line.asset}".strip(), False
    yield line.place, False
    yield "" if line.fill is None else percent(line.fill, lang, 0), True
    yield "" if line.mass_kg is None else f"{number(line.mass_kg, lang)} kg", True
    yield ("☐" if line.doing in {Doing.STOP, Doing.UNLOAD} else ""), False
