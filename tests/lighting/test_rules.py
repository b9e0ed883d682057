"""What every rule of street lighting is held to, whoever writes it."""

from pathlib import Path

from engine.catalogue import load_catalogue
from engine.rulebook import load_rules
from engine.setpoints.orders import LAMP

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = load_catalogue(ROOT / "datasets" / "reference" / "catalogue.yaml")
RULES = load_rules(ROOT / "rules", CATALOGUE).rules


def test_no_rule_lowers_the_light() -> None:
    """A want stands above the plan, which asks for no more than people need: it may only add to that."""
    wants = {rule.id: rule.value for rule in RULES if (w := rule.definition.then.want) and w.point == LAMP[1]}
    assert len(wants) >= 3
    assert set(wants.values()) == {1.0}


def test_whatever_dims_lamps_again_goes_through_a_plan() -> None:
    replans = {rule.id for rule in RULES if (r := rule.definition.then.replan) and r.domain == "lighting"}
    assert {"road-wet-replan", "road-dried-replan"} <= replans
