"""The truth file: every injected fault and every step of a scenario, one JSON object a line.

Written by the fleet, read by tests and by people who want to know what should have been noticed. Promises: a line is
written before its effect leaves the process; times are wall clock, RFC 3339.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import orjson


class Truth:
    """An append-only truth file; None keeps the count only."""

    def __init__(self, path: Path | None) -> None:
        self.written = 0
        self._file: BinaryIO | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab", buffering=0)  # a killed process has written what it did

    def record(self, now_s: float, what: str, device: str, **details: Any) -> None:
        """Write that `what` was done to `device` at `now_s` (Unix seconds)."""
        self.written += 1
        if self._file is not None:
            at = datetime.fromtimestamp(now_s, UTC).isoformat(timespec="milliseconds")
            self._file.write(orjson.dumps({"at": at, "what": what, "device": device, **details}) + b"\n")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
