"""Statements joined into one, so that a batch takes fewer round trips. Pure; the store joins its own.

PostgreSQL runs the parts of a `with` on one snapshot: none of them sees the rows of another, save what it returns.
"""

import re
from collections.abc import Mapping

_PARAMETER = re.compile(r"\$(\d+)")


def join(parts: Mapping[str, str], last: str) -> str:
    """Return `with name as (part), … last`, which takes the parameters of all parts one after the other."""
    taken, named = 0, []
    for name, part in parts.items():
        numbers = [int(number) for number in _PARAMETER.findall(part)]
        shifted = _PARAMETER.sub(lambda found, by=taken: f"${int(found[1]) + by}", part)  # type: ignore[misc]
        named.append(f"{name} as (\n{shifted}\n)")
        taken += max(numbers, default=0)
    return "with " + ",\n".join(named) + "\n" + last
