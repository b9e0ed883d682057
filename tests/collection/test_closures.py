"""The file of closures: what it may say, and what is told of mistakes."""

from datetime import datetime
from pathlib import Path

import pytest

from engine.errors import InputError
from jobs.collection.closures import load_closures

from .ground import ROOT, container

SCHOOL = """
closures:
  - id: school
    text: {fr: école, en: school}
    place: {around: {lat: 47.40, lon: -0.67, radius_m: 100}}
    from: 2026-09-01
    until: 2027-07-02
    hours: 08:15-09:00
    days: [mon, tue]
"""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_the_shipped_file_closes_nothing_and_no_file_neither(tmp_path: Path) -> None:
    assert load_closures(ROOT / "rules" / "closures.yaml") == ()
    assert load_closures(tmp_path / "closures.yaml") == ()


def test_a_school_is_closed_to_trucks_when_it_opens_on_its_days(tmp_path: Path) -> None:
    path = tmp_path / "closures.yaml"
    path.write_text(SCHOOL)
    (school,) = load_closures(path)

    assert school.place.holds(container("C1", 50), "49329")
    assert not school.place.holds(container("C2", 150), "49329")
    week = school.spans(at("2026-09-07T00:00+02:00"), at("2026-09-14T00:00+02:00"))
    assert [(a.isoformat(), b.isoformat()) for a, b in week] == [
        ("2026-09-07T06:15:00+00:00", "2026-09-07T07:00:00+00:00"),
        ("2026-09-08T06:15:00+00:00", "2026-09-08T07:00:00+00:00"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("hours: 08:15-09:00", "hours: 8h", "hours are two local times"),
        ("radius_m: 100", "radius_m: -1", "radius_m"),
        ("until: 2027-07-02", "until: 2026-07-02", "is before from"),
        ("    days: [mon, tue]", "    days: [mon, tue]\n    thru: true", "thru"),
        ("place: {around: {lat: 47.40, lon: -0.67, radius_m: 100}}", "place: {}\n    through: true", "place around"),
    ],
)
def test_each_mistake_is_told_at_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "closures.yaml"
    path.write_text(SCHOOL.replace(old, new))
    with pytest.raises(InputError, match=said) as caught:
        load_closures(path)
    assert all(problem.line > 1 for problem in caught.value.problems)


def test_two_of_one_id_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "closures.yaml"
    path.write_text(SCHOOL + SCHOOL.partition("closures:\n")[2])
    with pytest.raises(InputError, match="another closure's id"):
        load_closures(path)
