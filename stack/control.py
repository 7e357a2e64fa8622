"""`firetower stack up`, `down` and `status`: a running state folder seen from outside.

Called by the command line. Promises: touches only the process that holds the folder.
"""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from services.core.settings import Settings
from stack.state import StateDir, clear_stale_endpoints

_PATIENCE_S = 8
_START_S = 60


def _open(state_dir: Path | None) -> StateDir | None:
    path = state_dir or Settings.read().state_dir
    try:
        is_there = path.exists()
    except OSError:
        is_there = True  # what it cannot be looked at for is said as it is opened
    return StateDir.open(path) if is_there else None


def up(state_dir: Path | None = None) -> int:
    """Start the servers in a session of their own and return once they are ready; 1 when they do not come up."""
    path = state_dir or Settings.read().state_dir
    state = StateDir.open(path)
    if state.holder() is not None:
        return status(path)
    clear_stale_endpoints(path)
    log = state.path / "logs" / "stack.log"
    log.parent.mkdir(exist_ok=True)
    command = [sys.executable, sys.argv[0], "stack", "up", "--foreground", "--state-dir", str(path)]
    with log.open("wb") as output:
        holder = subprocess.Popen(  # noqa: S603 - our own program
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    deadline = time.monotonic() + _START_S
    while not (path / "endpoints.json").exists():
        ended = holder.poll() is not None
        if ended or time.monotonic() > deadline:
            _say(log.read_text(errors="replace").strip())
            if not ended:
                _say("it goes on starting in the background: `firetower stack status` says when it runs")
            return 1
        time.sleep(0.05)
    return status(state_dir)


def down(state_dir: Path | None = None) -> int:
    """Ask the holder to end and wait for it; 1 when it does not end."""
    state = _open(state_dir)
    holder = state.holder() if state else None
    if state is None or holder is None:
        _say("nothing runs in this state folder")
        return 0
    if holder.pid is None:
        _say(f"{state.path} is in use by {holder}: stop it where it runs")
        return 1
    with suppress(ProcessLookupError):
        os.kill(holder.pid, signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE_S
    while state.holder() is not None:
        if time.monotonic() > deadline:
            _say(f"{holder} did not end within {_PATIENCE_S} s")
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
        _say(f"starting or stopping ({holder})")
        return 3
    endpoints = json.loads(path.read_text(encoding="utf-8"))
    _say(f"running ({holder}), state folder {state.path}")
    for name, pid in endpoints["processes"].items():
        _say(f"  {name:<10} {pid}")
    _say(f"  database   {endpoints['database'].rpartition('@')[2]}")
    _say(f"  mqtt       {endpoints['mqtt']['host']}:{endpoints['mqtt']['port']}")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
