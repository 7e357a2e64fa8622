"""What ingest had to refuse as an event is an alarm of our own, one for each device: a fire could hide in it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from services.core.contracts import MISPLACED
from tests.integration.alerts.conftest import DeskControl
from tests.support.county import County
from tests.support.servers import Program
from tests.support.waiting import eventually


async def refuse(
    county: County, lane: str, rejects: list[tuple[str, str, str]], received_at: datetime | None = None
) -> None:
    """Commit a batch of `lane` in which nothing but these (topic, reason, detail) came."""
    async with county.conn.transaction():
        batch_id = await county.conn.fetchval(
            """
            insert into ingest_batch (writer, number, owner, lane, rejects)
            values ('all/' || $2, 1, $1, $2, $3) returning id
            """,
            county.owner,
            lane,
            len(rejects),
        )
        await county.conn.executemany(
            """
            insert into reject (received_at, batch_id, topic, payload, reason, detail)
            values (coalesce($5, now()), $1, $2, '{', $3, $4)
            """,
            [(batch_id, *reject, received_at) for reject in rejects],
        )


@pytest.mark.parametrize(
    ("channel", "reason", "detail", "said"),
    [
        ("event", "not_json", "why", "cannot be read"),
        ("telemetry", "event_on_telemetry", f"{MISPLACED} (fire)", "publish to up/event"),
        ("event/", "bad_topic", f"{MISPLACED} (fire)", "publish to up/event"),
        ("status", "status_unreadable", f"{MISPLACED} (fire)", "publish to up/event"),
    ],
)
async def test_an_event_that_was_refused_is_an_alarm_of_our_own(  # noqa: PLR0917 - fixtures and cases
    county: County, desk: DeskControl, alerts: Callable[..., Program], channel: str, reason: str, detail: str, said: str
) -> None:
    await county.add_device("panel-1")
    alerts()
    lane = "event" if channel == "event" else "telemetry"
    await refuse(county, lane, [(f"fire/v1/140931100/panel/panel-1/up/{channel}", reason, detail)])
    (alarm,) = await eventually(county.alarms, what="event_unreadable")
    assert (alarm["code"], alarm["category"], alarm["component"]) == ("event_unreadable", "system", "panel-1")
    assert "panel-1" in alarm["reason"]
    assert said in alarm["reason_en"]


@pytest.mark.parametrize(
    ("lane", "detail", "topic"),
    [
        ("event", "why", "fire/v1/140931100/panel/{}/up/event"),
        ("event", "why", "fire/v1/140931100/Panel/{}/up/event"),
        ("telemetry", f"{MISPLACED} (fire)", "fire/v1/140931100/panel/{}/up/Event"),
    ],
)
async def test_what_one_device_had_refused_hides_no_other(  # noqa: PLR0917 - fixtures and cases
    county: County, desk: DeskControl, alerts: Callable[..., Program], lane: str, detail: str, topic: str
) -> None:
    alerts()
    loud, quiet = ("panel-1",) * 60, ("panel-2", "panel-3")
    await refuse(county, lane, [(topic.format(device), "bad_topic", detail) for device in loud + quiet])
    alarms = await eventually(lambda: county.alarms(at_least=3), what="an alarm for each device")
    assert sorted(alarm["component"] for alarm in alarms) == ["panel-1", "panel-2", "panel-3"]


@pytest.mark.parametrize("lane", ["event", "telemetry"])
async def test_what_waited_for_days_before_it_could_be_refused_is_told(
    county: County, alerts: Callable[..., Program], lane: str
) -> None:
    await county.add_device("panel-1")
    alerts()
    received_at = datetime.now(UTC) - timedelta(days=40)
    topic = "fire/v1/140931100/panel/panel-1/up/event"
    await refuse(county, lane, [(topic, "not_json", f"{MISPLACED} (fire)")], received_at)
    (alarm,) = await eventually(county.alarms, what="event_unreadable")
    assert alarm["component"] == "panel-1"
