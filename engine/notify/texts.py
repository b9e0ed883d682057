"""What messages say, in French and in English."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from engine.alarms.causes import Places, by_cause
from engine.instants import PARIS
from engine.model import Alarm, Priority

Lang = Literal["fr", "en"]
_LISTED = 30
_PRIORITIES = tuple(Priority)

_WORDS: Mapping[str, tuple[str, str]] = {
    "critical": ("critical", "critique"),
    "high": ("high", "haute"),
    "medium": ("medium", "moyenne"),
    "low": ("low", "basse"),
    "subject": ("[{priority}] {what}: {asset}", "[{priority}] {what} : {asset}"),
    "again": ("not acknowledged: ", "non acquittée : "),
    "raised": ("Alarm {id}, {priority} priority, since {at}", "Alarme {id}, priorité {priority}, depuis le {at}"),
    "over": ("Its condition has passed.", "La condition est passée."),
    "asset": ("Where: {asset}, zone {zone}", "Où : {asset}, zone {zone}"),
    "consequence": ("If nothing is done: {text}", "Si rien n'est fait : {text}"),
    "action": ("What to do: {text}", "Que faire : {text}"),
    "why": ("Because: {text}", "Parce que : {text}"),
    "within": ("Answer within {minutes} min.", "Répondre sous {minutes} min."),
    "rule": ("Rule: {rule}", "Règle : {rule}"),
    "do": ("To acknowledge: consigne alarm ack {id}", "Pour acquitter : consigne alarm ack {id}"),
    "flood": ("[{priority}] {count} alarms at once", "[{priority}] {count} alarmes à la fois"),
    "flooded": (
        "{count} alarms are told together, by cause; the list: consigne alarm list",
        "{count} alarmes regroupées par cause ; la liste : consigne alarm list",
    ),
    "cause": ("{count} × {rule}: {place}", "{count} × {rule} : {place}"),
    "more": ("and {count} more", "et {count} de plus"),
}


# What alarms say that no rule raises.
_OURS: Mapping[str, Mapping[str, Mapping[Lang, str]]] = {
    "setpoint-not-applied": {
        "about": {
            "en": "The equipment does not do what was asked of it",
            "fr": "L'équipement n'applique pas la consigne",
        },
        "consequence": {
            "en": "It stays as it is, or goes by its own program.",
            "fr": "Il reste en l'état, ou suit son propre programme.",
        },
        "action": {
            "en": "Look at its commands (consigne command show POINT), then at the equipment and its link.",
            "fr": "Regarder ses ordres (consigne command show POINT), puis l'équipement et sa liaison.",
        },
    },
    "life-safety-blocked": {
        "about": {
            "en": "Life safety wants what may not be sent to this equipment",
            "fr": "La sécurité des personnes demande ce qui ne peut pas être envoyé à cet équipement",
        },
        "consequence": {
            "en": "The equipment does not follow: somebody may be working on it.",
            "fr": "L'équipement ne suit pas : quelqu'un y travaille peut-être.",
        },
        "action": {
            "en": "Reach who works there; release the lock-out, or do by hand what is wanted.",
            "fr": "Joindre la personne sur place ; lever la consignation, ou faire à la main ce qui est demandé.",
        },
    },
    "forecast-stale": {
        "about": {
            "en": "A source of forecasts gives nothing newer than its age limit",
            "fr": "Une source de prévisions ne donne rien de plus récent que son âge limite",
        },
        "consequence": {
            "en": "Plans that want it fall back on what they can do without it.",
            "fr": "Les plans qui s'en servent se replient sur ce qu'ils peuvent faire sans elle.",
        },
        "action": {
            "en": "consigne forecast import SOURCE says what is wrong; see its address, key and file.",
            "fr": "consigne forecast import SOURCE dit ce qui ne va pas ; voir son adresse, sa clé, son fichier.",
        },
    },
    "energy-plan-dropped": {
        "about": {
            "en": "Following the plan of a building's batteries has cost more than was stated",
            "fr": "Suivre le plan des batteries d'un bâtiment a coûté plus que le montant fixé",
        },
        "consequence": {
            "en": "They keep to plain self-consumption until plans have been better for a week; prices are not used.",
            "fr": "Elles s'en tiennent à l'autoconsommation tant que les plans n'ont pas été meilleurs une semaine.",
        },
        "action": {
            "en": "consigne energy regret shows the loss; check meter, gauge, contract and prices.",
            "fr": "consigne energy regret montre la perte ; vérifier compteur, jauge, contrat et prix.",
        },
    },
    "energy-order-not-kept": {
        "about": {
            "en": "An order to draw less was not kept",
            "fr": "Un ordre d'effacement n'a pas été tenu",
        },
        "consequence": {
            "en": "What was ordered and not delivered is not paid, and may be charged.",
            "fr": "Ce qui était demandé et n'a pas été effacé n'est pas payé, et peut être facturé.",
        },
        "action": {
            "en": "consigne why of its batteries and chargers shows what held them; tell the aggregator.",
            "fr": "consigne why de ses batteries et bornes montre ce qui les a tenues ; prévenir l'agrégateur.",
        },
    },
    "hold-ends-soon": {
        "about": {"en": "A hold is about to end", "fr": "Une suspension de l'automatisme prend bientôt fin"},
        "consequence": {
            "en": "The automation starts again by itself.",
            "fr": "L'automatisme reprend de lui-même.",
        },
        "action": {
            "en": "Renew the hold if it is still wanted (consigne hold).",
            "fr": "Renouveler la suspension si elle est encore utile (consigne hold).",
        },
    },
}


def said_of(alarm: Alarm, key: str, lang: Lang) -> str:
    """What an alarm says of itself in a language (`about`, `consequence`, `action`, `why`); empty for nothing."""
    return _text(alarm.detail.get(key) or _OURS.get(alarm.rule, {}).get(key), lang)


def _say(key: str, lang: Lang, **values: object) -> str:
    return _WORDS[key][lang == "fr"].format(**values)


def alarm_text(alarm: Alarm, lang: Lang, *, escalated: bool) -> tuple[str, str]:
    """Subject and body of a message about one alarm."""
    priority = _say(alarm.priority.value, lang)
    what = said_of(alarm, "about", lang) or alarm.rule
    subject = _say("subject", lang, priority=priority.upper(), what=what, asset=alarm.asset)
    at = f"{alarm.raised_at.astimezone(PARIS):%Y-%m-%d %H:%M:%S %z}"
    lines = [what, _say("raised", lang, id=alarm.id, priority=priority, at=at)]
    lines += [_say("over", lang)] if alarm.cleared_at is not None else []
    lines.append(_say("asset", lang, asset=alarm.asset, zone=alarm.zone))
    for key in ("why", "consequence", "action"):
        text = said_of(alarm, key, lang)
        lines += [_say(key, lang, text=text)] if text else []
    within_s = alarm.detail.get("respond_within_s")
    lines += [_say("within", lang, minutes=f"{float(within_s) / 60:g}")] if within_s is not None else []
    lines += [_say("rule", lang, rule=alarm.rule), _say("do", lang, id=alarm.id)]
    return _one_line((_say("again", lang) if escalated else "") + subject), "\n".join(lines) + "\n"


def digest_text(alarms: Sequence[Alarm], places: Places, lang: Lang) -> tuple[str, str]:
    """Subject and body of one message about many alarms: counts by cause, the most frequent first."""
    worst = min((alarm.priority for alarm in alarms), key=_PRIORITIES.index, default=Priority.LOW)
    causes = by_cause([(alarm.rule, alarm.asset) for alarm in alarms], places)
    lines = [_say("flooded", lang, count=len(alarms)), ""]
    lines += [_say("cause", lang, count=one.count, rule=one.rule, place=one.place) for one in causes[:_LISTED]]
    rest = sum(one.count for one in causes[_LISTED:])
    lines += [_say("more", lang, count=rest)] if rest else []
    subject = _say("flood", lang, priority=_say(worst.value, lang).upper(), count=len(alarms))
    return subject, "\n".join(lines) + "\n"


def _text(said: Any, lang: Lang) -> str:
    """What a rule says in a language; the other, or a plain text, where there is no such."""
    if isinstance(said, Mapping):
        return str(said.get(lang) or next(iter(said.values()), ""))
    return "" if said is None else str(said)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]
