"""`datasets/reference/working_time.yaml`: what the law allows those who drive and serve rounds."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from math import inf
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, RootModel, model_validator

from engine.catalogue import Duration
from engine.documents import read_document
from engine.settings import Settings
from optimizers.routing import WorkRules

_NONE = timedelta(0)


class _Rules(BaseModel):
    """One set of rules; what it leaves out is not limited."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    law: Sequence[str] = Field(min_length=1, description="where it is written")
    longest_drive: Duration | None = None
    drive_break: Duration = _NONE
    split: Sequence[Duration] = ()
    most_drive: Duration | None = None
    longest_work: Duration | None = None
    work_break: Duration = _NONE
    most_work: Duration | None = None

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        for longest, pause in (("longest_drive", "drive_break"), ("longest_work", "work_break")):
            if (getattr(self, longest) is None) != (getattr(self, pause) == _NONE):
                raise ValueError(f"wants both {longest} and {pause}, the break that ends it, or neither")
        if self.split and sum(self.split, _NONE) < self.drive_break:
            raise ValueError(
                f"the parts of split come to less than drive_break: {_min(self.drive_break)} min are wanted"
            )
        return self


class _Table(RootModel[Mapping[str, _Rules]]):
    pass


def load_working_time(path: Path) -> tuple[WorkRules, ...]:
    """Every set of rules, in the order of the file. Raises InputError with every problem and its place."""
    table = read_document(path).validate(_Table)
    return tuple(_work_rules(name, rules) for name, rules in table.root.items())


def working_time_of(settings: Settings) -> tuple[WorkRules, ...]:
    """Those of the reference data that the settings name."""
    return load_working_time(settings.datasets_dir / "reference" / "working_time.yaml")


def _work_rules(name: str, rules: _Rules) -> WorkRules:
    return WorkRules(
        id=name,
        longest_drive_s=_limit_s(rules.longest_drive),
        drive_break_s=rules.drive_break.total_seconds(),
        split_s=tuple(part.total_seconds() for part in rules.split),
        most_drive_s=_limit_s(rules.most_drive),
        longest_work_s=_limit_s(rules.longest_work),
        work_break_s=rules.work_break.total_seconds(),
        most_work_s=_limit_s(rules.most_work),
    )


def _limit_s(limit: timedelta | None) -> float:
    return inf if limit is None else limit.total_seconds()


def _min(lasts: timedelta) -> str:
    return f"{lasts.total_seconds() / 60:g}"
