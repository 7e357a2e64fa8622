"""What people said at the county, applied to the township's alarms. Called by acts, again and again.

Promises that each act counts once, that one whose alarm is not there yet holds up only those of the same condition,
that one which cannot be read holds up none, and that none is missed because the county's clock was set back.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from services.core.alarms.ledger.carried import Condition, Result, Told, take_act
from services.core.alarms.life.happenings import ActKind
from services.core.clock import Clock
from services.core.log import logger
from services.core.statements import load_queries
from services.core.text import clean_text, describe_error
from services.core.words import Verification
from services.relay.county import County
from services.relay.database import Database

log = logger(__name__)
SQL = load_queries(__file__)
COUNTY = "county"
NO_ALARM_AFTER = timedelta(minutes=2)  # since we heard of it, by our own clock: the county's may be another
OVERLAP = timedelta(seconds=60)  # two who act at once may commit in another order than their times
LOOK_BACK, LOOK_BACK_EVERY_S = timedelta(days=1), 600.0  # the county's clock may have been set back meanwhile
_KINDS = frozenset({ActKind.ACKNOWLEDGE, ActKind.VERIFY})  # more would not fit the table
_OUTCOMES = frozenset({None, Verification.REAL, Verification.FALSE, Verification.TEST})
FEWEST, AT_ONCE = 4, 100  # of one answer, which is cut after 64 KiB: four with the longest notes fit


class ActsDown:
    """The way down."""

    def __init__(self, database: Database, county: County, clock: Clock) -> None:
        self._database, self._county, self._clock = database, county, clock
        self._at_once = AT_ONCE
        self._looked_back = -LOOK_BACK_EVERY_S
        self._vain: dict[UUID, datetime] = {}  # since when no alarm here fits an act
        self._unreadable: set[str] = set()

    async def fetch(self) -> bool:
        """Take what was said at the county; whether it answered."""
        until_ms = await self._database.reads.fetchval(SQL["told_until"])
        since = None if until_ms is None else datetime.fromtimestamp(until_ms / 1000, UTC) - self._overlap()
        held: set[tuple[str | None, ...]] = set()
        until, more, items = None, True, None
        while more:
            items = await self._ask(since)
            told = [one for item in items or () if (one := self._read(item)) is not None]
            known = await self._known(told)
            for one in told:
                if one.act_id not in known and (_where(one) in held or not await self._take(one)):
                    held.add(_where(one))
                until = until if held else one.at
            reached = max((at for item in items or () if (at := _said_at(item)) is not None), default=since)
            more, since = reached != since, reached
        if until is not None and _ms(until) != until_ms:
            async with self._database.writing() as conn:
                await conn.execute(SQL["tell_until"], _ms(until))
        return items is not None

    def _overlap(self) -> timedelta:
        """Return how far to look back; ids make what comes again harmless."""
        now = self._clock.monotonic()
        if now - self._looked_back < LOOK_BACK_EVERY_S:
            return OVERLAP
        self._looked_back = now
        return LOOK_BACK

    async def _ask(self, since: datetime | None) -> list[Any] | None:
        """Return what was said since then, as much as one answer holds; None where the county does not answer."""
        while True:
            limit = self._at_once
            path = f"/api/v1/acts?limit={limit}"
            if since is not None:
                path += f"&since={since.astimezone(UTC).isoformat(timespec='milliseconds').replace('+00:00', 'Z')}"
            found = await self._county.get(path)
            items = found.get("items") if isinstance(found, Mapping) else None
            if isinstance(items, list):
                self._at_once = min(AT_ONCE, limit * 2)
                return items
            if limit == FEWEST:
                return None
            self._at_once = max(FEWEST, limit // 2)

    def _read(self, item: Any) -> Told | None:
        try:
            return _told(item)
        except (KeyError, TypeError, ValueError) as error:  # of a later release
            name = str(item)[:200]
            if name not in self._unreadable:
                self._unreadable.add(name)
                log.warning("act_unreadable", act=name, error=describe_error(error))
            return None

    async def _known(self, told: list[Told]) -> set[UUID]:
        rows = await self._database.reads.fetch(SQL["known"], [one.act_id for one in told])
        return {row["act_id"] for row in rows}

    async def _take(self, told: Told) -> bool:
        """Apply what was said at the county; False: its alarm may still open here."""
        now = self._clock.now()
        async with self._database.writing() as conn:
            taken = await take_act(conn, told, COUNTY, now, areas=None, wins=True)
            if taken.result is Result.NO_ALARM:
                if timedelta(0) <= now - self._vain.setdefault(told.act_id, now) < NO_ALARM_AFTER:
                    return False
                person = f"{told.person}@{COUNTY}"
                await conn.execute(SQL["missed"], told.act_id, told.kind, told.verdict, person, told.note, now, COUNTY)
            await conn.execute(SQL["tell"])
        self._vain.pop(told.act_id, None)
        return True


def _where(told: Told) -> tuple[str | None, ...]:
    where = told.condition
    return where.device, where.area, where.code, where.component


def _said_at(item: Any) -> datetime | None:
    """Return when it was said, of what cannot be read otherwise, too: what was said after it is behind it."""
    try:
        return _moment(item["at"])
    except (KeyError, TypeError, ValueError):
        return None


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _told(item: Mapping[str, Any]) -> Told:
    where = item["alarm"]
    device, area = (None if where[name] is None else _text(where[name]) for name in ("device", "area"))
    reported_at = None if (reported := where.get("reported_at")) is None else _moment(reported)
    code, component = _text(where["code"]), _text(where["component"])
    condition = Condition(device, area, code, component, _moment(where["opened_at"]), reported_at)
    kind = ActKind(item["act"])
    verdict = None if item["outcome"] is None else Verification(item["outcome"])
    if kind not in _KINDS or verdict not in _OUTCOMES:
        raise ValueError(f"{kind} {verdict}: this release carries acknowledgements and verdicts")
    person, note, at = _text(item["person"]), _text(item["note"]), _moment(item["at"])
    earlier = tuple(UUID(_text(act_id)) for act_id in item.get("earlier") or ())
    correction = item.get("correction") is True
    return Told(UUID(_text(item["act_id"])), kind, verdict, person, note, at, condition, correction, earlier)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return clean_text(value)


def _moment(value: Any) -> datetime:
    at = datetime.fromisoformat(value)
    if at.tzinfo is None:
        raise ValueError(f"{value} has no offset")
    return at
