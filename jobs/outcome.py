"""What came of a night: counts, energy and under-lit lamp-time of plan and fixed program, as a table and a report."""

import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from engine.instants import PARIS, from_us, to_us
from engine.model import Command, CommandState
from engine.setpoints.points import Lockout
from engine.settings import Settings, language
from engine.store import Store, Unit
from jobs.bootstrap import Territory
from jobs.collection.morning import CollectionDay, measure_collection
from jobs.collection.saying import fraction_name
from jobs.energy.night import EnergyNight, energy_facts, measure_energy
from jobs.irrigation import tables as irrigation
from jobs.irrigation.night import WaterNight, measure_water
from jobs.lighting.reporting import By, LightingReport, Review, make_report, review, short_lines, to_json
from jobs.report import LampLine, Report, write_report
from jobs.words import Lang, change, labelled, number, percent, say
from optimizers.arrays import Ints

DEMO_FOLDER = Path("var/demo")
_TOLD = "lamp-failure"  # the rule worth asking about, where it rose
_DAY = timedelta(days=1)
_MOST_DRY = 5  # hydrozones told of


@dataclass(frozen=True)
class Policy:
    """How a way of lighting the night did: energy in Wh, shares (0…1) of lamp-time under the class needed."""

    energy_wh: float
    under_lit: float
    under_lit_deep: float


@dataclass(frozen=True)
class NightOutcome:
    """The table at the end of the demo.

    `locked_out`: cabinets that somebody worked on; `sent_meanwhile`: commands that left for their lamps then.
    `first`: commands that went ahead of the rest of large moves, and how many these were of.
    `runs`: entry of the schedule → how often it ran; `run_states`: in which states these runs are.
    `programs`: how many different ones the plan at noon asks for, at most in one cabinet, and how many that takes.
    `lanes`: lamps that brighten by themselves at a detector.
    `night`: its report by commune, as `consigne lighting report --json` gives it.
    `water`: what came of watering; None where none was planned. `ask_water`: how to ask why a valve opened, or did not.
    `energy`: what came of the day of buildings; None where none was planned. `ask_energy`: how to ask why a battery did
    what it did.
    `rounds`: what came of the next day's rounds; None where none were planned. `ask_rounds`: how to ask why a container
    was emptied, where a truck was in its round, and for all rounds.
    `rules`: how often each rule that rose did. `unexplained`: commands without an end, or with one that gives no
    reason.
    """

    received: int
    stored: int
    refused: dict[str, int]
    runs: dict[str, int]
    run_states: dict[str, int]
    rules: dict[str, int]
    alarms_raised: int
    alarms_cleared: int
    locked_out: int
    sent_meanwhile: int
    lamps: int
    programs: tuple[int, int, int | None]
    lanes: int
    first: tuple[int, int]
    commands: dict[str, int]
    acknowledged: int
    unexplained: int
    planned: Policy
    fixed: Policy
    night: dict[str, Any]
    water: WaterNight | None
    rounds: CollectionDay | None
    energy: EnergyNight | None
    origin: str
    report: Path
    ask: str
    ask_rule: str
    ask_report: str
    ask_water: str
    ask_rounds: tuple[str, ...]
    ask_energy: str

    @property
    def all_explained(self) -> bool:
        """Whether every reading was counted once and every command came to an end that says why."""
        return self.unexplained == 0 and self.received == self.stored + sum(self.refused.values())

    def as_json(self) -> dict[str, Any]:
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        water = None if self.water is None else asdict(self.water) | self.water.totals()
        return plain | {
            "planned": vars(self.planned), "fixed": vars(self.fixed), "report": str(self.report), "water": water,
            "rounds": None if self.rounds is None else asdict(self.rounds) | self.rounds.totals(),
            "energy": None if self.energy is None else self.energy.as_json(),
        }  # fmt: skip


def measure_night(
    store: Store, territory: Territory, settings: Settings, start: datetime, *, origin: str, folder: Path
) -> NightOutcome:
    """Read the night back from the store, write the report, and sum it up."""
    day = start.astimezone(PARIS).date()
    night, report = review(store, territory, settings, day), make_report(store, territory, settings, day, day)
    with store.read() as unit:
        totals = unit.readings.totals()
        runs = unit.ledger.between(start - _DAY, start + 2 * _DAY)
        alarms = unit.alarms.between(start, start + 2 * _DAY)
        decided = list(unit.audit.bodies("rules", "decide", start, start + 2 * _DAY))
        commands = unit.commands.in_states(list(CommandState))
        batches = [batch.facts for batch in unit.batches.list()]
        first = sum(facts["canary"] for facts in batches), sum(facts["commands"] for facts in batches)
        acknowledged, unexplained = _account(unit, commands)
        locked_out, sent_meanwhile = _lock_outs(unit, territory, commands, start)
        names = {commune.insee: commune.name for commune in unit.inventory.communes()}
        communes = {zone.id: names[zone.commune] for zone in unit.inventory.zones()}
        water = measure_water(unit, territory, irrigation.tables_of(settings), start, night.night.until)
        energy = measure_energy(unit, territory, settings, start, night.night.until, folder / "story.json")
        rounds = measure_collection(unit, territory, settings, day + _DAY, night.night.until)
    question = _question(folder)
    page = folder / "report.html"
    states = {command.point.split("/")[0]: command for command in sorted(commands, key=lambda c: c.seq)}
    outcome = NightOutcome(
        received=totals.received,
        stored=totals.stored,
        refused={str(reason): count for reason, count in totals.refused.items()},
        runs=dict(sorted(Counter(run.job for run in runs).items())),
        run_states=dict(Counter(run.state.value for run in runs)),
        rules=_risen(decided),
        alarms_raised=len(alarms),
        alarms_cleared=sum(alarm.cleared_at is not None for alarm in alarms),
        locked_out=locked_out,
        sent_meanwhile=sent_meanwhile,
        lamps=len(night.lamps),
        programs=(night.programs.all, night.programs.most, night.programs.takes),
        lanes=sum(bool(lamp.attributes.get("detector")) for lamp in night.lamps),
        first=first,
        commands=dict(sorted(Counter(command.state.value for command in commands).items())),
        acknowledged=acknowledged,
        unexplained=unexplained,
        planned=_policy(report, "planned", "under"),
        fixed=_policy(report, "fixed", "fixed_under"),
        night=to_json(report, By.COMMUNE),
        water=water,
        rounds=rounds,
        energy=energy,
        origin=origin,
        report=page,
        ask=f"{question} {_most_dimmed(night)}",
        ask_rule=_rule_question(question, decided),
        ask_report=question.replace(" why ", " lighting report "),
        ask_water="" if water is None else f"{question} {_most_watered(water)}",
        ask_energy="" if energy is None else f"{question} {energy.ask}",
        ask_rounds=() if rounds is None else tuple(_of_rounds(rounds, question)),
    )
    lang = language(settings)
    write_report(page, _report(night, outcome, question, states, communes, lang), lang)
    return outcome


def _account(unit: Unit, commands: Sequence[Command]) -> tuple[int, int]:
    """How many commands the equipment acknowledged, and how many have no end or an end without a reason."""
    acknowledged = unexplained = 0
    for command in commands:
        history = unit.commands.history(command.id)
        acknowledged += any(step.state is CommandState.ACKED for step in history)
        unexplained += not command.state.terminal or not history[-1].detail
    return acknowledged, unexplained


def _lock_outs(unit: Unit, territory: Territory, commands: Sequence[Command], start: datetime) -> tuple[int, int]:
    """How many lock-outs of equipment the night saw, and how many commands were sent to what they cover meanwhile."""
    lockouts = {point.id: point.lockout for point in territory.points.values() if point.lockout}
    spans = _locked(unit, territory, set(lockouts.values()), start)
    sent = 0
    for command in commands:
        locked = spans.get(lockouts[command.point], []) if command.point in lockouts else []
        if locked:
            left = [step.at for step in unit.commands.history(command.id) if step.state is CommandState.SENT]
            sent += sum(at <= instant < until for at, until in locked for instant in left)
    return len(spans), sent


def _locked(
    unit: Unit, territory: Territory, lockouts: set[Lockout], start: datetime
) -> dict[Lockout, list[tuple[datetime, datetime]]]:
    """From when to when each of those that were on at all was on."""
    names = {(lockout.watch.asset, lockout.watch.property): lockout for lockout in lockouts}
    series = {number: names[name] for number, name in territory.series_names.items() if name in names}
    end = start + 2 * _DAY
    said = unit.readings.history(list(series), to_us(start), to_us(end))
    spans: dict[Lockout, list[tuple[datetime, datetime]]] = {}
    for rows in said.partition_by("series"):
        lockout = series[rows["series"][0]]
        instants = [from_us(at) for at in rows["observed_at"]]
        for at, until, value in zip(instants, [*instants[1:], end], rows["value"], strict=True):
            if value == lockout.value:
                spans.setdefault(lockout, []).append((at, until))
    return spans


def _risen(decided: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Rule → how often it rose, over what rule cycles recorded."""
    rises = Counter(rule for said in decided for rule, _, truth, _ in said["edges"] if truth == "true")
    return dict(sorted(rises.items()))


def _policy(report: LightingReport, energy: str, under: str) -> Policy:
    (whole,) = report.lines(By.TERRITORY)
    found = whole.figures()
    return Policy(1000 * found[f"{energy}_kwh"], found[f"{under}_share"], found[f"{under}_deep_share"])


def _darkest(night: Review) -> Ints:
    """(n,) the slot in which each lamp burns lowest."""
    slots: Ints = np.argmin(np.where(night.night.burning, night.planned, np.inf), axis=1)
    return slots


def _most_dimmed(night: Review) -> str:
    """A lamp and an instant worth asking about."""
    slots = _darkest(night)
    lamp = int(np.argmin(night.planned[np.arange(len(slots)), slots]))
    at = night.night.slots[int(slots[lamp])].astimezone(PARIS)
    return f"{night.lamps[lamp].id} {at.isoformat(timespec='minutes')}"


def _most_watered(water: WaterNight) -> str:
    """A valve and an instant worth asking about: where most was to flow, as it was first to open."""
    valve = max(water.valves, key=lambda one: one.planned_m3)
    at = (valve.opens_at or water.start).astimezone(PARIS)
    return f"{valve.valve}/opening {at.isoformat(timespec='seconds')}"


def _of_rounds(found: CollectionDay, question: str) -> Iterator[str]:
    """How to ask of a container before its round, of a truck in the middle of its own, and of all rounds."""
    at = datetime.combine(found.day, time(7), PARIS).isoformat(timespec="minutes")
    container, truck, driving_at = found.ask
    yield f"{question} {container} {at}"
    yield f"{question} {truck}/stopNumber {driving_at.astimezone(PARIS).isoformat(timespec='minutes')}"
    yield question.replace(" why ", " collection rounds ")


def _question(folder: Path) -> str:
    """How to ask why of this demo, as it can be typed here."""
    found = Path(sys.argv[0])
    command = "consigne" if shutil.which("consigne") or found.name != "consigne" else str(_relative(found))
    return f"{command} why --demo" + ("" if folder == DEMO_FOLDER else f" --folder {folder}")


def _rule_question(question: str, decided: Sequence[Mapping[str, Any]]) -> str:
    """How to ask why of a rule that rose; where none did, how to test them all."""
    risen = [edge for said in decided for edge in said["edges"] if edge[2] == "true"]
    if not risen:
        return f"{question.partition(' why ')[0]} rules test"
    rule, asset, _, at = max(risen, key=lambda edge: (edge[0] == _TOLD, edge[3]))
    local = datetime.fromisoformat(at).astimezone(PARIS).isoformat(timespec="seconds")
    return f"{question.replace(' why ', ' rules why ')} {rule} {asset} {local}"


def _relative(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _counted(counts: Mapping[str, int], lang: Lang) -> str:
    return ", ".join(f"{name} {number(count, lang)}" for name, count in counts.items())


def _states(outcome: NightOutcome, lang: Lang) -> str:
    return ", ".join(f"{say(f'run_{name}', lang)} {number(n, lang)}" for name, n in outcome.run_states.items())


def _facts(outcome: NightOutcome, lang: Lang) -> list[tuple[str, str]]:
    refused = sum(outcome.refused.values())
    all_, most, takes = outcome.programs
    reasons = ", ".join(f"{name} {count}" for name, count in outcome.refused.items())
    facts = [
        ("readings_received", number(outcome.received, lang)),
        ("readings_stored", number(outcome.stored, lang)),
        ("readings_refused", f"{number(refused, lang)}{f' ({reasons})' if reasons else ''}"),
        ("runs", f"{_counted(outcome.runs, lang)} ({_states(outcome, lang)})"),
        ("rules_risen", _counted(outcome.rules, lang)),
        ("alarms_raised", number(outcome.alarms_raised, lang)),
        ("alarms_cleared", number(outcome.alarms_cleared, lang)),
        ("worked_on", number(outcome.locked_out, lang)),
        ("sent_meanwhile", number(outcome.sent_meanwhile, lang)),
        ("lamps_planned", say("lamps_lanes", lang, lamps=number(outcome.lamps, lang), lanes=outcome.lanes)),
        ("programs", say("programs_of", lang, all=all_, most=most, takes="–" if takes is None else takes)),
        ("canary", say("canary_first", lang, first=outcome.first[0], all=outcome.first[1])),
        ("commands_sent", number(sum(outcome.commands.values()), lang)),
        ("commands_acknowledged", number(outcome.acknowledged, lang)),
    ]
    rows = [(say(key, lang), value) for key, value in facts]
    rows += [(f"— {say(state, lang)}", number(count, lang)) for state, count in outcome.commands.items()]
    saved = 1 - outcome.planned.energy_wh / outcome.fixed.energy_wh
    planned, fixed = (f"{number(one.energy_wh / 1e3, lang, 1)} kWh" for one in (outcome.planned, outcome.fixed))
    rows.append((say("energy", lang), f"{planned} ({change(-saved, lang)})"))
    rows.append((say("energy_fixed", lang), fixed))
    for key, policy in (("under_lit", outcome.planned), ("under_lit_fixed", outcome.fixed)):
        deep = labelled("deep", lang, percent(policy.under_lit_deep, lang))
        rows.append((say(key, lang), f"{percent(policy.under_lit, lang)} ({deep})"))
    rows += [] if outcome.water is None else _water_facts(outcome.water, lang)
    rows += [] if outcome.energy is None else energy_facts(outcome.energy, lang)
    return rows if outcome.rounds is None else rows + _rounds_facts(outcome.rounds, lang)


def _water_facts(water: WaterNight, lang: Lang) -> list[tuple[str, str]]:
    """Water beside the timer's, and whoever got none, with the reason. One night says nothing of savings: ground that
    was left to dry is filled up in it."""
    planned, metered, lost, timer, mean = (
        f"{number(m3, lang, 1)} m³"
        for m3 in (water.planned_m3, water.metered_m3, water.lost_m3, water.timer_m3, water.timer_m3_day)
    )
    watered = sum(valve.watered for valve in water.valves)
    rows = [
        ("water_night", planned),
        ("water_metered", f"{metered} ({labelled('water_lost', lang, lost)})"),
        ("water_timer", f"{timer} ({labelled('water_timer_day', lang, mean)})"),
        ("zones_watered", say("some_of", lang, some=number(watered, lang), all=number(len(water.valves), lang))),
    ]
    dry = [(f"— {valve.valve}", valve.why_dry(lang)) for valve in water.valves if not valve.watered]
    told = [(say(key, lang), value) for key, value in rows] + dry[:_MOST_DRY]
    return [*told, (say("water_forbidden", lang), f"{number(water.forbidden_min, lang)} min")]


def _rounds_facts(found: CollectionDay, lang: Lang) -> list[tuple[str, str]]:
    """The morning's rounds beside fixed ones. One day says nothing of savings: which kind is due varies."""
    km, mean = (f"{number(value, lang, 1)} km" for value in (found.km, found.mean_fixed_km))
    each = ", ".join(
        f"{fraction_name(kind, lang)} {number(value, lang, 1)} km" for kind, value in found.fixed_km.items()
    )  # fmt: skip
    some = {"some": number(found.planned, lang), "all": number(found.containers, lang)}
    rows = [
        ("rounds_planned", f"{say('some_of', lang, **some)}, {km}"),
        ("rounds_trucks", number(found.trucks, lang)),
        ("rounds_again", number(found.plans - 1, lang)),
        ("rounds_emptied", f"{number(found.emptied, lang)}, {number(found.kg, lang)} kg"),
        ("rounds_full", f"{number(found.full_before, lang)} → {number(found.full_after, lang)}"),
        ("rounds_fixed", f"{mean} ({each})"),
    ]
    return [(say(key, lang), value) for key, value in rows]


def show_outcome(outcome: NightOutcome, lang: Lang, *, seconds: float) -> None:
    """The short table, the report's place, and the line to type next."""
    console = Console()
    table = Table(title=say("title", lang), show_header=False, title_justify="left")
    for name, value in _facts(outcome, lang):
        table.add_row(name, value)
    table.add_row(say("seconds", lang), f"{number(seconds, lang, 1)} s")
    console.print(table)
    for line in short_lines(outcome.night, lang):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    asked = (("report", str(outcome.report)), ("next", outcome.ask), ("then", outcome.ask_rule))
    water = (("then_water", outcome.ask_water),) if outcome.ask_water else ()
    energy = (("then_energy", outcome.ask_energy),) if outcome.ask_energy else ()
    rounds = tuple(zip(("then_container", "then_truck", "then_rounds"), outcome.ask_rounds, strict=False))
    for key, text in (*asked, *water, *energy, *rounds, ("whole_report", outcome.ask_report)):
        console.print(labelled(key, lang, text), markup=False, highlight=False, soft_wrap=True)


def _report(
    night: Review,
    outcome: NightOutcome,
    question: str,
    states: dict[str, Command],
    communes: dict[str, str],
    lang: Lang,
) -> Report:
    dark = night.night.burning
    fluxes = {"planned": night.planned, "fixed": night.fixed, "needed": night.needed}
    curves = {name: flux[:, dark].mean(axis=0) for name, flux in fluxes.items()}
    lamps = [
        LampLine(
            id=lamp.id,
            commune=communes[lamp.zone],
            lon=lamp.lon,
            lat=lamp.lat,
            road=str(lamp.attributes["road_class"]),
            lighting_class=str(lamp.attributes["class_normal"]),
            mean_flux=float(night.planned[row][dark].mean()),
            state=states[lamp.id].state.value if lamp.id in states else "—",
            at=night.night.slots[int(slot)],
        )
        for row, (lamp, slot) in enumerate(zip(night.lamps, _darkest(night), strict=True))
    ]
    slots = [at for at, lit in zip(night.night.slots, dark, strict=True) if lit]
    return Report(outcome.origin, question, _facts(outcome, lang), slots, curves, lamps)
