"""Values that nobody would write on purpose: by the schema with parts exchanged, and beyond it. Seeded."""

import copy
import random
from typing import Any

_DEEP = 60
SCALARS: tuple[Any, ...] = (
    None, True, False, 0, -0.0, -5, 1, 1e-9, 1e9, 1e18, 1e308, 2**31, 2**53 + 1, 2**63, -(2**70),
    "", " ", "0", "-1", "９９", "NaN", "inf", "null", "SMS", "webhook", "ack", "fires", "保德消防",
    "a\r\nX-Evil: 1", "a\x00b",
    "\u200b", "\ud800", "x" * 5000, "'; drop table alarm; --", "{text}{address}{x}",
    "http://", "http://[::1", "//x", "http://a:99999/", "http://127.0.0.1:9/", "file:///etc/passwd",
    "2026-99-99T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00",
    [], [[]], [None], ["webhook", 7], {}, {"": ""}, {"a\x00": "\x00"}, {"a": {"b": {"c": [1, 2, {"d": None}]}}},
    {"headers": "Authorization: Bearer abc"}, {"X-Account": 1001}, {"X-Sign": "保德消防"},
)  # fmt: skip


class Hostile:
    """Draws values; the same seed draws the same ones."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)

    def value(self, depth: int = 0) -> Any:
        """Draw anything that JSON can hold, and a little more."""
        kind = self.dice.random()
        if depth > 3 or kind < 0.6:
            return copy.deepcopy(self.dice.choice(SCALARS))
        if kind < 0.62:
            nested: Any = "bottom"
            for _ in range(_DEEP):
                nested = [nested]
            return nested
        if kind < 0.8:
            return [self.value(depth + 1) for _ in range(self.dice.randrange(4))]
        return {str(self.dice.choice(SCALARS))[:40]: self.value(depth + 1) for _ in range(self.dice.randrange(4))}

    def spoil(self, body: Any) -> Any:
        """Return a believable body with one to three of its parts exchanged, dropped or added to."""
        spoiled = copy.deepcopy(body)
        for _ in range(self.dice.randrange(1, 4)):
            places = list(_places(spoiled))
            if not places:
                return self.value()
            holder, key = self.dice.choice(places)
            deed = self.dice.random()
            if deed < 0.75:
                holder[key] = self.value()
            elif deed < 0.85 and isinstance(holder, dict):
                del holder[key]
            elif isinstance(holder, dict):
                holder[str(self.dice.choice(SCALARS))[:40]] = self.value()
        return spoiled


def _places(body: Any) -> Any:
    items = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in list(items):
        yield body, key
        yield from _places(value)
