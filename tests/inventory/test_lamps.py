"""What a lamp must say of itself."""

import csv
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.inventory.lamps import CLASS_LEVELS, LampAttributes, known_class, read_lamp

GOOD: dict[str, Any] = {
    "segment": "SEG-1",
    "order": 0,
    "road_class": "main",
    "dimmable": True,
    "power_w": 72.0,
    "standby_w": 0.5,
    "flux_curve": "led-a",
    "class_full": "M3",
    "luminance_full": 1.0,
    "class_normal": "M4",
    "counter": "T-1",
    "speed_kmh": 50.0,
    "composition": "mixed",
    "parked_vehicles": False,
    "ambient": "moderate",
    "crossing": False,
}


def problems(**changed: Any) -> list[dict[str, Any]]:
    """Errors of a lamp with some attributes changed; a value of ... leaves the key out."""
    merged = {key: value for key, value in (GOOD | changed).items() if value is not ...}
    try:
        LampAttributes.model_validate(merged)
    except ValidationError as error:
        return [dict(item) for item in error.errors()]
    return []


def test_a_sound_lamp_has_nothing_wrong() -> None:
    assert problems() == []


def test_other_keys_are_allowed() -> None:
    assert problems(colour_temperature_k=2700) == []


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("power_w", 0.6, 0.0),
        ("power_w", 2000.0, 2000.1),
        ("power_w", 36, -36),
        ("power_w", 1.0, float("nan")),
        ("power_w", 1.0, float("inf")),
        ("power_w", 1.0, "36"),
        ("standby_w", 0.0, -0.1),
        ("standby_w", 50.0, 50.1),
        ("luminance_full", 1.0, 0.999),
        ("order", 0, -1),
        ("order", 3, 3.5),
        ("segment", "x", ""),
        ("counter", "T", ""),
        ("flux_curve", "led-a", ""),
        ("speed_kmh", 0.5, 0.0),
        ("speed_kmh", 130.0, 131.0),
        ("road_class", "path", "motorway"),
        ("composition", "cyclists", "cars"),
        ("ambient", "low", "dark"),
        ("dimmable", False, 1),
        ("parked_vehicles", True, "yes"),
        ("crossing", True, 0),
        ("area_m2", 0.1, 0.0),
        ("flux_lm", 4200.0, float("nan")),
        ("cct_k", 3000, "warm"),
        ("ulr", 0.0, 1.01),
        ("maintenance_factor", 0.5, 0.49),
        ("maintenance_factor", 1.0, 1.01),
        ("burning_h", 0.0, -1.0),
        ("installed", "2024-02-29", "2023-02-29"),
        ("clo", True, 1),
        ("detector", "D-1", ""),
        ("class_full", "M1", "M0"),
        ("class_full", "M2", "m2"),
        ("class_normal", "M6", "M7"),
        ("class_normal", "C5", "C6"),
        ("class_normal", "P7", "P8"),
    ],
)
def test_bounds(key: str, good: Any, bad: Any) -> None:
    full = {"luminance_full": 2.0} if key == "class_full" else {}
    assert problems(**{key: good}, **full) == []
    assert len(problems(**{key: bad}, **full)) == 1


@pytest.mark.parametrize("key", list(GOOD))
def test_every_key_is_needed(key: str) -> None:
    found = problems(**{key: ...})
    assert [(item["type"], item["loc"]) for item in found] == [("missing", (key,))]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ME1", "M1"),
        ("ME3a", "M3"),
        ("ME3c", "M3"),
        ("ME4a", "M4"),
        ("ME4b", "M4"),
        ("MEW2", "M2"),
        ("CE0", "C0"),
        ("CE2", "C2"),
        ("S1", "P1"),
        ("S3", "P3"),
        ("S7", "P7"),
    ],
)
def test_classes_of_2003_are_refused_with_those_of_2015(old: str, new: str) -> None:
    with pytest.raises(ValueError, match=f"{old}.* 2003|2003.*") as caught:
        known_class(old)
    assert str(caught.value).endswith(f"→ since 2015 it is {new}")


@given(st.text(max_size=4))
def test_any_other_name_is_refused_with_the_list(name: str) -> None:
    if name in CLASS_LEVELS:
        assert known_class(name) == name
    else:
        with pytest.raises(ValueError, match="→"):
            known_class(name)


@pytest.mark.parametrize(("full", "normal"), [("M3", "M2"), ("M3", "M6"), ("M3", "C2"), ("M3", "P1")])
def test_a_lamp_may_be_too_small_for_its_street(full: str, normal: str) -> None:
    assert problems(class_full=full, class_normal=normal) == []


@given(st.sampled_from(sorted(set(CLASS_LEVELS) - {"P7"})), st.floats(0.01, 3.0))
def test_full_flux_gives_at_least_its_class(name: str, share: float) -> None:
    level = CLASS_LEVELS[name]
    found = problems(class_full=name, class_normal=name, luminance_full=level * share)
    assert bool(found) == (level * share < level)


@pytest.mark.reference
@pytest.mark.parametrize(("family", "column"), [("M", "L_avg_min_cd_m2"), ("C", "E_avg_min_lx"), ("P", "E_avg_min_lx")])
def test_levels_are_those_of_the_standard(reference: Path, family: str, column: str) -> None:
    with (reference / "lighting" / f"en13201-2_2015_{family}.csv").open(encoding="utf-8") as file:
        published = {row["class"]: float(row[column]) for row in csv.DictReader(file)}
    ours = {name: level for name, level in CLASS_LEVELS.items() if name[0] == family and name != "P7"}
    assert ours == published


def told(**changed: Any) -> list[tuple[str, str]]:
    lamp, wrong = read_lamp(GOOD | changed)
    assert (lamp is None) == bool(wrong)
    return wrong


@pytest.mark.parametrize(
    ("changed", "what", "hint"),
    [
        ({"power_w": 0.5}, "standby_w 0.5 is not under power_w 0.5", "measure again"),
        ({"luminance_full": 0.9}, "luminance_full 0.9 is under the 1 of M3", "measure again, or lower class_full"),
        (
            {"burning_h": 9.0, "installed": "2024-01-01"},
            "burning_h and installed say the same twice",
            "keep burning_h, which was counted",
        ),
        ({"boost": 0.5}, "boost and hold_s belong to a lamp with a detector", "name its detector"),
        ({"hold_s": 30.0}, "boost and hold_s belong to a lamp with a detector", "name its detector"),
        (
            {"detector": "D-1", "dimmable": False},
            "a lamp that cannot dim cannot brighten",
            "take its detector away",
        ),
        (
            {"detector": "D-1", "boost": 70.0},
            "boost 70 is outside 0 to 1, the scale 'share'",
            "it looks like per cent: say so in its scale, or divide by 100",
        ),
        (
            {"detector": "D-1", "boost": 229.0},
            "boost 229 is outside 0 to 1, the scale 'share'",
            "it looks like a level of a DALI bus: say so in its scale",
        ),
        (
            {"detector": "D-1", "boost": 0.7, "level_scale": "dali-log"},
            "boost 0.7 lies between two levels of a DALI bus",
            "give a whole number",
        ),
    ],
)
def test_what_contradicts_itself_is_told(changed: dict[str, Any], what: str, hint: str) -> None:
    assert told(**changed) == [(what, hint)]


def test_all_contradictions_of_a_lamp_are_told_at_once() -> None:
    wrong = told(luminance_full=0.5, standby_w=50.0, power_w=40.0, boost=0.5, burning_h=1.0, installed="2020-01-01")
    assert len(wrong) == 4


@pytest.mark.parametrize(
    ("boost", "scale", "flux"),
    [(None, "share", None), (0.5, "share", 0.5), (50, "percent", 0.5), (127, "dali-linear", 0.5), (254, "dali-log", 1)],
)
def test_boost_is_read_in_its_scale(boost: float | None, scale: str, flux: float | None) -> None:
    lamp, _ = read_lamp(GOOD | {"detector": "D-1", "boost": boost, "level_scale": scale})
    assert lamp is not None
    assert lamp.boost_flux == flux
