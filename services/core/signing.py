"""Standard Webhooks 1.0 headers: who signs, and that a receiver can tell a repetition from news.

Called by alerts (the desk) and push (subscribers) at every attempt, because receivers refuse a time older than five
minutes.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from standardwebhooks import Webhook


def sign(secrets: Sequence[str], message_id: str, now: datetime, body: bytes) -> dict[str, str]:
    """Return the headers of `body` sent at `now` (UTC: the library overwrites any other zone).

    Each of `secrets` (`whsec_…`) signs: two while one takes the other's place, none for a receiver that does not check.
    """
    headers = {"webhook-id": message_id, "webhook-timestamp": str(int(now.timestamp()))}
    if secrets:
        text = body.decode()
        headers["webhook-signature"] = " ".join(_signer(secret).sign(message_id, now, text) for secret in secrets)
    return headers


@lru_cache(maxsize=1000)
def _signer(secret: str) -> Webhook:
    """Return what signs with `secret`; reading the key out of it costs as much as a signature."""
    return Webhook(secret)
