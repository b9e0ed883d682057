"""Devices behind a network server: what their frames mean, and at which asset each one stands, from when to when.

Readings belong to the asset, so that a device that is replaced takes no history with it.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from engine.catalogue import Duration
from engine.codec import Entry, Layout
from engine.documents import Document, Loc, read_document
from engine.errors import InputError, Problem

_ALWAYS = datetime.min.replace(tzinfo=UTC)
_FOREVER = datetime.max.replace(tzinfo=UTC)


def _eui(text: str) -> str:
    plain = text.lower().replace("-", "").replace(":", "")
    if len(plain) != 16 or not set(plain) <= set("0123456789abcdef"):
        raise ValueError("wants the 16 hexadecimal digits of a DevEUI")
    return plain


class Measure(Entry):
    """A field as a property of the asset, in a unit (by default the catalogue's).

    A field that is missing is no reading, unless `absent` says what it then is: some decoders leave out 0 and false.
    """

    property: str
    unit: str | None = None
    absent: float | bool | str | None = None


class PointFrame(Layout):
    """The frame by which a point is set: constants, and the one named field that takes the value."""

    f_port: int = Field(ge=1, le=223)

    @model_validator(mode="after")
    def _one_value(self) -> Self:
        if len(self.names) != 1 or any(field.choices for field in self.fields):
            raise ValueError("wants exactly one field with a name, and that a number: the value goes there")
        return self

    def frame_of(self, value: float) -> bytes:
        """Raises ValueError for a value the frame cannot hold."""
        return self.encode(dict.fromkeys(self.names, value))


class Profile(Entry):
    """A kind of device. `uplink_every`: how often it speaks at least, and so how long a downlink may have to wait.

    With `layouts` we decode its frames, the first that fits; without, the server does. Frames on `other_ports` are
    passed over. `measures` are by field, a dot leading inside: `soil.moisture`. `points` are by the name of the point.
    """

    uplink_every: Duration
    layouts: tuple[Layout, ...] = ()
    other_ports: frozenset[int] = frozenset()
    measures: Mapping[str, Measure] = {}
    points: Mapping[str, PointFrame] = {}

    @model_validator(mode="after")
    def _known_fields(self) -> Self:
        if self.uplink_every <= timedelta(0):
            raise ValueError("uplink_every wants more than 0 s")
        known = {name for layout in self.layouts for name in layout.names}
        unknown = sorted(set(self.measures) - known) if self.layouts else []
        if unknown:
            raise ValueError(f"no layout has a field {unknown[0]!r}, which a measure names")
        return self


class Device(Entry):
    """One device at one asset on [from, until). `device`: its id at The Things Stack, by default eui-<dev_eui>."""

    dev_eui: Annotated[str, AfterValidator(_eui)]
    device: str | None = None
    asset: str
    profile: str
    from_at: AwareDatetime = Field(_ALWAYS, alias="from")
    until_at: AwareDatetime = Field(_FOREVER, alias="until")

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if self.from_at >= self.until_at:
            raise ValueError("from wants to be before until")
        return self

    @property
    def name(self) -> str:
        return self.device or f"eui-{self.dev_eui}"

    def stands(self, at: datetime) -> bool:
        return self.from_at <= at < self.until_at

    def meets(self, other: "Device") -> bool:
        return self.from_at < other.until_at and other.from_at < self.until_at


class DeviceFile(Entry):
    """What a file of devices holds."""

    profiles: Mapping[str, Profile] = Field(min_length=1)
    devices: tuple[Device, ...] = ()


class Devices:
    """The devices of one network server, looked up by who speaks, or by point."""

    def __init__(self, file: DeviceFile) -> None:
        self._profiles = file.profiles
        self._by_name: defaultdict[str, list[Device]] = defaultdict(list)
        self._by_point: defaultdict[str, list[Device]] = defaultdict(list)
        for device in file.devices:
            self._by_name[device.dev_eui].append(device)
            self._by_name[device.name].append(device)
            for point in self.profile(device).points:
                self._by_point[f"{device.asset}/{point}"].append(device)

        self._all = file.devices

    def __len__(self) -> int:
        return len({device.dev_eui for device in self._all})

    def profile(self, device: Device) -> Profile:
        return self._profiles[device.profile]

    def speaking(self, name: str, at: datetime) -> Device | None:
        """Where a device stood at an instant, by its DevEUI or its id; None where it stood nowhere."""
        return next((device for device in self._by_name.get(name, ()) if device.stands(at)), None)

    def setting(self, point: str, at: datetime) -> tuple[Device, PointFrame] | None:
        """The device that sets a point `<asset>/<name>` at an instant, and the frame for it."""
        for device in self._by_point.get(point, ()):
            if device.stands(at):
                return device, self.profile(device).points[point.rpartition("/")[2]]
        return None

    @property
    def shortest_wait(self) -> timedelta:
        """Of a downlink, for the device with points that speaks most often."""
        named = {device.profile for found in self._by_point.values() for device in found}
        return min((self._profiles[name].uplink_every for name in named), default=timedelta(0))


def load_devices(path: Path) -> Devices:
    """Read and check a file of devices. Raises InputError with every problem and its place."""
    document = read_document(path)
    file = document.validate(DeviceFile)
    problems = [problem for find in (_unknown_profiles, _twice) for problem in find(document, file)]
    if problems:
        raise InputError(problems)
    return Devices(file)


def _unknown_profiles(document: Document, file: DeviceFile) -> Iterator[Problem]:
    for number, device in enumerate(file.devices):
        if device.profile not in file.profiles:
            hint = f"one of: {', '.join(file.profiles)}"
            yield document.problem(("devices", number, "profile"), f"there is no profile {device.profile!r}", hint)


def _twice(document: Document, file: DeviceFile) -> Iterator[Problem]:
    """A device at two assets at once, and a point that two devices set at once."""
    named: defaultdict[tuple[str, str], list[Device]] = defaultdict(list)
    for number, device in enumerate(file.devices):
        points = file.profiles[device.profile].points if device.profile in file.profiles else ()
        claims = [("device", device.dev_eui), *(("point", f"{device.asset}/{point}") for point in points)]
        if device.name != device.dev_eui:
            claims.append(("device", device.name))
        for claim in claims:
            place: Loc = ("devices", number)
            if any(device.meets(other) for other in named[claim]):
                what = f"the {claim[0]} {claim[1]} has another line for a part of this time"
                yield document.problem(place, what, "end the earlier one with until:")
            named[claim].append(device)
