"""What an answer of a receiver means, and when to ask again. Pure; the words are those of contract 7.

The status line decides. Only where a receiver has a rule of its own (`SuccessRule`) its body has a say.
"""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, NamedTuple

import orjson

from services.core.city.xf3017 import INCIDENT_KEY
from services.core.receivers import SuccessRule
from services.core.text import clean_text, show_value

RETRIED = frozenset({408, 425, 429})
FIRE_BACKOFF_S, OTHER_BACKOFF_S = 5.0, 60.0  # contract 7: at most
FIRE_RETRY_AFTER_S, OTHER_RETRY_AFTER_S = 30.0, 3600.0  # a desk cannot send a fire away for longer than this
KEPT_BYTES = 1024  # of an answer, for people
_AROUND = "\ufeff\0 \t\r\n"  # what servers put around JSON: a byte order mark, the NUL of a C string
# GB 2312 and GBK are parts of GB 18030. What is not named here is read as UTF-8: a name of a codec is foreign input
_CHARSETS = {
    **dict.fromkeys(("gb2312", "gbk", "gb18030", "cp936"), "gb18030"),
    **dict.fromkeys(("utf-16", "utf-16le", "utf-16be", "big5"), ""),
    **dict.fromkeys(("iso-8859-1", "latin-1", "windows-1252"), "cp1252"),
}


class Fate(StrEnum):
    """What becomes of a notice after an attempt."""

    DELIVERED = "delivered"
    RETRY = "retry"
    DEAD = "dead"


class Answer(NamedTuple):
    """One attempt as the receiver answered it; status None: no answer, `error` says why.

    `body` is its beginning, or all of it if it is `whole`.
    """

    status: int | None
    headers: Mapping[str, str]
    body: bytes
    error: str | None = None
    whole: bool = False

    @property
    def text(self) -> str:
        """The body as text, by the charset that it names."""
        declared = Message()
        declared["content-type"] = clean_text(self.headers.get("content-type", ""), 200).replace("\n", " ")
        named = str(declared.get_param("charset", "utf-8")).lower()
        return self.body.decode((_CHARSETS.get(named, "utf-8") or named), errors="replace")

    @property
    def words(self) -> str | None:
        """The first kilobyte as people may see it; None when there was nothing."""
        return clean_text(self._replace(body=self.body[:KEPT_BYTES]).text) or None


class Verdict(NamedTuple):
    """What follows from an answer. `retry_after_s` is what the receiver asked for."""

    fate: Fate
    retry_after_s: float | None = None
    incident_id: str | None = None
    error: str | None = None


def judge_answer(answer: Answer, now: datetime, rule: SuccessRule | None = None) -> Verdict:
    """Say what becomes of the notice: 2xx and 409 delivered; 408, 425, 429, 5xx and silence again; others dead."""
    status = answer.status
    if status is None or status < 200:
        return Verdict(Fate.RETRY, error=answer.error or f"HTTP {status} and no answer after it")
    if _says_yes(status, rule):
        missing = None if rule is None or rule.json_ is None else _unlike(answer, rule)
        if missing is not None:
            return Verdict(Fate.RETRY, error=f"HTTP {status}, but {missing}")
        return Verdict(Fate.DELIVERED, incident_id=_incident_id(answer))
    error = f"HTTP {status}"
    if status in RETRIED or status >= 500:
        return Verdict(Fate.RETRY, retry_after_s=retry_after_s(answer.headers, now), error=error)
    if 200 <= status < 300:
        return Verdict(Fate.RETRY, error=f"{error} is not among the statuses of its success rule")
    return Verdict(Fate.DEAD, error=error)


def needs_body(status: int, rule: SuccessRule | None) -> bool:
    """Whether the body has a say after such a status."""
    return rule is not None and rule.json_ is not None and _says_yes(status, rule)


def wait_s(attempts: int, retry_after_s: float | None, *, fire: bool, chance: float | None = None) -> float:
    """Return how long to wait after attempt number `attempts` (from 1): doubling, jittered, bounded."""
    limit = FIRE_BACKOFF_S if fire else OTHER_BACKOFF_S
    first = 0.25 if fire else 1.0
    chance = random.random() if chance is None else chance
    wait: float = min(limit, first * 2.0 ** max(0, min(attempts - 1, 16))) * (0.5 + chance / 2)
    if retry_after_s is None:
        return wait
    longest = FIRE_RETRY_AFTER_S if fire else OTHER_RETRY_AFTER_S
    return max(wait, min(retry_after_s, longest))


def _says_yes(status: int, rule: SuccessRule | None) -> bool:
    if rule is not None and rule.status is not None:
        return status in rule.status
    return 200 <= status < 300 or status == 409


def _unlike(answer: Answer, rule: SuccessRule) -> str | None:
    """Say how the answer differs from what a yes would hold; None when it is a yes."""
    wanted = rule.json_
    if wanted is None:
        return None
    content = _json(answer)
    found: Any = content
    for name in wanted.path.removeprefix("$.").split("."):
        if isinstance(found, dict) and name in found:
            found = found[name]
        elif isinstance(found, list) and name.isdigit() and int(name) < len(found):
            found = found[int(name)]
        else:
            return "its answer is no JSON" if content is None else f"its answer has no {wanted.path}"
    # in JSON 0 is not false, while 0 and 0.0 are one number
    same_kind = isinstance(found, bool) == isinstance(wanted.equals, bool)
    if same_kind and found == wanted.equals:
        return None
    return f"{wanted.path} is not {show_value(wanted.equals)}"  # what it is stands in the answer, for fewer people


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Read Retry-After in both forms of RFC 9110 10.2.3; what cannot be read was not said."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
        return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds())
    except (ValueError, TypeError, OverflowError, IndexError):  # year 0 or 9999, zones of a hundred hours
        return None


def _json(answer: Answer) -> Any:
    try:
        return orjson.loads(answer.text.strip(_AROUND))
    except (orjson.JSONDecodeError, UnicodeError):
        return None


def _incident_id(answer: Answer) -> str | None:
    """Return the desk's own number for it; only a text or a whole number is one."""
    content = _json(answer)
    if not isinstance(content, dict):
        return None
    found = content.get("incident_id") or content.get(INCIDENT_KEY)
    if not isinstance(found, str | int) or isinstance(found, bool):
        return None
    return clean_text(str(found), 200) or None
