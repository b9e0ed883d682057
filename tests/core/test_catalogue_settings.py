"""The catalogue and the settings: what is right is read, what is wrong is named, all at once."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalogue import Catalogue, load_catalogue, parse_duration
from engine.errors import InputError, Problem
from engine.settings import Settings, load_settings

GOOD = """
types:
  Lamp:
    about: {fr: lampe, en: lamp}
    source: ours
    properties:
      level: {unit: "1", range: [0, 1], stale_after: 15min}
      state: {kind: choice, choices: ["off", "on"], stale_after: 1h}
    points:
      level:
        unit: "1"
        minimum: 0
        maximum: 1
        safe: 1
        domain: lighting
        time_to_live: 30min
        verify: {property: level, tolerance: 0.02, within: 60 s}
"""
LOCK = "{id: dry, property: level, at_least: 1, otherwise: 2, text: {fr: eau, en: water}}"


def load(tmp_path: Path, text: str) -> Catalogue:
    path = tmp_path / "catalogue.yaml"
    path.write_text(text)
    return load_catalogue(path)


def test_the_shipped_catalogue_is_right(catalogue: Catalogue) -> None:
    assert "Streetlight" in catalogue.types
    for name, entry in catalogue.types.items():
        assert entry.about.fr and entry.about.en, name
        for label, measured in entry.properties.items():
            assert measured.stale_after > timedelta(0), (name, label)


def test_no_property_of_the_catalogue_could_hold_an_image_a_face_or_a_plate(catalogue: Catalogue) -> None:
    words = ("image", "photo", "face", "plate", "video", "person")
    names = [label.lower() for entry in catalogue.types.values() for label in entry.properties]
    assert not [name for name in names if any(word in name for word in words)]


def test_a_lamp_left_alone_is_lit(catalogue: Catalogue) -> None:
    assert catalogue.point("Streetlight", "illuminanceLevel").safe == 1.0


def test_a_right_catalogue(tmp_path: Path) -> None:
    envelope = load(tmp_path, GOOD).point("Lamp", "level").envelope
    assert (envelope.minimum, envelope.maximum, envelope.safe) == (0, 1, 1)
    assert envelope.verify_within == timedelta(seconds=60)


def test_bounds_of_a_choice_are_its_indices(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD).types["Lamp"].properties["state"].bounds == (0.0, 1.0)


OWN = GOOD.replace("safe: 1", "safe: 1\n        minimum_of: gives_w\n        maximum_of: takes_w")


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ({}, (0, 1, 1)),
        ({"takes_w": 0.4}, (0, 0.4, 0.4)),
        ({"takes_w": 3}, (0, 1, 1)),
        ({"takes_w": 0, "gives_w": 2}, (0, 0, 0)),
        ({"takes_w": "much", "gives_w": True}, (0, 1, 1)),
        ({"takes_w": float("nan")}, (0, 1, 1)),
        ({"takes_w": -1}, (0, 1, 1)),
    ],
)
def test_an_asset_is_asked_no_more_than_its_own_equipment_can(
    tmp_path: Path, told: dict[str, object], wanted: tuple[float, float, float]
) -> None:
    envelope = load(tmp_path, OWN).point("Lamp", "level").envelope_of(told)
    assert (envelope.minimum, envelope.maximum, envelope.safe) == wanted


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ({}, 0.2),
        ({"least_w": 0.1}, 0.2),
        ({"least_w": 0.4}, 0.4),
        ({"least_w": 0.4, "takes_w": 0.3}, 0.3),
        ({"least_w": 7}, 1),
        ({"least_w": "some"}, 0.2),
        ({"least_w": -1}, 0.2),
        ({"least_w": float("inf")}, 0.2),
    ],
)
def test_what_is_safe_is_no_less_than_an_asset_s_equipment_takes(
    tmp_path: Path, told: dict[str, object], wanted: float
) -> None:
    own = OWN.replace("safe: 1", "safe: 0.2\n        safe_from: least_w")
    envelope = load(tmp_path, own).point("Lamp", "level").envelope_of(told)
    assert (envelope.minimum, envelope.safe) == (0, wanted), "what may be asked is as before: 0 is to wait"


def test_what_an_asset_gives_bounds_it_below_nothing(tmp_path: Path) -> None:
    both = OWN.replace("minimum: 0", "minimum: -5")
    assert load(tmp_path, both).point("Lamp", "level").envelope_of({"gives_w": 2}).minimum == -2


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("range: [0, 1]", "range: [1, 0]", "lower bound first"),
        ("range: [0, 1]", "range: [0, 1], trace: 0.1", "trace 0.1 wants a value below the range, which begins at 0"),
        ("stale_after: 15min", "stale_after: soon", "a duration is"),
        ("stale_after: 15min", "", "'types.Lamp.properties.level.stale_after' is missing"),
        ('choices: ["off", "on"], ', "", "choices belong"),
        ("safe: 1", "safe: 2", "safe value 2.0"),
        ("safe: 1", f"safe: 1\n        interlocks: [{LOCK}]", "interlock dry: otherwise wants to lie in [0.0, 1.0]"),
        ("minimum: 0\n", "minimum: 0.5\n        maximum_of: takes_w\n", "minimum_of and maximum_of want 0 in [0.5, 1]"),
        ("property: level", "property: levle", "no property 'levle'"),
        ("tolerance: 0.02", "tolerance: -1", "greater than or equal to 0"),
        ("source: ours", "source: ours\n    colour: red", "unknown key 'types.Lamp.colour'"),
    ],
)
def test_wrong_catalogues_say_where_and_what(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, GOOD.replace(old, new))
    (problem,) = caught.value.problems
    assert said in str(problem)
    assert problem.line > 1


def test_all_problems_of_a_catalogue_at_once(tmp_path: Path) -> None:
    wrong = GOOD.replace("safe: 1", "safe: 2").replace("range: [0, 1]", "range: [1, 0]").replace("en: lamp", "de: x")
    with pytest.raises(InputError) as caught:
        load(tmp_path, wrong)
    assert len(caught.value.problems) == 4


@pytest.mark.parametrize(
    ("text", "seconds"), [("90 s", 90), ("15min", 900), ("1.5h", 5400), ("2 d", 172_800), ("0 s", 0)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "15", "min", "15 minutes", "-3 s", "1h30min", "1e3 s"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match=r"a duration is|could not convert"):
        parse_duration(text)


@given(st.integers(0, 10**6), st.sampled_from(["s", "min", "h", "d"]))
def test_durations_are_exact(number: int, unit: str) -> None:
    assert parse_duration(f"{number} {unit}") == parse_duration(f"{number}{unit}")


def test_settings_read_their_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSIGNE_DATABASE_URL", "postgresql://consigne@127.0.0.1/consigne")
    settings = load_settings()
    assert settings.database_url == "postgresql+psycopg://consigne@127.0.0.1/consigne"
    assert "database_url" in settings.model_fields_set


def test_wrong_settings_are_all_named_and_no_password_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSIGNE_DATABASE_URL", "mysql://root:hunter2@127.0.0.1/x")
    monkeypatch.setenv("CONSIGNE_MAX_ATTEMPTS", "0")
    with pytest.raises(InputError) as caught:
        load_settings()
    assert [p.source for p in caught.value.problems] == ["CONSIGNE_DATABASE_URL", "CONSIGNE_MAX_ATTEMPTS"]
    assert "hunter2" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().max_attempts = 4  # type: ignore[misc]


def test_problems_print_as_compilers_do() -> None:
    assert str(Problem("f.yaml", 3, 7, "is wrong", "mend it")) == "f.yaml:3:7 is wrong → mend it"
    assert str(Problem("f.yaml", 0, 0, "is not there")) == "f.yaml is not there"
