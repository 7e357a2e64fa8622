"""What a township's relay says of a device elsewhere: refused, but for a fire, which is stored and changes nothing."""

import orjson

from services.core.topics import Kind, Topic
from services.ingest.decode import decode
from services.ingest.devices import Device
from services.ingest.plan import FOREIGN, Plan, make_plan
from services.ingest.refused import NONE

NOW_US = 1_780_000_000_000_000
NOW_MS = NOW_US // 1000
ELSEWHERE = Device(1, "P1", Kind.PANEL, "140931101", is_placed=False, late_after_us=600_000_000)


def foreign(_topic: Topic) -> bool:
    return True


def plan_of(body: object, channel: str = "event", **more: object) -> Plan:
    payload = body if isinstance(body, bytes) else orjson.dumps(body)
    message = decode(f"fire/v1/140931100/panel/P1/up/{channel}", payload, NOW_US)
    for name, value in more.items():
        setattr(message, name, value)
    return make_plan([message], {"P1": ELSEWHERE}, foreign)


def event(kind: str, **more: object) -> dict[str, object]:
    return {"event_id": kind, "ts": NOW_MS, "seq": 5, "type": kind} | more


def test_readings_a_reset_a_fault_and_a_status_are_refused_and_the_device_is_as_it_was() -> None:
    said = [
        ("telemetry", {"ts": NOW_MS, "seq": 1, "mains_ok": True}),
        ("event", event("reset")),
        ("event", event("fault")),
        ("event", event("fire", active=False)),
        ("status", {"online": True}),
        ("event", b"nothing"),
    ]
    for channel, body in said:
        plan = plan_of(body, channel)
        assert (plan.readings, plan.events) == ({}, {})
        heard = plan.heard[1]
        assert (heard.seen_us, heard.topic, heard.connected, heard.stored) == (None, None, None, False)
        assert (heard.refused, heard.tally.rejects) == (NONE, 1)
        ((message, reject, device_id),) = plan.rejects
        assert (reject.reason, reject.stored, device_id, reject.payload) == (FOREIGN, False, 1, message.payload)
        assert "140931101" in reject.detail


def test_a_fire_is_stored_and_marked_and_nobody_was_heard() -> None:
    plan = plan_of(
        [event("fire"), event("manual_alarm", flags="own", vendor="x"), event("fire", seq="bad", component="2")]
    )
    stored = [one for _device, one, _received, _late in plan.events.values()]
    assert [(one.type, one.seq, one.sent["marked"]) for one in stored] == [
        ("fire", None, True), ("manual_alarm", None, True), ("fire", None, True),
    ]  # fmt: skip
    assert stored[0].extra == {"flags": [FOREIGN]}
    assert stored[1].extra == {"flags": [FOREIGN], "bad": {"flags": "own"}, "vendor": "x"}
    assert stored[2].extra == {"flags": ["bad_field: seq", FOREIGN], "bad": {"seq": "bad"}}
    (heard,) = plan.heard.values()
    assert (heard.seen_us, heard.topic, heard.connected) == (None, None, None)
    assert [reject.stored for _, reject, _ in plan.rejects] == [True]


def test_a_fire_out_of_a_message_that_is_no_json_is_stored_and_refused_once() -> None:
    plan = plan_of(orjson.dumps(event("fire"))[:-1] + b",}")
    assert [one.type for _, one, _, _ in plan.events.values()] == ["fire"]
    assert [(reject.reason, reject.stored) for _, reject, _ in plan.rejects] == [(FOREIGN, True)]


def test_what_comes_with_a_fire_is_refused_and_a_second_plan_of_the_same_message_says_the_same() -> None:
    message = decode("fire/v1/140931100/panel/P1/up/event", orjson.dumps([event("fire"), event("reset")]), NOW_US)
    plans = [make_plan([message], {"P1": ELSEWHERE}, foreign) for _ in range(2)]
    for plan in plans:
        assert [one.type for _, one, _, _ in plan.events.values()] == ["fire"]
        assert [one.extra for _, one, _, _ in plan.events.values()] == [{"flags": [FOREIGN]}]
        assert [reject.stored for _, reject, _ in plan.rejects] == [False]


def test_a_deleted_copy_says_nothing_and_a_replay_is_told_why_it_is_refused_again() -> None:
    assert plan_of(b"", "status").is_empty
    plan = plan_of({"ts": NOW_MS, "seq": 1}, "telemetry", replay_of=7)
    assert (plan.rejects, FOREIGN in (plan.replays[7].refused or "")) == ([], True)


def test_a_device_of_the_topics_area_is_taken_as_ever() -> None:
    own = Device(1, "P1", Kind.PANEL, "140931100", is_placed=False, late_after_us=600_000_000)
    message = decode("fire/v1/140931100/panel/P1/up/event", orjson.dumps(event("reset")), NOW_US)
    assert len(make_plan([message], {"P1": own}, foreign).events) == 1
