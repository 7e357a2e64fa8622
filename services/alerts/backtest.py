"""`firetower backtest`: stored history through the same rules, printing what would have been raised. Changes nothing.

Started by the command line. Promises the live code path: same rules, same order, same lateness, same parameters.
"""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter

import asyncpg

from services.alerts.findings import Findings, Turn
from services.alerts.registry import Registry
from services.alerts.rule_states import by_device
from services.alerts.stored_walk import Said, StoredWalk, find_bad_clocks, until_now
from services.core import db
from services.core.alarms.life.happenings import Finding
from services.core.errors import FiretowerError
from services.core.rules.catalog import RULES
from services.core.rules.catalog_early import EARLY
from services.core.rules.overrides import READ_OVERRIDES, book_of
from services.core.rules.parameters import faults_of
from services.core.rules.trials import NOT_BY_READINGS
from services.core.settings import AlertsSettings
from services.core.statements import load_queries
from services.core.topics import Kind

SQL = load_queries(__file__)
# a generic plan sorts all chunks of the table; one made for this span reads only the chunks inside it
PLAN_FOR_THE_SPAN = "set plan_cache_mode = force_custom_plan"
WARM_UP = timedelta(hours=25)  # read before the period, so that windows and counts are what they would have been
DEVICES_AT_ONCE = 50
LONGEST = timedelta(days=400)
_YEARS = range(1970, 2200)
WITHOUT_READINGS = NOT_BY_READINGS | frozenset(EARLY)  # detectors learn for a month: the API tries their numbers


@dataclass(slots=True)
class Result:
    """What one run found."""

    readings: int = 0
    raised: int = 0
    rose: int = 0
    cleared: int = 0
    devices: set[str] = field(default_factory=set)
    lines: list[str] = field(default_factory=list)


def read_time(text: str, name: str) -> datetime:
    """Read an RFC 3339 time.

    Raises:
        FiretowerError: it cannot be read, has no offset, or nothing can be stored of that time.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise FiretowerError(f"--{name}: {text!r} is no time; write 2026-11-23T08:00:00+08:00") from None
    if at.year not in _YEARS:
        raise FiretowerError(f"--{name}: {text} lies outside the years {_YEARS[0]} to {_YEARS[-1]}")
    if at.tzinfo is None:  # the clocks on our walls and UTC are eight hours apart
        raise FiretowerError(f"--{name}: {text} has no offset; write {at.isoformat(timespec='seconds')}+08:00")
    return at


def read_parameters(code: str, given: Sequence[str]) -> dict[str, float]:
    """Read `name=value` pairs for a rule.

    Raises:
        FiretowerError: the rule or a name is unknown, or a value is no number.
    """
    values: dict[str, float] = {}
    for pair in given:
        name, found, value = pair.partition("=")
        if name in values:
            raise FiretowerError(f"--set: {name} is given twice")
        try:
            values[name] = float(value)
        except ValueError:
            raise FiretowerError(f"--set: {pair!r} must look like name=1.5") from None
        if not found:
            raise FiretowerError(f"--set: {pair!r} must look like name=1.5")
    faults = [f"{field}: {reason}" for field, reason in faults_of(code, values)]
    if faults:
        raise FiretowerError("; ".join(faults))
    return values


async def replay(
    conn: asyncpg.Connection, code: str, since: datetime, until: datetime, values: Mapping[str, float]
) -> Result:
    """Walk the readings received in the period through the rule and collect what its alarms would have done."""
    rule, result = RULES[code], Result()
    book = book_of(await conn.fetch(READ_OVERRIDES))
    registry = Registry()
    end = await until_now(conn, until)
    turns: list[tuple[datetime, Turn, Finding]] = []
    alarms = Findings({})

    def note(said: Said) -> None:
        for at, finding in said:
            turn = alarms.turn(at, finding) if finding.code == code else None
            if turn is not None and at >= since:
                turns.append((at, turn, finding))

    for kind in rule.kinds or Kind:
        ids = [row["id"] for row in await conn.fetch(SQL["devices"], kind)]
        await registry.load(conn, ids)
        for start in range(0, len(ids), DEVICES_AT_ONCE):
            chunk = ids[start : start + DEVICES_AT_ONCE]
            rows = by_device(await conn.fetch(SQL[f"history_{kind}"], chunk, since - WARM_UP, until))
            clocks = await find_bad_clocks(conn, code, chunk, since - WARM_UP, until)
            for device_id in sorted(rows.keys() | clocks.keys()):
                walk = StoredWalk(registry[device_id].profile, book, code, values, clocks.get(device_id, ()))
                for received_at, message in groupby(rows.get(device_id, ()), key=itemgetter("received_at")):
                    together = list(message)
                    note(walk.take(received_at, together))
                    result.readings += len(together) if received_at >= since else 0
                note(walk.end(end))
    for at, turn, finding in sorted(turns, key=itemgetter(0)):
        result.raised += turn is Turn.RAISE
        result.rose += turn is Turn.RISE
        result.cleared += turn is Turn.CLEAR
        result.devices.add(finding.device or "")
        when, reason = at.isoformat(timespec="seconds"), finding.reason
        result.lines.append(f"{when}  {turn:5}  {finding.severity:8}  {finding.device}  {reason.zh} / {reason.en}")
    return result


async def _run(
    settings: AlertsSettings, code: str, since: datetime, until: datetime, values: dict[str, float]
) -> Result:
    conn = await db.connect(settings.database_url, program="backtest", statement_timeout_s=600)
    try:
        await conn.execute(PLAN_FOR_THE_SPAN)
        return await replay(conn, code, since, until, values)
    finally:
        await conn.close()


def main(rule: str, since: str, until: str, values: Sequence[str] = (), settings: AlertsSettings | None = None) -> int:
    """Print every raise, rise and clear of an alarm by `rule` between two times, with some of its parameters changed.

    Raises:
        FiretowerError: an argument cannot be used; the text names it.
    """
    if rule not in RULES:
        raise FiretowerError(f"--rule: no rule {rule!r}; one of {', '.join(sorted(RULES))}")
    if rule in WITHOUT_READINGS:
        raise FiretowerError(f"--rule: {rule} looks at no stored readings, so there is nothing to replay")
    begin, end = read_time(since, "from"), read_time(until, "to")
    if not timedelta() < end - begin <= LONGEST:
        raise FiretowerError("--to: must lie after --from, at most 400 days")
    changed = read_parameters(rule, values)
    result = asyncio.run(_run(settings or AlertsSettings.read(), rule, begin, end, changed))
    for line in result.lines:
        sys.stdout.write(line + "\n")
    rose = f"{result.rose} rose, " if result.rose else ""
    sys.stdout.write(
        f"{rule}: {result.raised} raised, {rose}{result.cleared} cleared, {len(result.devices)} devices, "
        f"{result.readings} readings\n"
    )
    return 0
