"""Which type of event a word means, and whether it is on, however it is written. Pure.

Used by ingest and by `firetower evaluate`, which find the same fire in the same word.
"""

import unicodedata
from typing import Final

from services.core.contracts import EventType

SWITCH: Final = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
TYPE_LIMIT: Final = 100  # characters of a type
_KNOWN: Final = frozenset(str(one) for one in EventType)


def known_type(text: str) -> str | None:
    """Return the type that is meant (`Manual Alarm`, full-width letters, a NUL behind them); None: it is no type."""
    if text in _KNOWN:
        return text
    if len(text) > TYPE_LIMIT:
        return None
    visible = "".join(
        one for one in unicodedata.normalize("NFKC", text) if unicodedata.category(one) not in ("Cc", "Cf")
    )
    word = "_".join(visible.lower().replace("-", " ").replace("_", " ").split())
    return word if word in _KNOWN else None
