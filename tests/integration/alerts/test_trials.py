"""Other numbers on stored readings: what a trial says is what the detectors and rules of the running system say."""

import uuid
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.alerts.early.cells import KINDS
from services.alerts.early.watch import SQL as EARLY_SQL
from services.alerts.trials import work
from services.alerts.trials.runner import Trials
from services.core import db
from services.core.clock import SystemClock
from services.core.settings import AlertsSettings
from tests.integration.alerts.early_town import BEGIN, store, told_by_evaluate, town
from tests.support.county import AREA, County

pytestmark = pytest.mark.timeout(900)  # a trial works in a process that gives way to all others

DEAF = {"least_sigmas": 60, "most_sigmas": 60, "onset_least_sigmas": 60, "onset_most_sigmas": 60}


async def ask(county: County, code: str, parameters: dict[str, float], days: tuple[float, float], **more: Any) -> int:
    row = {"scope": "all", "target": "", "area": None, "state": "waiting", "worker": None, "tries": 0} | more
    number: int = await county.conn.fetchval(
        """insert into rule_trial (code, scope, target, area, parameters, since, until, created_by, created_at, state,
               worker, tries)
           values ($1, $2, $3, $4, $5, $6, $7, 'test', now(), $8, $9, $10) returning id""",
        code, row["scope"], row["target"], row["area"], parameters, *(BEGIN + timedelta(days=one) for one in days),
        row["state"], row["worker"], row["tries"],
    )  # fmt: skip
    return number


async def learned(county: County) -> list[tuple[datetime, str, Any, Any]]:
    await county.conn.execute(EARLY_SQL["note_places"], list(KINDS), BEGIN)
    return await store(county, BEGIN, *town())


async def worked_off(county: County, database: str, number: int) -> Any:
    """Work a trial off in this process; return its row."""
    worker = uuid.uuid4()
    await county.conn.execute("update rule_trial set state = 'running', worker = $2 where id = $1", number, worker)
    await work.work(county.conn, AlertsSettings(database_url=database), number, worker)
    return await county.conn.fetchrow("select * from rule_trial where id = $1", number)


async def test_a_detector_tried_on_the_past_says_what_evaluate_says_and_what_other_numbers_would_miss(
    hydrants: County, database: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    stored = await learned(hydrants)
    expected = {
        (raised, cleared)
        for _, code, raised, cleared, *_ in told_by_evaluate(tmp_path, stored)
        if code == "water_burst"
    }
    number = await ask(hydrants, "water_burst", DEAF, (14.5, 18))
    pool = await db.create_pool(database, program="test", size=2)
    try:
        assert await Trials(pool, SystemClock(), database).take_turn() == 0.0  # in a process of its own
    finally:
        await pool.close()
    assert "Fatal Python error" not in capfd.readouterr().err
    row = await hydrants.conn.fetchrow("select * from rule_trial where id = $1", number)
    assert (row["state"], row["progress"], row["readings"]) == ("done", 1, len(stored)), row["fault_en"]
    result = row["result"]
    assert (result["before"], result["after"], result["counts"]["missed"]) == (1, 0, 1)
    assert {
        (datetime.fromisoformat(one["raised_at"]), datetime.fromisoformat(one["cleared_at"]))
        for one in result["missed"]
    } == expected
    assert await hydrants.alarms() == []
    assert await hydrants.conn.fetch("select from early_warning") == []


async def test_implausible_clocks_of_a_panel_without_readings_are_tried_and_end_after_a_day(
    county: County, database: str
) -> None:
    await county.add_device("panel-1", "panel")
    for hour in (30, 31, 32):
        at = BEGIN + timedelta(hours=hour)
        event = {"device": "panel-1", "type": "operation", "ts": at, "device_ts": BEGIN - timedelta(days=3000)}
        await county.send_events([event], received_at=at)
    row = await worked_off(county, database, await ask(county, "clock_wrong", {"count": 4}, (1, 5)))
    assert (row["state"], row["result"]["counts"]) == ("done", {"both": 0, "missed": 1, "new": 0}), row["fault_en"]
    (missed,) = row["result"]["missed"]
    hours = [
        (datetime.fromisoformat(missed[name]) - BEGIN) / timedelta(hours=1) for name in ("raised_at", "cleared_at")
    ]
    assert hours == [32, 56]


async def test_a_rule_is_tried_on_the_devices_of_an_area_and_its_alarm_is_named(
    hydrants: County, database: str
) -> None:
    await learned(hydrants)
    await hydrants.add_device("X1", "hydrant", area="140931101")
    values = {"static_mpa": 0.33, "static_clear_mpa": 0.335}
    alarm = await hydrants.conn.fetchval(
        """insert into alarm (code, category, severity, state, subject, device_id, component, area, reason, reason_en,
               opened_at, verification)
           values ('hydrant_pressure_low', 'water', 'major', 'closed', 'device:H11', $1, '', $2, '', '', $3, 'real')
           returning id""",
        hydrants.id_of("H11"), AREA, BEGIN + timedelta(days=16, hours=6),
    )  # fmt: skip
    whole = await worked_off(hydrants, database, await ask(hydrants, "hydrant_pressure_low", values, (16, 18)))
    assert whole["state"] == "done", whole["fault_en"]
    assert (whole["result"]["before"], whole["result"]["after"] > 0) == (0, True)
    assert {one["alarm"] for one in whole["result"]["new"]} >= {alarm}
    one = await ask(hydrants, "hydrant_pressure_low", values, (16, 18), scope="device", target="H11", area=AREA)
    assert {new["device"] for new in (await worked_off(hydrants, database, one))["result"]["new"]} == {"H11"}
    other = await ask(hydrants, "hydrant_pressure_low", values, (16, 18), scope="area", target="140931101")
    assert (await worked_off(hydrants, database, other))["result"]["after"] == 0


async def test_a_trial_ends_when_it_reads_too_much_or_is_cancelled(
    hydrants: County, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hydrants.conn.execute(EARLY_SQL["note_places"], list(KINDS), BEGIN)
    await store(hydrants, BEGIN, *(part[:400] for part in town()))
    monkeypatch.setattr(work, "MOST_READINGS", 1000)
    number = await ask(hydrants, "water_burst", DEAF, (2, 18))
    failed = await worked_off(hydrants, database, number)
    assert (failed["state"], failed["result"]) == ("failed", None)
    assert "choose fewer days" in failed["fault_en"]
    assert failed["fault"]
    monkeypatch.undo()

    async def cancel(*_: object) -> None:
        await hydrants.conn.execute("update rule_trial set state = 'cancelled' where id = $1", number)

    monkeypatch.setattr(work, "compare", cancel)  # it must not come to this
    note = work.Progress.note

    async def cancelled_then_noted(self: work.Progress, rows: int, part: float) -> None:
        await cancel()
        await note(self, rows, part)

    monkeypatch.setattr(work.Progress, "note", cancelled_then_noted)
    cancelled = await worked_off(hydrants, database, number)
    assert (cancelled["state"], cancelled["result"]) == ("cancelled", None)


async def test_what_ran_when_alerts_ended_is_tried_once_more(hydrants: County, database: str) -> None:
    gone = {"state": "running", "worker": uuid.uuid4()}
    twice = await ask(hydrants, "water_burst", DEAF, (2, 3), tries=2, **gone)
    once = await ask(hydrants, "water_burst", DEAF, (2, 3), tries=1, **gone)
    pool = await db.create_pool(database, program="test", size=2)
    try:
        assert await Trials(pool, SystemClock(), database).take_turn() == 0.0
    finally:
        await pool.close()
    states = {row["id"]: row["state"] for row in await hydrants.conn.fetch("select id, state from rule_trial")}
    assert states == {twice: "failed", once: "done"}
