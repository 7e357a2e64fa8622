"""Contract 6 to 8: from the message to the desk."""

from datetime import datetime

from tests.acceptance.contract.system import System, now_ms, wait_for


def event(system: System, device: str, kind: str = "panel", **fields: object) -> None:
    system.publish(device, {"event_id": f"e{now_ms()}", "ts": now_ms(), **fields}, kind=kind, channel="event")


def test_a_manual_call_point_reaches_the_desk_as_a_confirmed_fire(system: System, device: str) -> None:
    event(system, device, type="manual_alarm", component="手报 3")
    notice = wait_for(lambda: system.desk.of(device, "fire.confirmed"), "fire.confirmed")[0]
    assert notice["notice_id"] == notice["_key"] == notice["_webhook_id"]
    assert notice["drill"] is False
    assert set(notice) >= {
        "notice_id",
        "type",
        "sent_at",
        "drill",
        "alarm",
        "device",
        "site",
        "evidence",
        "nearest_water",
    }
    alarm = notice["alarm"]
    assert (alarm["code"], alarm["category"], alarm["severity"], alarm["confidence"]) == (
        "fire",
        "fire",
        "critical",
        "confirmed",
    )
    assert system.desk.bad_signatures == 0
    shown = system.alarms(device)[0]
    expected = (
        "id code category severity state confidence verification device component zone area value limit reason "
        "opened_at acknowledged_at cleared_at closed_at incident_id shelved_until escalates_at version"
    )
    assert set(expected.split()) <= set(shown)


def test_one_detector_is_a_suspicion_that_waits_for_a_verdict(system: System, device: str) -> None:
    event(system, device, type="fire", component="1-1 感烟火灾探测器", component_type=40)
    alarm = wait_for(lambda: system.alarms(device), "the alarm")[0]
    assert (alarm["confidence"], alarm["state"], alarm["severity"]) == ("suspected", "unacknowledged", "critical")
    left = datetime.fromisoformat(alarm["escalates_at"]) - datetime.fromisoformat(alarm["opened_at"])
    assert 179 <= left.total_seconds() <= 181
    assert system.desk.of(device) == []
    path = f"/api/v1/alarms/{alarm['id']}"
    assert system.http.post(f"{path}/clear").status_code == 409
    assert system.http.post(f"{path}/verify", json={"outcome": "false", "note": "灰尘"}).status_code == 428
    stale = system.http.post(f"{path}/verify", json={"outcome": "false"}, headers={"If-Match": '"99"'})
    assert stale.status_code == 412
    assert system.http.post(f"{path}/acknowledge").status_code == 200
    assert system.http.post(f"{path}/verify", json={"outcome": "real"}).status_code == 200
    wait_for(lambda: system.desk.of(device, "fire.confirmed"), "fire.confirmed")


def test_two_independent_detectors_confirm_each_other_once_per_incident(system: System, device: str) -> None:
    event(system, device, type="fire", component="1-1", component_type=40)
    event(system, device, type="fire", component="1-2", component_type=40)
    wait_for(lambda: system.desk.of(device, "fire.confirmed"), "fire.confirmed")
    event(system, device, type="fire", component="1-3", component_type=40)
    wait_for(lambda: len(system.alarms(device)) == 3, "three alarms")
    wait_for(lambda: system.desk.of(device, "alarm.updated"), "the update")
    assert len(system.desk.of(device, "fire.confirmed")) == 1
    assert len({a["incident_id"] for a in system.alarms(device)}) == 1


def test_a_panel_level_fire_is_no_second_witness(system: System, device: str) -> None:
    event(system, device, type="fire", component="1-1", component_type=40)
    event(system, device, type="fire", component="")
    wait_for(lambda: len(system.alarms(device)) == 2, "two alarms")
    assert {a["confidence"] for a in system.alarms(device)} <= {"suspected", "probable"}
    assert system.desk.of(device, "fire.confirmed") == []


def test_a_false_alarm_ends_only_itself(system: System, device: str) -> None:
    event(system, device, type="fire", component="1-1", component_type=40)
    alarm = wait_for(lambda: system.alarms(device), "the alarm")[0]
    answer = system.http.post(
        f"/api/v1/alarms/{alarm['id']}/verify",
        json={"outcome": "false", "note": "蒸汽"},
        headers={"If-Match": f'"{alarm["version"]}"'},
    )
    assert answer.status_code == 200, answer.text
    event(system, device, type="fire", component="1-1", component_type=40)
    wait_for(lambda: len(system.alarms(device)) == 2, "a new alarm with a new clock")


def test_low_pressure_in_two_readings_is_raised_and_cleared_at_the_desk(system: System, device: str) -> None:
    for seq, pressure in enumerate((0.30, 0.12)):
        system.publish(device, {"ts": now_ms(), "seq": seq, "pressure_mpa": pressure})
    wait_for(lambda: len(system.readings(device)) == 2, "two rows")
    assert not [a for a in system.alarms(device) if a["code"] == "hydrant_pressure_low"]
    system.publish(device, {"ts": now_ms(), "seq": 2, "pressure_mpa": 0.13})
    raised = wait_for(
        lambda: [n for n in system.desk.of(device, "alarm.raised") if n["alarm"]["code"] == "hydrant_pressure_low"],
        "alarm.raised",
    )[0]
    assert raised["alarm"]["severity"] == "major"
    for seq in (3, 4):
        system.publish(device, {"ts": now_ms(), "seq": seq, "pressure_mpa": 0.31})
    wait_for(
        lambda: [n for n in system.desk.of(device, "alarm.cleared") if n["alarm"]["code"] == "hydrant_pressure_low"],
        "alarm.cleared",
    )
    shown = next(a for a in system.alarms(device) if a["code"] == "hydrant_pressure_low")
    assert shown["state"] == "returned"


def test_an_unknown_event_type_becomes_a_fault_that_names_it(system: System, device: str) -> None:
    event(system, device, type="flux_capacitor", component="9")
    alarm = wait_for(lambda: system.alarms(device), "the alarm")[0]
    assert alarm["code"] == "fault"
    assert "flux_capacitor" in alarm["reason"]
    event(system, device, type="flux_capacitor", component="9", active=False)
    wait_for(lambda: system.alarms(device)[0]["cleared_at"], "cleared")


def test_reset_ends_what_is_active_but_judges_no_fire(system: System, device: str) -> None:
    event(system, device, type="fire", component="1-1", component_type=40)
    event(system, device, type="fault", component="1-9")
    wait_for(lambda: len(system.alarms(device)) == 2, "two alarms")
    event(system, device, type="reset")
    wait_for(lambda: all(a["cleared_at"] for a in system.alarms(device)), "both cleared")
    fire = next(a for a in system.alarms(device) if a["code"] == "fire")
    assert fire["state"] != "closed"
    assert fire["verification"] in ("none", "pending")
    assert fire["escalates_at"]


def test_a_repeated_condition_is_one_alarm(system: System, device: str) -> None:
    for _ in range(20):
        event(system, device, type="tamper", component="门")
    wait_for(lambda: len(system.events(device)) >= 1, "events")
    wait_for(lambda: system.alarms(device), "the alarm")
    assert len(system.alarms(device)) == 1
