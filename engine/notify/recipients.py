"""Who hears of alarms: the models of `rules/notify.yaml`, and what is wrong with one.

Addresses are in that file and nowhere else: messages, database and audit chain name recipients by their ids.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, model_validator

from engine.calendar import public_holidays
from engine.documents import Document, Key, read_document
from engine.errors import InputError, Problem
from engine.instants import PARIS
from engine.model import Priority
from engine.notify.messages import Channel
from engine.rulebook.calls import WEEKDAYS, hours
from engine.rulebook.fields import Identifier, Several, Weekdays
from engine.rulebook.naming import nearest

NOTIFY = "notify.yaml"
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")
_MINUTE = timedelta(minutes=1)
_SHORTEST_SECRET = 16
_PRIORITIES = tuple(Priority)


def _address(text: str) -> str:
    if _ADDRESS.fullmatch(text) is None or ".." in text:
        raise ValueError("wants one address, as desk@example.org")
    return text


def _readable(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        hours(text)
    return texts


def _network(text: str) -> str:
    ip_network(text)
    return text


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Webhook(_Entry):
    """Where messages are posted as JSON, signed with the first line of `secret_file`.

    Addresses that are not public are refused but for those in `networks`. `plain`: http is allowed there.
    """

    url: str
    secret_file: Path
    networks: tuple[Annotated[str, AfterValidator(_network)], ...] = ()
    plain: StrictBool = False

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        parts = urlsplit(self.url)
        if parts.scheme != "https" and not (self.plain and parts.scheme == "http"):
            raise ValueError("url wants https://HOST/…, or plain: true for http")
        if not parts.hostname or parts.username is not None:
            raise ValueError("url wants a host, and no name or password before it")
        return self


class Recipient(_Entry):
    """Somebody, better a post than a person: how to reach them, in which language, from which priority on."""

    lang: Literal["fr", "en"] = "fr"
    least: Priority = Priority.LOW
    email: Annotated[str, AfterValidator(_address)] | None = None
    webhook: Webhook | None = None

    @model_validator(mode="after")
    def _reached(self) -> Self:
        if not self.channels:
            raise ValueError("wants email, webhook or both")
        return self

    @property
    def channels(self) -> tuple[Channel, ...]:
        ways = ((Channel.EMAIL, self.email), (Channel.WEBHOOK, self.webhook))
        return tuple(channel for channel, way in ways if way is not None)

    def hears(self, priority: Priority) -> bool:
        return _PRIORITIES.index(priority) <= _PRIORITIES.index(self.least)


class Step(_Entry):
    """Who is told together, and when they are on duty: every key given holds, of the day and hour in Paris."""

    to: Annotated[Several, Field(min_length=1)]
    hours: Annotated[Several, AfterValidator(_readable)] = ()
    weekdays: Weekdays = ()
    public_holidays: Literal["only", "never"] | None = None

    def on_duty(self, at: datetime) -> bool:
        """Whether they are on duty at an instant. The hour that autumn repeats counts twice."""
        local = at.astimezone(PARIS)
        second = local.hour * 3600 + local.minute * 60 + local.second
        return (
            (not self.hours or any(hours(text).holds(second) for text in self.hours))
            and (not self.weekdays or WEEKDAYS[local.weekday()] in self.weekdays)
            and (self.public_holidays is None or _holiday(local) is (self.public_holidays == "only"))
        )

    def off_duty(self, at: datetime, latest: datetime) -> datetime:
        """The end of the duty that holds at an instant, to the minute; `latest` at most."""
        if not (self.hours or self.weekdays or self.public_holidays):
            return latest
        return _off_duty(self, at, latest)


def _holiday(local: datetime) -> bool:
    return local.date() in public_holidays(local.year)


@lru_cache(maxsize=64)  # many alarms come at one instant
def _off_duty(step: Step, at: datetime, latest: datetime) -> datetime:
    moment = at
    while moment < latest and step.on_duty(moment):
        moment = moment.replace(second=0, microsecond=0) + _MINUTE
    return min(moment, latest)


Chain = tuple[Step, ...]


class Recipients(_Entry):
    """Recipients, the chain of each service that answers for rules, and the chain for whatever has no other.

    `flood`: how many messages a recipient gets singly in ten minutes; from there on, digests. None are told of what
    has no chain.
    """

    recipients: Mapping[Identifier, Recipient] = Field(min_length=1)
    services: Mapping[Identifier, Chain] = {}
    otherwise: Chain = ()
    flood: Annotated[int, Field(ge=1, le=1_000)] = 10

    def chain(self, service: str) -> Chain:
        return self.services.get(service, self.otherwise)


def load_recipients(path: Path, services: Collection[str]) -> Recipients:
    """Read and check the file of recipients. Raises InputError with every problem and its place.

    `services` are the owners of rules, as `rules/owners.yaml` names them.
    """
    document = read_document(path)
    found = document.validate(Recipients)
    problems = [*_unknown(document, found, services), *_secrets(document, found, path.parent)]
    if problems:
        raise InputError(problems)
    return found


def _unknown(document: Document, found: Recipients, services: Collection[str]) -> Iterator[Problem]:
    for service in found.services:
        if service not in services:
            yield document.problem(("services", service), f"{service} is no service", nearest(service, services))
        yield from _strangers(document, ("services", service), found.services[service], found.recipients)
    yield from _strangers(document, ("otherwise",), found.otherwise, found.recipients)


def _strangers(document: Document, where: Sequence[Key], chain: Chain, known: Collection[str]) -> Iterator[Problem]:
    for number, step in enumerate(chain):
        for place, name in enumerate(step.to):
            at = (*where, number, "to", place)
            if name not in known:
                yield document.problem(at, f"{name} is no recipient", nearest(name, known))
            if name in step.to[:place]:
                yield document.problem(at, f"{name} stands twice in one step", "keep one")


def _secrets(document: Document, found: Recipients, folder: Path) -> Iterator[Problem]:
    for name, recipient in found.recipients.items():
        if recipient.webhook is not None:
            file = folder / recipient.webhook.secret_file
            at = ("recipients", name, "webhook", "secret_file")
            if not file.is_file():
                yield document.problem(at, f"there is no file {file}", "write the shared secret into it")
            elif len(secret_of(file)) < _SHORTEST_SECRET:
                what = f"the secret in {file} is shorter than {_SHORTEST_SECRET} characters"
                yield document.problem(at, what, "openssl rand -hex 32 makes one")


def secret_of(file: Path) -> bytes:
    """The first line of a file that holds a secret."""
    return file.read_bytes().partition(b"\n")[0].strip()
