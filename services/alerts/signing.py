"""How a notice is addressed: Standard Webhooks headers for the desk, the operator's gateway for contacts.

Called by deliver at every attempt, because receivers refuse signatures older than five minutes.
"""

from datetime import datetime
from typing import NamedTuple

import asyncpg

from services.alerts.contacts import read_target
from services.core.city import xf3017
from services.core.line import Line, Request
from services.core.masks import find_secrets
from services.core.outbound import CheckedAddresses
from services.core.receivers import SuccessRule
from services.core.settings import AlertsSettings
from services.core.signing import sign


class Addressed(NamedTuple):
    """A notice ready to send: the request, the line, and the receiver's success rule."""

    request: Request
    line: Line
    rule: SuccessRule | None = None


class DeskAddress:
    """The desk: one URL, one secret (`whsec_…`; empty: unsigned, for a desk that does not check).

    With `codes` it takes the data items of XF/T 3017 (contract 9.5); `brigade_codes` sets them anew.
    """

    def __init__(self, url: str, secret: str, line: Line, codes: xf3017.Codes | None = None) -> None:
        self._url = url
        self.codes = codes
        self._secrets = find_secrets(url, {})
        self._secret = secret
        self._line = line

    def __call__(self, notice: asyncpg.Record, now: datetime) -> Addressed:
        """Return the request for `notice` sent at `now` (UTC: the library overwrites any other zone)."""
        body = notice["body"] if self.codes is None else xf3017.write(notice["body"], self.codes)
        headers = signed_headers(self._secret, str(notice["id"]), body, now)
        return Addressed(Request(self._url, headers, body, secrets=self._secrets), self._line)


class ContactAddress:
    """Contacts: each call has its own target; whoever wrote it decides which networks are open to it."""

    def __init__(self, settings: AlertsSettings) -> None:
        self._county = CheckedAddresses(settings.allowed_networks(county=True), remembered_s=0.0)
        self._anybody = CheckedAddresses(settings.allowed_networks(county=False), remembered_s=0.0)

    def __call__(self, notice: asyncpg.Record, _now: datetime) -> Addressed:
        """Return the request for a call; its target was fixed when the call was made due."""
        target = read_target(notice["target"])
        headers = {"content-type": "application/json", "idempotency-key": str(notice["id"]), **target.headers}
        request = Request(target.url, headers, notice["body"], secrets=find_secrets(target.url, target.headers))
        line = Line(target.url, self._county if target.by_county else self._anybody)
        return Addressed(request, line, target.success)


def signed_headers(secret: str, notice_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """Return the headers of contract 7; the same notice id at every attempt, a fresh time and signature."""
    signed = sign([secret] if secret else [], notice_id, now, body)
    return {"content-type": "application/json", "idempotency-key": notice_id, **signed}
