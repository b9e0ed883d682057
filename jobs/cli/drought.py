"""`consigne irrigation drought`: which levels are in force, whom they bind, and what each leaves of watering."""

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import date
from typing import Annotated, Any

import typer

from engine.instants import PARIS
from engine.setpoints.drought import METHODS, NAMES, SOURCES, VALVE, Drought, LevelEntry, Measure, left_by
from jobs.bootstrap import Territory
from jobs.cli.common import Json, Language, chosen_in, emit, instant, show_lines, show_rows, store_and_territory
from jobs.words import LANGUAGES, Lang, say

_LEVEL_HEADS = ("order", "level", "number", "until", "valves")
_MEASURE_HEADS = ("level", "uses", "water", "method", "age", "left")


def drought(
    at: Annotated[str | None, typer.Option(help="the day of this instant; now by default")] = None,
    lang: Language = "",
    as_json: Json = False,
) -> None:
    """The drought levels in force on a day, how many valves each binds to what, and the table of measures.

    Example: consigne irrigation drought --at 2026-07-14T18:00
    """
    chosen, words = chosen_in(lang)
    _, territory = store_and_territory(chosen)
    day, found = instant(at).astimezone(PARIS).date(), territory.drought
    levels = [entry for entry in found.levels if entry.start <= day <= entry.until]
    bound = _bound(territory, day)
    if as_json:
        measures = [_measure_json(line) for line in found.measures]
        emit({"day": day.isoformat(), "levels": [_level_json(one, bound) for one in levels], "measures": measures})
        return
    show_lines([say("drought_head" if levels else "drought_none", words, day=day)])
    rows = [dict(zip(_LEVEL_HEADS, _level(one, bound, words), strict=True)) for one in levels]
    show_rows(rows, as_json=False, heads=[say(f"drought_{head}", words) for head in _LEVEL_HEADS])
    show_lines([f"{count} × {texts[words == 'fr']}" for (_, *texts), count in sorted(bound.items())])
    show_lines([say("drought_measures", words)])
    lines = [dict(zip(_MEASURE_HEADS, _measure(line, found, words), strict=True)) for line in found.measures]
    show_rows(lines, as_json=False, heads=[say(f"drought_{head}", words) for head in _MEASURE_HEADS])


def _bound(territory: Territory, day: date) -> Counter[tuple[str, str, str]]:
    """How many valves each level binds to what: its id and the text of what it leaves, English and French."""
    ids = {entry.id for entry in territory.drought.levels}
    found: Counter[tuple[str, str, str]] = Counter()
    for valve in territory.of_type(VALVE[0]):
        point = territory.points.get(f"{valve.id}/{VALVE[1]}")
        for order in point.orders if point else ():
            if order.id in ids and order.start <= day <= order.until:
                found[order.id, order.text, order.text_fr] += 1
    return found


def _level(entry: LevelEntry, bound: Counter[tuple[str, str, str]], lang: Lang) -> Iterator[object]:
    yield entry.id
    yield getattr(NAMES[entry.level], lang)
    yield f"{entry.number}, {entry.dated}"
    yield entry.until
    yield _valves(entry, bound)


def _valves(entry: LevelEntry, bound: Counter[tuple[str, str, str]]) -> int:
    return sum(count for (name, *_), count in bound.items() if name == entry.id)


def _level_json(entry: LevelEntry, bound: Counter[tuple[str, str, str]]) -> dict[str, Any]:
    leaves = [{"en": en, "fr": fr, "valves": count} for (name, en, fr), count in bound.items() if name == entry.id]
    return _plain(entry.model_dump(mode="json", by_alias=True)) | {"valves": _valves(entry, bound), "leaves": leaves}


def _measure(line: Measure, found: Drought, lang: Lang) -> Iterator[str]:
    yield ", ".join(getattr(NAMES[level], lang) for level in NAMES if level in line.levels)
    yield _some([getattr(text, lang) for use, text in found.uses.items() if use in (line.uses or ())], lang)
    yield _some([getattr(text, lang) for name, text in SOURCES.items() if name in (line.sources or ())], lang)
    yield _some([getattr(text, lang) for name, text in METHODS.items() if name in (line.methods or ())], lang)
    yield say("drought_any", lang) if line.age is None else f"{line.age.start}–{line.age.below}"
    yield say("drought_free", lang) if line.free else getattr(left_by(line), lang)


def _some(names: Collection[str], lang: Lang) -> str:
    return ", ".join(names) or say("drought_any", lang)


def _measure_json(line: Measure) -> dict[str, Any]:
    left = {lang: say("drought_free", lang) if line.free else getattr(left_by(line), lang) for lang in LANGUAGES}
    return _plain(line.model_dump(mode="json", by_alias=True)) | {"left": left}


def _plain(found: dict[str, Any]) -> dict[str, Any]:
    """Sets in an order of their own."""
    return {
        name: sorted(value) if isinstance(value, list) and name != "hours" else value for name, value in found.items()
    }
