"""What people change counts for the next message, not from some later look on."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from services.core.alarms.ledger import acts
from services.core.alarms.ledger.page import Page
from tests.integration.alerts.conftest import DeskControl
from tests.support.county import County
from tests.support.servers import Program
from tests.support.waiting import eventually


async def test_a_drill_marks_what_leaves_while_it_lasts_and_nothing_after(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    alerts()
    for number, drill in enumerate((True, False, True, False)):
        until = (datetime.now(UTC) + timedelta(hours=1)).isoformat() if drill else None
        await county.add_device(f"panel-{number}")
        await county.set_policy("drill", until=until)
        await county.send_events([{"device": f"panel-{number}", "type": "manual_alarm"}])
        seen = await eventually(lambda n=number + 1: arrived(desk, n), what="fire.confirmed at the desk")
        assert [notice["body"]["drill"] for notice in seen][-1] is drill


async def test_a_rated_current_holds_for_the_next_readings(county: County, alerts: Callable[..., Program]) -> None:
    device = await county.add_device("e-1", "electrical")
    alerts()
    await county.send_readings("electrical", [{"device": "e-1", "arc_count": 20, "current_a_a": 50.0}])
    await eventually(lambda: county.alarms("a.code = 'arc_fault'", at_least=1), what="the device known to the rules")
    await county.conn.execute("update device set rated_current_a = 10 where id = $1", device)
    start = datetime.now(UTC)
    await county.send_readings(
        "electrical",
        [{"device": "e-1", "current_a_a": 50.0, "ts": start + timedelta(milliseconds=n)} for n in range(3)],
    )
    (alarm,) = await eventually(lambda: county.alarms("a.code = 'overcurrent'", at_least=1), what="overcurrent")
    assert alarm["limit_value"] == 10


async def test_what_a_person_cleared_is_raised_by_the_very_next_readings(
    county: County, alerts: Callable[..., Program]
) -> None:
    await county.add_device("h-1", "hydrant")
    alerts()
    await two_low_readings(county)
    (first,) = await eventually(lambda: county.alarms(at_least=1), what="the alarm")
    await acts.clear(county.conn, first["id"], actor="user:test", now=datetime.now(UTC))
    await two_low_readings(county)
    await eventually(lambda: county.alarms(at_least=2), what="a second alarm")


async def test_a_reset_lets_the_very_next_reading_raise(county: County, alerts: Callable[..., Program]) -> None:
    await county.add_device("h-1", "hydrant")
    alerts()
    await county.send_readings("hydrant", [{"device": "h-1", "pressure_mpa": 0.02}])
    await eventually(lambda: county.alarms("a.cleared_at is null", at_least=1), what="the alarm")
    await county.send_events([{"device": "h-1", "type": "reset"}])
    await eventually(lambda: county.alarms("a.cleared_at is not null", at_least=1), what="its end by the reset")
    await county.send_readings("hydrant", [{"device": "h-1", "pressure_mpa": 0.02}])
    await eventually(lambda: county.alarms("a.cleared_at is null", at_least=1), what="the alarm again")


async def two_low_readings(county: County) -> None:
    for _ in range(2):
        await county.send_readings("hydrant", [{"device": "h-1", "pressure_mpa": 0.13}])


async def arrived(desk: DeskControl, number: int) -> list[dict[str, object]]:
    received = await desk.received(type="fire.confirmed")
    return received if len(received) >= number else []


async def test_a_fire_that_moves_to_another_site_in_that_moment_is_taken_all_the_same(
    county: County, alerts: Callable[..., Program], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = await county.add_site("学校"), await county.add_site("商场")
    await county.add_device("panel-1", site_id=here)
    running = alerts()
    await county.send_events([{"device": "panel-1", "type": "fire", "component": "1"}])
    (fire,) = await eventually(county.alarms, what="the fire")
    running.stop()
    beside = await asyncpg.connect(database)
    load = Page.load_scope
    looked: list[str] = []

    async def late(page: Page, scope: str, *more: Any) -> Any:
        if not looked:
            move = "with moved as (insert into fire_scope values ($1)) update alarm set scope = $1 where id = $2"
            await beside.execute(move, f"site:{there}", fire["id"])
        looked.append(scope)
        return await load(page, scope, *more)

    monkeypatch.setattr(Page, "load_scope", late)
    acted = await acts.acknowledge(county.conn, fire["id"], actor="user:t", now=datetime.now(UTC))
    await beside.close()
    assert acted.row["state"] == "acknowledged"
    assert looked == [f"site:{here}", f"site:{there}"]
