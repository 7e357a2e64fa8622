"""Faults that are stored after the reset that ended them are over. What came after it stands, whatever its clock."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.county import County
from tests.support.servers import Program
from tests.support.waiting import eventually

NOW = datetime(2026, 11, 1, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


async def tell(county: County, event_type: str, at: datetime, *, received: datetime, **fields: Any) -> None:
    await county.send_events([{"device": "p", "type": event_type, "ts": at, **fields}], received_at=received)


async def judged(county: County) -> list[str]:
    """Return the codes of what stands once everything of before is judged."""
    await county.add_device("last")
    await county.send_events([{"device": "last", "type": "tamper"}])
    await eventually(lambda: county.alarms("a.code = 'tamper'"), what="what came last")
    return [alarm["code"] for alarm in await county.alarms("a.code <> 'tamper' and a.cleared_at is null")]


@pytest.mark.parametrize("component", ["", "3-12"])
@pytest.mark.parametrize(
    ("fault", "reset"),
    [
        # ingest: the reset of a device without a clock, and of one with
        ({"at": NOW, "received": NOW}, {"at": NOW + MINUTE, "received": NOW + MINUTE}),
        ({"at": NOW, "received": NOW + MINUTE, "seq": None}, {"at": NOW, "received": NOW + 2 * MINUTE, "seq": None}),
        # from a township, the lanes one after the other
        (
            {"at": NOW, "received": NOW + 7 * MINUTE, "seq": 4},
            {"at": NOW + MINUTE, "received": NOW + 6 * MINUTE, "seq": 5},
        ),
        (
            {"at": NOW, "received": NOW + 90 * MINUTE, "seq": None},
            {"at": NOW + MINUTE, "received": NOW + 80 * MINUTE, "seq": None},
        ),
    ],
    ids=["in ingest", "in ingest, without numbers", "on the way", "late, without numbers"],
)
async def test_a_fault_that_a_reset_overtook_is_over(
    county: County, alerts: Callable[..., Program], fault: dict[str, Any], reset: dict[str, Any], component: str
) -> None:
    await county.add_device("p")
    alerts()
    await tell(county, "reset", **reset)
    await tell(county, "fault", component=component, **fault)
    assert await judged(county) == []


@pytest.mark.parametrize(
    ("fault", "reset"),
    [
        ({"at": NOW + 2 * MINUTE, "received": NOW + 2 * MINUTE}, {"at": NOW + MINUTE, "received": NOW + MINUTE}),
        # the clock was fast, and is put right
        ({"at": NOW, "received": NOW + MINUTE, "seq": 6}, {"at": NOW + 5 * MINUTE, "received": NOW, "seq": 5}),
        ({"at": NOW, "received": NOW + MINUTE, "seq": None}, {"at": NOW + 5 * MINUTE, "received": NOW, "seq": None}),
        # of another component
        (
            {"at": NOW, "received": NOW, "component": "3-12"},
            {"at": NOW + MINUTE, "received": NOW + MINUTE, "component": "3-13"},
        ),
    ],
    ids=["later", "clock put right", "clock put right, without numbers", "another component"],
)
async def test_a_fault_that_no_reset_overtook_stands(
    county: County, alerts: Callable[..., Program], fault: dict[str, Any], reset: dict[str, Any]
) -> None:
    await county.add_device("p")
    alerts()
    await tell(county, "reset", **reset)
    await tell(county, "fault", **fault)
    assert await judged(county) == ["fault"]
