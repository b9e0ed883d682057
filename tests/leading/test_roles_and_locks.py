"""Which roles there are, and the lock of a SQLite file."""

import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import InputError
from jobs.filelock import locked
from jobs.service.roles import ALL, Role, lease_names, parse_roles


def test_all_roles_by_default_and_a_lease_for_each_that_writes() -> None:
    assert parse_roles(",".join(Role)) == ALL
    assert lease_names(ALL) == ["dispatch", "ingest", "plan", "rules"]
    assert lease_names({Role.CONSOLE}) == []
    assert lease_names({Role.DISPATCH}, "7") == ["dispatch/7"]
    assert parse_roles(" rules, plan,") == {Role.RULES, Role.PLAN}


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("tea,rules,coffee", None, "'tea', 'coffee': no such role → some of ingest, rules, plan, dispatch, console"),
        ("", None, "no role is named"),
        ("rules,dispatch", "1", "only senders have names → say --roles dispatch --name N"),
        ("dispatch", "a/b", "'a/b' is no name"),
        ("dispatch", "", "'' is no name"),
    ],
)
def test_other_roles_and_names_are_refused(text: str, name: str | None, said: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_roles(text, name)
    assert said in str(refused.value)


HOLD = """
import sys
from pathlib import Path
from jobs.filelock import locked
with locked(Path(sys.argv[1]), sys.argv[2:]):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(database: Path, *names: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(database), *names], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_who_comes_second_is_told_who_holds_it_and_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    database = tmp_path / "consigne.db"
    other = holder(database, "plan", "dispatch/1")
    with locked(database, ["rules", "dispatch/2"]):
        pass
    said = rf"process {other.pid} serves .*consigne\.db already \(plan\)"
    with pytest.raises(InputError, match=said), locked(database, ["ingest", "plan"]):
        pass
    with locked(database, ["ingest"]):
        pass  # none was kept of those that were not all to be had
    other.kill()
    other.communicate()
    with locked(database, ["plan", "dispatch/1"]):
        assert "process" not in (tmp_path / "consigne.db.serve" / "plan").read_text()
