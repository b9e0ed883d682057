"""Why a plan asks what it asks of one point at one instant."""

from datetime import datetime
from typing import Any

from jobs.energy.body import Body, open_body
from jobs.energy.saying import dropped_said, part_of, reason_at, summary_of
from jobs.words import LANGUAGES, say
from optimizers.energy.explain import Explanation
from optimizers.energy.explain import explain as weighed
from optimizers.energy.levels import Apart


def explain(block: bytes, point: str, at: datetime) -> dict[str, Any]:
    """What a device does then, prices, what its meter is to show, what a kWh more would be worth, and what leaves no
    room. Empty for a point or an instant the plan does not speak of.
    """
    found = open_body(block)
    if not found.start <= at < found.until:
        return {}
    asset = point.rpartition("/")[0]
    if asset in found.head["left_out"]:
        why = found.head["left_out"][asset]
        return {"reason": {lang: say("energy_left_out", lang, why=why[lang]) for lang in LANGUAGES}}
    part, index = part_of(found, point)
    if not part:
        return {}
    t = found.slot_at(at)
    dropped = found.dropped(index) if part == "batteries" else None
    told: dict[str, Any] = {
        "reason": {
            lang: dropped_said(dropped, lang) if dropped else reason_at(found, part, index, t, lang)
            for lang in LANGUAGES
        },
        "over_the_plan": {lang: summary_of(found, part, index, lang) for lang in LANGUAGES},
        "by": found.solver,
    }
    if index < 0:
        return told
    told |= _weighed(found, weighed(found.problem, found.plan, part, index, t))
    by_levels = part == "batteries" and not dropped and found.apart(index) is Apart.NOT
    return told | (_by_levels(found, told, index, t) if by_levels else {})


def _by_levels(found: Body, told: dict[str, Any], b: int, t: int) -> dict[str, Any]:
    """Of a battery that goes by levels: what it does by them, not what the plan had it do."""
    columns = found.columns
    planned = float(columns["charge_w"][b, t] - columns["discharge_w"][b, t])
    sent = float(found.power_w[b, t])
    levels = {name: round(float(columns[name][b, t]), 1) for name in ("reserve_wh", "filled_wh")}
    return {
        "meter_w": round(told["meter_w"] + sent - planned, 1),
        "power_w": round(sent, 1),
        "stored_eur_kwh": _rounded(float(columns["worth_eur_kwh"][b, t])),
        "levels": levels,
        "held": [],
    }


def _weighed(found: Body, one: Explanation) -> dict[str, Any]:
    site = found.problem.sites.names.index(one.site)
    limit = float(found.problem.sites.import_limit_w[site, one.t])
    return {
        "site": one.site,
        "contract": found.head["contract"][site],
        "class": found.head["classes"][site][one.t],
        "buy_eur_kwh": round(one.buy_eur_kwh, 5),
        "sell_eur_kwh": round(one.sell_eur_kwh, 5),
        "meter_w": round(one.meter_w, 1),
        "limit_w": None if limit == float("inf") else round(limit, 1),
        "power_w": round(one.power_w, 1),
        "value_eur_kwh": _rounded(one.value_eur_kwh),
        "stored_eur_kwh": _rounded(one.stored_eur_kwh),
        "held": [{"by": hold.held.value, "of": hold.of, "amount": round(hold.amount, 3)} for hold in one.held],
        "told": found.head["told"],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)
