"""What a plan's body says of a hydrozone, in words."""

from typing import TYPE_CHECKING

from jobs.words import Lang, number, say
from optimizers.irrigation.explain import Explanation

if TYPE_CHECKING:
    from jobs.irrigation.body import Body


def reason_of(found: "Body", z: int, lang: Lang) -> str:
    """Why a hydrozone is watered so often in the night, or not at all."""
    zones, cycles = found.problem.hydrozones, int(found.cycles[z])
    facts = {
        "lacking": number(float(zones.depletion_mm[z]), lang, 1),
        "taw": number(float(zones.taw_mm[z]), lang, 1),
        "raw": number(float(found.columns["raw_mm"][z]), lang, 1),
    }
    if not cycles:
        beyond = zones.depletion_mm[z] > found.columns["raw_mm"][z]
        return say("water_none_though_dry" if beyond else "water_none", lang, **facts)
    return say(
        "water_cycles",
        lang,
        cycles=number(cycles, lang),
        minutes=number(float(zones.cycle_s[z]) / 60, lang),
        mm=number(cycles * float(zones.cycle_mm[z]), lang, 1),
        m3=number(cycles * float(zones.cycle_m3[z]), lang, 1),
        **facts,
    )


def held_of(found: Explanation, lang: Lang) -> str:
    """What leaves no room for one cycle more tonight, and empty where nothing does."""
    return ", ".join(say(f"water_held_{held.value}", lang, name=name) for held, name in found.held)


def bounds_of(found: "Body", z: int, lang: Lang) -> str:
    """The hours that bound it, the orders with number and date among them, and the budgets that count its water."""
    budgets = found.problem.budgets
    counted = [name for b, name in enumerate(budgets.names) if budgets.member[b, z]] if budgets is not None else []
    said = str(found.head["why"][z][lang])
    return "; ".join([said, *(say("water_budget", lang, budget=name) for name in counted)])
