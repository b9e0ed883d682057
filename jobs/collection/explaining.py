"""Why a plan's body asks what it asks of a container or a truck."""

from datetime import datetime
from typing import Any

from engine.instants import isoformat
from jobs.collection.body import Body, open_body
from jobs.collection.lids import lids_of
from jobs.collection.saying import reason_of, truck_says
from jobs.words import LANGUAGES
from optimizers.routing import Act


def explain(block: bytes, point: str, at: datetime) -> dict[str, Any]:
    """Of a truck its round, and where in it it is at an instant; of a container (also one without a point: anything
    after its id will do) whether it is emptied, why, and what its lid does. Empty for what the plan does not speak of.
    """
    found, asset = open_body(block), point.partition("/")[0]
    if not found.start <= at < found.until:
        return {}
    if asset in found.head["fleet"]:
        return _truck(found, asset, at)
    if asset in found.place_of:
        return _container(found, asset)
    if asset in found.head["left_out"]:
        return {"reason": {lang: reason_of(found, asset, lang) for lang in LANGUAGES}}
    return {}


def _truck(found: Body, truck: str, at: datetime) -> dict[str, Any]:
    visits = found.days.get(truck, ())
    stops = [one for one in visits if one.visit.act is Act.STOP]
    now = [one for one in stops if found.instant(one.visit.arrive_s) <= at]
    return {
        "reason": {lang: truck_says(found, truck, lang) for lang in LANGUAGES},
        "stops": [[one.number, one.visit.of, isoformat(found.instant(one.visit.begin_s))] for one in stops],
        "last_stop": [now[-1].number, now[-1].visit.of] if now else None,
        "approximate": found.head["approximate"],
    }


def _container(found: Body, container: str) -> dict[str, Any]:
    n, left = found.place_of[container], found.unserved.get(container)
    told: dict[str, Any] = {
        "reason": {lang: reason_of(found, container, lang) for lang in LANGUAGES},
        "fraction": found.head["fractions"][n],
        "level": round(found.column("now", container), 3),
        "level_sd": round(found.column("now_sd", container), 3),
        "a_day": round(found.column("rate", container), 3),
        "sensor": found.head["verdicts"][n],
        "heard_days": found.head["heard_days"][n],
        "level_at_pick_up": round(found.column("level", container), 3),
        "overflow_by_next_round": round(found.column("by_next", container), 4),
        "overflow_by_the_one_after": round(found.column("by_after", container), 4),
        "required": bool(found.columns["required"][n]),
        "worth_eur": round(found.column("prize_eur", container), 2),
        "costs_eur": None if left is None or left.cheapest is None else round(left.cheapest, 2),
    }
    if left is not None:
        told["left_out_for"] = {"why": left.why.value, "detail": left.detail}
    lid = lids_of(found).get(container)
    if lid is not None:
        told["lid"] = dict(lid.reason)
    return told
