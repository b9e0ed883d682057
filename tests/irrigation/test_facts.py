"""What is told of a valve, in words: every probe's verdict, every source of ET0, with and without a forecast."""

from typing import Any

import pytest

from jobs.irrigation.facts import facts_of
from jobs.words import LANGUAGES
from optimizers.soil import Et0Source
from optimizers.soil.probes import Verdict

TOLD: dict[str, Any] = {
    "open": True, "openings": [["2026-09-28T20:00:00Z", "2026-09-28T20:30:00Z"]],
    "bounded_by": {"fr": "heures habituelles", "en": "usual hours"}, "depletion_mm": 23.76, "sd_mm": 4.17,
    "raw_mm": 17.29, "cautious_raw_mm": 13.11, "taw_mm": 32.5, "probe": "S-2", "probe_verdict": "stuck",
    "probe_borrowed": "S-4", "cycles": 1, "cycle_s": 1800.0, "cycle_mm": 4.13, "cycle_m3": 1.65, "et0_mm": [2.32, 1.4],
    "et0_source": "penman_monteith", "rain_mm": [0.9, 1.2], "one_more_eur": 1.1368, "one_less_eur": 13.9535,
    "forecast": {"issued_at": "2026-09-28T10:00:00Z", "age_h": 6.0, "told_mm": [1.8, 2.5], "reliability": 0.5},
}  # fmt: skip


def test_a_valve_is_told_in_sentences() -> None:
    assert facts_of(TOLD, "fr") == [
        "ouverte : 22:00–22:30",
        "limites : heures habituelles",
        "il manque 23,8 mm (± 4,2) sur 32,5 ; stress dès 17,3, par prudence 13,1",
        "connu par : S-2 (bloquée), S-4, empruntée",
        "un cycle : 30 min, 4,1 mm, 1,65 m³",
        "ET0 des jours à venir 2,3 / 1,4 mm, mesurée (Penman-Monteith)",
        "pluie escomptée ces jours 0,9 / 1,2 mm ; prévision du 2026-09-28 12:00 : 1,8 / 2,5 mm, crue à 50 %",
        "un cycle de plus coûterait 1,14 €",
        "un cycle de moins coûterait 13,95 €",
    ]
    shut = {"openings": [], "one_less_eur": None, "no_more_for": {"fr": "sa conduite", "en": "its pipe"}}
    assert facts_of(TOLD | shut, "en")[-1] == "no room for one more: its pipe"
    assert len(facts_of(TOLD | shut, "en")) == 8
    assert facts_of({"reason": {"fr": "a", "en": "a"}}, "fr") == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_there_are_words_for_all_that_may_be_told(lang: Any) -> None:
    for verdict in Verdict:
        assert "S-2" in facts_of(TOLD | {"probe_verdict": verdict.value}, lang)[3]
    for source in (*(one.name.lower() for one in Et0Source), ""):
        assert "_" not in facts_of(TOLD | {"et0_source": source}, lang)[5]
    nothing = {"issued_at": None, "age_h": None, "told_mm": [], "reliability": None}
    assert "None" not in facts_of(TOLD | {"forecast": nothing}, lang)[6]
    none = {"probe": None, "probe_verdict": None}
    assert facts_of(TOLD | none | {"probe_borrowed": None}, "en")[3] == "known by: balance alone"
    assert facts_of(TOLD | none, "en")[3] == "known by: S-4, borrowed"
