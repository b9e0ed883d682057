"""Calendar and sun: published facts, the two nights the clocks change, and truth and changes that always agree."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from astral import Observer
from astral.sun import elevation, sunrise, sunset
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from engine.calendar import SchoolCalendar, load_school_calendar, public_holidays, school_holiday
from engine.errors import InputError
from engine.instants import PARIS, from_us, to_us
from engine.rulebook.almanac import (
    Almanac,
    Atom,
    Dates,
    Hours,
    Place,
    PublicHoliday,
    SchoolHoliday,
    SunBetween,
    SunElevation,
    SunInstant,
    Weekdays,
)

FILE = Path(__file__).resolve().parents[2] / "datasets" / "reference" / "school_holidays.yaml"
SCHOOL = load_school_calendar(FILE)
ALMANAC = Almanac(SCHOOL)
ANGERS = Place(-0.5543, 47.4739)
TROMSO = Place(18.9553, 69.6492)
SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
DAYLIGHT = SunBetween(SunInstant("sunrise"), SunInstant("sunset"))
NIGHT = SunBetween(SunInstant("sunset"), SunInstant("sunrise"))


def us(text: str) -> int:
    """`2026-03-29T00:30Z`, or without Z the time a clock in Paris shows."""
    at = datetime.fromisoformat(text)
    return to_us(at if at.tzinfo else at.replace(tzinfo=PARIS))


def spans(atom: Atom, start: str, end: str, place: Place = ANGERS) -> list[tuple[str, str]]:
    """When an atom holds between two instants, in UTC to the second."""
    cuts = [us(start), *ALMANAC.changes(atom, place, us(start), us(end)), us(end)]
    return [(utc(a), utc(b)) for a, b in pairwise(cuts) if a < b and ALMANAC.truth(atom, place, a)]


def utc(at_us: int) -> str:
    return from_us(at_us).strftime("%m-%dT%H:%M:%S")


# Hours


def test_the_night_is_an_hour_short_in_spring_and_an_hour_long_in_autumn() -> None:
    night = Hours(22 * 3600, 6 * 3600)
    assert spans(night, "2026-03-28T12:00", "2026-03-29T12:00") == [("03-28T21:00:00", "03-29T04:00:00")]
    assert spans(night, "2026-10-24T12:00", "2026-10-25T12:00") == [("10-24T20:00:00", "10-25T05:00:00")]
    assert spans(night, "2026-07-13T12:00", "2026-07-14T12:00") == [("07-13T20:00:00", "07-14T04:00:00")]


def test_what_falls_in_the_repeated_hour_holds_twice() -> None:
    quarter = Hours(2 * 3600 + 1800, 2 * 3600 + 2700)
    assert spans(quarter, "2026-10-25T00:00", "2026-10-26T00:00") == [
        ("10-25T00:30:00", "10-25T00:45:00"),
        ("10-25T01:30:00", "10-25T01:45:00"),
    ]


def test_what_ends_in_the_repeated_hour_ends_twice() -> None:
    assert spans(Hours(3600, 2 * 3600 + 1800), "2026-10-25T00:00", "2026-10-26T00:00") == [
        ("10-24T23:00:00", "10-25T00:30:00"),
        ("10-25T01:00:00", "10-25T01:30:00"),
    ]


def test_what_falls_in_the_skipped_hour_never_holds() -> None:
    assert spans(Hours(2 * 3600 + 1800, 2 * 3600 + 2700), "2026-03-29T00:00", "2026-03-30T00:00") == []


def test_what_begins_or_ends_in_the_skipped_hour_is_cut_there() -> None:
    day = "2026-03-29T00:00", "2026-03-30T00:00"
    assert spans(Hours(2 * 3600 + 1800, 4 * 3600), *day) == [("03-29T01:00:00", "03-29T02:00:00")]
    assert spans(Hours(3600, 2 * 3600 + 1800), *day) == [("03-29T00:00:00", "03-29T01:00:00")]


@pytest.mark.parametrize("always", [Hours(0, 86_400), Hours(3600, 3600), Hours(0, 0), Weekdays(frozenset(range(7)))])
def test_what_always_holds_never_changes(always: Atom) -> None:
    assert ALMANAC.truth(always, ANGERS, us("2026-03-29T00:00")) is True
    assert ALMANAC.next_change(always, ANGERS, us("2026-03-01T00:00")) is None


def test_hours_are_half_open() -> None:
    lunch = Hours(12 * 3600, 14 * 3600)
    noon, two = us("2026-06-01T12:00"), us("2026-06-01T14:00")
    truths = [ALMANAC.truth(lunch, ANGERS, at) for at in (noon - 1, noon, two - 1, two)]
    assert truths == [False, True, True, False]
    assert ALMANAC.changes(lunch, ANGERS, noon - 1, two) == [noon, two]
    assert ALMANAC.changes(lunch, ANGERS, noon, two - 1) == []
    assert ALMANAC.next_change(lunch, ANGERS, noon) == two


# Days


@pytest.mark.parametrize(
    "atom", [PublicHoliday(), Dates((None, 7, 14), (None, 7, 14)), Dates((2026, 7, 14), (2026, 7, 14))]
)
def test_14_july(atom: Atom) -> None:
    assert spans(atom, "2026-06-01T00:00", "2026-08-01T00:00") == [("07-13T22:00:00", "07-14T22:00:00")]


def test_ascension_2026() -> None:
    assert spans(PublicHoliday(), "2026-05-10T00:00", "2026-05-20T00:00") == [("05-13T22:00:00", "05-14T22:00:00")]
    assert spans(SchoolHoliday(), "2026-05-10T00:00", "2026-05-20T00:00") == [("05-13T22:00:00", "05-17T22:00:00")]


def test_weekend() -> None:
    assert spans(Weekdays(frozenset({5, 6})), "2026-10-20T00:00", "2026-10-28T00:00") == [
        ("10-23T22:00:00", "10-25T23:00:00")
    ]


def test_dates_wrap_the_new_year() -> None:
    assert spans(Dates((None, 12, 15), (None, 1, 5)), "2026-12-01T00:00", "2027-02-01T00:00") == [
        ("12-14T23:00:00", "01-05T23:00:00")
    ]
    assert spans(Dates((2026, 12, 15), (2027, 1, 5)), "2026-01-01T00:00", "2029-01-01T00:00") == [
        ("12-14T23:00:00", "01-05T23:00:00")
    ]


def test_29_february_comes_in_leap_years() -> None:
    leap = Dates((None, 2, 29), (None, 2, 29))
    assert spans(leap, "2025-01-01T00:00", "2029-01-01T00:00") == [("02-28T23:00:00", "02-29T23:00:00")]
    assert ALMANAC.next_change(leap, ANGERS, us("2025-01-01T00:00")) is None


# School. The dates of zone B as the ministry and schools of the académie de Nantes publish them.


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2024-10-19", "2024-11-03"),
        ("2025-02-08", "2025-02-23"),
        ("2025-04-05", "2025-04-21"),
        ("2026-02-14", "2026-03-01"),
        ("2026-04-11", "2026-04-26"),
        ("2026-10-17", "2026-11-01"),
        ("2026-12-19", "2027-01-03"),
        ("2027-02-20", "2027-03-07"),
    ],
)
def test_school_holidays_of_zone_b(first: str, last: str) -> None:
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    days = [start + timedelta(days=k) for k in range((end - start).days + 1)]
    assert all(school_holiday(day, SCHOOL) is True for day in days)
    assert school_holiday(start - timedelta(days=1), SCHOOL) is False
    assert school_holiday(end + timedelta(days=1), SCHOOL) is False


def test_toussaint_2026() -> None:
    assert spans(SchoolHoliday(), "2026-09-05T00:00", "2026-12-01T00:00") == [("10-16T22:00:00", "11-01T23:00:00")]


def test_outside_the_covered_years_school_cannot_be_told() -> None:
    until = us("2027-09-01T00:00")
    assert ALMANAC.truth(SchoolHoliday(), ANGERS, until - 1) is True
    assert ALMANAC.truth(SchoolHoliday(), ANGERS, until) is None
    assert ALMANAC.truth(SchoolHoliday(), ANGERS, us("2024-09-01T23:59:59")) is None
    assert ALMANAC.changes(SchoolHoliday(), ANGERS, until - DAY, until + DAY) == [until]
    assert ALMANAC.next_change(SchoolHoliday(), ANGERS, until) is None


def test_the_file_holds_three_school_years_that_begin_on_a_day_off() -> None:
    names = [holiday.name.en for holiday in SCHOOL.holidays]
    assert names == ["All Saints", "Christmas", "Winter", "Spring", "Ascension", "Summer"] * 3
    for holiday in SCHOOL.holidays:
        ascension = holiday.name.en == "Ascension"
        assert holiday.first.weekday() == (3 if ascension else 5), holiday
        assert not ascension or public_holidays(holiday.first.year)[holiday.first] == "Ascension"


def test_each_almanac_reads_its_own_school_calendar() -> None:
    empty = SchoolCalendar(source="none", covered_from=date(2026, 1, 1), covered_until=date(2026, 12, 31), holidays=())
    at = us("2026-10-20T12:00")
    assert ALMANAC.truth(SchoolHoliday(), ANGERS, at) is True
    assert Almanac(empty).truth(SchoolHoliday(), ANGERS, at) is False


# Sun


GOLDEN, NANTES = Place(-105.1786, 39.742476), Place(-1.5536, 47.2184)


@pytest.mark.parametrize(
    ("place", "published", "up", "within_s"),
    [
        # Reda and Andreas, Solar Position Algorithm, NREL/TP-560-34302, the example of its appendix: Golden, Colorado,
        # 17 October 2003 UT, 06:12:43 and 17:20:19 local time; that sunset is on the evening of the 16th there.
        (GOLDEN, "2003-10-17T13:12:43Z", True, 30),
        (GOLDEN, "2003-10-17T00:20:19Z", False, 30),
        # France 3 Pays de la Loire, forecast for 13 June 2018 in Nantes: to the minute.
        (NANTES, "2018-06-13T06:11", True, 90),
        (NANTES, "2018-06-13T22:03", False, 90),
    ],
)
def test_sunrise_and_sunset_are_those_published(place: Place, published: str, up: bool, within_s: int) -> None:
    (found,) = ALMANAC.changes(DAYLIGHT, place, us(published) - 2 * HOUR, us(published) + 2 * HOUR)
    assert ALMANAC.truth(DAYLIGHT, place, found) is up
    assert abs(found - us(published)) <= within_s * SECOND


def test_elevation_is_the_one_published() -> None:
    """39.872046° without refraction at 12:30:30 local time, NREL/TP-560-34302, table A5.1 (e0)."""
    at = us("2003-10-17T19:30:30Z")
    assert ALMANAC.truth(SunElevation(below=False, degrees=39.86), GOLDEN, at) is True
    assert ALMANAC.truth(SunElevation(below=True, degrees=39.89), GOLDEN, at) is True


@given(st.dates(date(2024, 1, 1), date(2028, 12, 31)), st.floats(-2, 1), st.floats(46.5, 48.5))
def test_sunrise_and_sunset_are_those_of_the_lighting_plan(day: date, lon: float, lat: float) -> None:
    observer, place = Observer(lat, lon), Place(lon, lat)
    expected = [to_us(event(observer, date=day).replace(microsecond=0)) for event in (sunrise, sunset)]
    assert ALMANAC.changes(DAYLIGHT, place, expected[0] - HOUR, expected[1] + HOUR) == expected


def test_offsets_move_both_ends_across_midnight() -> None:
    down, up = ALMANAC.changes(NIGHT, ANGERS, us("2026-03-28T12:00"), us("2026-03-29T12:00"))
    wider = SunBetween(SunInstant("sunset", -1800), SunInstant("sunrise", 900))
    moved = ALMANAC.changes(wider, ANGERS, us("2026-03-28T12:00"), us("2026-03-29T12:00"))
    assert moved == [down - 30 * MINUTE, up + 15 * MINUTE]
    assert all(ALMANAC.truth(wider, ANGERS, at) for at in range(moved[0], moved[1], 7 * MINUTE))
    assert ALMANAC.truth(wider, ANGERS, moved[1]) is False


def test_from_sunset_to_sunset_is_always() -> None:
    sunset_ = SunInstant("sunset")
    assert ALMANAC.next_change(SunBetween(sunset_, sunset_), ANGERS, us("2026-06-01T00:00")) is None
    assert ALMANAC.truth(SunBetween(sunset_, sunset_), ANGERS, us("2026-06-01T12:00")) is True


def test_at_the_solstice_the_night_of_angers_is_astronomical_but_not_20_degrees_deep() -> None:
    start, end = "2026-06-20T12:00", "2026-06-21T12:00"
    ((dusk, dawn),) = spans(SunElevation(below=True, degrees=-18), start, end)
    assert "06-20T22:30:00" < dusk < dawn < "06-21T02:00:00"
    assert spans(SunElevation(below=True, degrees=-20), start, end) == []
    assert spans(SunElevation(below=False, degrees=67), start, end) == []


def test_civil_twilight_lasts_half_an_hour_or_so() -> None:
    (down, _) = ALMANAC.changes(NIGHT, ANGERS, us("2026-10-24T12:00"), us("2026-10-25T12:00"))
    dusk = ALMANAC.next_change(SunElevation(below=True, degrees=-6), ANGERS, down)
    assert dusk is not None
    assert 28 * MINUTE < dusk - down < 33 * MINUTE


def test_midnight_sun_and_polar_night_go_on_as_they_began() -> None:
    summer, winter = us("2026-06-21T00:00"), us("2026-12-21T12:00")
    for light, dark in ((DAYLIGHT, NIGHT), (SunElevation(False, -0.833), SunElevation(True, -0.833))):
        assert [ALMANAC.truth(light, TROMSO, at) for at in (summer, winter)] == [True, False]
        assert [ALMANAC.truth(dark, TROMSO, at) for at in (summer, winter)] == [False, True]
    sets = ALMANAC.next_change(DAYLIGHT, TROMSO, summer)
    assert sets is not None
    assert us("2026-07-20T00:00") < sets < us("2026-07-30T00:00")  # the sun sets again there around 25 July


@given(st.floats(-180, 180), st.floats(-66, 66), st.floats(-25, 66), st.integers(us("2024-01-01"), us("2028-12-31")))
def test_elevation_agrees_with_the_one_computed_at_the_instant(lon: float, lat: float, limit: float, at: int) -> None:
    stands = elevation(Observer(lat, lon), from_us(at), with_refraction=False)
    assume(abs(stands - limit) > 0.1)
    assert ALMANAC.truth(SunElevation(below=False, degrees=limit), Place(lon, lat), at) is (stands > limit)
    assert ALMANAC.truth(SunElevation(below=True, degrees=limit), Place(lon, lat), at) is (stands < limit)


@given(st.floats(-18, 19), st.integers(2024, 2028), st.floats(-25, -15))
@settings(max_examples=30)
def test_no_crossing_around_midnight_is_lost_near_the_solstice(lon: float, year: int, limit: float) -> None:
    """Where dawn comes before 00:00 UTC, and where the night only just reaches the limit."""
    place, dark = Place(lon, 47.5), SunElevation(below=True, degrees=limit)
    midnight = us(f"{year}-05-10T00:00Z") - int(lon * 240) * SECOND
    for at in (midnight + day * DAY + by for day in range(80) for by in range(-HOUR, HOUR + 1, 10 * MINUTE)):
        stands = elevation(Observer(47.5, lon), from_us(at), with_refraction=False)
        if abs(stands - limit) > 0.02:
            assert ALMANAC.truth(dark, place, at) is (stands < limit)


# Truth and changes

places = st.builds(Place, lon=st.floats(-1.5, 0.5), lat=st.floats(47, 48))
anywhere = st.builds(Place, lon=st.floats(-180, 180), lat=st.floats(-90, 90))
seconds = st.one_of(st.integers(0, 86_399), st.sampled_from([0, 3600, 7200, 9000, 10_800, 79_200]))
sun_instants = st.builds(
    SunInstant, event=st.sampled_from(["sunrise", "sunset"]), offset_s=st.integers(-6 * 3600, 6 * 3600)
)
suns: st.SearchStrategy[Atom] = st.one_of(
    st.builds(SunBetween, start=sun_instants, end=sun_instants),
    st.builds(SunElevation, below=st.booleans(), degrees=st.one_of(st.floats(-25, 70), st.floats(-19.2, -18.9))),
)
days = st.dates(date(2024, 1, 1), date(2028, 12, 31))


def dates_of(pair: tuple[date, date], every_year: bool) -> Dates:
    first, last = pair if every_year else sorted(pair)
    years = (None, None) if every_year else (first.year, last.year)
    return Dates((years[0], first.month, first.day), (years[1], last.month, last.day))


calendars: st.SearchStrategy[Atom] = st.one_of(
    st.builds(Hours, start_s=seconds, end_s=st.one_of(seconds, st.just(86_400))),
    st.builds(Weekdays, days=st.frozensets(st.integers(0, 6), min_size=1)),
    st.just(PublicHoliday()),
    st.just(SchoolHoliday()),
    st.builds(dates_of, st.tuples(days, days), st.booleans()),
)
CLOCKS_CHANGE = [f"{day}T00:00" for day in ("2024-03-31", "2025-10-26", "2026-03-29", "2026-10-25", "2028-03-26")]
instants = st.one_of(
    st.integers(us("2024-01-01T00:00"), us("2028-12-31T00:00")),
    st.builds(lambda day, more: us(day) + more, st.sampled_from(CLOCKS_CHANGE), st.integers(-DAY, 6 * HOUR)),
    st.builds(lambda day: us(day.isoformat()), days),
)


def agree(atom: Atom, place: Place, start: int, end: int) -> None:
    """Truth flips at each change and nowhere else: looked at each minute, and a µs and a second around each change."""
    changes = ALMANAC.changes(atom, place, start, end)
    walked = [start]
    while (following := ALMANAC.next_change(atom, place, walked[-1])) is not None and following <= end:
        walked.append(following)
    assert walked[1:] == changes
    assert all(change % SECOND == 0 for change in changes)
    near = {change + by for change in changes for by in (-SECOND, -1, 0, 1, SECOND)}
    looked = sorted(at for at in {*range(start, end, MINUTE), *near, end} if start <= at <= end)
    truths = [ALMANAC.truth(atom, place, at) for at in looked]
    flips = [at for at, (before, now) in zip(looked[1:], pairwise(truths), strict=True) if now is not before]
    assert flips == changes


@given(st.one_of(calendars, suns), places, instants)
@example(SunElevation(True, -19.05), ANGERS, us("2026-06-20T12:00"))
@example(SchoolHoliday(), ANGERS, us("2027-08-31T00:00"))
@example(Hours(9000, 9900), ANGERS, us("2026-10-24T12:00"))
def test_truth_and_changes_agree(atom: Atom, place: Place, start: int) -> None:
    agree(atom, place, start, start + 2 * DAY)


@given(suns, anywhere, instants)
@settings(max_examples=50)
def test_truth_and_changes_agree_wherever_the_sun_is_looked_at(atom: Atom, place: Place, start: int) -> None:
    agree(atom, place, start, start + DAY)


def told(atom: Atom, at_us: int) -> bool | None:
    """The truth of a calendar atom, told the plain way."""
    local = from_us(at_us).astimezone(PARIS)
    second, day = local.hour * 3600 + local.minute * 60 + local.second, local.date()
    plain: dict[type, Callable[[Any], bool | None]] = {
        Hours: lambda a: a.start_s <= second < a.end_s if a.start_s < a.end_s else not a.end_s <= second < a.start_s,
        Weekdays: lambda a: local.weekday() in a.days,
        PublicHoliday: lambda _: day in public_holidays(day.year),
        SchoolHoliday: lambda _: school_holiday(day, SCHOOL),
        Dates: lambda a: (
            any(
                date(year, *a.first[1:]) <= day <= date(year + (a.first > a.last), *a.last[1:])
                for year in ([day.year - 1, day.year] if a.first[0] is None else [])
            )
            if a.first[0] is None
            else date(*a.first) <= day <= date(*a.last)
        ),
    }
    return plain[type(atom)](atom)


@given(calendars, instants)
def test_calendar_atoms_mean_what_a_calendar_and_a_clock_in_paris_show(atom: Atom, at: int) -> None:
    assume(not (isinstance(atom, Dates) and (2, 29) in {atom.first[1:], atom.last[1:]}))
    assert ALMANAC.truth(atom, ANGERS, at) is told(atom, at)


@given(sun_instants, sun_instants, places, instants)
def test_sun_between_holds_from_a_start_to_the_next_end(
    start: SunInstant, end: SunInstant, place: Place, at: int
) -> None:
    observer, today = Observer(place.lat, place.lon), from_us(at).astimezone(UTC).date()

    def all_of(instant: SunInstant) -> list[int]:
        event = sunrise if instant.event == "sunrise" else sunset
        near = (event(observer, date=today + timedelta(days=k)).replace(microsecond=0) for k in range(-3, 4))
        return [to_us(found) + instant.offset_s * SECOND for found in near]

    ends = all_of(end)
    held = any(begun <= at < min(stop for stop in ends if stop > begun) for begun in all_of(start) if begun <= at)
    assert ALMANAC.truth(SunBetween(start, end), place, at) is held


# What is refused


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: Place(181, 47), "longitude 181"),
        (lambda: Place(0, -91), "latitude -91"),
        (lambda: Place(0, float("nan")), "latitude nan"),
        (lambda: Hours(-1, 3600), "-1 s is no start"),
        (lambda: Hours(86_400, 3600), "86400 s is no start"),
        (lambda: Hours(0, 86_401), "86401 s is no end"),
        (lambda: Weekdays(frozenset({1, 7})), r"\[7\] are no days"),
        (lambda: Weekdays(frozenset()), "no day of the week"),
        (lambda: Dates((None, 2, 30), (None, 3, 1)), r"\(None, 2, 30\) is no day"),
        (lambda: Dates((2026, 2, 29), (2026, 3, 1)), r"\(2026, 2, 29\) is no day"),
        (lambda: Dates((2026, 2, 1), (None, 3, 1)), "one year; write both"),
        (lambda: Dates((2027, 2, 1), (2026, 3, 1)), "runs backwards"),
        (lambda: SunInstant("noon"), "neither sunrise nor sunset"),  # type: ignore[arg-type]
        (lambda: SunInstant("sunset", 6 * 3600 + 1), "larger than 6 h"),
        (lambda: SunElevation(True, -90.5), "elevation of -90.5"),
    ],
)
def test_an_atom_that_means_nothing_is_refused(build: Callable[[], object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        build()


def test_atoms_at_their_limits_are_accepted() -> None:
    atoms = {Hours(86_399, 86_400), Hours(86_399, 0), Dates((2026, 1, 1), (2026, 1, 1)), SunElevation(False, 90)}
    atoms |= {
        SunBetween(SunInstant("sunrise", -21_600), SunInstant("sunset", 21_600)),
        Dates((None, 2, 29), (None, 1, 1)),
    }
    assert len(atoms) == 6
    assert Place(-180, 90) == Place(-180.0, 90.0)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("last: 2026-11-01", "last: 2026-10-01", "2026-10-01 comes before first, 2026-10-17"),
        ("first: 2026-12-19", "first: 2026-10-30", "the one above it lasts until 2026-11-01"),
        ("covered_until: 2027-08-31", "covered_until: 2027-06-30", "is not within the covered days"),
        ("covered_until: 2027-08-31", "covered_until: 2023-06-30", "comes before covered_from"),
        ("first: 2026-10-17", "first: 2026-10-32", "holidays.12.first"),
        ("first: 2026-10-17", "from: 2026-10-17", "unknown key 'holidays.12.from'"),
        ("en: Summer}, ", "en: Summer, de: Sommer}, ", "unknown key 'holidays.5.name.de'"),
        ("source: >-", "note: >-", "'source' is missing"),
    ],
)
def test_a_wrong_school_calendar_is_refused_with_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = FILE.read_text()
    assert old in text
    path = tmp_path / "school_holidays.yaml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError) as raised:
        load_school_calendar(path)
    assert said in str(raised.value)
    assert "school_holidays.yaml:" in str(raised.value)


def test_every_wrong_holiday_is_told_at_once(tmp_path: Path) -> None:
    text = (
        FILE.read_text().replace("last: 2024-11-03", "last: 2024-10-03").replace("last: 2026-11-01", "last: 2026-12-24")
    )
    path = tmp_path / "school_holidays.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as raised:
        load_school_calendar(path)
    assert len(raised.value.problems) == 2
