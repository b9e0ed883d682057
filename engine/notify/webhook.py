"""Messages as signed JSON, posted to an address of the recipient's own."""

import ssl
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from engine.errors import Unavailable
from engine.instants import isoformat
from engine.notify.messages import Notification
from engine.notify.recipients import Recipient, Webhook, secret_of
from engine.notify.sending import Fate, Outcome
from engine.web import SIGNATURE, Allow, NotSent, SafeClient, signature

ID = "Consigne-Message"
"""The header with the message's id: the same for every copy."""
_TRANSIENT = {401, 403, 408, 425, 429}  # the first two: a secret that is being changed


class Post:
    """A carrier. `folder` is where relative paths of secrets start."""

    def __init__(self, folder: Path, tls: ssl.SSLContext | None = None) -> None:
        self._folder, self._tls = folder, tls

    def carry(self, message: Notification, to: Recipient, at: datetime) -> Outcome:
        """See `Carrier.carry`."""
        hook = to.webhook
        assert hook is not None  # noqa: S101 - the recipient has this channel
        body = written(message)
        try:
            secret = secret_of(self._folder / hook.secret_file)
        except OSError:
            return Outcome(Fate.LATER, "its secret cannot be read")
        headers = {"Content-Type": "application/json", ID: message.message_id, SIGNATURE: signature(secret, at, body)}
        try:
            with SafeClient(allowed(hook), timeout_s=10.0, tls=self._tls) as client:
                reply = client.post(hook.url, body, headers)
        except Unavailable as error:
            return Outcome(Fate.LATER, "not sent" if isinstance(error, NotSent) else "no answer")
        if reply.ok:
            return Outcome(Fate.DELIVERED, f"HTTP {reply.status}")
        final = 300 <= reply.status < 500 and reply.status not in _TRANSIENT
        return Outcome(Fate.NEVER if final else Fate.LATER, f"HTTP {reply.status}")


def allowed(hook: Webhook) -> Allow:
    """Its own host only."""
    host = urlsplit(hook.url).hostname or ""
    return Allow(frozenset({host}), tuple(map(ip_network, hook.networks)), plain=hook.plain)


def written(message: Notification) -> bytes:
    """The body, the same for every copy."""
    return orjson.dumps(
        {
            "id": message.message_id,
            "kind": message.kind.value,
            "alarm": message.alarm,
            "priority": message.priority.value,
            "subject": message.subject,
            "text": message.body,
            "at": isoformat(message.created_at),
        },
        option=orjson.OPT_SORT_KEYS,
    )
