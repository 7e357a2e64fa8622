"""How a notice is addressed: Standard Webhooks headers for the desk, what the operator's gateway wants for contacts.

Called by deliver at every attempt, because receivers refuse signatures older than five minutes.
"""

from datetime import datetime

import asyncpg
from standardwebhooks import Webhook

from services.alerts.deliver import Request


class DeskAddress:
    """The desk: one URL, one secret (`whsec_…`; empty: unsigned, for a desk that does not check)."""

    def __init__(self, url: str, secret: str) -> None:
        self._url = url
        self._webhook = Webhook(secret) if secret else None

    def __call__(self, notice: asyncpg.Record, now: datetime) -> Request:
        """Return the request for `notice` sent at `now` (UTC: the library overwrites any other zone)."""
        return Request(self._url, signed_headers(self._webhook, notice, now), notice["body"])


def address_contact(notice: asyncpg.Record, _now: datetime) -> Request:
    """Return the request for a call to a contact; its address was fixed when the call was made due."""
    target = notice["target"]
    headers = {"content-type": "application/json", "idempotency-key": str(notice["id"]), **target.get("headers", {})}
    return Request(target["url"], headers, notice["body"])


def signed_headers(webhook: Webhook | None, notice: asyncpg.Record, now: datetime) -> dict[str, str]:
    """Return the headers of contract 7; the same notice id at every attempt, a fresh time and signature."""
    notice_id = str(notice["id"])
    headers = {
        "content-type": "application/json",
        "idempotency-key": notice_id,
        "webhook-id": notice_id,
        "webhook-timestamp": str(int(now.timestamp())),
    }
    if webhook is not None:
        headers["webhook-signature"] = webhook.sign(notice_id, now, notice["body"].decode())
    return headers
