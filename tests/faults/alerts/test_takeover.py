import os
import signal
from collections.abc import Callable

from tests.integration.alerts.conftest import DeskControl
from tests.support.county import County
from tests.support.servers import Program
from tests.support.waiting import eventually

# What a killed or stopped worker leaves ends within the promised 5 s, by the clock that judges it.
ENDS_IN_TIME = "select expires_at < clock_timestamp() + interval '5 s' from lease where name = 'alerts'"


async def press(county: County, component: str) -> None:
    await county.send_events([{"device": "panel-1", "type": "manual_alarm", "component": component}])


async def owner(county: County) -> str | None:
    found: str | None = await county.conn.fetchval("select owner::text from lease where name = 'alerts'")
    return found


async def test_a_killed_worker_is_replaced_by_the_standby(
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
    assert await county.conn.fetchval(ENDS_IN_TIME)
    await press(county, "c2")
    await eventually(lambda: county.alarms("component = 'c2'"), what="the alarm by the standby")
    assert await owner(county) != before
    await eventually(lambda: county.notices("state = 'delivered'", at_least=2), what="both calls")
    assert len({one["notice_id"] for one in await desk.received()}) == 2


async def test_a_worker_that_ends_cleanly_hands_over_at_once(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1")
    active = alerts()
    await eventually(lambda: owner(county), what="the lease")
    before = await owner(county)
    alerts()
    assert active.stop() == 0
    assert await owner(county) != before, "the lease is given up, not left to run out"
    await press(county, "c1")
    await eventually(county.alarms, what="the alarm by the standby")


async def test_a_stopped_worker_loses_the_lease_and_writes_nothing_when_it_wakes(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1")
    active = alerts()
    await eventually(lambda: owner(county), what="the lease")
    before = await owner(county)
    alerts()
    os.kill(active.process.pid, signal.SIGSTOP)
    assert await county.conn.fetchval(ENDS_IN_TIME)
    await press(county, "c1")
    await eventually(county.alarms, what="the alarm by the standby")
    assert await owner(county) != before
    os.kill(active.process.pid, signal.SIGCONT)
    await eventually(
        # a server that ended its connection meanwhile tells it that way, and it stands by
        lambda: active.process.poll() is not None or "standing_by" in active.log_text(),
        what="the one that was stopped gives up",
    )
    assert active.process.returncode != 0
    assert len(await county.alarms()) == 1
    assert await county.conn.fetchval("select count(*) from alarm_transition") == 1
