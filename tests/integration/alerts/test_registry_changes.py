"""Changes of the registry reach the alerts program some hundred at a time, each once."""

from services.alerts.registry import AT_ONCE, Registry
from tests.support.county import AREA, County


async def test_changes_of_a_whole_ledger_are_taken_over_in_parts_and_none_is_missed(county: County) -> None:
    total = 2 * AT_ONCE + 1
    ids = await county.conn.fetch(
        """insert into device (code, kind, area)
           select 'h-' || n, 'hydrant', $1 from generate_series(1, $2::int) n returning id""",
        AREA,
        total,
    )
    registry = Registry()
    await registry.load(county.conn, [row["id"] for row in ids])
    assert await registry.refresh(county.conn) == []
    while registry.behind:
        assert await registry.refresh(county.conn) == []
    await county.conn.execute("update device set expected_interval_s = 60, registered = true")
    parts = [len(await registry.refresh(county.conn))]
    assert registry.behind
    await county.conn.execute("update device set expected_interval_s = 30 where id = (select max(id) from device)")
    while registry.behind:
        parts.append(len(await registry.refresh(county.conn)))
    assert max(parts) <= AT_ONCE
    assert sum(parts) == total
    last = max(row["id"] for row in ids)
    assert registry[last].profile.expected_interval_s == 30
    assert {registry[row["id"]].profile.expected_interval_s for row in ids if row["id"] != last} == {60}
    assert await registry.refresh(county.conn) == []


async def test_devices_that_nobody_heard_hold_up_no_change_of_one_that_is_known(county: County) -> None:
    ids = await county.conn.fetch(
        """insert into device (code, kind, area)
           select 'h-' || n, 'hydrant', $1 from generate_series(1, $2::int) n returning id""",
        AREA,
        2 * AT_ONCE,
    )
    known, unheard = ids[0]["id"], ids[1]["id"]
    registry = Registry()
    await registry.load(county.conn, [known])
    await registry.refresh(county.conn)
    await county.conn.execute("update device set expected_interval_s = 60, registered = true where id <> $1", known)
    await county.conn.execute("update device set expected_interval_s = 30, registered = true where id = $1", known)
    assert [device.id for device in await registry.refresh(county.conn)] == [known]
    assert not registry.behind
    await registry.load(county.conn, [unheard])
    assert registry[unheard].profile.expected_interval_s == 60
