"""What a panel reports while its site tests it is marked as of a test, told as ever, and marked no longer after it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from services.alerts.clocks import answered
from services.core.alarms.ledger import acts
from tests.integration.alerts.conftest import DeskControl
from tests.support.county import County
from tests.support.servers import Program
from tests.support.waiting import eventually

LINES = "select detail ? 'in_earnest' as in_earnest from alarm_transition where alarm_id = $1 order by number"


async def _window(county: County, site: int, until: datetime | None) -> None:
    await acts.set_test_window(county.conn, site, until=until, reason="周检", actor="user:t", now=datetime.now(UTC))


async def _marks(county: County) -> dict[tuple[str, str], bool]:
    rows = await county.conn.fetch(
        "select d.code as device, a.code, a.test_window from alarm a join device d on d.id = a.device_id"
    )
    return {(row["device"], row["code"]): row["test_window"] for row in rows}


async def test_what_a_panel_reports_in_the_test_window_of_its_site_is_of_the_test_and_119_is_told(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    school, office = await county.add_site("学校"), await county.add_site("办公楼")
    await county.add_device("tested", site_id=school)
    await county.add_device("measured", site_id=school)
    await county.add_device("watched", site_id=office)
    await county.add_device("alone")
    await county.add_device("pump", "water", site_id=school)
    await county.conn.execute("update site set test_window_until = $2 where id = $1", office, datetime.now(UTC))
    await _window(county, school, datetime.now(UTC) + timedelta(hours=1))
    alerts()
    await county.send_events([{"device": name, "type": "mains_fault"} for name in ("tested", "watched", "alone")])
    await county.send_events([{"device": name, "type": "tamper"} for name in ("pump", "tested")])

    for _ in range(2):
        await county.send_readings("panel", [{"device": "measured", "mains_ok": False}])

    async def all_open() -> bool:
        return len(await county.alarms()) == 6

    await eventually(all_open, what="six alarms")
    assert {key for key, is_test in (await _marks(county)).items() if is_test} == {
        ("tested", "power_fault"), ("tested", "tamper"), ("measured", "power_fault"),
    }  # fmt: skip

    async def all_told() -> list[dict[str, Any]] | None:
        told = [one for one in await desk.received() if one["body"]["alarm"]["code"] == "power_fault"]
        return told if len(told) == 4 else None

    await eventually(all_told, what="119 hears of all four, of the test too")


async def test_a_fault_that_outlasts_the_test_of_its_panel_is_told_to_platforms_as_an_actual_one(
    county: County, alerts: Callable[..., Program]
) -> None:
    site = await county.add_site("学校")
    await county.add_device("panel-1", site_id=site)
    await _window(county, site, datetime.now(UTC) + timedelta(hours=1))
    alerts()
    await county.send_events(
        {"device": "panel-1", "type": kind, "active": active}
        for kind, active in (("mains_fault", True), ("fault", True), ("fault", False))
    )

    async def fault_is_over() -> bool:
        return bool(await county.alarms("a.code = 'fault' and a.cleared_at is not null"))

    await eventually(fault_is_over, what="both faults, and the end of one")
    await _window(county, site, None)

    async def is_actual() -> bool:
        return not (await _marks(county))["panel-1", "power_fault"]

    await eventually(is_actual, what="the end of the test")
    assert (await _marks(county))["panel-1", "fault"], "what began and ended in the test was one"
    (alarm,) = await county.alarms("a.code = 'power_fault'")
    assert [line["in_earnest"] for line in await county.conn.fetch(LINES, alarm["id"])] == [False, True]
    events = await county.conn.fetch("select * from subscription_event where alarm_id = $1 order by id", alarm["id"])
    told = [(row["type"], row["cap"], row["data"]["alarm"]["test_window"]) for row in events]
    assert told == [("alarm.raised", True, True), ("alarm.updated", True, False)]


def test_a_call_for_a_fault_that_came_and_went_in_a_test_is_made_as_for_any_other() -> None:
    timer = {
        "code": "power_fault", "state": "returned", "until": "acknowledged", "acknowledged_at": None,
        "verification": "none", "test_window": True, "cleared_at": datetime.now(UTC), "spoken_for": False,
        "shelved": False, "quiet_until": None,
    }  # fmt: skip
    assert answered(timer, datetime.now(UTC)) is None
    assert answered({**timer, "code": "fire"}, datetime.now(UTC)) == "skipped: began and ended in a test"
