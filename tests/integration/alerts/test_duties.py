"""What works beside the judging fails alone, and a database that was away is found again by the same process."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from services.alerts import duty
from services.core import db
from tests.integration.alerts.conftest import DeskControl
from tests.support.county import County
from tests.support.hand_clock import HandClock
from tests.support.servers import PostgresServer, Program
from tests.support.waiting import eventually


async def test_a_state_folder_that_cannot_be_written_stops_the_anchors_and_no_fire(
    county: County, desk: DeskControl, alerts: Callable[..., Program], tmp_path: Path
) -> None:
    blocked = tmp_path / "state"
    blocked.symlink_to(tmp_path / "a disk that is not mounted")
    worker = alerts(STATE_DIR=blocked / "below")
    await county.add_device("panel-1")
    await county.send_events([{"device": "panel-1", "type": "manual_alarm", "component": "m1"}])
    (told,) = await eventually(lambda: desk.received(type="fire.confirmed"), what="the fire at the desk")
    assert told["body"]["alarm"]["component"] == "m1"
    (aside,) = await eventually(
        lambda: county.conn.fetch("select error from set_aside where kind = 'duty' and name = 'anchors'"), what="shown"
    )
    assert str(blocked) in aside["error"]
    assert worker.process.poll() is None


async def test_a_database_that_was_away_is_found_again_without_a_new_process(
    county: County, desk: DeskControl, alerts: Callable[..., Program], postgres: PostgresServer, database: str
) -> None:
    await county.add_device("panel-1")
    worker = alerts()
    await county.send_events([{"device": "panel-1", "type": "fault", "component": "before"}])
    await eventually(county.alarms, what="the worker at work")
    postgres.kill()
    await eventually(lambda: "database_lost" in worker.log_text(), what="the loss noticed")
    postgres.start()
    again = await County.open(database)
    again.use({"panel-1": county.id_of("panel-1")})
    await again.send_events([{"device": "panel-1", "type": "manual_alarm", "component": "after"}])
    (told,) = await eventually(lambda: desk.received(type="fire.confirmed"), what="the fire at the desk")
    assert told["body"]["alarm"]["component"] == "after"
    assert worker.process.poll() is None
    await again.close()


async def test_a_duty_that_takes_too_long_turn_after_turn_is_shown_and_struck_off_when_it_is_done(
    county: County, database: str
) -> None:
    pool = await db.create_pool(database, program="test", size=1)
    listed = "select count(*) from set_aside where kind = 'duty' and name = 'slow' and done_at is null"
    before: list[int] = []
    is_slow = True

    async def take_turn() -> float:
        async with pool.acquire() as conn:
            before.append(await conn.fetchval(listed))
            await conn.execute("set statement_timeout = '10ms'")
            await conn.execute("select pg_sleep($1)", 5.0 if is_slow else 0.0)
        return 60.0

    async def is_listed() -> bool:
        return bool(await county.conn.fetchval(listed))

    async def is_struck_off() -> bool:
        return not await county.conn.fetchval(listed)

    task = asyncio.create_task(duty.keep("slow", take_turn, pool, HandClock()))
    await eventually(is_listed, what="the duty shown")
    is_slow = False
    await eventually(is_struck_off, what="the duty struck off")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await pool.close()  # waits for a connection that the cancelled turn is still giving back
    assert before[:4] == [0, 0, 0, 1], "one slow minute is no fault"
