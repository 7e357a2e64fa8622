"""What a refusal says, in Chinese: a catalogue by the English sentence. Used wherever a refusal is shown to people.

The English sentence stays the one that code and tests know. A sentence that the catalogue lacks has no Chinese: the
page then shows the English one beside its own words for the code.
"""

import re
from functools import lru_cache
from pathlib import Path

_GAP = re.compile(r"\\\{(\w+)\\\}")


def _catalogue() -> dict[re.Pattern[str], str]:
    lines = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.rsplit(" = ", 1) for line in lines if line and not line.startswith("#"))
    return {re.compile(_GAP.sub(r"(?P<\1>.*)", re.escape(english))): chinese for english, chinese in pairs}


CATALOGUE = _catalogue()


@lru_cache(maxsize=1024)
def in_chinese(sentence: str) -> str | None:
    """Return the sentence in Chinese, or None where the catalogue lacks it."""
    for pattern, chinese in CATALOGUE.items():
        if found := pattern.fullmatch(sentence):
            return chinese.format(**found.groupdict())
    return None


def with_chinese(error: dict[str, str]) -> dict[str, str]:
    """Return a finding about one field with `message_zh` beside its `message`, where it is known."""
    chinese = error.get("message_zh") or in_chinese(error["message"])
    return error if chinese is None else error | {"message_zh": chinese}
