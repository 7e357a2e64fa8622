"""Encrypts a message for one browser (RFC 8291) and says who sends it (VAPID, RFC 8292). Pure but for chance and time.

Used by `push_service`. The push service in between learns neither the text nor, as messages are filled up, its length.
"""

import os
from datetime import datetime, timedelta
from typing import Final

import orjson
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.core.push_keys import to_bytes, to_text

_CURVE: Final = ec.SECP256R1()
_RECORD_BYTES: Final = 4096  # RFC 8291 4: what every push service takes, as one record
_FILLED_TO: Final = 1024
_TOKEN_LIFE, _TOKEN_RENEWED_AFTER = timedelta(hours=12), timedelta(hours=6)  # RFC 8292 2: at most 24 h


def seal(
    plain: bytes, p256dh: bytes, auth: bytes, *, salt: bytes = b"", ours: ec.EllipticCurvePrivateKey | None = None
) -> bytes:
    """Return the body of a push message in `aes128gcm`. `salt` and `ours` are drawn anew unless given.

    Raises:
        ValueError: `p256dh` is no point of the curve.
    """
    salt = salt or os.urandom(16)
    ours = ours or ec.generate_private_key(_CURVE)
    public = _point(ours)
    shared = ours.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, p256dh))
    secret = _derive(shared, auth, b"WebPush: info\0" + p256dh + public, 32)
    key = _derive(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derive(secret, salt, b"Content-Encoding: nonce\0", 12)
    header = salt + _RECORD_BYTES.to_bytes(4) + bytes([len(public)]) + public
    return header + AESGCM(key).encrypt(nonce, plain + b"\2", None)


def fill(plain: bytes) -> bytes:
    """Return JSON with blanks behind it, so that a name that is longer makes no longer message."""
    return plain + b" " * (-len(plain) % _FILLED_TO)


def _derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(secret)


def _point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def new_key() -> str:
    """Return a private key as the tools of others write it: base64url of the number."""
    return to_text(ec.generate_private_key(_CURVE).private_numbers().private_value.to_bytes(32))


class Sender:
    """Who we are to push services. `contact` is a mailto: or https: address at which they reach the operator."""

    def __init__(self, private_key: str, contact: str) -> None:
        """Take a key as `new_key` writes it.

        Raises:
            ValueError: it is none.
        """
        self._key = ec.derive_private_key(int.from_bytes(to_bytes(private_key)), _CURVE)
        self._contact = contact
        self._tokens: dict[str, tuple[datetime, str]] = {}
        self.public_key = to_text(_point(self._key))

    def authorization(self, origin: str, now: datetime) -> str:
        """Return the header of that name for a push service, as `https://push.example`."""
        made_at, token = self._tokens.get(origin, (now, ""))
        if not token or not timedelta(0) <= now - made_at < _TOKEN_RENEWED_AFTER:
            token = self._sign({"aud": origin, "exp": int((now + _TOKEN_LIFE).timestamp()), "sub": self._contact})
            self._tokens = {
                **{other: kept for other, kept in self._tokens.items() if now - kept[0] < _TOKEN_RENEWED_AFTER},
                origin: (now, token),
            }
        return f"vapid t={token},k={self.public_key}"

    def _sign(self, claims: dict[str, object]) -> str:
        signed = ".".join(to_text(orjson.dumps(part)) for part in ({"typ": "JWT", "alg": "ES256"}, claims))
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{to_text(r.to_bytes(32) + s.to_bytes(32))}"
