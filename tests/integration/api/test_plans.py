"""Looks at the plans of the statements that read much: each goes by the index made for it. `make bench` measures."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from sqlalchemy.sql import Executable

from services.api.alarms.documents import select_alarms
from services.api.alarms.queue import fires_first
from services.api.map.water import near
from services.api.measured.readings import Span, bucketed, raw
from services.api.registry.documents import read_documents, select_devices
from services.api.request.database import Inside, Row, bound
from services.api.request.roles import Role, Who
from services.api.request.scope import Scope
from services.api.request.tables import device
from services.core.topics import Kind

DAYS = 30
NOW = datetime.now(UTC)
TODAY = NOW.replace(hour=0, minute=0, second=0, microsecond=0)  # whole days, so that no chunk is nearly empty

# 30 days of 60 devices
_READINGS = """insert into reading_hydrant (device_id, ts, seq, received_at, batch_id, pressure_mpa, flow_lps)
select d.id, t, extract(epoch from t)::bigint, t, 1, 0.3 + random() / 10, 0
from generate_series(date_trunc('day', now(), 'UTC') - interval '30 days',
date_trunc('day', now(), 'UTC') - interval '1 minute', interval '15 minutes') t,
(select id from device order by id limit 60) d"""


class Explained(Inside):
    """Reads as the API does, and keeps the plan of every statement."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        super().__init__(connection)
        self.plans: list[str] = []
        self._own = connection

    async def rows(self, statement: Executable | str, **parameters: object) -> Sequence[Row]:
        sql, values = bound(statement, parameters)
        found = await self._own.fetch(f"explain {sql}", *values)
        self.plans.append("\n".join(row[0] for row in found))
        return await super().rows(statement, **parameters)


@pytest.fixture
async def explained(connection: asyncpg.Connection) -> Explained:
    """3 000 devices with alarms and loss accounting; 20 000 old alarms."""
    for statement in (
        """insert into device (code, kind, area, name, lon, lat, registered)
           select 'h-' || lpad(n::text, 5, '0'), 'hydrant', '1409311' || lpad((n % 5)::text, 2, '0'), '消火栓 ' || n,
                  111.0 + random() * 0.4, 38.7 + random() * 0.4, true
           from generate_series(1, 3000) n""",
        """insert into device_state (device_id, state, ts, last_seen)
           select id, '{"pressure_mpa": 0.31}', now(), now() from device""",
        """insert into device_quality (device_id, hour, gaps, late)
           select d.id, date_trunc('hour', now()) - make_interval(hours => h), 1, 2
           from device d, generate_series(0, 25) h""",
        """insert into alarm (subject, code, category, severity, state, device_id, area, reason, reason_en, opened_at)
           select 'device:' || id, 'tamper', 'device', 'minor', 'unacknowledged', id, area, '', '', now()
           from device where id % 5 = 0""",
        """insert into alarm (subject, code, category, severity, state, area, reason, reason_en, opened_at)
           select 'system', 'x', 'system', 'minor', 'closed', null, '', '', now() - make_interval(mins => n)
           from generate_series(1, 20000) n""",
        "analyze",
    ):
        await connection.execute(statement, timeout=120)
    return Explained(connection)


async def test_a_page_of_devices_goes_by_their_codes(explained: Explained) -> None:
    page = select_devices(NOW).where(device.c.code > "h-00100").order_by(device.c.code).limit(101)
    assert len(await read_documents(explained, page, NOW)) == 101
    devices, alarms, quality = explained.plans
    assert "device_code_key" in devices
    assert "Seq Scan on alarm" not in alarms
    assert "device_quality_pkey" in quality


async def test_open_fires_and_the_newest_alarms_go_by_their_time(explained: Explained) -> None:
    await fires_first(explained, select_alarms(), 100, None)
    assert "alarm_open_fires" in explained.plans[0]
    assert "alarm_newest" in explained.plans[1]


async def test_the_nearest_water_goes_by_place(explained: Explained) -> None:
    who = Who("key:x", "x", Role.VIEWER, Scope(("*",)))
    assert await near(explained, who, lon=111.2, lat=38.9, limit=1, now=NOW)
    assert "device_place" in explained.plans[1]


async def test_readings_go_by_the_key_of_the_chunks_of_their_span(
    explained: Explained, connection: asyncpg.Connection
) -> None:
    await connection.execute(_READINGS, timeout=120)
    await connection.execute("analyze")
    number = await connection.fetchval("select min(id) from device")
    for days in (2, DAYS):
        explained.plans.clear()
        begin = TODAY - timedelta(days=days)
        await raw(explained, Span(number, Kind.HYDRANT, begin, TODAY, timedelta(minutes=15), NOW), 1000, None)
        await bucketed(
            explained,
            Span(number, Kind.HYDRANT, begin, TODAY, timedelta(minutes=15), NOW),
            days * 86_400 // 500,
            1000,
            None,
        )
        readings = [plan for plan in explained.plans if "reading_hydrant" in plan]
        assert len(readings) == 2
        for plan in readings:
            assert "Seq Scan" not in plan
            assert "reading_hydrant_key" in plan
            assert plan.count("_reading_hydrant_key") <= days + 2
