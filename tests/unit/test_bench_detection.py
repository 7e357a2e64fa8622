"""The score of findings against a pack's truth."""

from datetime import UTC, datetime, timedelta

from bench.detection import score

BEGIN = datetime(2026, 7, 1, tzinfo=UTC)


def at(hours):
    return (BEGIN + timedelta(hours=hours)).isoformat()


def truth(*events):
    return {"devices": 10, "from": at(0), "until": at(720), "events": list(events)}


def event(klass, begin, end, device=None):
    told = {"class": klass, "from": at(begin), "until": at(end)}
    return told if device is None else {**told, "device": device}


def found(code, hours, device=None, members=()):
    return {"raised_at": at(hours), "code": code, "device": device, "members": list(members), "location": None}


def test_a_closed_valve_is_told_under_the_code_that_named_it():
    faults = [event("closed_valve", 10 * n, 10 * n + 5, f"H{n}") for n in range(5)]
    mains = event("burst_large", 31, 34)
    findings = [
        found("hydrant_decoupled", 1, "H0"),
        found("water_draw", 11, "H1"),
        found("water_burst", 21, members=["H2", "H9"]),
        found("water_burst", 32, members=["H3"]),  # of the true burst, which had its effect there, too
    ]
    told = score(findings, truth(*faults, mains))["classes"]
    assert told["closed_valve"]["told_as"] == {
        "hydrant_decoupled": 1, "water_draw": 1, "water_burst": 1, "nothing": 2,
    }  # fmt: skip
    assert told["closed_valve"]["recall"] == 0.2
    assert told["burst_large"]["told_as"] == {"water_burst": 1}


def test_ageing_is_told_so_many_hours_before_the_legal_limit():
    faults = [event("ageing", 0, 100, f"E{n}") for n in range(4)]
    findings = [
        found("insulation_ageing", 10, "E0"),
        found("residual_current_high", 60, "E0"),
        found("insulation_ageing", 20, "E1"),
        found("residual_current_high", 50, "E1"),
        found("residual_current_high", 40, "E2"),
        found("insulation_ageing", 30, "E3"),
    ]
    told = score(findings, truth(*faults))["classes"]["ageing"]
    assert told["reached_limit"] == 3
    assert told["median_hours_before_limit"] == 30.0


def test_a_finding_outside_all_events_is_a_false_alarm_and_a_flag_is_none():
    findings = [found("water_draw", 500, "H1"), found("sensor_fault", 501, "H2")]
    told = score(findings, truth(event("burst_large", 1, 2)))
    assert told["false_per_device_month"].keys() == {"water_draw", "sensor_fault"}
    assert told["false_alarms_per_device_month"] == told["false_per_device_month"]["water_draw"]


def test_a_leak_counts_as_seen_within_fourteen_days():
    leaks = [event("slow_leak", 0, 360), event("slow_leak", 370, 719)]
    told = score([found("water_leak", 320, "H1"), found("water_leak", 710, "H1")], truth(*leaks))["classes"]
    assert (told["slow_leak"]["events"], told["slow_leak"]["seen"]) == (2, 1)
