"""What was sent and acknowledged, kept by the publishers, and the reconciliation with the tables."""

import bisect
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import asyncpg

Key = tuple[str, int]  # device code, seq


@dataclass
class Books:
    """The books of one crowd of publishers; times are of the loop's clock."""

    readings_sent: int = 0
    acked: dict[Key, float] = field(default_factory=dict)
    events_sent: set[str] = field(default_factory=set)
    events_acked: set[str] = field(default_factory=set)
    acked_before_stored: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Break:
    """One thing that was broken."""

    at_s: float  # since the start of the run
    what: str
    lasted_s: float


def row_of(crowd: str, books: Books, stored: dict[Key, int], breaks: Iterable[Break]) -> dict[str, Any]:
    """Reconcile one crowd's acknowledged readings with what is stored."""
    missing = sorted(books.acked.keys() - stored.keys())
    broker_kills = [one.at_s for one in breaks if one.what == "kill broker"]
    return {
        "crowd": crowd,
        "readings_sent": books.readings_sent,
        "readings_acked": len(books.acked),
        "readings_stored": len(stored),
        "acked_and_missing": len(missing),
        "missing_far_from_a_broker_kill": [key for key in missing if not _near(books.acked[key], broker_kills)],
        "stored_twice": [key for key, count in stored.items() if count > 1],
        "events_sent": len(books.events_sent),
        "events_acked": len(books.events_acked),
    }


def _near(at_s: float, kills: list[float]) -> bool:
    """Whether a broker was killed within two seconds after `at_s` (or the ack was read just after)."""
    index = bisect.bisect_left(kills, at_s - 0.5)
    return index < len(kills) and kills[index] <= at_s + 2.0


async def stored_readings(database: asyncpg.Connection, prefix: str) -> dict[Key, int]:
    """Return how often each (device, seq) of devices with `prefix` is stored."""
    rows = await database.fetch(
        """
        select d.code, r.seq, count(*) as times from reading_hydrant r join device d on d.id = r.device_id
        where d.code like $1 || '%' group by d.code, r.seq
        """,
        prefix,
    )
    return {(row["code"], row["seq"]): row["times"] for row in rows}


async def stored_events(database: asyncpg.Connection, prefix: str) -> dict[str, int]:
    """Return how often each event_id of devices with `prefix` is stored."""
    rows = await database.fetch(
        """
        select e.event_id, count(*) as times from event e join device d on d.id = e.device_id
        where d.code like $1 || '%' group by e.event_id
        """,
        prefix,
    )
    return {row["event_id"]: row["times"] for row in rows}
