"""Two walks over the same past, compared."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.alerts.trials.comparison import Alarm, compare, inside
from services.core.rules.trials import LISTED

NOON = datetime(2026, 6, 1, 4, tzinfo=UTC)


def found(hour: float, device: str | None = "H1", *, lasts_h: float | None = 1, members: Any = None) -> dict[str, Any]:
    at = NOON + timedelta(hours=hour)
    return {
        "raised_at": at,
        "cleared_at": None if lasts_h is None else at + timedelta(hours=lasts_h),
        "device": device,
        "area": "140931100",
        "severity": "minor",
        "members": members or [device],
        "reason": "低",
        "reason_en": "low",
    }


def test_what_only_one_walk_raised_is_told_apart_and_what_people_found_real_is_counted() -> None:
    before = [found(0), found(10), found(20), found(20, "H2")]
    after = [found(0.5), found(30)]
    alarms = [
        Alarm(1, "H1", "140931100", NOON, NOON + timedelta(hours=1), "real"),
        Alarm(2, "H1", "140931100", NOON + timedelta(hours=10), None, "real"),
        Alarm(3, "H2", "140931100", NOON + timedelta(hours=20), None, "false"),
    ]
    result = compare(before, after, alarms)
    assert (result["before"], result["after"]) == (4, 2)
    assert result["counts"] == {"both": 1, "missed": 3, "new": 1}
    assert [(one["device"], one["alarm"]) for one in result["missed"]] == [("H1", 2), ("H1", 2), ("H2", 3)]
    assert (result["real_kept"], result["new"][0]["alarm"]) == (1, 2)


def test_a_warning_that_one_walk_splits_is_the_same_once() -> None:
    result = compare([found(0, lasts_h=10)], [found(0, lasts_h=2), found(6)], [])
    assert result["counts"] == {"both": 1, "missed": 0, "new": 1}


def test_events_of_the_mains_are_compared_by_their_area() -> None:
    result = compare([found(0, None, lasts_h=None)], [found(5, None), found(5, "H1")], [])
    assert result["counts"] == {"both": 1, "missed": 0, "new": 1}


def test_of_others_devices_nothing_is_said() -> None:
    burst = found(0, None, members=["H1", "H2", "H9"])
    kept = inside([burst, found(0, "H9"), found(0, "H2")], frozenset({"H1", "H2"}))
    assert [(one["device"], one["members"]) for one in kept] == [(None, ["H1", "H2"]), ("H2", ["H2"])]
    assert inside([burst], None) == [burst]


def test_a_list_is_bounded_and_its_count_is_not() -> None:
    many = [found(3 * number) for number in range(LISTED + 7)]
    result = compare(many, [], [])
    assert (result["counts"]["missed"], len(result["missed"])) == (LISTED + 7, LISTED)
