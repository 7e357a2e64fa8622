"""What `firetower up` and `demo` show: one line per step while starting, then one live line, or plain lines in a log.

Called by `stack.up`. Promises: never more than one line a second on a terminal, one in ten elsewhere.
"""

import asyncio
import io
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import asyncpg

from services.core.db import AWAY, connect, pass_on_cancel
from stack.programs import scraped

# One row for the live line: newest facts only, no scan of a hypertable
_STATUS_SQL = """
select (select count(*) filter (where online and last_seen is not null) from device_state) as online,
       (select count(*) from device) as devices,
       (select coalesce(sum(hydrant + electrical + water + panel + events), 0) from ingest_batch
         where committed_at > now() - interval '5 seconds') / 5.0 as stored_per_s,
       (select coalesce(sum(rejects), 0) from ingest_batch where committed_at > now() - interval '1 day') as rejects,
       (select coalesce(max(oldest_unacked_s), 0) from ingest_lane
         where updated_at > now() - interval '10 seconds') as oldest_unacked_s
"""


class Screen:
    """Writes progress and the live line."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        if isinstance(self._out, io.TextIOWrapper):  # a locale that cannot write a folder's name must not end us
            self._out.reconfigure(errors="backslashreplace")
        self._live = self._out.isatty()
        self._started = time.monotonic()
        self._line_open = False
        self.every_s = 1 if self._live else 10  # how often the status changes

    def step(self, text: str) -> None:
        """One finished or beginning step, with the seconds since the start."""
        self._write(f"{time.monotonic() - self._started:6.1f} s  {text}")

    def say(self, text: str = "") -> None:
        """A line as it is."""
        self._write(text)

    def announce(self, dashboard: str, login: tuple[str, str], endpoints: Path) -> None:
        """Say that the system is ready, and where it is."""
        self.step("ready")
        self.say()
        if login[0]:
            self.say(f"  dashboard   {dashboard}/")
            self.say(f"  login       {login[0]} / {login[1]}")
        self.say(f"  addresses   {endpoints}")
        self.say(f"  logs        {endpoints.with_name('logs')}")
        self.say("  Ctrl-C ends everything; the data stays, and the next start goes on with it.")
        self.say()

    def status(self, text: str) -> None:
        """The live line: replaced in place on a terminal, a further line elsewhere."""
        if self._live:
            width = shutil.get_terminal_size().columns - 1  # a line that wraps could not be replaced
            with suppress(OSError):
                self._out.write(f"\r\x1b[2K{text[:width]}")
                self._line_open = True
                self._out.flush()
        else:
            self._write(text)

    def _write(self, text: str) -> None:
        with suppress(OSError):  # nobody reads any more: no reason to end the system
            if self._line_open:
                self._out.write("\r\x1b[2K")
                self._line_open = False
            self._out.write(text + "\n")
            self._out.flush()


class Vitals:
    """Reads the numbers of the live line from the database and ingest's own counters."""

    def __init__(self, dsn: str, ingest_metrics: str) -> None:
        self._dsn = dsn
        self._metrics = ingest_metrics
        self._connection: asyncpg.Connection | None = None
        self._last: tuple[float, float] | None = None  # (monotonic, messages)

    async def line(self) -> str:
        """One line; says so when the database does not answer."""
        try:
            if self._connection is None:
                self._connection = await connect(self._dsn, program="up", statement_timeout_s=2)
            [row] = await self._connection.fetch(_STATUS_SQL)
        except AWAY:
            pass_on_cancel()
            self.close()
            return "database does not answer; what was acknowledged is safe, devices' data waits in the broker"
        messages_per_s = await asyncio.to_thread(self._messages_per_s)
        return (
            f"online {row['online']}/{row['devices']}  {messages_per_s:.0f} messages/s"
            f"  {row['stored_per_s']:.0f} stored/s  unacknowledged for {row['oldest_unacked_s']:.1f} s"
            f"  rejects {row['rejects']}"
        )

    def _messages_per_s(self) -> float:
        samples = scraped(self._metrics)
        total = sum(sample.value for sample in samples if sample.name == "firetower_ingest_messages_total")
        now = time.monotonic()
        before, self._last = self._last, (now, total)
        if before is None or total < before[1]:  # the first look, or ingest was started again
            return 0.0
        return (total - before[1]) / max(now - before[0], 0.001)

    def close(self) -> None:
        """Drop the connection."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
