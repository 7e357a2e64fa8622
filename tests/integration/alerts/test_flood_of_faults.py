"""A device that reports thousands of conditions that are no fires."""

import re
from collections.abc import Callable

from services.alerts.rules.flooding import CODE
from tests.integration.alerts.conftest import DeskControl
from tests.support.county import County
from tests.support.servers import Program
from tests.support.waiting import eventually


async def test_a_device_with_thousands_of_faults_is_bounded_named_and_counted_and_its_neighbour_is_not(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    for panel in ("flood", "neighbour"):
        await county.add_device(panel)
    await county.conn.execute(
        """
        insert into rule_parameter (code, scope, target, parameters, effective_from, created_by)
        values ($1, 'device', 'flood', '{"others": 100}', now(), 't')
        """,
        CODE,
    )
    alerts()
    for start in range(0, 1000, 100):
        await county.send_events(
            {"device": "flood", "type": "fault", "component": f"c{n}"} for n in range(start, start + 100)
        )
    await county.send_events(
        [
            {"device": "flood", "type": "link_fault", "component": "c1"},
            {"device": "flood", "type": "fault", "component": "c1", "active": False},
            {"device": "flood", "type": "manual_alarm", "component": "m1"},
            {"device": "neighbour", "type": "fault", "component": "n1"},
        ]
    )
    await eventually(lambda: county.alarms("d.code = 'neighbour'"), what="the neighbour's fault")
    await eventually(lambda: county.conn.fetch("select from device_flood where others = 900"), what="a count")
    (told,) = await eventually(lambda: county.alarms("a.code = 'device_flooding'"), what="the flood")
    assert re.search(r"\d{2,} of its faults", told["reason_en"]), "as many as were counted when it was raised"
    faults = await county.alarms("a.code = 'fault' and d.code = 'flood'")
    assert {row["component"] for row in faults} == {f"c{n}" for n in range(100)}
    assert [row["component"] for row in faults if row["cleared_at"] is not None] == ["c1"]
    assert len(await county.alarms("a.code = 'link_fault' and d.code = 'flood'")) == 1, "the first of its code"
    assert len(await county.alarms("a.code = 'fire' and d.code = 'flood'")) == 1
