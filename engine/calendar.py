"""Public holidays of metropolitan France, and the kind of day that traffic and programs follow."""

from datetime import date, timedelta
from typing import Literal

DayKind = Literal["workday", "saturday", "sunday"]


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar, 1583 onwards. Anonymous algorithm (Nature, 1876; Meeus, ch. 8)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    weekday = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * weekday) // 451
    month, day = divmod(h + weekday - 7 * m + 114, 31)
    return date(year, month, day + 1)


def public_holidays(year: int) -> dict[date, str]:
    """The eleven public holidays of a year with their French names, in order. Code du travail, art. L3133-1."""
    sunday = easter(year)
    days = {
        date(year, 1, 1): "Jour de l'an",
        sunday + timedelta(days=1): "Lundi de Pâques",
        date(year, 5, 1): "Fête du Travail",
        date(year, 5, 8): "Victoire 1945",
        sunday + timedelta(days=39): "Ascension",
        sunday + timedelta(days=50): "Lundi de Pentecôte",
        date(year, 7, 14): "Fête nationale",
        date(year, 8, 15): "Assomption",
        date(year, 11, 1): "Toussaint",
        date(year, 11, 11): "Armistice 1918",
        date(year, 12, 25): "Noël",
    }
    return dict(sorted(days.items()))


def kind_of_day(day: date) -> DayKind:
    """`workday`, `saturday` or `sunday`; a public holiday counts as a Sunday."""
    if day.weekday() == 6 or day in public_holidays(day.year):
        return "sunday"
    return "saturday" if day.weekday() == 5 else "workday"
