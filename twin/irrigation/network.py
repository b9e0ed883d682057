"""An irrigation network in software: its valves on one pipe, a master valve, a meter, and what leaks."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from engine.instants import isoformat
from engine.model import Asset
from twin.faults import FaultKind, Faults
from twin.irrigation.valve import Valve

SERVICE_KPA = 400.0
"""Pressure while no more is drawn than the pipe carries: four bar, what sprinklers are laid out for."""

_HOUR = timedelta(hours=1)


class Network:
    """All of one network. Instants given to it must not go back: what flows is added up exactly as they pass.

    Sprinklers and drippers let through in the square root of their pressure. So where more is asked than the pipe
    carries, what flows is what it carries, each valve gets its share of that, and the pressure falls in its square.
    `flows_m3_h`: true flow of each open valve at full pressure, where it is not what its attributes say. `meter_m3`:
    what the meter shows at the start.
    """

    def __init__(
        self,
        asset: Asset,
        valves: Sequence[Asset],
        faults: Faults,
        start_at: datetime,
        *,
        flows_m3_h: Mapping[str, float] | None = None,
        meter_m3: float = 0.0,
    ) -> None:
        self.id = asset.id
        self.meter_m3 = meter_m3
        self.poured_m3 = {valve.id: 0.0 for valve in valves}
        self._capacity_m3_h = float(asset.attributes["capacity_m3_h"])
        known = flows_m3_h or {}
        self._full_m3_h = {valve.id: known.get(valve.id, float(valve.attributes["flow_m3_h"])) for valve in valves}
        self._leaks = tuple(fault for fault in faults.of(asset.id) if fault.kind is FaultKind.LEAK)
        self._master = Valve(
            asset, "masterValveOpening", faults.of(asset.id), self, rest=1.0, longest_open=None
        )  # fmt: skip
        self._valves = [Valve(valve, "opening", faults.of(valve.id), self) for valve in valves]
        self._at = start_at
        self._happened: dict[tuple[datetime, str, str], float] = {}
        self._shown = self._state()

    @property
    def points(self) -> Sequence[Valve]:
        return (self._master, *self._valves)

    def readings(self, at: datetime) -> list[dict[str, Any]]:
        """Openings, flows, pressure and meter now; before them each change since it was last asked, at its instant."""
        self.advance(at)
        changes = [
            {"asset": asset, "property": name, "value": value, "observed_at": isoformat(moment)}
            for (moment, asset, name), value in self._happened.items()
            if moment < at
        ]
        self._happened.clear()
        now = {**self._shown, (self.id, "waterConsumed"): round(self.meter_m3, 6)}
        return changes + [{"asset": asset, "property": name, "value": value} for (asset, name), value in now.items()]

    def advance(self, to: datetime) -> None:
        """Let time pass: water is added up change by change."""
        while (change := self._next_change(to)) < to:
            self._pass(change)
        if to > self._at:
            self._pass(to)

    def settle(self) -> None:
        """A valve was told something: move what moves at once."""
        for valve in self.points:
            valve.move(self._at)
        shown = self._state()
        for (asset, name), value in shown.items():
            if value != self._shown[asset, name]:
                self._happened[self._at, asset, name] = value
        self._shown = shown

    def _next_change(self, to: datetime) -> datetime:
        changes = [valve.next_change(self._at) for valve in self.points]
        changes += [at for leak in self._leaks for at in (leak.from_at, leak.until_at) if at > self._at]
        return min((at for at in changes if at is not None), default=to)

    def _pass(self, to: datetime) -> None:
        hours, flow = (to - self._at) / _HOUR, self._flow()
        for valve, through_m3_h in flow.valves_m3_h.items():
            self.poured_m3[valve] += through_m3_h * hours
        self.meter_m3 += flow.total_m3_h * hours
        self._at = to
        self.settle()

    def _flow(self) -> "_Flow":
        asked = {valve.id: valve.passes(self._at) * self._full_m3_h[valve.id] for valve in self._valves}
        leaking = sum(leak.flow_m3_h for leak in self._leaks if leak.active(self._at))
        wanted = sum(asked.values()) + leaking
        share = self._master.opening * min(1.0, self._capacity_m3_h / max(wanted, self._capacity_m3_h))
        return _Flow({valve: share * m3_h for valve, m3_h in asked.items()}, share * leaking, SERVICE_KPA * share**2)

    def _state(self) -> dict[tuple[str, str], float]:
        """What it shows of itself, meter apart."""
        flow = self._flow()
        shown = {
            (self.id, "flow"): round(flow.total_m3_h, 3),
            (self.id, "pressure"): round(flow.pressure_kpa, 1),
            (self.id, "masterValveOpening"): self._master.opening,
        }
        for valve in self._valves:
            shown[valve.id, "opening"] = valve.opening
            shown[valve.id, "flow"] = round(flow.valves_m3_h[valve.id], 3)
        return shown


class _Flow(NamedTuple):
    """What flows through each valve and off by leaks, and the pressure below the master valve."""

    valves_m3_h: dict[str, float]
    leak_m3_h: float
    pressure_kpa: float

    @property
    def total_m3_h(self) -> float:
        return sum(self.valves_m3_h.values()) + self.leak_m3_h
