"""Work and memory of a cell are bounded, however often its devices send; what grows worse is told as that."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.alerts.detectors.finding import EarlyWarning
from services.alerts.detectors.wiring import WiringDetector
from services.alerts.early.cells import Cell, Member
from services.alerts.early.rows import MOST_ROWS, within_one_step
from services.core.rules.catalog_early import NUMBERS
from services.core.rules.profile import DeviceProfile
from services.core.words import Reason, Severity

NOON = datetime(2026, 6, 1, 4, tzinfo=UTC)


def cell(devices: int) -> Cell:
    profiles = [DeviceProfile(f"H{n}", "hydrant", "140931100", expected_interval_s=300) for n in range(devices)]
    return Cell("hydrant:H0", [Member(n, one, None, NOON) for n, one in enumerate(profiles)], NUMBERS, NOON, NOON)


def rows_at(*seconds: float) -> list[dict[str, datetime]]:
    return [{"ts": NOON + timedelta(seconds=one)} for one in seconds]


@pytest.mark.parametrize("devices", [1, 250])
def test_devices_that_send_a_hundred_times_as_often_are_read_in_shorter_steps(devices: int) -> None:
    flooded = cell(devices)
    usual = flooded.step()
    flooded.note_rows(MOST_ROWS, timedelta(days=MOST_ROWS / (100 * flooded.rows_a_day)))
    shorter = flooded.step()
    assert shorter * 100 * flooded.rows_a_day <= timedelta(days=MOST_ROWS)
    for _ in range(20):
        flooded.note_rows(0, shorter)
    assert flooded.step() == usual


def test_a_step_of_too_many_readings_ends_between_two_moments() -> None:
    few = rows_at(*range(10))
    assert within_one_step(few, NOON) == (few, NOON)
    many = rows_at(*(number // 3 for number in range(MOST_ROWS + 1)))
    taken, until = within_one_step(many, NOON + timedelta(days=2))
    assert len(taken) == MOST_ROWS // 3 * 3
    assert until == taken[-1]["ts"] < many[-1]["ts"]


def test_more_readings_of_one_moment_than_a_step_holds_are_left_out() -> None:
    taken, until = within_one_step(rows_at(*[7] * (MOST_ROWS + 1)), NOON + timedelta(days=2))
    assert (len(taken), until) == (MOST_ROWS, NOON + timedelta(seconds=7))


def test_a_circuit_that_sends_without_end_within_a_slot_keeps_a_bounded_number_of_readings() -> None:
    circuit = WiringDetector("E1", "140931100", None, 3600)
    for number in range(20_000):
        circuit.take(3600 + number * 0.1, {"residual_current_ma": 30.0, "temp_a_c": 40.0, "current_a_a": 5.0})
    assert max(len(getattr(circuit, name)) for name in ("_milliamperes", "_celsius", "_amperes")) == 1000


class Says:
    """A fleet that says what a reading holds."""

    def take(self, code: str, at_s: float, reading: Mapping[str, Any]) -> list[EarlyWarning]:
        at = datetime.fromtimestamp(at_s, UTC)
        said = reading["severity"]
        reason = Reason("老化", "ageing")
        return [EarlyWarning("insulation_ageing", at, said, "140931100", reason, True, code, (code,))] if said else []


def test_what_grows_worse_at_a_late_reading_is_told_with_the_next_that_is_in_time() -> None:
    watched = cell(1)
    learning, watched.fleet = watched.fleet, Says()  # type: ignore[assignment]

    def take(minutes: int, severity: Severity | None, late_min: int = 0) -> list[Severity]:
        ts = NOON + timedelta(minutes=minutes)
        row = {"ts": ts, "code": "H0", "received_at": ts + timedelta(minutes=late_min), "severity": severity}
        return [one.severity for one in (*watched.take(row), *watched.untold())]

    assert take(5, Severity.MINOR) == [Severity.MINOR]
    assert take(10, Severity.MAJOR, late_min=20) == []
    assert take(15, None) == [Severity.MAJOR]
    assert take(20, None) == []
    watched.fleet = learning
    _, standing, learned = watched.to_row()
    again = cell(1)
    again.recall(standing, learned)
    assert (again.standing, again.told) == (watched.standing, watched.told)
    again.recall([{**one, "told": True} for one in standing], learned)  # as an older release saved it
    assert again.told == watched.told
