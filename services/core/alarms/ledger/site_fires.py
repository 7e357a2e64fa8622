"""The fires of one site (or of a device without one) on a page, with what only their row has. Used by `page`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import asyncpg

from services.core.alarms.fires.site import FireKey, SiteFires
from services.core.alarms.ledger.record import evidence_from_json
from services.core.alarms.ledger.rows import Entry
from services.core.log import logger
from services.core.statements import load_queries

SQL = load_queries(__file__)
log = logger(__name__)


@dataclass(slots=True)
class Scope:
    """Fires that are judged together: `site` as it is now, `stored` as it was read."""

    name: str
    area: str | None
    site_id: int | None
    site: SiteFires
    entries: dict[FireKey, Entry]
    stored: SiteFires

    @property
    def changed(self) -> bool:
        """Whether the scope's row has to be written."""
        return self.site.evidence != self.stored.evidence or self.site.test_until != self.stored.test_until

    def lose(self, entry: Entry) -> None:
        """Judge a fire no longer here: its device stands elsewhere."""
        key = FireKey(entry.alarm.device or "", entry.key.component)
        if self.entries.get(key) is entry:
            del self.entries[key]
            self.site = replace(self.site, alarms={k: alarm for k, alarm in self.site.alarms.items() if k != key})


async def lock_fires(
    conn: asyncpg.Connection, scope: str, device_ids: Sequence[int]
) -> tuple[list[asyncpg.Record], frozenset[str | None]]:
    """Lock the fires of a scope and those of these devices, which come to it if they are not of it yet.

    Whoever speaks for one that comes comes along if its device stands here too. Returned with them are the incidents
    for which one speaks that stands elsewhere: where it is over, 119 knows of the fire and nothing begins anew.
    """
    rows = await conn.fetch(SQL["lock_fires"], scope, list(device_ids))
    coming = {row["incident_id"] for row in rows if row["scope"] != scope}
    if not coming:
        return rows, frozenset()
    spokesmen = await conn.fetch(SQL["spokesmen"], scope, list(coming))
    along = {row["device_id"] for row in spokesmen if row["here"]} - set(device_ids)
    if along:
        rows = await conn.fetch(SQL["lock_fires"], scope, [*device_ids, *sorted(along)])
    return rows, frozenset(str(row["incident_id"]) for row in spokesmen if not row["here"])


def read_scope(scope: str, row: asyncpg.Record, entries: Sequence[Entry]) -> Scope:
    """Make a scope of its locked row and its open fires; evidence that cannot be read is left out and logged."""
    for entry in entries:
        entry.scope = scope
    by_key = {FireKey(entry.alarm.device or "", entry.key.component): entry for entry in entries}
    evidence, broken = evidence_from_json(row["evidence"])
    if broken:
        log.error("evidence_unreadable", scope=scope, pieces=broken)
    site = SiteFires(
        scope=scope,
        alarms={key: entry.alarm for key, entry in by_key.items()},
        evidence=evidence,
        test_until=row["test_until"],
    )
    return Scope(row["name"], row["area"], row["site_id"], site, by_key, site)
