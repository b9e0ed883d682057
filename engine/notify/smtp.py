"""Messages by e-mail, through one mail server."""

import contextlib
import ipaddress
import smtplib
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from engine.notify.messages import Notification
from engine.notify.recipients import Recipient
from engine.notify.sending import Fate, Outcome

_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class MailServer:
    """`implicit`: TLS from the first byte; else STARTTLS, without which only a server on this machine is spoken to."""

    host: str
    port: int
    implicit: bool
    sender: str
    user: str = ""
    password_file: Path | None = None

    @classmethod
    def at(cls, url: str, sender: str, password_file: Path | None) -> "MailServer":
        """The server of smtp[s]://USER@HOST:PORT; 587 and 465 where the port is left out."""
        parts = urlsplit(url)
        implicit = parts.scheme == "smtps"
        port = parts.port or (465 if implicit else 587)
        return cls(parts.hostname or "", port, implicit, sender, unquote(parts.username or ""), password_file)

    @property
    def local(self) -> bool:
        if self.host == "localhost":
            return True
        with contextlib.suppress(ValueError):
            return ipaddress.ip_address(self.host).is_loopback
        return False


class Mail:
    """A carrier. A connection a message: there are few, and none is left open to be found dead."""

    def __init__(self, server: MailServer, tls: ssl.SSLContext | None = None) -> None:
        self._server = server
        self._tls = tls or ssl.create_default_context()

    def carry(self, message: Notification, to: Recipient, at: datetime) -> Outcome:  # noqa: ARG002
        """See `Carrier.carry`."""
        try:
            with self._connected() as session:
                session.send_message(letter(message, self._server.sender, to.email or ""))
        except smtplib.SMTPException as error:
            return _refused(error)
        except OSError as error:  # TLS faults are of these
            return Outcome(Fate.LATER, f"SMTP: {type(error).__name__}")
        return Outcome(Fate.DELIVERED, "SMTP 250")

    @contextlib.contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        server = self._server
        place = (server.host, server.port, socket.gethostname(), _TIMEOUT_S)
        session = _over_tls(*place, self._tls) if server.implicit else smtplib.SMTP(*place)
        try:
            session.ehlo()
            if not server.implicit and (session.has_extn("starttls") or not server.local):
                session.starttls(context=self._tls)
            if server.password_file is not None:
                session.login(server.user, server.password_file.read_text().partition("\n")[0].strip())
            yield session
        finally:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                session.quit()


def _over_tls(host: str, port: int, ours: str, timeout_s: float, tls: ssl.SSLContext) -> smtplib.SMTP:
    return smtplib.SMTP_SSL(host, port, ours, timeout=timeout_s, context=tls)


def letter(message: Notification, sender: str, to: str) -> EmailMessage:
    """The same letter, to the byte, however often it is sent."""
    made = EmailMessage(policy=SMTP)
    made["From"] = sender
    made["To"] = to
    made["Subject"] = message.subject
    made["Date"] = format_datetime(message.created_at)
    made["Message-ID"] = f"<{message.message_id}@{sender.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers to this
    made.set_content(message.body)
    return made


def _refused(error: smtplib.SMTPException) -> Outcome:
    """By its code alone: what servers write repeats addresses.

    Only what is said of the addressee or of the letter is final; a refused sender or log-in may be mended meanwhile.
    """
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code = max(code for code, _ in error.recipients.values())
        return Outcome(Fate.NEVER if code >= 500 else Fate.LATER, f"SMTP {code}: addressee refused")
    if isinstance(error, smtplib.SMTPResponseException):
        final = isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= 500
        return Outcome(Fate.NEVER if final else Fate.LATER, f"SMTP {error.smtp_code}: {type(error).__name__}")
    return Outcome(Fate.LATER, f"SMTP: {type(error).__name__}")
