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
BEHIND = timedelta(hours=2)


async def tell(county: County, event_type: str, at: datetime, *, received: datetime, **fields: Any) -> None:
    await county.send_events([{"device": "p", "type": event_type, "ts": at, **fields}], received_at=received)


async def set_behind(county: County, behind: timedelta) -> None:
    """Let it be known that the clock of the device is behind."""
    behind_us = behind // timedelta(microseconds=1)
    clock = {"behind_us": behind_us, "late": [[0, behind_us, 1]]}
    await county.conn.execute("update device_state set clock = $2 where device_id = $1", county.id_of("p"), clock)


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


@pytest.mark.parametrize(("last", "first"), [(500, 3), (101, 0), (9, 2), (7, 0)])
async def test_a_fault_of_a_device_that_began_again_after_its_reset_stands_though_its_clock_is_slow(
    county: County, alerts: Callable[..., Program], last: int, first: int
) -> None:
    await county.add_device("p")
    alerts()
    await tell(county, "reset", at=NOW, received=NOW, seq=last)
    await tell(county, "fault", at=NOW - 2 * MINUTE, received=NOW + 4 * MINUTE, seq=first)
    assert await judged(county) == ["fault"]


@pytest.mark.parametrize("last", [500, 4])
async def test_a_fault_of_a_clock_that_is_known_to_be_behind_since_the_reset_stands(
    county: County, alerts: Callable[..., Program], last: int
) -> None:
    await county.add_device("p")
    await set_behind(county, BEHIND)
    alerts()
    await tell(county, "reset", at=NOW, received=NOW, seq=last)
    await tell(county, "fault", at=NOW + 4 * MINUTE - BEHIND, received=NOW + 4 * MINUTE, seq=3)
    assert await judged(county) == ["fault"]


@pytest.mark.parametrize(
    ("came", "seq"), [((6 * MINUTE, 7 * MINUTE), (4, 5)), ((80 * MINUTE, 90 * MINUTE), (None, None))]
)
async def test_a_reset_that_overtook_a_fault_ends_it_also_where_their_clock_is_behind(
    county: County,
    alerts: Callable[..., Program],
    came: tuple[timedelta, timedelta],
    seq: tuple[int | None, int | None],
) -> None:
    await county.add_device("p")
    await set_behind(county, BEHIND)
    alerts()
    await tell(county, "reset", at=NOW + MINUTE - BEHIND, received=NOW + came[0], seq=seq[1])
    await tell(county, "fault", at=NOW - BEHIND, received=NOW + came[1], seq=seq[0])
    assert await judged(county) == []


@pytest.mark.parametrize("component", ["03-12 ", "\u3000"])
async def test_a_reset_that_overtook_a_fault_ends_it_however_its_component_is_spelled(
    county: County, alerts: Callable[..., Program], component: str
) -> None:
    await county.add_device("p")
    alerts()
    await tell(county, "reset", at=NOW + MINUTE, received=NOW + MINUTE, component=component)
    await tell(county, "fault", at=NOW, received=NOW, component="3-12")
    assert await judged(county) == []
