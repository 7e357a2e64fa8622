"""Secrets in the addresses, headers and templates of receivers: written, never read back. Pure.

Used by the API (what it shows, keeps and audits) and by alerts (what goes into errors and logs). A mask that is written
back stands for what is stored.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote_plus, urlsplit, urlunsplit

from services.core.receivers import PLACEHOLDERS

MASK = "***"
_SHORTEST_HIDDEN = 4  # shorter ones are part of too many words to be searched for in a text
# what looks like a key within a text: letters and digits mixed, and long
_LIKE_A_KEY = re.compile(r"(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9_.~%-]{16,}")
# a piece of a path as the hooks of chat systems have it: longer than a word, `bot110:AAHd…`, Base64, or with `;key=…`
_KEY_OF_A_PATH = re.compile(r"(?=.*[0-9]).{16,}|.{20,}|.*;.+", re.DOTALL)


class MaskMisplaced(ValueError):
    """A mask was written where no stored value is that it could stand for."""


def mask_url(url: str) -> str:
    """Return an address without its user, its query's values, and pieces of its path that look like a key."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return MASK
    host = f"{MASK}@{parts.netloc.rpartition('@')[2]}" if "@" in parts.netloc else parts.netloc
    path = "/".join(MASK if _KEY_OF_A_PATH.fullmatch(piece) else piece for piece in parts.path.split("/"))
    query = "&".join(_masked_pair(pair) for pair in parts.query.split("&")) if parts.query else ""
    return urlunsplit((parts.scheme, host, path, query, MASK if parts.fragment else ""))


def _masked_pair(pair: str) -> str:
    name, sign, _ = pair.partition("=")
    return f"{name}={MASK}" if sign else MASK


def mask_headers(headers: Mapping[str, Any]) -> dict[str, str]:
    """Return the names alone: which header carries the key differs from gateway to gateway."""
    return dict.fromkeys(headers, MASK)


def mask_template(template: Any) -> Any:
    """Return a body's template with every fixed value masked; texts that are filled in stay."""
    if isinstance(template, dict):
        return {key: mask_template(value) for key, value in template.items()}
    if isinstance(template, list):
        return [mask_template(value) for value in template]
    if template is None or isinstance(template, bool) or template == "":
        return template
    if isinstance(template, str) and any(place in template for place in PLACEHOLDERS):
        return _LIKE_A_KEY.sub(MASK, template)
    return MASK


def unmask(sent: Any, stored: Any, masked: Any, *, place: str) -> Any:
    """Return `sent` with each mask in it replaced by what is stored at its place. `masked` is what was shown of it.

    Raises:
        MaskMisplaced: there is nothing at that place, or the text around the mask was changed.
    """
    if sent == masked and type(sent) is type(masked):
        return stored
    if isinstance(sent, dict):
        return {
            key: unmask(value, _part(stored, key), _part(masked, key), place=f"{place}.{key}")
            for key, value in sent.items()
        }
    if isinstance(sent, list):
        return [
            unmask(value, _part(stored, number), _part(masked, number), place=f"{place}.{number}")
            for number, value in enumerate(sent)
        ]
    if isinstance(sent, str) and MASK in sent:
        raise MaskMisplaced(f"{place}: {MASK} stands for what is stored, and here is nothing like it; write it whole")
    return sent


def _part(whole: Any, place: str | int) -> Any:
    """Return what stands at a place of an object or a list, None when nothing does."""
    if isinstance(whole, dict):
        return whole.get(place)
    return whole[place] if isinstance(whole, list) and isinstance(place, int) and place < len(whole) else None


def find_secrets(url: str, headers: Any, body: Any = None) -> frozenset[str]:
    """Return every text of a receiver that must not show up elsewhere."""
    found = {*_of_url(url), *_of_template(body)}
    if isinstance(headers, Mapping):
        for value in map(str, headers.values()):
            found |= {value, *value.split()[1:]}  # `Bearer abc`: the second word alone, too
    return frozenset(secret for secret in found if len(secret) >= _SHORTEST_HIDDEN)


def _of_url(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        yield url
        return
    user = parts.netloc.rpartition("@")[0]
    pieces = [user, *user.split(":"), parts.fragment]
    pieces += [pair.partition("=")[2] or pair for pair in parts.query.split("&")]
    pieces += [piece for piece in parts.path.split("/") if _KEY_OF_A_PATH.fullmatch(piece)]
    for piece in pieces:
        yield from (piece, unquote_plus(piece))


def _of_template(template: Any) -> Iterator[str]:
    if isinstance(template, dict | list):
        for value in template.values() if isinstance(template, dict) else template:
            yield from _of_template(value)
    elif isinstance(template, str) and mask_template(template) == MASK:
        yield template


def hide(text: str, secrets: frozenset[str]) -> str:
    """Return `text` with every secret in it masked, the longest first."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text
