"""Keys of Web Push as browsers write them: base64url, points of P-256 (RFC 8291, RFC 8292). Pure.

Used by the API, which takes them from browsers, and by push, which encrypts for them.
"""

import base64
from typing import Final

# FIPS 186-4 D.1.2.3: the curve is y² = x³ - 3x + b modulo p
_P: Final = 2**256 - 2**224 + 2**192 + 2**96 - 1
_B: Final = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Private keys are numbers from 1 to below it."""

POINT_BYTES, AUTH_BYTES = 65, 16


def to_text(key: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(key).rstrip(b"=").decode()


def to_bytes(text: str) -> bytes:
    """Return the bytes of base64url, padded or not.

    Raises:
        ValueError: it is none.
    """
    bare = text.rstrip("=")
    return base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)


def check_point(text: str) -> str:
    """Return `text` if it is an uncompressed point of P-256 in base64url.

    Raises:
        ValueError: it is none, so nothing could be encrypted for it.
    """
    point = to_bytes(text)
    x, y = int.from_bytes(point[1:33]), int.from_bytes(point[33:])
    if len(point) != POINT_BYTES or point[0] != 4 or max(x, y) >= _P or (y * y - x * x * x + 3 * x - _B) % _P:
        raise ValueError("must be an uncompressed point of P-256 in base64url")
    return text


def check_auth(text: str) -> str:
    """Return `text` if it is an authentication secret in base64url.

    Raises:
        ValueError: it is none.
    """
    if len(to_bytes(text)) != AUTH_BYTES:
        raise ValueError(f"must be {AUTH_BYTES} bytes in base64url")
    return text
