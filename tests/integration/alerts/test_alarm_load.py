"""The figures of alarm load (ISA-18.2, EEMUA 191) as a running worker exports them, from rows of a known past."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from prometheus_client import REGISTRY

from services.alerts import figures
from stack.children import free_port
from tests.integration.alerts.conftest import DeskControl
from tests.support.county import County
from tests.support.figures import read_metrics
from tests.support.servers import Program
from tests.support.waiting import eventually


async def add_alarm(county: County, key: str, severity: str, age: timedelta, *, ended: str | None = None) -> int:
    """An alarm opened `age` ago; `ended`: it is over (`cleared`) or over and done with (`closed`)."""
    state = {None: "unacknowledged", "cleared": "returned", "closed": "closed"}[ended]
    alarm_id: int = await county.conn.fetchval(
        """
        insert into alarm (subject, code, component, category, severity, state, verification, reason, reason_en,
            opened_at, cleared_at, closed_at, updated_at)
        values ('area:1', 'fault', $1, 'device', $2, $3, 'none', '', '', now() - $4::interval,
            case when $3 <> 'unacknowledged' then now() end, case when $3 = 'closed' then now() end, now())
        returning id
        """,
        key,
        severity,
        state,
        age,
    )
    return alarm_id


async def came(county: County, alarm_id: int, *seconds: int) -> None:
    """Say that the alarm came at these seconds, half an hour ago."""
    began = datetime.now(UTC) - timedelta(minutes=30)
    for number, second in enumerate(seconds, start=1):
        await county.conn.execute(
            """
            insert into alarm_transition (alarm_id, number, at, actor, act, outcome, to_state, detail, previous, hash)
            values ($1, $2, $3, 'event', 'report', 'reopened', 'unacknowledged', '{}', '', '')
            """,
            alarm_id,
            number,
            began + timedelta(seconds=second),
        )


async def test_a_running_worker_exports_the_figures_of_alarm_load(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    minutes, hours = timedelta(minutes=5), timedelta(hours=2)
    recent = [("minor", 8), ("major", 3), ("critical", 1)]
    ids = [
        await add_alarm(county, f"{severity} {n}", severity, minutes)
        for severity, count in recent
        for n in range(count)
    ]
    for _ in range(4):
        await add_alarm(county, "again and again", "info", hours, ended="closed")
    for n in range(2):
        await add_alarm(county, f"stale {n}", "minor", timedelta(hours=24, seconds=30))
    await add_alarm(county, "old, over", "minor", timedelta(hours=25), ended="cleared")
    await add_alarm(county, "nearly stale", "minor", timedelta(hours=23))
    again = await add_alarm(county, "came back", "minor", timedelta(hours=25))
    await county.conn.execute("update alarm set since = now() - $2::interval where id = $1", again, hours)
    await came(county, ids[0], 0, 30, 60)
    await came(county, ids[1], 0, 30, 61)
    port = free_port()
    alerts(METRICS_PORT=port)

    async def measured() -> dict[str, float]:
        found = await read_metrics(port)
        return found if found.get("firetower_alerts_open device minor") else {}  # one of the last to be set

    found = await eventually(measured, what="the first measurement")
    assert found["firetower_alarm_load_per_10min"] == 12
    assert found["firetower_alarm_flood"] == 1
    assert found["firetower_alarms_chattering"] == 1
    assert found["firetower_alarms_stale"] == 2
    parts = {name.split()[-1]: round(share * 17, 9) for name, share in found.items() if "_share_ratio " in name}
    assert parts == {"critical": 1, "major": 3, "minor": 8 + 1, "info": 4}
    assert round(found["firetower_alarm_top10_ratio"] * 17, 9) == 4 + 9  # what came 4 times, and nine of the rest
    assert found["firetower_alerts_open device minor"] == 8 + 2 + 1 + 1 + 1
    assert found["firetower_alerts_steps_overdue"] == 0


async def test_a_flood_ends_below_five(county: County) -> None:
    now = datetime.now(UTC)
    said = []
    for more in (10, 1):
        for _ in range(more):
            await add_alarm(county, "again", "minor", timedelta(minutes=1), ended="closed")
        said.append(await figures.measure(county.conn, now, flood=False))
    for left in (5, 4):
        await county.conn.execute("delete from alarm where id not in (select id from alarm order by id limit $1)", left)
        said.append(await figures.measure(county.conn, now, flood=True))
    assert said == [False, True, True, False]
    assert REGISTRY.get_sample_value("firetower_alarm_flood") == 0
