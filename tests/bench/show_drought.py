"""A drought level raised while valves are open: when each is told, closed and read back closed, and what `why` says.

    PYTHONPATH=. .venv/bin/python tests/bench/show_drought.py

400 valves on 40 networks, over an embedded broker, to a service and gateways that are processes of their own. Raises
SystemExit(1) where a valve is not verified closed within ten seconds of the file's change.
"""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from engine.catalogue import load_catalogue
from engine.instants import PARIS
from engine.inventory.model import Territory as Inventory
from engine.inventory.territory import save_territory
from engine.model import Asset, Command, CommandState, Commune, Level, Program, Slot, Zone
from engine.store import Store
from jobs.asking import REPLAN, URGENT
from jobs.bootstrap import Territory, read_territory
from jobs.cycle import CURSOR
from jobs.settling import settle_points
from tests.journeys.conftest import CONSIGNE, ROOT, environment
from twin.broker import EmbeddedBroker
from twin.effects import read_effects

WITHIN_S = 10.0
LEVEL = """
levels:
  - id: drought-crisis
    authority: {{fr: préfet de Maine-et-Loire, en: prefect of Maine-et-Loire}}
    number: "2026-214"
    dated: {today}
    level: crise
    from: {today}
    until: {today}
"""


@dataclass(frozen=True)
class Closing:
    """Seconds from the change of the file to each valve's command, its closing in the field, and its proof."""

    told_s: list[float]
    closed_s: list[float]
    verified_s: list[float]
    command: Command
    why: dict[str, Any]
    replan: dict[str, Any]


def main() -> None:
    with TemporaryDirectory() as folder:
        found = raised(Path(folder), networks=40, valves=10)
    print(f"{len(found.closed_s)} valves open; the level is raised to crisis by a change of rules/drought.yaml:")
    for name, seconds in (("told", found.told_s), ("closed", found.closed_s), ("verified", found.verified_s)):
        print(f"  {name:<9} first after {min(seconds):.1f} s, last after {max(seconds):.1f} s")
    print(f"  clauses   {', '.join(found.command.explanation['verdict']['clauses'])}")
    print(f"  why       {found.why['envelope']['reasons'][0]}")
    print(f"  replan    {json.dumps(found.replan)}")
    if max(found.verified_s) > WITHIN_S:
        raise SystemExit(1)


def raised(folder: Path, networks: int, valves: int) -> Closing:
    """Open every valve, raise the level, and wait until every one is verified closed."""
    shutil.copytree(ROOT / "rules", folder / "rules")
    (folder / "rules" / "schedules.yaml").write_text("schedules: {}\n")
    save_territory(_town(networks, valves), folder / "town")
    with EmbeddedBroker() as broker:
        where = {
            "CONSIGNE_BROKER_URL": broker.url, "CONSIGNE_RULES_DIR": str(folder / "rules"), "CONSIGNE_SETTLE_S": "0",
            "CONSIGNE_WORKERS": "1", "CONSIGNE_JITTER_S": "0", "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        run = _runner(folder, where)
        run("db", "upgrade")
        run("territory", "import", str(folder / "town"))
        store = Store.open(f"sqlite:///{folder / 'consigne.db'}")
        territory = read_territory(store, load_catalogue(ROOT / "datasets" / "reference" / "catalogue.yaml"))
        points = [name for name in territory.points if name.endswith("/opening")]
        gateways = ["twin.gateway", "--broker", broker.url, "--folder", str(folder / "town"), "--telemetry-s", "1"]
        gateways += [
            "--effects",
            str(folder / "effects.jsonl"),
            "--catalogue",
            f"{ROOT}/datasets/reference/catalogue.yaml",
        ]
        with _process(folder, where, *gateways), _process(folder, where, "jobs.cli", "serve"):
            _open(store, territory, points)
            _until(lambda: _all(store, points, 1.0), 120, "opened")
            _until(lambda: _decided(store), 120, "decided on")  # the first cycle knows of no orders before
            return _close(store, folder, points, run)


def _close(store: Store, folder: Path, points: list[str], run: Callable[..., str]) -> Closing:
    path = folder / "rules" / "drought.yaml"
    text = path.read_text().replace("levels: []\n", LEVEL.format(today=datetime.now(PARIS).date()).lstrip())
    began = datetime.now(UTC)
    path.write_text(text)
    _until(lambda: _all(store, points, 0.0), 60, "closed")
    with store.read() as unit:
        newest = unit.commands.newest(points)
        replan = json.loads(unit.state.get(REPLAN + "irrigation" + URGENT) or b"null")
    ours = {command.id: point for point, command in newest.items()}
    effects = read_effects(folder / "effects.jsonl")
    closed = {ours[one["id"]]: datetime.fromisoformat(one["at"]) for one in effects if one["id"] in ours}
    why = json.loads(run("why", points[0].partition("/")[0], "--json"))
    return Closing(
        [(one.issued_at - began).total_seconds() for one in newest.values()],
        [(at - began).total_seconds() for at in closed.values()],
        [(one.changed_at - began).total_seconds() for one in newest.values()],
        newest[points[0]],
        why,
        replan,
    )


def _town(networks: int, valves: int) -> Inventory:
    """Networks of valves with sprinklers on lawns, a gateway and a zone each."""
    commune = Commune("49007", "Angers", 157_555, -0.5514, 47.4736, 42.7)
    zones, assets = [], []
    for n in range(networks):
        zone, network, gateway = f"Z-49007-{n:03}", f"N-49007-{n:04}", f"GW-Z-49007-{n:03}"
        zones.append(Zone(zone, commune.insee))
        place = (zone, commune.lon, commune.lat)
        assets.append(Asset(network, "IrrigationNetwork", *place, None, gateway, {"capacity_m3_h": 2.5 * valves}))
        says = {"method": "sprinkler", "flow_m3_h": 2.0, "planting": "turf", "source": "river"}
        assets += [
            Asset(f"V-49007-{n:03}{v:02}", "IrrigationValve", *place, network, gateway, says) for v in range(valves)
        ]
    return Inventory((commune,), tuple(zones), tuple(assets))


def _open(store: Store, territory: Territory, points: list[str]) -> None:
    now = datetime.now(UTC)
    program = Program.constant(1.0, now, now + timedelta(hours=2))
    wants = [
        Slot(one, Level.DAY_AHEAD_PLAN, "plan:irrigation", program, now, "show", "tonight's plan") for one in points
    ]
    with store.begin() as unit:
        unit.slots.put(wants)
        settle_points(unit, territory, points, now)


def _all(store: Store, points: list[str], value: float) -> bool:
    with store.read() as unit:
        newest = unit.commands.newest(points)
    done = [one for one in newest.values() if one.program.steps[0][1] == value and one.state is CommandState.VERIFIED]
    return len(done) == len(points)


def _decided(store: Store) -> bool:
    with store.read() as unit:
        return unit.state.get(CURSOR) is not None


def _until(done: Callable[[], bool], within_s: float, what: str) -> None:
    deadline = time.monotonic() + within_s
    while not done():
        if time.monotonic() > deadline:
            raise SystemExit(f"not all valves {what} within {within_s:g} s")
        time.sleep(0.1)


def _runner(folder: Path, where: dict[str, str]) -> Callable[..., str]:
    def run(*words: str) -> str:
        return subprocess.run(
            [str(CONSIGNE), *words], cwd=folder, env=environment(**where), check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    return run


@contextmanager
def _process(folder: Path, where: dict[str, str], module: str, *words: str) -> Iterator[None]:
    """A process at work: its first line says so."""
    with (folder / f"{module}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *words], cwd=folder, env=environment(**where), stdout=subprocess.PIPE,
            stderr=log,
        )  # fmt: skip
    try:
        assert process.stdout is not None
        if not process.stdout.readline():
            raise SystemExit((folder / f"{module}.log").read_text())
        yield
    finally:
        process.terminate()
        process.communicate()


if __name__ == "__main__":
    main()
