"""Public holidays, against published calendars."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calendar import easter, kind_of_day, public_holidays

# Published dates of Easter Sunday: U.S. Naval Observatory; the earliest and the latest there can be among them.
EASTERS = [
    (1818, 3, 22),
    (1886, 4, 25),
    (1943, 4, 25),
    (1954, 4, 18),
    (1961, 4, 2),
    (1981, 4, 19),
    (2000, 4, 23),
    (2008, 3, 23),
    (2011, 4, 24),
    (2016, 3, 27),
    (2019, 4, 21),
    (2023, 4, 9),
    (2024, 3, 31),
    (2025, 4, 20),
    (2026, 4, 5),
    (2038, 4, 25),
]


@pytest.mark.parametrize(("year", "month", "day"), EASTERS)
def test_easter(year: int, month: int, day: int) -> None:
    assert easter(year) == date(year, month, day)


@given(st.integers(1583, 4099))
def test_easter_is_a_sunday_from_22_march_to_25_april(year: int) -> None:
    sunday = easter(year)
    assert sunday.weekday() == 6
    assert date(year, 3, 22) <= sunday <= date(year, 4, 25)


def test_holidays_of_2026() -> None:
    """As service-public.gouv.fr prints them."""
    assert public_holidays(2026) == {
        date(2026, 1, 1): "Jour de l'an",
        date(2026, 4, 6): "Lundi de Pâques",
        date(2026, 5, 1): "Fête du Travail",
        date(2026, 5, 8): "Victoire 1945",
        date(2026, 5, 14): "Ascension",
        date(2026, 5, 25): "Lundi de Pentecôte",
        date(2026, 7, 14): "Fête nationale",
        date(2026, 8, 15): "Assomption",
        date(2026, 11, 1): "Toussaint",
        date(2026, 11, 11): "Armistice 1918",
        date(2026, 12, 25): "Noël",
    }


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        (date(2026, 11, 20), "workday"),
        (date(2026, 11, 21), "saturday"),
        (date(2026, 11, 22), "sunday"),
        (date(2026, 11, 11), "sunday"),  # a Wednesday
        (date(2026, 8, 15), "sunday"),  # a Saturday
        (date(2026, 4, 6), "sunday"),  # Easter Monday
        (date(2026, 4, 3), "workday"),  # Good Friday is worked in Anjou
        (date(2026, 12, 26), "saturday"),
    ],
)
def test_kinds_of_day(day: date, kind: str) -> None:
    assert kind_of_day(day) == kind


@given(st.integers(1900, 2200))
def test_a_year_has_eleven_holidays_in_order_or_ten_when_two_meet(year: int) -> None:
    days = list(public_holidays(year))
    assert days == sorted(days)
    # Ascension may fall on 1 May or 8 May.
    meet = easter(year) + timedelta(days=39) in (date(year, 5, 1), date(year, 5, 8))
    assert len(days) == (10 if meet else 11)
