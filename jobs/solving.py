"""What a compute engine does of a planning run: one optimiser over one problem. Imports little, for workers do it."""

import zlib
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, cast

from optimizers.result import Limits, Plan, Violation


class Optimizer(Protocol):
    """What a module of `optimizers` offers. `check` shares no code with `solve`; `unpack` gives what was packed.

    `solve_again` is wanted only of one whose domain says what of a plan may stand.
    """

    def pack(self, problem: Any) -> bytes: ...
    def unpack(self, block: bytes) -> Any: ...
    def solve(self, problem: Any, limits: Limits) -> Plan: ...
    def solve_again(self, problem: Any, standing: bytes, limits: Limits) -> Plan: ...
    def check(self, problem: Any, plan: Any) -> list[Violation]: ...


@dataclass(frozen=True, slots=True)
class Item:
    """A problem, packed and compressed, and the module that can solve it. `standing`: what of a plan stands, if any."""

    optimizer: str
    problem: bytes
    standing: bytes = b""

    @classmethod
    def of(cls, optimizer: str, problem: Any) -> "Item":
        return cls(optimizer, zlib.compress(optimizer_of(optimizer).pack(problem)))


def optimizer_of(name: str) -> Optimizer:
    return cast("Optimizer", import_module(name))


def solve(item: Item, limits: Limits) -> Plan:
    """Pure: the same item and limits give the same plan, unless the clock cuts it (see `Plan.reproducible`)."""
    optimizer = optimizer_of(item.optimizer)
    problem = optimizer.unpack(zlib.decompress(item.problem))
    return optimizer.solve_again(problem, item.standing, limits) if item.standing else optimizer.solve(problem, limits)
