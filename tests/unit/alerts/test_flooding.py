from datetime import UTC, datetime, timedelta

from services.alerts.rules.flooding import CODE, Flood, find_flooding, find_quiet
from services.core.rules.parameters import DEFAULTS
from services.core.rules.profile import DeviceProfile

NOW = datetime(2026, 11, 28, tzinfo=UTC)
PANEL = DeviceProfile(code="p-1", kind="panel", area="140931100", expected_interval_s=300, sleepy=False)


def flood(elements: int, fires: int = 0, others: int = 0, *, quiet_min: float = 0) -> Flood:
    return Flood(elements, fires, others, NOW - timedelta(hours=1), NOW - timedelta(minutes=quiet_min))


def test_a_flood_is_told_with_its_count_and_a_burst_is_not() -> None:
    found = find_flooding(PANEL, flood(20_000), NOW)
    assert found is not None
    assert (found.code, found.severity, found.category, found.value) == (CODE, "major", "device", 20_000)
    assert "20000" in found.reason.zh
    assert "20000" in found.reason.en
    assert find_flooding(PANEL, flood(999), NOW) is None
    assert find_flooding(PANEL, flood(20_000, quiet_min=5), NOW) is None


def test_fires_that_are_no_alarms_of_their_own_are_told_whatever_their_number() -> None:
    found = find_flooding(PANEL, flood(0, fires=1), NOW)
    assert found is not None
    assert "no alarms of their own" in found.reason.en


def test_faults_that_are_no_alarms_of_their_own_are_told_with_their_number() -> None:
    found = find_flooding(PANEL, flood(0, others=321), NOW)
    assert found is not None
    assert "321 条故障" in found.reason.zh
    assert "321 of its faults" in found.reason.en


def test_it_is_over_after_quiet_minutes_or_when_the_rule_is_switched_off() -> None:
    assert find_quiet(PANEL, flood(5000, quiet_min=4.9), NOW) is None
    over = find_quiet(PANEL, flood(5000, quiet_min=5), NOW)
    assert over is not None
    assert not over.active
    off = {**DEFAULTS, CODE: {**DEFAULTS[CODE], "enabled": 0}}
    assert find_flooding(PANEL, flood(5000), NOW, off) is None
    assert find_quiet(PANEL, flood(5000), NOW, off) is not None
