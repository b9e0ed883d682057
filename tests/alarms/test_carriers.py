"""Messages on the wire: a real mail server and a real HTTP receiver, what they refuse, and what is kept of it."""

import hashlib
import hmac
import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.errors import InputError
from engine.model import Priority
from engine.notify.messages import Channel, Kind, MessageState, Notification
from engine.notify.recipients import Recipient
from engine.notify.sending import Fate, Outcome
from engine.notify.smtp import Mail, MailServer
from engine.notify.webhook import Post
from engine.settings import load_settings
from tests.pki import Pki

from .peers import hook_server, mail_server, server_context

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
DESK = Recipient(email="desk@example.org")
LETTER = Notification(
    "7/desk/email", 7, "desk", Channel.EMAIL, Kind.ALARM, 0, Priority.HIGH, "[HAUTE] Éclairage éteint : L-1",
    "Si rien n'est fait : la rue est noire.\n.\nÉteint.\n", AT, AT, AT + timedelta(hours=1), MessageState.SENDING, 1,
    AT,
)  # fmt: skip
Port = Callable[[], int]


def carried(port: int, to: Recipient = DESK, letter: Notification = LETTER, **how: Any) -> Outcome:
    tls, host = how.pop("tls", None), how.pop("host", "127.0.0.1")
    server = MailServer(host, port, how.pop("implicit", False), "consigne@example.org", **how)
    return Mail(server, tls).carry(letter, to, AT)


def trusting(pki: Pki) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=pki.ca)


def test_a_letter_arrives_as_it_was_written_and_a_copy_is_the_same(free_port: Port) -> None:
    with mail_server(free_port()) as box:
        assert carried(box.port) == Outcome(Fate.DELIVERED, "SMTP 250")
        assert carried(box.port, letter=replace(LETTER, attempts=2, id=5)).fate is Fate.DELIVERED
    first, second = box.letters
    assert first["Subject"] == LETTER.subject
    assert first.get_content().splitlines() == LETTER.body.splitlines()
    assert (first["To"], first["From"]) == ("desk@example.org", "consigne@example.org")
    assert first["Message-ID"] == f"<{LETTER.message_id}@example.org>"
    assert first["Auto-Submitted"] == "auto-generated"
    assert first.as_bytes() == second.as_bytes()


def test_a_mail_server_elsewhere_is_spoken_to_over_tls_only(free_port: Port, pki: Pki, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("s3cret\n")
    how: dict[str, Any] = {"host": "localhost", "user": "consigne", "password_file": secret, "tls": trusting(pki)}
    ours = server_context(pki.certificate("server"), pki.key("server"))
    with mail_server(free_port(), tls_context=ours, require_starttls=True, secret=secret.read_text().strip()) as box:
        assert carried(box.port, **how).fate is Fate.DELIVERED
        secret.write_text("wrong\n")
        assert carried(box.port, **how).fate is Fate.LATER
        assert len(box.letters) == 1
        assert carried(box.port, tls=ssl.create_default_context()).fate is Fate.LATER  # nobody vouches for it
    with mail_server(free_port(), implicit=ours) as box:
        assert carried(box.port, implicit=True, tls=trusting(pki)).fate is Fate.DELIVERED
        assert len(box.letters) == 1


def test_no_letter_goes_in_clear_to_another_machine(free_port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MailServer, "local", property(lambda _: False))
    with mail_server(free_port()) as box:
        assert carried(box.port) == Outcome(Fate.LATER, "SMTP: SMTPNotSupportedError")
    assert box.letters == []


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("550 5.1.1 no desk@example.org here", Outcome(Fate.NEVER, "SMTP 550: addressee refused")),
        ("452 4.2.2 desk@example.org is full", Outcome(Fate.LATER, "SMTP 452: addressee refused")),
    ],
)
def test_what_is_said_of_an_address_is_kept_by_its_code_alone(free_port: Port, answer: str, outcome: Outcome) -> None:
    with mail_server(free_port()) as box:
        box.refused["desk@example.org"] = answer
        assert carried(box.port) == outcome


@pytest.mark.parametrize(
    ("answer", "fate"), [("554 spam", Fate.NEVER), ("451 try later", Fate.LATER), ("421 closing", Fate.LATER)]
)
def test_a_letter_refused_for_good_is_not_sent_again(free_port: Port, answer: str, fate: Fate) -> None:
    with mail_server(free_port()) as box:
        box.answers.append(answer)
        assert carried(box.port).fate is fate


def test_a_server_that_is_away_is_tried_later(free_port: Port) -> None:
    assert carried(free_port()) == Outcome(Fate.LATER, "SMTP: ConnectionRefusedError")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example.org", ("mail.example.org", 587, False, "")),
        ("smtps://u%40v@mail.example.org", ("mail.example.org", 465, True, "u@v")),
        ("smtp://u@[::1]:25", ("::1", 25, False, "u")),
    ],
)
def test_mail_servers_by_their_url(url: str, expected: tuple[object, ...]) -> None:
    server = MailServer.at(url, "c@example.org", None)
    assert (server.host, server.port, server.implicit, server.user) == expected
    assert server.local is (server.host == "::1")


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"smtp_url": "http://mail"}, "SMTP_URL"),
        ({"smtp_url": "smtp://u:p@mail"}, "a password does not belong here"),
        ({"smtp_url": "smtp://mail:99999"}, "SMTP_URL"),
        ({"smtp_url": "smtp://mail"}, "wants CONSIGNE_SMTP_FROM"),
        ({"smtp_url": "smtp://u@mail", "smtp_from": "c@example.org"}, "go together"),
        ({"smtp_from": "nobody"}, "SMTP_FROM"),
        ({"smtp_password_file": "/nowhere"}, "SMTP_PASSWORD_FILE"),
    ],
)
def test_wrong_settings_of_mail_are_named(variables: dict[str, str], told: str) -> None:
    with pytest.raises(InputError, match=told) as caught:
        load_settings(**variables)
    assert ":p@" not in str(caught.value)


# Webhooks

SECRET = "0123456789abcdef0123456789abcdef"


def duty(url: str, **fields: Any) -> Recipient:
    hook = {"url": url, "secret_file": "duty.key", "plain": True, "networks": ["127.0.0.0/8"]}
    return Recipient.model_validate({"webhook": hook | fields})


@pytest.fixture
def post(tmp_path: Path) -> Post:
    (tmp_path / "duty.key").write_text(f"{SECRET}\n")
    return Post(tmp_path)


def test_a_receiver_can_check_who_wrote_and_knows_a_copy(post: Post) -> None:
    with hook_server() as hook:
        assert post.carry(LETTER, duty(hook.url), AT) == Outcome(Fate.DELIVERED, "HTTP 204")
        post.carry(replace(LETTER, attempts=2), duty(hook.url), AT + timedelta(minutes=1))
    (headers, body), (later, copy) = hook.requests
    fields = dict(part.split("=", 1) for part in headers["Consigne-Signature"].split(","))
    signed = hmac.new(SECRET.encode(), f"{fields['t']}.".encode() + body, hashlib.sha256).hexdigest()
    assert (fields["v1"], fields["t"]) == (signed, str(int(AT.timestamp())))
    assert body == copy
    assert headers["Consigne-Message"] == later["Consigne-Message"] == hook.bodies()[0]["id"] == LETTER.message_id
    assert hook.bodies()[0] | {"id": ""} == {
        "id": "", "kind": "alarm", "alarm": 7, "priority": "high", "subject": LETTER.subject, "text": LETTER.body,
        "at": "2026-11-22T12:00:00Z",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        (404, Fate.NEVER),
        (302, Fate.NEVER),
        (401, Fate.LATER),
        (429, Fate.LATER),
        (503, Fate.LATER),
        (200, Fate.DELIVERED),
    ],
)
def test_what_a_receiver_answers_decides(post: Post, status: int, fate: Fate) -> None:
    with hook_server() as hook:
        hook.answers.append(status)
        assert post.carry(LETTER, duty(hook.url), AT) == Outcome(fate, f"HTTP {status}")
    assert len(hook.requests) == 1  # no redirect is followed


def test_private_addresses_absent_receivers_and_lost_secrets_wait(post: Post, tmp_path: Path) -> None:
    with hook_server() as hook:
        assert post.carry(LETTER, duty(hook.url, networks=[]), AT) == Outcome(Fate.LATER, "not sent")
        (tmp_path / "duty.key").unlink()
        assert post.carry(LETTER, duty(hook.url), AT) == Outcome(Fate.LATER, "its secret cannot be read")
    assert hook.requests == []
    (tmp_path / "duty.key").write_text(SECRET)
    assert post.carry(LETTER, duty(hook.url), AT) == Outcome(Fate.LATER, "not sent")
