"""The devices as ingest knows them: a cache of the registry, filled and extended from the database.

The lanes ask it before every batch. A device nobody registered is added as discovered; a person's change arrives by
notification, with a re-read every few seconds as the guarantee. It knows for whom a township's relay may speak.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import asyncpg

from services.core.areas import ADD_UNKNOWN
from services.core.errors import Fenced
from services.core.log import logger
from services.core.moment import MINUTE_US
from services.core.statements import load_queries
from services.core.topics import Kind, Topic
from services.ingest.account import Head
from services.ingest.behind import RIGHT, Clock, from_json
from services.ingest.moment import late_after_us

log = logger(__name__)
QUERIES = load_queries(__file__)
OVERLAP = timedelta(seconds=30)  # a change may be committed later than its time stamp says
TOPIC_AGAIN_US = MINUTE_US  # how often a topic is written that has not changed
AT_ONCE = 500  # changed devices read at once: an import changes tens of thousands, and messages come between


@dataclass(slots=True)
class Device:
    """What ingest must know of one device. `telemetry` and `event` count its sequences."""

    id: int
    code: str
    kind: Kind
    area: str
    is_placed: bool  # a person has set its area or kind: the registry wins over its topic
    late_after_us: int
    telemetry: Head = field(default_factory=Head)
    event: Head = field(default_factory=Head)
    topic: str | None = None  # as this lane has written it into the state row; None: not yet
    topic_us: int = 0  # receive time of the message that was written for
    state_fields: frozenset[str] | None = None  # what its newest state holds; None: not known for sure
    clock: Clock = RIGHT

    def has_written(self, topic: str | None, at_us: int | None) -> bool:
        """Whether the state row needs no topic: this lane has written it, and lately.

        The other lane may have written another since, of an event that its device kept, say. It tells us
        (`firetower_topic`), and what it told while nobody listened is over after a minute.
        """
        return topic is None or (topic == self.topic and 0 <= (at_us or 0) - self.topic_us < TOPIC_AGAIN_US)


class Devices:
    """Devices by code. One per lane, so that each lane's sequence counts belong to it alone."""

    def __init__(self) -> None:
        self._known: dict[str, Device] = {}
        self._spoken_for: dict[str, tuple[str, ...]] | None = None  # areas by that of a relay's topic; None: unread
        self._read_until: datetime | None = None
        self._taken: dict[str, datetime] = {}  # changes inside the overlap that were taken over and will be seen again

    def __getitem__(self, code: str) -> Device:
        return self._known[code]

    def get(self, code: str) -> Device | None:
        """Return the device, None while nobody heard of it."""
        return self._known.get(code)

    def is_foreign(self, topic: Topic) -> bool:
        """Whether a topic of a township names a device of somewhere else: its relay may not speak for that one."""
        device = self._known.get(topic.device)
        if device is None or topic.area == device.area or not self._spoken_for:
            return False
        areas = self._spoken_for.get(topic.area)
        return areas is not None and not device.area.startswith(areas)

    async def ensure(
        self,
        connection: asyncpg.Connection,
        topics: Iterable[Topic],
        before: Iterable[Topic] = (),
        *,
        lease: str,
        owner: str,
    ) -> None:
        """Make every device of `topics` and `before` known; add those the registry lacks and follow moved ones.

        Only `topics` move a device: those of `before` say where it was.

        Raises:
            Fenced: the lease belongs to somebody else, who alone may write.
        """
        if self._spoken_for is None:
            await self._read_townships(connection)
        said: dict[str, Topic] = {}
        for topic in topics:
            device = self._known.get(topic.device)
            if device is None or (topic.area != device.area or topic.kind != device.kind):
                said[topic.device] = topic
        wanted = {topic.device: topic for topic in before if topic.device not in self._known} | said
        if not wanted:
            return
        missing = [code for code in wanted if code not in self._known]
        if missing:
            await self._read(connection, missing)
            unheard = sorted(code for code in missing if code not in self._known)
            if unheard:
                await self._add(connection, [wanted[code] for code in unheard], lease, owner)
        moved = [topic for topic in said.values() if not self.is_foreign(topic) and self._has_moved(topic)]
        if moved:
            await self._move(connection, moved, lease, owner)

    async def refresh(self, connection: asyncpg.Connection) -> None:
        """Read what people changed since the last refresh."""
        await self._read_townships(connection)
        since = self._read_until
        now: datetime = await connection.fetchval("select clock_timestamp()")
        if since is not None:
            since = min(since, now) - OVERLAP  # a clock that was set back would hide what changes now
            found = {row["code"]: row["updated_at"] for row in await connection.fetch(QUERIES["changed"], since)}
            fresh = [code for code, at in found.items() if code in self._known and self._taken.get(code) != at]
            for start in range(0, len(fresh), AT_ONCE):
                for row in await connection.fetch(QUERIES["registered"], fresh[start : start + AT_ONCE]):
                    self._update_if_readable(row)
            self._taken = found
        self._read_until = now

    async def _read_townships(self, connection: asyncpg.Connection) -> None:
        rows = await connection.fetch(QUERIES["townships"])
        self._spoken_for = {row["area"]: tuple(row["areas"]) for row in rows}

    def _update_if_readable(self, row: asyncpg.Record) -> None:
        try:
            self._update(row)
        except (ValueError, TypeError):
            log.exception("registry_row_refused", device=row["code"])  # the device stays as it was known

    def _has_moved(self, topic: Topic) -> bool:
        device = self._known[topic.device]
        return not device.is_placed and (topic.area != device.area or topic.kind != device.kind)

    async def _read(self, connection: asyncpg.Connection, codes: list[str]) -> None:
        faults: list[Exception] = []
        for row in await connection.fetch(QUERIES["read"], codes):
            try:
                self._known[row["code"]] = _device(row)
            except (ValueError, TypeError) as error:
                faults.append(error)
        if faults:  # the others are known now: the writer finds out whose row it is
            raise faults[0]

    async def _add(self, connection: asyncpg.Connection, topics: list[Topic], lease: str, owner: str) -> None:
        codes = [topic.device for topic in topics]
        async with connection.transaction():
            await _hold(connection, lease, owner)
            await connection.execute(ADD_UNKNOWN, sorted({topic.area for topic in topics}))
            await connection.execute(
                QUERIES["add_devices"], codes, [str(topic.kind) for topic in topics], [topic.area for topic in topics]
            )
        await self._read(connection, codes)

    async def _move(self, connection: asyncpg.Connection, topics: list[Topic], lease: str, owner: str) -> None:
        async with connection.transaction():
            await _hold(connection, lease, owner)
            await connection.execute(ADD_UNKNOWN, sorted({topic.area for topic in topics}))
            rows = await connection.fetch(
                QUERIES["move"],
                [topic.device for topic in topics],
                [str(topic.kind) for topic in topics],
                [topic.area for topic in topics],
            )
        for row in rows:
            self._update(row)

    def _update(self, row: asyncpg.Record) -> None:
        device = self._known[row["code"]]
        device.kind, device.area = Kind(row["kind"]), row["area"]
        device.topic = None  # the other lane may have followed another topic
        device.is_placed = row["is_placed"]
        device.late_after_us = late_after_us(row["expected_interval_s"], row["sleepy"])


async def _hold(connection: asyncpg.Connection, lease: str, owner: str) -> None:
    if await connection.fetchval(QUERIES["hold"], lease, owner) is None:
        raise Fenced(f"another process owns {lease}; this one must not write")


def _device(row: asyncpg.Record) -> Device:
    return Device(
        id=row["id"],
        code=row["code"],
        kind=Kind(row["kind"]),
        area=row["area"],
        is_placed=row["is_placed"],
        late_after_us=late_after_us(row["expected_interval_s"], row["sleepy"]),
        telemetry=_head(row["telemetry_us"], row["telemetry_seq"], row["telemetry_missing"]),
        event=_head(row["event_us"], row["event_seq"], row["event_missing"]),
        state_fields=frozenset(row["state_fields"]),
        clock=from_json(row["clock"]),
    )


def _head(ts_us: int | None, seq: int | None, missing: int) -> Head:
    return Head(ts_us, seq, missing, since_us=ts_us)
