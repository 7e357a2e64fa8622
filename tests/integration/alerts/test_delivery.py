import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.core import db
from services.core.alarms.ledger import acts
from services.core.alarms.ledger.page import Page
from services.core.alarms.ledger.rows import Key, Place
from services.core.alarms.life.happenings import Finding
from services.core.alarms.policies import load_policies
from services.core.words import Category, Reason, Severity
from tests.integration.alerts.conftest import DeskControl
from tests.support.county import County
from tests.support.servers import Program
from tests.support.waiting import eventually


async def press(county: County, device: str = "panel-1", component: str = "c1") -> None:
    await county.send_events([{"device": device, "type": "manual_alarm", "component": component}])


async def test_a_refused_notice_is_dead_at_once_and_dispatch_failed_stands_until_it_is_replayed(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1")
    await desk.behave(mode="refuse", count=1)
    alerts()
    await press(county)
    (dead,) = await eventually(lambda: county.notices("state = 'dead'"), what="the dead notice")
    assert dead["last_status"] == 400
    (failed,) = await eventually(lambda: county.alarms("a.code = 'dispatch_failed'"), what="dispatch_failed")
    assert (failed["severity"], failed["category"], failed["subject"]) == ("critical", "system", "system")
    assert await county.notices("alarm_id = $1 and channel = 'desk'", failed["id"]) == []
    await acts.replay_notice(county.conn, dead["id"], actor="user:t", now=datetime.now(UTC))
    await eventually(lambda: county.notices("state = 'delivered'"), what="the replay")
    await eventually(lambda: county.alarms("a.code = 'dispatch_failed' and cleared_at is not null"), what="its end")
    assert [one["notice_id"] for one in await desk.received()] == [str(dead["id"])] * 2


async def test_a_duplicate_answer_counts_as_delivered(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1")
    await desk.behave(mode="refuse", status=409, count=1)
    alerts()
    await press(county)
    (notice,) = await eventually(lambda: county.notices("state = 'delivered'"), what="the receipt")
    assert notice["last_status"] == 409


async def test_retry_after_is_obeyed(county: County, desk: DeskControl, alerts: Callable[..., Program]) -> None:
    await county.add_device("panel-1")
    await desk.behave(mode="busy", retry_after="3", count=1)
    alerts()
    await press(county)
    await eventually(lambda: county.notices("state = 'delivered'"), what="the receipt")
    first, second = [datetime.fromisoformat(one["received_at"]) for one in await desk.received()]
    assert second - first >= timedelta(seconds=3)  # and not the tenth of a second of a first try again


async def test_a_redirect_is_not_followed(county: County, desk: DeskControl, alerts: Callable[..., Program]) -> None:
    await county.add_device("panel-1")
    await desk.behave(mode="redirect")
    alerts()
    await press(county)
    await eventually(lambda: county.notices("state = 'dead' and last_status = 307"), what="the dead notice")
    assert len(await desk.received()) == 1


async def test_a_hanging_desk_is_given_up_after_two_seconds_and_asked_again(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1")
    await desk.behave(mode="hang", seconds=30, count=1)
    alerts()
    await press(county)
    await eventually(lambda: county.notices("state = 'delivered'"), what="the receipt")
    first = await county.conn.fetchrow("select * from notice_attempt where number = 1")
    assert first is not None
    assert first["status"] is None
    assert 1900 < first["duration_ms"] < 20_000  # long before it would have answered


async def test_the_desk_away_then_back_gets_everything_once_in_order_per_alarm(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    for n in range(5):
        await county.add_device(f"panel-{n}")
    await desk.behave(mode="vanish", seconds=4)
    alerts()
    for n in range(5):
        await press(county, f"panel-{n}")
        (alarm,) = await eventually(lambda n=n: county.alarms("d.code = $1", f"panel-{n}"), what="the alarm")
        if n == 0:
            await acts.verify(
                county.conn, alarm["id"], outcome="false", note="烧烤", actor="user:t", now=datetime.now(UTC)
            )
    await eventually(lambda: county.notices("state = 'delivered'", at_least=7), what="all")
    seen = [one for one in await desk.received() if one["first"]]
    assert len(seen) == 7
    judged = [one["type"] for one in seen if one["body"]["alarm"]["verification"] == "false"]
    assert sorted(judged) == ["alarm.cleared", "alarm.updated"]
    types = [one["type"] for one in seen if one["body"]["device"]["code"] == "panel-0"]
    assert types == ["fire.confirmed", "alarm.updated", "alarm.cleared"]


async def test_a_fire_called_false_before_its_time_is_never_sent(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.set_policy("fire_clocks", suspected_s=3600)
    await county.add_device("panel-1")
    await county.add_device("panel-2")
    alerts()
    await county.send_events([{"device": "panel-1", "type": "fire", "component": "d1"}])
    (alarm,) = await eventually(county.alarms, what="the alarm")
    await acts.verify(county.conn, alarm["id"], outcome="false", note="", actor="user:t", now=datetime.now(UTC))
    await county.conn.execute(  # its time has come now, however long the verdict took
        "update alarm set escalates_at = escalates_at - $1::interval, due_at = due_at - $1::interval",
        timedelta(hours=1),
    )
    await county.set_policy("fire_clocks", suspected_s=2)
    await county.send_events([{"device": "panel-2", "type": "fire", "component": "d1"}])
    await eventually(lambda: desk.received(type="alarm.escalated"), what="the other fire's escalation")
    assert {one["body"]["device"]["code"] for one in await desk.received()} == {"panel-2"}


async def test_a_confirmation_overtakes_an_escalation_that_has_not_arrived(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.set_policy("fire_clocks", suspected_s=1)
    await county.add_device("panel-1")
    await desk.behave(mode="error")
    alerts()
    await county.send_events([{"device": "panel-1", "type": "fire", "component": "d1"}])
    (alarm,) = await eventually(county.alarms, what="the alarm")
    await eventually(lambda: county.notices("type = 'alarm.escalated' and attempts > 0"), what="the escalation")
    await acts.verify(county.conn, alarm["id"], outcome="real", note="", actor="user:t", now=datetime.now(UTC))
    await eventually(lambda: county.notices("type = 'fire.confirmed'"), what="the confirmation")
    # an attempt under way cannot be called back; after it no other begins before the confirmation has gone
    idle = "type = 'alarm.escalated' and claimed_until is null"
    await eventually(lambda: county.notices(idle), what="the attempt under way")
    await desk.behave(mode="ok")
    await eventually(lambda: county.notices("state = 'delivered'", at_least=2), what="both")
    assert [one["type"] for one in await desk.received() if one["first"]] == ["fire.confirmed", "alarm.escalated"]


async def test_without_an_address_notices_wait_and_a_fire_that_waits_is_an_alarm_of_ours(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.set_policy("notices", overdue_after_s=1)
    await county.add_device("panel-1")
    alerts(DISPATCH_URL="")
    await press(county)
    await eventually(lambda: county.alarms("a.code = 'dispatch_failed'"), what="dispatch_failed")
    (notice,) = await county.notices()
    assert (notice["state"], notice["attempts"]) == ("waiting", 0)


async def test_what_is_no_fire_and_an_hour_old_waits_for_release_while_fires_go(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("h-1", "hydrant")
    await county.add_device("panel-1")
    first = alerts(DISPATCH_URL="")
    await county.send_readings("hydrant", [{"device": "h-1", "pressure_mpa": 0.04}])
    await press(county)
    await eventually(lambda: county.notices(at_least=2), what="both notices")
    first.stop()
    await county.conn.execute("update notice set created_at = created_at - interval '61 minutes'")
    alerts()
    await eventually(lambda: county.notices("type = 'fire.confirmed' and state = 'delivered'"), what="the fire")
    (held,) = await eventually(lambda: county.notices("state = 'held'"), what="the held one")
    assert held["type"] == "alarm.raised"
    await acts.release_notice(county.conn, held["id"], actor="user:t", now=datetime.now(UTC))
    await eventually(lambda: county.notices("type = 'alarm.raised' and state = 'delivered'"), what="the released one")


async def test_the_news_of_one_great_fire_keep_no_other_fire_waiting(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1")
    await county.add_device("panel-2")
    await desk.behave(mode="delay", seconds=1)
    alerts()
    await county.send_events([{"device": "panel-1", "type": "fire", "component": f"d{n}"} for n in range(60)])
    await eventually(lambda: county.notices("type = 'alarm.updated'", at_least=50), what="the news")
    await press(county, "panel-2")

    async def other_fire() -> list[dict[str, Any]]:
        return [one for one in await desk.received() if one["body"]["device"]["code"] == "panel-2"]

    await eventually(other_fire, what="the other fire")
    assert len(await county.notices("type = 'alarm.updated' and attempts = 0")) > 20, "there was nothing to wait behind"


async def test_a_confirmation_behind_its_own_fires_news_waits_for_no_other_fires(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.set_policy("fire_clocks", suspected_s=1)
    await county.add_device("panel-1")
    await county.add_device("panel-2")
    alerts()
    await county.send_events([{"device": "panel-2", "type": "fire", "component": "d1"}])
    await eventually(lambda: desk.received(type="alarm.escalated"), what="the suspected fire at the desk")
    await desk.behave(mode="delay", seconds=1)
    await county.send_events([{"device": "panel-1", "type": "fire", "component": f"d{n}"} for n in range(60)])
    await eventually(lambda: county.notices("type = 'alarm.updated'", at_least=50), what="the news of the great fire")
    await county.send_events([{"device": "panel-2", "type": "feedback", "component": "fan"}])
    panel, own = county.id_of("panel-2"), "alarm_id in (select id from alarm where device_id = $1) and number > 1"
    await eventually(lambda: county.notices(own, panel), what="its own news")
    await county.send_events([{"device": "panel-2", "type": "fire", "component": "d2"}])
    arrived = f"{own} and type = 'fire.confirmed' and state = 'delivered'"
    await eventually(lambda: county.notices(arrived, panel), what="its confirmation")
    assert [notice["type"] for notice in await county.notices(own, panel)][:2] == ["alarm.updated", "fire.confirmed"]
    assert len(await county.notices("type = 'alarm.updated' and attempts = 0")) > 20, "there was nothing to wait behind"


@pytest.mark.parametrize(
    ("channel", "words"),
    [
        ("sms", {"phone": "13800000000"}),
        ("voice", {"called": "13800000000", "again": ["3"]}),
        ("webhook", {"type": "call", "to": "值班长", "drill": False, "code": "dispatch_failed"}),
    ],
)
async def test_contacts_are_called_when_nobody_takes_a_fire(
    county: County, desk: DeskControl, alerts: Callable[..., Program], channel: str, words: dict[str, Any]
) -> None:
    gateway = f"{desk.url}/notices"
    address = gateway if channel == "webhook" else "13800000000"
    await county.set_policy("notices", overdue_after_s=1)
    await county.set_policy("sms_gateway", url=gateway, body={"phone": "{address}", "text": "{text}"})
    await county.set_policy(
        "voice_gateway", url=gateway, body={"called": "{address}", "text": "{text}", "again": ["3"]}
    )
    await county.conn.execute(
        "insert into contact (name, channel, address) values ('值班长', $1, $2)", channel, address
    )
    await county.add_device("panel-1", name="门诊楼")
    alerts(DISPATCH_URL="http://127.0.0.1:9")
    await press(county)
    (call,) = await eventually(
        lambda: county.notices("channel like 'contact:%' and state in ('delivered', 'dead')"), what="the call"
    )
    assert call["type"] == "call"
    (seen,) = await desk.received()
    assert words.items() <= seen["body"].items()
    assert "119 未接收" in seen["body"]["text"]
    timer = await county.conn.fetchrow("select * from alarm_timer where done_at is not null")
    assert timer is not None
    assert timer["result"] == "called 1"


async def test_a_hundred_concurrent_triggers_are_one_alarm(county: County, database: str) -> None:
    device_id = await county.add_device("panel-1")
    pool = await db.create_pool(database, program="test", size=10)
    policies = await load_policies(county.conn)
    place = Place(f"device:{device_id}", device_id, "panel-1", area="140931100")
    finding = Finding(
        "fault", Category.DEVICE, Severity.MINOR, Reason("故障", "fault"), device="panel-1", cause="fault"
    )

    async def trigger() -> None:
        async with pool.acquire() as conn, conn.transaction():
            page = Page(conn, datetime.now(UTC), policies)
            key = Key(place.subject, "fault", "")
            await page.load([key])
            page.take(key, finding, "test", place)
            await page.write()

    await asyncio.gather(*(trigger() for _ in range(100)))
    await pool.close()
    assert len(await county.alarms()) == 1
    assert await county.conn.fetchval("select count(*) from alarm_transition") == 100
