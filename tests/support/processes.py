"""Processes from outside: whether one runs, and a whole tree made to stand still, as a stuck disk would."""

from contextlib import suppress
from functools import partial

import psutil

from tests.support.servers import until


def runs(pid: int) -> bool:
    """Whether it still does; one that ended is a zombie until its parent collects it."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def hold(root: psutil.Process) -> list[psutil.Process]:
    """SIGSTOP for a process and all that it started; return them, the root first. They go on by `let_go`.

    Each is stopped before its children are listed, so that meanwhile it starts none and collects none that ended.
    """
    held = [root]
    for process in held:
        with suppress(psutil.NoSuchProcess):  # the root alone can be gone
            process.suspend()
            until(partial(_stands_still, process), what=f"{process.pid} stands still")
            held.extend(process.children())
    return held


def let_go(held: list[psutil.Process]) -> None:
    """SIGCONT, the root last, so that it finds all of them as they were."""
    for process in reversed(held):
        with suppress(psutil.NoSuchProcess):
            process.resume()


def _stands_still(process: psutil.Process) -> bool:
    return process.status() in {psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE}
