"""Register maps: which coil or register of which unit is a point, and how its value is written there."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from engine.catalogue import Duration
from engine.codec import Entry, Scaled, integer_bounds
from engine.documents import Document, read_document
from engine.errors import InputError, Problem


class Register(Scaled):
    """Where a number is, addressed from 0 as on the wire; of two words the higher comes first, or with `little` last.

    A coil or discrete input holds exactly 0 or 1.
    """

    table: Literal["holding", "coil", "input", "discrete"] = "holding"
    address: int = Field(ge=0, le=65_535)
    type: Literal["u16", "i16", "u32", "i32", "f32"] = "u16"
    word_order: Literal["big", "little"] = "big"

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.is_bit and {"type", "word_order"} & self.model_fields_set:
            raise ValueError(f"a {self.table} has neither type nor word_order")
        if self.address + self.words > 65_536:
            raise ValueError("its second word would lie beyond address 65535")
        return self

    @property
    def is_bit(self) -> bool:
        return self.table in {"coil", "discrete"}

    @property
    def words(self) -> int:
        return 1 if self.is_bit or self.type.endswith("16") else 2

    @property
    def bounds(self) -> tuple[int, int] | None:
        if self.is_bit:
            return (0, 1)
        return None if self.type == "f32" else integer_bounds(self.type)

    def raw_of(self, value: float) -> int | float:
        """See `Scaled`; half a coil is refused, not rounded."""
        raw = super().raw_of(value)
        if self.is_bit and self.value_of(raw) != value:
            low, high = map(self.value_of, (0, 1))
            raise ValueError(f"{value:g} cannot be written to a coil, which is {low:g} or {high:g}")
        return raw

    def words_of(self, value: float) -> list[int]:
        """The words, or the one bit, to write. Raises ValueError for a value they cannot hold."""
        raw = self.raw_of(value)
        if self.is_bit:
            return [int(raw)]
        data = struct.pack(">f", raw) if self.type == "f32" else _bytes_of(int(raw), 2 * self.words)
        words = [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]
        return words[:: self._step]

    def value_in(self, words: Sequence[int]) -> float:
        """What words or bits read mean. Raises ValueError for too few, and for a float that is not finite."""
        if len(words) < self.words:
            raise ValueError(f"{len(words)} words came, {self.words} were asked")
        if self.is_bit:
            return self.value_of(int(words[0]))
        data = b"".join(word.to_bytes(2, "big") for word in words[: self.words][:: self._step])
        if self.type == "f32":
            return self.value_of(struct.unpack(">f", data)[0])
        return self.value_of(int.from_bytes(data, "big", signed=self.type[0] == "i"))

    @property
    def _step(self) -> int:
        return 1 if self.word_order == "big" else -1


def _bytes_of(raw: int, size: int) -> bytes:
    return raw.to_bytes(size, "big", signed=raw < 0)


class MappedPoint(Entry):
    """A point in unit 1 to 255 behind the peer (often 1 or 255 where there is only one). Read where it is written,
    unless `read` says where else."""

    unit: int = Field(1, ge=1, le=255)
    write: Register
    read: Register | None = None

    @model_validator(mode="after")
    def _writable(self) -> Self:
        if self.write.table not in {"holding", "coil"}:
            raise ValueError(f"nothing can be written to the table {self.write.table!r}: holding or coil")
        return self


class Watchdog(Entry):
    """A holding register that a unit counts up, and the one we copy it to: without that the unit goes by itself."""

    unit: int = Field(1, ge=1, le=255)
    counter: int = Field(ge=0, le=65_535)
    echo: int = Field(ge=0, le=65_535)
    every: Duration = timedelta(seconds=5)


class RegisterMap(Entry):
    """Every point that may be written at one peer, by its id `<asset>/<name>`."""

    points: Mapping[str, MappedPoint] = Field(min_length=1)
    watchdogs: tuple[Watchdog, ...] = ()


def load_register_map(path: Path) -> RegisterMap:
    """Read and check a register map. Raises InputError with every problem and its place."""
    document = read_document(path)
    found = document.validate(RegisterMap)
    problems = list(_overlaps(document, found))
    if problems:
        raise InputError(problems)
    return found


def _overlaps(document: Document, registers: RegisterMap) -> Iterator[Problem]:
    """Two writers of one register would undo each other."""
    taken: dict[tuple[int, str, int], str] = {}
    written = [(("points", name, "write"), name, point.unit, point.write) for name, point in registers.points.items()]
    for number, dog in enumerate(registers.watchdogs):
        place = ("watchdogs", str(number), "echo")
        written.append((place, f"watchdog {number + 1}", dog.unit, Register(address=dog.echo)))
    for loc, name, unit, register in written:
        for address in range(register.address, register.address + register.words):
            other = taken.setdefault((unit, register.table, address), name)
            if other != name:
                what = f"{register.table} {address} of unit {unit} is written for {other} already"
                yield document.problem(loc, what, "give each point registers of its own")
