"""What works beside the judging fails alone, and a database that was away is found again by the same process."""

from collections.abc import Callable
from pathlib import Path

from tests.integration.alerts.conftest import DeskControl
from tests.support.county import County
from tests.support.servers import PostgresServer, Program
from tests.support.waiting import eventually


async def test_a_state_folder_that_cannot_be_written_stops_the_anchors_and_no_fire(
    county: County, desk: DeskControl, alerts: Callable[..., Program], tmp_path: Path
) -> None:
    blocked = tmp_path / "state"
    blocked.write_text("a file where the folder should be")
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
