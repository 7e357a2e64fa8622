"""Numbers of a rule that change while alerts is away: a start neither hides what now holds nor keeps what is over."""

from collections.abc import Callable

import pytest

from tests.support.county import County
from tests.support.servers import Program
from tests.support.waiting import eventually

CODE = "hydrant_pressure_low"


async def send(county: County, device: str, *pressures_mpa: float) -> None:
    for pressure_mpa in pressures_mpa:
        await county.send_readings("hydrant", [{"device": device, "pressure_mpa": pressure_mpa}])


async def judged(county: County) -> None:
    """Wait until all that was sent is judged: a hydrant without water comes last."""
    await county.add_device("dry", "hydrant")
    await send(county, "dry", 0.0)
    await eventually(lambda: county.alarms("d.code = 'dry'"), what="the last alarm")


async def set_numbers(county: County, device: str, **numbers: float) -> None:
    await county.conn.execute(
        """
        insert into rule_parameter (code, scope, target, parameters, effective_from, created_by)
        values ($1, 'device', $2, $3, now(), 'user:test')
        """,
        CODE,
        device,
        numbers,
    )


async def read_on_by(county: County, program: Program, mpa: float, **numbers: float) -> None:
    """Let alerts begin anew with other numbers of `h-1`, which then sends one more reading."""
    await judged(county)
    program.kill()
    await set_numbers(county, "h-1", **numbers)
    program.restart()
    await send(county, "h-1", mpa)


async def test_a_limit_that_rose_while_alerts_was_away_raises_what_lies_below_it(
    county: County, alerts: Callable[..., Program]
) -> None:
    """Read back, the readings of before would count as raised by the new limit, which nobody was told."""
    await county.add_device("h-1", "hydrant")
    program = alerts()
    await send(county, "h-1", 0.18, 0.18, 0.18)
    await read_on_by(county, program, 0.18, static_mpa=0.2, static_clear_mpa=0.21)
    (alarm,) = await eventually(lambda: county.alarms("d.code = 'h-1'"), what="the alarm by the new limit")
    assert (alarm["code"], alarm["limit_value"]) == (CODE, 0.2)


async def test_a_limit_that_fell_while_alerts_was_away_ends_what_lies_above_it(
    county: County, alerts: Callable[..., Program]
) -> None:
    """Read back, the readings of before would count as having ended it, and its alarm would stand for ever."""
    await county.add_device("h-1", "hydrant")
    program = alerts()
    await send(county, "h-1", 0.13, 0.13)
    await eventually(county.alarms, what="the alarm, with which its state is saved")
    await send(county, "h-1", 0.145, 0.145, 0.145)
    await read_on_by(county, program, 0.145, static_mpa=0.11, static_clear_mpa=0.12)
    await eventually(lambda: county.alarms("d.code = 'h-1' and a.cleared_at is not null"), what="its end")


async def test_what_stands_goes_on_over_a_start_and_is_told_once(
    county: County, alerts: Callable[..., Program]
) -> None:
    await county.add_device("e-1", "electrical")
    await county.add_device("panel-1")
    program = alerts()
    for _ in range(3):
        await county.send_readings("electrical", [{"device": "e-1", "residual_current_ma": 600.0}])
        await county.send_readings("panel", [{"device": "panel-1", "mains_ok": False, "battery_ok": True}])
    await eventually(lambda: county.alarms("a.severity in ('critical', 'major')", at_least=2), what="both alarms")
    program.kill()
    program.restart()
    await county.send_readings("electrical", [{"device": "e-1", "residual_current_ma": 600.0}])
    for _ in range(2):
        await county.send_readings("panel", [{"device": "panel-1", "mains_ok": False, "battery_ok": False}])
    await county.send_readings("panel", [{"device": "panel-1", "mains_ok": True, "battery_ok": False}])
    await judged(county)
    told = await county.conn.fetch(
        """
        select a.code, t.outcome from alarm_transition t join alarm a on a.id = t.alarm_id
        join device d on d.id = a.device_id where d.code <> 'dry' order by a.code, t.number
        """
    )
    assert [tuple(row) for row in told if row["code"] == "residual_current_high"] == [
        ("residual_current_high", "opened")
    ]
    assert [row["outcome"] for row in told if row["code"] == "power_fault"] == ["opened", "rose", "noted"]


@pytest.mark.parametrize("causes", [5, None])
async def test_an_alarm_whose_causes_cannot_be_read_holds_up_nothing_and_ends(
    county: County, alerts: Callable[..., Program], causes: object
) -> None:
    await county.add_device("panel-1")
    program = alerts()
    await county.send_readings("panel", [{"device": "panel-1", "mains_ok": False}] * 2)
    await eventually(county.alarms, what="the alarm")
    program.kill()
    await county.conn.execute("update alarm set life = life || jsonb_build_object('causes', $1::jsonb)", causes)
    program.restart()
    await county.send_readings("panel", [{"device": "panel-1", "mains_ok": True}])
    await judged(county)
    ended = await eventually(lambda: county.alarms("d.code = 'panel-1' and a.cleared_at is not null"), what="its end")
    assert ended[0]["code"] == "power_fault"
