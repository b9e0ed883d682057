"""Numbers and frames as equipment writes them, described as data: nothing a maker of devices wrote is executed.

A register or a field holds a raw number; value = raw × scale + offset, in exact decimal arithmetic, so that a raw 35 at
scale 0.01 is 0.35 to the last bit. With `dali` it is a level of a dimming bus. Readers and writers raise ValueError,
which says what was found and wanted.
"""

import math
import struct
from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from engine.dali import FULL, Scale, flux_of, level_of

Value = float | str
"""What a field means: a number, or one of its choices."""


_CURVES: Mapping[str, Scale] = {"log": "dali-log", "linear": "dali-linear"}


class Entry(BaseModel):
    """A part of a file: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _exact(value: object) -> object:
    """A decimal as it is written in the file, not the binary number nearest to it."""
    return Fraction(str(value)) if isinstance(value, int | float) and math.isfinite(value) else value


Exact = Annotated[Fraction, BeforeValidator(_exact)]


class Scaled(Entry):
    """How a number is written: value = raw × scale + offset; or, with `dali`, as the level of a dimming bus that is the
    lowest not dimmer than a share of full flux, by its logarithmic or its linear curve."""

    scale: Exact = Fraction(1)
    offset: Exact = Fraction(0)
    dali: Literal["log", "linear"] | None = None

    @model_validator(mode="after")
    def _scale_is_not_zero(self) -> Self:
        if self.scale == 0:
            raise ValueError("a scale of 0 makes every value the same")
        return self

    @model_validator(mode="after")
    def _holds_levels(self) -> Self:
        if self.dali is None:
            return self
        if {"scale", "offset"} & self.model_fields_set:
            raise ValueError("levels of a dimming bus have a curve, and neither scale nor offset")
        if self.bounds is None or self.bounds[0] > 0 or self.bounds[1] < FULL:
            raise ValueError(f"levels of a dimming bus are whole numbers from 0 to {FULL}, which it cannot hold")
        return self

    @property
    def bounds(self) -> tuple[int, int] | None:
        """The smallest and largest raw number; None for a 32 bit float."""
        raise NotImplementedError

    def raw_of(self, value: float) -> int | float:
        """The raw number nearest to a value. Raises ValueError when it cannot be held."""
        if not math.isfinite(value):
            raise ValueError(f"{value} is no finite number")
        if self.dali is not None:
            return level_of(value, _CURVES[self.dali])
        exact = (Fraction(value) - self.offset) / self.scale
        if self.bounds is None:
            return _float32(float(exact))
        low, high = self.bounds
        raw = round(exact)
        if not low <= raw <= high:
            ends = sorted((self.value_of(low), self.value_of(high)))
            raise ValueError(f"{value:g} cannot be written, which holds {ends[0]:g} to {ends[1]:g}")
        return raw

    def value_of(self, raw: int | float) -> float:
        """What a raw number means. Raises ValueError for one that is not finite, and for no level of a bus."""
        if self.dali is not None:
            return flux_of(raw, _CURVES[self.dali])
        if isinstance(raw, float):
            if not math.isfinite(raw):
                raise ValueError(f"the raw number is {raw}")
            return float(Fraction(raw) * self.scale + self.offset)
        slope, rise, run = self._line
        return (raw * slope + rise) / run  # of whole numbers, and so rounded once

    @cached_property
    def _line(self) -> tuple[int, int, int]:
        """Whole numbers with which value = (raw × slope + rise) / run."""
        run = math.lcm(self.scale.denominator, self.offset.denominator)
        return int(self.scale * run), int(self.offset * run), run


def _float32(value: float) -> float:
    try:
        return float(struct.unpack(">f", struct.pack(">f", value))[0])
    except OverflowError:
        raise ValueError(f"{value:g} is too large for a 32 bit float") from None


def integer_bounds(kind: str) -> tuple[int, int]:
    """The range of u8, i16, u24 …"""
    bits = int(kind[1:])
    return (0, (1 << bits) - 1) if kind[0] == "u" else (-(1 << bits - 1), (1 << bits - 1) - 1)


class FrameField(Scaled):
    """One number in a frame, from byte `at` on, or right after the field before it.

    With `bit` and `width` it is those bits of an unsigned number, bit 0 being the lowest: two such fields may share
    bytes. With `choices` each raw number is a word; with `const` it is the same in every frame, and a frame where it is
    not is one of another layout. A field without a name is passed over when read, and 0 when written. An `optional`
    one may be missing at the end of a frame.
    """

    name: str | None = None
    type: Literal["u8", "i8", "u16", "i16", "u24", "i24", "u32", "i32", "f32"] = "u8"
    at: int | None = Field(None, ge=0, le=241)
    endian: Literal["big", "little"] = "big"
    bit: int | None = Field(None, ge=0, le=31)
    width: int = Field(1, ge=1, le=32)
    choices: Mapping[int, str] = {}
    const: int | None = None
    optional: bool = False

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.bit is None and "width" in self.model_fields_set:
            raise ValueError("width belongs to a field with bit")
        if self.bit is not None and (self.type[0] != "u" or self.bit + self.width > 8 * self.size):
            raise ValueError(f"bits {self.bit} to {self.bit + self.width - 1} are not all in an unsigned {self.type}")
        if self.bounds is None and (self.choices or self.const is not None):
            raise ValueError("choices and const belong to whole numbers")
        low, high = self.bounds or (0, 0)
        constant = () if self.const is None else (self.const,)
        strange = [raw for raw in (*self.choices, *constant) if not low <= raw <= high]
        if strange:
            raise ValueError(f"{strange[0]} is outside {low} to {high}, which the field can hold")
        if len(set(self.choices.values())) < len(self.choices):
            raise ValueError("two choices have the same word, which could not be written")
        return self

    @property
    def size(self) -> int:
        """In bytes."""
        return int(self.type[1:]) // 8

    @property
    def bounds(self) -> tuple[int, int] | None:
        if self.type == "f32":
            return None
        return (0, (1 << self.width) - 1) if self.bit is not None else integer_bounds(self.type)

    @property
    def mask(self) -> int:
        """The bits of its bytes that are its own."""
        return ((1 << self.width) - 1) << self.bit if self.bit is not None else (1 << 8 * self.size) - 1

    def read(self, part: bytes) -> Value:
        """The meaning of its bytes. Raises ValueError."""
        if self.type == "f32":
            return self.value_of(struct.unpack(">f" if self.endian == "big" else "<f", part)[0])
        raw = int.from_bytes(part, self.endian, signed=self.type[0] == "i")
        if self.bit is not None:
            raw = (raw & self.mask) >> self.bit
        if self.const is not None and raw != self.const:
            raise ValueError(f"found {raw}, wanted the constant {self.const}")
        if not self.choices:
            return self.value_of(raw)
        if raw not in self.choices:
            raise ValueError(f"found {raw}, wanted one of {', '.join(map(str, self.choices))}")
        return self.choices[raw]

    def write(self, value: Value) -> int:
        """The bits of its bytes, as one unsigned number. Raises ValueError."""
        raw = self._raw(value)
        if isinstance(raw, float):
            return int.from_bytes(struct.pack(">f", raw), "big")
        return raw << (self.bit or 0) if raw >= 0 else raw + (1 << 8 * self.size)

    def _raw(self, value: Value) -> int | float:
        if self.const is not None:
            return self.const
        if not self.choices:
            if isinstance(value, str):
                raise ValueError(f"{value!r} is no number")
            return self.raw_of(value)
        found = next((raw for raw, word in self.choices.items() if word == value), None)
        if found is None:
            raise ValueError(f"{value!r} is none of {', '.join(self.choices.values())}")
        return found


class Layout(Entry):
    """What the bytes of a frame mean. `f_port`: the port such frames come on; any, where none is said."""

    f_port: int | None = Field(None, ge=1, le=223)
    fields: tuple[FrameField, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        names = [field.name for field in self.fields if field.name is not None]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two fields are called {twice!r}")
        taken = 0
        for field, at in self._placed:
            bits = field.mask << 8 * at if field.endian == "little" else _mirrored(field, at)
            if taken & bits:
                raise ValueError(f"the field {field.name or 'without name'} at byte {at} lies over another")
            taken |= bits
        return self

    @property
    def names(self) -> frozenset[str]:
        return frozenset(field.name for field in self.fields if field.name is not None)

    def decode(self, frame: bytes) -> dict[str, Value]:
        """The named fields of a frame; bytes behind the last field are passed over.

        Raises ValueError for a frame too short, with another constant, or a raw number that is no choice.
        """
        found: dict[str, Value] = {}
        for field, at in self._placed:
            part = frame[at : at + field.size]
            if len(part) < field.size:
                if field.optional:
                    continue
                raise ValueError(f"the frame has {len(frame)} bytes, {field.name or 'a field'} wants {at + field.size}")
            if field.name is not None or field.const is not None:
                with _Told(field):
                    found[field.name or ""] = field.read(part)
        found.pop("", None)
        return found

    def encode(self, values: Mapping[str, Value]) -> bytes:
        """The frame that holds the values, every other bit 0.

        Raises ValueError for a value that is missing, unknown, no choice, or more than its field can hold.
        """
        unknown = sorted(set(values) - self.names)
        if unknown:
            raise ValueError(f"there is no field {unknown[0]!r}")
        frame = bytearray(max(at + field.size for field, at in self._placed))
        for field, at in self._placed:
            if field.name is None and field.const is None:
                continue
            if field.const is None and field.name not in values:
                raise ValueError(f"the field {field.name!r} has no value")
            with _Told(field):
                bits = field.write(values.get(field.name or "", 0))
            for index, byte in enumerate(bits.to_bytes(field.size, field.endian)):
                frame[at + index] |= byte
        return bytes(frame)

    @cached_property
    def _placed(self) -> list[tuple[FrameField, int]]:
        """Each field with the byte it begins at."""
        placed, after = [], 0
        for field in self.fields:
            at = after if field.at is None else field.at
            after = at + field.size
            placed.append((field, at))
        return placed


def _mirrored(field: FrameField, at: int) -> int:
    """The mask of a field with its highest byte first, laid over a frame whose byte 0 is the lowest."""
    return int.from_bytes(field.mask.to_bytes(field.size, "big"), "little") << 8 * at


class _Told:
    """Whatever is wrong inside is told with the field's name."""

    def __init__(self, field: FrameField) -> None:
        self._name = field.name or "a constant"

    def __enter__(self) -> None:
        return None

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, ValueError):
            raise ValueError(f"{self._name}: {error}") from None
