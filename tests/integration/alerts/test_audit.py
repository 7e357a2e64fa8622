import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from services.alerts.anchors import KEY_FILE, LAST_FILE, Anchors, audit_key
from services.alerts.audit import main, verify
from services.core import db
from services.core.alarms.ledger import acts
from services.core.alarms.ledger.page import Page
from services.core.alarms.ledger.rows import Key, Place
from services.core.alarms.life.happenings import Finding
from services.core.alarms.policies import load_policies
from services.core.clock import SystemClock
from services.core.errors import FiretowerError
from services.core.settings import AlertsSettings
from services.core.words import Category, Reason, Severity
from tests.support.county import County

KEY = b"a key of this test"


@pytest.fixture
async def anchors(database: str, scratch: Path) -> AsyncIterator[Anchors]:
    pool = await db.create_pool(database, program="test", size=2)
    yield Anchors(pool, SystemClock(), lambda: KEY, scratch, 400)
    await pool.close()


async def open_and_judge(county: County, code: str, value: float = 0.1) -> int:
    """One alarm with three transitions: opened, acknowledged, cleared."""
    device_id = await county.add_device(code)
    place = Place(f"device:{device_id}", device_id, code, area="140931100")
    finding = Finding("fault", Category.DEVICE, Severity.MINOR, Reason("故障", "fault"), device=code, value=value)
    async with county.conn.transaction():
        page = Page(county.conn, datetime.now(UTC), await load_policies(county.conn))
        key = Key(place.subject, "fault")
        await page.load([key])
        page.take(key, finding, "test", place)
        await page.write()
    alarm_id = page.opened[0].id
    await acts.acknowledge(county.conn, alarm_id, actor="user:t", now=datetime.now(UTC))
    await acts.clear(county.conn, alarm_id, actor="user:t", now=datetime.now(UTC), note="看过了")
    return alarm_id


async def test_an_untouched_database_has_no_faults(county: County, anchors: Anchors) -> None:
    for n, value in enumerate((0.1, -0.0, 2.0**60)):  # jsonb has no negative zero, and no exponents
        await open_and_judge(county, f"panel-{n}", value)
        await anchors.write()
    report = await verify(county.conn, KEY)
    assert report.faults == []
    assert (report.chains, report.transitions, report.anchors) == (3, 9, 3)


async def test_a_clock_that_was_ahead_leaves_no_time_without_anchors(county: County, anchors: Anchors) -> None:
    await open_and_judge(county, "panel-1")
    await county.conn.execute("update alarm set updated_at = now() + interval '1 year'")
    await anchors.write()
    await county.conn.execute("update alarm_anchor set at = now() + interval '1 year'")
    await anchors.write()
    assert await county.conn.fetchval("select count(*) from alarm_anchor") == 1
    alarm_id = await open_and_judge(county, "panel-2")
    await anchors.write()
    await anchors.write()
    newest = await county.conn.fetchval("select detail from alarm_anchor order by id desc limit 1")
    assert alarm_id in [head[0] for head in newest["heads"]]
    assert await county.conn.fetchval("select count(*) from alarm_anchor") == 2


async def test_lawful_retirement_is_no_fault(county: County, anchors: Anchors) -> None:
    old, young = await open_and_judge(county, "panel-1"), await open_and_judge(county, "panel-2")
    await anchors.write()
    await county.conn.execute("update alarm set closed_at = closed_at - interval '401 days' where id = $1", old)
    assert await anchors.retire() == 0, "by a clock that is suddenly ahead everything is old"
    await county.conn.execute(
        """
        insert into ingest_batch (writer, number, owner, lane, committed_at)
        values ('all/event', 1, $1, 'event', now() - interval '8 days')
        """,
        county.owner,
    )
    assert await anchors.retire() == 1
    report = await verify(county.conn, KEY)
    assert report.faults == []
    assert (report.chains, report.retired) == (1, 1)
    assert [row["id"] for row in await county.alarms()] == [young]


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("update alarm_transition set actor = 'user:someone' where alarm_id = $1 and number = 2", "was changed"),
        ("update alarm_transition set at = at - interval '1 hour' where alarm_id = $1 and number = 3", "was changed"),
        ("update alarm_transition set detail = '{}' where alarm_id = $1 and number = 1", "was changed"),
        ("delete from alarm_transition where alarm_id = $1 and number = 2", "is missing before it"),
        ("delete from alarm_transition where alarm_id = $1 and number = 3", "cut off after transition 2"),
        ("delete from alarm_transition where alarm_id = $1", "transitions are missing"),
        ("update alarm set transitions = 2 where id = $1", "does not agree with its newest transition"),
        ("delete from alarm_anchor where id = (select min(id) from alarm_anchor) and $1 > 0", "does not follow"),
        ("update alarm_anchor set at = at - interval '1 s' where $1 > 0", "signature is wrong"),
        ("update alarm_anchor set detail = '{\"heads\": []}' where $1 > 0", "its list was changed"),
    ],
)
async def test_what_was_changed_removed_or_cut_off_shows(
    county: County, anchors: Anchors, statement: str, fault: str
) -> None:
    alarm_id = await open_and_judge(county, "panel-1")
    await anchors.write()
    await open_and_judge(county, "panel-2")
    await anchors.write()
    await county.conn.execute(statement, alarm_id)
    report = await verify(county.conn, KEY)
    assert any(fault in text for text in report.faults), report.faults


async def test_a_whole_alarm_that_vanished_shows(county: County, anchors: Anchors) -> None:
    alarm_id = await open_and_judge(county, "panel-1")
    await anchors.write()
    await county.conn.execute("delete from alarm_transition where alarm_id = $1", alarm_id)
    await county.conn.execute("delete from alarm where id = $1", alarm_id)
    report = await verify(county.conn, KEY)
    assert report.faults == [f"alarm {alarm_id}: an anchor names it, but it is gone and was never retired"]


async def test_a_rewritten_chain_with_a_matching_row_is_caught_by_the_anchor(county: County, anchors: Anchors) -> None:
    alarm_id = await open_and_judge(county, "panel-1")
    await anchors.write()
    await county.conn.execute("delete from alarm_transition where alarm_id = $1 and number = 3", alarm_id)
    await county.conn.execute(
        """
        update alarm set transitions = 2,
            head = (select hash from alarm_transition where alarm_id = $1 and number = 2) where id = $1
        """,
        alarm_id,
    )
    report = await verify(county.conn, KEY)
    assert report.faults == [f"alarm {alarm_id}: cut off after transition 2; an anchor knows 3"]


async def test_anchors_cut_off_at_the_end_show_against_the_copy_beside_the_database(
    county: County, anchors: Anchors
) -> None:
    await open_and_judge(county, "panel-1")
    await anchors.write()
    kept = await county.conn.fetchrow("select id, encode(signature, 'hex') as signature from alarm_anchor")
    assert kept is not None
    await county.conn.execute("delete from alarm_anchor")
    report = await verify(county.conn, KEY, {"id": kept["id"], "signature": kept["signature"]})
    assert any("missing from the database" in text for text in report.faults)


async def test_another_key_is_told_from_the_right_one(county: County, anchors: Anchors) -> None:
    await open_and_judge(county, "panel-1")
    await anchors.write()
    report = await verify(county.conn, b"another")
    assert any("signature is wrong" in text for text in report.faults)


async def test_retirement_leaves_open_and_young_alarms(county: County, anchors: Anchors) -> None:
    alarm_id = await open_and_judge(county, "panel-1")
    await county.conn.execute(
        "update alarm set opened_at = $2, state = 'returned', closed_at = null where id = $1",
        alarm_id,
        datetime.now(UTC) - timedelta(days=500),
    )
    assert await anchors.retire() == 0


async def test_an_anchor_whose_transaction_did_not_come_through_leaves_no_copy_that_accuses(
    county: County, database: str, scratch: Path
) -> None:
    await open_and_judge(county, "panel-1")
    conn = await db.connect(database, program="test")
    await conn.execute(
        """
        create function refuse() returns trigger language plpgsql as $$ begin raise 'killed at the commit'; end $$;
        create constraint trigger refuse after insert on alarm_anchor deferrable initially deferred
            for each row execute function refuse();
        """
    )
    pool = await db.create_pool(database, program="test", size=1)
    dying = Anchors(pool, SystemClock(), lambda: KEY, scratch, 400)
    with pytest.raises(asyncpg.RaiseError, match="killed at the commit"):
        await dying.write()
    assert not (scratch / LAST_FILE).exists()
    await conn.execute("drop trigger refuse on alarm_anchor")
    await dying.write()
    assert (scratch / LAST_FILE).stat().st_mode & 0o077 == 0
    await pool.close()
    await conn.close()


def test_an_empty_key_signs_nothing(scratch: Path) -> None:
    made = audit_key(scratch, "", make=True)
    assert len(made) == 64
    assert audit_key(scratch, "", make=False) == made
    (scratch / KEY_FILE).write_text("")
    with pytest.raises(FiretowerError, match="is empty"):
        audit_key(scratch, "", make=True)


async def test_the_command_says_in_its_exit_code_whether_a_row_was_changed(
    county: County, database: str, anchors: Anchors, scratch: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = AlertsSettings(database_url=database, state_dir=scratch, audit_secret=SecretStr(KEY.decode()))
    alarm_id = await open_and_judge(county, "panel-1")
    await anchors.write()
    assert await asyncio.to_thread(main, settings) == 0
    assert capsys.readouterr().out == "chains 1  transitions 3  anchors 1  retired 0  faults 0\n"
    keyless = AlertsSettings(database_url=database, state_dir=scratch)
    with pytest.raises(FiretowerError, match="signatures of the anchors were not checked"):
        await asyncio.to_thread(main, keyless)
    assert capsys.readouterr().out == "chains 1  transitions 3  anchors 1  retired 0  faults 0\n"
    await county.conn.execute("update alarm_transition set actor = 'user:someone' where number = 2")
    assert await asyncio.to_thread(main, keyless) == 1
    assert "transition 2: was changed" in capsys.readouterr().out
    assert await asyncio.to_thread(main, settings) == 1
    fault, total = capsys.readouterr().out.splitlines()
    assert fault == f"FAULT alarm {alarm_id} transition 2: was changed"
    assert total.endswith("faults 1")


async def test_the_command_holds_the_database_against_the_anchor_kept_beside_it(
    county: County, database: str, anchors: Anchors, scratch: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = AlertsSettings(database_url=database, state_dir=scratch, audit_secret=SecretStr(KEY.decode()))
    await open_and_judge(county, "panel-1")
    await anchors.write()
    await county.conn.execute("delete from alarm_anchor")
    assert await asyncio.to_thread(main, settings) == 1
    assert f"kept in {LAST_FILE}, but missing from the database" in capsys.readouterr().out
