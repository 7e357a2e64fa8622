"""The limits of this machine: a C subscriber draining the same messages, and the same rows by COPY.

Called by `bench.ingest`. Promises: the same broker settings, packets, rows and indexes as in the measured run.
"""

import asyncio
import io
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import asyncpg

from bench.load import prepare
from bench.publisher import Endpoint, publish
from bench.system import BenchFailed, scratch_folder
from services.core.statements import load_queries
from stack.accounts import FLEET, SERVICES
from stack.mosquitto import Mosquitto
from stack.state import StateDir

SQL = load_queries(__file__)
TELEMETRY = "fire/v1/+/+/+/up/telemetry"


@dataclass(frozen=True, slots=True)
class Limit:
    """How much was moved in how long."""

    count: int
    seconds: float

    @property
    def per_s(self) -> float:
        """The rate."""
        return self.count / max(self.seconds, 1e-9)


@contextmanager
def private_broker() -> Iterator[Mosquitto]:
    """A broker with the settings of the system, alone in a scratch folder."""
    folder = scratch_folder()
    broker = Mosquitto(StateDir.open(folder))
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def drain_limit(count: int, *, devices: int) -> Limit:
    """Let `mosquitto_sub` take `count` stored messages out of a durable session, as fast as it can.

    Raises:
        BenchFailed: it did not get them all.
    """
    with private_broker() as broker:
        account, fleet = broker.account(SERVICES), broker.account(FLEET)
        command = [str(broker.binaries.clients / "mosquitto_sub"), "-h", broker.host, "-p", str(broker.port)]
        command += ["-V", "5", "-u", account.username, "-P", account.password, "-i", "firetower.drain.bench", "-c"]
        command += ["-x", "3600", "-q", "1", "-t", TELEMETRY, "-D", "connect", "receive-maximum", "4000"]
        await _run([*command, "-E"], 10)  # makes the session and leaves
        endpoint = Endpoint(broker.host, broker.port, fleet.username, fleet.password)
        await publish(endpoint, prepare(devices, "LIMIT-"), count=count)
        started = time.monotonic()
        await _run([*command, "-C", str(count)], 120)
        return Limit(count, time.monotonic() - started)


async def _run(command: list[str], timeout_s: float) -> None:
    done = await asyncio.to_thread(
        subprocess.run,
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
        timeout=timeout_s,
    )
    if done.returncode != 0:
        raise BenchFailed(f"mosquitto_sub ended with {done.returncode}: {done.stderr.decode(errors='replace').strip()}")


async def copy_limit(database: asyncpg.Connection, prefix: str) -> Limit:
    """Copy the rows of the run into hypertables with the same indexes, one COPY and one transaction a table."""
    count, seconds = 0, 0.0
    for target in await database.fetch(SQL["copy_targets"], prefix):
        rows = io.BytesIO()
        taken = await database.copy_from_query(target["source"], output=rows, format="binary")
        rows.seek(0)
        await database.execute(target["make"])
        try:
            await database.fetch(target["hyper"])
            started = time.monotonic()
            await database.copy_to_table(target["target"], source=rows, format="binary")
            seconds += time.monotonic() - started
            count += int(taken.split()[-1])
        finally:
            await database.execute(f"drop table {target['target']}")
    return Limit(count, seconds)
