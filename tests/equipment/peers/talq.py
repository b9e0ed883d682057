"""A TALQ gateway and its lamps: every body is checked, and lamps do what override, calendar and default say."""

from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.equipment.talq import TalqConnection
from engine.instants import PARIS
from tests.equipment.peers.peer import Base, Mood
from tests.equipment.peers.served import Served
from tests.equipment.peers.talq_schema import Standard, check

CMS = "0d9c5f6e-6a3b-4b6e-9f0e-6f1f3d0c2a11"
LAMPS = {f"L-{n}": f"4eb333b9-53c7-4cdc-bf9a-36fa7c6d53e{n}/lampActuator" for n in range(1, 5)}


class Gateway:
    """The gateway's memory and its arithmetic. `service` is what it announces, `lamps` the addresses it knows."""

    def __init__(
        self, now: Callable[[], datetime], standard: Standard | None, lamps: Collection[str] = tuple(LAMPS.values()),
        **service: object,
    ) -> None:  # fmt: skip
        self.now, self._standard, self._lamps = now, standard, set(lamps)
        self.service = {"name": "ControlService", "dayOffset": 12, **service}
        self.programs: dict[str, Any] = {}
        self.calendars: dict[str, Any] = {}
        self.follows: dict[str, str] = {}
        self.overrides: dict[str, Any] = {}
        self.changed: Callable[[], None] = lambda: None

    def level(self, lamp: str) -> int:
        now, override = self.now(), self.overrides.get(lamp)
        if override is not None and _instant(override, "start", now) <= now:
            if now < _instant(override, "expiration", now + timedelta(1)):
                return int(override["state"]["value"])
            del self.overrides[lamp]
        calendar = self.calendars.get(self.follows.get(lamp, ""), {"rules": []})
        local = now.astimezone(PARIS).replace(tzinfo=None) - timedelta(hours=int(self.service["dayOffset"]))
        day = local.date().isoformat()
        for rule in calendar["rules"]:
            if rule["startDate"] <= day <= rule["endDate"]:
                found = self._programmed(self.programs[rule["program"]], local)
                return 100 if found is None else found
        return 100  # defaultLightState

    def _programmed(self, program: Any, local: datetime) -> int | None:
        """`local` is counted from the beginning of the gateway's day."""
        (period,) = program["activePeriods"]
        begins, ends = self._since(period["startTime"]), self._since(period["endTime"])
        if begins != ends and not begins <= local.time() < (ends if ends > begins else time.max):
            return None
        controls = [(self._since(c["startTime"]), c["command"]["state"]["value"]) for c in program["fixedTimeControls"]]
        passed = [control for control in controls if control[0] <= local.time()]
        return int(max(passed or controls)[1])

    def _since(self, text: str) -> time:
        at = datetime.combine(date(2000, 1, 2), time.fromisoformat(text))
        return (at - timedelta(hours=int(self.service["dayOffset"]))).time()

    def add(self, kind: str, thing: Any) -> str:
        """An error key, or nothing."""
        check(kind, thing, self._standard)
        held, most = (
            (self.programs, "maximumPrograms") if kind == "ControlProgram" else (self.calendars, "maximumCalendars")
        )
        if thing["ownerCMS"] != CMS:
            return "payloadError"
        if thing["id"] in held:
            return "resourceConflict"
        if len(held) >= int(self.service.get(most, 10**6)) or self._too_long(kind, thing):
            return "serviceConstraintExceeded"
        if kind == "Calendar" and not all(rule["program"] in self.programs for rule in thing["rules"]):
            return "relatedResourceNotFound"
        held[thing["id"]] = thing
        return ""

    def _too_long(self, kind: str, thing: Any) -> bool:
        if kind == "Calendar":
            return False
        times = [control["startTime"] for control in thing["fixedTimeControls"]]
        assert times == sorted(set(times)), "in increasing order, and no time twice"
        return len(times) > int(self.service.get("maxSwitchPointsPerProgram", 10**6))

    def assign(self, told: Any) -> str:
        check("AssignCommand", told, self._standard)
        if told["entity"]["address"] not in self.calendars:
            return "relatedResourceNotFound"
        lamps = [reference["address"] for reference in told["addresses"]]
        if not set(lamps) <= self._lamps:
            return "assignmentAddressNotValid"
        self.follows |= dict.fromkeys(lamps, told["entity"]["address"])
        self.changed()
        return ""

    def override(self, told: Any) -> str:
        check("OverrideCommand", told, self._standard)
        for reference in told["addresses"]:
            if reference["address"] not in self._lamps:
                return "overrideCommandNotValid"
            self.overrides.pop(reference["address"], None)
            if "targetCommand" in told:
                self.overrides[reference["address"]] = told["targetCommand"]
        self.changed()
        return ""

    def delete(self, kind: str, name: str) -> str:
        held = self.programs if kind == "control-programs" else self.calendars
        named = {rule["program"] for calendar in self.calendars.values() for rule in calendar["rules"]}
        if name not in held:
            return "resourceNotFound"
        if name in (named if held is self.programs else set(self.follows.values())):
            return "deletingResourceIsReferred"
        del held[name]
        return ""


def _instant(command: Any, key: str, otherwise: datetime) -> datetime:
    return datetime.fromisoformat(command[key]) if key in command else otherwise


class TalqPeer(Base):
    """The gateway behind HTTP."""

    def __init__(
        self, folder: Path, port: int, standard: Standard | None = None, lamps: Mapping[str, str] = LAMPS,
        **service: object,
    ) -> None:  # fmt: skip
        super().__init__()
        self.gateway_ = Gateway(self.clock.now, standard, lamps.values(), **service)
        self.gateway_.changed = self._note
        self._first = next(iter(lamps.values()))
        self.log: list[tuple[str, Any]] = []
        self.faults: list[str] = []
        self.measures = True
        self.refused: set[str] = set()  # kinds of request that it takes none of
        self._requests: set[UUID] = set()
        kinds = ["/{kind}", "/{kind}/{name}", "/devices/{device}/{function}/{attribute}"]
        routes = [Route(path, self.take, methods=["GET", "POST", "DELETE"]) for path in kinds]
        self.served = Served(Starlette(routes=routes), port)
        devices = folder / "lamps.csv"
        rows = [f"{lamp},{address.replace('/', ',')}" for lamp, address in lamps.items()]
        unknown = f"L-8,{UUID(int=8)},lampActuator"  # in our table, and not at the gateway
        devices.write_text("\n".join(["asset,device,function", *rows, unknown, ""]))
        self.connection = TalqConnection(
            id="talq", kind="talq", url=self.served.url, gateways=("A-*",), plain=True, private=("127.0.0.0/8",),
            client_address=UUID(CMS), devices=devices, timeout="2 s",
        )  # fmt: skip

    def start(self) -> None:
        self.served.start()

    def stop(self) -> None:
        self.served.stop()
        assert self.faults == []

    def value(self) -> float:
        return self.gateway_.level(self._first) / 100

    def _note(self) -> None:
        if self.value() != (self.applied[-1] if self.applied else self.rest):
            self.applied.append(self.value())

    async def take(self, request: Request) -> Response:
        if self.mood is Mood.BABBLES:
            return Response("[[", 200)
        try:
            self._formal(request)
            body = await request.body()
            told = orjson.loads(body) if body else None
            if request.method == "GET":
                return self._shown(request.path_params)
            self.log.append((f"{request.method} {request.url.path}", told))
            refuses = self.mood is Mood.REFUSES or request.path_params.get("kind") in self.refused
            why = "overrideCommandNotValid" if refuses else self._done(request, told)
        except (jsonschema.ValidationError, AssertionError) as error:
            self.faults.append(str(error))
            why = "payloadError"
        if self.mood is Mood.HANGS:
            await self.served.hang()
        if why:
            status = {"payloadError": 400, "resourceConflict": 409, "resourceNotFound": 404}.get(why, 422)
            return Response(orjson.dumps([{"key": why}]), status, media_type="application/json")
        return Response(status_code=200 if request.method == "DELETE" else 201)

    def _formal(self, request: Request) -> None:
        assert request.headers["talq-api-version"] == "2.7.1"
        assert request.query_params["clientAddress"] == CMS
        if request.method != "GET":
            number = UUID(request.query_params["talqRequestId"])
            assert number not in self._requests, "a request id comes twice"
            self._requests.add(number)

    def _done(self, request: Request, told: Any) -> str:
        kind, gateway = request.path_params["kind"], self.gateway_
        if request.method == "DELETE":
            return gateway.delete(kind, request.path_params["name"])
        if kind in {"control-programs", "calendars"}:
            name = "ControlProgram" if kind == "control-programs" else "Calendar"
            return next((why for thing in told if (why := gateway.add(name, thing))), "")
        return gateway.assign(told) if kind == "assign-commands" else gateway.override(told)

    def _shown(self, path: dict[str, str]) -> Response:
        gateway = self.gateway_
        if "attribute" in path:
            level = gateway.level(f"{path['device']}/{path['function']}")
            state: Any = {"name": "LevelState", "value": level}
            kind = "AttributeLevelState"
            if path["attribute"] == "feedbackLightCommand":
                kind, state = "AttributeCommand", {"state": state, "reason": "program"}
            elif not self.measures:
                return Response(orjson.dumps([{"key": "resourceNotFound"}]), 404)
            shown: Any = {"type": kind, "value": state, "timestamp": self.clock.now().isoformat()}
        elif path["kind"] == "services":
            shown = gateway.service
        else:
            shown = list((gateway.programs if path["kind"] == "control-programs" else gateway.calendars).values())
        return Response(orjson.dumps(shown), 200, media_type="application/json")
