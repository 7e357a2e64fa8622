"""Devices of their own for measured values: numbered on where they stopped, no more of them than the limits allow."""

from datetime import UTC, datetime

import orjson

from services.core.clock import SystemClock
from services.core.contracts import READING_MODELS
from services.core.topics import Kind, parse_topic
from services.gateway.border import Border
from services.gateway.compose import Composer
from services.gateway.limits import Limits
from services.gateway.meaning import Meaning, Measured
from services.gateway.profiles import load_profiles
from services.gateway.registry import Panel, Registry

PROFILES = load_profiles()
AT = datetime(2026, 5, 1, 8, 0, 0, tzinfo=UTC).isoformat()


def panel(number, *, registered=False):
    address = number.to_bytes(6, "little")
    return Panel(address, f"utd-{address.hex()}", "140931", PROFILES["standard"], registered)


def composer(counters=None, **limits):
    return Composer(
        Registry("", SystemClock(), PROFILES, "140931", Border(SystemClock())),
        Limits(**limits),
        {} if counters is None else counters,
    )


def measured(made, who, *points):
    readings = [Measured(f"hydrant-11-1-3-{point}", Kind.HYDRANT, AT, {"pressure_mpa": 0.3}) for point in points]
    out = []
    for message in made.messages(who, Meaning(readings=readings), "p"):
        topic = parse_topic(message.topic)
        for body in orjson.loads(message.payload):
            READING_MODELS[topic.kind].model_validate_json(orjson.dumps(body))
            out.append((topic.device, body["seq"], body.get("analogs", [{}])[0].get("device")))
    return out


def test_a_device_of_its_own_is_numbered_on_where_it_stopped_and_unknown_ones_begin():
    made = composer({"utd-010000000000-hydrant-11-1-3-1/up/telemetry": 41})
    assert measured(made, panel(1), 1, 2) == [
        ("utd-010000000000-hydrant-11-1-3-1", 42, None),
        ("utd-010000000000-hydrant-11-1-3-2", 0, None),
    ]
    assert made.take_used() == {
        "utd-010000000000-hydrant-11-1-3-1/up/telemetry": 42,
        "utd-010000000000-hydrant-11-1-3-2/up/telemetry": 0,
    }


def test_the_values_of_more_devices_than_one_panel_may_bring_stay_with_the_panel():
    made = composer(
        {"utd-010000000000-hydrant-11-1-3-1/up/telemetry": 7, "utd-010000000000/up/event": 3}, devices_per_source=2
    )
    for _ in range(2):
        told = measured(made, panel(1, registered=True), 1, 2, 3)
        assert [device for device, _, _ in told] == [
            "utd-010000000000-hydrant-11-1-3-1",
            "utd-010000000000-hydrant-11-1-3-2",
            "utd-010000000000",
        ]
        assert told[2][2] == "utd-010000000000-hydrant-11-1-3-3"
    assert measured(made, panel(2), 1)[0][0] == "utd-020000000000-hydrant-11-1-3-1"


def test_strangers_bring_no_new_devices_beyond_the_bound_of_all():
    made = composer(counters_before_strangers=1)
    assert measured(made, panel(1), 1)[0][0] == "utd-010000000000-hydrant-11-1-3-1"
    assert measured(made, panel(2), 1)[0][0] == "utd-020000000000"
    assert measured(made, panel(1), 1)[0][:2] == ("utd-010000000000-hydrant-11-1-3-1", 1)
    assert measured(made, panel(3, registered=True), 1)[0][0] == "utd-030000000000-hydrant-11-1-3-1"


def test_what_is_ordinary_in_the_frame_of_a_fire_is_a_message_of_its_own_that_overtakes_nothing():
    kinds = ["reset", "fire", "fault", "fire", "feedback"]
    events = [{"type": kind, "active": True} for kind in kinds]
    messages = composer().messages(panel(1), Meaning(events=events), "p")
    told = [[(event["type"], event["seq"]) for event in orjson.loads(message.payload)] for message in messages]
    assert told == [[("reset", 0), ("fire", 1), ("fire", 3)], [("fault", 2), ("feedback", 4)]]
    assert [message.event_ids for message in messages] == [("p-0", "p-1", "p-3"), ("p-2", "p-4")]
