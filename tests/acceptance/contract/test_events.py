"""Contract 3: an event is never lost, never doubled, and acknowledged only after its commit."""

import pytest

from tests.acceptance.contract.system import AREA, System, now_ms, wait_for


def acked(system: System, device: str, event_id: str) -> int:
    topic = f"fire/v1/{AREA}/panel/{device}/down/ack"
    return sum(event_id in ids for t, ids in system.acks if t == topic)


def send(system: System, device: str, *events: dict[str, object]) -> None:
    system.publish(device, list(events) if len(events) > 1 else events[0], kind="panel", channel="event")


def test_an_event_is_acknowledged_by_name_after_its_row(system: System, device: str) -> None:
    send(system, device, {"event_id": "a", "ts": now_ms(), "seq": 1, "type": "supervisory", "component": "1-2"})
    wait_for(lambda: acked(system, device, "a"), "the ack")
    row = system.events(device)[0]
    assert (row["event_id"], row["type"], row["component"], row["active"]) == ("a", "supervisory", "1-2", True)


def test_a_repeated_event_is_stored_once_and_acknowledged_again(system: System, device: str) -> None:
    event = {"event_id": "a", "ts": now_ms(), "seq": 1, "type": "supervisory"}
    send(system, device, event)
    wait_for(lambda: acked(system, device, "a") == 1, "the first ack")
    send(system, device, event)
    wait_for(lambda: acked(system, device, "a") == 2, "the second ack")
    assert len(system.events(device)) == 1


@pytest.mark.parametrize("change", [{"active": False}, {"component": "x"}, {"type": "tamper"}, {"ts": 1}])
def test_the_same_event_id_with_another_identity_is_another_event(
    system: System, device: str, change: dict[str, object]
) -> None:
    event = {"event_id": "a", "ts": now_ms(), "seq": 1, "type": "supervisory", "component": ""}
    other = event | change
    if "ts" in change:
        other["ts"] = now_ms(-5)
    send(system, device, event)
    send(system, device, other)
    wait_for(lambda: len(system.events(device)) == 2, "two rows")


def test_bad_parts_of_an_event_do_not_lose_it(system: System, device: str) -> None:
    send(
        system,
        device,
        {"ts": "nonsense", "seq": "x", "type": "supervisory", "active": "no", "component": 7, "system_type": 999},
    )
    row = wait_for(lambda: system.events(device), "the row")[0]
    assert row["type"] == "supervisory"
    assert row["event_id"]
    assert abs((row["received_at"] - row["ts"]).total_seconds()) < 1
    assert "system_type" in row["extra"]


def test_an_implausible_clock_is_replaced_and_kept(system: System, device: str) -> None:
    send(system, device, {"event_id": "a", "ts": 1_300_000_000_000, "type": "supervisory"})
    row = wait_for(lambda: system.events(device), "the row")[0]
    assert abs((row["received_at"] - row["ts"]).total_seconds()) < 1
    assert row["device_ts"].year == 2011


def test_what_is_rejected_is_acknowledged_and_raises_event_unreadable(system: System, device: str) -> None:
    send(system, device, {"event_id": "lost", "ts": now_ms()}, {"event_id": "kept", "ts": now_ms(), "type": "tamper"})
    wait_for(lambda: acked(system, device, "lost") and acked(system, device, "kept"), "both acks")
    assert system.rejects(device)
    wait_for(
        lambda: [
            a
            for a in system.http.get("/api/v1/alarms", params={"category": "system", "limit": "100"}).json()["items"]
            if a["code"] == "event_unreadable"
        ],
        "event_unreadable",
    )
