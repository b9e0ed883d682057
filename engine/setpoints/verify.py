"""Acknowledged is not applied: what a read-back says of a command."""

from enum import Enum

from engine.instants import isoformat
from engine.model import Command, ReadBack, spell_sequence
from engine.wire import digest


class Finding(Enum):
    """What a read-back proves about one command."""

    APPLIED = "in action, and the value is right"
    NEWER = "a newer sequence is in action"
    OLDER = "an older sequence is in action"
    CONTRADICTED = "another program is in action under the command's own sequence"
    DIFFERENT = "the program is in action, the value is not yet what it asks"
    EARLY = "the program is held, and begins later"


def judge(command: Command, readback: ReadBack, tolerance: float) -> tuple[Finding, str]:
    """The finding and a sentence with the values behind it. `tolerance` is in the unit of the point.

    After the program's end only its digest can be checked: the equipment is back at its own default. Equipment that
    keeps only a value is judged by that value.
    """
    if readback.seq is None:
        return _judge_value(command, readback, tolerance, f"read-back of {isoformat(readback.observed_at)}")
    seen = f"read-back of {isoformat(readback.observed_at)} shows seq {spell_sequence(readback.seq)}"
    if readback.seq != command.seq:
        finding = Finding.NEWER if readback.seq > command.seq else Finding.OLDER
        return finding, f"{seen} at {readback.value:g}, the command is seq {spell_sequence(command.seq)}"
    expected = digest(command.program)
    if readback.digest != expected:
        return Finding.CONTRADICTED, f"{seen} with program {readback.digest}, the command's is {expected}"
    if readback.observed_at >= command.program.until:
        return Finding.APPLIED, f"{seen}, the program over"
    return _judge_value(command, readback, tolerance, seen)


def _judge_value(command: Command, readback: ReadBack, tolerance: float, seen: str) -> tuple[Finding, str]:
    wanted = command.program.at(readback.observed_at)
    if wanted is None:
        return Finding.EARLY, f"{seen}, before the program begins"
    comparison = f"{seen} at {readback.value:g}, the program asks {wanted:g} ± {tolerance:g}"
    # A hair of tolerance, so that 0.42 is within 0.02 of 0.4.
    close = abs(readback.value - wanted) <= tolerance + 1e-9
    return (Finding.APPLIED if close else Finding.DIFFERENT), comparison
