"""The file of bounds: what it says, and every problem at its place."""

from datetime import timedelta
from pathlib import Path

import pytest

from engine.catalogue import Catalogue
from engine.errors import InputError
from engine.setpoints.limits import Load, load_blast

ROOT = Path(__file__).resolve().parents[2]
BOUNDS = """\
  counts_from: 10 %
  few: 5
  canary_above: {share: 10 %}
  approval_above: {share: 60 %}
  canary: 1 %
  stop_above: 5 %
  within: 15min
  approve_within: 1h
"""


def test_the_shipped_bounds(catalogue: Catalogue) -> None:
    blast = load_blast(ROOT / "rules" / "blast.yaml", catalogue)
    assert blast is not None
    lighting = blast.of("lighting")
    assert lighting.canary_above.load == Load(50_000.0, "W")
    assert (lighting.canary, lighting.stop_above, lighting.within) == (0.01, 0.05, timedelta(minutes=15))
    assert blast.of("health") is blast.otherwise
    domains = {domain for domain in blast.domains if blast.of(domain).canary == 0.01}
    assert domains == {"lighting", "irrigation", "collection", "water", "sewer", "energy"}


def test_without_a_file_nothing_is_held(tmp_path: Path, catalogue: Catalogue) -> None:
    assert load_blast(tmp_path / "blast.yaml", catalogue) is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("share: 60 %", "share: 6", "5:27 otherwise.approval_above.share: a share is from 0 % to 100 %"),
        ("share: 60 %", "share: 160 %", "5:27 otherwise.approval_above.share: a share is from 0 % to 100 %"),
        ("share: 60 %", "share: 6 %", "2:3 otherwise: approval_above.share is below canary_above.share"),
        ("share: 60 %", "share: 60 %, load: 5 furlong", "5:39 otherwise.approval_above.load: a load is a power"),
        ("canary: 1 %", "canary: 0 %", "6:11 otherwise.canary: Input should be greater than 0"),
        ("few: 5", "many: 5", "3:9 unknown key 'otherwise.many'"),
        ("within: 15min", "within: soon", "8:11 otherwise.within: a duration is a number"),
    ],
)
def test_what_is_wrong_is_named_at_its_place(
    old: str, new: str, said: str, tmp_path: Path, catalogue: Catalogue
) -> None:
    path = tmp_path / "blast.yaml"
    path.write_text("otherwise:\n" + BOUNDS.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        load_blast(path, catalogue)
    assert any(str(problem).startswith(f"{path}:{said}") for problem in caught.value.problems), caught.value


def test_domains_and_units_are_those_of_the_catalogue(tmp_path: Path, catalogue: Catalogue) -> None:
    path = tmp_path / "blast.yaml"
    inner = "\n".join("  " + line for line in BOUNDS.splitlines())
    wet = inner.replace("{share: 60 %}", "{share: 60 %, load: 20 m3/h}")
    path.write_text(f"otherwise:\n{BOUNDS}domains:\n  lightning:\n{inner}\n  lighting:\n{wet}\n")
    with pytest.raises(InputError) as caught:
        load_blast(path, catalogue)
    unknown, unit = sorted(problem.what for problem in caught.value.problems)
    assert unknown == "'lightning' is no domain"
    assert unit == "the load of lighting is power_w, which is not in m3/h"
