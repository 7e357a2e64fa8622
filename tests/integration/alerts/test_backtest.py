from datetime import UTC, datetime, timedelta

import pytest

from services.alerts.backtest import main, read_parameters, replay
from services.core.errors import FiretowerError
from tests.support.county import County


async def test_history_through_the_live_rules_says_what_would_have_been_raised(county: County) -> None:
    await county.add_device("h-1", "hydrant")
    start = datetime.now(UTC) - timedelta(days=2)
    pressures = [0.30, 0.30, 0.16, 0.16, 0.16, 0.30, 0.30]
    for n, pressure in enumerate(pressures):
        at = start + timedelta(minutes=5 * n)
        await county.send_readings("hydrant", [{"device": "h-1", "pressure_mpa": pressure, "ts": at}], received_at=at)
    until = start + timedelta(days=1)
    as_it_was = await replay(county.conn, "hydrant_pressure_low", start, until, {})
    assert (as_it_was.raised, as_it_was.readings) == (0, 7)
    values = {"static_mpa": 0.20, "static_clear_mpa": 0.25}
    changed = await replay(county.conn, "hydrant_pressure_low", start, until, values)
    assert changed.raised == 1
    assert changed.devices == {"h-1"}
    assert await county.alarms() == []


@pytest.mark.parametrize(
    ("code", "given", "message"),
    [
        ("hydrant_tilt", ["tilt_deg"], "must look like name=1.5"),
        ("hydrant_tilt", ["tilt_deg=steep"], "must look like name=1.5"),
        ("hydrant_tilt", ["angle=3"], "parameters.angle: unknown"),
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
        (("hydrant_tilt", "2026-01-02", "2026-01-01"), "--to: must lie after --from"),
        (("device_offline", "2026-01-01", "2026-01-02"), "looks at no stored readings"),
    ],
)
def test_bad_arguments_are_named_with_the_cure(arguments: tuple[str, str, str], message: str) -> None:
    with pytest.raises(FiretowerError, match=message):
        main(*arguments)
