"""A device whose area or site is corrected while alarms of it stand takes them along."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from services.alerts.moves import follow_devices
from services.core.alarms.ledger import acts
from services.core.alarms.ledger.page import Page
from services.core.words import Verification
from tests.integration.alerts.calls import border_at
from tests.support.county import AREA, County
from tests.support.hand_clock import START
from tests.support.servers import Program
from tests.support.stepped import Stepped
from tests.support.waiting import eventually

OTHER = "140931200"


async def test_what_stands_follows_its_device_and_what_is_closed_stays(
    county: County, alerts: Callable[..., Program]
) -> None:
    here, there = await county.add_site("学校"), await county.add_site("商场", area=OTHER)
    await county.add_device("panel-1", site_id=here)
    until = datetime.now(UTC) + timedelta(hours=1)
    await acts.set_test_window(county.conn, here, until=until, reason="周检", actor="user:t", now=datetime.now(UTC))
    alerts()
    kinds = ("fire", "fault", "tamper")
    await county.send_events([{"device": "panel-1", "type": kind, "component": "1-1"} for kind in kinds])
    stood = {row["code"]: row for row in await eventually(lambda: county.alarms(at_least=3), what="the alarms")}
    await acts.clear(county.conn, stood["tamper"]["id"], actor="user:t", now=datetime.now(UTC))
    await county.conn.execute("update device set area = $1, site_id = $2 where code = 'panel-1'", OTHER, there)
    scope = "case a.code when 'fire' then 'site:' || $2::bigint end"
    moved = f"a.area = $1 and a.site_id = $2 and a.scope is not distinct from {scope}"
    await eventually(lambda: county.alarms(moved, OTHER, there, at_least=2), what="both there")
    (left,) = await county.alarms("a.area = $1", AREA)
    assert (left["code"], left["site_id"]) == ("tamper", here)
    (fire,) = await county.alarms("a.code = 'fire'")
    assert fire["escalates_at"] is not None, "it has left the test of the school"


async def test_an_incident_goes_along_once_all_that_stands_of_it_is_elsewhere(
    county: County, alerts: Callable[..., Program]
) -> None:
    here, there = await county.add_site("学校"), await county.add_site("商场", area=OTHER)
    alerts()
    spokesman, _ = await burn_together(county, here)
    where = "select (i.area, i.site_id) from incident i join alarm a on a.incident_id = i.id where a.id = $1"
    for number, mover in enumerate(("panel-2", "panel-1"), 1):
        assert await county.conn.fetchval(where, spokesman) == (AREA, here), "a part of it stands there"
        await county.conn.execute("update device set area = $1 where code = $2", OTHER, mover)
        await eventually(lambda n=number: county.alarms("a.area = $1", OTHER, at_least=n), what="it there")  # type: ignore[misc]
    assert await county.conn.fetchval(where, spokesman) == (OTHER, here)
    await county.conn.execute("update device set site_id = $1", there)
    await eventually(lambda: county.alarms("a.site_id = $1", there, at_least=2), what="both at the other site")
    assert await county.conn.fetchval(where, spokesman) == (OTHER, there)


async def test_an_incident_that_is_found_again_by_its_area_stays_there(
    county: County, alerts: Callable[..., Program]
) -> None:
    """The next devices of the area that fall silent together would join it, where nobody of theirs can open it."""
    await county.add_device("panel-1")
    alerts()
    await county.send_events([{"device": "panel-1", "type": "fault", "component": "1"}])
    (alarm,) = await eventually(county.alarms, what="the alarm")
    group = """
        insert into incident (kind, cause, area, opened_at) values ('silence', 'area:' || $1::text, $1, now())
        returning id
    """
    number = await county.conn.fetchval(group, AREA)
    await county.conn.execute("update alarm set incident_id = $1 where id = $2", number, alarm["id"])
    await county.conn.execute("update device set area = $1", OTHER)
    await eventually(lambda: county.alarms("a.area = $1", OTHER), what="it there")
    assert await county.conn.fetchval("select area from incident where id = $1", number) == AREA


async def test_an_incident_of_which_a_part_moves_to_another_site_of_its_area_stays_where_it_was(
    county: County, alerts: Callable[..., Program]
) -> None:
    here, there = await county.add_site("学校"), await county.add_site("商场")
    alerts()
    for number in (1, 2):
        await county.add_device(f"panel-{number}", site_id=here)
        await county.send_events([{"device": f"panel-{number}", "type": "fire"}])
        fires = await eventually(lambda n=number: county.alarms("a.code = 'fire'", at_least=n), what="the fires")  # type: ignore[misc]
    (incident,) = {fire["incident_id"] for fire in fires}
    await county.conn.execute("update device set site_id = $1 where code = 'panel-2'", there)
    (left,) = await eventually(lambda: county.alarms("a.site_id = $1", there, at_least=1), what="one there")
    assert left["incident_id"] == incident, "nobody spoke for it"
    where = "select (area, site_id) from incident where id = $1"
    assert await county.conn.fetchval(where, incident) == (AREA, here), "the other stands there"


async def test_all_fires_that_move_to_one_site_at_once_leave_the_test_of_the_old_one(
    county: County, alerts: Callable[..., Program]
) -> None:
    here, there = await county.add_site("学校"), await county.add_site("商场", area=OTHER)
    for number in (1, 2, 3):
        await county.add_device(f"panel-{number}", site_id=here)
    until = datetime.now(UTC) + timedelta(hours=1)
    await acts.set_test_window(county.conn, here, until=until, reason="周检", actor="user:t", now=datetime.now(UTC))
    alerts()
    await county.send_events([{"device": f"panel-{number}", "type": "fire", "component": "1"} for number in (1, 2, 3)])
    await eventually(lambda: county.alarms("a.test_window", at_least=3), what="the fires in the test")
    await county.conn.execute("update device set area = $1, site_id = $2", OTHER, there)
    at_large = f"a.scope = 'site:{there}' and a.escalates_at is not null"
    await eventually(lambda: county.alarms(at_large, at_least=3), what="all three outside it")


async def burn_together(county: County, here: int) -> tuple[int, int]:
    """Let a call point of one panel speak for a detector of another at the same site; return their alarms."""
    for number in (1, 2):
        await county.add_device(f"panel-{number}", site_id=here)
    await county.send_events([{"device": "panel-1", "type": "manual_alarm", "component": "m1"}])
    (spokesman,) = await eventually(lambda: county.alarms("a.confidence = 'confirmed'", at_least=1), what="the first")
    await county.send_events([{"device": "panel-2", "type": "fire", "component": "d1"}])
    (covered,) = await eventually(lambda: county.alarms("a.life ? 'covered'", at_least=1), what="the second")
    assert covered["incident_id"] == spokesman["incident_id"]
    return spokesman["id"], covered["id"]


@pytest.mark.parametrize("mover", ["panel-1", "panel-2"])
async def test_a_fire_whose_spokesman_stands_at_another_site_since_a_move_is_judged_by_itself(
    county: County, alerts: Callable[..., Program], mover: str
) -> None:
    here, there = await county.add_site("学校"), await county.add_site("商场", area=OTHER)
    alerts()
    spokesman, covered = await burn_together(county, here)
    await county.conn.execute("update device set area = $1, site_id = $2 where code = $3", OTHER, there, mover)
    (alone,) = await eventually(
        lambda: county.alarms("a.id = $1 and a.escalates_at is not null", covered, at_least=1), what="a clock"
    )
    now = datetime.now(UTC)
    await acts.verify(county.conn, spokesman, outcome=Verification.FALSE, note="", actor="user:t", now=now)
    (alone,) = await county.alarms("a.id = $1", covered)
    site = await county.conn.fetchval("select site_id from incident where id = $1", alone["incident_id"])
    assert site == (there if mover == "panel-2" else here), "an incident of its own, where it is"
    spoke = "select (i.area, i.site_id) from incident i join alarm a on a.incident_id = i.id where a.id = $1"
    place = (OTHER, there) if mover == "panel-1" else (AREA, here)
    assert await county.conn.fetchval(spoke, spokesman) == place, "and that one, too"
    assert (alone["state"], alone["escalates_at"] is not None) == ("unacknowledged", True)
    notices = await county.conn.fetch("select body from notice where alarm_id = $1 and number > 1", covered)
    assert not notices, "119 hears of it when its clock runs out, or when somebody judges it"


async def test_a_fire_that_moves_along_with_its_spokesman_stays_with_it(
    county: County, alerts: Callable[..., Program]
) -> None:
    here, there = await county.add_site("学校"), await county.add_site("商场", area=OTHER)
    alerts()
    _, covered = await burn_together(county, here)
    await county.conn.execute("update device set area = $1, site_id = $2", OTHER, there)
    moved = "a.site_id = $1 and a.scope = 'site:' || $1::bigint"
    await eventually(lambda: county.alarms(moved, there, at_least=2), what="both there")
    (member,) = await county.alarms("a.id = $1", covered)
    assert (member["life"].get("covered"), member["escalates_at"]) == (True, None)


async def test_fires_of_devices_that_change_places_are_each_judged_where_they_are_now(county: County) -> None:
    sites = [await county.add_site("学校"), await county.add_site("商场")]
    panels = [await county.add_device(f"panel-{n}", site_id=site) for n, site in enumerate(sites)]
    stepped = [Stepped(county.conn, f"panel-{n}", panels[n], AREA, sites[n]) for n in (0, 1)]
    for one in stepped:
        await one.fire(START)
        await one.judge(START, "real")
    await county.conn.execute("update device set site_id = $1 - site_id", sum(sites))
    await follow_devices(border_at(county, START + timedelta(seconds=1)))
    now_at = [(fire["site_id"], fire["scope"]) for fire in await county.alarms()]
    assert now_at == [(site, f"site:{site}") for site in reversed(sites)]


async def stand_together(county: County) -> tuple[list[int], list[Stepped]]:
    """Two sites, and at the first two panels of one fire: the first speaks for the second."""
    sites = [await county.add_site("学校"), await county.add_site("商场")]
    panels = [await county.add_device(f"panel-{n}", site_id=sites[0]) for n in (1, 2)]
    stepped = [Stepped(county.conn, f"panel-{n}", id_, AREA, sites[0]) for n, id_ in zip((1, 2), panels, strict=True)]
    await stepped[0].fire(START)
    await stepped[0].judge(START, "real")
    await stepped[1].fire(START)
    (covered,) = await county.alarms("a.life ? 'covered'")
    assert covered["device_id"] == panels[1]
    return sites, stepped


async def test_nothing_begins_anew_where_a_registry_is_corrected_after_a_fire(county: County) -> None:
    sites, panels = await stand_together(county)
    for panel in panels:
        await panel.fire(START + timedelta(minutes=5), active=False)
    (left,) = await county.alarms("a.state <> 'closed'")
    assert (left["state"], left["escalates_at"]) == ("returned", None)
    await county.conn.execute("update device set site_id = $1", sites[1])
    await follow_devices(border_at(county, START + timedelta(minutes=6)))
    (moved,) = await county.alarms("a.state <> 'closed'")
    assert (moved["scope"], moved["site_id"]) == (f"site:{sites[1]}", sites[1])
    same = ("incident_id", "confidence", "state", "escalates_at", "version")
    assert [moved[name] for name in same] == [left[name] for name in same]
    assert moved["life"].get("covered")


@pytest.mark.parametrize("moved", [False, True])
async def test_a_fire_is_judged_by_itself_when_the_one_that_spoke_for_it_and_is_over_was_none(
    county: County, moved: bool
) -> None:
    sites, panels = await stand_together(county)
    await panels[0].fire(START + timedelta(minutes=5), active=False)
    (spokesman,) = await county.alarms("a.state = 'closed'")
    if moved:  # the other stands elsewhere by now
        await county.conn.execute("update device set site_id = $1 where id = $2", sites[1], panels[1].place.device_id)
        await follow_devices(border_at(county, START + timedelta(minutes=6)))
    now = START + timedelta(minutes=7)
    await acts.correct(county.conn, spokesman["id"], outcome="false", reason="水蒸气", actor="user:li", now=now)
    (left,) = await county.alarms("a.state <> 'closed'")
    assert (left["escalates_at"], left["life"].get("covered")) == (now + timedelta(seconds=180), None)
    assert left["incident_id"] != spokesman["incident_id"]
    said = "select act, outcome, actor from alarm_transition where alarm_id = $1 order by number desc limit 1"
    assert tuple(await county.conn.fetchrow(said, left["id"])) == ("judgement", "uncovered", "user:li")
    await acts.correct(county.conn, spokesman["id"], outcome="test", reason="测试", actor="user:li", now=now)
    assert await county.alarms("a.state <> 'closed'") == [left]


async def test_a_fire_that_is_seen_first_where_both_went_brings_its_spokesman_along(county: County) -> None:
    sites, panels = await stand_together(county)
    await county.conn.execute("update device set site_id = $1", sites[1])
    border, place = border_at(county, START + timedelta(seconds=1)), f"site:{sites[1]}"

    async def look(page: Page) -> None:
        await page.load_scope(place, [panels[1].place.device_id or 0])

    await border.transact(look)
    fires = await county.alarms()
    assert [(fire["scope"], fire["escalates_at"]) for fire in fires] == [(place, None)] * 2
    await follow_devices(border)
    assert len({fire["incident_id"] for fire in await county.alarms("a.site_id = $1", sites[1])}) == 1


@pytest.mark.parametrize("put_at_s", [30, 90])
async def test_what_a_device_reported_before_it_was_put_into_a_site_is_weighed_there(
    county: County, put_at_s: int
) -> None:
    site = await county.add_site("学校")
    apart, there = await county.add_device("panel-1"), await county.add_device("panel-2", site_id=site)
    await Stepped(county.conn, "panel-1", apart, AREA).fire(START)

    async def put() -> None:
        await county.conn.execute("update device set site_id = $1", site)
        await follow_devices(border_at(county, START + timedelta(seconds=put_at_s)))

    if put_at_s < 60:
        await put()
    await Stepped(county.conn, "panel-2", there, AREA, site).fire(START + timedelta(seconds=60), component="2-2")
    if put_at_s > 60:
        await put()
    assert [alarm["confidence"] for alarm in await county.alarms(at_least=2)] == ["confirmed", "confirmed"]
    incidents = {alarm["incident_id"] for alarm in await county.alarms()}
    assert len(await county.notices("type = 'fire.confirmed'")) == len(incidents)


async def test_what_a_device_reported_longer_ago_confirms_nothing_where_it_is_now(county: County) -> None:
    site = await county.add_site("学校")
    apart, there = await county.add_device("panel-1"), await county.add_device("panel-2", site_id=site)
    await Stepped(county.conn, "panel-1", apart, AREA).fire(START)
    await county.conn.execute("update device set site_id = $1", site)
    await follow_devices(border_at(county, START + timedelta(seconds=1)))
    await Stepped(county.conn, "panel-2", there, AREA, site).fire(START + timedelta(seconds=301), component="2-2")
    assert not await county.notices("type = 'fire.confirmed'")
