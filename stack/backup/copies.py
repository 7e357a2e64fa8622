"""What lies in a backup folder, and what of it is still wanted.

A folder holds one subfolder per system, so that a restored system never mixes its copies with those of the one that it
was made from: `copies/` (base copies), `log/` (the write-ahead log after them, segment by segment), `belongings/` (the
rest of the state folder, as it was at a moment), `named/` (maps and what else the operator named) and `until.json` (how
far all of it goes).
"""

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from services.core.errors import FiretowerError
from stack.backup.sealed import ENCRYPTED, UNFINISHED
from stack.state import write_private

FORMAT = 1
STAMP = "%Y%m%dT%H%M%SZ"
_SEGMENT = re.compile(r"([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})(\.partial)?\.gz(\.gpg)?")
_HISTORY = re.compile(r"[0-9A-F]{8}\.history\.gz(\.gpg)?")
_ALL_BELONGINGS_FOR = timedelta(hours=2)


class NoCopy(FiretowerError):
    """A folder does not hold what was asked of it."""


@dataclass(frozen=True, order=True)
class Segment:
    """One file of the log. `number` counts segments since the cluster was made, whatever the timeline."""

    number: int
    timeline: int
    partial: bool
    path: Path

    @property
    def name(self) -> str:
        """As PostgreSQL asks for it."""
        return self.path.name[:24]


def position(lsn: str) -> int:
    """A place in the log, `16/B374D848`, as a number of bytes."""
    high, _, low = lsn.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def segment_from(path: Path, segment_bytes: int) -> Segment | None:
    """The segment that a file's name says, or None when it is not a file of the log."""
    found = _SEGMENT.fullmatch(path.name)
    if found is None:
        return None
    timeline, high, low = (int(found[number], 16) for number in (1, 2, 3))
    return Segment(high * (2**32 // segment_bytes) + low, timeline, found[4] is not None, path)


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
        """The copy in a folder; None for one that was never finished or is none."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            told = json.loads((folder / "copy.json").read_text(encoding="utf-8"))
            for name in ("started_at", "ended_at"):
                told[name] = datetime.fromisoformat(told[name])
            return cls(**told)
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


class CopyFolder:
    """The copies of one system."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.copies_path, self.log_path, self.belongings_path, self.named_path = (
            path / name for name in ("copies", "log", "belongings", "named")
        )

    @classmethod
    def make(cls, root: Path, identity: str) -> Self:
        """The subfolder of a system below `root`, made when it is not there.

        Raises:
            NoCopy: it cannot be made or written.
        """
        folder = cls(root / f"firetower-{identity}")
        try:
            for path in (
                folder.path,
                folder.copies_path,
                folder.log_path,
                folder.belongings_path,
                folder.named_path,
            ):
                path.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_private(folder.path / "system.json", json.dumps({"format": FORMAT, "identity": identity}))
        except OSError as error:
            raise NoCopy(f"nothing can be kept in {root}: {error}") from None
        return folder

    @staticmethod
    def is_at(path: Path) -> bool:
        """Whether the copies of a system lie in this very folder."""
        return (path / "system.json").is_file() and (path / "belongings").is_dir()

    @classmethod
    def find(cls, root: Path) -> Self:
        """The system in `root`: the folder itself, or the one below it that was written last.

        Raises:
            NoCopy: there is none.
        """
        if (root / "system.json").is_file():
            return cls(root)
        found = [cls(path.parent) for path in root.glob("firetower-*/system.json")]
        if not found:
            raise NoCopy(f"{root} holds no copy of a system: name the folder that `firetower backup` was given")
        return max(found, key=lambda one: (bool(one.copies()), one.written_at()))

    def written_at(self) -> float:
        """When somebody last said how far it goes."""
        with suppress(OSError):
            return (self.path / "until.json").stat().st_mtime
        return 0.0

    def copies(self) -> list[Copy]:
        """The finished ones, oldest first."""
        with suppress(OSError):
            found = (Copy.read(path) for path in self.copies_path.iterdir() if path.suffix != UNFINISHED)
            return sorted((copy for copy in found if copy is not None), key=lambda copy: copy.ended_at)
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

    def log_after(self, copy: Copy) -> list[Segment]:
        """What brings a copy up to the end.

        Raises:
            NoCopy: a segment between the copy and the end is missing.
        """
        segments = [one for one in self.segments(copy.segment_bytes) if one.number >= copy.first_segment]
        there = {segment.number for segment in segments}
        wanted = range(copy.first_segment, max(there | {copy.last_segment}) + 1)
        missing = [number for number in wanted if number not in there]
        if missing:
            raise NoCopy(
                f"the log after the copy {copy.name} has a gap of {len(missing)} segments, the first is number"
                f" {missing[0]:#x}: restore an older copy, or this one with --at before the gap"
            )
        return segments

    def until(self) -> Until | None:
        """How far it goes, or None when nobody knows yet."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            told: dict[str, Any] = json.loads((self.path / "until.json").read_text(encoding="utf-8"))
            return Until(datetime.fromisoformat(told["at"]), told["lsn"], told["writers"])
        return None

    def write_until(self, until: Until) -> None:
        """Say how far it goes."""
        told = asdict(until) | {"at": until.at.isoformat()}
        write_private(self.path / "until.json", json.dumps(told))

    def belongings(self) -> list[tuple[datetime, Path]]:
        """What the rest of the state folder was, and when; oldest first."""
        found = []
        with suppress(OSError):
            for path in self.belongings_path.iterdir():
                with suppress(ValueError):
                    stamp = path.name.removesuffix(ENCRYPTED).removesuffix(".tar.gz")
                    found.append((datetime.strptime(stamp, STAMP).replace(tzinfo=UTC), path))
        return sorted(found)

    def named(self) -> list[tuple[datetime, str, Path]]:
        """What the operator named, as it was: since when, how it looked, and its archive; oldest first."""
        found = []
        with suppress(OSError):
            for path in self.named_path.iterdir():
                stamp, _, look = path.name.removesuffix(ENCRYPTED).removesuffix(".tar.gz").partition("-")
                with suppress(ValueError):
                    found.append((datetime.strptime(stamp, STAMP).replace(tzinfo=UTC), look, path))
        return sorted(found)

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
        for path in self._belongings_beyond(kept, now):
            path.unlink(missing_ok=True)
        for _, _, path in [one for one in self.named() if one[0] <= kept[0].ended_at][:-1]:
            path.unlink(missing_ok=True)
        return [copy.name for copy in gone]

    def _log_before(self, oldest: Copy) -> Iterator[Path]:
        for path in self.log_path.iterdir():
            segment = segment_from(path, oldest.segment_bytes)
            if segment is not None and segment.number < oldest.first_segment:
                yield path

    def _belongings_beyond(self, kept: Sequence[Copy], now: datetime) -> Iterator[Path]:
        """All but those of the last two hours, the newest of each hour, and what the oldest copy begins with."""
        since, hours = kept[0].ended_at, set[datetime]()
        before = [path for at, path in self.belongings() if at <= since]
        yield from before[:-1]
        for at, path in reversed(self.belongings()):
            hour = at.replace(minute=0, second=0)
            if at > since and at < now - _ALL_BELONGINGS_FOR and hour in hours:
                yield path
            hours.add(hour)
