"""What operators read: both languages whole, numbers as they write them, a page that stands by itself."""

import pkgutil
import re
import string
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import jobs.words
from engine.model import AlarmState, CommandState, Level, Priority
from engine.notify.messages import MessageState
from jobs.report import LampLine, Report, write_report
from jobs.words import _WORDS, LANGUAGES, Lang, aligned, change, labelled, number, percent, say

T0 = datetime(2026, 11, 16, 17, tzinfo=UTC)


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_text_is_there_in_both_languages_with_the_same_blanks() -> None:
    for key, (english, french) in _WORDS.items():
        assert english and french, key
        assert fields(english) == fields(french), key


def test_no_word_is_said_in_two_places() -> None:
    parts = [import_module(f"jobs.words.{module.name}").WORDS for module in pkgutil.iter_modules(jobs.words.__path__)]
    assert len(_WORDS) == sum(map(len, parts))


def test_alarms_and_messages_have_words_for_every_state() -> None:
    assert {one.value for one in (*AlarmState, *Priority)} <= set(_WORDS)
    assert {f"told_{one.value}" for one in MessageState} <= set(_WORDS)


def test_every_state_of_a_command_has_a_word() -> None:
    assert {state.value for state in CommandState} <= set(_WORDS)


@pytest.mark.parametrize(
    ("value", "digits", "english", "french"),
    [
        (1234.5, 1, "1,234.5", "1\u202f234,5"),
        (0, 0, "0", "0"),
        (1e6, 0, "1,000,000", "1\u202f000\u202f000"),
        (-12.345, 2, "-12.35", "-12,35"),
    ],
)
def test_numbers(value: float, digits: int, english: str, french: str) -> None:
    assert number(value, "en", digits) == english
    assert number(value, "fr", digits) == french


def lamp(number: int, **changes: object) -> LampLine:
    values = {
        "id": f"L-49020-{number:05}",
        "commune": "Béhuard",
        "lon": -0.65 + number / 1000,
        "lat": 47.37,
        "road": "residential",
        "lighting_class": "P4",
        "mean_flux": 0.5,
        "state": "verified",
        "at": T0,
    } | changes
    return LampLine(**values)  # type: ignore[arg-type]


def page(tmp_path: Path, lamps: list[LampLine], lang: Lang = "en", subtitle: str = "made, seed 1") -> str:
    slots = [T0 + k * timedelta(minutes=15) for k in range(8)]
    curves = {name: np.linspace(0.2, 1, 8) for name in ("planned", "fixed", "needed")}
    write_report(
        tmp_path / "report.html", Report(subtitle, "consigne why --demo", [("a", "1")], slots, curves, lamps), lang
    )
    return (tmp_path / "report.html").read_text(encoding="utf-8")


class Tags(HTMLParser):
    """Collects tags and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_the_page_names_every_lamp_and_how_to_ask(tmp_path: Path) -> None:
    text = page(tmp_path, [lamp(n) for n in range(5)])
    asked = re.findall(r"<code>consigne why --demo (\S+) (\S+)</code>", text)
    assert [name for name, _ in asked] == [f"L-49020-{n:05}" for n in range(5)]
    assert {at for _, at in asked} == {"2026-11-16T18:00+01:00"}
    tags = Tags()
    tags.feed(text)
    assert sum(tag == "circle" for tag, _ in tags.seen) == 5
    assert sum(tag == "polyline" for tag, _ in tags.seen) == 3


def test_the_page_fetches_and_runs_nothing(tmp_path: Path) -> None:
    tags = Tags()
    tags.feed(page(tmp_path, [lamp(1)]))
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in tags.seen}
    assert not [1 for _, attributes in tags.seen if {"src", "href", "onclick"} & set(attributes)]


def test_foreign_text_is_escaped(tmp_path: Path) -> None:
    text = page(tmp_path, [lamp(1, road="<b>x")], subtitle="<script>alert(1)</script>")
    assert "<script>" not in text
    assert "<b>" not in text


def test_each_commune_has_a_map(tmp_path: Path) -> None:
    text = page(tmp_path, [lamp(1), lamp(2, commune="Savennières"), lamp(3)])
    assert re.findall(r"<figcaption>([^<]+)</figcaption>", text) == ["Béhuard", "Savennières"]


def test_pictures_have_names_and_the_page_its_language(tmp_path: Path) -> None:
    tags = Tags()
    tags.feed(page(tmp_path, [lamp(1), lamp(2)], lang="fr"))
    assert ("html", {"lang": "fr"}) in tags.seen
    assert all(attributes.get("aria-label") for tag, attributes in tags.seen if tag == "svg")


def test_one_lamp_alone_makes_a_map(tmp_path: Path) -> None:
    assert "nan" not in page(tmp_path, [lamp(1)]).lower().replace("lumineux", "")


def test_languages_have_different_words() -> None:
    assert say("verified", "en") != say("verified", "fr")


def test_colons_and_percents_are_set_as_each_language_does() -> None:
    assert (labelled("report", "en", "x"), labelled("report", "fr", "x")) == ("Report: x", "Rapport : x")
    assert (percent(0.1234, "en"), percent(0.1234, "fr"), percent(None, "fr")) == ("12.3 %", "12,3 %", "–")
    assert (change(0.1, "en"), change(-0.1234, "fr"), change(None, "en")) == ("+10.0 %", "-12,3 %", "–")


def test_rows_are_aligned_and_no_id_is_broken() -> None:
    assert list(aligned([["", "kWh"], ["T-49028-0001", "1.0"], ["a", ""]])) == [
        "              kWh",
        "T-49028-0001  1.0",
        "a",
    ]


def test_every_level_of_a_point_has_its_words() -> None:
    for level in Level:
        assert all(say(f"level_{level.name.lower()}", lang) for lang in LANGUAGES)
