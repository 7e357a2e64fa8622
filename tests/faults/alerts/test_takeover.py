import os
import signal
import time
from collections.abc import Callable

from tests.integration.alerts.conftest import DeskControl
from tests.support.county import County
from tests.support.servers import Program
from tests.support.waiting import eventually


async def press(county: County, component: str) -> float:
    await county.send_events([{"device": "panel-1", "type": "manual_alarm", "component": component}])
    return time.monotonic()


async def owner(county: County) -> str:
    return str(await county.conn.fetchval("select owner from lease where name = 'alerts'"))


async def test_a_killed_worker_is_replaced_by_the_standby_within_five_seconds(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1")
    active = alerts()
    await eventually(lambda: owner(county), what="the lease")
    before = await owner(county)
    alerts()
    await press(county, "c1")
    await eventually(desk.received, what="the first call")
    active.kill()
    pressed = await press(county, "c2")
    await eventually(lambda: county.alarms("component = 'c2'"), what="the alarm by the standby")
    assert time.monotonic() - pressed < 5
    assert await owner(county) != before
    await eventually(lambda: county.notices("state = 'delivered'", at_least=2), what="both calls")
    assert len({one["notice_id"] for one in await desk.received()}) == 2


async def test_a_worker_that_ends_cleanly_hands_over_at_once(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1")
    active = alerts()
    alerts()
    assert active.stop() == 0
    pressed = await press(county, "c1")
    await eventually(county.alarms, what="the alarm by the standby")
    assert time.monotonic() - pressed < 2.5


async def test_a_stopped_worker_loses_the_lease_and_writes_nothing_when_it_wakes(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1")
    active = alerts()
    await eventually(lambda: owner(county), what="the lease")
    before = await owner(county)
    alerts()
    os.kill(active.process.pid, signal.SIGSTOP)
    pressed = await press(county, "c1")
    await eventually(county.alarms, what="the alarm by the standby")
    assert time.monotonic() - pressed < 6
    assert await owner(county) != before
    os.kill(active.process.pid, signal.SIGCONT)
    await eventually(lambda: active.process.poll() is not None, what="the end of the one that was stopped")
    assert active.process.returncode != 0
    assert len(await county.alarms()) == 1
    assert await county.conn.fetchval("select count(*) from alarm_transition") == 1
