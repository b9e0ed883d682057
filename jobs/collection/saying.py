"""What a plan's body says of a container or a truck, in words."""

from typing import TYPE_CHECKING

from engine.instants import clock
from jobs.words import Lang, number, percent, say
from optimizers.routing import Act, Why

if TYPE_CHECKING:
    from jobs.collection.body import Body


def reason_of(found: "Body", container: str, lang: Lang) -> str:
    """Why a container is emptied on the day, or is not."""
    out = found.head["left_out"].get(container)
    if out is not None:
        return say("collect_out_of_plan", lang, why=out[lang])
    if container in found.served:
        return _served(found, container, lang)
    if found.head["closed"]:
        return say("collect_nobody_drives", lang, why=found.head["closed"][lang])
    left = found.unserved.get(container)
    if left is None:
        return say("collect_not_wanted", lang, **_figures(found, container, lang))
    return say("collect_left", lang, why=why_left(found, container, lang), because=because(found, container, lang))


def _served(found: "Body", container: str, lang: Lang) -> str:
    truck, one = found.served[container]
    facts = {"truck": truck, "number": one.number, "at": clock(found.instant(one.visit.begin_s))}
    if one.done:
        return say("collect_done_today", lang, **facts)
    return say("collect_served", lang, why=because(found, container, lang), **facts)


def because(found: "Body", container: str, lang: Lang) -> str:
    """What a visit is for."""
    n = found.place_of[container]
    if found.columns["due"][n]:
        heard = found.head["heard_days"][n]
        days = say("collect_never", lang) if heard is None else say("collect_days", lang, days=number(heard, lang))
        return say("collect_because_due", lang, days=days)
    key = "collect_because_required" if found.columns["required"][n] else "collect_because_prize"
    return say(key, lang, **_figures(found, container, lang))


def why_left(found: "Body", container: str, lang: Lang) -> str:
    """Why one that is wanted is left out."""
    left = found.unserved[container]
    if left.why is Why.PRIZE and left.cheapest is not None:
        return say("collect_why_prize", lang, cost=eur(left.cheapest, lang))
    return say(f"collect_why_{left.why.value}" + ("_unknown" if left.why is Why.PRIZE else ""), lang)


def _figures(found: "Body", container: str, lang: Lang) -> dict[str, str]:
    return {
        "level": percent(found.column("level", container), lang, 0),
        "next": percent(found.column("by_next", container), lang, 0),
        "after": percent(found.column("by_after", container), lang, 0),
        "prize": eur(found.column("prize_eur", container), lang),
    }


def truck_says(found: "Body", truck: str, lang: Lang) -> str:
    """What a truck does on the day."""
    out = found.head["left_out"].get(truck)
    if truck not in found.days:
        return out[lang] if out is not None else say("collect_truck_idle", lang)
    visits = found.days[truck]
    stops = [one.visit.of for one in visits if one.visit.act is Act.STOP]
    fraction = found.head["trucks"].get(truck) or (_kind(found, stops[0]) if stops else "")
    return say(
        "collect_truck_round",
        lang,
        stops=number(len(stops), lang),
        km=number(found.driven_m(truck) / 1000, lang, 1),
        start=clock(found.instant(visits[0].visit.begin_s)),
        end=clock(found.instant(visits[-1].visit.end_s)),
        kg=number(sum(found.expected(stop)[1] for stop in stops), lang),
        fraction=fraction_name(fraction, lang),
    )


def _kind(found: "Body", container: str) -> str:
    return str(found.head["fractions"][found.place_of[container]]) if container in found.place_of else ""


def fraction_name(name: str, lang: Lang) -> str:
    """A kind of waste as people say it; one that we have no word for as it stands."""
    try:
        return say(f"fraction_{name}", lang)
    except KeyError:
        return name


def eur(value: float, lang: Lang) -> str:
    """An amount to the cent."""
    return f"{number(value, lang, 2)} €"
