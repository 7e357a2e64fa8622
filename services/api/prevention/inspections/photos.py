"""The photo of an inspection: what it is by its bytes, whatever its sender calls it. Pure.

Promises that nothing is stored but what begins as a JPEG, PNG or WebP does; it is never given back as a page.
"""

import base64
import binascii
import re
from typing import Final

MOST_BYTES: Final = 2 * 1024 * 1024
"""Contract 12: at most 2 MB; binary, because telephones count so."""
_MOST_CHARACTERS: Final = (MOST_BYTES + 2) // 3 * 4  # of it as base64
_HEAD: Final = re.compile(r"data:[\w.+/-]{1,100}(?:;[\w.+-]{1,50}=[\w.+\"-]{0,100}){0,10};base64,", re.IGNORECASE)
_TOO_LARGE: Final = "at most 2 MiB: make the picture smaller, 1600 pixels wide are plenty"


class BadPhoto(Exception):
    """It is refused; the message says how to mend it."""


class PhotoTooLarge(BadPhoto):
    """It is beyond the bound."""


def read_photo(text: str) -> tuple[str, bytes]:
    """Return type and bytes of a photo that came as base64, in lines or not, or as a data: URI.

    Raises:
        PhotoTooLarge: more than 2 MiB.
        BadPhoto: not base64, or no picture of these types.
    """
    text = "".join(text.split())
    encoded = text[match.end() :] if (match := _HEAD.match(text)) else text
    if len(encoded) > _MOST_CHARACTERS:
        raise PhotoTooLarge(_TOO_LARGE)
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise BadPhoto("must be base64, or a data: URI of it") from None
    if len(raw) > MOST_BYTES:
        raise PhotoTooLarge(_TOO_LARGE)
    kind = type_of(raw)
    if kind is None:
        raise BadPhoto("must be a JPEG, PNG or WebP picture")
    return kind, raw


def type_of(raw: bytes) -> str | None:
    """Return the media type of a picture by how it begins, or None where it is none of ours.

    One that a camera did not write to its end is taken: half a picture is evidence too.
    """
    if raw.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if raw.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    return "image/webp" if raw[:4] == b"RIFF" and raw[8:12] == b"WEBP" else None
