"""Files of contracts with mistakes: each is told at its place with what is wanted, all of them at once."""

from pathlib import Path
from typing import Any

import pytest

from engine.errors import InputError
from jobs.energy.contracts import load_contracts, parse_contracts
from tests.conftest import ROOT

from .contracts_made import contract, edition, file

SHIPPED = (ROOT / "rules" / "contracts.yaml").read_text()
TWO = {"hp": {"import_eur_kwh": 0.20}, "hc": {"import_eur_kwh": 0.15}}
HPHC = [{"class": "hp", "hours": "06:00-22:00"}, {"class": "hc", "hours": "22:00-06:00"}]
DAYS = {"t": {"kinds": ["a", "b"], "otherwise": "a"}}


def refused(text: str) -> list[str]:
    with pytest.raises(InputError) as told:
        parse_contracts(text)
    return [str(problem) for problem in told.value.problems]


def problem(*editions: dict[str, Any], of: dict[str, Any] | None = None, **head: Any) -> str:
    """The one problem of a file of one contract."""
    found = refused(file(contract(*editions, **(of or {})), **head))
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ([*HPHC, {"class": "hc", "hours": "05:00-07:00"}], "speaks of 05:00, of which line 1 speaks, too"),
        ([{"class": "hp"}, {"class": "hc", "months": [7], "days": ["sun"]}], "speaks of 00:00"),
        ([HPHC[0], {"class": "hc", "hours": "22:00-05:00"}], "no class is in force at 05:00 on Mon of month 1"),
        (
            [HPHC[0], {**HPHC[1], "months": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]}],
            "no class is in force at 00:00 on Mon of month 12",
        ),
        (
            [HPHC[0], {**HPHC[1], "days": ["mon", "tue", "wed", "thu", "fri", "sat"]}],
            "no class is in force at 00:00 on Sun of month 1",
        ),
    ],
)
def test_hours_that_overlap_or_are_left_out_are_refused(when: list[dict[str, Any]], said: str) -> None:
    assert said in problem(edition(TWO, when=when))


def test_a_colour_without_hours_is_refused() -> None:
    when = [{"class": "hp", "kinds": ["a"]}, {"class": "hc", "kinds": ["b"], "hours": "06:00-22:00"}]
    assert "at 00:00 on Mon of month 1 of b days" in problem(edition(TWO, when=when), of={"days": "t"}, days=DAYS)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"when": [*HPHC, {"class": "hq"}]}, "'hq' is no class of it"),
        ({"when": HPHC, "otherwise": "night"}, "'night' is no class of it"),
        ({"otherwise": "hp"}, "the class 'hc' is never in force"),
        ({"when": [{**HPHC[0], "kinds": ["red"]}, HPHC[1]]}, "the contract has no `days`"),
        ({"when": HPHC, "overrun": {"eur_kwh": 1, "trips": True}}, "an overrun says one of"),
        ({"when": HPHC, "overrun": {}}, "an overrun says one of"),
        ({"when": HPHC, "vat": 20}, "vat"),
        ({"when": HPHC, "peak_eur_kw": -1}, "peak_eur_kw"),
        ({"when": [{**HPHC[0], "hours": "6-22"}, HPHC[1]]}, "hours"),
        ({"when": [{**HPHC[0], "months": [0]}, HPHC[1]]}, "months"),
        ({"when": HPHC, "start": "2027-01-01", "until": "2026-01-01"}, "until 2026-01-01 is before from 2027-01-01"),
        ({"when": HPHC, "taxs": []}, "unknown key"),
    ],
)
def test_an_edition_that_contradicts_itself_is_refused(more: dict[str, Any], said: str) -> None:
    found = refused(file(contract(edition(TWO, **more))))
    assert any(said in one for one in found), found


@pytest.mark.parametrize(
    "entry",
    [
        {"import_eur_kwh": 135.6},  # EUR/MWh
        {"import_eur_kwh": 19.52},  # cents
        {"import_eur_kwh": -5.0},
        {"import_eur_kwh": "0,1952"},
        {"import_eur_kwh": 0.2, "subscribed_kva": 0},
        {"import_eur_kwh": 0.2, "subscribed_share": 0},
        {},
    ],
)
def test_a_price_or_power_that_is_none_is_refused(entry: dict[str, Any]) -> None:
    assert refused(file(contract(edition({"a": entry}, otherwise="a"))))


@pytest.mark.parametrize("word", [".nan", ".inf", "-.inf", "1e400"])
def test_a_price_that_is_no_number_is_refused(word: str) -> None:
    text = SHIPPED.replace("import_eur_kwh: 0.1952", f"import_eur_kwh: {word}")
    assert text != SHIPPED
    line = next(n for n, one in enumerate(text.splitlines(), 1) if word in one)
    assert any(one.startswith(f"contracts.yaml:{line}:") for one in refused(text))


def test_editions_want_to_follow_each_other_day_by_day() -> None:
    early = edition(TWO, when=HPHC, until="2026-07-31")
    gap = problem(early, edition(TWO, when=HPHC, start="2026-08-02"))
    assert "leaves days without a price" in gap
    assert "from: 2026-08-01" in gap
    overlap = problem(early, edition(TWO, when=HPHC, start="2026-07-31"))
    assert "begins before the one above ends" in overlap


@pytest.mark.parametrize(
    ("days", "said"),
    [
        ({"kinds": ["a", "b"], "otherwise": "c"}, "'c' is no kind of these days"),
        ({"kinds": ["a", "b"], "otherwise": "a", "dates": {"c": ["2026-12-01"]}}, "'c' is no kind of these days"),
        (
            {"kinds": ["a", "b"], "otherwise": "a", "dates": {"a": ["2026-12-01"], "b": ["2026-12-01"]}},
            "2026-12-01 is a and b",
        ),
        (
            {
                "kinds": ["a", "b"],
                "otherwise": "a",
                "forecast": {"source": "s", "variable": "v", "kinds": {"1": "d"}},
            },
            "'d' is no kind of these days",
        ),
        ({"kinds": ["a"], "otherwise": "a"}, "kinds"),
    ],
)
def test_kinds_of_days_that_contradict_themselves_are_refused(days: dict[str, Any], said: str) -> None:
    assert said in problem(edition(TWO, when=HPHC), days={"t": days})


def test_days_that_are_not_there_are_refused_with_the_nearest() -> None:
    assert "'tt' is no kind of days named above → did you mean t" in problem(
        edition(TWO, when=HPHC), of={"days": "tt"}, days=DAYS
    )


def test_a_price_by_the_exchange_without_a_source_of_it_is_refused() -> None:
    of = edition({"a": {"import_eur_kwh": {"times": 1}}}, otherwise="a")
    assert "goes by the exchange's price" in problem(of)


@pytest.mark.parametrize(
    ("site", "said"),
    [
        ({"contract": "d"}, "'d' is no contract of this file"),
        ({"subscribed_kva": {"hp": 10, "hc": 20}}, "no contract whose classes they are"),
        ({"contract": "c", "subscribed_kva": {"hp": 10}}, "says nothing of hc"),
        ({"contract": "c", "subscribed_kva": {"hp": 10, "hc": 20, "pte": 5}}, "'pte' is no class of c"),
        ({"contract": "c", "subscribed_kva": 0}, "subscribed_kva"),
    ],
)
def test_a_site_that_has_subscribed_what_is_not_there_is_refused(site: dict[str, Any], said: str) -> None:
    found = refused(file(contract(edition(TWO, when=HPHC)), sites={"B1": site}))
    assert any(said in one for one in found), found


ORDER = {
    "id": "o", "text": {"fr": "o", "en": "o"}, "sites": ["B1"], "from": "2026-12-03T18:00+01:00",
    "until": "2026-12-03T20:00+01:00", "ordered_w": 1000, "paid_eur_kwh": 0.2,
}  # fmt: skip


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"from": "2026-12-03T18:00"}, "wants an offset"),
        ({"until": "2026-12-03T17:00+01:00"}, "wants to be a day at most, in order"),
        ({"until": "2026-12-05T17:00+01:00"}, "wants to be a day at most, in order"),
        ({"ordered_w": 0}, "ordered_w"),
        ({"sites": []}, "sites"),
        ({"like_days": 0}, "like_days"),
    ],
)
def test_an_order_that_contradicts_itself_is_refused(more: dict[str, Any], said: str) -> None:
    found = refused(file(contract(edition(TWO, when=HPHC)), orders=[ORDER | more]))
    assert any(said in one for one in found), found
    assert parse_contracts(file(contract(edition(TWO, when=HPHC)), orders=[ORDER])).file.orders[0].id == "o"


def test_two_orders_of_one_id_are_refused() -> None:
    assert "'o' is another order's id" in problem(edition(TWO, when=HPHC), orders=[ORDER, ORDER])


def test_all_mistakes_of_a_file_are_told_at_once_each_with_its_line_and_column(tmp_path: Path) -> None:
    text = SHIPPED.replace("{class: pte, months: [12, 1, 2]", "{class: pte, months: [12, 1, 2, 3]")
    text = text.replace("sites: {}", "sites: {B1: {contract: temp}}").replace("otherwise: bleu\n", "otherwise: noir\n")
    path = tmp_path / "contracts.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as told:
        load_contracts(path)
    lines = {problem.line: problem for problem in told.value.problems}
    wanted = {
        next(n for n, line in enumerate(text.splitlines(), 1) if mark in line): said
        for mark, said in (
            ("{class: hph, months: [11, 3]", "speaks of 09:00, of which line"),
            ("sites: {B1", "'temp' is no contract of this file"),
            ("otherwise: noir", "'noir' is no kind of these days: bleu, blanc, rouge"),
        )
    }
    assert {line: said in lines[line].what for line, said in wanted.items()} == dict.fromkeys(wanted, True)
    assert len(lines) == len(wanted)
    assert all(problem.column > 1 for problem in lines.values())


def test_no_file_and_an_empty_one_are_no_contracts(tmp_path: Path) -> None:
    assert load_contracts(tmp_path / "contracts.yaml").file.contracts == {}
    assert parse_contracts("  \n").file.contracts == {}
