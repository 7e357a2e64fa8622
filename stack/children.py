"""Starts children that end with us, as an unprivileged user when we are root, with all files the system allows.

Called by everything that starts a server or a program. Promises: a child never outlives its parent, even when the
parent is killed; start only from the main thread, since the kernel ties the child to the thread that forked it.
"""

import ctypes
import os
import pwd
import resource
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

_PR_SET_PDEATHSIG = 1  # prctl(2)
_libc = ctypes.CDLL(None, use_errno=True)
_given_ports: set[int] = set()
_port_share = (0, 1)


class Child(Protocol):
    """What is asked of a child while it starts."""

    @property
    def returncode(self) -> int | None:
        """The exit code once it ended."""

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""


class ChildError(Exception):
    """A child did not start or died early; the message ends with the last lines it wrote."""


def unprivileged() -> pwd.struct_passwd | None:
    """The user that servers run as when we are root (PostgreSQL refuses root), else None."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def take_back(folder: Path) -> None:
    """Give to the servers' user what of its folder belongs to root, the folder last: `cp -r` keeps no owners.

    Raises:
        OSError: it cannot be given.
    """
    user = unprivileged()
    if user is None:
        return
    for path in (*folder.rglob("*"), folder):  # which enters no link
        if path.lstat().st_uid == 0:
            os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)


def spawn(
    command: Sequence[str],
    *,
    log: Path | IO[bytes],
    env: Mapping[str, str] | None = None,
    drop_root: bool = False,
    on_parent_death: signal.Signals = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own with its output appended to `log`.

    Raises:
        OSError: the program cannot be started.
    """
    _soft, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    bind_to_parent = die_with_parent(on_parent_death)

    def prepare() -> None:  # runs in the child, after the user change (which would clear the setting)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))  # a shell's 1 024 are a thousand devices
        bind_to_parent()

    user = unprivileged() if drop_root else None
    out = _open_log(log) if isinstance(log, Path) else log
    try:
        return subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=dict(env) if env is not None else None,
            cwd="/" if user else None,
            start_new_session=True,  # a Ctrl-C in the terminal reaches only the supervisor
            preexec_fn=prepare,  # noqa: PLW1509
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
        )
    finally:
        if isinstance(log, Path):
            out.close()


def stop_signals() -> tuple[signal.Signals, ...]:
    """What ends us in order: a closed terminal too, unless we were started to outlive it (`nohup`)."""
    outlives = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    return (signal.SIGINT, signal.SIGTERM) if outlives else (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def die_with_parent(number: signal.Signals = signal.SIGKILL, *, parent: int | None = None) -> Callable[[], None]:
    """What a child runs before its program, so that the kernel signals it when the thread that started it ends.

    `parent` is the process that starts it, by default this one.
    """
    parent = parent or os.getpid()

    def bind() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return bind


def _open_log(log: Path) -> IO[bytes]:
    """The log, or nowhere: a disk without room for a new file must not keep a program from running."""
    try:
        return log.open("ab")
    except OSError:
        return Path(os.devnull).open("ab")


def run_tool(
    command: Sequence[str], *, drop_root: bool = False, env: Mapping[str, str] | None = None, told: str = ""
) -> str:
    """Run a short tool to its end, tell it `told`, and return its output.

    Raises:
        ChildError: it failed; the message holds its last lines.
    """
    user = unprivileged() if drop_root else None
    done = subprocess.run(  # noqa: S603
        command,
        input=told,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        env=env,
        cwd="/" if user else None,
        user=user.pw_uid if user else None,
        group=user.pw_gid if user else None,
        extra_groups=[] if user else None,
    )
    if done.returncode != 0:
        raise ChildError(f"{Path(command[0]).name} failed ({done.returncode}): {tail(done.stdout)}")
    return done.stdout


def wait_ready(process: Child, ready: Callable[[], bool], *, name: str, log: Path, timeout_s: float = 30) -> None:
    """Wait until `ready()`, looking every 20 ms.

    Raises:
        ChildError: the process ended or the time is over.
    """
    deadline = time.monotonic() + timeout_s
    while not ready():
        if process.poll() is not None:
            raise ChildError(f"{name} ended with {process.returncode} while starting: {tail(read_log(log))}")
        if time.monotonic() > deadline:
            raise ChildError(f"{name} was not ready within {timeout_s:.0f} s: {tail(read_log(log))}")
        time.sleep(0.02)


def stop(
    process: subprocess.Popen[bytes],
    *,
    polite: signal.Signals = signal.SIGTERM,
    hard: signal.Signals = signal.SIGKILL,
    patience_s: float = 3,
) -> None:
    """End a child: the polite signal, then the hard one."""
    for number, patience in ((polite, patience_s), (hard, 1.5), (signal.SIGKILL, 5)):
        with suppress(ProcessLookupError):
            process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            return


def read_log(log: Path) -> str:
    """The last 4 KiB of a log, or nothing when there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def tail(text: str) -> str:
    """The last six lines in one, for an error message."""
    return " | ".join(text.strip().splitlines()[-6:]) or "(it wrote nothing)"


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def share_ports(part: int, parts: int) -> None:
    """Keep `free_port` to one of `parts` shares, so that processes side by side never pick the same port."""
    global _port_share  # noqa: PLW0603 - of the process, as the ports are
    _port_share = (part, parts)


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nothing uses at this moment, below those that the kernel gives to outgoing connections.

    A client that keeps trying a dead server's port from the kernel's own range can connect to itself and so hold the
    port against the server that comes back. No port is given twice by one process: a server may want several before it
    listens at the first, or be down for a while.
    """
    low, high = 20_000, 32_000
    with suppress(OSError, ValueError):
        high = max(low + 1000, int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0]) - 1)
    chance = secrets.SystemRandom()
    while True:
        port = chance.randint(low, high)
        part, parts = _port_share
        if port % parts != part:
            continue
        if len(_given_ports) * parts * 2 > high - low:
            _given_ports.clear()
        if port not in _given_ports and port_is_free(port, host):
            _given_ports.add(port)
            return port


def answers(port: int, host: str = "127.0.0.1") -> bool:
    """Whether something accepts connections there."""
    with suppress(OSError), socket.create_connection((host, port), timeout=0.5):
        return True
    return False
