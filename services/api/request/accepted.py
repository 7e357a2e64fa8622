"""What a client says that it takes: the names of Accept and Accept-Encoding with their weights. Pure.

RFC 9110, 12.4.2: weight 0 means that it does not take it.
"""

import re
from collections.abc import Iterable, Mapping

_WEIGHT = re.compile(r"[01](?:\.[0-9]{0,3})?")


def weights(lines: Iterable[str]) -> dict[str, float]:
    """Return the weight of each name, in lower case and in the order in which they were sent."""
    found: dict[str, float] = {}
    for part in ",".join(lines).lower().split(","):
        name, *options = (one.strip() for one in part.split(";"))
        sent = next((option[2:].strip() for option in options if option.startswith("q=")), "1")
        if name:
            found.setdefault(name, min(1.0, float(sent)) if _WEIGHT.fullmatch(sent) else 1.0)
    return found


def weight_of(taken: Mapping[str, float], kind: str) -> float:
    """Return the weight of a media type: its own, else that of its family, else that of everything; 0: not wanted."""
    family = f"{kind.partition('/')[0]}/*"
    return next((taken[name] for name in (kind, family, "*/*") if name in taken), 0.0)
