"""Everything of a system that is not in its database, packed into one archive and unpacked into a new state folder.

Secrets, ports, client ids, keys, journals, the broker's accounts and sessions, and settings. Maps and what else an
operator names go into an archive of their own: they are large and seldom change.
Called by the keeper and the restoration. SQLite files are copied by SQLite itself while their programs write them; what
belongs to a run (logs, addresses, locks) stays behind, and so does what tells this state folder from every other.
"""

import hashlib
import io
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from services.core.errors import FiretowerError
from stack.backup.copies import CopyFolder
from stack.children import unprivileged
from stack.places import SERVERS, outside_of
from stack.state import StateDir

SETTINGS = "settings.env"
_MOSQUITTO = "mosquitto"
_ALSO = "also"
_OF_A_RUN = {
    "logs",
    "run",
    "backup",
    "backup.json",
    "endpoints.json",
    "supervisor.pid",
    "identity.json",
    "servers",
    SETTINGS,
    _ALSO,  # laid down by a restore, to be put back where it was: there it is named again
}
_SQLITE = b"SQLite format 3\0"
_OF_THE_DISK = "lost+found"  # at the root of a mounted disk, closed to all but root
_BESIDE_SQLITE = ("-wal", "-shm", "-journal")
_SESSIONS = "sessions.sqlite3"
_OF_THE_BROKER = {"accounts.json", _SESSIONS}
_QUEUES = {"base_msgs", "client_msgs"}
_PAGES = ("page_count", "freelist_count", "page_size")
_MOST_QUEUED_BYTES = 64 * 2**20  # of what waits in the broker; past it the sessions are copied without their queues
_MOST_BYTES = 512 * 2**20  # of one file of the state folder: what is larger is no belonging of ours
# Where a restored system finds itself depends on where it is restored, not on these.
_OF_A_PLACE = {"FIRETOWER_STATE_DIR", "FIRETOWER_DATABASE_URL", "FIRETOWER_BACKUP_DATABASE_URL", "FIRETOWER_MQTT_URL"}
_OF_A_PLACE |= {"FIRETOWER_READY_FILE", "FIRETOWER_METRICS_PORT", "FIRETOWER_STACK_PREFIX", "FIRETOWER_CACHE"}


@dataclass(frozen=True)
class Belongings:
    """Where everything lies."""

    state: StateDir
    environment: Mapping[str, str]
    also: Sequence[Path] = ()  # named by the operator: a certificate, the broker's folder, `.env`

    def pack(self, archive: IO[bytes]) -> str:
        """Write the state folder's archive; the digest of its contents, which is the same while nothing changed.

        Raises:
            OSError, sqlite3.Error: a file cannot be read now; it may later.
        """
        digest = hashlib.sha256()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for name, content in self._contents():
                digest.update(f"{name}\0{len(content)}\0".encode(errors="surrogateescape"))
                digest.update(content)
                _add(tar, name, len(content), io.BytesIO(content))
        return digest.hexdigest()

    def look_of_named(self) -> str:
        """A digest of names, sizes and times of what the operator named, empty when nothing is: a map has gigabytes."""
        if not self.also:
            return ""
        digest = hashlib.sha256()
        for name, path in self._named():
            with suppress(FileNotFoundError):
                found = path.stat()
                digest.update(f"{name}\0{found.st_size}\0{found.st_mtime_ns}\0".encode(errors="surrogateescape"))
        return digest.hexdigest()

    def pack_named(self, archive: IO[bytes]) -> None:
        """Write the archive of what the operator named, with the place of each.

        Raises:
            OSError, sqlite3.Error: as `pack`.
        """
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for number, path in enumerate(self.also):
                place = str(path).encode(errors="surrogateescape")
                _add(tar, f"{_ALSO}/{number}/path", len(place), io.BytesIO(place))
            for name, path in self._named():
                self._add_file(tar, name, path)

    def _contents(self) -> Iterator[tuple[str, bytes]]:
        yield SETTINGS, self._settings().encode(errors="surrogateescape")
        for name, path in self._files():
            content = self._content(path)
            if content is not None:
                yield name, content

    def _files(self) -> Iterator[tuple[str, Path]]:
        here = self.state.path
        yield from _below(here, "", lambda path: path.parent != here or path.name not in {*_OF_A_RUN, *SERVERS})
        broker = (outside_of(here) or here) / _MOSQUITTO
        if broker.is_dir():
            yield from _below(broker, _MOSQUITTO, lambda path: path.name in _OF_THE_BROKER)

    def _named(self) -> Iterator[tuple[str, Path]]:
        for number, path in enumerate(self.also):
            name = f"{_ALSO}/{number}/{path.name}"
            if path.is_dir():
                yield from _below(path, name, lambda _: True)
            elif path.is_file():
                yield name, path

    def _add_file(self, tar: tarfile.TarFile, name: str, path: Path) -> None:
        """Add a file of any size, or nothing when it has gone meanwhile."""
        file = _opened(path)
        if file is None:
            return
        with file:
            if _is_sqlite(file):
                content = _sqlite_content(path, self._scratch)
                _add(tar, name, len(content), io.BytesIO(content))
            else:
                _add(tar, name, os.fstat(file.fileno()).st_size, file)

    def _content(self, path: Path) -> bytes | None:
        file = _opened(path)
        if file is None:
            return None
        with file:
            if _is_sqlite(file):  # what it holds counts, not what it once needed: a file of SQLite's never shrinks
                return _sqlite_content(path, self._scratch, _MOST_BYTES)
            _refuse_large(path, os.fstat(file.fileno()).st_size, _MOST_BYTES)
            return file.read()

    @property
    def _scratch(self) -> Path:
        """Where copies are made: /tmp may be in memory, small, or tidied away while we run."""
        place = self.state.path / "backup"
        place.mkdir(exist_ok=True, mode=0o700)
        return place

    def _settings(self) -> str:
        """What the environment said, as a shell reads it back."""
        names = sorted(name for name in self.environment if name.startswith("FIRETOWER_") and name not in _OF_A_PLACE)
        lines = (f"export {name}='{_quoted(self.environment[name])}'" for name in names)
        return "# the settings of the system that this was copied from: . ./settings.env\n" + "".join(
            line + "\n" for line in lines
        )


def _quoted(value: str) -> str:
    return value.replace("'", "'\\''")


def _below(folder: Path, prefix: str, wanted: Callable[[Path], bool]) -> Iterator[tuple[str, Path]]:
    """The files below a folder, a link to a file as what it names: a certificate of Let's Encrypt is nothing but links.

    Copies that are kept there are left out, for each would hold all that came before it; so are links to folders.
    """
    for path in sorted(folder.iterdir()):
        if not wanted(path) or path.name.endswith(_BESIDE_SQLITE) or path.name == _OF_THE_DISK:
            continue
        name = f"{prefix}/{path.name}" if prefix else path.name
        if path.is_dir():
            if not path.is_symlink() and not CopyFolder.is_at(path):
                yield from _below(path, name, wanted)
        elif path.is_file():
            yield name, path


def _add(tar: tarfile.TarFile, name: str, size_bytes: int, content: IO[bytes]) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size_bytes, 0o600
    tar.addfile(entry, content)


def _opened(path: Path) -> IO[bytes] | None:
    """The file, or None when it has gone meanwhile. What is not found later on is something else, and is told."""
    with suppress(FileNotFoundError):
        return path.open("rb")
    return None


def _refuse_large(path: Path, size_bytes: int, most_bytes: int | None) -> None:
    if most_bytes is not None and size_bytes > most_bytes:
        raise OSError(f"{path} has {size_bytes >> 20} MiB: too large to belong to the system")


def _is_sqlite(file: IO[bytes]) -> bool:
    """Whether SQLite wrote it; it is read from its beginning again then."""
    beginning = file.read(len(_SQLITE))
    file.seek(0)
    return beginning == _SQLITE


def _sqlite_content(path: Path, scratch: Path, most_bytes: int | None = None) -> bytes:
    """A consistent copy of a file in WAL mode, without the room that is free in it; its writer is not held up."""
    with tempfile.TemporaryDirectory(prefix="copy-", dir=scratch) as folder:
        target = Path(folder) / "copy"
        with closing(sqlite3.connect(f"file:{_escaped(path)}?mode=ro", uri=True, timeout=5)) as source:
            numbers = (source.execute(f"pragma {name}").fetchone()[0] for name in _PAGES)
            pages, free, page_bytes = numbers
            if path.name == _SESSIONS and (pages - free) * page_bytes > _MOST_QUEUED_BYTES:
                _copy_sessions_alone(source, target)
            else:
                _refuse_large(path, (pages - free) * page_bytes, most_bytes)
                source.execute("vacuum into ?", (str(target),))
        return target.read_bytes()


def _copy_sessions_alone(source: sqlite3.Connection, target: Path) -> None:
    """Copy who is subscribed to what, and what is retained, but no queue, which may hold gigabytes."""
    source.execute("attach ? as copied", (str(target),))
    source.execute("begin")
    for kind, name, made_by in source.execute(
        "select type, name, sql from main.sqlite_master where sql is not null"
    ).fetchall():
        source.execute(made_by.replace(f"{kind.upper()} {name}", f"{kind.upper()} copied.{name}", 1))
        if kind == "table" and name not in _QUEUES:
            source.execute(f"insert into copied.{name} select * from main.{name}")  # noqa: S608 - names of its own
    source.execute(
        "insert into copied.base_msgs"
        " select * from main.base_msgs where store_id in (select store_id from main.retains)"
    )
    source.execute("commit")


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def unpack(archive: IO[bytes], state: StateDir) -> list[str]:
    """Write an archive into a new state folder, as it is read; what a person has to put in place themselves.

    Raises:
        FiretowerError: the archive is none of ours.
        OSError: it cannot be written.
    """
    notes: list[str] = []
    try:
        with tarfile.open(fileobj=archive, mode="r|") as tar:
            for entry in tar:
                _unpack_one(tar, entry, state, notes)
    except tarfile.TarError as error:
        raise FiretowerError(f"the belongings cannot be read: {error}") from error
    return notes


def _unpack_one(tar: tarfile.TarFile, entry: tarfile.TarInfo, state: StateDir, notes: list[str]) -> None:
    parts = PurePosixPath(entry.name).parts
    if not entry.isreg() or ".." in parts or entry.name.startswith("/"):
        raise FiretowerError(f"the archive holds {entry.name!r}, which is not a file of a state folder")
    base, rest = state.path, parts
    if parts[0] == _MOSQUITTO:
        base, rest = state.server_dir(_MOSQUITTO), parts[1:]
    content = tar.extractfile(entry)
    if content is not None:
        _write(base, rest, content, of_server=parts[0] == _MOSQUITTO)
    if parts[0] == _ALSO and parts[-1] == "path" and len(parts) == 3:
        where = (state.path / entry.name).read_text(encoding="utf-8", errors="surrogateescape")
        notes.append(f"{state.path / Path(*parts[:2])} was in {where}: put it back there, and remove this")


def _write(base: Path, parts: Sequence[str], content: IO[bytes], *, of_server: bool) -> None:
    path = base.joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        shutil.copyfileobj(content, file)
    user = unprivileged()
    if of_server and user is not None:
        os.chown(path, user.pw_uid, user.pw_gid)
