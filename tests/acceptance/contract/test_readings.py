"""Contract 3: what becomes of a reading."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.acceptance.contract.system import System, now_ms, wait_for


def test_a_reading_is_stored_whole_and_shown_as_the_newest_state(system: System, device: str) -> None:
    ts = now_ms()
    system.publish(
        device, {"ts": ts, "seq": 7, "pressure_mpa": 0.31, "cap_open": False, "flow_lps": None, "vendor_x": [1, 2]}
    )
    row = wait_for(lambda: system.readings(device), "the row")[0]
    assert (row["pressure_mpa"], row["cap_open"], row["flow_lps"], row["seq"]) == (0.31, False, None, 7)
    assert row["ts"] == datetime.fromtimestamp(ts / 1000, UTC)
    assert json.loads(row["extra"]) == {"vendor_x": [1, 2]}
    shown = system.device(device)
    assert shown["status"] == "discovered"
    assert shown["state"]["pressure_mpa"]["value"] == 0.31
    assert "flow_lps" not in shown["state"]


def test_rfc_3339_with_offset_and_epoch_milliseconds_mean_the_same(system: System, device: str) -> None:
    moment = datetime.now(UTC).replace(microsecond=0)
    local = moment.astimezone(datetime.strptime("+0800", "%z").tzinfo).isoformat()
    system.publish(
        device,
        [
            {"ts": local, "seq": 1, "pressure_mpa": 0.3},
            {"ts": int(moment.timestamp() * 1000), "seq": 2, "pressure_mpa": 0.3},
        ],
    )
    rows = wait_for(lambda: len(system.readings(device)) == 2 and system.readings(device), "both rows")
    assert [r["ts"] for r in rows] == [moment, moment]


def test_600_elements_are_stored_and_601_rejected_as_one(system: System, device: str) -> None:
    start = now_ms(-3000)
    readings = [{"ts": start + i, "seq": i, "pressure_mpa": 0.3} for i in range(601)]
    system.publish(device, readings)
    wait_for(lambda: len(system.rejects(device)) == 1, "the reject")
    assert system.readings(device) == []
    system.publish(device, readings[:600])
    wait_for(lambda: len(system.readings(device)) == 600, "600 rows")


def test_an_exact_duplicate_is_stored_once_and_counted(system: System, device: str) -> None:
    reading = {"ts": now_ms(), "seq": 1, "pressure_mpa": 0.3}
    system.publish(device, reading)
    system.publish(device, reading)
    system.publish(device, {"ts": now_ms(), "seq": 2, "pressure_mpa": 0.3})
    wait_for(lambda: len(system.readings(device)) == 2, "two rows")
    wait_for(lambda: system.device(device)["quality"]["duplicates"] == 1, "the duplicate counted")


@pytest.mark.parametrize("value", [9.9, -0.2, "0.3", True, [0.3], float("nan")])
def test_a_bad_field_is_dropped_and_named(system: System, device: str, value: object) -> None:
    system.publish(device, {"ts": now_ms(), "seq": 1, "pressure_mpa": value, "water_temp_c": 8.5})
    row = wait_for(lambda: system.readings(device), "the reading")[0]
    assert (row["pressure_mpa"], row["water_temp_c"]) == (None, 8.5)
    rejects = wait_for(lambda: system.rejects(device), "the reject")
    assert len(rejects) == 1
    assert "pressure_mpa" in rejects[0]["reason"]


def test_a_reading_without_any_valid_field_is_rejected(system: System, device: str) -> None:
    system.publish(device, {"ts": now_ms(), "seq": 1, "pressure_mpa": 99})
    system.publish(device, {"ts": now_ms(), "seq": 2})
    wait_for(lambda: len(system.rejects(device)) >= 2, "the rejects")
    assert system.readings(device) == []


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"seq": 1, "pressure_mpa": 0.3}, "ts"),
        ({"ts": 1_763_000_000, "seq": 1, "pressure_mpa": 0.3}, "ts_in_seconds"),
        ({"ts": "2026-11-23T10:00:00", "seq": 1, "pressure_mpa": 0.3}, "ts"),
        ({"ts": "yesterday", "seq": 1, "pressure_mpa": 0.3}, "ts"),
        ({"ts": 4_000_000_000_000, "seq": 1, "pressure_mpa": 0.3}, "clock_implausible"),
        ({"ts": 1_600_000_000_000, "seq": 1, "pressure_mpa": 0.3}, "clock_implausible"),
        ({"ts": None, "seq": -1, "pressure_mpa": 0.3}, ""),
        ({"ts": 1_763_000_000_000, "pressure_mpa": 0.3}, "seq"),
        ([[]], ""),
        ("text", ""),
        (17, ""),
    ],
)
def test_what_cannot_be_a_reading_is_kept_raw_with_a_reason(
    system: System, device: str, broken: object, reason: str
) -> None:
    good = {"ts": now_ms(), "seq": 5, "pressure_mpa": 0.3}
    system.publish(device, [broken, good] if isinstance(broken, dict) else json.dumps(broken))
    reject = wait_for(lambda: system.rejects(device), "the reject")[0]
    assert reason in reject["reason"]
    if isinstance(broken, dict):
        wait_for(lambda: len(system.readings(device)) == 1, "the good element")


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff\xfe\x00", b"[1,2", b"null"])
def test_garbage_is_kept_byte_for_byte(system: System, device: str, payload: bytes) -> None:
    system.publish(device, payload)
    reject = wait_for(lambda: system.rejects(device), "the reject")[0]
    assert reject["payload"] == payload


@pytest.mark.parametrize("topic", ["fire/v1/12/hydrant/{}/up/telemetry", "fire/v1/140931100/toaster/{}/up/telemetry"])
def test_an_unparsable_topic_is_a_reject(system: System, device: str, topic: str) -> None:
    system.send(topic.format(device), {"ts": now_ms(), "seq": 1, "pressure_mpa": 0.3})
    wait_for(lambda: system.rejects(device), "the reject")


def test_an_older_reading_corrects_history_but_not_the_newest_state(system: System, device: str) -> None:
    system.publish(device, {"ts": now_ms(-60), "seq": 2, "pressure_mpa": 0.4})
    system.publish(device, {"ts": now_ms(-120), "seq": 1, "pressure_mpa": 0.2, "flow_lps": 1.5})
    wait_for(lambda: len(system.readings(device)) == 2, "both rows")
    state = system.device(device)["state"]
    assert state["pressure_mpa"]["value"] == 0.4
    assert state["flow_lps"]["value"] == 1.5


def test_a_time_slightly_ahead_counts_as_the_receive_time_in_the_state(system: System, device: str) -> None:
    system.publish(device, {"ts": now_ms(120), "seq": 1, "pressure_mpa": 0.4})
    wait_for(lambda: system.readings(device), "the row")
    stamp = datetime.fromisoformat(system.device(device)["state"]["pressure_mpa"]["ts"])
    assert stamp <= datetime.now(UTC) + timedelta(seconds=1)


def test_a_late_reading_is_stored_and_marked(system: System, device: str) -> None:
    system.publish(device, {"ts": now_ms(-7200), "seq": 1, "pressure_mpa": 0.05})
    row = wait_for(lambda: system.readings(device), "the row")[0]
    assert row["late"]
    wait_for(lambda: system.device(device)["quality"]["late"] == 1, "late counted")


def test_gaps_are_counted_and_a_restart_is_none(system: System, device: str) -> None:
    for offset, seq in ((-40, 1), (-30, 2), (-20, 6), (-10, 1), (-5, 2)):
        system.publish(device, {"ts": now_ms(offset), "seq": seq, "pressure_mpa": 0.3})
    wait_for(lambda: len(system.readings(device)) == 5, "five rows")
    row = system.rows(
        "select sum(gaps) as gaps, sum(restarts) as restarts from device_quality q join device d on d.id = q.device_id "
        "where d.code = $1",
        device,
    )[0]
    assert (row["gaps"], row["restarts"]) == (3, 1)


def test_once_a_person_fixed_the_kind_readings_of_another_are_rejected_and_events_kept(
    system: System, device: str
) -> None:
    answer = system.http.put(f"/api/v1/devices/{device}", json={"kind": "water", "area": "140931101", "name": "水池"})
    assert answer.status_code in (200, 201), answer.text
    system.publish(device, {"ts": now_ms(), "seq": 1, "pressure_mpa": 0.3})
    reject = wait_for(lambda: system.rejects(device), "the reject")[0]
    assert "kind_mismatch" in reject["reason"]
    system.publish(device, {"event_id": "e1", "ts": now_ms(), "type": "tamper"}, channel="event")
    wait_for(lambda: system.events(device), "the event")
    assert system.device(device)["area"] == "140931101"
