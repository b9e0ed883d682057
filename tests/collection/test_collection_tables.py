"""The tables of waste collection: what they may say, and what is told of mistakes, all at once."""

from pathlib import Path

import pytest

from engine.errors import InputError
from engine.settings import Settings
from jobs.collection.tables import crew_rules, load_tables

from .ground import ROOT, TABLES

FILE = ROOT / "datasets" / "reference" / "collection.yaml"


def test_the_shipped_tables_speak_of_every_kind_of_waste_that_is_made() -> None:
    assert set(TABLES.fractions) == {"other", "paper", "glass"}
    assert 6 not in TABLES.service.weekdays
    assert TABLES.fill.slots == 42 * 4


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("days: [mon,", "days: [lundi,", "service.days"),
        ("compaction: 4.0", "compaction: 0.5", "compaction"),
        ("per_km_eur: 1.10", "per_km_eur: -1", "per_km_eur"),
        ("shift: 05:00-12:20", "shift: at dawn", "hours are two local times"),
        ('until: "10:30"', 'until: "07:30"', "is before from"),
        ("unload: 15 min", "unload: soon", "a duration is a number"),
        ("required_above: 0.5", "required_above: 50", "required_above"),
        ("load_quantile: 0.8", "load_quantile: 1", "load_quantile"),
        ("overflow_share: 0.003", "overflow_share: 0", "overflow_share"),
        ("lids:", "lid:", "lid"),
    ],
)
def test_each_mistake_is_told_at_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = FILE.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "collection.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=said):
        load_tables(path)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "collection.yaml"
    text = FILE.read_text(encoding="utf-8")
    path.write_text(text.replace("compaction: 4.0", "compaction: 0").replace("beside_m: 150", "beside_m: near"))
    with pytest.raises(InputError) as caught:
        load_tables(path)
    assert len(caught.value.problems) == 2
    assert all(problem.line > 10 for problem in caught.value.problems)


def test_crews_are_under_rules_that_there_are(tmp_path: Path) -> None:
    settings = Settings(datasets_dir=ROOT / "datasets", data_dir=tmp_path)
    (rules,) = crew_rules(settings, TABLES)
    assert rules.id == "driver-9h"
    assert rules.longest_drive_s == 4.5 * 3600

    trucks = TABLES.trucks.model_copy(update={"work": "pirates"})
    with pytest.raises(InputError, match=r"'pirates' is no set of rules.*driver-9h"):
        crew_rules(settings, TABLES.model_copy(update={"trucks": trucks}))
    free = TABLES.model_copy(update={"trucks": TABLES.trucks.model_copy(update={"work": None})})
    assert crew_rules(settings, free) == ()
