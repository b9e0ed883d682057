"""What stands behind what is asked of a battery, a room or a charging point, as people read it: a line each."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jobs.words import Lang, labelled, number, say


def facts_of(told: Mapping[str, Any], lang: Lang) -> Sequence[str]:
    """Lines of what `explain` says, but for its reason. Empty for what it does not speak of."""
    return list(_facts(told, lang)) if "over_the_plan" in told else []


def _facts(told: Mapping[str, Any], lang: Lang) -> Iterator[str]:
    yield labelled("energy_fact_plan", lang, told["over_the_plan"][lang])
    if "site" not in told:
        return
    prices = {"buy": number(told["buy_eur_kwh"], lang, 4), "sell": number(told["sell_eur_kwh"], lang, 4)}
    yield say("energy_fact_price", lang, contract=told["contract"], hours=told["class"], **prices)
    meter = number(told["meter_w"] / 1000, lang, 1)
    if told["limit_w"] is None:
        yield say("energy_fact_meter_free", lang, meter=meter)
    else:
        yield say("energy_fact_meter", lang, meter=meter, limit=number(told["limit_w"] / 1000, lang, 1))
    if told["stored_eur_kwh"] is not None:
        yield say("energy_fact_stored", lang, eur=number(told["stored_eur_kwh"], lang, 4))
    if told["value_eur_kwh"] is not None:
        yield say("energy_fact_value", lang, eur=number(told["value_eur_kwh"], lang, 4))
    if told["held"]:
        yield labelled("energy_fact_held", lang, ", ".join(_held(hold, lang) for hold in told["held"]))


def _held(hold: Mapping[str, Any], lang: Lang) -> str:
    amount = hold["amount"]
    scaled, whole = number(amount / 1000, lang, 1), number(amount, lang, 1)
    return say(f"energy_held_{hold['by']}", lang, of=hold["of"], kw=scaled, kwh=scaled, c=whole)
