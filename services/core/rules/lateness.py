"""How old a reading may be when it is received (contract 8). Pure; ingest, the rules and water look here."""

from typing import Final

LATE_FLOOR_S: Final = 600
"""Nothing younger is late."""

SLEEPY_LATE_S: Final = 25 * 3600
"""A sleepy device's report may be this old: the on-line rule of NB-IoT platforms."""


def late_after_s(expected_interval_s: float, sleepy: bool) -> float:
    """Return how long after its own time a reading may be received without being late."""
    return SLEEPY_LATE_S if sleepy else max(2 * expected_interval_s, LATE_FLOOR_S)
