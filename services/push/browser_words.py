"""What a browser's notification says, in the language of its page. Pure.

The tag is the one that the page's own notification of the alarm has: a browser shows the two as one.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from services.core.clock import rfc3339
from services.core.text import clean_text

TOLD_ALONE: Final = 3  # sites named in one notification
_LONGEST = 160  # characters of a line


class Words(NamedTuple):
    """The sentences of one language."""

    fire: str
    fires: str
    more: str
    drill: str
    test: str
    separator: str
    greeting: str
    greeting_line: str


WORDS: Final[Mapping[str, Words]] = {
    "zh": Words(
        "新火警：{site}", "{n} 起新火警", "另有 {n} 起", "【演练】", "【测试】", "；",
        "望火楼通知已开启", "页面关闭时，新的火警会在这里提示。",
    ),
    "en": Words(
        "New fire: {site}", "{n} new fires", "and {n} more", "[Drill] ", "[Test] ", "; ",
        "Firetower notifications are on", "New fires are shown here while the page is closed.",
    ),
}  # fmt: skip


def tell_fires(fires: Sequence[Mapping[str, Any]], language: str) -> bytes:
    """Return the message about these fires, oldest first, as `sw.js` reads it."""
    words, first = WORDS[language], fires[0]
    title = words.fires.format(n=len(fires)) if len(fires) > 1 else words.fire.format(site=_site(first))
    lines = [_line(fire, with_site=len(fires) > 1) for fire in fires[:TOLD_ALONE]]
    if len(fires) > TOLD_ALONE:
        lines.append(words.more.format(n=len(fires) - TOLD_ALONE))
    return orjson.dumps(
        {
            "tag": f"alarm-{first['alarm_id']}",
            "path": f"desk/{first['alarm_id']}",
            "title": clean_text(_marks(fires, words) + title, _LONGEST),
            "body": clean_text(words.separator.join(lines), _LONGEST * TOLD_ALONE),
            "at": rfc3339(first["at"]),
            "stays": True,
        }
    )


def tell_greeting(language: str) -> bytes:
    """Return the message that follows when notifications are turned on: proof that the way is open."""
    words = WORDS[language]
    return orjson.dumps(
        {"tag": "greeting", "path": "desk", "title": words.greeting, "body": words.greeting_line, "stays": False}
    )


def _site(fire: Mapping[str, Any]) -> str:
    return str(fire["site_name"] or fire["device_name"] or fire["code"] or fire["area_name"] or "")


def _line(fire: Mapping[str, Any], *, with_site: bool) -> str:
    alarm, site = fire["alarm"], _site(fire)
    device = str(fire["device_name"] or fire["code"] or "").removeprefix(site).strip()
    place = (
        site if with_site else "",
        " ".join(str(part) for part in (alarm["zone"], alarm["component"]) if part),
        device,
        fire["area_name"] or "",
    )
    return " · ".join(part for part in place if part)


def _marks(fires: Sequence[Mapping[str, Any]], words: Words) -> str:
    """A drill or a test is marked only when all of it is one."""
    drill = words.drill if all(fire["alarm"].get("drill") for fire in fires) else ""
    return drill + (words.test if all(fire["alarm"].get("test_window") for fire in fires) else "")
