"""One base copy, by PostgreSQL's `pg_basebackup` while everything runs. Called by the keeper.

Promises: a copy has its name only once it is whole and the log up to its end is beside it; what a kill left half done
is removed by the next one.
"""

import asyncio
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from services.core.clock import Clock
from services.core.errors import FiretowerError
from stack import children
from stack.backup.copies import STAMP, Copy, CopyFolder
from stack.backup.sealed import UNFINISHED, Packed, Seal
from stack.backup.server import Server

_PROGRESS = re.compile(r"(\d+)/(\d+) kB \((\d+)%\)")
_LOOK_EVERY_S = 1.0
Tell = Callable[[int], None]  # per cent


class CopyFailed(FiretowerError):
    """No base copy came of it; the text says what the tool wrote."""


class BaseCopy:
    """The one base copy that is being made."""

    def __init__(self, server: Server, folder: CopyFolder, seal: Seal) -> None:
        self._server, self._folder, self._seal = server, folder, seal
        self._process: subprocess.Popen[bytes] | None = None

    async def take(self, clock: Clock, tell: Tell, *, quick: bool, answers: str = "") -> Copy:
        """Make one. `quick`: begin with a checkpoint at once, instead of at the server's leisure.

        `answers` names the order that stands.

        Returns the copy as it will be once the log has reached its end: `finish` gives it its name then.

        Raises:
            CopyFailed: the tool failed.
            OSError, asyncpg.PostgresError, FiretowerError: the server does not answer, or there is no room.
        """
        about = await self._server.about()
        began = clock.now()
        name = began.strftime(STAMP)
        self._remove_unfinished()
        place = self._folder.copies_path / f"{name}{UNFINISHED}"
        place.mkdir(mode=0o700)
        file = self._seal.name("base.tar.gz")
        # The copy begins with a checkpoint that is yet to come, and ends before the tool does.
        timeline, start = await self._server.place_in_log()
        packed = await self._run(place / file, tell, quick=quick)
        _, end = await self._server.place_in_log()
        return Copy(
            name=name,
            started_at=began,
            ended_at=clock.now(),
            start_lsn=start,
            end_lsn=end,
            timeline=timeline,
            segment_bytes=about.segment_bytes,
            postgres=about.postgres,
            timescaledb=about.timescaledb,
            database=self._server.database,
            revision=about.revision,
            file=file,
            size_bytes=packed.size_bytes,
            sha256=packed.sha256,
            answers=answers,
        )

    def finish(self, copy: Copy) -> None:
        """Give a copy its name.

        Raises:
            CopyFailed: it is not there any more, or its name is taken: another one has to be made.
            OSError: it cannot be done now.
        """
        place, target = (self._folder.copies_path / f"{copy.name}{end}" for end in (UNFINISHED, ""))
        if not (place / copy.file).is_file() or target.exists():
            raise CopyFailed(f"{place} is gone, or {target} is there already: another disk, or a clock that was set")
        copy.write(place)
        place.replace(target)

    def _remove_unfinished(self) -> None:
        for path in self._folder.copies_path.glob(f"*{UNFINISHED}"):
            shutil.rmtree(path, ignore_errors=True)

    async def _run(self, target: Path, tell: Tell, *, quick: bool) -> Packed:
        options = [
            "-D",
            "-",
            "-Ft",
            "-X",
            "none",
            "--compress=client-gzip:1",
            "--progress",
            "--verbose",
            "--no-password",
        ]
        options += [f"--checkpoint={'fast' if quick else 'spread'}", "--label=firetower"]
        command, env = self._server.tool("pg_basebackup", *options, application="firetower.backup.copy")
        with tempfile.TemporaryFile() as errors:
            self._process = subprocess.Popen(  # noqa: ASYNC220, S603 - it only starts here
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=env,
                preexec_fn=children.die_with_parent(),  # noqa: PLW1509
            )
            process = self._process
            assert process.stdout is not None  # noqa: S101
            with process:
                writing = asyncio.create_task(asyncio.to_thread(self._seal.write_stream, target, process.stdout))
                try:
                    while not writing.done():
                        await asyncio.wait({writing}, timeout=_LOOK_EVERY_S)
                        _tell_progress(_read(errors), tell)
                    packed = writing.result()
                except BaseException:
                    process.kill()  # the thread that reads from it ends with it
                    with suppress(Exception):
                        await writing
                    raise
                code = await asyncio.to_thread(process.wait)
                said = _read(errors)
        if code != 0:
            raise CopyFailed(f"pg_basebackup ended with {code}: {children.tail(said)}")
        return packed

    def stop(self) -> None:
        """End what runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()


def _read(errors: IO[bytes]) -> str:
    """What was written so far; the place in the file is the tool's and must not move."""
    size = os.fstat(errors.fileno()).st_size
    return os.pread(errors.fileno(), size, 0).decode(errors="replace").replace("\r", "\n")


def _tell_progress(said: str, tell: Tell) -> None:
    found = _PROGRESS.findall(said)
    if found:
        tell(int(found[-1][2]))
