"""`firetower stack down` and `status`: a running state folder seen from outside.

Called by the command line. Promises: touches only the process that holds the folder.
"""

import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from services.core.settings import Settings
from stack.state import StateDir

_PATIENCE_S = 8


def _open(state_dir: Path | None) -> StateDir | None:
    path = state_dir or Settings.read().state_dir
    return StateDir.open(path) if path.exists() else None


def down(state_dir: Path | None = None) -> int:
    """Ask the holder to end and wait for it; 1 when it does not end."""
    state = _open(state_dir)
    holder = state.holder() if state else None
    if state is None or holder is None:
        _say("nothing runs in this state folder")
        return 0
    with suppress(ProcessLookupError):
        os.kill(holder, signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE_S
    while state.holder() is not None:
        if time.monotonic() > deadline:
            _say(f"process {holder} did not end within {_PATIENCE_S} s")
            return 1
        time.sleep(0.05)
    _say("stopped")
    return 0


def status(state_dir: Path | None = None) -> int:
    """Print what runs; 0 when the system is ready, 3 when not (as service managers do)."""
    state = _open(state_dir)
    holder = state.holder() if state else None
    if state is None or holder is None:
        _say("stopped")
        return 3
    path = state.path / "endpoints.json"
    if not path.exists():
        _say(f"starting or stopping (process {holder})")
        return 3
    endpoints = json.loads(path.read_text())
    _say(f"running (process {holder}), state folder {state.path}")
    for name, pid in endpoints["processes"].items():
        _say(f"  {name:<10} {pid}")
    _say(f"  database   {endpoints['database'].rpartition('@')[2]}")
    _say(f"  mqtt       {endpoints['mqtt']['host']}:{endpoints['mqtt']['port']}")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
