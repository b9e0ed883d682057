"""A TALQ gateway as its CMS sees it: requests as the standard wants them, and the programs and calendars it holds."""

import itertools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID, uuid5

import orjson

from engine.equipment.connections import Room
from engine.equipment.http import NOT_NOW, reading
from engine.equipment.talq_programs import (
    Calendar,
    DayProgram,
    Limits,
    day_program,
    limits_of,
    ours,
    room_of,
    talq_day,
)
from engine.instants import isoformat
from engine.ports import Clock
from engine.web import NoAnswer, Reply, SafeClient

VERSION = "2.7.1"
_DONE = {"POST": {201, 202}, "DELETE": {200, 202}}


class Gateway:
    """Requests to one gateway, in the name of the CMS with the address `client`."""

    def __init__(self, url: str, client: UUID, web: SafeClient, clock: Clock, token: str | None) -> None:
        self._url, self._client, self._web, self._clock = url.rstrip("/"), client, web, clock
        self._headers = {"talq-api-version": VERSION, "Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._count = itertools.count(1)

    @property
    def client(self) -> str:
        return str(self._client)

    def read(self, *path: str) -> Any:
        """What GET answers; None for what is not there.

        Raises NotSent and NoAnswer (5xx, too), and ValueError for what is no JSON.
        """
        reply = self._checked(self._web.get(self._at(path, {}), self._headers), path)
        if reply.status == 404:
            return None
        if reply.status != 200 or reply.cut:
            raise ValueError(f"GET /{'/'.join(path)}: HTTP {reply.status}{', too long' if reply.cut else ''}")
        return orjson.loads(reply.body)

    def tell(self, method: str, path: tuple[str, ...], body: object = None) -> str:
        """Why the gateway says no; empty when it has done, or taken, what was asked.

        Raises NotSent and NoAnswer, and ValueError for what no TALQ gateway answers.
        """
        # One a request and never again, and yet no chance in it.
        name = f"{isoformat(self._clock.now())} {next(self._count)} {'/'.join(path)}"
        url = self._at(path, {"talqRequestId": str(uuid5(self._client, name))})
        headers = {**self._headers, "Content-Type": "application/json"}
        reply = self._checked(
            self._web.request(method, url, b"" if body is None else orjson.dumps(body), headers), path
        )
        if reply.ok and reply.status not in _DONE[method]:
            raise ValueError(f"{method} {path[0]}: HTTP {reply.status}, which is no answer of TALQ")
        return "" if reply.ok else f"HTTP {reply.status}: {_said(reply)}"

    def _at(self, path: Iterable[str], more: Mapping[str, str]) -> str:
        steps = "/".join(quote(step, safe="") for step in path)
        return f"{self._url}/{steps}?{urlencode({'clientAddress': self.client, **more})}"

    def _checked(self, reply: Reply, path: Iterable[str]) -> Reply:
        if reply.status >= 500 or reply.status in NOT_NOW or reply.status < 200:
            raise NoAnswer(f"{self._url}/{'/'.join(path)}: HTTP {reply.status} → see how the gateway is")
        return reply


def _said(reply: Reply) -> str:
    """The keys of TALQ's error messages, or the beginning of whatever came instead."""
    try:
        keys = [str(error["key"]) for error in orjson.loads(reply.body)]
    except (ValueError, TypeError, KeyError):
        return reply.body[:200].decode(errors="replace").strip()
    return ", ".join(keys)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A calendar at the gateway: its last day, and the programs it names."""

    until: date
    programs: frozenset[str]


class Library:
    """The control programs and calendars of the gateway. Ours are named by their content: what is there is right."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._limits: Limits | None = None
        self._programs: dict[str, DayProgram] = {}
        self._calendars: dict[str, _Kept] = {}
        self._foreign = (0, 0)  # programs and calendars of others, which count against the limits

    def limits(self) -> Limits:
        """As announced, asked once. Raises ValueError for what is no announcement."""
        if self._limits is None:
            with reading("no ControlService, control programs and calendars"):
                limits = limits_of(self._gateway.read("services", "ControlService"))
                self._look()
            self._limits = limits
        return self._limits

    def room(self) -> Room:
        """What of one night the gateway takes for certain. Raises ValueError for what is no announcement."""
        return room_of(self.limits(), *self._foreign)

    def forget(self) -> None:
        """Ask again: the gateway was away, and may not be what it was."""
        self._limits = None

    def alike(self, calendar: Calendar, now: datetime) -> Calendar:
        """The same calendar, its day that has begun by a program that the gateway has, where one does the same from now
        on: so a plan that is made again needs no more programs than it has rows.
        """
        limits = self.limits()
        today = talq_day(now, limits)
        wanted = dict(calendar.days).get(today)
        if wanted is None or (rest := wanted.rest(now, limits)) is None:
            return calendar
        others = {program.id for day, program in calendar.days if day != today}
        if wanted.id in others or wanted.id in self._programs:
            return calendar
        held = (self._programs[name] for name in sorted(self._programs))
        same = next((program for program in held if program.rest(now, limits) == rest), wanted)
        return Calendar(tuple((day, same if day == today else program) for day, program in calendar.days))

    def keep(self, calendars: Collection[Calendar], replaced: Collection[str], today: date) -> dict[str, str]:
        """Bring to the gateway what it lacks. Returns the calendars it does not take, and why.

        Where there is no room, calendars whose days are over, and `replaced` ones, are taken away first.
        """
        limits = self.limits()
        new = [calendar for calendar in calendars if calendar.id not in self._calendars]
        programs = {name for calendar in new for name in calendar.programs} - self._programs.keys()
        if self._lacks_room(limits, len(programs), len(new)):
            self._tidy(set(replaced) - {calendar.id for calendar in calendars}, today)
        refused: dict[str, str] = {}
        for calendar in new:
            why = self._add(calendar, limits)
            if why:
                refused[calendar.id] = why
        return refused

    def _add(self, calendar: Calendar, limits: Limits) -> str:
        missing = [program for name, program in calendar.programs.items() if name not in self._programs]
        if self._lacks_room(limits, len(missing), 1):
            has = f"has {len(self._programs) + self._foreign[0]} and {len(self._calendars) + self._foreign[1]}"
            return f"the gateway takes {limits.programs} programs and {limits.calendars} calendars, and {has}"
        for program in missing:
            why = self._post("control-programs", program)
            if why:
                return why
            self._programs[program.id] = program
        why = self._post("calendars", calendar)
        if not why:
            self._calendars[calendar.id] = _Kept(calendar.days[-1][0], frozenset(calendar.programs))
        return why

    def _post(self, path: str, thing: DayProgram | Calendar) -> str:
        body = {"id": thing.id, "ownerCMS": self._gateway.client, **thing.content}
        why = self._gateway.tell("POST", (path,), [body])
        return "" if why.startswith("HTTP 409") else why  # it is there already, and by its name it is the same

    def _lacks_room(self, limits: Limits, programs: int, calendars: int) -> bool:
        programs += len(self._programs) + self._foreign[0]
        calendars += len(self._calendars) + self._foreign[1]
        too_many = limits.programs is not None and programs > limits.programs
        return too_many or (limits.calendars is not None and calendars > limits.calendars)

    def _tidy(self, replaced: Collection[str], today: date) -> None:
        """A gateway refuses to delete what is still referred to; that stays."""
        for name, kept in list(self._calendars.items()):
            if (kept.until < today or name in replaced) and not self._gateway.tell("DELETE", ("calendars", name)):
                del self._calendars[name]
        named = {program for kept in self._calendars.values() for program in kept.programs}
        for name in sorted(self._programs.keys() - named):
            if not self._gateway.tell("DELETE", ("control-programs", name)):
                del self._programs[name]

    def _look(self) -> None:
        programs = {str(program["id"]): program for program in self._gateway.read("control-programs")}
        calendars = {str(calendar["id"]): calendar for calendar in self._gateway.read("calendars")}
        self._programs = {name: day_program(program) for name, program in programs.items() if ours(name)}
        self._calendars = {name: _kept(calendar) for name, calendar in calendars.items() if ours(name)}
        self._foreign = (len(programs) - len(self._programs), len(calendars) - len(self._calendars))


def _kept(calendar: Any) -> _Kept:
    rules = calendar["rules"]
    until = max(date.fromisoformat(rule["endDate"]) for rule in rules)
    return _Kept(until, frozenset(str(rule["program"]) for rule in rules))
