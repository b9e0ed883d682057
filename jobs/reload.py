"""Rule files that change while the service runs: tried and made ready aside, taken over between two cycles."""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import structlog

from engine.errors import ConsigneError, InputError, Unavailable
from engine.instants import isoformat
from engine.rulebook import Almanac, DurableInference, Inference, Rulebook, load_rules
from engine.rulebook.loading import OWNERS
from engine.rulebook.scenarios import Outcome, run_scenarios
from engine.settings import Settings
from engine.store import Store, Unit
from jobs.bootstrap import Territory, almanac_of, engine_of, make_inference
from jobs.cycle import RulesAtWork

COPIES = "rules-previous"  # under data_dir: the files of the last versions, each in a folder named for it
IN_SERVICE = "rules/service"  # the key of what `consigne doctor` tells of the rules in service
_log = structlog.get_logger()
_KEPT = 5
_SHOWN = 5

Texts = Mapping[str, bytes]
Stamp = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of changed files: rules ready to be taken over, or what is wrong with them, a line each.

    Neither, where they say again what is in service.
    """

    ready: RulesAtWork | None = None
    problems: tuple[str, ...] = ()


class RuleFiles:
    """The rule files, looked at for changes. What they say then is tried before it is handed on."""

    def __init__(
        self, settings: Settings, territory: Territory, make: Callable[[], Inference] = make_inference
    ) -> None:  # fmt: skip
        self._folder, self._copies = settings.rules_dir, settings.data_dir / COPIES
        self._territory, self._make = territory, make
        self._almanac: Almanac = almanac_of(settings)
        self._stamp: Stamp = ()
        self._digest = ""

    def first(self) -> RulesAtWork:
        """The rules to begin with: where a file has a mistake, those last in service, and the first look tells it.

        Raises InputError with every problem of every file where none are kept.
        """
        stamp, texts = _stamp(self._folder), read_texts(self._folder)
        try:
            rulebook = load_rules(self._folder, self._territory.catalogue)
        except InputError as error:
            return self._made(self._last(error))
        self._stamp, self._digest = stamp, _digest(texts)
        self._keep(rulebook, texts)
        return self._made(rulebook)

    def _last(self, error: InputError) -> Rulebook:
        """The newest kept rules that load. Raises the error without any."""
        for copy in _newest_first(self._copies):
            with contextlib.suppress(InputError):
                rulebook = load_rules(copy, self._territory.catalogue)
                _log.error("rule files with mistakes: begins with the last in service", in_service=rulebook.version)
                return rulebook
        raise error

    def look(self, store: Store, running: Rulebook, now: datetime) -> Trial | None:
        """Try what the files say, where that has changed since the last look; None where it has not.

        Files that are written to meanwhile are looked at anew the next time.
        """
        stamp = _stamp(self._folder)
        if stamp == self._stamp:
            return None
        texts = read_texts(self._folder)
        digest = _digest(texts)
        trial = None if digest == self._digest else self._try(store, running, now)
        if _digest(read_texts(self._folder)) != digest:
            if trial is not None and trial.ready is not None:
                trial.ready.close()
            return None
        self._stamp, self._digest = stamp, digest
        if trial is not None and trial.ready is not None:
            self._keep(trial.ready.rulebook, texts)
        return trial

    def _try(self, store: Store, running: Rulebook, now: datetime) -> Trial:
        try:
            rulebook = load_rules(self._folder, self._territory.catalogue)
            if rulebook.version == running.version:
                return Trial()
            results = run_scenarios(self._folder, rulebook, self._territory.catalogue, self._almanac)
            failed = tuple(_failure(outcome) for outcome in results.outcomes if not outcome.passed)
            return Trial(problems=failed) if failed else self._rehearse(self._made(rulebook), store, now)
        except InputError as error:
            return Trial(problems=tuple(map(str, error.problems)))
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a file, the rules in service go on
            return Trial(problems=(f"{type(error).__name__}: {error}",))

    def _rehearse(self, rules: RulesAtWork, store: Store, now: datetime) -> Trial:
        """Rules that fail at their first look are not put in service either."""
        try:
            with store.read() as unit:
                failing = rules.rehearse(unit, now)
        except BaseException:
            rules.close()
            raise
        if not failing:
            return Trial(rules)
        rules.close()
        return Trial(problems=tuple(f"{rule} fails: {error}" for rule, error in failing.items()))

    def _keep(self, rulebook: Rulebook, texts: Texts) -> None:
        try:
            keep_copy(self._copies, rulebook.version, texts)
        except OSError as error:
            _log.warning("no copy of the rules kept, to roll back to", why=str(error))

    def _made(self, rulebook: Rulebook) -> RulesAtWork:
        # Each engine has an inference of its own: a program that is loaded takes the place of the one before.
        inference = self._make()
        return RulesAtWork(engine_of(rulebook, self._territory, self._almanac, inference), self._territory, inference)


def _failure(outcome: Outcome) -> str:
    found = "; ".join(f"{'expected' if wanted else 'found'} {text}" for wanted, text in outcome.differences())
    return f"{outcome.scenario.place} the scenario {outcome.scenario.name!r} fails: {found}"


# what is told of the rules in service


def announce(unit: Unit, rules: RulesAtWork, now: datetime) -> None:
    """Write down which rules are in service."""
    book, durable = rules.rulebook, isinstance(rules.inference, DurableInference)
    inference = "durable-rules" if durable else "the reference"
    said = {"rules": len(book.rules), "version": book.version, "inference": inference, "since": isoformat(now)}
    unit.state.put(IN_SERVICE, orjson.dumps(said | {"refused": None}))


def note_trial(unit: Unit, trial: Trial, now: datetime) -> None:
    """Write down why changed files were refused, or that they say again what is in service."""
    shown, more = list(trial.problems[:_SHOWN]), max(0, len(trial.problems) - _SHOWN)
    refused = {"at": isoformat(now), "problems": shown, "more": more} if shown else None
    unit.state.put(IN_SERVICE, orjson.dumps(in_service(unit) | {"refused": refused}))


def in_service(unit: Unit) -> dict[str, Any]:
    """What a service has written down last: rules, version, inference, since, refused. Empty where none ever ran."""
    found: dict[str, Any] = orjson.loads(unit.state.get(IN_SERVICE) or b"{}")
    return found


def differences(old: Rulebook, new: Rulebook) -> dict[str, Any]:
    """The two versions, and the rules that were added, removed and changed."""
    both = old.by_id.keys() & new.by_id.keys()
    return {
        "old": old.version,
        "new": new.version,
        "added": sorted(new.by_id.keys() - both),
        "removed": sorted(old.by_id.keys() - both),
        "changed": sorted(rule for rule in both if old.rule(rule).version != new.rule(rule).version),
    }


# the files themselves


def roll_back(settings: Settings) -> str:
    """Put the newest kept files that differ from the present ones back in their place; returns their version.

    A running service takes them up as it does any change. Raises ConsigneError where no others are kept.
    """
    present = read_texts(settings.rules_dir)
    for copy in _newest_first(settings.data_dir / COPIES):
        texts = read_texts(copy)
        if texts != present:
            for gone in present.keys() - texts.keys():
                (settings.rules_dir / gone).unlink(missing_ok=True)
            _write(settings.rules_dir, texts)
            return copy.name
    raise ConsigneError(f"{settings.data_dir / COPIES} keeps no other rules; nothing was changed")


def keep_copy(copies: Path, version: str, texts: Texts) -> None:
    """Keep the files of a version; of those kept before, the newest stay."""
    shutil.rmtree(copies / version, ignore_errors=True)
    _write(copies / version, texts)
    os.utime(copies / version)
    for old in _newest_first(copies)[_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def read_texts(folder: Path) -> dict[str, bytes]:
    """Every file of the rules by its path in the folder: owners, rules, scenarios. One just removed is left out."""
    found = {}
    for path in _files(folder):
        try:
            found[str(path.relative_to(folder))] = path.read_bytes()
        except FileNotFoundError:
            continue
        except OSError:
            found[str(path.relative_to(folder))] = b""  # loading it says what is wrong
    return found


def service_texts(settings: Settings, version: str) -> Texts:
    """The files of rules in service: those kept of their version, else those of the folder."""
    kept = settings.data_dir / COPIES / version
    return read_texts(kept if kept.is_dir() else settings.rules_dir)


def _write(folder: Path, texts: Texts) -> None:
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.part")
        draft.write_bytes(text)
        draft.replace(path)


def _files(folder: Path) -> list[Path]:
    return [*folder.glob(OWNERS), *sorted(folder.glob("*/*.yaml"))]


def _stamp(folder: Path) -> Stamp:
    """When each file was written to, and its size: a look that reads nothing."""
    found = []
    for path in _files(folder):
        try:
            seen = path.stat()
        except OSError:
            continue
        found.append((str(path), seen.st_mtime_ns, seen.st_size))
    return tuple(found)


def _digest(texts: Texts) -> str:
    content = orjson.dumps([[name, hashlib.sha256(texts[name]).hexdigest()] for name in sorted(texts)])
    return hashlib.sha256(content).hexdigest()


def _newest_first(copies: Path) -> list[Path]:
    return sorted(copies.glob("*"), key=lambda copy: copy.stat().st_mtime_ns, reverse=True)
