"""An alarm from the lamp to a mailbox, to the next mailbox, to somebody who acknowledges it and closes the work."""

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.store import Store
from jobs.cycle import CURSOR
from tests.alarms.peers import Mailbox, mail_server
from tests.waiting import wait_for

from .conftest import CONSIGNE, ROOT, Run, environment

LAMP = "L-49028-00012"
OWNERS = {"owners": {"street-lighting": {"name": {"fr": "Éclairage", "en": "Lighting"}}}}
SAID = {"fr": "Lampe en panne", "en": "Lamp broken"}
RULE = {
    "id": "lamp-broken",
    "about": SAID,
    "owner": "street-lighting",
    "for_each": {"type": "Streetlight"},
    "when": "status == defectiveLamp",
    "then": {
        "alarm": {"priority": "high", "consequence": SAID, "action": SAID, "respond_within": "2 s"},
        "workorder": {"title": {"fr": "Changer la lampe", "en": "Replace the lamp"}, "within": "2 d"},
    },
}
NOTIFY = {
    "recipients": {"desk": {"email": "desk@example.org"}, "duty": {"email": "duty@example.org", "lang": "en"}},
    "services": {"street-lighting": [{"to": "desk"}, {"to": "duty"}]},
}


Command = Callable[..., str]


@pytest.fixture
def variables() -> dict[str, str]:
    """CONSIGNE_* of the command line; the town's once there is one."""
    return {}


@pytest.fixture
def run(consigne: Run, variables: dict[str, str]) -> Command:
    def command(*words: object, code: int = 0) -> str:
        done = consigne(*words, **variables)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    return command


@pytest.fixture
def town(
    run: Command, tmp_path: Path, shipped_mosquitto: str, free_port: Callable[[], int], variables: dict[str, str]
) -> Iterator[Mailbox]:
    """`consigne serve` on the sample territory, rules of our own, a mailbox."""
    rules = tmp_path / "rules"
    for name, content in (("owners", OWNERS), ("notify", NOTIFY), ("lamps/lamps", {"rules": [RULE]})):
        (rules / f"{name}.yaml").parent.mkdir(parents=True, exist_ok=True)
        (rules / f"{name}.yaml").write_text(json.dumps(content))
    with mail_server(free_port()) as box:
        variables |= {
            "CONSIGNE_RULES_DIR": str(rules), "CONSIGNE_BROKER_URL": shipped_mosquitto,
            "CONSIGNE_SMTP_URL": f"smtp://127.0.0.1:{box.port}", "CONSIGNE_SMTP_FROM": "consigne@example.org",
        }  # fmt: skip
        run("db", "upgrade")
        run("territory", "import", ROOT / "datasets" / "sample")
        service = subprocess.Popen([str(CONSIGNE), "serve"], cwd=tmp_path, env=environment(**variables))
        try:
            yield box
        finally:
            service.send_signal(signal.SIGTERM)
            assert service.wait(60) == 0


@pytest.mark.mosquitto
def test_an_alarm_is_heard_acknowledged_and_mended(run: Command, town: Mailbox, tmp_path: Path) -> None:
    box = town
    store = Store.open(f"sqlite:///{tmp_path / 'consigne.db'}")

    def at_work() -> bool:
        with store.read() as unit:
            return unit.state.get(CURSOR) is not None

    wait_for(at_work)
    reading = {"asset": LAMP, "property": "status", "value": "defectiveLamp"}
    (tmp_path / "dark.jsonl").write_text(json.dumps(reading | {"observed_at": datetime.now(UTC).isoformat()}) + "\n")
    assert json.loads(run("ingest", "dark.jsonl", "--json"))["stored"] == 1

    wait_for(lambda: len(box.letters) == 2)
    assert [(str(letter["To"]), str(letter["Subject"])) for letter in box.letters] == [
        ("desk@example.org", f"[HAUTE] Lampe en panne : {LAMP}"),
        ("duty@example.org", f"not acknowledged: [HIGH] Lamp broken: {LAMP}"),
    ]
    (alarm,) = json.loads(run("alarm", "list", "--json"))
    assert (alarm["asset"], alarm["state"]) == (LAMP, "unacknowledged")
    assert f"consigne alarm ack {alarm['id']}" in box.texts()[1]
    shown = run("alarm", "show", alarm["id"])
    assert all(words in shown for words in ("What to do: Lamp broken", "desk (email)  sent", "duty (email)  sent"))
    assert [one["recipients"] for one in json.loads(run("alarm", "recipients", "--json"))] == ["desk", "duty"]
    assert "acknowledged" in run("alarm", "ack", alarm["id"])
    (alarm,) = json.loads(run("alarm", "list", "--json"))
    assert (alarm["state"], alarm["respond_by"]) == ("acknowledged", None)

    (order,) = json.loads(run("workorder", "list", "--json"))
    assert (order["asset"], order["title"]["en"]) == (LAMP, "Replace the lamp")
    assert LAMP in run("workorder", "close", order["id"], "--note", "lamp replaced")
    assert json.loads(run("workorder", "list", "--json")) == []
    assert json.loads(run("workorder", "list", "--closed", "--json"))[0]["note"] == "lamp replaced"

    told = json.loads(run("alarm", "figures", "--days", "1", "--json"))
    assert (told["alarms"], told["figures"]["peak"]["found"]) == (1, 1)
    run("audit", "verify")
    assert len(box.letters) == 2
    with store.read() as unit:
        assert {row.state.value for row in unit.notifications.list()} == {"sent"}
        assert "@" not in "".join(
            f"{row.recipient}{row.body}{row.subject}{row.detail}" for row in unit.notifications.list()
        )


def test_an_operator_puts_alarms_aside_and_takes_them_back(run: Command) -> None:
    run("db", "upgrade")
    run("territory", "import", ROOT / "datasets" / "sample")
    assert "out of service" in run("alarm", "out-of-service", "lamp-failure", LAMP, "--reason", "pole taken away")
    assert "Put aside: 1 × out of service" in run("alarm", "list")
    assert LAMP in run("alarm", "list", "--state", "out_of_service", "--json")
    assert LAMP not in run("alarm", "list", "--state", "shelved", "--json")
    assert "pole taken away" in run("alarm", "show", "1")
    assert "cannot be acknowledged" in run("alarm", "ack", "1", code=2)
    assert "cannot be shelved" in run("alarm", "shelve", "1", "--until", "2030-01-01T00:00Z", "--reason", "x", code=2)
    assert "cannot be unshelved" in run("alarm", "unshelve", "1", code=2)
    assert "wants ids, or one --rule" in run("alarm", "ack", code=2)
    assert "is not an alarm" in run("alarm", "show", "9", code=2)
    assert "normal" in run("alarm", "return", "lamp-failure", LAMP)
    assert "No alarm." in run("alarm", "list")
    assert "No alarm." in run("alarm", "ack", "--rule", "lamp-failure")
    assert "is no work order" in run("workorder", "close", "1", "--note", "x", code=2)
    assert "is no service" in run("alarm", "figures", "--service", "gas", code=2)
    assert "at most" in run("alarm", "figures", "--service", "street-lighting")
