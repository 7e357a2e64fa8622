"""What detectors say in the running system: the same as `firetower evaluate`, and once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import numpy as np
import pytest

from services.alerts import incidents
from services.alerts.detectors import fleet
from services.alerts.detectors.cooling import CoolingDetector
from services.alerts.detectors.finding import EarlyWarning
from services.alerts.early import rows as early_rows
from services.alerts.early.alarms import Said
from services.core.alarms.life.happenings import Finding
from services.core.words import Category, Reason, Severity
from tests.integration.alerts.early_town import BEGIN, DAYS, Live, store, told_by_evaluate, told_live, town
from tests.support.county import AREA, County
from tests.support.poison import cure, poison
from tests.support.servers import Program
from tests.support.waiting import eventually
from tests.unit.alerts.detectors.town import DAY, HYDRANTS, SLOT_S

OTHER_TOWNSHIP = AREA[:-3] + "101"


async def test_the_running_system_says_what_evaluate_says_also_after_a_kill(
    hydrants: County, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(early_rows, "MOST_ROWS", 500)  # less than it would read at once
    stored = await store(hydrants, BEGIN, *town())
    expected = told_by_evaluate(tmp_path, stored)
    assert {code for _, code, *_ in expected} >= {"water_burst", "water_draw", "sensor_fault", "freeze_forecast"}
    await live.until(BEGIN + timedelta(days=15))
    before = await hydrants.conn.fetchrow("select * from early_cell")
    await live.until(BEGIN + timedelta(days=16, hours=12))
    assert await hydrants.alarms("a.code = 'water_burst'", at_least=1)
    # killed a day after it had saved: it says all of that day again
    await hydrants.conn.execute(
        "update early_cell set walked_until = $1, told = $2, memory = $3",
        before["walked_until"], before["told"], before["memory"],
    )  # fmt: skip
    live.start_again()
    await live.until(BEGIN + timedelta(days=DAYS, minutes=5))
    assert await told_live(hydrants) == expected
    alarms = await hydrants.alarms()
    assert sorted((a["device"], a["code"]) for a in alarms if a["device"]) == sorted(
        (device, code) for device, code, *_ in expected if device
    )
    (burst,) = [alarm for alarm in alarms if alarm["code"] == "water_burst"]
    assert (burst["subject"], burst["severity"]) == (f"area:{AREA}", "major")
    assert burst["cleared_at"] is not None
    kept = await hydrants.conn.fetch(
        "select at, expected, spread from early_expected e join device d on d.id = e.device_id"
        " where d.code = (select members[1] from early_warning where code = 'water_burst') order by at"
    )
    begins = next(began for _, code, began, *_ in expected if code == "water_burst")
    assert kept[0]["at"] < begins - timedelta(hours=1) < begins < kept[-1]["at"]
    assert all(0 < row["spread"] < 0.05 < row["expected"] < 1 for row in kept)
    assert len(await hydrants.notices("type = 'alarm.raised'")) == 1  # of a minor warning nothing is sent


async def test_a_killed_process_tells_what_still_stands_once_and_goes_on(
    hydrants: County, alerts: Callable[..., Program]
) -> None:
    rows, water = town()
    shown = 15 * DAY + 34  # the burst stands, and nobody was there when it began
    begin = datetime.now(UTC) - timedelta(seconds=SLOT_S * shown + 120)
    await store(hydrants, begin, rows[:shown], water[:shown])
    watcher = alerts()

    async def saved() -> list[asyncpg.Record]:
        found: list[asyncpg.Record] = await hydrants.conn.fetch("select from early_cell")
        return found

    query = "select cell, alarm_id from early_warning where code = 'water_burst' and alarm_id is not null"
    raised = await eventually(lambda: hydrants.conn.fetch(query), what="the burst that stands", timeout_s=180)
    await eventually(saved, what="what was learned")
    watcher.kill()
    await hydrants.conn.execute("delete from early_cell")  # as if it had been killed before it saved
    alerts()
    await eventually(saved, what="what was learned again, saved once all it said was heard", timeout_s=180)
    assert await hydrants.conn.fetch(query) == raised
    assert [alarm["id"] for alarm in await hydrants.alarms("a.code = 'water_burst'")] == [raised[0]["alarm_id"]]
    assert len(await hydrants.notices("type = 'alarm.raised'")) == 1
    assert [alarm["cleared_at"] for alarm in await hydrants.alarms("a.code = 'water_burst'")] == [None]


async def test_a_detector_that_fails_costs_its_own_group_only(
    hydrants: County, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hydrants.add_device("E1", "electrical")
    await store(hydrants, BEGIN, *(part[: DAY // 2] for part in town()))

    def fail(*_: object) -> None:
        raise ValueError("nobody foresaw this reading")

    monkeypatch.setattr(CoolingDetector, "take", fail)
    await live.until(BEGIN + timedelta(days=1))
    assert [row["name"] for row in await hydrants.conn.fetch("select name from early_cell")] == ["electrical:E1"]
    (aside,) = await hydrants.conn.fetch("select kind, name, error from set_aside where done_at is null")
    assert (aside["kind"], aside["name"]) == ("early", "hydrant:H00")
    assert "nobody foresaw" in aside["error"]
    monkeypatch.undo()
    await live.until(BEGIN + timedelta(days=1, hours=1), step_s=300)
    assert len(await hydrants.conn.fetch("select from early_cell")) == 2
    assert await hydrants.conn.fetch("select from set_aside where done_at is null") == []


async def test_what_is_set_aside_is_told_later_and_its_end_after_it(hydrants: County, live: Live) -> None:
    await poison(hydrants.conn, "early_warning", "new.code = 'water_draw'")
    began, ended = BEGIN, BEGIN + timedelta(hours=1)
    drawn = EarlyWarning(
        "water_draw", began, Severity.MINOR, AREA, Reason("取水", "a draw"), True, "H01", ("H01",), None, sure="high"
    )
    early, border = live.bench.early, live.bench.border
    early.waiting.append(Said("hydrant:H00", hydrants.id_of("H01"), drawn))
    assert await early.judge_waiting(border)
    over = drawn._replace(active=False, at=ended)
    early.waiting.append(Said("hydrant:H00", hydrants.id_of("H01"), over))
    assert not await early.judge_waiting(border)  # behind its beginning
    assert early.has_of("hydrant:H00")
    await cure(hydrants.conn, "early_warning")
    live.clock.at += timedelta(minutes=2)
    while await early.judge_waiting(border):
        pass
    (row,) = await hydrants.conn.fetch("select began_at, ended_at from early_warning")
    assert (row["began_at"], row["ended_at"]) == (began, ended)
    (alarm,) = await hydrants.alarms("a.code = 'water_draw'")
    assert alarm["cleared_at"] is not None
    assert await hydrants.conn.fetch("select from set_aside where done_at is null") == []
    assert not early.has_of("hydrant:H00")


@pytest.mark.parametrize("first", ["burst", "limit"])
async def test_a_burst_and_the_mains_event_of_its_hydrants_are_one_incident(
    hydrants: County, live: Live, first: str
) -> None:
    bench, codes = live.bench, ("H03", "H04", "H05")
    ids = [hydrants.id_of(code) for code in codes]
    await bench.registry.load(bench.conn, ids)
    low = Finding("hydrant_pressure_low", Category.WATER, Severity.MAJOR, Reason("低", "low"), cause="low", area=AREA)
    pressures = [(bench.registry[number], replace(low, device=code)) for number, code in zip(ids, codes, strict=True)]
    burst = EarlyWarning(
        "water_burst", BEGIN, Severity.MAJOR, AREA, Reason("爆管", "a burst"), True, None, codes, None, "net-1",
        sure="high",
    )  # fmt: skip

    async def see(what: str) -> None:
        if what == "limit":
            await bench.readings.judge(bench.border, pressures)
        else:
            bench.early.waiting.append(Said("hydrant:H00", None, burst))
            assert await bench.early.judge_waiting(bench.border)

    for what in (first, "limit" if first == "burst" else "burst"):
        await see(what)
        await incidents.end_parents(bench.border)
    alarms = await hydrants.alarms("a.cleared_at is null")
    assert {alarm["code"] for alarm in alarms} == {"water_burst", "mains_event", "hydrant_pressure_low"}
    assert len({alarm["incident_id"] for alarm in alarms}) == 1
    back = [(device, replace(finding, active=False)) for device, finding in pressures]
    await bench.readings.judge(bench.border, back)
    assert await incidents.end_parents(bench.border) == [AREA]
    assert [alarm["code"] for alarm in await hydrants.alarms("a.cleared_at is null")] == ["water_burst"]


@pytest.mark.parametrize("changed", ["numbers", "switched off", "out of service"])
async def test_what_is_not_found_again_after_a_kill_is_over_and_hides_nothing_that_comes_later(
    hydrants: County, live: Live, changed: str
) -> None:
    rows, water = town()
    rows[17 * DAY : 17 * DAY + 10, 9] -= 0.03  # a second draw
    await store(hydrants, BEGIN, rows, water)
    query = "select began_at, ended_at, alarm_id from early_warning where code = 'water_draw' order by began_at"
    await live.until(BEGIN + timedelta(seconds=SLOT_S * (16 * DAY + 18)))
    before = await hydrants.conn.fetchrow("select * from early_cell")
    told_by = BEGIN + timedelta(seconds=SLOT_S * (16 * DAY + 26))
    await live.until(told_by, step_s=SLOT_S)
    (told,) = await hydrants.conn.fetch(query)
    assert told["ended_at"] is None
    if changed == "out of service":
        await hydrants.conn.execute(
            "update device set out_of_service_until = $1 where code = 'H09'", told_by + timedelta(hours=3)
        )
    else:
        numbers = {"sigmas": 90} if changed == "numbers" else {"enabled": 0}
        await hydrants.conn.execute(
            """
            insert into rule_parameter (code, scope, target, parameters, effective_from, created_by)
            values ('water_draw', 'all', '', $1, $2, 'user:test')
            """,
            numbers,
            told_by,
        )
    await hydrants.conn.execute(
        "update early_cell set walked_until = $1, told = $2, memory = $3",
        before["walked_until"], before["told"], before["memory"],
    )  # fmt: skip
    live.start_again()
    await live.until(told_by + timedelta(minutes=30), step_s=60)
    (row,) = await hydrants.conn.fetch(query)
    assert row["ended_at"] is not None
    assert await hydrants.alarms("a.code = 'water_draw' and a.cleared_at is null") == []
    await hydrants.conn.execute("delete from rule_parameter")
    await live.until(BEGIN + timedelta(seconds=SLOT_S * (17 * DAY + 6)), step_s=SLOT_S)
    assert len(await hydrants.alarms("a.code = 'water_draw' and a.cleared_at is null")) == 1


async def test_a_warning_stays_while_the_area_of_its_device_is_corrected(hydrants: County, live: Live) -> None:
    rows, water = town()
    water[20:60] -= np.arange(40) * 0.15
    await store(hydrants, BEGIN, rows[:DAY], water[:DAY])
    await live.until(BEGIN + timedelta(seconds=SLOT_S * 40), step_s=SLOT_S)
    (told,) = await hydrants.alarms("a.code = 'freeze_forecast'")
    assert told["cleared_at"] is None
    await hydrants.conn.execute("update device set area = $1, updated_at = now() where code = 'H00'", AREA[:-3] + "101")
    await live.until(BEGIN + timedelta(seconds=SLOT_S * 44), step_s=60)
    assert live.watch._cells["hydrant:H00"].area != AREA  # noqa: SLF001 - it began anew
    (alarm,) = await hydrants.alarms("a.code = 'freeze_forecast'")
    assert (alarm["id"], alarm["cleared_at"]) == (told["id"], None)


async def test_a_warning_goes_with_its_device_to_another_group_of_devices_and_stays(
    hydrants: County, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a county of many hydrants each township is watched by itself, and one was registered in the wrong one."""
    monkeypatch.setattr(fleet, "_AT_ONCE", HYDRANTS + 1)
    for code, area in (("G00", AREA), ("G01", OTHER_TOWNSHIP), ("G02", OTHER_TOWNSHIP)):
        await hydrants.add_device(code, "hydrant", area=area)
    rows, water = town()
    water[20:60] -= np.arange(40) * 0.15
    await store(hydrants, BEGIN, rows[:DAY], water[:DAY])
    await live.until(BEGIN + timedelta(seconds=SLOT_S * 40), step_s=SLOT_S)
    (told,) = await hydrants.conn.fetch("select * from early_warning where code = 'freeze_forecast'")
    assert told["cell"] == "hydrant:G00"
    await hydrants.conn.execute("update device set area = $1, updated_at = now() where code = 'H00'", OTHER_TOWNSHIP)
    await live.until(BEGIN + timedelta(seconds=SLOT_S * 44), step_s=60)
    (stands,) = await hydrants.conn.fetch("select * from early_warning where code = 'freeze_forecast'")
    assert (stands["id"], stands["cell"], stands["ended_at"]) == (told["id"], "hydrant:G01", None)
    (alarm,) = await hydrants.alarms("a.code = 'freeze_forecast'")
    assert (alarm["id"], alarm["cleared_at"]) == (told["alarm_id"], None)


async def test_what_a_cell_that_begins_anew_finds_worse_than_it_was_told_is_told_as_that(
    hydrants: County, live: Live
) -> None:
    rows, water = town()
    water[20:60] -= np.arange(40) * 0.15
    await store(hydrants, BEGIN, rows[:DAY], water[:DAY])
    await live.until(BEGIN + timedelta(seconds=SLOT_S * 40), step_s=SLOT_S)
    (told,) = await hydrants.alarms("a.code = 'freeze_forecast'")
    assert told["severity"] == "minor"
    cell = live.watch._cells["hydrant:H00"]  # noqa: SLF001 - as one that has just read the month
    cell.standing = {key: one._replace(severity=Severity.MAJOR) for key, one in cell.standing.items()}
    cell.told.clear()
    cell.reconciled = False
    await live.until(BEGIN + timedelta(seconds=SLOT_S * 41), step_s=60)
    (alarm,) = await hydrants.alarms("a.code = 'freeze_forecast'")
    assert (alarm["id"], alarm["severity"], alarm["cleared_at"]) == (told["id"], "major", None)
