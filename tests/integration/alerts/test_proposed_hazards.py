"""Hazards that the system proposes: each cause once, and not again what a person has judged; what is over is noted."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from services.alerts.prevention import Proposals
from services.core import db
from services.core.clock import SystemClock
from services.core.prevention import hazard as life
from services.core.prevention import ledger
from services.core.prevention.hazard import Act, By
from tests.support.county import AREA, County
from tests.support.stepped import Stepped

NOW = datetime.now(UTC)


@pytest.fixture
async def proposals(database: str) -> Any:
    pool = await db.create_pool(database, program="test", size=1)
    yield Proposals(pool, SystemClock())
    pool.terminate()


def ago(**span: float) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


async def raise_alarm(county: County, device: str, code: str, opened_at: datetime, **more: Any) -> int:
    device_id = county.id_of(device)
    values = {
        "subject": f"device:{device_id}", "code": code, "component": "", "category": "device", "severity": "minor",
        "state": "unacknowledged", "device_id": device_id, "area": AREA, "reason": "原因", "reason_en": "reason",
        "opened_at": opened_at,
    } | more  # fmt: skip
    marks = ", ".join(f"${n}" for n in range(1, len(values) + 1))
    made: int = await county.conn.fetchval(
        f"insert into alarm ({', '.join(values)}) values ({marks}) returning id",  # noqa: S608 - names of this file
        *values.values(),
    )
    return made


async def set_state(county: County, device: str, last_seen: datetime, *, is_online: bool, **values: Any) -> None:
    await county.conn.execute(
        "update device_state set state = $2, ts = $3, last_seen = $3, online = $4 where device_id = $1",
        county.id_of(device),
        values,
        last_seen,
        is_online,
    )


async def hazards(county: County) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await county.conn.fetch(
        """select h.*, d.code as device from hazard h join device d on d.id = h.device_id
           order by d.code, h.component, h.id"""
    )
    return found


async def test_each_condition_that_lasted_long_enough_is_proposed_once(county: County, proposals: Proposals) -> None:
    for code, kind in (
        ("dry-1", "hydrant"), ("dry-2", "water"), ("dry-3", "water"), ("e-1", "electrical"), ("f-1", "panel"),
        ("low-1", "hydrant"), ("off-1", "hydrant"), ("off-2", "hydrant"), ("p-1", "panel"), ("p-2", "panel"),
        ("odd-1", "hydrant"),
    ):  # fmt: skip
        await county.add_device(code, kind)
    await raise_alarm(county, "p-1", "fault", ago(hours=25), component="1-3")
    await raise_alarm(county, "p-1", "power_fault", ago(hours=25), component="1-3", state="acknowledged")
    await raise_alarm(county, "p-1", "fault", ago(hours=23), component="1-4")  # not long enough
    await raise_alarm(county, "p-2", "fault", ago(hours=30), cleared_at=ago(hours=1), state="returned")  # over
    await raise_alarm(county, "dry-1", "hydrant_pressure_low", ago(hours=25))
    await set_state(county, "dry-1", ago(minutes=1), is_online=True, pressure_mpa=0.01)
    await raise_alarm(county, "dry-2", "water_level_low", ago(hours=25))
    await set_state(county, "dry-2", ago(minutes=1), is_online=True, level_pct=0)
    await raise_alarm(county, "dry-3", "water_level_low", ago(hours=25))
    await set_state(county, "dry-3", ago(minutes=1), is_online=True, level_pct=80, level_m=0.0)
    said = round(ago(days=21).timestamp() * 1e6)  # the per cent; metres come until now
    await county.conn.execute(
        """
        with dry as (update device set limits = '{"level_m_full": 4}' where code = 'dry-3' returning id)
        update device_state set state_at = $1 where device_id = (select id from dry)
        """,
        {"level_pct": [said, said, 1]},
    )
    await raise_alarm(county, "low-1", "hydrant_pressure_low", ago(hours=25))
    await set_state(county, "low-1", ago(minutes=1), is_online=True, pressure_mpa=0.12)  # low, and not without water
    await raise_alarm(county, "odd-1", "hydrant_pressure_low", ago(hours=25))
    await set_state(county, "odd-1", ago(minutes=1), is_online=True, pressure_mpa="0.01")
    await raise_alarm(county, "off-1", "device_offline", ago(days=6.9))
    await set_state(county, "off-1", ago(days=7.1), is_online=False)
    await raise_alarm(county, "off-2", "device_offline", ago(days=6))
    await set_state(county, "off-2", ago(days=6), is_online=False)
    await raise_alarm(county, "e-1", "insulation_ageing", ago(minutes=5))
    for days in (29, 2, 1):
        await raise_alarm(
            county, "f-1", "fire", ago(days=days), component="1-7", state="closed", verification="false",
            closed_at=ago(days=days),
        )  # fmt: skip
    for days in (31, 3, 1):
        await raise_alarm(
            county, "f-1", "fire", ago(days=days), component="1-8", state="closed", verification="false",
            closed_at=ago(days=days),
        )  # fmt: skip
    for _ in range(2):
        await proposals.take_turn()
    found = [
        (row["device"], row["code"], row["component"], row["grade"], row["source"]) for row in await hazards(county)
    ]
    assert found == [
        ("dry-1", "water_dry", "", "major", "system"),
        ("dry-2", "water_dry", "", "major", "system"),
        ("dry-3", "water_dry", "", "major", "system"),
        ("e-1", "insulation_ageing", "", "general", "system"),
        ("f-1", "false_alarms", "1-7", "general", "system"),
        ("off-1", "device_offline", "", "general", "system"),
        ("p-1", "panel_fault", "1-3", "general", "system"),
        ("p-1", "panel_fault", "1-3", "general", "system"),
    ]
    assert all(row["description"] and row["description_en"] for row in await hazards(county))
    told = await county.conn.fetchval("select count(*) from subscription_event where type = 'hazard.changed'")
    assert told == len(found)


async def test_what_is_over_closes_what_nobody_took_and_is_noted_on_what_somebody_owns(
    county: County, proposals: Proposals
) -> None:
    for code in ("p-1", "p-2"):
        await county.add_device(code)
        await raise_alarm(county, code, "fault", ago(hours=25))
    await proposals.take_turn()
    _, owned = [row["id"] for row in await hazards(county)]
    by = By("user:li", "user:li", NOW)
    async with county.conn.transaction():
        await ledger.step(county.conn, owned, by, Act.ASSIGN, lambda one: life.assign(one, by, "维保", None))
    await county.conn.execute("update alarm set cleared_at = now(), state = 'returned'")
    await proposals.take_turn()
    free, taken = await hazards(county)
    assert (free["state"], free["closed_as"], free["closed_by"]) == ("verified", "cause_gone", "system")
    assert (taken["state"], taken["cause_gone_at"] is None) == ("assigned", False)
    await county.conn.execute("update alarm set cleared_at = null, state = 'unacknowledged'")
    await proposals.take_turn()
    first, again, taken = await hazards(county)
    assert (first["state"], again["state"], taken["cause_gone_at"]) == ("verified", "found", None)
    acts = await county.conn.fetch("select act from hazard_step where hazard_id = $1 order by number", owned)
    assert [row["act"] for row in acts] == ["find", "assign", "cause_gone", "cause_back"]


async def test_what_a_person_closed_is_proposed_again_only_when_it_begins_anew(
    county: County, proposals: Proposals
) -> None:
    await county.add_device("p-1")
    alarm = await raise_alarm(county, "p-1", "fault", ago(hours=30))
    await proposals.take_turn()
    (row,) = await hazards(county)
    by = By("user:li", "user:li", ago(hours=26))
    async with county.conn.transaction():
        await ledger.step(county.conn, row["id"], by, Act.CLOSE, lambda one: life.close(one, by, unfounded=True))
    await proposals.take_turn()
    assert len(await hazards(county)) == 1
    await county.conn.execute(
        "update alarm set cleared_at = now(), closed_at = now(), state = 'closed' where id = $1", alarm
    )
    await raise_alarm(county, "p-1", "fault", ago(hours=25))
    await proposals.take_turn()
    assert [row["state"] for row in await hazards(county)] == ["verified", "found"]


async def test_a_hydrant_that_was_dry_for_a_minute_days_ago_is_proposed_when_it_has_been_dry_for_a_day(
    county: County, proposals: Proposals
) -> None:
    hydrant = Stepped(county.conn, "dry-1", await county.add_device("dry-1", "hydrant"), AREA)
    await hydrant.condition("hydrant_pressure_low", ago(days=10))
    await hydrant.condition("hydrant_pressure_low", ago(days=10, minutes=-1), active=False)
    await hydrant.condition("hydrant_pressure_low", ago(hours=23))
    await set_state(county, "dry-1", ago(minutes=1), is_online=True, pressure_mpa=0.01)
    await proposals.take_turn()
    assert await hazards(county) == []
    await county.conn.execute("update alarm set since = since - interval '2 h'")
    await proposals.take_turn()
    assert [row["code"] for row in await hazards(county)] == ["water_dry"]


async def test_what_a_person_closed_is_proposed_again_when_it_came_back_on_the_same_alarm(
    county: County, proposals: Proposals
) -> None:
    hydrant = Stepped(county.conn, "dry-1", await county.add_device("dry-1", "hydrant"), AREA)
    await hydrant.condition("hydrant_pressure_low", ago(days=10))
    await set_state(county, "dry-1", ago(minutes=1), is_online=True, pressure_mpa=0.01)
    await proposals.take_turn()
    (row,) = await hazards(county)
    by = By("user:li", "user:li", ago(days=7))
    async with county.conn.transaction():
        await ledger.step(county.conn, row["id"], by, Act.CLOSE, lambda one: life.close(one, by, unfounded=True))
    await hydrant.condition("hydrant_pressure_low", ago(days=6), active=False)
    await hydrant.condition("hydrant_pressure_low", ago(days=2))
    await proposals.take_turn()
    assert [row["state"] for row in await hazards(county)] == ["verified", "found"]


async def test_a_false_alarm_on_the_row_of_an_old_one_counts_when_it_came(county: County, proposals: Proposals) -> None:
    await county.add_device("f-1")
    over = {"state": "closed", "verification": "false", "component": "1-7"}
    await raise_alarm(county, "f-1", "fire", ago(days=40), since=ago(days=2), **over)
    await raise_alarm(county, "f-1", "fire", ago(days=1), **over)
    await proposals.take_turn()
    assert await hazards(county) == []
    await raise_alarm(county, "f-1", "fire", ago(days=50), since=ago(days=3), **over)
    await proposals.take_turn()
    (row,) = await hazards(county)
    assert (row["code"], row["component"]) == ("false_alarms", "1-7")


async def test_a_step_that_fails_is_set_aside_and_holds_up_no_other(county: County, proposals: Proposals) -> None:
    for code in ("p-1", "p-2"):
        await county.add_device(code)
        await raise_alarm(county, code, "fault", ago(hours=25))
    await county.conn.execute(f"alter table hazard add constraint poison check (device_id <> {county.id_of('p-1')})")
    await proposals.take_turn()
    assert [row["device"] for row in await hazards(county)] == ["p-2"]
    name = await county.conn.fetchval("select name from set_aside where kind = 'hazard' and done_at is null")
    assert name == f"panel_fault:{county.id_of('p-1')}:"


async def test_what_is_out_of_service_is_proposed_when_it_lasts_after_that_and_takes_no_hazard_away(
    county: County, proposals: Proposals
) -> None:
    for code, kind in (("h-1", "hydrant"), ("h-2", "hydrant"), ("h-3", "hydrant"), ("p-1", "panel")):
        await county.add_device(code, kind)
    for code in ("h-1", "h-2"):
        await raise_alarm(county, code, "hydrant_pressure_low", ago(hours=25))
        await set_state(county, code, ago(minutes=1), is_online=True, pressure_mpa=0.0)
    await raise_alarm(county, "h-3", "device_offline", ago(days=8))
    await set_state(county, "h-3", ago(days=8), is_online=False)
    await raise_alarm(county, "p-1", "fault", ago(hours=25), component="1-3")
    works = "update device set out_of_service_until = $1 where code = any($2)"
    await county.conn.execute(works, ago(days=-1), ["h-2", "p-1"])
    await proposals.take_turn()
    assert [row["device"] for row in await hazards(county)] == ["h-1", "h-3"]
    await county.conn.execute(works, ago(days=-1), ["h-1", "h-3"])
    await proposals.take_turn()
    assert [(row["device"], row["state"], row["cause_gone_at"]) for row in await hazards(county)] == [
        ("h-1", "found", None), ("h-3", "found", None)
    ]  # fmt: skip
    await county.conn.execute(works, ago(hours=23), ["h-2", "p-1"])  # what the works brought about may still stand
    await proposals.take_turn()
    assert [row["device"] for row in await hazards(county)] == ["h-1", "h-3"]
    await county.conn.execute(works, ago(hours=25), ["h-2", "p-1"])
    await proposals.take_turn()
    assert [row["device"] for row in await hazards(county)] == ["h-1", "h-2", "h-3", "p-1"]
