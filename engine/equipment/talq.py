"""Lamps behind a TALQ gateway (Smart City Protocol 2.7), of which Consigne is a CMS.

A plan travels as control programs and a calendar, which the lamps follow without us. A want of the levels 1 to 12 is
an override command with an expiration, after which the lamp is back on its calendar.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Literal
from uuid import UUID

from engine.equipment.connections import File, Room, Site
from engine.equipment.http import AtOnce, HttpConnection, reading
from engine.equipment.inbox import Answer
from engine.equipment.single import answer
from engine.equipment.talq_gateway import Gateway, Library
from engine.equipment.talq_programs import Calendar, Unsayable, calendar_of, level, percent, talq_day
from engine.errors import InputError, Problem, Undelivered
from engine.instants import aware, isoformat
from engine.model import AckStatus, Command, Level, Program, ReadBack
from engine.ports import Capabilities, Clock
from engine.web import NoAnswer, NotSent

_LAMPS_AT_ONCE = 500  # in one request, which must be answered within the time-out


class TalqConnection(HttpConnection):
    """A gateway; `url` is what stands before /devices. `client` is our own TALQ address, a UUID.

    `devices` is a CSV file with the columns asset, device (its TALQ address) and function. The secret, if any, is sent
    as a bearer token. `point`: the one point of a lamp that is spoken of, a share of full light.
    """

    kind: Literal["talq"]
    client_address: UUID
    devices: File
    point: str = "illuminanceLevel"

    largest_answer: ClassVar[int] = 16 * 1024 * 1024  # all programs and calendars in one

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(expiry=False, key=False, round_trip=self.timeout)

    @contextmanager
    def open(self, site: Site) -> Iterator["TalqLink"]:
        with TalqLink(self, site.clock) as link:
            yield link

    @property
    def room(self) -> Room:
        """What `holds` states: of the one gateway at its other end, whatever gateways of ours that serves."""
        return replace(super().room, shared=True)

    def announced(self, site: Site) -> Room:
        with self.client() as web:
            gateway = Gateway(self.url, self.client_address, web, site.clock, self.secret())
            return Library(gateway).room()

    def probe(self) -> str:
        return f"{len(read_devices(self.devices))} lamps; {super().probe()}"


def read_devices(path: Path) -> dict[str, str]:
    """Asset → TALQ address of its lamp function. Raises InputError with every line that is wrong."""
    found: dict[str, str] = {}
    problems: list[Problem] = []
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        if rows.fieldnames != ["asset", "device", "function"]:
            what = f"begins with the columns {rows.fieldnames}"
            raise InputError([Problem(str(path), 1, 1, what, "write asset,device,function")])
        for row in rows:
            wrong = _wrong(row, found)
            if wrong:
                problems.append(Problem(str(path), rows.line_num, 1, wrong, "asset,device,function: each lamp once"))
            else:
                found[row["asset"]] = f"{UUID(row['device'])}/{row['function']}"
    if problems:
        raise InputError(problems)
    return found


def _wrong(row: Mapping[str, Any], before: Mapping[str, str]) -> str:
    if None in row or not all(row.values()):
        return "wants three values"
    if row["asset"] in before:
        return f"the asset {row['asset']!r} stands twice"
    try:
        UUID(row["device"])
    except ValueError:
        return f"the device address {row['device']!r} is no UUID"
    return ""


@dataclass(slots=True)
class _Order:
    """A command for one lamp: the level that overrides until when, and what the lamp follows otherwise.

    `ready`: nothing overrides it, or the gateway has taken the override.
    """

    command: Command
    address: str
    override: tuple[int, datetime] | None
    program: Program | None
    calendar: Calendar | None
    ready: bool


class TalqLink(AtOnce):
    """The `Link` to one gateway."""

    def __init__(self, connection: TalqConnection, clock: Clock) -> None:
        super().__init__(connection, clock)
        self._gateway = Gateway(connection.url, connection.client_address, self._web, clock, connection.secret())
        self._library = Library(self._gateway)
        self._lamps, self._point = read_devices(connection.devices), connection.point
        self._followed: dict[str, tuple[Program, str]] = {}  # by point: what it was last told to follow, and as what
        self._assigned: set[str] = set()  # every calendar that this process told some lamp to follow

    def send(self, commands: Sequence[Command]) -> None:
        """Overrides first, as they are what somebody waits for; then what is followed without us."""
        left = list(commands)
        try:
            orders = self._understood(left)
            left = [order.command for order in orders]
            failed = self._side_by_side([order for order in orders if order.override is not None], self._override)
            if failed:
                unknown = {order.command.id for order, error in failed if isinstance(error, NoAnswer)}
                left = [command for command in left if command.id not in unknown]
                raise NotSent(str(failed[0][1]))
            self._follow([order for order in orders if order.calendar is not None and order.ready])
        except NotSent as error:
            self._library.forget()
            raise Undelivered(str(error), [command.id for command in left]) from None
        except NoAnswer as error:
            self._library.forget()
            raise Undelivered(str(error), ()) from None  # what was not acknowledged stays so: a read-back decides
        except ValueError as error:
            self._inbox.put([f"TALQ gateway: {error}"])

    def _understood(self, commands: Iterable[Command]) -> list[_Order]:
        """Those that can be said to the gateway; the others are rejected."""
        orders: list[_Order] = []
        now = self._clock.now()
        for command in commands:
            try:
                orders.append(self._said(command, now))
            except Unsayable as error:
                self._inbox.put([answer(command, AckStatus.REJECTED, str(error))])
        return orders

    def _said(self, command: Command, now: datetime) -> _Order:
        asset, _, name = command.point.rpartition("/")
        if name != self._point or asset not in self._lamps:
            raise Unsayable(f"{command.point} is no lamp of this connection's devices")
        if command.select:
            raise Unsayable("a lamp cannot be asked whether it is ready")
        program = command.program
        if command.level > Level.RULE:
            calendar = self._library.alike(calendar_of(program, self._library.limits(), now), now)
            return _Order(command, self._lamps[asset], None, program, calendar, ready=True)
        override = (percent(program.steps[0][1]), program.steps[1][0] if len(program.steps) > 1 else program.until)
        after = program.clip(override[1], program.until)
        if after is not None and self._follows(command.point, after):
            after = None
        then = calendar_of(after, self._library.limits(), now) if after is not None else None
        return _Order(command, self._lamps[asset], override, after, then, ready=False)

    def _follows(self, point: str, program: Program) -> bool:
        """Whether the lamp does a program already, once nothing overrides it."""
        followed = self._followed.get(point)
        return followed is not None and followed[0].clip(program.start, program.until) == program

    def _override(self, order: _Order) -> Iterable[Answer]:
        command = order.command
        assert order.override is not None  # noqa: S101 - sorted by it
        value, until = order.override
        told = {
            "state": level(value),
            "reason": "override",
            "cmsRefId": command.id,
            "expiration": isoformat(until),
            **({"start": isoformat(command.program.start)} if command.program.start > self._clock.now() else {}),
        }
        why = self._gateway.tell(
            "POST", ("override-commands",), {"addresses": _addresses([order]), "targetCommand": told}
        )
        if why:
            return [answer(command, AckStatus.REJECTED, why)]
        order.ready = True
        return [] if order.calendar is not None else [answer(command, AckStatus.ACCEPTED)]

    def _follow(self, orders: Sequence[_Order]) -> None:
        """Programs, calendars and who follows which; then lamps that nothing overrides any more are let go."""
        if not orders:
            return
        by_calendar: defaultdict[Calendar, list[_Order]] = defaultdict(list)
        for order in orders:
            if order.calendar is not None:
                by_calendar[order.calendar].append(order)
        replaced = self._assigned - {name for _, name in self._followed.values()}
        today = talq_day(self._clock.now(), self._library.limits())
        refused = self._library.keep(by_calendar, replaced, today)
        for calendar, part in by_calendar.items():
            for begin in range(0, len(part), _LAMPS_AT_ONCE):
                lamps = part[begin : begin + _LAMPS_AT_ONCE]
                self._inbox.put(self._told(calendar, lamps, refused.get(calendar.id, "")))

    def _told(self, calendar: Calendar, orders: Sequence[_Order], refused: str) -> list[Answer]:
        """A gateway refuses many lamps for the sake of one: they are told by halves then, until it stands alone."""
        why = refused or self._assign(calendar, orders) or self._let_go(orders)
        if why and not refused and len(orders) > 1:
            half = len(orders) // 2
            return [*self._told(calendar, orders[:half], ""), *self._told(calendar, orders[half:], "")]
        status = AckStatus.REJECTED if why else AckStatus.ACCEPTED
        return [answer(order.command, status, why) for order in orders]

    def _assign(self, calendar: Calendar, orders: Sequence[_Order]) -> str:
        entity = {"resource": "calendars", "address": calendar.id}
        why = self._gateway.tell("POST", ("assign-commands",), {"addresses": _addresses(orders), "entity": entity})
        if not why:
            self._assigned.add(calendar.id)
            self._followed |= {o.command.point: (o.program, calendar.id) for o in orders if o.program is not None}
        return why

    def _let_go(self, orders: Sequence[_Order]) -> str:
        """Ours is not the only process that may have overridden them: said each time, it costs one request."""
        free = [order for order in orders if order.override is None]
        return self._gateway.tell("POST", ("override-commands",), {"addresses": _addresses(free)}) if free else ""

    def _order(self, command: Command) -> Iterable[Answer]:
        raise NotImplementedError("commands to a gateway go together, see send")

    def _read(self, point: str, gateway: str) -> Iterable[Answer]:
        asset, _, name = point.rpartition("/")
        address = self._lamps.get(asset)
        if address is None or name != self._point:
            return []
        lamp = ("devices", *address.split("/"))
        shown, measured = self._gateway.read(*lamp, "actualLightState"), True
        if shown is None:  # a lamp that measures nothing shows the command in effect
            shown, measured = self._gateway.read(*lamp, "feedbackLightCommand"), False
        with reading(f"{point}: no light state"):
            # Without a time of its own it is what the gateway says of the lamp at this moment.
            at = aware(shown["timestamp"]) if "timestamp" in shown else self._clock.now()
            state = shown["value"] if measured else shown["value"]["state"]
            return [ReadBack(point, gateway, None, None, float(state["value"]) / 100, at)]


def _addresses(orders: Iterable[_Order]) -> list[dict[str, str]]:
    return [{"resource": "devices", "address": order.address} for order in orders]
