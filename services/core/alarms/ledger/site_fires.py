"""The fires of one site (or of a device without one) on a page, with what only their row has. Used by `page`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import asyncpg

from services.core.alarms.fires.site import FireKey, SiteFires
from services.core.alarms.ledger.record import evidence_from_json
from services.core.alarms.ledger.rows import Entry
from services.core.alarms.life.components import normal_component
from services.core.alarms.life.happenings import Evidence
from services.core.alarms.life.model import Alarm
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


async def reports_of(
    conn: asyncpg.Connection, moved: Sequence[asyncpg.Record], scopes: Mapping[str, Scope]
) -> tuple[Evidence, ...]:
    """Return what the devices of fires that come from elsewhere reported there: it is weighed where they are now.

    `scopes` are those of the page, which may know more than what is stored.
    """
    left = {row["scope"] for row in moved}
    devices = {row["device"] for row in moved}
    reports = [item for name in left & scopes.keys() for item in scopes[name].site.evidence]
    for row in await conn.fetch(SQL["evidence_of"], sorted(left - scopes.keys())) if left else ():
        reports += evidence_from_json(row["evidence"])[0]
    return tuple(item for item in reports if item.device in devices)


def key_of(alarm: Alarm, known: Mapping[int, FireKey]) -> FireKey:
    """Return the place of a fire: that by which its row is known, or for a new one its own."""
    own = FireKey(alarm.device or "", normal_component(alarm.component))
    return own if alarm.id is None else known.get(alarm.id, own)


def read_scope(scope: str, row: asyncpg.Record, entries: Sequence[Entry], reports: Sequence[Evidence] = ()) -> Scope:
    """Make a scope of its locked row, its open fires and the reports that come to it with them.

    Evidence that cannot be read is left out and logged.
    """
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
        test_since=row["window_since"],
    )
    together = tuple(sorted(dict.fromkeys([*evidence, *reports]), key=lambda item: item.at))
    now = replace(site, evidence=together) if reports else site
    return Scope(row["name"], row["area"], row["site_id"], now, by_key, site)
