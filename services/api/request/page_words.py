"""The page's own words for codes, for files that people open: a workbook says what the page says.

The page's tables (`web/js/words`) are the one place where codes have names; they are read once. A test holds that every
word of the programs is in them, and that this reader finds what a browser finds.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from services.api.request.fields import Language

_TABLES: Final = Path(__file__).parents[1] / "web" / "js" / "words"
_LINE: Final = re.compile(r'^ +"([\w.]+)": "([^"\\]*)",$', re.MULTILINE)
_OURS: Final = {"event", "rule", "clock", "system"}  # actors that are programs of ours


@lru_cache(maxsize=len(Language))
def names(lang: Language) -> Mapping[str, str]:
    """Return the names of closed lists by `group.code`, as `severity.major`."""
    return dict(_LINE.findall((_TABLES / f"{lang}-names.js").read_text(encoding="utf-8")))


def name_of(lang: Language, group: str, code: str | None) -> str | None:
    """Return what the page calls a code of a list; one that it does not know stays as it is."""
    return None if code is None else names(lang).get(f"{group}.{code}", code)


def person_name(lang: Language, actor: str | None) -> str | None:
    """Return who did something: people and keys by their names, our own programs in words."""
    if not actor:
        return None
    kind, _, who = actor.partition(":")
    return name_of(lang, "actor", kind) if kind in _OURS else who or actor
