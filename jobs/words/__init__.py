"""What operators read, in English and in French. Logs and identifiers stay in English."""

from collections.abc import Iterator, Sequence
from typing import Literal

from jobs.words import (
    alarms,
    collection,
    contracts,
    drought,
    energy,
    irrigation,
    lighting,
    night,
    optimisers,
    plans,
    roads,
    rounds,
    routing,
    rules,
    runs,
    setpoints,
    traffic,
    weather,
)

Lang = Literal["en", "fr"]
LANGUAGES: tuple[Lang, ...] = ("en", "fr")

_WORDS: dict[str, tuple[str, str]] = {
    **alarms.WORDS,
    **collection.WORDS,
    **contracts.WORDS,
    **drought.WORDS,
    **energy.WORDS,
    **irrigation.WORDS,
    **lighting.WORDS,
    **night.WORDS,
    **optimisers.WORDS,
    **plans.WORDS,
    **roads.WORDS,
    **rounds.WORDS,
    **routing.WORDS,
    **rules.WORDS,
    **runs.WORDS,
    **setpoints.WORDS,
    **traffic.WORDS,
    **weather.WORDS,
}
_FRENCH = str.maketrans(",.", "\u202f,")


def say(key: str, lang: Lang, **values: object) -> str:
    """The text of a key in one of the two languages."""
    return _WORDS[key][lang == "fr"].format(**values)


def number(value: float, lang: Lang, digits: int = 0) -> str:
    """A number as the language writes it: 1,234.5 or 1 234,5 (narrow no-break space)."""
    text = f"{value:z,.{digits}f}"  # z: what rounds to nothing has no sign
    return text.translate(_FRENCH) if lang == "fr" else text


def labelled(key: str, lang: Lang, text: object) -> str:
    """A name and what it is, with the colon as the language sets it."""
    return labelled_as(say(key, lang), lang, text)


def labelled_as(name: str, lang: Lang, text: object) -> str:
    """The same of a name that is written already."""
    return f"{name}{' :' if lang == 'fr' else ':'} {text}"


def fact_name(name: str, lang: Lang) -> str:
    """The name of something that is told of a decision; as it stands where it has no words."""
    return say(f"fact_{name}", lang) if f"fact_{name}" in _WORDS else name


def happened(detail: str, lang: Lang) -> str:
    """What is stored, in English, of a step of a command: in French what is of a known kind."""
    if lang == "en":
        return detail
    for english, french in setpoints.STEPS:
        if detail.startswith(english):
            return french + detail.removeprefix(english)
    return detail


def percent(share: float | None, lang: Lang, digits: int = 1) -> str:
    """A share (0…1) in percent; a dash for None."""
    return "–" if share is None else f"{number(100 * share, lang, digits)} %"


def change(share: float | None, lang: Lang) -> str:
    """A share by which something grew, with its sign."""
    return ("+" if share is not None and share > 0 else "") + percent(share, lang)


def some(ids: Sequence[str]) -> str:
    """How many, and the first three by name."""
    return f"{len(ids)} ({', '.join(ids[:3])}{', …' if len(ids) > 3 else ''})"


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines of a table whose first column is names and whose other columns are figures: no narrow terminal breaks an
    id in two.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *cells in rows:
        figures = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        yield "  ".join((name.ljust(widths[0]), *figures)).rstrip()
