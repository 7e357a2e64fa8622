"""A phone that was told of a fire as of a test is told when it is none any more."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

from services.core.alarms.ledger import acts
from tests.integration.push.test_browsers import GREETING, Night, Push
from tests.support.county import AREA, County
from tests.support.stepped import Stepped
from tests.support.waiting import eventually


async def test_a_fire_that_was_told_as_a_test_and_outlasts_it_is_told_again(county: County, push: Push) -> None:
    async with AsyncExitStack() as stack:
        night = Night(county, push, stack)
        service = await night.service()
        await night.begin()
        await night.turn_on("here", service, (AREA,))
        await eventually(lambda: service.titles("here") == [GREETING], what="the greeting")
        site = await night.county.add_site("学校")
        panel = Stepped(night.conn, "panel-1", await night.county.add_device("panel-1", site_id=site), AREA, site)
        now = datetime.now(UTC)
        until = now + timedelta(hours=1)
        await acts.set_test_window(night.conn, site, until=until, reason="周检", actor="user:t", now=now)
        await panel.fire(now)
        await eventually(lambda: len(service.titles("here")) == 2, what="the fire in the test")
        await acts.set_test_window(night.conn, site, until=None, reason="", actor="user:t", now=datetime.now(UTC))
        await eventually(lambda: len(service.titles("here")) == 3, what="the fire in earnest")
        assert service.titles("here")[1].endswith(service.titles("here")[2])
        assert service.titles("here")[1] != service.titles("here")[2]
