"""All scenarios of a folder, and whether they hold every rule from both sides."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.catalogue import Catalogue
from engine.rulebook.almanac import Almanac
from engine.rulebook.definitions import Rulebook
from engine.rulebook.loading import OWNERS
from engine.rulebook.plain import PlainEngine
from engine.rulebook.scenarios.playing import MakeEngine, Outcome, Stage, play
from engine.rulebook.scenarios.reading import read_scenarios


@dataclass(frozen=True)
class Coverage:
    """In how many scenarios that name it a rule rises, and in how many it is looked at and stays silent."""

    rule: str
    rising: int
    silent: int

    @property
    def complete(self) -> bool:
        return bool(self.rising and self.silent)


@dataclass(frozen=True)
class Results:
    """What came of every scenario, and how the rules are covered."""

    outcomes: tuple[Outcome, ...]
    coverage: tuple[Coverage, ...]

    @property
    def passed(self) -> bool:
        return all(outcome.passed for outcome in self.outcomes) and all(one.complete for one in self.coverage)


def run_scenarios(
    path: Path, rulebook: Rulebook, catalogue: Catalogue, almanac: Almanac, make_engine: MakeEngine = PlainEngine
) -> Results:
    """The scenarios of a folder of rules, with the coverage of all its rules; or of a part, with that of those named.

    Raises InputError with every problem of every scenario file.
    """
    scenarios = read_scenarios(path, rulebook, catalogue)
    stage = Stage(catalogue, almanac, make_engine)
    outcomes = tuple(play(scenario, rulebook, stage) for scenario in scenarios)
    named = {rule for scenario in scenarios for rule in scenario.rules}
    rules = [rule.id for rule in rulebook.rules if (path / OWNERS).is_file() or rule.id in named]
    return Results(outcomes, coverage(rules, outcomes))


def coverage(rules: Iterable[str], outcomes: Sequence[Outcome]) -> tuple[Coverage, ...]:
    """Of each rule, in the order given."""
    rising = Counter(rule for outcome in outcomes for rule in outcome.rose)
    silent = Counter(rule for outcome in outcomes for rule in outcome.silent)
    return tuple(Coverage(rule, rising[rule], silent[rule]) for rule in rules)
