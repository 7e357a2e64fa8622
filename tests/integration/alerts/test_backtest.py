import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.alerts.backtest import main, read_parameters, replay
from services.core.errors import FiretowerError
from services.core.settings import AlertsSettings
from tests.support.county import County

CODE = "hydrant_pressure_low"


async def report(county: County, start: datetime, pressures: list[float]) -> None:
    """Store one pressure every 5 minutes."""
    for n, pressure in enumerate(pressures):
        at = start + timedelta(minutes=5 * n)
        await county.send_readings("hydrant", [{"device": "h-1", "pressure_mpa": pressure, "ts": at}], received_at=at)


async def override(county: County, static_mpa: float, effective_from: datetime) -> None:
    await county.conn.execute(
        """
        insert into rule_parameter (code, scope, target, parameters, effective_from, created_by)
        values ($1, 'device', 'h-1', $2, $3, 'test')
        """,
        CODE,
        {"static_mpa": static_mpa, "static_clear_mpa": static_mpa + 0.05},
        effective_from,
    )


async def test_history_through_the_live_rules_says_what_would_have_been_raised(county: County) -> None:
    await county.add_device("h-1", "hydrant")
    start = datetime.now(UTC) - timedelta(days=2)
    await report(county, start, [0.30, 0.30, 0.16, 0.16, 0.16, 0.30, 0.30])
    until = start + timedelta(days=1)
    as_it_was = await replay(county.conn, CODE, start, until, {})
    assert (as_it_was.raised, as_it_was.readings) == (0, 7)
    values = {"static_mpa": 0.20, "static_clear_mpa": 0.25}
    changed = await replay(county.conn, CODE, start, until, values)
    assert changed.raised == 1
    assert changed.devices == {"h-1"}
    assert await county.alarms() == []


async def test_each_reading_is_judged_by_the_parameters_of_its_own_time(county: County) -> None:
    await county.add_device("h-1", "hydrant")
    start = datetime.now(UTC) - timedelta(days=2)
    dip = [0.30, 0.30, 0.16, 0.16, 0.16, 0.30, 0.30]
    await report(county, start, dip)
    await report(county, start + timedelta(hours=2), dip)
    await report(county, start + timedelta(hours=4), dip)
    await override(county, 0.20, start + timedelta(hours=1))
    await override(county, 0.10, start + timedelta(hours=3))
    found = await replay(county.conn, CODE, start, start + timedelta(hours=5), {})
    assert (found.raised, found.cleared, found.readings) == (1, 1, 21)
    second_low = start + timedelta(hours=2, minutes=15)
    assert found.lines[0].startswith(second_low.isoformat(timespec="seconds"))


async def test_counts_go_on_where_the_parameters_change(county: County) -> None:
    await county.add_device("h-1", "hydrant")
    start = datetime.now(UTC) - timedelta(days=2)
    await override(county, 0.20, start - timedelta(days=1))
    await report(county, start, [0.30, 0.30, 0.16, 0.16, 0.30, 0.30])
    await override(county, 0.18, start + timedelta(minutes=12))  # between the first low reading and the second
    found = await replay(county.conn, CODE, start, start + timedelta(hours=5), {})
    assert (found.raised, found.cleared) == (1, 1)


async def test_the_command_prints_what_would_have_been_raised_with_other_numbers(
    county: County, database: str, scratch: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await county.add_device("h-1", "hydrant")
    start = datetime.now(UTC) - timedelta(days=2)
    await report(county, start, [0.30, 0.30, 0.16, 0.16, 0.16, 0.30, 0.30])
    period = (start.isoformat(), (start + timedelta(days=1)).isoformat())
    settings = AlertsSettings(database_url=database, state_dir=scratch)
    values = ["static_mpa=0.20", "static_clear_mpa=0.25"]
    assert await asyncio.to_thread(main, CODE, *period, values, settings) == 0
    raised, cleared, total = capsys.readouterr().out.splitlines()
    assert [word in raised for word in ("  raise  ", "  h-1  ", " / ")] == [True] * 3
    assert "  clear  " in cleared
    assert total == f"{CODE}: 1 raised, 1 cleared, 1 devices, 7 readings"
    assert await asyncio.to_thread(main, CODE, *period, [], settings) == 0
    assert capsys.readouterr().out == f"{CODE}: 0 raised, 0 cleared, 0 devices, 7 readings\n"


async def say(county: County, code: str, start: datetime, *, days: float = 10) -> list[str]:
    """Replay the rule; say what its alarms did and how many hours after the start."""
    found = await replay(county.conn, code, start, start + timedelta(days=days), {})
    said = []
    for line in found.lines:
        when, turn, *_ = line.split()
        said.append(f"{turn} {(datetime.fromisoformat(when) - start) / timedelta(hours=1):.1f}")
    return said


async def send(county: County, kind: str, start: datetime, hours: float, **fields: object) -> None:
    at = start + timedelta(hours=hours)
    about = {"device": f"{kind}-1", "ts": at, **fields}
    await county.send_readings(kind, [about], received_at=at)


async def test_what_time_alone_ends_is_ended_at_its_hour_and_what_begins_later_is_told(county: County) -> None:
    await county.add_device("hydrant-1", "hydrant")
    start = datetime.now(UTC) - timedelta(days=20)
    for hours in (0.0, 72.0):  # nothing of its pressure follows a fall
        await send(county, "hydrant", start, hours, pressure_mpa=0.40)
        await send(county, "hydrant", start, hours + 0.1, pressure_mpa=0.20)
    said = await say(county, "hydrant_pressure_drop", start)
    assert said == ["raise 0.1", "clear 25.0", "raise 72.1", "clear 97.0"]


async def test_implausible_clocks_of_refused_readings_and_of_events_are_replayed(county: County) -> None:
    await county.add_device("panel-1", "panel")
    await county.add_device("panel-2", "panel")
    start = datetime.now(UTC) - timedelta(days=20)
    for hours in (1, 2, 100, 101):
        at = start + timedelta(hours=hours)
        event = {"device": "panel-1", "type": "operation", "ts": at, "device_ts": datetime(2019, 1, 1, tzinfo=UTC)}
        await county.send_events([event], received_at=at)
    for hours in (3, 102):
        await county.refuse("panel-1", "clock_implausible", received_at=start + timedelta(hours=hours))
        await county.refuse("panel-2", "not_json", received_at=start + timedelta(hours=hours))
    said = await say(county, "clock_wrong", start)
    assert said == ["raise 3.0", "clear 27.0", "raise 102.0", "clear 126.0"]


async def test_a_rule_that_is_switched_off_ends_what_stands(county: County) -> None:
    await county.add_device("h-1", "hydrant")
    start = datetime.now(UTC) - timedelta(days=20)
    await report(county, start, [0.12, 0.12])
    await county.conn.execute(
        """
        insert into rule_parameter (code, scope, target, parameters, effective_from, created_by)
        values ($1, 'device', 'h-1', '{"enabled": 0}', $2, 'test')
        """,
        CODE,
        start + timedelta(hours=5),
    )
    assert await say(county, CODE, start) == ["raise 0.1", "clear 5.0"]


async def test_alarms_are_counted_and_not_what_is_found_of_one_that_stands(county: County) -> None:
    await county.add_device("electrical-1", "electrical")
    await county.add_device("panel-1", "panel")
    start = datetime.now(UTC) - timedelta(days=20)
    for n in range(5):
        await send(county, "electrical", start, n + 1, arc_count=20, residual_current_ma=350.0 if n < 3 else 600.0)
        await send(county, "panel", start, n + 1, mains_ok=False, battery_ok=n < 3)
    assert await say(county, "arc_fault", start) == ["raise 1.0"]
    assert [one.split()[0] for one in await say(county, "residual_current_high", start)] == ["raise", "rise"]
    assert [one.split()[0] for one in await say(county, "power_fault", start)] == ["raise", "rise"]


@pytest.mark.parametrize(
    ("code", "given", "message"),
    [
        ("hydrant_tilt", ["tilt_deg"], "must look like name=1.5"),
        ("hydrant_tilt", ["tilt_deg=steep"], "must look like name=1.5"),
        ("hydrant_tilt", ["angle=3"], "parameters.angle: unknown"),
        ("hydrant_tilt", ["tilt_deg=3", "tilt_deg=4"], "tilt_deg is given twice"),
    ],
)
def test_a_bad_parameter_is_named(code: str, given: list[str], message: str) -> None:
    with pytest.raises(FiretowerError, match=message):
        read_parameters(code, given)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("no_such", "2026-01-01", "2026-01-02"), "--rule: no rule"),
        (("hydrant_tilt", "yesterday", "2026-01-02"), "--from: 'yesterday' is no time"),
        (("hydrant_tilt", "0001-01-01", "0001-01-02"), "--from: 0001-01-01 lies outside the years"),
        (("hydrant_tilt", "9999-12-30", "9999-12-31"), "--from: 9999-12-30 lies outside the years"),
        (
            ("hydrant_tilt", "2026-01-01", "2026-01-02"),
            r"--from: 2026-01-01 has no offset; write 2026-01-01T00:00:00\+08:00",
        ),
        (("hydrant_tilt", "2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"), "--to: must lie after --from"),
        (("device_offline", "2026-01-01", "2026-01-02"), "looks at no stored readings"),
    ],
)
def test_bad_arguments_are_named_with_the_cure(arguments: tuple[str, str, str], message: str) -> None:
    with pytest.raises(FiretowerError, match=message):
        main(*arguments)
