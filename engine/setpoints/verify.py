"""Acknowledged is not applied: what a read-back, or a meter, says of a command."""

from enum import Enum

from engine.instants import isoformat
from engine.model import Command, ReadBack, Verification, spell_sequence
from engine.ports import Capabilities
from engine.setpoints.points import Meter, PointInfo, Sample
from engine.wire import digest


class Proof(Enum):
    """By what a point's setpoints can be verified."""

    READ_BACK = "the equipment is asked"
    METER = "a reading shows it, or what must follow from it"
    NONE = "nothing can tell"


def proof_of(point: PointInfo, can: Capabilities) -> Proof:
    """What the catalogue asks for, or what is left of it where the way to the equipment cannot read back."""
    wanted = point.envelope.verification
    if wanted is Verification.NONE:
        return Proof.NONE
    if wanted is Verification.READ_BACK and can.reads_back:
        return Proof.READ_BACK
    return Proof.NONE if point.meter is None else Proof.METER


class Finding(Enum):
    """What a read-back proves about one command."""

    APPLIED = "in action, and the value is right"
    NEWER = "a newer sequence is in action"
    OLDER = "an older sequence is in action"
    CONTRADICTED = "another program is in action under the command's own sequence"
    DIFFERENT = "the program is in action, the value is not yet what it asks"
    EARLY = "the program is held, and begins later"


def judge(command: Command, readback: ReadBack, tolerance: float, *, rises: bool = False) -> tuple[Finding, str]:
    """The finding and a sentence with the values behind it. `tolerance` is in the unit of the point; with `rises` any
    value above one that is not 0 is right, for the equipment may rise by itself.

    After the program's end only its digest can be checked: the equipment is back at its own default. Equipment that
    keeps only a value is judged by that value.
    """
    if readback.seq is None:
        return _judge_value(command, readback, tolerance, rises, f"read-back of {isoformat(readback.observed_at)}")
    seen = f"read-back of {isoformat(readback.observed_at)} shows seq {spell_sequence(readback.seq)}"
    if readback.seq != command.seq:
        finding = Finding.NEWER if readback.seq > command.seq else Finding.OLDER
        return finding, f"{seen} at {readback.value:g}, the command is seq {spell_sequence(command.seq)}"
    expected = digest(command.program)
    if readback.digest != expected:
        return Finding.CONTRADICTED, f"{seen} with program {readback.digest}, the command's is {expected}"
    if readback.observed_at >= command.program.until:
        return Finding.APPLIED, f"{seen}, the program over"
    return _judge_value(command, readback, tolerance, rises, seen)


def _judge_value(command: Command, readback: ReadBack, tolerance: float, rises: bool, seen: str) -> tuple[Finding, str]:
    wanted = command.program.at(readback.observed_at)
    if wanted is None:
        return Finding.EARLY, f"{seen}, before the program begins"
    comparison = f"{seen} at {readback.value:g}, the program asks {wanted:g} ± {tolerance:g}"
    # A hair of tolerance, so that 0.42 is within 0.02 of 0.4.
    close = abs(readback.value - wanted) <= tolerance + 1e-9
    risen = rises and readback.value > wanted > 0
    return (Finding.APPLIED if close or risen else Finding.DIFFERENT), comparison


def judge_meter(
    command: Command, meter: Meter, sample: Sample, tolerance: float, *, rises: bool = False
) -> tuple[Finding, str]:
    """What the newest reading of a point's meter proves about the command. The reading is to be younger than it."""
    if meter.on is None or meter.off is None:
        shown = ReadBack(command.point, "", None, None, sample.value, sample.observed_at)
        return judge(command, shown, tolerance, rises=rises)
    seen = f"{meter.watch.property} of {meter.watch.asset} at {isoformat(sample.observed_at)} is {sample.value:g}"
    wanted = command.program.at(sample.observed_at)
    if wanted is None:
        return Finding.EARLY, f"{seen}, outside the program"
    low, high = meter.on if wanted else meter.off
    comparison = f"{seen}, the program asks {wanted:g}: {low:g} to {high:g}"
    return (Finding.APPLIED if low <= sample.value <= high else Finding.DIFFERENT), comparison
