"""What the law allows drivers, as it is shipped, and what is wrong with other files."""

from math import inf
from pathlib import Path

import pytest

from engine.errors import InputError
from jobs.collection.working_time import load_working_time
from optimizers.routing import WorkRules

SHIPPED = Path(__file__).parents[2] / "datasets" / "reference" / "working_time.yaml"
HOUR_S, MIN_S = 3600.0, 60.0


def test_the_figures_of_the_law() -> None:
    """561/2006 articles 6 and 7, 2002/15 article 5, Code du travail L3121-16 and L3121-18."""
    rules = {one.id: one for one in load_working_time(SHIPPED)}
    assert rules["driver-9h"] == WorkRules(
        id="driver-9h", longest_drive_s=4.5 * HOUR_S, drive_break_s=45 * MIN_S, split_s=(15 * MIN_S, 30 * MIN_S),
        most_drive_s=9 * HOUR_S, longest_work_s=6 * HOUR_S, work_break_s=30 * MIN_S, most_work_s=9 * HOUR_S,
    )  # fmt: skip
    assert (rules["driver-10h"].most_work_s, rules["driver-10h"].work_break_s) == (10 * HOUR_S, 45 * MIN_S)
    for name in ("agent", "household-waste"):
        assert rules[name] == WorkRules(
            id=name, longest_work_s=6 * HOUR_S, work_break_s=20 * MIN_S, most_work_s=10 * HOUR_S
        )
        assert rules[name].longest_drive_s == inf


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: {law: [x], longest_drive: 4h}", "wants both longest_drive and drive_break"),
        ("a: {law: [x], work_break: 30min}", "wants both longest_work and work_break"),
        (
            "a: {law: [x], longest_drive: 4h, drive_break: 45min, split: [15min, 15min]}",
            "come to less than drive_break: 45 min are wanted",
        ),
        ("a: {law: [], most_drive: 9h}", "a.law"),
        ("a: {law: [x], most_drive: nine hours}", "a.most_drive"),
        ("a: {law: [x], most_driving: 9h}", "unknown key 'a.most_driving'"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_place(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "working_time.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(InputError, match=told) as refused:
        load_working_time(path)
    assert f"{path}:1:" in str(refused.value)
