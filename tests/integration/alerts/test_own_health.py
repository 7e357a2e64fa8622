"""What goes wrong with ourselves is an alarm of category `system` in a running worker, and ends when it is over."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from services.alerts.health import Health
from services.core.alarms.ledger import acts
from services.core.alarms.ledger.page import Page
from services.core.alarms.policies import load_policies, read_policies
from tests.integration.alerts.conftest import DeskControl
from tests.support.county import County
from tests.support.servers import Program
from tests.support.waiting import eventually

Deed = Callable[[County], Awaitable[object]]


def policy(**limits: float) -> Deed:
    async def put(county: County) -> None:
        await county.conn.execute(
            """
            insert into policy (name, body, updated_by) values ('health', $1, 'test')
            on conflict (name) do update set body = policy.body || excluded.body
            """,
            limits,
        )

    return put


def lanes(change: str) -> Deed:
    return lambda county: county.conn.execute(f"update ingest_lane set {change}")  # noqa: S608 - texts of this file


def keep_copies(minutes_behind: int) -> Deed:
    return lambda county: county.conn.execute(
        """
        insert into backup_status (id, folder, since, copied_at, logged_at, updated_at)
        values (1, '/copies', now(), now(), now() - make_interval(mins => $1), now())
        on conflict (id) do update set logged_at = excluded.logged_at
        """,
        minutes_behind,
    )


async def clear_by_hand(county: County) -> None:
    (alarm,) = await county.alarms("cleared_at is null")
    await acts.clear(county.conn, alarm["id"], actor="user:t", now=datetime.now(UTC))


async def none_stands(county: County) -> bool:
    return await county.alarms("cleared_at is null") == []


async def refuse_an_event(county: County) -> None:
    async with county.conn.transaction():
        batch_id = await county.conn.fetchval(
            """
            insert into ingest_batch (writer, number, owner, lane, rejects)
            values ('all/event', 1, $1, 'event', 1) returning id
            """,
            county.owner,
        )
        await county.conn.execute(
            """
            insert into reject (received_at, batch_id, topic, payload, reason, detail)
            values (now(), $1, 'fire/v1/140931100/panel/panel-1/up/event', '{', 'not_json', 'is not JSON')
            """,
            batch_id,
        )


def hear_the_township(at: str) -> Deed:
    return lambda county: county.conn.execute(
        """
        with key as (
            insert into api_key (name, key_hash, hint, role, areas, created_by, created_at)
            values ('relay.dongguan', '', '', 'duty_officer', '{}', 'test', now())
            on conflict (name) do update set hint = '' returning id)
        insert into township (name, areas, api_key_id, created_by, created_at, last_heard)
        select 'dongguan', '{140931100}', id, 'test', now(), now() + $1::text::interval from key
        on conflict (name) do update set last_heard = excluded.last_heard
        """,
        at,
    )


class Trouble(NamedTuple):
    """One row of the table: what is broken and mended, and the alarm between."""

    severity: str
    raise_it: Deed
    clear_it: Deed
    component: str = ""
    told: bool = True  # whether the desk hears of it: major and above


TABLE = {
    "storage_low": Trouble(
        "major", policy(storage_low_pct=0, storage_fine_pct=0), policy(storage_low_pct=101, storage_fine_pct=101)
    ),
    "ingest_stalled": Trouble(
        "critical",
        lanes("watermark = now() - interval '31 s' where lane = 'event'"),
        lanes("watermark = now() + interval '10 min'"),
        "all/event",
    ),
    "clock_drift": Trouble("minor", policy(drift_s=0), policy(drift_s=5), told=False),
    "session_lost": Trouble(
        "major",
        lanes("session_lost_at = now() where lane = 'telemetry'"),
        lanes("session_lost_at = now() - interval '601 s' where lane = 'telemetry'"),
        "all/telemetry",
    ),
    "queue_dropped": Trouble("critical", lanes("broker_dropped = broker_dropped + 7"), clear_by_hand),
    "connections_full": Trouble(
        "major", lanes("connections = 850, connections_limit = 1000"), lanes("connections = 700")
    ),
    "backup_overdue": Trouble("major", keep_copies(minutes_behind=6), keep_copies(minutes_behind=0)),
    "township_silent": Trouble("major", hear_the_township("-61 s"), hear_the_township("10 min"), "dongguan"),
    "event_unreadable": Trouble("major", refuse_an_event, clear_by_hand, "panel-1"),
}


async def test_every_trouble_is_raised_and_cleared_by_a_running_worker(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await policy(starting_s=0)(county)
    await county.set_watermark(datetime.now(UTC) + timedelta(minutes=10))  # probes flow for as long as the test lasts
    await county.add_device("panel-1")
    alerts()
    await eventually(lambda: county.conn.fetch("select from broker_drops"), what="it")
    assert await county.alarms() == []
    for code, trouble in TABLE.items():
        await trouble.raise_it(county)
        (alarm,) = await eventually(lambda: county.alarms("cleared_at is null"), what=code)
        assert (alarm["code"], alarm["component"], alarm["severity"]) == (code, trouble.component, trouble.severity)
        assert (alarm["category"], alarm["subject"], alarm["state"]) == ("system", "system", "unacknowledged")
        await trouble.clear_it(county)
        await eventually(lambda: none_stands(county), what=f"the end of {code}")
    told = [code for code, trouble in TABLE.items() if trouble.told]
    await eventually(lambda: county.notices("state = 'delivered'", at_least=2 * len(told)), what="all told")
    heard: dict[str, list[str]] = {}
    for one in await desk.received():
        if one["first"]:
            heard.setdefault(one["body"]["alarm"]["code"], []).append(one["type"])
    assert heard == {code: ["alarm.raised", "alarm.cleared"] for code in told}


async def test_dispatch_failed_stands_while_the_desk_is_away_and_no_longer(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.set_policy("notices", overdue_after_s=1)
    await county.add_device("panel-1")
    await desk.behave(mode="error")
    alerts()
    await county.send_events([{"device": "panel-1", "type": "manual_alarm", "component": "m1"}])
    (failed,) = await eventually(lambda: county.alarms("a.code = 'dispatch_failed'"), what="dispatch_failed")
    assert (failed["severity"], failed["category"]) == ("critical", "system")
    assert "HTTP 500" in failed["reason"]
    await county.send_events([{"device": "panel-1", "type": "manual_alarm", "component": "m2"}])
    two = "a.code = 'dispatch_failed' and reason like '%未接收 2 条%' and value = 2"
    await eventually(lambda: county.alarms(two), what="the second in its reason")
    await desk.behave(mode="ok")
    await eventually(lambda: county.alarms("a.code = 'dispatch_failed' and cleared_at is not null"), what="its end")
    assert {one["type"] for one in await desk.received()} == {"fire.confirmed", "alarm.updated"}  # of the fires alone


async def test_one_more_fire_that_119_lacks_asks_again_whoever_knew_of_the_earlier_ones(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.set_policy("notices", overdue_after_s=1)
    for number in (1, 2):
        await county.add_device(f"panel-{number}")
    await desk.behave(mode="error")
    alerts()
    await county.send_events([{"device": "panel-1", "type": "manual_alarm", "component": "m1"}])
    (failed,) = await eventually(lambda: county.alarms("a.code = 'dispatch_failed'"), what="dispatch_failed")
    await acts.acknowledge(county.conn, failed["id"], actor="user:li", now=datetime.now(UTC))
    await county.send_events([{"device": "panel-1", "type": "manual_alarm", "component": "m2"}])
    two = "a.code = 'dispatch_failed' and value = 2"
    (same,) = await eventually(lambda: county.alarms(two), what="the second notice")
    assert (same["state"], same["acknowledged_by"]) == ("acknowledged", "user:li"), (
        "119 lacks no other fire than before"
    )
    await county.send_events([{"device": "panel-2", "type": "manual_alarm", "component": "m1"}])
    again = "a.code = 'dispatch_failed' and a.state = 'unacknowledged'"
    (asks,) = await eventually(lambda: county.alarms(again), what="the alarm asks again")
    assert (asks["id"], asks["acknowledged_at"], asks["acknowledged_by"]) == (failed["id"], None, None)
    timers = await county.conn.fetch(
        "select from alarm_timer where alarm_id = $1 and due_at > $2", asks["id"], asks["updated_at"]
    )
    assert timers, "people are called for it"


async def judge_at(county: County, health: Health, now: datetime, **limits: float) -> list[str]:
    """Let `health` look once at `now`; the codes that stand then."""
    page = Page(county.conn, now, read_policies({"health": limits}))
    async with county.conn.transaction():
        await health.judge(page, health.parts)
        await page.write()
    return [row["code"] for row in await county.alarms("cleared_at is null")]


async def test_a_fire_that_119_refuses_is_told_though_a_person_cleared_the_alarm_by_a_clock_of_the_hour_to_come(
    county: County,
) -> None:
    now = datetime.now(UTC)
    await county.add_device("panel-1")
    await county.conn.execute(
        """
        insert into alarm (subject, code, category, severity, state, verification, reason, reason_en,
            opened_at, closed_at, cleared_at, updated_at)
        values ('system', 'dispatch_failed', 'system', 'critical', 'closed', 'none', '', '', $1, $1, $1, $1)
        """,
        now + timedelta(hours=1),
    )
    await county.conn.execute(
        """
        insert into notice (id, alarm_id, number, channel, type, fire, body, state, due_at, created_at, dead_at)
        select gen_random_uuid(), id, 1, 'desk', 'fire.confirmed', true, '{}', 'dead', $1, $1, $1 from alarm
        """,
        now,
    )
    page = Page(county.conn, now, read_policies({}))
    health = Health(has_desk=True, since=now)
    await health.judge(page, [part for part in health.parts if part.name == "dispatch"])
    assert [entry.key.code for entry in page.opened] == ["dispatch_failed"]


@pytest.mark.parametrize(("off_s", "standing"), [(4.9, []), (-5.1, ["clock_drift"]), (60, ["clock_drift"])])
async def test_clocks_agree_within_five_seconds(county: County, off_s: float, standing: list[str]) -> None:
    now = await county.conn.fetchval("select clock_timestamp()")
    health = Health(Path("/"), has_desk=True, since=now)
    skewed = now + timedelta(seconds=off_s)
    assert await judge_at(county, health, skewed, storage_low_pct=101) == standing


async def test_a_clock_before_an_alarm_on_record_is_told_until_it_has_passed_it(county: County) -> None:
    """After a power cut a server without a battery wakes up years ago; 119 refuses what it signs."""
    await county.add_device("panel-1")
    now = await county.conn.fetchval("select clock_timestamp()")
    health = Health(Path("/"), has_desk=True, since=now)
    quiet = {"storage_low_pct": 101, "drift_s": 86_400}
    assert await judge_at(county, health, now, **quiet) == []
    await county.conn.execute(
        """
        insert into alarm (subject, code, category, severity, state, reason, reason_en, opened_at, updated_at,
            cleared_at, closed_at)
        values ('device:1', 'tamper', 'device', 'minor', 'closed', '', '', $1, $1, $1, $1)
        """,
        now,
    )
    assert await judge_at(county, health, now - timedelta(hours=2), **quiet) == ["clock_drift"]
    (alarm,) = await county.alarms("cleared_at is null")
    assert (alarm["component"], alarm["severity"], alarm["value"]) == ("records", "major", 120)
    assert "clock_drift" not in await judge_at(county, health, now - timedelta(seconds=59), **quiet)


@pytest.mark.parametrize(("silent_s", "standing"), [(29.5, []), (30.5, ["ingest_stalled"] * 2)])
async def test_a_lane_is_stalled_after_thirty_seconds_but_not_while_everything_starts(
    county: County, silent_s: float, standing: list[str]
) -> None:
    now = datetime.now(UTC)
    await county.set_watermark(now - timedelta(seconds=silent_s))
    quiet = {"storage_low_pct": 101, "drift_s": 3600}
    young, grown = (Health(Path("/"), has_desk=True, since=now - timedelta(seconds=age)) for age in (44, 46))
    assert await judge_at(county, young, now, **quiet) == []
    assert await judge_at(county, grown, now, **quiet) == standing


async def test_a_disk_that_hovers_at_the_limit_does_not_flap(county: County) -> None:
    now = datetime.now(UTC)
    health = Health(Path("/"), has_desk=True, since=now)
    low, between, fine = (
        {"storage_low_pct": at_pct, "storage_fine_pct": fine_pct} for at_pct, fine_pct in ((0, 0), (101, 0), (101, 101))
    )
    assert await judge_at(county, health, now, **between) == []
    assert await judge_at(county, health, now, **low) == ["storage_low"]
    assert await judge_at(county, health, now, **between) == ["storage_low"]
    assert await judge_at(county, health, now, **fine) == []
    assert (await load_policies(county.conn)).number("health", "storage_low_pct") == 80
