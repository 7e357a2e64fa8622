"""What a report says of where it comes from: the moment, the release, the commit and the machine.

Called by the benches, the fault runs and `bench.summary`. Promises no name of a machine, a person or a folder.
"""

import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from services.core.version import describe

_CHECKOUT = Path(__file__).parents[1]


def machine() -> dict[str, Any]:
    """What the measurement runs on, and how busy that is."""
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "load_average_before": round(os.getloadavg()[0], 2),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


@cache
def commit() -> str:
    """The commit of this checkout, with a `+` when files of it were changed since; empty outside a checkout."""
    try:
        name = _git("rev-parse", "--short=9", "HEAD")
        return name + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def origin(host: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The head of a report; `host` is the machine as it was before the measurement."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"at": now, "release": describe(), "commit": commit(), "machine": dict(host or machine())}


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=_CHECKOUT, check=True, capture_output=True, text=True)  # noqa: S603, S607
    return done.stdout.strip()
