"""Starts our programs as forks of one process that has imported them all.

Called by `tests.support.servers.Program`. An import costs one to four seconds of processor, more than most tests do
with the program. Promises: a process of its own with its own session, environment and log, which ends with the test
process; what is not one of the commands below is started as people start it.
"""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import chdir
from multiprocessing import forkserver, get_context
from pathlib import Path

COMMANDS = frozenset({"alerts", "api", "desk", "gateway", "ingest", "push", "relay"})
_ROOT = Path(__file__).parents[2]
_context = get_context("forkserver")
_context.set_forkserver_preload(["tests.support.preloaded"])


class Forked:
    """A child as `subprocess.Popen` shows one, as far as tests ask."""

    def __init__(self, command: Sequence[str], *, log: Path, env: Mapping[str, str]) -> None:
        self._command = list(command)
        self._process = _context.Process(target=_run, args=(self._command, str(log), dict(env)))
        log.touch()  # there from the start, as for a program that is started with its log open
        with chdir(_ROOT):  # where the server finds `tests`
            forkserver.ensure_running()
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code once it ended; negative for a signal."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        return self._process.exitcode

    def wait(self, timeout_s: float | None = None) -> int:
        """Wait for its end; the exit code.

        Raises:
            subprocess.TimeoutExpired: it still runs.
        """
        self._process.join(timeout_s)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(self._command, timeout_s or 0)
        return code

    def send_signal(self, number: int) -> None:
        """As `kill(1)`; nothing when it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


def _run(command: Sequence[str], log: str, env: Mapping[str, str]) -> None:
    """Be the program: what `stack.children.spawn` does around it, then the command line."""
    from tests.support import preloaded  # noqa: PLC0415 - what only the server imports, and has imported

    preloaded.end_with_server()
    os.setsid()
    _soft, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.close(out)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = list(command)
    preloaded.run()
