"""What the legal clocks measure: the report that raised an alarm, and a verdict on this very fire."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from services.core.alarms.ledger import acts
from tests.integration.api.conftest import AREA, Client, Raise
from tests.support.stepped import Stepped

Register = Callable[..., Awaitable[dict[str, Any]]]


async def clock(client: Client, name: str) -> dict[str, Any]:
    (found,) = [one for one in (await client.get("/api/v1/slo")).json()["clocks"] if one["name"] == name]
    return dict(found)


async def report(
    connection: asyncpg.Connection, device_id: int, kind: str, at: datetime, component: str = "1-1"
) -> None:
    await connection.execute(
        """insert into event (device_id, ts, received_at, batch_id, event_id, type, component, digest)
           values ($1, $2, $2, 1, 'e', $3, $4, '')""",
        device_id,
        at,
        kind,
        component,
    )


async def test_a_verdict_on_one_fire_is_no_act_on_the_others_of_its_site(
    client: Client, register: Register, connection: asyncpg.Connection
) -> None:
    panel = (await register("p-1", kind="panel"))["id"]
    at = datetime.now(UTC) - timedelta(seconds=60)
    stepped = Stepped(connection, "p-1", panel, AREA)
    await stepped.fire(at)
    await stepped.fire(at, component="")
    first, second = [row["id"] for row in await connection.fetch("select id from alarm order by id")]
    await acts.verify(
        connection, first, outcome="real", note="有人看到明火", actor="user:li", now=at + timedelta(seconds=30)
    )
    shown = (await client.get(f"/api/v1/alarms/{second}")).json()
    assert shown["verification"] == "pending"
    last = shown["timeline"][-1]
    assert (last["act"], last["outcome"], last["detail"].get("note")) == ("judgement", "told", None)
    judged = (await client.get(f"/api/v1/alarms/{first}")).json()["timeline"]
    assert [line["act"] for line in judged if line["detail"].get("note")] == ["verify"]
    found = (await client.get("/api/v1/alarms", params={"by": "li"})).json()["items"]
    assert [one["id"] for one in found] == [first]
    verification = await clock(client, "verification")
    assert (verification["count"], verification["p50_s"]) == (1, pytest.approx(30))


@pytest.mark.parametrize(
    "case",
    [
        ("fire", ["fire"], 1),
        ("fire", ["manual_alarm"], 1),
        ("fire", ["fault", "prealarm"], 0),
        ("power_fault", ["battery_fault"], 1),
        ("power_fault", ["fault", "started"], 0),
        ("link_fault", ["line_fault"], 1),
        ("link_fault", ["mains_fault"], 0),
        ("arc_fault", ["arc_fault"], 1),
        ("tamper", ["tamper"], 1),
        ("fault", ["泵房水浸"], 1),
        ("fault", ["operation", "reset", "mains_fault"], 0),
    ],
)
async def test_an_alarm_is_measured_from_the_report_that_raises_its_sort_and_from_no_other(
    client: Client, open_alarm: Raise, connection: asyncpg.Connection, case: tuple[str, list[str], int]
) -> None:
    code, reports, count = case
    opened = datetime.now(UTC) - timedelta(minutes=1)
    await open_alarm("p-1", code=code, fire=code == "fire", opened_at=opened)
    device = await connection.fetchval("select id from device")
    for number, kind in enumerate(reports):
        await report(connection, device, kind, opened - timedelta(seconds=20 + number))
    visible = await clock(client, "report_to_visible")
    assert (visible["count"], visible["breaches"]) == (count, count)
