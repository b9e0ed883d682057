"""From alarms in the store to letters in a mailbox: once each, in digests, over failures and over dead senders."""

import json
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from engine.alarms import Acknowledge, Clear, Event, Raise, Shelve, Subject, current, move
from engine.instants import isoformat
from engine.model import Priority
from engine.notify.messages import MessageState, Notification
from engine.notify.sending import Outcome
from engine.notify.smtp import Mail
from engine.rulebook import Rulebook
from engine.settings import Settings
from engine.store import Store
from jobs.bootstrap import StoryClock, Territory
from jobs.cycle import RulesAtWork
from jobs.notify import Notifier
from tests.alarms.peers import Mailbox, mail_server
from tests.conftest import BOTH
from tests.waiting import PATIENCE_S

from .conftest import NOON, ROOT

MINUTE = timedelta(minutes=1)
TWO = {
    "recipients": {"desk": {"email": "desk@example.org"}, "duty": {"email": "duty@example.org", "lang": "en"}},
    "services": {"street-lighting": [{"to": "desk"}, {"to": "duty"}]},
    "otherwise": [{"to": "duty"}],
}
SPEECH = {"about": {"fr": "Lampe éteinte", "en": "Lamp dark"}, "respond_within_s": 600.0}


@pytest.fixture
def box(free_port: Callable[[], int]) -> Iterator[Mailbox]:
    with mail_server(free_port()) as found:
        yield found


class Town:
    """The sample territory, a mailbox, and a notifier whose time is the test's."""

    def __init__(self, settings: Settings, store: Store, territory: Territory, book: Rulebook, box: Mailbox) -> None:
        folder = settings.data_dir / "notified"
        folder.mkdir()
        self.file = folder / "notify.yaml"
        url = f"smtp://127.0.0.1:{box.port}"
        self.settings = settings.model_copy(
            update={"rules_dir": folder, "smtp_url": url, "smtp_from": "consigne@example.org"}
        )
        self.store, self.territory, self.book, self.box = store, territory, book, box
        self.clock = StoryClock(NOON)
        self.write(TWO)
        self.notifier = Notifier(self.settings, store, territory, self.clock)

    def write(self, content: dict[str, Any]) -> None:
        self.file.write_text(json.dumps(content))

    def event(self, asset: str, *events: Event, rule: str = "lamp-failure", priority: Priority = Priority.HIGH) -> int:
        with self.store.begin() as unit:
            known = current(unit.alarms, rule, asset)
            raised = Raise(Subject(rule, asset, "z", priority), SPEECH)
            done = move(unit.alarms, rule, asset, events or [raised], self.clock.now(), known)
        assert done.after is not None and not done.refusal
        return done.after.id or 0

    def pass_(self, minutes: float = 0) -> int:
        """Time passes; then what is due is written and sent."""
        self.clock.at += minutes * MINUTE
        written = self.notifier.tell(self.book)
        self.notifier.post()
        return written

    def rows(self) -> list[Notification]:
        with self.store.read() as unit:
            return unit.notifications.list()

    def mail(self) -> list[tuple[str, str]]:
        return [(str(letter["To"]).partition("@")[0], str(letter["Subject"])) for letter in self.box.letters]


@pytest.fixture
def town(settings: Settings, store: Store, territory: Territory, rules: RulesAtWork, box: Mailbox) -> Town:
    return Town(settings, store, territory, rules.rulebook, box)


@BOTH
def test_the_desk_hears_then_the_one_on_duty_then_nobody_more(town: Town) -> None:
    lamp = town.territory.of_type("Streetlight")[0].id
    number = town.event(lamp)
    assert (town.pass_(), town.pass_(9), town.pass_(1), town.pass_(60)) == (1, 0, 1, 0)
    assert town.mail() == [
        ("desk", f"[HAUTE] Lampe éteinte : {lamp}"), ("duty", f"not acknowledged: [HIGH] Lamp dark: {lamp}")
    ]  # fmt: skip
    assert f"consigne alarm ack {number}" in town.box.texts()[1]
    assert {row.state for row in town.rows()} == {MessageState.SENT}
    with town.store.read() as unit:
        lines = list(unit.audit.bodies("notify", "write", NOON, town.clock.now() + MINUTE))
    assert lines == [{"alarms": [number], "messages": 1, "digests": 0}] * 2


def test_an_acknowledged_alarm_goes_no_further_and_what_was_written_is_cancelled(town: Town) -> None:
    town.event("L-1")
    town.pass_()
    town.clock.at += 10 * MINUTE
    town.notifier.tell(town.book)  # written, not yet sent
    town.event("L-1", Acknowledge("ana"))
    town.pass_()
    assert [to for to, _ in town.mail()] == ["desk"]
    assert [row.state for row in town.rows()] == [MessageState.SENT, MessageState.CANCELLED]


def test_what_is_acknowledged_while_another_letter_is_on_its_way_is_not_sent(town: Town) -> None:
    town.event("L-1")
    town.event("L-2")
    town.pass_()
    town.clock.at += 10 * MINUTE
    town.notifier.tell(town.book)
    carry = Mail.carry

    def acknowledged_meanwhile(mail: Mail, *given: Any) -> Outcome:
        town.event("L-2", Acknowledge("ana"))
        return carry(mail, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Mail, "carry", acknowledged_meanwhile)
        town.notifier.post()
    assert [(row.alarm, row.state.value) for row in town.rows()][2:] == [(1, "sent"), (2, "cancelled")]


def test_a_new_occurrence_is_told_anew(town: Town) -> None:
    town.event("L-1")
    town.pass_()
    town.event("L-1", Clear(), Acknowledge("ana"))
    town.event("L-1")
    town.pass_(1)
    assert len(town.mail()) == 2
    assert len({str(letter["Message-ID"]) for letter in town.box.letters}) == 2


def test_a_shelved_alarm_comes_back_in_time_and_is_told_then(town: Town) -> None:
    town.event("L-1")
    town.event("L-1", Shelve(NOON + 30 * MINUTE, "works", "ana"))
    assert town.pass_(29) == 0
    assert town.pass_(1) == 1


def test_an_internal_alarm_goes_to_whom_nothing_else_does(town: Town) -> None:
    town.event("L-1", rule="setpoint-not-applied")
    town.pass_()
    assert [to for to, _ in town.mail()] == ["duty"]


@BOTH
def test_a_cabinet_s_lamps_are_one_letter(town: Town) -> None:
    lamps = town.territory.of_type("Streetlight")
    cabinet = lamps[0].parent
    under = [lamp.id for lamp in lamps if lamp.parent == cabinet]
    for lamp in under:
        town.event(lamp)
    town.pass_()
    assert town.mail() == [("desk", f"[HAUTE] {len(under)} alarmes à la fois")]
    assert f"{len(under)} × lamp-failure : {cabinet}" in town.box.texts()[0]
    assert town.pass_(9) == 0
    town.pass_(1)
    assert town.mail()[1:] == [("duty", f"[HIGH] {len(under)} alarms at once")]


def test_a_mail_server_that_fails_is_tried_until_the_message_is_over(town: Town) -> None:
    town.event("L-1")
    town.box.answers = ["451 later"] * 3
    for minutes in (0, 0.4, 0.1, 1, 2, 5):
        town.pass_(minutes)
    (row,) = [row for row in town.rows() if row.recipient == "desk"]
    assert (row.state, row.attempts, row.detail) == (MessageState.SENT, 4, "SMTP 250")
    assert [to for to, _ in town.mail()] == ["desk"]


def test_a_refused_address_goes_to_the_next_at_once_and_stays_out_of_the_database(town: Town) -> None:
    town.box.refused["desk@example.org"] = "550 desk@example.org: no such user"
    town.event("L-1")
    town.pass_()
    town.pass_()
    assert [to for to, _ in town.mail()] == ["duty"]
    assert not any("@" in str(getattr(row, name)) for row in town.rows() for name in Notification.__slots__)


def test_a_file_with_a_mistake_leaves_the_one_before_in_force(town: Town) -> None:
    town.pass_()
    town.write(TWO | {"otherwise": [{"to": "nobody"}]})
    town.event("L-1")
    assert town.pass_(1) == 1
    town.file.unlink()
    town.event("L-2")
    assert town.pass_(1) == 0


def test_what_waits_is_not_given_up_before_the_file_has_been_read(town: Town) -> None:
    town.event("L-1")
    town.notifier.tell(town.book)
    started_anew = Notifier(town.settings, town.store, town.territory, town.clock)
    started_anew.post()
    assert (town.mail(), [row.state for row in town.rows()]) == ([], [MessageState.QUEUED])
    started_anew.tell(town.book)
    started_anew.post()
    assert len(town.mail()) == 1


def test_a_recipient_who_is_gone_gets_nothing_more(town: Town) -> None:
    town.event("L-1")
    town.notifier.tell(town.book)
    town.write(TWO | {"recipients": {"duty": TWO["recipients"]["duty"]}, "services": {}})  # type: ignore[index]
    town.pass_()
    assert next((row.recipient, row.state) for row in town.rows()) == ("desk", MessageState.FAILED)


@BOTH
def test_two_notifiers_write_and_send_one_letter(town: Town) -> None:
    other = Notifier(town.settings, town.store, town.territory, town.clock)
    town.event("L-1")
    assert [town.notifier.tell(town.book), other.tell(town.book)] == [1, 0]
    town.notifier.post(), other.post()
    assert len(town.mail()) == 1


CHILD = """
    import os, signal, sys
    from datetime import datetime
    from pathlib import Path
    from engine.notify.messages import Channel
    from engine.notify.recipients import load_recipients
    from engine.notify.sending import Courier
    from engine.notify.smtp import Mail, MailServer
    from engine.store import Store
    from jobs.bootstrap import StoryClock

    class Dies:
        # Killed just before, or just after, the mail server has taken the letter.
        def __init__(self, mail, when): self.mail, self.when = mail, when
        def carry(self, *given):
            if self.when == "before": os.kill(os.getpid(), signal.SIGKILL)
            self.mail.carry(*given)
            os.kill(os.getpid(), signal.SIGKILL)

    database, file, url, at, when = sys.argv[1:]
    mail = Mail(MailServer.at(url, "consigne@example.org", None))
    store = Store.open(database)
    carriers = {Channel.EMAIL: Dies(mail, when)}
    Courier(store.read, store.begin, carriers, StoryClock(datetime.fromisoformat(at))).step(
        load_recipients(Path(file), ["street-lighting"])
    )
"""


@BOTH
@pytest.mark.parametrize(("when", "copies"), [("before", 1), ("after", 2)])
def test_a_sender_killed_at_its_worst_loses_nothing_and_a_copy_has_the_same_id(
    town: Town, when: str, copies: int
) -> None:
    town.event("L-1")
    town.event("L-2")
    town.notifier.tell(town.book)
    arguments = [town.settings.database_url, town.file, town.settings.smtp_url, isoformat(town.clock.now()), when]
    child = [sys.executable, "-c", textwrap.dedent(CHILD), *map(str, arguments)]
    killed = subprocess.run(child, cwd=ROOT, check=False, timeout=PATIENCE_S, capture_output=True, text=True)
    assert killed.returncode == -9, killed.stderr
    town.pass_(1)  # the other letter is nobody's: it goes now; the claimed one waits for its lease
    assert len(town.box.letters) == copies
    town.pass_(5)
    ids = [str(letter["Message-ID"]) for letter in town.box.letters]
    assert (len(ids), len(set(ids))) == (copies + 1, 2)
    assert [row.state for row in town.rows()] == [MessageState.SENT] * 2
