"""Whether the disk is so full that what is left belongs to fires. Asked by the telemetry lane before every batch.

The file is the supervisor's: it has a size while there is room, and none while what it kept back is free for events.
"""

from pathlib import Path

PERIOD_S = 1.0  # between two looks while readings wait


def is_spent(reserve: Path | None) -> bool:
    """Whether readings have to wait. Without a reserve, or when it cannot be looked at, they never do."""
    if reserve is None:
        return False
    try:
        return reserve.stat().st_size == 0
    except OSError:
        return False
