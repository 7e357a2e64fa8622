"""What numbers of a rule may be tried on: which rules stored readings can raise, and how much one trial may read.

Used by alerts, which walks the past, and by the routes that ask for it. Pure.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from services.core.rules.catalog import RULES

NOT_BY_READINGS: Final = frozenset({"device_flooding", "device_offline", "device_unreadable", "mains_event"})
"""Rules that no stored reading can raise: silence, floods, what cannot be read, other alarms."""

TRIED: Final = tuple(sorted(code for code in RULES if code not in NOT_BY_READINGS))
"""Rules and detectors whose numbers can be tried."""

LONGEST: Final = timedelta(days=92)
MOST_READINGS: Final = 10_000_000
"""Our own: about ten minutes of one processor, and what a network of 250 hydrants sends in four months."""
MOST_WAITING: Final = 20
KEPT: Final = timedelta(days=400)
LISTED: Final = 200
"""Findings of one list that a result names; all are counted."""
