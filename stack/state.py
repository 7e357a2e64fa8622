"""The state folder: where servers keep data, and the secrets and ports that must stay the same between runs.

Called by `stack.postgres`, `stack.mosquitto` and the supervisor. Promises: secrets are made once and readable
only by us; in a folder that an unprivileged server could not reach, server data lies elsewhere, linked from it.
"""

import base64
import fcntl
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.core.errors import BadSetting, FiretowerError
from stack.children import free_port, port_is_free, unprivileged

_OUTSIDE = Path("/var/lib/firetower")


def write_private(path: Path, text: str) -> None:
    """Replace a file that only we may read; a reader sees the old text or the new, never a part."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)


class StartFailed(FiretowerError):
    """The system did not come up; the text says which part and what it wrote last."""


@dataclass(frozen=True)
class StateDir:
    """One state folder, made on first use."""

    path: Path

    @classmethod
    def open(cls, path: Path) -> "StateDir":
        """Make the folder if it is not there.

        Raises:
            BadSetting: it cannot be made or written.
        """
        path = path.absolute()
        try:
            path.mkdir(parents=True, exist_ok=True)
            if unprivileged() is None:
                path.chmod(0o700)
            (path / "logs").mkdir(exist_ok=True)
        except OSError as error:
            raise BadSetting(f"FIRETOWER_STATE_DIR or --state-dir: {path} is no folder for us: {error}") from None
        return cls(path)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder for this process.

        Raises:
            StartFailed: another process holds it.
        """
        with (self.path / "supervisor.pid").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StartFailed(
                    f"{self.path} is in use by process {self.holder()}:"
                    " stop that one (`firetower stack down`) or name another --state-dir"
                ) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield
            file.truncate(0)

    def holder(self) -> int | None:
        """The process that holds the folder, or None."""
        path = self.path / "supervisor.pid"
        if not path.exists():
            return None
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read() or 0) or None
        return None

    def log(self, name: str) -> Path:
        """The log file of one child."""
        return self.path / "logs" / f"{name}.log"

    def bound_logs(self, limit_bytes: int = 20 * 2**20) -> None:
        """Move what a too large log holds to `NAME.log.1`; a line written in that moment may be lost.

        Children append to a file they hold open, so it is copied and cut, not renamed.
        """
        for log in (self.path / "logs").glob("*.log"):
            if log.stat().st_size > limit_bytes:
                shutil.copyfile(log, log.with_suffix(".log.1"))
                os.truncate(log, 0)

    def server_dir(self, name: str) -> Path:
        """A folder that the server's user owns and can reach, for one server's data."""
        user = unprivileged()
        # PostgreSQL refuses root, and nobody may pass (for example) root's home: data lies outside then, linked.
        base = self.path if user is None or _reachable_by_others(self.path) else self._outside()
        folder = base / name
        folder.mkdir(exist_ok=True)
        folder.chmod(0o700)
        if user is not None and folder.stat().st_uid != user.pw_uid:
            os.chown(folder, user.pw_uid, user.pw_gid)
        return folder

    def _outside(self) -> Path:
        link = self.path / "servers"
        if not link.is_symlink():
            _OUTSIDE.mkdir(parents=True, exist_ok=True)
            _sweep_outside()
            base = Path(tempfile.mkdtemp(prefix="state-", dir=_OUTSIDE))
            (base / "belongs-to").write_text(str(self.path))
            base.chmod(0o711)
            link.symlink_to(base)
        return link.readlink()

    def secret(self, name: str) -> str:
        """A random secret, made once."""
        return self.remember_secret(name, secrets.token_urlsafe(24))

    def standard_webhooks_secret(self, name: str) -> str:
        """A random signing secret in the form of Standard Webhooks, made once."""
        return self.remember_secret(f"webhook_{name}", "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode())

    def known_port(self, name: str) -> int:
        """The port chosen for `name` in this folder, used or not."""
        kept: int = self._remember("ports.json", name, free_port)
        return kept

    def remember_secret(self, name: str, value: str) -> str:
        """Keep `value` unless one of this name is kept already; answer the kept one."""
        kept: str = self._remember("secrets.json", name, lambda: value)
        return kept

    def kept_secret(self, name: str) -> str | None:
        """The kept secret of this name, if there is one."""
        kept: str | None = self._known("secrets.json").get(name)
        return kept

    def replace_secret(self, name: str, value: str) -> None:
        """Keep `value` instead of what was kept."""
        self._remember("secrets.json", name, lambda: value, again=True)

    def port(self, name: str) -> int:
        """The port of last time if it is free (a server of the last run gets 3 s to end), else a new one (kept)."""
        kept: int = self._remember("ports.json", name, free_port)
        deadline = time.monotonic() + 3
        while not port_is_free(kept) and time.monotonic() < deadline:
            time.sleep(0.05)
        if not port_is_free(kept):
            kept = self._remember("ports.json", name, free_port, again=True)
        return kept

    def _remember(self, file: str, name: str, make: Any, *, again: bool = False) -> Any:
        known = self._known(file)
        if again or name not in known:
            known[name] = make()
            write_private(self.path / file, json.dumps(known, indent=1))
        return known[name]

    def _known(self, file: str) -> dict[str, Any]:
        path = self.path / file
        known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return known


def clear_stale_endpoints(path: Path) -> None:
    """Remove `endpoints.json` that a killed run left behind."""
    if path.exists() and StateDir(path.absolute()).holder() is None:
        (path / "endpoints.json").unlink(missing_ok=True)


def _sweep_outside() -> None:
    """Remove server data whose state folder is gone."""
    for base in _OUTSIDE.glob("state-*"):
        with suppress(OSError):
            link = Path((base / "belongs-to").read_text()) / "servers"
            if not (link.is_symlink() and link.readlink() == base):
                shutil.rmtree(base)


def _reachable_by_others(path: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in (path, *path.parents))
