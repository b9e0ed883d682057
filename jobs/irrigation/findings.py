"""What was found wrong with weather, in words."""

from collections.abc import Sequence

from jobs.words import LANGUAGES, Lang, number, say
from optimizers.soil.cleaning import Finding


def told_of(finding: Finding, names: Sequence[str]) -> dict[Lang, str]:
    """A line by language: the first day by its name and how many more, value found, what is wanted, what was done."""
    return {lang: _line(finding, names, lang) for lang in LANGUAGES}


def _line(finding: Finding, names: Sequence[str], lang: Lang) -> str:
    day, more = names[finding.days[0]], len(finding.days) - 1
    return say(
        "weather_finding",
        lang,
        when=say("weather_more", lang, day=day, more=more) if more else day,
        quantity=say(f"weather_{finding.quantity}", lang),
        found=_figure(finding.found, lang),
        wrong=say(
            f"weather_{finding.wrong}",
            lang,
            least=_figure(finding.least, lang),
            most=_figure(finding.most, lang),
            unit=finding.unit,
        ),
        done=say(f"weather_done_{finding.done}", lang),
    )


def _figure(value: float, lang: Lang) -> str:
    """No more decimals than it has, of two."""
    return number(value, lang, next((digits for digits in (0, 1) if round(value, digits) == round(value, 2)), 2))
