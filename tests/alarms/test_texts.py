"""What messages say: the rule's words in the recipient's language, and ours for alarms of our own."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.model import Alarm, AlarmState, Priority
from engine.notify.texts import Lang, alarm_text, digest_text, said_of
from engine.setpoints import desk
from jobs import holds, settling

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
SAID = {
    "about": {"fr": "Vanne\nouverte", "en": "Valve open"},
    "consequence": {"fr": "L'eau coule.", "en": "Water runs."},
    "action": {"fr": "Fermer.", "en": "Close it."},
    "respond_within_s": 900.0,
}


def alarm(**fields: Any) -> Alarm:
    made = Alarm("valve-open", "V-1", "A-1", AlarmState.UNACKNOWLEDGED, Priority.CRITICAL, AT, AT, SAID, id=7)
    return replace(made, **fields)


def test_an_alarm_says_what_it_is_what_to_do_and_how_to_acknowledge() -> None:
    subject, body = alarm_text(alarm(), "fr", escalated=False)
    assert subject == "[CRITIQUE] Vanne ouverte : V-1"
    assert body.splitlines()[2:] == [
        "Alarme 7, priorité critique, depuis le 2026-11-22 13:00:00 +0100",
        "Où : V-1, zone A-1",
        "Si rien n'est fait : L'eau coule.",
        "Que faire : Fermer.",
        "Répondre sous 15 min.",
        "Règle : valve-open",
        "Pour acquitter : consigne alarm ack 7",
    ]
    subject, body = alarm_text(alarm(cleared_at=AT), "en", escalated=True)
    assert subject == "not acknowledged: [CRITICAL] Valve open: V-1"
    assert "Its condition has passed." in body


@pytest.mark.parametrize("lang", ["fr", "en"])
@pytest.mark.parametrize("rule", [desk.RULE, desk.BLOCKED, settling.BLOCKED, holds.RULE])
def test_alarms_of_our_own_speak_both_languages(rule: str, lang: Lang) -> None:
    ours = alarm(rule=rule, detail={"point": "V-1/state", "why": "local lock-out"})
    assert all(said_of(ours, key, lang) for key in ("about", "consequence", "action"))
    assert "local lock-out" in alarm_text(ours, lang, escalated=False)[1]


def test_an_alarm_without_words_goes_by_its_rule() -> None:
    assert alarm_text(alarm(detail={}), "en", escalated=False)[0] == "[CRITICAL] valve-open: V-1"


def test_a_digest_counts_causes_and_leaves_none_out() -> None:
    many = [alarm(id=n, rule=f"r{n}", asset=f"A-{n}", priority=Priority.LOW) for n in range(40)]
    subject, body = digest_text([*many, alarm()], lambda _: (), "en")
    assert subject == "[CRITICAL] 41 alarms at once"
    assert body.count("1 × ") == 30
    assert body.endswith("and 11 more\n")
