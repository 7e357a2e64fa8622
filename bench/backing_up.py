"""Copies of the database made one after the other, with its log received all the while: beside a measurement.

Called by `bench.alarm`. The system keeps its copies in `folder` (FIRETOWER_BACKUP_DIR); each base copy is asked for as
a person does, with `firetower backup`.
"""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from bench.system import BenchFailed, System, firetower, own_environment, scratch_folder


def folder_of_copies(stack: AsyncExitStack) -> Path:
    """A new folder, which is gone with `stack`."""
    folder = scratch_folder()
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder


def settings_for(folder: Path) -> dict[str, str]:
    """What the system's environment says so that it keeps copies there."""
    return {"FIRETOWER_BACKUP_DIR": str(folder)}


@asynccontextmanager
async def copies(system: System, folder: Path) -> AsyncIterator[list[float]]:
    """Make base copies one after the other inside the context; how long each took, in seconds.

    Raises:
        BenchFailed: one could not be made.
    """
    took_s: list[float] = []
    working = asyncio.create_task(_copy_on(system, folder, took_s), name="copies")
    try:
        yield took_s
        if working.done():
            working.result()
    finally:
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working


async def _copy_on(system: System, folder: Path, took_s: list[float]) -> None:
    command = firetower("backup", str(folder), "--state-dir", str(system.state_dir))
    env = own_environment() | settings_for(folder)
    while True:
        began = time.monotonic()
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, env=env, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
        try:
            said, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise BenchFailed(f"no copy: {said.decode(errors='replace')[-500:]}")
        took_s.append(round(time.monotonic() - began, 1))
