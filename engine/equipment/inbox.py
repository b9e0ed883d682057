"""Answers of equipment that answers at once, kept until they are committed."""

import threading
import time
from collections.abc import Iterable

from engine.model import Ack, ReadBack
from engine.ports import Answers

Answer = Ack | ReadBack | str


class Inbox:
    """Any thread puts, one takes. What was taken and not confirmed is given again: a lost commit loses no answer.

    What could not be read is put as a text, and comes out under `malformed`.
    """

    def __init__(self) -> None:
        self._held: dict[int, Answer] = {}
        self._next = 0
        self._change = threading.Condition()

    def put(self, answers: Iterable[Answer]) -> None:
        with self._change:
            for answer in answers:
                self._held[self._next] = answer
                self._next += 1
            self._change.notify_all()

    def receive(self, timeout_s: float) -> Answers:
        """All that is held; waits up to `timeout_s` for the first."""
        deadline = time.monotonic() + timeout_s
        with self._change:
            while not self._held and (left_s := deadline - time.monotonic()) > 0:
                self._change.wait(left_s)
            held = dict(self._held)
        found = held.values()
        return Answers(
            acks=tuple(answer for answer in found if isinstance(answer, Ack)),
            readbacks=tuple(answer for answer in found if isinstance(answer, ReadBack)),
            malformed=tuple(answer for answer in found if isinstance(answer, str)),
            receipt=tuple(held),
        )

    def confirm(self, answers: Answers) -> None:
        if isinstance(answers.receipt, tuple):
            with self._change:
                for number in answers.receipt:
                    self._held.pop(number, None)
