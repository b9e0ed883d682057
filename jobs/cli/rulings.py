"""What came of scenarios and replays, as lines for people and as data for machines."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from engine.instants import isoformat
from engine.rulebook.scenarios import Happening, Outcome, Results
from engine.rulebook.sensitivity import Survivor
from jobs.replay import Comparison, Stretch, Tally
from jobs.standing import local
from jobs.words import Lang, say


class Moves(NamedTuple):
    """How many numbers were moved, and which moves no scenario noticed."""

    numbers: int
    survivors: tuple[Survivor, ...]


# Scenarios


def results_lines(results: Results, moves: Moves | None, words: Lang) -> list[str]:
    """Failures, the coverage of each rule, the sum; and what was moved unnoticed."""
    lines = [line for outcome in results.outcomes if not outcome.passed for line in _failure(outcome, words)]
    lines.append(f"{say('test_rule', words):<40} {say('test_rises', words):>8} {say('test_silent', words):>14}")
    for one in results.coverage:
        missing = "" if one.complete else f"  {say('test_missing', words)}"
        lines.append(f"{one.rule:<40} {one.rising:>8} {one.silent:>14}{missing}")
    passed = sum(outcome.passed for outcome in results.outcomes)
    lines.append(say("test_passed", words, passed=passed, all=len(results.outcomes)))
    if moves is not None:
        lines += [_survivor(one, words) for one in moves.survivors]
        lines.append(say("test_held", words, numbers=moves.numbers, survivors=len(moves.survivors)))
    return lines


def _survivor(one: Survivor, words: Lang) -> str:
    return say("test_survived", words, place=one.place, written=one.number.written.text, moved=one.moved)


def _failure(outcome: Outcome, words: Lang) -> Iterator[str]:
    yield say("test_failed", words, place=outcome.scenario.place, name=outcome.scenario.name)
    for expected, text in outcome.differences():
        yield f"  {say('test_expected' if expected else 'test_found', words):<9} {text}"


def results_json(results: Results, moves: Moves | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "passed": results.passed,
        "scenarios": [_outcome_json(outcome) for outcome in results.outcomes],
        "coverage": [{"rule": one.rule, "rising": one.rising, "silent": one.silent} for one in results.coverage],
    }
    if moves is not None:
        survivors = [{"place": s.place, "written": s.number.written.text, "moved": s.moved} for s in moves.survivors]
        found |= {"numbers": moves.numbers, "survivors": survivors}
    return found


def _outcome_json(outcome: Outcome) -> dict[str, Any]:
    scenario, differences = outcome.scenario, outcome.differences()
    return {
        "place": scenario.place,
        "name": scenario.name,
        "rules": scenario.rules,
        "passed": outcome.passed,
        "expected": [text for expected, text in differences if expected],
        "found": [text for expected, text in differences if not expected],
    }


# Replays


def comparison_lines(found: Comparison, stretch: Stretch, words: Lang) -> list[str]:
    """One line a rule and kind of thing it says, with the examples below."""
    lines = [say("replay_span", words, start=local(stretch.start), until=local(stretch.until))]
    if found.compared and not found.tallies:
        return [*lines, say("replay_same", words)]
    heads = ("replay_old", "replay_new", "replay_both") if found.compared else ("replay_count",)
    counts = "".join(f"{say(head, words):>18}" for head in heads)
    lines.append(f"{say('replay_rule', words):<40} {say('replay_kind', words):<10}{counts}")
    for (rule, kind), tally in found.tallies.items():
        numbers = (tally.old, tally.new, tally.both) if found.compared else (tally.new,)
        lines.append(f"{rule:<40} {kind:<10}{''.join(f'{number:>18}' for number in numbers)}")
        lines += [f"  - {local(one.at)}  {one.text}" for one in tally.only_old]
        lines += [f"  + {local(one.at)}  {one.text}" for one in tally.only_new]
    return lines


def comparison_json(found: Comparison, stretch: Stretch) -> dict[str, Any]:
    """Instants in RFC 3339; examples of what only one version says."""
    return {
        "from": isoformat(stretch.start),
        "to": isoformat(stretch.until),
        "compared": found.compared,
        "rules": found.rules,
        "differences": [_tally_json(rule, kind, tally) for (rule, kind), tally in found.tallies.items()],
    }


def _tally_json(rule: str, kind: str, tally: Tally) -> dict[str, Any]:
    counts = {"rule": rule, "says": kind, "old_only": tally.old, "new_only": tally.new, "both": tally.both}
    return counts | {"old_examples": _examples(tally.only_old), "new_examples": _examples(tally.only_new)}


def _examples(found: list[Happening]) -> list[dict[str, str]]:
    return [{"at": isoformat(one.at), "text": one.text} for one in found]
