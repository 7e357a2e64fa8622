"""The state folder: where servers keep data, and the secrets and ports that must stay the same between runs.

Called by `stack.postgres`, `stack.mosquitto` and the supervisor. Promises: secrets are made once and readable
only by us; one process uses a folder at a time, and a copy never runs beside its original.
"""

import base64
import json
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.core.errors import BadSetting
from stack.children import free_port, port_is_free, unprivileged
from stack.holding import Hold, Holder, holder_of
from stack.places import StartFailed, claim, data_base, outside_of, refuse_data_of_others

__all__ = ["StartFailed", "StateDir", "clear_stale_endpoints", "write_private", "write_when_changed"]

_IDENTITY = "identity.json"
_HOLD = "supervisor.pid"
_MOST_PATH_BYTES = 800  # of PostgreSQL's 1023 for the longest path below it
PREDECESSOR_S = 3.0  # in which a server of the last run has ended


def write_private(path: Path, text: str) -> None:
    """Replace a file that only we may read; a reader sees the old text or the new, a power cut included.

    Raises:
        OSError: it cannot be written; the old text is still there.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        fresh.replace(path)
    except OSError:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise


def write_when_changed(path: Path, text: str) -> None:
    """As `write_private`, but only when the text changed: a start must not need room for what is there."""
    with suppress(OSError, ValueError):
        if path.read_text(encoding="utf-8", errors="surrogateescape") == text:
            return
    write_private(path, text)


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
        try:
            path = path.absolute()
        except FileNotFoundError:
            raise BadSetting(f"the folder in which {path} would lie was removed: go to one that is there") from None
        if any(ord(character) < 32 for character in str(path)):  # a line break would write lines of settings files
            raise BadSetting(f"FIRETOWER_STATE_DIR or --state-dir: {str(path)!r} has control characters in its name")
        if len(os.fsencode(path)) > _MOST_PATH_BYTES:
            raise BadSetting(
                f"FIRETOWER_STATE_DIR or --state-dir: the path has {len(os.fsencode(path))} bytes, and PostgreSQL ends"
                f" without a word beyond about 1000: give one of at most {_MOST_PATH_BYTES}"
            )
        try:
            path.mkdir(parents=True, exist_ok=True)
            if unprivileged() is None:
                path.chmod(0o700)
            (path / "logs").mkdir(exist_ok=True)
            if not os.access(path, os.W_OK):
                raise PermissionError(13, "it is read-only")
        except OSError as error:
            raise BadSetting(f"FIRETOWER_STATE_DIR or --state-dir: {path} cannot be used: {error}") from None
        return cls(path)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder for this process.

        Raises:
            StartFailed: another process holds it, or its original, or the data that both would use.
        """
        hold = Hold(self.path / _HOLD)
        holder = hold.take()
        if holder is not None:
            raise StartFailed(
                f"{self.path} is in use by {holder}: stop that one (`firetower stack down`) or name another --state-dir"
            )
        try:
            self._settle()
            yield
        finally:
            hold.release()

    def holder(self) -> Holder | None:
        """The process that holds the folder, or None."""
        return holder_of(self.path / _HOLD)

    @property
    def identity(self) -> str:
        """What tells this folder from every other, wherever it is moved to; made once."""
        known = self._known(_IDENTITY).get("id")
        return str(known) if known else self._settle()

    def _settle(self) -> str:
        """Note where we are, and find out whether we are a copy."""
        here, known = self.path.resolve(), self._known(_IDENTITY)
        noted = Path(known.get("path") or here)
        identity = known.get("id") or secrets.token_hex(8)
        if noted != here and _identity_at(noted) == identity and not noted.samefile(here):
            original = holder_of(noted / _HOLD)
            if original is not None:
                raise StartFailed(
                    f"{self.path} is a copy of {noted}, which {original} runs at this moment: a copy of a"
                    " running system is incomplete; stop the original and copy it again, or name another --state-dir"
                )
            claim(here)
            identity = secrets.token_hex(8)
        claim(here)
        if known.get("id") != identity or known.get("path") != str(here):
            write_private(self.path / _IDENTITY, json.dumps({"id": identity, "path": str(here)}, indent=1))
        return identity

    @property
    def has_run(self) -> bool:
        """Whether a system was started in this folder before, or restored into it."""
        return (self.path / "secrets.json").exists()

    def data_folders(self) -> tuple[Path, ...]:
        """The folders whose disks everything here needs room on."""
        outside = outside_of(self.path)
        return (self.path,) if outside is None else (self.path, outside)

    def log(self, name: str) -> Path:
        """The log file of one child."""
        return self.path / "logs" / f"{name}.log"

    def bound_logs(self, limit_bytes: int = 20 * 2**20) -> None:
        """Move the lines of a log that has grown too large to `NAME.log.1`; a line written in that moment may be lost.

        Children append to a file they hold open, so it is copied and cut, not renamed. On a full disk it is only cut.
        """
        for log in (self.path / "logs").glob("*.log"):
            with suppress(OSError):
                if log.stat().st_size > limit_bytes:
                    old = log.with_suffix(".log.1")
                    try:
                        shutil.copyfile(log, old)
                    except OSError:
                        old.unlink(missing_ok=True)
                    os.truncate(log, 0)

    def find_lost_log(self, name: str, pid: int) -> None:
        """Bring back what a child wrote since its log was deleted: the child writes on, and no `df` or `ls` says where.

        A line written in that moment may be lost, as in `bound_logs`.
        """
        with suppress(OSError):
            lost = Path(f"/proc/{pid}/fd/1")
            found = lost.stat()
            if stat.S_ISREG(found.st_mode) and found.st_nlink == 0 and found.st_size:
                with suppress(OSError), lost.open("rb") as source, self.log(name).open("ab") as log:
                    shutil.copyfileobj(source, log)
                os.truncate(lost, 0)

    def server_dir(self, name: str) -> Path:
        """A folder that the server's user owns and can reach, for one server's data.

        Raises:
            StartFailed: there is data of another user, or none where it must be.
        """
        user = unprivileged()
        folder = data_base(self.path) / name
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            if user is not None:
                refuse_data_of_others(folder, user.pw_uid)
            folder.chmod(0o700)
            if user is not None:
                os.chown(folder, user.pw_uid, user.pw_gid)
        except OSError as error:
            raise StartFailed(f"{folder} cannot be used by us: {error}") from None
        return folder

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
        """Keep `value` unless one of this name is kept already; return the kept one."""
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
        if not _becomes_free(kept):
            kept = self._remember("ports.json", name, free_port, again=True)
        return kept

    def fixed_port(self, setting: str, port: int) -> int:
        """The port that a setting names: somebody else relies on it.

        Raises:
            StartFailed: another program has it.
        """
        if not _becomes_free(port):
            raise StartFailed(f"FIRETOWER_{setting}: port {port} of 127.0.0.1 is taken by another program")
        return port

    def _remember(self, file: str, name: str, make: Any, *, again: bool = False) -> Any:
        known = self._known(file)
        if again or name not in known:
            known[name] = make()
            write_private(self.path / file, json.dumps(known, indent=1))
        return known[name]

    def _known(self, file: str) -> dict[str, Any]:
        return _read_object(self.path / file)


def _becomes_free(port: int) -> bool:
    deadline = time.monotonic() + PREDECESSOR_S
    while not port_is_free(port) and time.monotonic() < deadline:
        time.sleep(0.05)
    return port_is_free(port)


def clear_stale_endpoints(path: Path) -> None:
    """Remove `endpoints.json` that a killed run left behind."""
    with suppress(OSError):  # a folder that is not ours, or no folder at all, is refused a moment later, with a reason
        if path.exists() and StateDir(path.absolute()).holder() is None:
            (path / "endpoints.json").unlink(missing_ok=True)


def _identity_at(folder: Path) -> str | None:
    with suppress(OSError, StartFailed):
        return _read_object(folder / _IDENTITY).get("id")
    return None


def _read_object(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8", errors="surrogateescape"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise StartFailed(f"{path} cannot be read, bring it back from a copy: {error}") from None
    if not isinstance(found, dict):
        raise StartFailed(f"{path} cannot be read, bring it back from a copy: it is not a JSON object")
    return found
