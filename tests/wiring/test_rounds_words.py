"""What operators read of rounds: sentences in their language, no names of fields and no Python."""

import re
from datetime import timedelta

import pytest

from engine.settings import Settings
from engine.store import Store
from jobs.bootstrap import Territory
from jobs.collection.body import Body, open_body
from jobs.collection.explaining import explain
from jobs.collection.facts import facts_of, left_out
from jobs.domains import DOMAINS
from jobs.planning import PlanRequest, run_plan
from jobs.why import explain as explain_point
from jobs.why import to_lines
from jobs.words import LANGUAGES, Lang, happened
from optimizers.fill import Verdict
from optimizers.result import Limits

from .test_collection_planning import AT, fills_until

RAW = re.compile(r"[a-z]_[a-z]|\bTrue\b|\bFalse\b|\bNone\b|[\[{']\d|\d{4}-\d\d-\d\dT\S+Z(?!-[0-9a-f]{8})")
ENGLISH = re.compile(r"\b(the|its|full|emptied|would|stop|accepted|outbox|feasible)\b")


@pytest.fixture
def block(store: Store, territory: Territory, settings: Settings) -> bytes:
    fills_until(
        store, territory, AT, lambda n, before: 0.95 - 0.014 * n - 0.05 * before if n < 40 else 0.2 - 0.015 * before
    )
    request = PlanRequest(AT, Limits(seconds=20, work=20))
    result = run_plan(store, territory, DOMAINS["collection"], AT, settings, request)
    with store.read() as unit:
        found = unit.plans.get(result.record.id)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_container_is_told_in_words(block: bytes, lang: Lang) -> None:
    found = open_body(block)
    assert found.served and found.unserved and set(found.containers) - {stop.id for stop in found.problem.stops}
    for container in found.containers:
        lines = facts_of(explain(block, container, AT), lang)
        assert len(lines) >= 5
        for line in lines:
            assert not RAW.search(line), line
            assert lang == "en" or not ENGLISH.search(line), line


def test_what_is_told_of_a_container_is_what_is_known(block: bytes) -> None:
    told = explain(block, open_body(block).containers[0], AT)
    told |= {
        "fraction": "glass", "level": 0.874, "level_sd": 0.034, "a_day": 0.068, "level_at_pick_up": 0.9,
        "sensor": "stuck", "heard_days": 4.5, "overflow_by_next_round": 0.2, "overflow_by_the_one_after": 0.68,
        "required": False, "worth_eur": 12.5, "costs_eur": 1031.96, "lid": {"fr": "ouvert", "en": "open"},
    }  # fmt: skip
    assert facts_of(told, "fr") == [
        "flux : verre",
        "estimé plein à 87 % (± 3), 7 % de plus par jour ; 90 % au passage de la benne",
        "capteur : figé, nouvelles d'il y a 4,5 j",
        "sans vidage, déborde avant la tournée suivante : 20 %, avant la seconde : 68 %",
        "le vider vaut 12,50 €, et coûterait 1\u202f031,96 €",
        "couvercle : ouvert",
    ]
    assert facts_of(told | {"costs_eur": None}, "en")[4] == "emptying it is worth 12.50 €"
    assert facts_of(told | {"required": True}, "en")[4] == "to be emptied whatever it costs"
    assert facts_of(told | {"heard_days": 0.2}, "en")[2] == "sensor: stuck, heard of today"
    assert facts_of(told | {"heard_days": None}, "fr")[2].endswith("sans nouvelle sur toute la période regardée")
    for verdict in Verdict:
        for lang in LANGUAGES:
            assert facts_of(told | {"sensor": verdict.value}, lang)[2]


def test_of_a_truck_its_round_is_told_and_where_it_is(
    block: bytes, store: Store, territory: Territory
) -> None:  # fmt: skip
    found = open_body(block)
    truck, visits = next(iter(found.days.items()))
    second = next(one for one in visits if one.number == 2)
    at = found.instant(second.visit.begin_s)
    for lang in LANGUAGES:
        lines = to_lines(explain_point(store, territory, f"{truck}/stopNumber", at), lang)
        assert sum(second.visit.of in line for line in lines) == 2, "where it is, and in its round"
        assert not any(RAW.search(line) for line in lines), lines
        assert lang == "en" or not any(ENGLISH.search(line) for line in lines), lines
    before = facts_of(explain(block, truck, found.start + timedelta(minutes=1)), "fr")
    assert before[0] == "pas encore à un arrêt ; sa tournée :"
    numbers = [line.split()[0] for line in before[1:] if line.startswith("  ")]
    assert numbers == [str(one.number) for one in visits if one.number]


def test_what_is_left_out_is_told_in_both_languages(block: bytes) -> None:
    found: Body = open_body(block)
    for lang in LANGUAGES:
        lines = left_out(found, lang)
        assert [line.partition(":")[0] for line in lines] == list(found.unserved)
        assert all(not RAW.search(line) and " (" in line for line in lines)
        assert lang == "en" or not any(ENGLISH.search(line) for line in lines)


def test_what_is_stored_of_a_command_s_steps_is_told_in_french_as_far_as_it_is_known() -> None:
    assert happened("attempt 2, vm:1", "fr") == "essai 2, vm:1"
    assert happened("equipment: accepted", "fr") == "équipement : accepté"
    assert happened("equipment: busy", "fr") == "équipement : busy"
    assert happened("equipment: accepted", "en") == "equipment: accepted"
    assert happened("something new", "fr") == "something new"
