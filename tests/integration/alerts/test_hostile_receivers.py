"""Fires go out while the desk, contacts, gateways and rows of the outbox are as bad as they can be."""

from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from typing import Any

import pytest

from tests.integration.alerts.conftest import DeskControl
from tests.support.county import AREA, County
from tests.support.hostile import DEAD, DELIVERED, RETRIED, HostileReceiver
from tests.support.servers import Program
from tests.support.waiting import eventually


@pytest.fixture
async def hostile() -> AsyncIterator[HostileReceiver]:
    async with HostileReceiver() as made:
        yield made


async def press(county: County, device: str, component: str = "c1") -> None:
    await county.send_events([{"device": device, "type": "manual_alarm", "component": component}])


async def delivered(county: County, device: str) -> Any:
    """The delivered `fire.confirmed` of a device."""
    notices = await county.notices("type = 'fire.confirmed' and state = 'delivered'", at_least=1)
    return next((one for one in notices if one["json"]["device"]["code"] == device), None)


async def test_each_answer_of_a_desk_is_believed_once_while_other_fires_go_out(
    county: County, hostile: HostileReceiver, alerts: Callable[..., Program]
) -> None:
    # the first request of each round gets one hostile answer; whoever asks again, and everybody else, a good one
    names = [*DELIVERED, *RETRIED, *DEAD]
    for number in range(len(names) + 1):
        await county.add_device(f"p-{number}")
    worker = alerts(DISPATCH_URL=hostile.url)
    hostile.next = list(names)
    for number in range(len(names)):
        await press(county, f"p-{number}")
    ends = "type = 'fire.confirmed' and state in ('delivered', 'dead')"
    settled = await eventually(lambda: county.notices(ends, at_least=len(names)), what="every fate", timeout_s=180)
    assert sum(1 for one in settled if one["state"] == "dead") == len(DEAD)
    tries = await county.conn.fetch("select notice_id, status, answer from notice_attempt order by notice_id, number")
    asked_again = [
        first["status"] for first, second in pairwise(tries) if first["notice_id"] == second["notice_id"]
    ]  # on a busy machine, more than the receiver was told to send away: what had no answer in time
    assert len(asked_again) >= len(RETRIED)
    assert not [status for status in asked_again if status is not None and (status < 300 or status == 409)]
    assert all(row["answer"] is None or len(row["answer"]) <= 1024 for row in tries)
    await press(county, f"p-{len(names)}")
    await eventually(lambda: delivered(county, f"p-{len(names)}"), what="the fire after them")
    assert worker.process.poll() is None, "alerts never ended"


async def test_a_fire_beside_receivers_that_never_end_is_delivered_in_time(
    county: County, hostile: HostileReceiver, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1")
    await county.add_device("panel-2")
    alerts(DISPATCH_URL=f"{hostile.url}/endless")
    for number in range(40):
        await press(county, "panel-1", f"c{number}")
    await press(county, "panel-2")
    await eventually(lambda: delivered(county, "panel-2"), what="the other fire")
    again = """select from notice_attempt a join notice_attempt b using (notice_id)
               where b.number > a.number and a.status is not null"""  # on a busy machine a head may come too late
    assert await county.conn.fetch(again) == []
    assert await county.alarms("a.code = 'dispatch_failed'") == []


async def test_a_yes_after_seven_seconds_is_a_yes_for_what_is_no_fire(
    county: County, hostile: HostileReceiver, alerts: Callable[..., Program]
) -> None:
    await county.add_device("h-1", "hydrant")
    alerts(DISPATCH_URL=f"{hostile.url}/slow-yes")
    await county.send_readings("hydrant", [{"device": "h-1", "pressure_mpa": 0.04}])
    (notice,) = await eventually(lambda: county.notices("state = 'delivered'"), what="the receipt")
    assert notice["attempts"] == 1


CONTACTS: dict[str, tuple[str, str]] = {  # name: address, settings as they stand in the table
    "headers are a text": ("HOSTILE/ok", '{"headers": "Authorization: Bearer abc"}'),
    "a header is a number": ("HOSTILE/ok", '{"headers": {"X-Account": 1001}}'),
    "a header is Chinese": ("HOSTILE/ok", '{"headers": {"X-Sign": "保德消防"}}'),
    "a header has two lines": ("HOSTILE/ok", '{"headers": {"X": "a\\r\\nX-Y: b"}}'),
    "settings are a list": ("HOSTILE/ok", "[1]"),
    "settings no parser reads": ("HOSTILE/ok", '{"headers": 1e400}'),
    "no host": ("http://", "{}"),
    "half an address": ("http://[::1", "{}"),
    "no scheme": ("//x", "{}"),
    "a port too large": ("http://h:99999/", "{}"),
}


async def test_a_contact_that_cannot_be_called_fails_alone(
    county: County, hostile: HostileReceiver, alerts: Callable[..., Program]
) -> None:
    await county.set_policy("notices", overdue_after_s=1)
    await county.add_device("panel-1")
    for name, (address, settings) in CONTACTS.items():
        await county.conn.execute(
            "insert into contact (name, channel, address, settings) values ($1, 'webhook', $2, $3::text::jsonb)",
            name,
            address.replace("HOSTILE", hostile.url),
            settings,
        )
    await county.conn.execute(
        "insert into contact (name, channel, address) values ('good', 'webhook', $1), ('odd', 'webhook', $2)",
        f"{hostile.url}/good",
        f"{hostile.url}/busy-with-nul",
    )
    worker = alerts(DISPATCH_URL="http://127.0.0.1:9")
    await press(county, "panel-1")
    await eventually(lambda: county.notices("channel like 'contact:%' and state = 'delivered'"), what="the good call")
    odd = "channel like 'contact:%' and state = 'waiting' and last_status = 500"
    await eventually(lambda: county.notices(odd), what="the call that is tried again")
    kept = await county.conn.fetchval("select answer from notice_attempt where status = 500 limit 1")
    assert kept == "error\N{REPLACEMENT CHARACTER}"

    async def aside_of_each() -> list[Any]:
        found: list[Any] = await county.conn.fetch("select error from set_aside where kind = 'contact'")
        return found if len(found) >= len(CONTACTS) else []

    aside = await eventually(aside_of_each, what="the bad ones set aside")
    assert len(aside) == len(CONTACTS)
    assert not [row["error"] for row in aside if "Bearer" in row["error"] or "保德" in row["error"]]
    assert hostile.count("ok") == 0
    assert worker.process.poll() is None


async def test_a_gateway_says_yes_by_its_rule_and_its_words_are_kept(
    county: County, desk: DeskControl, hostile: HostileReceiver, alerts: Callable[..., Program]
) -> None:
    await county.set_policy("notices", overdue_after_s=1)
    rule = {"status": [200], "json": {"path": "incident_id", "equals": "D-1"}}
    await county.set_policy("sms_gateway", url=f"{hostile.url}/ok?key=t0ken", success=rule)
    await county.conn.execute("insert into contact (name, channel, address) values ('值班长', 'sms', '13800000000')")
    await county.add_device("panel-1")
    hostile.next = ["status-299", "id-is-a-list"]
    alerts(DISPATCH_URL="http://127.0.0.1:9")
    await press(county, "panel-1")
    (call,) = await eventually(
        lambda: county.notices("channel like 'contact:%' and state = 'delivered'"), what="the call"
    )
    tries = await county.conn.fetch("select * from notice_attempt where notice_id = $1 order by number", call["id"])
    assert [row["error"] for row in tries] == [
        "HTTP 299 is not among the statuses of its success rule",
        'HTTP 200, but incident_id is not "D-1"',
        None,
    ]
    assert tries[-1]["answer"] == '{"incident_id":"D-1"}'


BAD_TARGETS = (
    None, "null", "[]", "7", '{"url": 5}', '{"url": "http://"}', '{"url": 1e400}',
    '{"url": "http://h/", "headers": {"a b": 1}}', '{"url": "http://h/", "success": {"json": 1}}',
)  # fmt: skip
CURSE = """
    create function curse() returns trigger language plpgsql as
    $$ begin raise exception 'cursed' using errcode = 'check_violation'; end $$;
    create trigger curse before update on notice for each row when (old.number = -7) execute function curse()
"""


async def test_rows_of_the_outbox_that_no_program_wrote_fail_alone(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    """Garbage where a call's target should be, a row that no statement may touch, a body that is no text."""
    await county.add_device("panel-1")
    await county.add_device("panel-2")
    worker = alerts(DISPATCH_URL="")
    await press(county, "panel-1")
    (fire,) = await eventually(lambda: county.notices("type = 'fire.confirmed'"), what="the first fire")
    worker.stop()
    targets = BAD_TARGETS
    for number, target in enumerate(targets):
        await county.conn.execute(
            """insert into notice (id, alarm_id, number, channel, type, fire, target, body, due_at, created_at)
               values (gen_random_uuid(), $1, 1, 'contact:' || $2::int, 'call', true, $3::text::jsonb, '{}', now(),
                       timestamptz '20000-01-01')""",
            fire["alarm_id"],
            number,
            target,
        )
    await county.conn.execute(
        "update notice set body = '\\xff'::bytea, attempts = 2147483647 where id = $1", fire["id"]
    )
    cursed = await county.conn.fetchval(
        """insert into notice (id, alarm_id, number, type, fire, body, due_at, created_at)
           select gen_random_uuid(), $1, -7, 'fire.confirmed', true, '{}', now() - interval '1 hour', now()
           returning id""",
        await other_alarm(county),
    )
    await county.conn.execute(CURSE)
    second = alerts()
    await press(county, "panel-2")
    await eventually(lambda: delivered(county, "panel-2"), what="the second fire")
    calls = "select last_error from notice where channel like 'contact:%' and state = 'dead'"

    async def all_dead() -> list[Any]:
        found: list[Any] = await county.conn.fetch(calls)
        return found if len(found) == len(targets) else []

    assert all(row["last_error"] for row in await eventually(all_dead, what="the end of the bad targets"))
    waiting = "id = $1 and state = 'waiting' and last_error like '%decode%'"
    await eventually(lambda: county.conn.fetch(f"select 1 from notice where {waiting}", fire["id"]), what="its error")  # noqa: S608
    cursed_one = "select * from set_aside where kind = 'notice'"
    (aside,) = await eventually(lambda: county.conn.fetch(cursed_one), what="set aside")
    assert (aside["name"], aside["fire"]) == (str(cursed), True)
    assert "cursed" in aside["error"]
    assert second.process.poll() is None


async def other_alarm(county: County) -> int:
    made: int = await county.conn.fetchval(
        """insert into alarm (subject, code, category, severity, state, reason, reason_en, opened_at)
           values ('device:0', 'fault', 'device', 'minor', 'closed', '', '', now()) returning id"""
    )
    return made


async def test_policies_that_cannot_be_used_are_told_and_struck_off_when_mended(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.conn.execute(
        """insert into policy (name, body, updated_by) values
           ('fire_clocks', '{"suspected_s": 1e400}', 't'), ('notices', '{"overdue_after_s": "soon"}', 't'),
           ('escalation', '{"steps": [7, {"code": "fire", "after_s": -5, "channels": "SMS", "until": "ack"}]}', 't'),
           ('drill', '{"until": "never"}', 't'), ('health', '[]', 't'), ('grouping', '"x"', 't')"""
    )
    await county.add_device("panel-1")
    worker = alerts()
    await press(county, "panel-1")
    await eventually(lambda: delivered(county, "panel-1"), what="the fire")
    open_faults = "select name, error from set_aside where kind = 'policy' and done_at is null order by name"
    broken = {"fire_clocks", "notices.overdue_after_s", "escalation.steps.0", "drill.until", "health", "grouping"}

    async def all_told() -> bool:
        return broken <= {row["name"] for row in await county.conn.fetch(open_faults)}

    await eventually(all_told, what="the faults")
    await county.conn.execute("delete from policy")

    async def none_left() -> bool:
        return not await county.conn.fetch(open_faults)

    await eventually(none_left, what="the end of the faults")
    assert worker.process.poll() is None


async def test_the_guard_lets_a_township_reach_nothing_inside(
    county: County, hostile: HostileReceiver, alerts: Callable[..., Program]
) -> None:
    await county.set_policy("notices", overdue_after_s=1)
    await county.add_device("panel-1")
    for name, area, by_county in (("old row", AREA, None), ("township", AREA, False), ("county", AREA, True)):
        await county.conn.execute(
            "insert into contact (name, channel, address, area, by_county) values ($1, 'webhook', $2, $3, $4)",
            name,
            f"{hostile.url}/{name.replace(' ', '-')}",
            area,
            by_county,
        )
    alerts(DISPATCH_URL="http://127.0.0.1:9")
    await press(county, "panel-1")
    await eventually(lambda: county.notices("channel like 'contact:%' and state = 'delivered'"), what="the county's")
    where = "channel like 'contact:%' and last_error like '%FIRETOWER_SUBSCRIPTION_NETWORKS%'"
    refused = await eventually(lambda: county.notices(where, at_least=2), what="the refusals")
    assert [one["last_status"] for one in refused] == [None, None]
    assert (hostile.count("county"), hostile.count("township"), hostile.count("old-row")) == (1, 0, 0)
