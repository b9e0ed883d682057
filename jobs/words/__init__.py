"""What operators read, in English and in French. Logs and identifiers stay in English."""

from typing import Literal

from jobs.words import alarms, lighting, night, optimisers, plans, rules, runs, setpoints, traffic

Lang = Literal["en", "fr"]
LANGUAGES: tuple[Lang, ...] = ("en", "fr")

_WORDS: dict[str, tuple[str, str]] = {
    **alarms.WORDS,
    **lighting.WORDS,
    **night.WORDS,
    **optimisers.WORDS,
    **plans.WORDS,
    **rules.WORDS,
    **runs.WORDS,
    **setpoints.WORDS,
    **traffic.WORDS,
}
_FRENCH = str.maketrans(",.", "\u202f,")


def say(key: str, lang: Lang, **values: object) -> str:
    """The text of a key in one of the two languages."""
    return _WORDS[key][lang == "fr"].format(**values)


def number(value: float, lang: Lang, digits: int = 0) -> str:
    """A number as the language writes it: 1,234.5 or 1 234,5 (narrow no-break space)."""
    text = f"{value:,.{digits}f}"
    return text.translate(_FRENCH) if lang == "fr" else text
