"""What stands behind what is asked of a container or a truck, as people read it: a line each."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from engine.instants import clock
from jobs.collection.body import Body
from jobs.collection.saying import because, eur, fraction_name, why_left
from jobs.words import Lang, labelled, number, percent, say

_TODAY = 0.5
"""Days since a level was believed, up to which it is told as of today."""


def facts_of(told: Mapping[str, Any], lang: Lang) -> list[str]:
    """Lines of what `explain` says, but for its reason. Empty for what it does not speak of."""
    return list(_of_truck(told, lang) if "stops" in told else _of_container(told, lang) if "fraction" in told else ())


def left_out(found: Body, lang: Lang) -> list[str]:
    """Why each container that is wanted is left out."""
    return [f"{stop}: {why_left(found, stop, lang)} ({because(found, stop, lang)})" for stop in found.unserved]


def _of_truck(told: Mapping[str, Any], lang: Lang) -> Iterator[str]:
    if told["last_stop"]:
        number_, container = told["last_stop"]
        yield say("collect_fact_last", lang, number=number_, container=container)
    elif told["stops"]:
        yield say("collect_fact_not_yet", lang)
    for number_, container, begins in told["stops"]:
        yield f"  {number_:>3}  {clock(datetime.fromisoformat(begins))}  {container}"
    if told["approximate"] and told["stops"]:
        yield say("round_approximate", lang)


def _of_container(told: Mapping[str, Any], lang: Lang) -> Iterator[str]:
    yield labelled("collect_fact_kind", lang, fraction_name(told["fraction"], lang))
    level = {"level": percent(told["level"], lang, 0), "sd": number(100 * told["level_sd"], lang)}
    day, then = percent(told["a_day"], lang, 0), percent(told["level_at_pick_up"], lang, 0)
    yield say("collect_fact_level", lang, **level, day=day, then=then)
    heard = told["heard_days"]
    news = say("collect_fact_unheard", lang) if heard is None else _heard(heard, lang)
    yield labelled("collect_fact_sensor", lang, f"{say('bin_' + told['sensor'], lang)}, {news}")
    soon, later = (told[f"overflow_by_{when}"] for when in ("next_round", "the_one_after"))
    yield say("collect_fact_risk", lang, next=percent(soon, lang, 0), after=percent(later, lang, 0))
    yield say("collect_fact_required", lang) if told["required"] else _worth(told, lang)
    if "lid" in told:
        yield labelled("collect_fact_lid", lang, told["lid"][lang])


def _heard(days: float, lang: Lang) -> str:
    if days < _TODAY:
        return say("collect_fact_heard_now", lang)
    return say("collect_fact_heard", lang, days=number(days, lang, 1))


def _worth(told: Mapping[str, Any], lang: Lang) -> str:
    worth = say("collect_fact_worth", lang, prize=eur(told["worth_eur"], lang))
    if told["costs_eur"] is None:
        return worth
    return f"{worth}, {say('collect_fact_costs', lang, cost=eur(told['costs_eur'], lang))}"
