"""What subscribers of a township are told of a device that was moved away from it."""

from collections.abc import Callable
from datetime import UTC, datetime

from services.core.city.cloudevent import Event, EventType
from services.core.city.outbox import write_events
from tests.integration.push.conftest import Subscribe
from tests.support.county import AREA, County
from tests.support.servers import Program
from tests.support.waiting import eventually

Push = Callable[..., Program]


async def test_a_platform_of_the_old_township_is_told_nothing_of_where_a_device_is_now(
    county: County, push: Push, subscribe: Subscribe
) -> None:
    """Push was away while the device was moved; or its alarm stayed, being closed, and its verdict is corrected."""
    site = await county.add_site("秘密", "140931101", address="秘密")
    await county.add_device("p-1", "panel", "140931101", site_id=site, name="秘密", lon=111.7, lat=39.7)
    await county.add_device("p-2", "panel", AREA, name="粮库主机", lon=111.01, lat=39.01)
    cap, _ = await subscribe(areas=[AREA], format="cap")
    old, _ = await subscribe(areas=[AREA])
    whole, _ = await subscribe()
    now = datetime.now(UTC)
    alarm = {
        "id": 1, "code": "fire", "category": "fire", "severity": "critical", "state": "closed", "area": AREA,
        "confidence": "confirmed", "verification": "false", "component": "", "zone": "", "reason": "火",
        "drill": False, "test_window": False, "version": 1, "opened_at": "2026-06-01T00:00:00.000Z",
        "cleared_at": None, "closed_at": None, "incident_id": None, "value": None, "limit": None,
    }  # fmt: skip

    def event(code: str, area: str | None) -> Event:
        told = {"alarm": alarm | {"device": code}}
        return Event(EventType.UPDATED, code, area, now, told, county.id_of(code), alarm_id=1, cap=True)

    async with county.conn.transaction():
        await write_events(county.conn, [event("p-1", AREA), event("p-2", AREA), event("p-1", "140931101")])
    push()
    await eventually(lambda: len(old.took) == 2 and len(whole.took) == 3 and cap.took, what="everybody's own")
    data = {one.event.get_subject(): one.event.get_data() for one in old.took}
    assert data["p-1"]["device"] == {"code": "p-1", "kind": "panel"}
    assert data["p-1"]["site"] is None
    assert data["p-2"]["device"]["name"] == "粮库主机"
    assert all("秘密" not in one.body.decode() for one in (*old.took, *cap.took))
    assert sum("秘密" in one.body.decode() for one in whole.took) == 1
