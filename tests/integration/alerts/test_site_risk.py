"""The risk of sites as alerts keeps it: from real rows to score, reasons, days and what subscribers are told."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from services.alerts.risk import EVERY_S, Risks
from services.core import db
from services.core.clock import COUNTY, SystemClock, rfc3339
from services.core.prevention import ledger
from services.core.prevention.hazard import By, Grade, Source
from tests.integration.alerts.test_proposed_hazards import raise_alarm, set_state
from tests.support.county import AREA, County
from tests.support.hand_clock import HandClock

OTHER_AREA = "140931101"
KEPT_DAYS = 400


@pytest.fixture
async def pool(database: str) -> AsyncIterator[asyncpg.Pool]:
    pool = await db.create_pool(database, program="test", size=1)
    yield pool
    pool.terminate()


@pytest.fixture
def risks(pool: asyncpg.Pool) -> Risks:
    return Risks(pool, SystemClock(), KEPT_DAYS)


def ago(**span: float) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


async def site_with(county: County, name: str, *devices: tuple[str, str], **fields: Any) -> int:
    site_id = await county.add_site(name, **fields)
    for code, kind in devices:
        await county.add_device(code, kind, area=fields.get("area", AREA), site_id=site_id)
    return site_id


async def risk_of(county: County, site_id: int) -> asyncpg.Record:
    row = await county.conn.fetchrow("select * from site_risk where site_id = $1", site_id)
    assert row is not None
    assert sum(one["points"] for one in row["reasons"]) == row["score"]
    return row


async def points_of(county: County, site_id: int) -> dict[str, tuple[int, int]]:
    return {one["code"]: (one["count"], one["points"]) for one in (await risk_of(county, site_id))["reasons"]}


async def told(county: County) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await county.conn.fetch(
        "select subject, area, data from subscription_event where type = 'risk.changed' order by id"
    )
    return rows


async def find(county: County, site_id: int | None, device: str | None = None, **fields: Any) -> int:
    new = ledger.New(
        None if device is None else county.id_of(device), site_id, fields.pop("code", "escape_blocked"),
        fields.pop("grade", Grade.GENERAL), Source.REPORT, **fields,
    )  # fmt: skip
    async with county.conn.transaction():
        made = await ledger.add(county.conn, By("user:li", "user:li", ago(hours=1)), new)
    assert made is not None
    return made


async def test_a_new_site_has_no_risk_and_is_told_of_only_when_that_changes(county: County, risks: Risks) -> None:
    site = await site_with(county, "学校", ("p-1", "panel"))
    row = await risk_of(county, site)
    assert (row["score"], row["grade"], row["policy_version"]) == (0, "blue", 0)
    await risks.take_turn()
    assert await told(county) == []
    await raise_alarm(county, "p-1", "fire", ago(minutes=1), category="fire", severity="critical",
                      verification="pending", site_id=site)  # fmt: skip
    await risks.take_turn()
    await risks.take_turn()
    row = await risk_of(county, site)
    assert (row["score"], row["grade"]) == (40, "red")
    (event,) = await told(county)
    assert (event["subject"], event["area"]) == (f"site:{site}", AREA)
    assert event["data"]["before"] == {"score": 0, "grade": "blue"}
    assert event["data"]["risk"]["reasons"] == row["reasons"]
    assert event["data"]["risk"]["site"] == {"id": site, "name": "学校"}


async def test_every_reason_comes_from_rows_of_its_own_and_each_trouble_counts_once(
    county: County, risks: Risks
) -> None:
    site = await site_with(
        county, "医院", ("p-1", "panel"), ("p-2", "panel"), ("e-1", "electrical"), ("e-2", "electrical"),
        ("h-1", "hydrant"), ("h-2", "hydrant"),
    )  # fmt: skip
    quiet = await site_with(county, "远处", ("p-9", "panel"), lon=111.2)
    await raise_alarm(county, "p-1", "power_fault", ago(hours=2), severity="major", site_id=site)
    await raise_alarm(county, "p-1", "fault", ago(hours=2), component="1", cleared_at=ago(hours=1))  # over
    await raise_alarm(county, "p-1", "fault", ago(hours=3), component="2", test_window=True)
    await raise_alarm(county, "p-1", "tamper", ago(hours=3))  # its site was named after it opened
    await raise_alarm(county, "p-1", "disabled", ago(hours=4), component="3")
    await raise_alarm(county, "e-1", "residual_current_high", ago(hours=2), severity="critical")
    await raise_alarm(county, "e-1", "insulation_ageing", ago(hours=2), severity="major")
    await raise_alarm(county, "e-1", "clock_wrong", ago(hours=2), severity="info")
    await raise_alarm(county, "e-2", "device_offline", ago(hours=2))
    await set_state(county, "e-2", ago(hours=3), is_online=False)
    await set_state(county, "p-2", ago(hours=5), is_online=False)
    await raise_alarm(county, "h-1", "hydrant_pressure_low", ago(hours=6), severity="major", category="water")
    await county.conn.execute("update device set out_of_service_until = now() + interval '1 h' where code = 'e-1'")
    await county.conn.execute("update device set created_at = now() - interval '31 d' where code = 'h-2'")
    for days in (1, 29, 31):
        await raise_alarm(county, "p-1", "fire", ago(days=days), component="4", category="fire", site_id=site,
                          state="closed", verification="false", closed_at=ago(days=days))  # fmt: skip
    await raise_alarm(county, "p-1", "fire", ago(days=45), component="5", category="fire", site_id=site,
                      state="closed", verification="real", closed_at=ago(days=44))  # fmt: skip
    for state in ("late", "unanswered", "replied"):
        await county.conn.execute(
            "insert into command (device_id, command, state, created_by) values ($1, 'guard_check', $2, 'test')",
            county.id_of("p-1"),
            state,
        )  # fmt: skip
    await find(county, site, grade=Grade.MAJOR, due=ago(minutes=1))
    await find(county, None, "h-2", code="hydrant_blocked")
    await risks.take_turn()
    assert await points_of(county, site) == {
        "alarm_critical": (1, 15), "alarm_major": (1, 6), "alarm_minor": (1, 1), "early_warning": (1, 5),
        "facility_disabled": (1, 2), "device_silent": (1, 3), "panel_silent": (1, 15), "out_of_service": (1, 2),
        "hazard_major": (1, 15), "hazard_overdue": (1, 6), "hazard_general": (1, 4), "water_unusable": (1, 4),
        "false_alarms": (2, 4), "fire_recent": (1, 5), "guard_unanswered": (2, 6), "inspection_overdue": (1, 1),
    }  # fmt: skip
    row = await risk_of(county, site)
    assert (row["score"], row["grade"]) == (94, "red")
    assert await points_of(county, quiet) == {}
    assert all(one["since"] for one in row["reasons"])


async def test_what_came_back_on_the_row_of_an_earlier_one_counts_from_then(county: County, risks: Risks) -> None:
    site = await site_with(county, "学校", ("p-1", "panel"))
    over = {"category": "fire", "site_id": site, "state": "closed", "opened_at": ago(days=100)}
    again = ago(hours=1)
    for number, verdict in enumerate(("real", "false")):
        await raise_alarm(county, "p-1", "fire", verification=verdict, since=again, component=f"1-{number}", **over)
    await raise_alarm(county, "p-1", "tamper", ago(days=100), since=again)
    await risks.take_turn()
    assert set(await points_of(county, site)) == {"fire_recent", "false_alarms", "alarm_minor"}
    assert {one["since"] for one in (await risk_of(county, site))["reasons"]} == {rfc3339(again)}


async def test_what_no_row_dates_counts_from_when_it_was_first_seen(county: County, pool: asyncpg.Pool) -> None:
    site = await site_with(county, "学校", ("p-1", "panel"), ("e-1", "electrical"))
    start = datetime.now(UTC)
    clock = HandClock(start)
    risks = Risks(pool, clock, KEPT_DAYS)
    for code in ("p-1", "e-1"):
        await county.conn.execute(
            "update device set out_of_service_until = $1 where code = $2", start + timedelta(days=1), code
        )
        await risks.take_turn()
        await clock.sleep(EVERY_S)
    (reason,) = (await risk_of(county, site))["reasons"]
    assert (reason["code"], reason["count"]) == ("out_of_service", 2)
    assert reason["since"] == rfc3339(start)


async def test_water_counts_for_every_site_that_it_reaches_and_once_more_when_none_is_left(
    county: County, risks: Risks
) -> None:
    near = await site_with(county, "近处", ("p-1", "panel"), lon=111.09, lat=39.02)
    far = await site_with(county, "远处", ("p-2", "panel"), lon=111.093, lat=39.02)  # 259 m
    across = await site_with(county, "邻镇", ("p-3", "panel"), area=OTHER_AREA, lon=111.09, lat=39.02)
    for code, lat in (("h-1", 39.0212), ("h-2", 39.0188), ("h-3", 39.0215)):  # 133, 133 and 167 m
        await county.add_device(code, "hydrant", lon=111.09, lat=lat)
        await set_state(county, code, ago(hours=1), is_online=False)
    await county.add_device("h-4", "hydrant", lon=111.0901, lat=39.02)
    await risks.take_turn()
    assert await points_of(county, near) == {"water_unusable": (2, 8)}
    await raise_alarm(county, "h-4", "hydrant_freezing", ago(minutes=1), category="water")
    await risks.take_turn()
    assert await points_of(county, near) == {"water_unusable": (3, 12), "water_none": (1, 10)}
    assert await points_of(county, far) == await points_of(county, across) == {}
    await county.set_policy("risk", water_radius_m=320)  # h-3 is 308 m from it
    await risks.take_turn()
    assert await points_of(county, far) == {"water_unusable": (4, 12), "water_none": (1, 10)}


async def test_a_water_source_that_is_not_inspected_in_time_counts_until_it_is(county: County, risks: Risks) -> None:
    sources = (("h-1", "hydrant"), ("w-1", "water"), ("h-own", "hydrant"), ("h-new", "hydrant"), ("h-rest", "hydrant"))
    site = await site_with(county, "学校", *sources, ("p-1", "panel"), ("h-called", "hydrant"))
    for statement in (
        "update device set created_at = now() - interval '40 d' where code <> 'h-new'",
        """update device set attributes = '{"inspection_interval_d": 90}' where code = 'h-own'""",
        "update device set registered = false where code = 'h-called'",
        "update device set out_of_service_until = now() + interval '1 d' where code = 'h-rest'",
    ):
        await county.conn.execute(statement)

    async def inspect(device: str, at: datetime) -> None:
        await county.conn.execute(
            """insert into inspection (request_id, digest, device_id, checklist, inspected_at, received_at,
                   inspected_by, answers, failed, note, hazards)
               values (gen_random_uuid(), '', $1, 'hydrant', $2, now(), 'user:li', '[]', 0, '', '{}')""",
            county.id_of(device),
            at,
        )

    await inspect("w-1", ago(days=31))
    await risks.take_turn()
    assert (await points_of(county, site))["inspection_overdue"] == (2, 2)
    (reason,) = [one for one in (await risk_of(county, site))["reasons"] if one["code"] == "inspection_overdue"]
    since = datetime.fromisoformat(reason["since"])
    assert abs(since - ago(days=10)) < timedelta(minutes=5), "the one that is longest overdue"
    for device in ("w-1", "h-1"):
        await inspect(device, ago(days=1))
    await risks.take_turn()
    assert "inspection_overdue" not in await points_of(county, site)


async def test_what_lies_in_another_area_than_the_site_adds_nothing(county: County, risks: Risks) -> None:
    site = await site_with(county, "学校", ("p-1", "panel"))
    await county.conn.execute("update device set area = $1", OTHER_AREA)
    await raise_alarm(county, "p-1", "fire", ago(hours=1), category="fire", severity="critical", area=OTHER_AREA,
                      verification="pending", site_id=site)  # fmt: skip
    await find(county, None, "p-1")
    await set_state(county, "p-1", ago(hours=5), is_online=False)
    await risks.take_turn()
    assert await points_of(county, site) == {}


async def test_changed_weights_are_in_every_score_and_name_their_version(county: County, risks: Risks) -> None:
    site = await site_with(county, "学校", ("p-1", "panel"))
    calm = await site_with(county, "静处", ("p-2", "panel"))
    await find(county, site)
    await risks.take_turn()
    assert await points_of(county, site) == {"hazard_general": (1, 4)}
    await county.set_policy("risk", hazard_general={"each": 33, "most": 50})
    await risks.take_turn()
    row = await risk_of(county, site)
    assert (row["score"], row["grade"], row["policy_version"]) == (33, "orange", 1)
    assert (await risk_of(county, calm))["policy_version"] == 1
    assert [(one["subject"], one["data"]["risk"]["score"]) for one in await told(county)] == [
        (f"site:{site}", 4),
        (f"site:{site}", 33),
    ]


async def test_a_day_on_which_changed_limits_made_a_site_red_was_a_red_one(county: County, risks: Risks) -> None:
    site = await site_with(county, "学校", ("p-1", "panel"))
    hazard = await find(county, site, grade=Grade.MAJOR)
    await risks.take_turn()
    await county.set_policy("risk", yellow_from=5, orange_from=10, red_from=15)
    await risks.take_turn()
    await county.conn.execute("update hazard set grade = 'general' where id = $1", hazard)
    await risks.take_turn()
    (day,) = await county.conn.fetch("select score, grade, worst_score, worst_grade from site_risk_daily")
    assert tuple(day) == (4, "blue", 15, "red")


async def test_every_site_has_a_line_of_every_day_and_old_days_go(county: County, pool: asyncpg.Pool) -> None:
    site = await site_with(county, "学校", ("p-1", "panel"))
    clock = HandClock(datetime(2026, 11, 29, 15, 30, tzinfo=UTC))  # half an hour before midnight in the county
    risks = Risks(pool, clock, KEPT_DAYS)
    old = date(2025, 1, 1)
    await county.conn.execute("insert into site_risk_daily values ($1, $2, 0, 'blue', 0, 'blue', 0)", site, old)
    await county.conn.execute(  # we ran a week ago: the clock is not suddenly ahead
        """
        insert into ingest_batch (writer, number, owner, lane, committed_at)
        values ('all/event', 1, $1, 'event', $2)
        """,
        county.owner,
        clock.now() - timedelta(days=8),
    )
    hazard = await find(county, site, grade=Grade.MAJOR)
    await risks.take_turn()
    await county.conn.execute("update hazard set grade = 'general' where id = $1", hazard)
    await risks.take_turn()
    await clock.sleep(3600)
    await risks.take_turn()
    rows = await county.conn.fetch("select * from site_risk_daily order by day")
    assert [tuple(row)[1:6] for row in rows] == [
        (date(2026, 11, 29), 4, "blue", 15, "yellow"),
        (date(2026, 11, 30), 4, "blue", 4, "blue"),
    ]


async def test_scores_are_looked_at_more_often_than_once_a_minute(county: County, risks: Risks) -> None:
    before = datetime.now(UTC)
    assert await risks.take_turn() == EVERY_S < 30
    looked = await county.conn.fetchval("select at from risk_look")
    assert before <= looked.astimezone(COUNTY) <= datetime.now(UTC)
