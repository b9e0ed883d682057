"""The equipment file: what is right is read, and every mistake is told at its place."""

import re
from pathlib import Path

import pytest

from engine.equipment.connections import serving
from engine.equipment.file import load_equipment
from engine.errors import InputError

GOOD = """
connections:
  - id: lamps
    kind: mqtt
    url: mqtts://broker.example.org
    gateways: [A-*, B-17]
    user: consigne
    secret_file: secrets/password
  - id: partner
    kind: webhook
    url: https://partner.example.org/consigne
    gateways: ["*"]
    secret_file: secrets/password
    timeout: 2 s
"""


@pytest.fixture
def write(tmp_path: Path) -> "Write":
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "password").write_text("s3cret\n")
    (tmp_path / "secrets" / "empty").write_text("\n")
    return Write(tmp_path / "equipment.yaml")


class Write:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, text: str) -> Path:
        self.path.write_text(text)
        return self.path

    def problems(self, text: str) -> list[str]:
        with pytest.raises(InputError) as error:
            load_equipment(self(text))
        return [f"{problem.line}: {problem.what}" for problem in error.value.problems]


def test_what_is_right_is_read(write: Write) -> None:
    lamps, partner = load_equipment(write(GOOD))
    assert (lamps.id, lamps.secret(), lamps.timeout_s) == ("lamps", "s3cret", 5.0)
    assert (partner.capabilities.reads_back, partner.capabilities.key) == (False, False)
    assert "s3cret" not in repr((lamps, partner))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("mqtts://broker.example.org", "http://broker.example.org"), "5: .*wants mqtt://HOST or mqtts://HOST"),
        (("mqtts://broker", "mqtts://me:word@broker"), "3: .*does not belong there"),
        (("[A-*, B-17]", "[A-*-x]"), "6: .*a gateway is an id"),
        (("[A-*, B-17]", "[]"), "6: .*at least 1 item"),
        (('"*"', "B-17"), "12: gateway 'B-17' stands at connection 1, 'lamps'"),
        (("id: partner", "id: lamps"), "9: id 'lamps' stands at connection 1"),
        (("    secret_file: secrets/password\n    timeout", "    timeout"), "9: .*a webhook is signed"),
        (("secrets/password\n    timeout", "secrets/none\n    timeout"), "13: .*there is no file"),
        (("secrets/password\n    timeout", "secrets/empty\n    timeout"), "13: .*empty line"),
        (("2 s", "2 h"), "14: .*at most 1 min"),
        (("2 s", "0 s"), "14: .*more than 0 s"),
        (("https://partner", "http://partner"), "9: .*readable by everybody"),
        (("kind: webhook", "kind: telex"), "9: .*'telex'"),
        (("    user:", "    password: word\n    user:"), "7: unknown key"),
        (("    user:", "    tls: {certificate: secrets/password}\n    user:"), "7: .*go together"),
    ],
)
def test_a_mistake_is_told_at_its_line(write: Write, change: tuple[str, str], problem: str) -> None:
    assert change[0] in GOOD
    (found,) = write.problems(GOOD.replace(*change))
    assert re.match(problem, found), found
    assert "word@" not in found


def test_mistakes_are_told_together(write: Write) -> None:
    text = GOOD.replace("mqtts://", "ftp://").replace("2 s", "2 h").replace("[A-*, B-17]", "[]")
    assert [line.partition(":")[0] for line in write.problems(text)] == ["5", "6", "14"]


@pytest.mark.parametrize(
    ("gateway", "pattern"),
    [("A-1", "A-1"), ("A-12", "A-1*"), ("A-2", "A-*"), ("B", "*"), ("A-", "A-*")],
)
def test_an_id_wins_over_a_beginning_and_a_longer_one_over_a_shorter(gateway: str, pattern: str) -> None:
    assert serving(gateway, ["*", "A-*", "A-1*", "A-1"]) == pattern
    assert serving(gateway, ["C-*"]) is None
