"""What stands behind what is asked of a valve, as people read it: a line each."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from engine.instants import PARIS, aware, clock
from jobs.words import Lang, labelled, number, say

_SOUND = "sound"


def facts_of(told: Mapping[str, Any], lang: Lang) -> list[str]:
    """Lines of what `explain` says, but for its reason. Empty for what it does not speak of."""
    return list(_facts(told, lang)) if "depletion_mm" in told else []


def _facts(told: Mapping[str, Any], lang: Lang) -> Iterator[str]:
    if told["openings"]:
        spans = ", ".join(f"{clock(aware(a))}–{clock(aware(b))}" for a, b in told["openings"])
        yield labelled("water_fact_open", lang, spans)
    yield labelled("water_fact_bounds", lang, told["bounded_by"][lang])
    names = ("depletion_mm", "sd_mm", "raw_mm", "cautious_raw_mm", "taw_mm")
    yield say("water_fact_soil", lang, **{name: number(told[name], lang, 1) for name in names})
    yield labelled("water_fact_probe", lang, _probe(told, lang))
    cycle = {"mm": number(told["cycle_mm"], lang, 1), "m3": number(told["cycle_m3"], lang, 2)}
    yield say("water_fact_cycle", lang, minutes=number(told["cycle_s"] / 60, lang), **cycle)
    source = say(f"water_et0_{told['et0_source'] or 'unknown'}", lang)
    yield say("water_fact_et0", lang, days=_days(told["et0_mm"], lang), source=source)
    yield say("water_fact_rain", lang, days=_days(told["rain_mm"], lang), forecast=_forecast(told["forecast"], lang))
    yield say("water_fact_more", lang, eur=number(told["one_more_eur"], lang, 2))
    if told["one_less_eur"] is not None:
        yield say("water_fact_less", lang, eur=number(told["one_less_eur"], lang, 2))
    if "no_more_for" in told:
        yield labelled("water_fact_held", lang, told["no_more_for"][lang])


def _probe(told: Mapping[str, Any], lang: Lang) -> str:
    """Which one, what is thought of it where it is not sound, and whose is borrowed."""
    verdict, lent = told["probe_verdict"], told["probe_borrowed"]
    if not told["probe"]:
        own = say("known_balance", lang) if not lent else ""
    else:
        own = told["probe"] + (f" ({say(f'verdict_{verdict}', lang)})" if verdict not in {None, _SOUND} else "")
    return ", ".join(filter(None, (own, say("known_borrowed", lang, probe=lent) if lent else "")))


def _forecast(forecast: Mapping[str, Any], lang: Lang) -> str:
    if forecast["issued_at"] is None:
        return say("water_fact_no_forecast", lang)
    at = datetime.fromisoformat(forecast["issued_at"]).astimezone(PARIS)
    told = _days(forecast["told_mm"], lang)
    share = number(100 * forecast["reliability"], lang)
    return say("water_fact_forecast", lang, at=f"{at:%Y-%m-%d %H:%M}", told=told, share=share)


def _days(values: Sequence[float], lang: Lang) -> str:
    return " / ".join(number(value, lang, 1) for value in values)
