"""Drought orders as data: which line decides, what it leaves of a day, whom a level covers, what a file has wrong."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from math import inf
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InputError
from engine.instants import PARIS
from engine.model import Asset
from engine.setpoints.drought import Drought, Severity, drought_orders, load_drought, years_since
from engine.setpoints.orders import Order

SHIPPED = Path("rules/drought.yaml")
VALVE = Asset("V-1", "IrrigationValve", "Z-1", -0.55, 47.47)
WRITTEN = """
uses:
  lawn: {fr: pelouses, en: lawns}
  trees: {fr: arbres, en: trees}
measures:
  - levels: [alerte]
    uses: [lawn, trees]
    hours: 18:00-11:00
    reference: framework order, table 1
  - levels: [alerte]
    methods: [drip]
    uses: [trees]
    free: true
    reference: framework order, table 2
  - levels: [crise]
    uses: [lawn]
    banned: true
    reference: framework order, table 3
  - levels: [crise]
    uses: [trees]
    hours: 22:00-04:00
    days: [mon, thu]
    share: 30 %
    reference: framework order, table 4
  - levels: [crise]
    uses: [trees]
    age: {from: 3}
    banned: true
    reference: framework order, table 5
levels:
  - id: level-1
    authority: {fr: préfet, en: prefect}
    number: "2026-214"
    dated: 2026-07-03
    level: alerte
    from: 2026-07-04
    until: 2026-09-30
"""


@dataclass(frozen=True)
class Watered:
    use: str = "lawn"
    source: str = "river"
    method: str = "sprinkler"
    planted: date | None = None


def read(text: str, folder: Path) -> Drought:
    path = folder / "drought.yaml"
    path.write_text(text)
    return load_drought(path)


@pytest.fixture
def drought(tmp_path: Path) -> Drought:
    return read(WRITTEN, tmp_path)


def at_level(drought: Drought, level: str, **changes: object) -> Drought:
    """The same table under another level."""
    (entry,) = drought.levels
    return drought.model_copy(update={"levels": (entry.model_copy(update={"level": Severity(level), **changes}),)})


def orders(drought: Drought, watered: Watered | None, commune: str = "49007") -> tuple[Order, ...]:
    return drought_orders(drought, VALVE, commune, watered)


def bound(order: Order, day: date, days: int = 1) -> Iterator[tuple[str, str]]:
    """What it binds of some local days, on the clock in Paris."""
    start, end = (datetime.combine(one, time(0), PARIS).astimezone(UTC) for one in (day, day + timedelta(days)))
    for begins, ends in order.spans(start, end):
        yield tuple(at.astimezone(PARIS).strftime("%d %H:%M") for at in (begins, ends))  # type: ignore[misc]


def test_a_line_leaves_its_hours_and_says_where_it_stands(drought: Drought) -> None:
    (order,) = orders(drought, Watered())
    assert list(bound(order, date(2026, 7, 6))) == [("06 11:00", "06 18:00")]
    assert (order.at_most, order.share) == (0, 1)
    assert order.text == (
        "drought alert: lawns, by sprinkler, river water: watering only 18:00–11:00"
        " (prefect, order 2026-214 of 2026-07-03; framework order, table 1)"
    )
    assert order.text_fr == (
        "alerte sécheresse : pelouses, par aspersion, eau de rivière : arrosage seulement 18:00–11:00"
        " (préfet, arrêté 2026-214 du 2026-07-03; framework order, table 1)"
    )


def test_the_line_that_says_more_decides(drought: Drought) -> None:
    assert orders(drought, Watered(use="trees", method="drip")) == ()
    (order,) = orders(drought, Watered(use="trees"))
    assert order.hours == (time(18), time(11))


def test_an_unknown_pair_is_forbidden_and_says_so(drought: Drought) -> None:
    for watered, word in ((Watered(use="graves"), "graves"), (None, "cannot be read")):
        (order,) = orders(drought, watered)
        assert list(bound(order, date(2026, 7, 6))) == [("06 00:00", "07 00:00")]
        assert word in order.text
        assert "order 2026-214" in order.text
        assert order.at_most == 0
    assert "no measure speaks of it" in orders(drought, Watered(use="graves"))[0].text
    assert "aucune mesure n'en parle" in orders(drought, Watered(use="graves"))[0].text_fr


def test_vigilance_restricts_nothing(drought: Drought) -> None:
    assert orders(at_level(drought, "vigilance"), Watered(use="graves")) == ()


def test_a_level_is_in_force_from_its_first_midnight_to_its_last(drought: Drought) -> None:
    (order,) = orders(at_level(drought, "crise"), Watered())
    assert list(bound(order, date(2026, 7, 3), 3)) == [("04 00:00", "06 00:00")]
    assert list(bound(order, date(2026, 9, 30), 3)) == [("30 00:00", "01 00:00")]
    (night,) = orders(drought, Watered())
    assert list(bound(night, date(2026, 7, 3), 2)) == [("04 11:00", "04 18:00")]
    assert list(bound(night, date(2026, 9, 30), 2)) == [("30 11:00", "30 18:00")]


def test_days_are_those_on_which_a_night_begins_and_a_share_is_left(drought: Drought) -> None:
    (order,) = orders(at_level(drought, "crise"), Watered(use="trees"))
    monday = date(2026, 7, 6)
    free = [("06 22:00", "07 04:00"), ("09 22:00", "10 04:00")]
    found = list(bound(order, monday, 7))
    assert found == [("06 00:00", "06 22:00"), ("07 04:00", "09 22:00"), ("10 04:00", "13 00:00")]
    assert [(a[1], b[0]) for a, b in pairwise(found)] == free
    assert order.share == 0.3
    assert "watering only 22:00–04:00 Mon Thu, 30% of usual water" in order.text


def test_a_share_alone_closes_nothing(tmp_path: Path) -> None:
    text = WRITTEN.replace("    hours: 18:00-11:00\n", "    share: 70 %\n")
    (order,) = orders(read(text, tmp_path), Watered())
    assert (order.at_most, order.share) == (inf, 0.7)


def test_plants_that_come_of_age_within_a_level_are_bound_otherwise_from_their_birthday_on(drought: Drought) -> None:
    crisis = at_level(drought, "crise")
    young, old = orders(crisis, Watered(use="trees", planted=date(2023, 8, 15)))
    assert (young.start, young.until, old.start, old.until) == (
        date(2026, 7, 4), date(2026, 8, 14), date(2026, 8, 15), date(2026, 9, 30),
    )  # fmt: skip
    assert (len(young.days), len(old.days)) == (2, 0)
    (grown,) = orders(crisis, Watered(use="trees", planted=date(2020, 1, 1)))
    assert "table 5" in grown.text
    (unknown,) = orders(crisis, Watered(use="trees"))
    assert "table 4" in unknown.text


@pytest.mark.parametrize(
    ("planted", "day", "years"),
    [
        (date(2024, 2, 29), date(2025, 2, 28), 0),
        (date(2024, 2, 29), date(2025, 3, 1), 1),
        (date(2024, 7, 4), date(2026, 7, 4), 2),
        (date(2027, 1, 1), date(2026, 7, 4), 0),
        (None, date(2026, 7, 4), None),
    ],
)
def test_whole_years_since_planting(planted: date | None, day: date, years: int | None) -> None:
    assert years_since(planted, day) == years


@given(st.dates(date(2010, 1, 1), date(2026, 12, 31)))
def test_every_day_of_a_level_is_bound_as_the_age_of_that_day_says(planted: date) -> None:
    crisis = at_level(load_drought(SHIPPED).model_copy(update={"levels": LEVEL}), "alerte_renforcee")
    found = orders(crisis, Watered(use="trees", planted=planted))
    for day in (date(2026, 7, 4), date(2026, 8, 1), date(2026, 9, 30)):
        (order,) = [one for one in found if one.start <= day <= one.until]
        assert bool(order.days) == (years_since(planted, day) == 0)
    assert [one.start for one in found[1:]] == [one.until + timedelta(1) for one in found[:-1]]


def test_who_is_covered(drought: Drought) -> None:
    (entry,) = drought.levels
    place = entry.place.model_copy(update={"communes": frozenset({"49007"})})
    there = at_level(drought, "crise", place=place, sources=frozenset({"river"}))
    assert orders(there, Watered())
    assert not orders(there, Watered(), "49015")
    assert not orders(there, Watered(source="drinking"))
    assert orders(there, None)  # of a valve that cannot be read nobody knows the water


def test_two_levels_in_one_place_both_bind(drought: Drought) -> None:
    (entry,) = drought.levels
    second = entry.model_copy(update={"id": "level-2", "level": Severity.CRISE, "number": "2026-300"})
    both = drought.model_copy(update={"levels": (entry, second)})
    assert [order.id for order in orders(both, Watered())] == ["level-1", "level-2"]


def test_hours_on_the_nights_the_clock_changes(drought: Drought) -> None:
    crisis = at_level(drought, "alerte", start=date(2026, 1, 1), until=date(2026, 12, 31))
    (order,) = orders(crisis, Watered())
    for day, left in ((date(2026, 10, 24), 18), (date(2026, 3, 28), 16), (date(2026, 6, 1), 17)):
        start = datetime.combine(day, time(12), PARIS).astimezone(UTC)
        end = datetime.combine(day + timedelta(1), time(12), PARIS).astimezone(UTC)
        taken = sum((ends - begins for begins, ends in order.spans(start, end)), timedelta(0))
        assert end - start - taken == timedelta(hours=left)
    between = replace(order, hours=(time(22), time(2, 30)))
    (_, morning) = between.spans(datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 25, 10, tzinfo=UTC))
    assert morning[0] == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # the first 2:30: the second is in doubt


def test_what_is_shipped_restricts_nobody_and_knows_every_level() -> None:
    drought = load_drought(SHIPPED)
    assert drought.levels == ()
    assert orders(drought, Watered()) == ()
    known = {(level, use) for line in drought.measures for level in line.levels for use in line.uses or drought.uses}
    assert {(level, use) for level in Severity if level != "vigilance" for use in drought.uses} == known


# figures of the guide of May 2023, as the press of that day quotes them
@pytest.mark.parametrize(
    ("level", "use", "closed"),
    [
        ("alerte", "lawn", [("06 11:00", "06 18:00")]),
        ("alerte_renforcee", "lawn", [("06 00:00", "07 00:00")]),
        ("crise", "flowerbed", [("06 00:00", "07 00:00")]),
        ("alerte_renforcee", "sports", [("06 11:00", "06 18:00")]),
        ("crise", "sports", [("06 00:00", "07 00:00")]),
        ("crise", "sports_national", [("06 09:00", "06 20:00")]),
        ("crise", "golf_green", [("06 08:00", "06 20:00")]),
    ],
)
def test_the_guide_of_may_2023(level: str, use: str, closed: list[tuple[str, str]]) -> None:
    drought = at_level(load_drought(SHIPPED).model_copy(update={"levels": LEVEL}), level)
    (order,) = orders(drought, Watered(use=use))
    assert list(bound(order, date(2026, 7, 6))) == closed
    assert orders(drought, Watered(use=use, source="reused")) == ()


@pytest.mark.parametrize(
    ("wrong", "line", "words"),
    [
        (("levels: [alerte]\n    uses", "levels: [orange]\n    uses"), 6, "alerte"),
        (("levels: [alerte]\n    uses", "levels: [vigilance]\n    uses"), 6, "alerte"),
        (("uses: [lawn, trees]", "uses: [lwan, trees]"), 7, "'lwan' is no use named above → one of: lawn, trees"),
        (("hours: 18:00-11:00", "hours: by night"), 8, "hours are two local times"),
        (("    hours: 18:00-11:00\n", ""), 6, "a measure says one of"),
        (("uses: [lawn]\n    banned: true", "uses: [lawn]\n    banned: true\n    free: true"), 15,
         "a measure says one of"),
        (("share: 30 %", "share: 130 %"), 23, "a share is from 0 % to 100 %"),
        (("age: {from: 3}", "age: {from: 3, below: 2}"), 27, "from 3 years wants to be less than below 2"),
        (("methods: [drip]\n    uses: [trees]", "methods: [drip]\n    uses: [trees, lawn]"), 0, ""),
        (("methods: [drip]\n    uses: [trees]", "methods: [drip]"), 10,
         "speaks of what the line 6 speaks of, too, at alerte: neither says more"),
        (("uses: [lawn]\n    banned", "uses: [lawn, trees]\n    banned"), 0, ""),
        (("until: 2026-09-30", "until: 2026-06-30"), 31, "is before from"),
        (("level: alerte", "level: red"), 35, "vigilance"),
        (("    number:", "    nr:"), 31, "'levels.0.number' is missing"),
        (("    until: 2026-09-30", "    until: 2026-09-30\n    hours: 10:00-12:00"), 38, "unknown key"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_at_its_line(tmp_path: Path, wrong: tuple[str, str], line: int, words: str) -> None:
    assert wrong[0] in WRITTEN
    text = WRITTEN.replace(*wrong)
    if not line:
        read(text, tmp_path)
        return
    with pytest.raises(InputError) as error:
        read(text, tmp_path)
    assert any(f"drought.yaml:{line}:" in str(p) and words in str(p) for p in error.value.problems), str(error.value)


def test_a_third_line_decides_where_two_speak_of_one_valve(tmp_path: Path) -> None:
    crossing = WRITTEN.replace("methods: [drip]\n    uses: [trees]", "methods: [drip]")
    both = "  - {levels: [alerte], methods: [drip], uses: [lawn, trees], banned: true, reference: both}\nlevels:"
    drought = read(crossing.replace("levels:\n  - id", f"{both}\n  - id"), tmp_path)
    assert "both" in orders(drought, Watered(method="drip"))[0].text
    assert orders(drought, Watered(method="drip", use="graves")) == ()


def test_every_mistake_is_told_at_once_and_an_id_is_one_order_only(tmp_path: Path) -> None:
    text = WRITTEN.replace("uses: [lawn, trees]", "uses: [lwan, lown]") + WRITTEN[WRITTEN.index("  - id:") :]
    with pytest.raises(InputError) as error:
        read(text, tmp_path)
    assert [str(p).split(" ", 1)[1].split(" →")[0] for p in error.value.problems] == [
        "'lown' is no use named above", "'lwan' is no use named above", "'level-1' is another order's id",
    ]  # fmt: skip
    (tmp_path / "drought.yaml").write_text(WRITTEN)
    with pytest.raises(InputError, match="'level-1' is another order's id"):
        load_drought(tmp_path / "drought.yaml", taken=["level-1"])


def test_no_file_restricts_nothing(tmp_path: Path) -> None:
    assert load_drought(tmp_path / "none.yaml") == Drought()


LEVEL = Drought.model_validate(
    {
        "levels": [
            {
                "id": "level-1",
                "authority": {"fr": "préfet", "en": "prefect"},
                "number": "2026-214",
                "dated": date(2026, 7, 3),
                "level": "alerte",
                "from": date(2026, 7, 4),
                "until": date(2026, 9, 30),
            }
        ]
    }
).levels
