"""What a file is called that a browser saves: what it is and of which days, in the language of who asked.

RFC 6266 and 5987: the name in UTF-8, and one in ASCII for clients that know no other.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import quote

from services.api.request.fields import Language
from services.core.clock import COUNTY

Title = tuple[str, str]  # Chinese, English


def attachment(title: Title, lang: Language, parts: Sequence[str], ending: str) -> dict[str, str]:
    """Return the header that names a file, as 告警-2026-11-22_2026-11-28.xlsx.

    `parts` (days, an area's code) stand behind the title and are ASCII.
    """
    shown, plain = (
        "-".join([one, *parts]) + f".{ending}" for one in (title[0] if lang is Language.ZH else title[1], title[1])
    )
    return {"Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(shown, safe='')}"}


def days_of(begin: datetime | None, end: datetime | None, now: datetime) -> list[str]:
    """Return a span as its first and last day by the county's calendar; its end is exclusive, and now where open."""
    last = now if end is None else min(end - timedelta.resolution, now)
    days = [f"{at.astimezone(COUNTY):%Y-%m-%d}" for at in (begin, last) if at is not None]
    return ["_".join(dict.fromkeys(days))]
