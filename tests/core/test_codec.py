"""Frames and registers as data: what is written is read back, and what cannot be held is refused."""

import math
import struct
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.catalogue import Catalogue
from engine.codec import FrameField, Layout, Value

INTEGERS = ["u8", "i8", "u16", "i16", "u24", "i24", "u32", "i32"]
scales = st.sampled_from([1, 0.1, 0.01, 0.005, 0.25, -0.5, 10, 1 / 3])
offsets = st.sampled_from([0, -40, 0.5, 273.15])


@st.composite
def number_fields(draw: st.DrawFn) -> FrameField:
    kind = draw(st.sampled_from(INTEGERS))
    bits = {}
    if kind[0] == "u" and draw(st.booleans()):
        width = draw(st.integers(1, int(kind[1:])))
        bits = {"bit": draw(st.integers(0, int(kind[1:]) - width)), "width": width}
    endian = draw(st.sampled_from(["big", "little"]))
    return FrameField(name="x", type=kind, endian=endian, scale=draw(scales), offset=draw(offsets), **bits)


@given(number_fields(), st.data())
def test_what_is_written_is_read_within_half_a_unit(field: FrameField, data: st.DataObject) -> None:
    assert field.bounds is not None
    ends = sorted(map(field.value_of, field.bounds))
    value = data.draw(st.floats(*ends))
    layout = Layout(fields=(field,))
    read = layout.decode(layout.encode({"x": value}))["x"]
    assert isinstance(read, float)
    # Half a unit, and the last bit of the float it is told in.
    assert abs(Fraction(read) - Fraction(value)) <= abs(field.scale) / 2 + Fraction(math.ulp(read))
    assert layout.encode({"x": read}) == layout.encode({"x": value})


@given(number_fields(), st.data())
def test_every_raw_number_comes_back(field: FrameField, data: st.DataObject) -> None:
    assert field.bounds is not None
    raw = data.draw(st.integers(*field.bounds))
    assert field.raw_of(field.value_of(raw)) == raw


@pytest.mark.parametrize(
    ("dali", "flux", "raw", "read"),
    [("log", 0.5, 229, 0.5053), ("log", 0.0, 0, 0.0), ("log", 1.0, 254, 1.0), ("linear", 0.5, 127, 0.5)],
)
def test_a_flux_is_written_as_a_level_of_a_dimming_bus(dali: Any, flux: float, raw: int, read: float) -> None:
    layout = Layout(fields=(FrameField(name="x", dali=dali),))
    assert layout.encode({"x": flux}) == bytes([raw])
    assert layout.decode(bytes([raw]))["x"] == pytest.approx(read, abs=1e-4)


@pytest.mark.parametrize("dali", ["log", "linear"])
def test_what_a_bus_makes_of_any_planned_flux_is_within_what_verification_allows(
    dali: Any, catalogue: Catalogue
) -> None:
    field = FrameField(dali=dali)
    allowed = catalogue.point("Streetlight", "illuminanceLevel").envelope.verify_tolerance
    planned = [k / 100 for k in range(101)]
    more = [field.value_of(field.raw_of(flux)) - flux for flux in planned]
    assert min(more) >= -1e-9
    assert max(more) <= allowed


@pytest.mark.parametrize("value", [1.01, -0.1])
def test_what_is_no_flux_is_no_level(value: float) -> None:
    with pytest.raises(ValueError, match="is no flux: a share of full, 0 to 1"):
        Layout(fields=(FrameField(name="x", dali="log"),)).encode({"x": value})


def test_255_is_no_level() -> None:
    with pytest.raises(ValueError, match="x: 255 is outside 0 to 254"):
        Layout(fields=(FrameField(name="x", dali="log"),)).decode(b"\xff")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"scale": 0.01}, "have a curve, and neither scale nor offset"),
        ({"type": "i8"}, "whole numbers from 0 to 254, which it cannot hold"),
        ({"type": "f32"}, "whole numbers from 0 to 254, which it cannot hold"),
        ({"bit": 0, "width": 7}, "whole numbers from 0 to 254, which it cannot hold"),
        ({"dali": "cubic"}, "Input should be 'log' or 'linear'"),
    ],
)
def test_levels_that_contradict_their_field(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        FrameField(**{"name": "x", "dali": "log"} | keys)


@given(number_fields(), st.floats(min_value=0.51, max_value=1e12), st.booleans())
def test_a_value_out_of_range_is_refused(field: FrameField, beyond: float, below: bool) -> None:
    assert field.bounds is not None
    low, high = sorted(map(field.value_of, field.bounds))
    step = float(abs(field.scale))
    value = low - beyond * step if below else high + beyond * step
    with pytest.raises(ValueError, match="cannot be written, which holds"):
        Layout(fields=(field,)).encode({"x": value})


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.sampled_from(["big", "little"]))
def test_a_float_is_what_the_standard_says(value: float, endian: str) -> None:
    layout = Layout(fields=(FrameField(name="x", type="f32", endian=endian),))
    frame = layout.encode({"x": value})
    assert frame == struct.pack(">f" if endian == "big" else "<f", value + 0.0)  # one zero, as in the store
    assert layout.decode(frame) == {"x": value}


@pytest.mark.parametrize("value", [math.nan, math.inf, 3.5e38])
def test_a_float_that_cannot_be_held_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"^x: "):
        Layout(fields=(FrameField(name="x", type="f32"),)).encode({"x": value})


@pytest.mark.parametrize("raw", [struct.pack(">f", math.nan), struct.pack(">f", math.inf)])
def test_a_float_that_means_nothing_is_no_reading(raw: bytes) -> None:
    with pytest.raises(ValueError, match="the raw number is"):
        Layout(fields=(FrameField(name="x", type="f32"),)).decode(raw)


PROBE = Layout(
    f_port=2,
    fields=(
        FrameField(const=0xA5),
        FrameField(name="moisture", type="u16", scale=0.01),
        FrameField(name="temperature", type="i16", endian="little", scale=0.01),
        FrameField(name="battery", at=5, bit=4, width=4, scale=0.1, offset=2),
        FrameField(name="state", at=5, bit=0, width=2, choices={0: "ok", 1: "lidOpen"}),
        FrameField(name="counter", type="u32", optional=True),
    ),
)


def test_a_frame_of_every_kind_of_field() -> None:
    """By hand: 35.00 is 0x0dac; -5 at 0.01 is -500, 0xfe0c; 3.3 is 13 tenths above 2; lidOpen is 1."""
    frame = bytes.fromhex("a5 0dac 0cfe d1")
    values: dict[str, Value] = {"moisture": 35.0, "temperature": -5.0, "battery": 3.3, "state": "lidOpen"}
    assert PROBE.decode(frame) == values
    assert PROBE.decode(frame + bytes.fromhex("00000007")) == values | {"counter": 7.0}
    assert PROBE.encode(values | {"counter": 7}) == frame + bytes.fromhex("00000007")
    assert PROBE.decode(frame)["moisture"] == 35.0


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        ("a5 0dac", "the frame has 3 bytes, temperature wants 5"),
        ("a6 0dac 0cfe d1", "a constant: found 166, wanted the constant 165"),
        ("a5 0dac 0cfe d3", "state: found 3, wanted one of 0, 1"),
    ],
)
def test_a_frame_that_does_not_fit_says_why(frame: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"^{why}$"):
        PROBE.decode(bytes.fromhex(frame))


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"moisture": 700.0}, "moisture: 700 cannot be written, which holds 0 to 655.35"),
        ({"state": "burning"}, "state: 'burning' is none of ok, lidOpen"),
        ({"moisture": "wet"}, "moisture: 'wet' is no number"),
        ({"colour": 1.0}, "there is no field 'colour'"),
        ({"battery": None}, "the field 'battery' has no value"),
    ],
)
def test_values_that_cannot_be_written_say_why(values: dict[str, Value | None], why: str) -> None:
    good: dict[str, Value | None] = {
        "moisture": 35.0,
        "temperature": 0.0,
        "battery": 3.3,
        "state": "ok",
        "counter": 0.0,
    }
    whole = good | values
    with pytest.raises(ValueError, match=f"^{why}"):
        PROBE.encode({name: value for name, value in whole.items() if value is not None})


@given(st.lists(number_fields(), min_size=2, max_size=4), st.data())
def test_fields_after_each_other_do_not_touch(fields: list[FrameField], data: st.DataObject) -> None:
    named = tuple(field.model_copy(update={"name": f"x{n}"}) for n, field in enumerate(fields))
    layout = Layout(fields=named)
    raws = [data.draw(st.integers(*field.bounds)) for field in named if field.bounds]
    values = {f"x{n}": field.value_of(raw) for n, (field, raw) in enumerate(zip(named, raws, strict=True))}
    assert layout.decode(layout.encode(values)) == values


@pytest.mark.parametrize(
    ("field", "why"),
    [
        ({"scale": 0}, "scale of 0"),
        ({"type": "i16", "bit": 0}, "not all in an unsigned i16"),
        ({"type": "u8", "bit": 5, "width": 4}, "bits 5 to 8"),
        ({"width": 4}, "width belongs to a field with bit"),
        ({"type": "f32", "const": 1}, "belong to whole numbers"),
        ({"type": "u8", "choices": {256: "off"}}, "256 is outside 0 to 255"),
        ({"type": "u8", "choices": {0: "off", 1: "off"}}, "same word"),
        ({"type": "u64"}, "Input should be"),
    ],
)
def test_a_field_that_makes_no_sense_is_refused(field: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        FrameField.model_validate({"name": "x", **field})


def test_fields_that_lie_over_each_other_are_refused() -> None:
    one = {"name": "one", "type": "u16"}
    for two in ({"at": 1}, {"at": 0, "bit": 0}, {"at": 1, "bit": 7}):
        with pytest.raises(ValidationError, match="lies over another"):
            Layout.model_validate({"fields": [one, {"name": "two", **two}]})
    with pytest.raises(ValidationError, match="two fields are called 'one'"):
        Layout.model_validate({"fields": [one, one]})


@given(st.binary(max_size=16))
def test_no_frame_does_worse_than_a_value_error(frame: bytes) -> None:
    try:
        values = PROBE.decode(frame)
    except ValueError:
        return
    assume("counter" in values)
    known = PROBE.decode(PROBE.encode(values))
    assert known == values
