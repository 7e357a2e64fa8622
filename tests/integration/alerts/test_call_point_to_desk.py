from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from standardwebhooks import Webhook

from stack.children import free_port
from tests.integration.alerts.conftest import SECRET, DeskControl
from tests.support.county import AREA, County
from tests.support.figures import read_metrics
from tests.support.servers import Program
from tests.support.waiting import eventually


async def test_a_pressed_call_point_reaches_the_desk_signed_and_whole(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    site = await county.add_site(
        "县医院",
        address="东关镇府前街 1 号",
        contacts=[{"name": "王", "role": "值班", "phone": "1"}],
        access_note="东门",
    )
    await county.add_device("panel-1", site_id=site, name="门诊楼主机")
    await county.add_device("hydrant-1", "hydrant", lon=111.091, lat=39.021)
    for code, state in (("hydrant-2", {"pressure_mpa": 0.3}), ("hydrant-3", {"pressure_mpa": 0.02})):
        number = await county.add_device(code, "hydrant", lon=111.095, lat=39.021)
        await county.conn.execute(
            "update device_state set state = $2, ts = now(), received_at = now() where device_id = $1", number, state
        )
    alerts()
    await county.send_events([{"device": "panel-1", "type": "manual_alarm", "component": "c1", "zone": "3F"}])

    seen = (await eventually(lambda: desk.received(type="fire.confirmed"), what="fire.confirmed at the desk"))[0]
    assert seen["signature_error"] is None
    assert seen["answered"] == 200
    body = seen["body"]
    assert body["notice_id"] == seen["notice_id"]
    assert body["drill"] is False
    assert body["alarm"]["code"] == "fire"
    assert body["alarm"]["confidence"] == "confirmed"
    assert body["alarm"]["state"] == "unacknowledged"
    assert body["alarm"]["component"] == "c1"
    assert body["device"] == {
        "code": "panel-1", "kind": "panel", "name": "门诊楼主机", "area": AREA,
        "location": {"lon": 111.09, "lat": 39.02, "datum": "WGS84"},
    }  # fmt: skip
    assert body["site"] == {
        "name": "县医院", "address": "东关镇府前街 1 号",
        "contacts": [{"name": "王", "role": "值班", "phone": "1"}], "access_note": "东门",
    }  # fmt: skip
    assert body["evidence"]
    assert body["nearest_water"][0]["code"] == "hydrant-1"
    assert 100 < body["nearest_water"][0]["distance_m"] < 200
    says = {source["code"]: (source["pressure_mpa"], source["usable"]) for source in body["nearest_water"]}
    assert says == {"hydrant-1": (None, None), "hydrant-2": (0.3, True), "hydrant-3": (0.02, False)}
    assert body["nearest_water"][0]["reasons"] == ["没有读数，不知能否使用"]

    (alarm,) = await county.alarms()
    assert alarm["code"] == "fire"
    assert alarm["incident_id"] == body["alarm"]["incident_id"]
    (notice,) = await eventually(lambda: county.notices("state = 'delivered'"), what="the receipt")
    assert str(notice["id"]) == seen["notice_id"]
    assert notice["body"].decode() == seen["bytes"]
    assert notice["desk_incident_id"] == "119-000001"
    incident = await county.conn.fetchrow("select * from incident where id = $1", alarm["incident_id"])
    assert incident is not None
    assert incident["confirmed_notice"] == notice["id"]
    assert incident["desk_incident_id"] == "119-000001"
    assert "县医院" in incident["title"]


async def test_the_two_clocks_of_the_law_are_measured_beside_their_limits(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1")
    port = free_port()
    alerts(METRICS_PORT=port)
    await county.send_events([{"device": "panel-1", "type": "manual_alarm", "component": "c1"}])
    await eventually(lambda: county.notices("state = 'delivered'"), what="the receipt")

    async def measured() -> dict[str, float]:
        found = await read_metrics(port)
        return found if found["firetower_fire_confirmed_to_dispatch_accepted_seconds_count"] else {}

    found = await eventually(measured, what="the way to the desk, observed after its receipt is stored")
    assert found["firetower_event_received_to_alarm_open_seconds_count"] >= 1
    assert found["firetower_legal_limit_seconds received_to_visible"] == 10
    assert found["firetower_legal_limit_seconds confirmed_to_dispatch"] == 3
    assert {"firetower_alerts_feed_lag_seconds event", "firetower_alerts_feed_lag_seconds telemetry"} <= found.keys()


async def test_a_retry_carries_the_same_bytes_and_id_under_a_fresh_signature(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1")
    await desk.behave(mode="error", count=2)
    alerts()
    await county.send_events([{"device": "panel-1", "type": "manual_alarm", "component": "c1"}])
    await eventually(lambda: county.notices("state = 'delivered'"), what="the receipt")

    seen = await desk.received()
    assert [one["answered"] for one in seen] == [500, 500, 200]
    assert len({one["notice_id"] for one in seen}) == 1
    assert len({one["bytes"] for one in seen}) == 1
    assert [one["signature_error"] for one in seen] == [None] * 3
    attempts = await county.conn.fetch("select number, status from notice_attempt order by number")
    assert [tuple(row) for row in attempts] == [(1, 500), (2, 500), (3, 200)]


def test_the_secret_of_these_tests_is_a_standard_webhooks_secret() -> None:
    assert Webhook(SECRET).sign("id", datetime.now(UTC), "{}").startswith("v1,")


async def test_a_second_report_of_the_same_component_makes_no_second_alarm_and_no_second_call(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1")
    alerts()
    for _ in range(3):
        await county.send_events([{"device": "panel-1", "type": "manual_alarm", "component": "c1"}] * 2)
    await eventually(lambda: county.conn.fetch("select from alarm_transition where outcome = 'repeated'"), what="it")
    await eventually(desk.received, what="the call")
    assert len(await county.alarms()) == 1
    assert len(await county.notices()) == 1


async def test_fifty_sites_at_once_are_fifty_alarms_and_fifty_calls(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    for n in range(50):
        site = await county.add_site(f"site {n}")
        await county.add_device(f"panel-{n}", site_id=site)
    alerts()
    for tens in range(0, 50, 10):  # each ten a batch
        devices = [f"panel-{n}" for n in range(tens, tens + 10)]
        await county.send_events([{"device": one, "type": "manual_alarm", "component": "c1"} for one in devices])
    assert await county.conn.fetchval("select count(*) from event") == 50

    async def all_there() -> bool:
        return len(await desk.received(type="fire.confirmed")) >= 50

    await eventually(all_there, what="fifty calls")
    seen = [one for one in await desk.received() if one["first"]]  # a busy desk is told again by the same id
    assert len(seen) == 50
    assert len({one["notice_id"] for one in seen}) == 50
    assert len({one["body"]["alarm"]["incident_id"] for one in seen}) == 50


async def test_a_desk_that_takes_xf3017_gets_its_data_items_under_the_same_rules(
    county: County, desk: DeskControl, alerts: Callable[..., Program], scratch: Path
) -> None:
    codes = scratch / "codes.json"
    codes.write_text('{"BJFSLBDM": {"": "07"}}')
    await county.add_device("panel-1")
    alerts(DISPATCH_FORMAT="xf3017", DISPATCH_CODES=codes)
    await desk.behave(mode="error", count=1)
    await county.send_events([{"device": "panel-1", "type": "manual_alarm", "component": "1-1"}])
    (notice,) = await eventually(lambda: county.notices("state = 'delivered'"), what="the receipt")
    first, second = await desk.received(type="fire.confirmed")
    assert first["bytes"] == second["bytes"]
    assert (second["format"], second["signature_error"]) == ("xf3017", None)
    assert second["body"]["BJFSLBDM"] == "07"
    assert notice["desk_incident_id"].startswith("119-")


async def test_fires_go_out_without_the_brigades_codes_while_their_file_is_away(
    county: County, desk: DeskControl, alerts: Callable[..., Program], scratch: Path
) -> None:
    codes = scratch / "codes.json"
    await county.add_device("panel-1")
    alerts(DISPATCH_FORMAT="xf3017", DISPATCH_CODES=codes)
    await county.send_events([{"device": "panel-1", "type": "manual_alarm", "component": "1-1"}])
    (call,) = await eventually(lambda: desk.received(type="fire.confirmed"), what="the call")
    assert call["body"]["BJFSLBDM"] == ""
    missing = "select 1 from set_aside where kind = 'duty' and name = 'brigade codes' and done_at is null"
    await eventually(lambda: county.conn.fetch(missing), what="what is missing, told")
    codes.write_text('{"BJFSLBDM": {"": "07"}}')

    async def told_no_more() -> bool:
        return not await county.conn.fetch(missing)

    await eventually(told_no_more, what="the codes read")
