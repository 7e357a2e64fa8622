"""What lies in a backup folder, and what of it is still wanted.

A folder holds one subfolder per system, so that a restored system never mixes its copies with those of the one that it
was made from: `copies/` (base copies), `log/` (the write-ahead log after them, segment by segment), `belongings/` (the
rest of the state folder, as it was at a moment), `named/` (maps and what else the operator named) and `until.json` (how
far all of it goes).
"""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from services.core.errors import FiretowerError
from stack.backup.archives import Archive, thinned, unwanted
from stack.backup.sealed import ENCRYPTED, UNFINISHED
from stack.backup.segments import Log, Segment, position, segment_from
from stack.state import write_private

FORMAT = 1
STAMP = "%Y%m%dT%H%M%SZ"
_HISTORY = re.compile(r"[0-9A-F]{8}\.history\.gz(\.gpg)?")
_SYSTEM = "system.json"


class NoCopy(FiretowerError):
    """A folder does not hold what was asked of it."""


@dataclass(frozen=True)
class Copy:
    """One base copy: consistent once the log is replayed from `start_lsn` past `end_lsn`."""

    name: str
    started_at: datetime
    ended_at: datetime
    start_lsn: str
    end_lsn: str
    timeline: int
    segment_bytes: int
    postgres: str
    timescaledb: str
    database: str
    revision: str
    file: str
    size_bytes: int
    sha256: str
    answers: str = ""  # the order that stood when it was begun; copies of earlier releases do not say
    format: int = FORMAT

    @property
    def first_segment(self) -> int:
        """Number of the first segment that is needed to bring it up."""
        return position(self.start_lsn) // self.segment_bytes

    @property
    def last_segment(self) -> int:
        """Number of the segment without which it is not consistent."""
        return position(self.end_lsn) // self.segment_bytes

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The copy in a folder; None for one that was never finished, has lost its file or part of it, or is none.

        Raises:
            OSError: it cannot be read now, which says nothing about it.
        """
        with suppress(FileNotFoundError, NotADirectoryError, ValueError, TypeError, KeyError):
            told = json.loads((folder / "copy.json").read_text(encoding="utf-8"))
            for name in ("started_at", "ended_at"):
                told[name] = datetime.fromisoformat(told[name])
            known = {field.name for field in fields(cls)}  # a newer release may say more
            copy = cls(**{name: value for name, value in told.items() if name in known})
            if (folder / copy.file).stat().st_size == copy.size_bytes:
                return copy
        return None

    def write(self, folder: Path) -> None:
        """Say what lies in `folder`."""
        told = asdict(self) | {"started_at": self.started_at.isoformat(), "ended_at": self.ended_at.isoformat()}
        write_private(folder / "copy.json", json.dumps(told, indent=1))


@dataclass(frozen=True)
class Until:
    """How far a backup goes: every commit before `at` lies before `lsn`, and that is in the log."""

    at: datetime
    lsn: str
    writers: dict[str, int]  # the newest batch of each writer of ingest
    shipped_at: datetime | None = None  # by the clock that names the archives beside the copies


class CopyFolder:
    """The copies of one system."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.copies_path, self.log_path, self.belongings_path, self.named_path = (
            path / name for name in ("copies", "log", "belongings", "named")
        )

    @classmethod
    def of(cls, root: Path, identity: str) -> Self:
        """The subfolder of a system below `root`, there or not."""
        return cls(root / f"firetower-{identity}")

    @classmethod
    def make(cls, root: Path, identity: str) -> Self:
        """The subfolder of a system below `root`, made when it is not there.

        Raises:
            NoCopy: it cannot be made or written.
        """
        folder = cls.of(root, identity)
        try:
            for path in (
                folder.path,
                folder.copies_path,
                folder.log_path,
                folder.belongings_path,
                folder.named_path,
            ):
                path.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not folder.is_there:
                write_private(folder.path / _SYSTEM, json.dumps({"format": FORMAT, "identity": identity}))
        except OSError as error:
            raise NoCopy(f"nothing can be kept in {root}: {error}") from None
        return folder

    @property
    def is_there(self) -> bool:
        """Whether somebody made it: a disk that is not mounted leaves an empty folder in its place."""
        return (self.path / _SYSTEM).is_file()

    def belongs_to(self, cluster: int) -> bool:
        """Whether the log of this database may be kept here: the first one's only, for their segments have one name.

        Raises:
            OSError: that cannot be read or written.
        """
        path = self.path / _SYSTEM
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if "cluster" not in told:
            write_private(path, json.dumps(told | {"cluster": cluster}))
        return bool(told.get("cluster", cluster) == cluster)

    @staticmethod
    def is_at(path: Path) -> bool:
        """Whether the copies of a system lie in this very folder."""
        return (path / _SYSTEM).is_file() and (path / "belongings").is_dir()

    @classmethod
    def find(cls, root: Path) -> Self:
        """The system in `root`: the folder itself, or the one below it that was written last.

        Raises:
            NoCopy: there is none.
        """
        if (root / _SYSTEM).is_file():
            return cls(root)
        found = [cls(path.parent) for path in root.glob(f"firetower-*/{_SYSTEM}")]
        if not found:
            raise NoCopy(f"{root} holds no copy of a system: name the folder that `firetower backup` was given")
        return max(found, key=lambda one: (bool(one.copies()), one.written_at()))

    def written_at(self) -> float:
        """When somebody last said how far it goes."""
        with suppress(OSError):
            return (self.path / "until.json").stat().st_mtime
        return 0.0

    def copies(self) -> list[Copy]:
        """The finished ones, oldest first: by their place in the log, because a clock may be set back.

        Raises:
            OSError: they cannot be read now; nobody may take them for gone.
        """
        with suppress(FileNotFoundError):
            found = (Copy.read(path) for path in self.copies_path.iterdir() if path.suffix != UNFINISHED)
            return sorted((copy for copy in found if copy is not None), key=lambda copy: position(copy.end_lsn))
        return []

    def base(self, copy: Copy) -> Path:
        """The file of a base copy."""
        return self.copies_path / copy.name / copy.file

    def segments(self, segment_bytes: int) -> list[Segment]:
        """The log as it lies there, in order; a partial one only while the whole one is not there."""
        found = [segment_from(path, segment_bytes) for path in self.log_path.iterdir()]
        whole = {segment.name for segment in found if segment is not None and not segment.partial}
        return sorted(
            segment for segment in found if segment is not None and not (segment.partial and segment.name in whole)
        )

    def histories(self) -> Iterator[Path]:
        """The files that say where timelines part."""
        return (path for path in self.log_path.iterdir() if _HISTORY.fullmatch(path.name))

    def log_after(self, copy: Copy, until: Until | None = None) -> list[Segment]:
        """What brings a copy up to the end.

        Raises:
            NoCopy: a segment between the copy and the end is missing.
        """
        log = self.log_up_to_gap(copy, until)
        if log.gap:
            raise NoCopy(f"{log.gap}: restore another copy, or this one with --at before that")
        return log.segments

    def log_up_to_gap(self, copy: Copy, until: Until | None = None) -> Log:
        """What brings a copy up as far as the log is whole; `until` was read before, and says how far it must go.

        Raises:
            NoCopy: it is not whole up to the end of the copy itself.
        """
        # A primary that was lost may have written more than its successor knew: no part of what became of the copy.
        found = [one for one in self.segments(copy.segment_bytes) if one.timeline >= copy.timeline]
        segments = [one for one in found if one.number >= copy.first_segment]
        there = {segment.number for segment in segments}
        last = max(there | {copy.last_segment, (position(until.lsn) - 1) // copy.segment_bytes if until else 0})
        wanted = range(copy.first_segment, last + 1)
        missing = [number for number in wanted if number not in there]
        if not missing:
            return Log(segments)
        gap = f"the log after the copy {copy.name} has a gap of {len(missing)} segments, the first is {missing[0]:#x}"
        if missing[0] <= copy.last_segment:
            raise NoCopy(f"{gap}, which the copy needs: restore another one")
        return Log([one for one in segments if one.number < missing[0]], gap)

    def until(self) -> Until | None:
        """How far it goes, or None when nobody knows yet."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            told: dict[str, Any] = json.loads((self.path / "until.json").read_text(encoding="utf-8"))
            shipped = told.get("shipped_at")  # earlier releases did not say
            shipped_at = datetime.fromisoformat(shipped) if shipped else None
            return Until(datetime.fromisoformat(told["at"]), told["lsn"], told["writers"], shipped_at)
        return None

    def write_until(self, until: Until) -> None:
        """Say how far it goes."""
        told = asdict(until) | {"at": until.at.isoformat()}
        if until.shipped_at is not None:
            told["shipped_at"] = until.shipped_at.isoformat()
        write_private(self.path / "until.json", json.dumps(told))

    def belongings(self) -> list[Archive]:
        """What the rest of the state folder was, and when; in the order of their names."""
        return _archives(self.belongings_path)

    def named(self) -> list[Archive]:
        """What the operator named, as it was: since when, and how it looked; in the order of their names."""
        return _archives(self.named_path)

    def choose(self, at: datetime | None) -> Copy:
        """The newest copy that can become what was at `at`.

        Raises:
            NoCopy: there is none.
        """
        copies = self.copies()
        if not copies:
            raise NoCopy(f"{self.path} holds no finished copy yet")
        fitting = [copy for copy in copies if at is None or copy.ended_at <= at]
        if not fitting:
            raise NoCopy(f"the oldest copy is of {copies[0].ended_at:%Y-%m-%d %H:%M:%S %z}: --at must lie after that")
        return fitting[-1]

    def prune(self, keep: int, now: datetime) -> list[str]:
        """Remove copies beyond the newest `keep`, the log before them, and most of the old belongings; what went."""
        copies = self.copies()
        gone = copies[:-keep] if len(copies) > keep else []
        for copy in gone:
            shutil.rmtree(self.copies_path / copy.name)
        kept = copies[len(gone) :]
        if not kept:
            return []
        for path in self._log_before(kept[0]):
            path.unlink(missing_ok=True)
        ended = [copy.ended_at for copy in kept]
        belongings, named = self.belongings(), self.named()
        beyond = [*unwanted(belongings, ended, now), *thinned(belongings, ended, now), *unwanted(named, ended, now)]
        for _, _, path in beyond:
            path.unlink(missing_ok=True)
        return [copy.name for copy in gone]

    def _log_before(self, oldest: Copy) -> Iterator[Path]:
        for path in self.log_path.iterdir():
            segment = segment_from(path, oldest.segment_bytes)
            if segment is not None and segment.number < oldest.first_segment:
                yield path


def _archives(folder: Path) -> list[Archive]:
    found = []
    with suppress(OSError):
        for path in folder.iterdir():
            stamp, _, look = path.name.removesuffix(ENCRYPTED).removesuffix(".tar.gz").partition("-")
            with suppress(ValueError):
                found.append((datetime.strptime(stamp, STAMP).replace(tzinfo=UTC), look, path))
    return sorted(found)
