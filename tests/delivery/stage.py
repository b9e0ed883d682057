"""What the shows need: a made town in a database, equipment and senders as processes, and one who wants."""

import json
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from engine.catalogue import load_catalogue
from engine.model import Command, CommandState, Level, Program, Slot
from engine.store import Store
from jobs.bootstrap import Territory, read_territory
from jobs.settling import settle_points
from tests.journeys.conftest import environment
from twin.gateway.faults import Fault, save_faults
from twin.gateway.town import made_town, names_of

ROOT = Path(__file__).resolve().parents[2]
VALUES = (0.2, 0.35, 0.5, 0.65, 0.8)


@dataclass
class Stage:
    """A town of lamps whose commands live `life_s` and are to be confirmed within `verify_s`."""

    folder: Path
    database_url: str
    broker_url: str
    gateways: str
    points_per: int
    life_s: float
    verify_s: float = 2.0
    variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.effects = self.folder / "effects.jsonl"
        self.catalogue = _hurried(self.folder / "datasets", self.life_s, self.verify_s)
        self.store = Store.open(self.database_url, create=True)
        self.store.upgrade()
        catalogue = load_catalogue(self.catalogue)
        town = made_town(names_of(self.gateways), self.points_per)
        with self.store.begin() as unit:
            unit.inventory.save(town.communes, town.zones, town.assets, catalogue)
        self.territory: Territory = read_territory(self.store, catalogue)
        self.wanted: dict[str, float] = {}

    @contextmanager
    def equipment(self, faults: Sequence[Fault], seed: int) -> "Iterator[subprocess.Popen[str]]":
        save_faults(faults, self.folder / "faults.json")
        words = ["twin.gateway", "--broker", self.broker_url, "--gateways", self.gateways, "--seed", str(seed)]
        words += ["--points-per", str(self.points_per), "--faults", str(self.folder / "faults.json")]
        process = self.start(*words, "--effects", str(self.effects), "--catalogue", str(self.catalogue))
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def sender(self, name: str) -> "subprocess.Popen[str]":
        where = {"CONSIGNE_DATABASE_URL": self.database_url, "CONSIGNE_BROKER_URL": self.broker_url}
        return self.start("jobs.cli", "serve", "--roles", "dispatch", "--name", name, **where)

    def start(self, module: str, *words: str, **variables: str) -> "subprocess.Popen[str]":
        """A process, not waited for: its first line says that it is at work."""
        variables |= {"CONSIGNE_DATASETS_DIR": str(self.folder / "datasets"), "PYTHONPATH": str(ROOT)} | self.variables
        with (self.folder / f"{module}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", module, *words], cwd=self.folder, env=environment(**variables),
                stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip

    def want(self, points: Sequence[str], rng: random.Random, at: datetime | None = None) -> int:
        """A rule wants another value of each of these points, now or at an instant. Returns how many commands came."""
        for point in points:
            self.wanted[point] = rng.choice([value for value in VALUES if value != self.wanted.get(point)])
        now = at or datetime.now(UTC)
        program = {point: Program.constant(self.wanted[point], now, now + timedelta(hours=1)) for point in points}
        with self.store.begin() as unit:
            unit.slots.put(
                [Slot(p, Level.RULE, "rule:show", program[p], now, "v1", "the show goes on") for p in points]
            )
            return settle_points(unit, self.territory, points, now)

    def want_again(self) -> int:
        """Settle every point as it stands: what came to nothing is asked again once its life is over."""
        with self.store.begin() as unit:
            return settle_points(unit, self.territory, self.wanted, datetime.now(UTC))

    def commands(self) -> list[Command]:
        with self.store.read() as unit:
            return unit.commands.in_states(list(CommandState))

    def newest(self) -> dict[str, Command]:
        with self.store.read() as unit:
            return unit.commands.newest(self.wanted)


def at_work(process: "subprocess.Popen[str]") -> dict[str, Any]:
    """Wait for the first line."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, f"ended with {process.wait()}"
    found: dict[str, Any] = json.loads(line)
    return found


def _hurried(folder: Path, life_s: float, verify_s: float) -> Path:
    """The shipped reference data, but for how long a lamp's command lives."""
    (folder / "reference").mkdir(parents=True)
    for file in (ROOT / "datasets" / "reference").iterdir():
        (folder / "reference" / file.name).write_bytes(file.read_bytes())
    path = folder / "reference" / "catalogue.yaml"
    catalogue = yaml.safe_load(path.read_text())
    point = catalogue["types"]["Streetlight"]["points"]["illuminanceLevel"]
    point["time_to_live"] = f"{life_s:g}s"
    point["verify"]["within"] = f"{verify_s:g}s"
    path.write_text(json.dumps(catalogue))
    return path
