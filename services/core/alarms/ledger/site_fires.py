"""The fires of one site (or of a device without one) on a page, with what only their row has. Used by `page`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import asyncpg

from services.core.alarms.fires.site import FireKey, SiteFires
from services.core.alarms.ledger.record import evidence_from_json
from services.core.alarms.ledger.rows import Entry
from services.core.log import logger

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
